"""The mailbox as a data structure, compared with a plain list."""

from collections.abc import Callable
from typing import Any, Optional, Protocol, Union

import attrs
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    precondition,
    rule,
)

from actorsock import Ref, make_ref
from actorsock.runtime.core.mailbox import NOTHING, Mailbox, ref_of
from actorsock.runtime.core.mailbox import test_of as matcher_for


@attrs.frozen
class Reply:
    """A message that carries a ref."""

    ref: Ref
    value: int


@attrs.frozen
class Note:
    """Another message that carries a ref."""

    ref: Ref


def matches_by_hand(pattern: Any, message: Any) -> bool:
    """The meaning of patterns, written a second time and as plainly as possible."""
    if pattern is None:
        return True
    if isinstance(pattern, Ref):
        return getattr(message, "ref", None) is pattern
    if isinstance(pattern, (type, tuple)):
        return isinstance(message, pattern)
    return bool(pattern(message))


def is_even(message: Any) -> bool:
    return isinstance(message, int) and message % 2 == 0


def wants_nothing(message: Any) -> bool:
    return False


PATTERNS = [None, int, str, Reply, (str, Note), is_even, wants_nothing]


class MailboxAgainstList(RuleBasedStateMachine):
    """A mailbox behaves like a list from which messages are removed by hand."""

    refs = Bundle("refs")

    def __init__(self) -> None:
        super().__init__()
        self.mailbox = Mailbox()
        self.model: list[Any] = []

    def deliver(self, message: Any) -> None:
        self.mailbox.put(message)
        self.model.append(message)

    def expect(self, pattern: Any, start: int = 0) -> Any:
        """Remove and return the message that a receive must find, searching from `start`."""
        for place in range(start, len(self.model)):
            if matches_by_hand(pattern, self.model[place]):
                return self.model.pop(place)
        return NOTHING

    @rule(target=refs)
    def make_a_ref(self) -> Ref:
        return make_ref()

    @rule(message=st.one_of(st.integers(0, 9), st.sampled_from(["a", "b"]), st.none()))
    def deliver_a_value(self, message: Any) -> None:
        self.deliver(message)

    @rule(ref=refs, value=st.integers(0, 9))
    def deliver_a_reply(self, ref: Ref, value: int) -> None:
        self.deliver(Reply(ref, value))

    @rule(ref=refs)
    def deliver_a_note(self, ref: Ref) -> None:
        self.deliver(Note(ref))

    @rule(pattern=st.sampled_from(PATTERNS))
    def take(self, pattern: Any) -> None:
        expected = self.expect(pattern)
        assert self.mailbox.take(pattern, matcher_for(pattern)) is expected

    @rule(ref=refs)
    def take_by_ref(self, ref: Ref) -> None:
        self.take(ref)

    @rule(pattern=st.sampled_from([None, int, is_even, (str, Note)]), arrivals=st.integers(0, 5))
    def wait_for_what_arrives(self, pattern: Any, arrivals: int) -> None:
        if self.mailbox.take(pattern, matcher_for(pattern)) is not NOTHING:
            self.expect(pattern)
            return
        for number in range(arrivals):
            self.deliver(number if number % 2 else "a")
        before = len(self.model) - arrivals
        expected = self.expect(pattern, start=before)
        assert self.mailbox.take_arrival(matcher_for(pattern)) is expected

    @rule(pattern_raises_at=st.integers(1, 5))
    def take_with_a_predicate_that_raises(self, pattern_raises_at: int) -> None:
        tests = 0

        def pattern(message: Any) -> bool:
            nonlocal tests
            tests += 1
            if tests == pattern_raises_at:
                raise LookupError
            return False

        if len(self.model) >= pattern_raises_at:
            with pytest.raises(LookupError):
                self.mailbox.take(pattern, matcher_for(pattern))
        else:
            assert self.mailbox.take(pattern, matcher_for(pattern)) is NOTHING
            assert tests == len(self.model)

    @precondition(lambda self: self.model)
    @rule()
    def pop(self) -> None:
        assert self.mailbox.pop() is self.model.pop(0)

    @rule(ref=refs)
    def discard_notes(self, ref: Ref) -> None:
        kept = [m for m in self.model if not (isinstance(m, Note) and m.ref is ref)]
        found = self.mailbox.discard(ref, lambda message: isinstance(message, Note))
        assert found == (len(kept) < len(self.model))
        self.model = kept

    @rule(pattern=st.sampled_from(PATTERNS))
    def extract(self, pattern: Any) -> None:
        found = self.mailbox.extract(matcher_for(pattern))
        expected = [m for m in self.model if matches_by_hand(pattern, m)]
        assert list(map(id, found)) == list(map(id, expected))
        self.model = [m for m in self.model if not matches_by_hand(pattern, m)]

    @rule(ref=consumes(refs))
    def discard_all_of_a_ref(self, ref: Ref) -> None:
        self.mailbox.discard(ref, lambda message: True)
        self.model = [m for m in self.model if getattr(m, "ref", None) is not ref]

    @precondition(lambda self: len(self.model) > 8)
    @rule()
    def clear(self) -> None:
        self.mailbox.clear()
        self.model.clear()

    @invariant()
    def same_messages_in_the_same_order(self) -> None:
        held = self.mailbox.messages()
        assert len(held) == len(self.model) == len(self.mailbox)
        assert all(one is other for one, other in zip(held, self.model, strict=True))

    def teardown(self) -> None:
        # The rest can be received, oldest first, and then nothing is kept.
        while self.model:
            self.take(None)
        assert not self.mailbox
        assert not self.mailbox._by_ref


