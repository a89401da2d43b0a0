"""A process's mailbox: first in, first out, with selective receive.

Two rooms make selective receive cheap. `arrivals` holds what nobody has looked at; `saved`
holds, in order and in front of all arrivals, what a receive has looked at and left. So a
blocked receive tests each message once, and a message that carries a `ref` is found by it at
once, however many others wait.

No process, no waiting and no time in here: the caller waits, the mailbox only answers.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from itertools import takewhile
from types import CoroutineType, UnionType
from typing import Any, Final, Union, get_args, get_origin

from trio.lowlevel import disable_ki_protection

from ...arguments import shown
from .identity import Ref

__all__ = ["NOTHING", "Mailbox", "Matcher", "anything", "ref_of", "test_of"]

Matcher = Callable[[Any], bool]
"""Says whether a message is one that the receiver wants."""

NOTHING: Final = object()
"""What `take` answers when no message matches (any object may be a message, also None)."""

_NO_PATTERN: Final = (
    "pattern: expected None, a type, a tuple or union of types, a Ref or a predicate, got {}"
)


def anything(message: Any) -> bool:
    """The matcher of `receive()` without a pattern."""
    return True


def ref_of(message: Any) -> Ref | None:
    """The reference that `message` carries as its `ref`, if it carries one."""
    try:
        ref = message.ref
    except Exception:  # a message is any object, its attributes may be computed and may fail
        return None
    return ref if type(ref) is Ref else None


def test_of(pattern: Any) -> Matcher:
    """The matcher that a `receive` pattern stands for.

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
        return lambda message: _says(pattern, message)
    raise TypeError(_NO_PATTERN.format(shown(pattern)))


@disable_ki_protection
def _says(predicate: Callable[[Any], object], message: Any) -> bool:
    # The receive around it is protected from Ctrl-C; the user's function is not.
    verdict = predicate(message)
    if type(verdict) is CoroutineType:
        verdict.close()
        raise TypeError(f"pattern: expected a plain predicate, got an async one: {predicate!r}")
    return bool(verdict)


def _check_types(pattern: Any) -> None:
    # Not everything that looks like a type can be tested for: list[int], a plain protocol.
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
    """The messages that a process has been sent and has not yet received."""

    __slots__ = ("_by_ref", "_next", "_passed", "_up_to", "arrivals", "saved", "wanted")

    # Each room is made when something is put into it: most processes that wait have neither.
    arrivals: deque[Any] | None
    """Messages that no receive has tested yet, oldest first."""

    saved: OrderedDict[int, tuple[Any, Ref | None]] | None
    """Messages that a receive has tested and left, oldest first, each with the ref it carries."""

    wanted: Matcher | None
    """While the process waits for a message: which arrivals are worth waking it for."""

    def __init__(self) -> None:
        self.arrivals = None
        self.saved = None
        self.wanted = None
        self._by_ref: dict[Ref, deque[int]] | None = None
        # A receive that asks in vain again and again, as one by priority does, need not look at the
        # same messages each time: of those saved before `_up_to` none is a `_passed`.
        self._passed: type | None = None
        self._up_to = 0
        self._next = 0

    def __len__(self) -> int:
        return len(self.saved or ()) + len(self.arrivals or ())

    def put(self, message: Any) -> None:
        """Add `message`, the newest."""
        if self.arrivals is None:
            self.arrivals = deque()
        self.arrivals.append(message)

    def messages(self) -> list[Any]:
        """Every message, oldest first."""
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
        """Like `take`, for a receive that has already looked at everything saved."""
        arrivals = self.arrivals
        while arrivals:
            # Tested before it is moved: a predicate that raises leaves the message in place.
            if matches(arrivals[0]):
                return arrivals.popleft()
            self._save(arrivals.popleft())
        return NOTHING

    def pop(self) -> Any:
        """Remove and return the oldest message, whatever it is; there must be one."""
        if self.saved:
            return self._remove(next(iter(self.saved)))
        return self.arrivals.popleft()  # type: ignore[union-attr]  # the caller says there is one

    def discard(self, ref: Ref, matches: Matcher) -> bool:
        """Remove the messages that carry `ref` and match; say whether there were any."""
        # Saving indexes by ref, so that a program that cancels often reads no message twice.
        while self.arrivals:
            self._save(self.arrivals.popleft())
        if self.saved is None:
            return False
        saved = self.saved
        numbers = [n for n in self._numbers_of(ref) if matches(saved[n][0])]
        for number in numbers:
            self._remove(number)
        return bool(numbers)

    def clear(self) -> None:
        """Forget every message."""
        self.arrivals = self.saved = self._by_ref = self._passed = None

    def _oldest(
        self, saved: OrderedDict[int, tuple[Any, Ref | None]], pattern: Any, matches: Matcher
    ) -> int | None:
        """The number of the oldest saved message that matches."""
        # Only what such a class says of a message never changes.
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
