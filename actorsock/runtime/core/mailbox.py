"""A process's mailbox: first in, first out, with selective receive.

Two queues make selective receive cheap. `arrivals` holds the messages that no receive has tested
yet; `saved` holds, in order and in front of all arrivals, those that a receive has tested and left.
So a blocked receive tests each message once, and a message that carries a `ref` is found by it in
one look-up, however many others wait. One list that every receive scans from its start was
rejected: with 4,000 messages waiting it costs 5 ms for each.

No process, no waiting and no time in here: the caller waits.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from itertools import takewhile
from types import CoroutineType, UnionType
from typing import Any, Final, Union, get_args, get_origin

from trio.lowlevel import disable_ki_protection

from ...arguments import shown
from .identity import Ref

__all__ = ["NOTHING", "Mailbox", "Matcher", "anything", "may_match", "ref_of", "test_of"]

Matcher = Callable[[Any], bool]
"""Returns True for a message that the receiver wants."""

NOTHING: Final = object()
"""The result of `take` when no message matches (any object may be a message, also None)."""

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
    except Exception:
        # isinstance can run the program's code (`__instancecheck__`). The sender must not see what
        # that raises; the receiver will, when it tests the message itself.
        return True


def ref_of(message: Any) -> Ref | None:
    """Return the reference in the attribute `ref` of `message`, if it has one."""
    try:
        ref = message.ref
    except Exception:  # a message is any object, its attributes may be computed and may fail
        return None
    return ref if type(ref) is Ref else None


def test_of(pattern: Any) -> Matcher:
    """Return the matcher for a `receive` pattern.

    Raises `TypeError` when `pattern` is none of: None, a type, a tuple of types, a union of
    types, a `Ref`, a predicate.
    """
    if pattern is None:
        return anything
    if type(pattern) is type:
        return lambda message: isinstance(message, pattern)
    if type(pattern) is Ref:
        return lambda message: ref_of(message) is pattern
    if isinstance(pattern, (type, UnionType, tuple)) or get_origin(pattern) is not None:
        _check_types(pattern)
        return lambda message: isinstance(message, pattern)
    if callable(pattern):
        return lambda message: _call_predicate(pattern, message)
    raise TypeError(_NO_PATTERN.format(shown(pattern)))


@disable_ki_protection
def _call_predicate(predicate: Callable[[Any], object], message: Any) -> bool:
    # `receive` is protected from Ctrl-C; the user's function, which may take long, must not be.
    verdict = predicate(message)
    if type(verdict) is CoroutineType:
        verdict.close()
        raise TypeError(f"pattern: expected a plain predicate, got an async one: {predicate!r}")
    return bool(verdict)


def _check_types(pattern: Any) -> None:
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


class Mailbox:
    """The messages that a process has been sent and has not yet received.

    The three public attributes are read and written by three hot paths, which save a method call
    for each message: `Process.deliver`, `receive` and `HandlerBody`. All else goes through methods.
    """

    __slots__ = ("_by_ref", "_next", "_passed", "_up_to", "arrivals", "saved", "wanted")

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

    def __init__(self) -> None:
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
        """Remove and return the oldest message that matches, or `NOTHING`.

        `matches` is `test_of(pattern)`; the pattern itself lets a receive by ref skip the
        messages that cannot match.
        """
        if self.saved:
            if type(pattern) is Ref:
                numbers = self._numbers_of(pattern)
                if numbers:
                    return self._remove(numbers[0])
            else:
                number = self._oldest(self.saved, pattern, matches)
                if number is not None:
                    return self._remove(number)
        return self.take_arrival(matches)

    def take_arrival(self, matches: Matcher) -> Any:
        """Remove and return the oldest arrival that matches, or `NOTHING`.

        For a receive that has tested everything saved, because `take` has returned `NOTHING`.
        """
        arrivals = self.arrivals
        while arrivals:
            # Test before moving: a predicate that raises leaves the message in place.
            if matches(arrivals[0]):
                return arrivals.popleft()
            self._save(arrivals.popleft())
        return NOTHING

    def pop(self) -> Any:
        """Remove and return the oldest message; there must be one."""
        if self.saved:
            return self._remove(next(iter(self.saved)))
        return self.arrivals.popleft()  # type: ignore[union-attr]  # the caller has checked

    def discard(self, ref: Ref, matches: Matcher) -> bool:
        """Remove the messages that carry `ref` and match; return True if there were any."""
        # Saving builds the index by ref, so that a program that cancels often tests each message
        # once, and not once for each cancellation.
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

    def clear(self) -> None:
        """Drop every message."""
        self.arrivals = self.saved = self._by_ref = self._passed = None

    def _oldest(
        self, saved: OrderedDict[int, tuple[Any, Ref | None]], pattern: Any, matches: Matcher
    ) -> int | None:
        """Return the number of the oldest saved message that matches."""
        # The result of a search may be remembered only if it can't change: a predicate may answer
        # differently next time, as may a class with a metaclass of its own.
        lasts = type(pattern) is type
        found: int | None
        if lasts and self._passed is pattern:
            newer = takewhile(lambda number: number >= self._up_to, reversed(saved))
            found = min((n for n in newer if matches(saved[n][0])), default=None)
        else:
            found = next((n for n, (message, _) in saved.items() if matches(message)), None)
        if lasts:
            self._passed, self._up_to = (pattern, self._next) if found is None else (None, 0)
        return found

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