TestMailboxAgainstList = MailboxAgainstList.TestCase
TestMailboxAgainstList.settings = settings(
    deadline=None, max_examples=40, stateful_step_count=40, derandomize=True
)


class Counting:
    """A message that counts how often its `ref` is looked at."""

    looks = 0

    @property
    def ref(self) -> None:
        Counting.looks += 1


class Tested:
    """Counts how often messages are tested."""

    times = 0

    def by(self, matches: Callable[[Any], bool]) -> Callable[[Any], bool]:
        """Return `matches`, with its calls counted."""

        def test(message: Any) -> bool:
            self.times += 1
            return matches(message)

        return test


def test_receiving_by_ref_takes_no_quadratic_time() -> None:
    Counting.looks = 0
    mailbox = Mailbox()
    for _ in range(100_000):
        mailbox.put(Counting())
    for value in range(1_000):
        ref = make_ref()
        mailbox.put(Reply(ref, value))
        assert mailbox.take(ref, matcher_for(ref)) == Reply(ref, value)
    assert len(mailbox) == 100_000
    assert Counting.looks <= 200_000


def test_replies_in_reverse_order_are_found_at_once() -> None:
    tested = Tested()
    mailbox = Mailbox()
    replies = [Reply(make_ref(), value) for value in range(1_000)]
    for reply in replies:
        mailbox.put(reply)
    for reply in reversed(replies):
        assert mailbox.take(reply.ref, tested.by(matcher_for(reply.ref))) is reply
    assert not mailbox
    assert tested.times == 1_000


