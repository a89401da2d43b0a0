"""A process's mailbox: first in, first out, with selective receive.

Two queues make selective receive cheap. `arrivals` holds the messages that no receive has tested
yet; `saved` holds, in order and in front of all arrivals, those that a receive has tested and left.
So a blocked receive tests each message once, and a message that carries a `ref` is found by it in
one look-up, however many others wait. One list that every receive scans from its start was
rejected: with 4,000 messages waiting it costs 5 ms for each.

A receive that has to test very many messages does so in slices of `SCAN_QUANTUM`, between which the
process lets others run: `begin_take` does what is quick, `search` goes on with saved messages, and
`take_arrival` with arrivals. `take` does all of it at once.

No process, no waiting and no time in here: the caller waits.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Coroutine, Iterator, Sequence
from itertools import takewhile
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin

from trio.lowlevel import disable_ki_protection, enable_ki_protection

from ..._native import class_of_values, twin
from ...arguments import shown
from .identity import Ref
from .reductions import SCAN_QUANTUM

__all__ = [
    "MANY",
    "NOTHING",
    "PAUSED",
    "Mailbox",
    "Matcher",
    "anything",
    "may_match",
    "ref_of",
    "test_of",
]

Matcher = Callable[[Any], bool]
"""Returns True for a message that the receiver wants."""

NOTHING: Final = object()
"""The result of `take` when no message matches (any object may be a message, also None)."""

PAUSED: Final = object()
"""The result of a search that has tested `SCAN_QUANTUM` messages in vain, and is not over."""

MANY: Final = object()
"""The result of `begin_take` when so many messages are saved that it takes a `search`."""

_NO_PATTERN: Final = (
    "pattern: expected None, a type, a tuple or union of types, a Ref or a predicate, got {}"
)


def anything(message: Any) -> bool:
    """The matcher of `receive()` without a pattern; compared by identity on the hot paths."""
    return True


def may_match(wanted: Matcher, message: Any) -> bool:
    """Return True if `message` is worth waking a receiver for that waits for `wanted`."""
    try:
        return wanted(message)
    except BaseException:
        # isinstance can run the program's code (`__instancecheck__`). The sender must not see what
        # that raises; the receiver will, when it tests the message itself.
        return True


def ref_of(message: Any) -> Ref | None:
    """Return the reference that `message` carries: in its attribute `ref`, or at its front.

    Of a tuple the first item or else the second, where Erlang's `{Ref, Reply}` and
    `{'DOWN', Ref, ...}` have it.
    """
    if type(message) is tuple:
        for item in message[:2]:
            if issubclass(type(item), Ref):
                carried: Ref = item
                return carried
        return None
    try:
        ref = message.ref
    except BaseException:  # a message is any object, its attributes may be computed and may fail
        return None
    return ref if issubclass(type(ref), Ref) else None


@twin
def test_of(pattern: Any) -> Matcher:
    """Return the matcher for a `receive` pattern.

    Raises `TypeError` when `pattern` is none of: None, a type, a tuple of types, a union of
    types, a `Ref`, a predicate.
    """
    if pattern is None:
        return anything
    if _is_plain_class(pattern):
        return _test_of_types(pattern)
    if issubclass(type(pattern), Ref):
        return lambda message: ref_of(message) is pattern
    if isinstance(pattern, (type, UnionType, tuple)) or get_origin(pattern) is not None:
        parts = _check_types(pattern)
        if all(map(_is_plain_class, parts)):
            return _test_of_types(parts)
        return lambda message: isinstance(message, pattern)
    if callable(pattern):
        return lambda message: _call_predicate(pattern, message)
    raise TypeError(_NO_PATTERN.format(shown(pattern)))


def _is_plain_class(pattern: Any) -> bool:
    """Return whether it is a class without a metaclass that could say what its instances are."""
    # The class of `Ok` does in all this as `type` does.
    return type(pattern) is type or type(pattern) is class_of_values


def _test_of_types(types: type | tuple[Any, ...]) -> Matcher:
    # For plain classes: all code that isinstance can run here, and that can raise, is the message's
    # (a computed `__class__`). That must not end its receiver.
    def matches(message: Any) -> bool:
        try:
            return isinstance(message, types)
        except BaseException:
            return issubclass(type(message), types)

    return matches


@disable_ki_protection
def _call_predicate(predicate: Callable[[Any], object], message: Any) -> bool:
    # `receive` is protected from Ctrl-C; the user's function, which may take long, must not be.
    verdict = predicate(message)
    if type(verdict) is not bool and isinstance(verdict, Coroutine):
        verdict.close()
        raise TypeError(f"pattern: expected a plain predicate, got an async one: {predicate!r}")
    return bool(verdict)


def _check_types(pattern: Any) -> tuple[Any, ...]:
    # isinstance rejects some types (list[int], a protocol without runtime_checkable): find out
    # now, in the caller, and not at the delivery of the first message.
    if isinstance(pattern, tuple):
        parts = pattern
    elif get_origin(pattern) in (Union, UnionType):
        parts = get_args(pattern)
    else:
        parts = (pattern,)
    for part in parts:
        try:
            isinstance(NOTHING, part)
        except TypeError as exc:
            raise TypeError(_NO_PATTERN.format(shown(pattern))) from exc
    return parts


class Mailbox:
    """The messages that a process has been sent and has not yet received.

    The public attributes are read and written by three hot paths, which save a method call
    for each message: `Process.deliver`, `receive` and `HandlerBody`. All else goes through methods.
    """

    __slots__ = ("_by_ref", "_next", "_passed", "_up_to", "arrivals", "saved", "tested", "wanted")

    # Both queues are made when something is put into them: most waiting processes have neither,
    # and an empty deque takes 760 bytes.
    arrivals: deque[Any] | None
    """Messages that no receive has tested yet, oldest first."""

    saved: OrderedDict[int, tuple[Any, Ref | None]] | None
    """Messages that a receive has tested and left, oldest first, each with the ref it carries."""

    wanted: Matcher | None
    """The matcher of the receive in which the process waits; None while it does not.

    `anything` also for a predicate: that is the receiver's code and runs in the receiver.
    """

    tested: int
    """Messages that searches have tested in vain, and that the process has not yet paid for."""

    def __init__(self) -> None:
        self.tested = 0
        self.arrivals = None
        self.saved = None
        self.wanted = None
        self._by_ref: dict[Ref, deque[int]] | None = None
        # The result of the last fruitless search by type: no message saved under a number below
        # `_up_to` is a `_passed`. A loop that polls for urgent messages before it takes the others
        # would otherwise test the same messages again and again.
        self._passed: type | None = None
        self._up_to = 0
        self._next = 0

    def __len__(self) -> int:
        return len(self.saved or ()) + len(self.arrivals or ())

    def put(self, message: Any) -> None:
        """Append `message` as the newest."""
        if self.arrivals is None:
            self.arrivals = deque()
        self.arrivals.append(message)

    def take_back(self, message: Any, wanted: Matcher) -> None:
        """Undo the delivery of `message`, for which the receiver could not be woken.

        The receiver still waits for `wanted`.
        """
        if self.arrivals and self.arrivals[-1] is message:
            self.arrivals.pop()
        self.wanted = wanted

    def messages(self) -> list[Any]:
        """Return every message, oldest first."""
        return [*(message for message, _ in (self.saved or {}).values()), *(self.arrivals or ())]

    def take(self, pattern: Any, matches: Matcher) -> Any:
        """Remove and return the oldest message that matches, or `NOTHING`, however long it takes.

        `matches` is `test_of(pattern)`; the pattern itself lets a receive by ref skip the
        messages that cannot match.
        """
        message = self.begin_take(pattern, matches)
        if message is MANY:
            *_, message = self.search(pattern, matches)
        while message is PAUSED:
            message = self.take_arrival(matches)
        return message

    def begin_take(self, pattern: Any, matches: Matcher) -> Any:
        """Do the same as `take` if that is quick; otherwise return `MANY` or `PAUSED`.

        After `MANY` the caller goes on with `search`, after `PAUSED` with `take_arrival`.
        """
        if self.saved:
            if issubclass(type(pattern), Ref):
                # None found: no saved message carries the ref, and only arrivals are left to test.
                numbers = self._numbers_of(pattern)
                if numbers:
                    return self._remove(numbers[0])
            elif len(self.saved) > SCAN_QUANTUM:
                return MANY
            else:
                for found in self._oldest(self.saved, pattern, matches):
                    if found is not None:
                        return self._remove(found)
        return self.take_arrival(matches)

    def search(self, pattern: Any, matches: Matcher) -> Iterator[Any]:
        """Yield `PAUSED` after each slice of the saved messages; then, once, what `take` returns.

        That may be `PAUSED` again: then only arrivals are left. Between two slices the process must
        not receive or discard.
        """
        assert self.saved is not None
        found = None
        for found in self._oldest(self.saved, pattern, matches):
            if found is PAUSED:
                yield PAUSED
        yield self.take_arrival(matches) if found is None else self._remove(found)

    @enable_ki_protection
    def take_arrival(self, matches: Matcher) -> Any:
        """Remove and return the oldest arrival that matches, `NOTHING`, or `PAUSED`.

        For a receive that has tested everything saved, because `take` has returned `NOTHING`.
        """
        arrivals = self.arrivals
        left = SCAN_QUANTUM
        try:
            while arrivals:
                # Test before moving: a predicate that raises leaves the message in place.
                if matches(arrivals[0]):
                    return arrivals.popleft()
                self._save(arrivals.popleft())
                left -= 1
                if not left:
                    return PAUSED
        finally:
            self.tested += SCAN_QUANTUM - left
        return NOTHING

    def pop(self) -> Any:
        """Remove and return the oldest message; there must be one."""
        if self.saved:
            message = self._remove(next(iter(self.saved)))
            if not self.saved:
                self.saved = None  # as before: the native core hands messages to idle handlers
            return message
        return self.arrivals.popleft()  # type: ignore[union-attr]  # the caller has checked

    def discard(self, ref: Ref, matches: Matcher) -> bool:
        """Remove the messages that carry `ref` and match; return True if there were any."""
        # An arrival may carry the ref, so all of them are saved. That builds the index by ref, by
        # which a program that cancels often tests each message once, not at each cancellation.
        if self.arrivals:
            self.tested += len(self.arrivals)
        while self.arrivals:
            self._save(self.arrivals.popleft())
        if self.saved is None:
            return False
        saved = self.saved
        numbers = [n for n in self._numbers_of(ref) if matches(saved[n][0])]
        for number in numbers:
            self._remove(number)
        return bool(numbers)

    def extract(self, matches: Matcher) -> list[Any]:
        """Remove and return all messages that match, oldest first; others keep their order."""
        while self.arrivals:
            self._save(self.arrivals.popleft())
        numbers = [n for n, (message, _) in (self.saved or {}).items() if matches(message)]
        return [self._remove(number) for number in numbers]

    def drop_saved(self, number: int) -> None:
        """Remove the saved message of that number, a key of `saved`."""
        self._remove(number)

    def clear(self) -> None:
        """Drop every message."""
        self.arrivals = self.saved = self._by_ref = self._passed = None

    def _oldest(
        self, saved: OrderedDict[int, tuple[Any, Ref | None]], pattern: Any, matches: Matcher
    ) -> Iterator[Any]:
        """Yield `PAUSED` after each slice; then, once, the oldest match's number, or None."""
        # The result of a search may be remembered only if it can't change: a predicate may answer
        # differently next time, as may a class with a metaclass of its own.
        lasts = _is_plain_class(pattern)
        found: int | None = None
        count = 0
        if lasts and self._passed is pattern:
            # Only messages saved since then can match. They are at the end, so walk backwards, and
            # to the last of them: the oldest match is the one that is found last.
            up_to = self._up_to
            for number in takewhile(lambda number: number >= up_to, reversed(saved)):
                count += 1
                if matches(saved[number][0]):
                    found = number
                if count == SCAN_QUANTUM:
                    self.tested += count
                    count = 0
                    yield PAUSED
        else:
            for number, (message, _) in saved.items():
                count += 1
                if matches(message):
                    found = number
                    break
                if count == SCAN_QUANTUM:
                    self.tested += count
                    count = 0
                    yield PAUSED
        self.tested += count
        if lasts:
            self._passed, self._up_to = (pattern, self._next) if found is None else (None, 0)
        yield found

    def _numbers_of(self, ref: Ref) -> Sequence[int]:
        return self._by_ref.get(ref, ()) if self._by_ref else ()

    def _save(self, message: Any) -> None:
        if self.saved is None:
            self.saved = OrderedDict()
        number = self._next
        self._next = number + 1
        ref = ref_of(message)
        self.saved[number] = (message, ref)
        if ref is not None:
            if self._by_ref is None:
                self._by_ref = {}
            self._by_ref.setdefault(ref, deque()).append(number)

    def _remove(self, number: int) -> Any:
        assert self.saved is not None
        message, ref = self.saved.pop(number)
        if ref is not None:
            assert self._by_ref is not None
            numbers = self._by_ref[ref]
            numbers.remove(number)
            if not numbers:
                del self._by_ref[ref]
        return message