def test_polling_for_urgent_messages_takes_no_quadratic_time() -> None:
    tested = Tested()
    is_reply = tested.by(matcher_for(Reply))
    mailbox = Mailbox()
    urgent = [Reply(make_ref(), value) for value in range(10)]
    for number in range(10_000):
        mailbox.put(number)
    for number in range(10_000):
        if number % 1_000 == 500:
            mailbox.put("a late one")
            mailbox.put(urgent[number // 1_000])
            assert mailbox.take(Reply, is_reply) is urgent[number // 1_000]
        assert mailbox.take(Reply, is_reply) is NOTHING
        assert mailbox.pop() == number
    assert tested.times <= 20_100
    assert mailbox.messages() == ["a late one"] * 10


def test_taking_saved_messages_by_type_takes_no_quadratic_time() -> None:
    tested = Tested()
    is_int = tested.by(matcher_for(int))
    mailbox = Mailbox()
    for number in range(10_000):
        mailbox.put(number)
    assert mailbox.take(Reply, matcher_for(Reply)) is NOTHING
    assert mailbox.take(int, is_int) == 0
    assert mailbox.take(str, matcher_for(str)) is NOTHING
    for number in range(1, 10_000):
        assert mailbox.take(int, is_int) == number
    assert tested.times <= 10_000


def test_ref_of_returns_the_attribute_ref_of_a_message() -> None:
    class Broken:
        @property
        def ref(self) -> Ref:
            raise RuntimeError("computed, and wrong")

    ref = make_ref()
    assert ref_of(Reply(ref, 1)) is ref
    assert ref_of(Broken()) is None
    assert ref_of(object()) is None
    assert ref_of(ref) is None


def test_of_a_tuple_the_first_ref_in_front_is_carried() -> None:
    ref, other = make_ref(), make_ref()
    assert ref_of((ref, other)) is ref_of(("DOWN", ref, other)) is ref_of((ref,)) is ref
    assert ref_of(("a", "b", ref)) is ref_of(()) is ref_of([ref]) is None
    mailbox = Mailbox()
    for message in (("noise", 1), (other, 2), ("DOWN", ref, 3), (ref, 4)):
        mailbox.put(message)
    for _ in range(2):  # among arrivals, then among what was saved
        assert mailbox.take(ref, matcher_for(ref))[0] in ("DOWN", ref)
    assert mailbox.take(ref, matcher_for(ref)) is NOTHING
    assert mailbox.messages() == [("noise", 1), (other, 2)]


def test_a_message_whose_ref_is_something_else_carries_none() -> None:
    @attrs.frozen
    class Order:
        ref: str

    mailbox = Mailbox()
    mailbox.put(Order("4711"))
    ref = make_ref()
    assert mailbox.take(ref, matcher_for(ref)) is NOTHING
    assert mailbox.take(Order, matcher_for(Order)) == Order("4711")


def test_none_and_false_are_messages() -> None:
    mailbox = Mailbox()
    for message in (None, False, 0):
        mailbox.put(message)
    assert mailbox.take(bool, matcher_for(bool)) is False
    assert mailbox.take(None, matcher_for(None)) is None
    assert mailbox.take(None, matcher_for(None)) == 0
    assert mailbox.take(None, matcher_for(None)) is NOTHING


class Sized(Protocol):
    def __len__(self) -> int: ...


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        (None, "anything", NOTHING),
        (int, True, "1"),
        ((int, str), "1", 1.0),
        (int | str, "1", 1.0),
        ((int | str, bytes), b"1", 1.0),
        (Optional[int], None, "1"),  # noqa: UP045
        (Union[int, str], "1", 1.0),  # noqa: UP007
        (is_even, 2, 3),
        (str.isdigit, "1", "a"),
    ],
    ids=[
        "any",
        "type",
        "tuple",
        "union",
        "union in a tuple",
        "Optional",
        "Union",
        "function",
        "method",
    ],
)
def test_patterns(pattern: Any, matching: Any, other: Any) -> None:
    assert matcher_for(pattern)(matching) is True
    if other is not NOTHING:
        assert matcher_for(pattern)(other) is False


def test_an_empty_tuple_of_types_matches_nothing() -> None:
    assert matcher_for(())(()) is False


@pytest.mark.parametrize(
    "pattern",
    [
        5,
        "a string",
        [int],
        (int, 5),
        (int, str.isdigit),
        list[int],
        int | list[int],
        (int, dict[str, int]),
        Sized,
    ],
    ids=repr,
)
def test_any_other_pattern_raises(pattern: Any) -> None:
    with pytest.raises(TypeError, match="pattern: expected"):
        matcher_for(pattern)
