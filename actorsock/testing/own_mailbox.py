"""Assertions about the mailbox of the process that makes them: with pytest-trio, the test's own.

The names are those of ExUnit, Elixir's test framework: `receive` waits, `received` looks at what
is there, `refute` wants nothing. They are `receive` with a message for the person who reads why
the test has failed: what was expected, and what the mailbox holds instead.
"""

import reprlib
from math import inf
from types import UnionType
from typing import Any, Final, NoReturn, get_origin

import trio
from trio.testing import MockClock

from ..arguments import check_seconds
from ..runtime.api.inspecting import process_info
from ..runtime.api.mailbox_iteration import Messages
from ..runtime.api.mailbox_iteration import mailbox as iterate
from ..runtime.api.messaging import current_pid, receive
from ..runtime.bodies.functions import name_of
from ..runtime.core.identity import Ref
from ..runtime.core.mailbox import Matcher, test_of
from .real_time import real_seconds

__all__ = ["OwnMailbox"]

_NOTHING: Final = object()
_SHOWN_MESSAGES: Final = 20

_short: Final = reprlib.Repr()
_short.maxother = _short.maxstring = _short.maxlong = 300
_short.maxlist = _short.maxtuple = _short.maxdict = 20


class OwnMailbox:
    """The mailbox of the caller; the value of the fixture `mailbox`.

    A pattern is what `receive` takes: a type, a tuple or union of types, a `Ref`, a predicate.
    Anything else is a message that the one received must be equal to, such as `"pong"` or
    `Down(ref, pid, "normal")`; `unittest.mock.ANY` is equal to anything.

    A time-out is in seconds on trio's clock, as ever: a clock that jumps makes it short. Under a
    `MockClock` that stands still it is real time, in which nothing happens any more.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "<the mailbox of whoever asks it>"

    def __call__(
        self,
        pattern: type | tuple[type | UnionType, ...] | UnionType | Ref | Matcher | None = None,
        *,
        after: float = inf,
    ) -> Messages[Any]:
        """`actorsock.mailbox`: `async for message in mailbox():`."""
        return iterate(pattern, after=after)

    @property
    def messages(self) -> list[Any]:
        """The messages that wait to be received, oldest first."""
        info = process_info(current_pid())
        return [] if info is None else info.messages

    async def assert_receive(self, pattern: Any = None, *, timeout: float = 1.0) -> Any:
        """Wait for a message that matches; take it out and return it. Others stay."""
        __tracebackhide__ = True
        check_seconds("timeout", timeout)
        message = await _take(_matcher(pattern), timeout)
        if message is _NOTHING:
            self._fail(f"expected {_shown(pattern)} within {timeout:g} s, got nothing like it")
        return message

    async def assert_received(self, pattern: Any = None) -> Any:
        """A message that matches is there already; take it out and return it."""
        __tracebackhide__ = True
        message = await _take(_matcher(pattern), 0)
        if message is _NOTHING:
            self._fail(f"expected {_shown(pattern)} to have been received")
        return message

    async def refute_receive(self, pattern: Any = None, *, timeout: float = 0.1) -> None:
        """For `timeout` seconds no message that matches comes, nor is one there."""
        __tracebackhide__ = True
        check_seconds("timeout", timeout)
        message = await _take(_matcher(pattern), timeout)
        if message is not _NOTHING:
            self._fail(f"expected nothing like {_shown(pattern)}, got {_short.repr(message)}")

    async def refute_received(self, pattern: Any = None) -> None:
        """No message that matches is there."""
        __tracebackhide__ = True
        message = await _take(_matcher(pattern), 0)
        if message is not _NOTHING:
            self._fail(f"expected nothing like {_shown(pattern)}, got {_short.repr(message)}")

    async def expect(self, *patterns: Any, timeout: float = 1.0) -> list[Any]:
        """The next messages are these, in this order and nothing in between; return them.

        Waits for them, `timeout` seconds for all.
        """
        __tracebackhide__ = True
        check_seconds("timeout", timeout)
        deadline = trio.current_time() + timeout
        got: list[Any] = []
        for pattern in patterns:
            matches = _matcher(pattern)
            left = timeout if timeout == inf else max(0.0, deadline - trio.current_time())
            message = await _take(test_of(None), left)
            if message is _NOTHING:
                self._fail(f"{_place(got, patterns)}, got nothing within {timeout:g} s", got)
            if not matches(message):
                self._fail(f"{_place(got, patterns)}, got {_short.repr(message)}", got)
            got.append(message)
        return got

    def assert_empty(self) -> None:
        """No message waits to be received."""
        __tracebackhide__ = True
        if self.messages:
            self._fail("expected an empty mailbox")

    def _fail(self, wrong: str, before: list[Any] | None = None) -> NoReturn:
        __tracebackhide__ = True
        parts = [wrong]
        if before:
            parts.append(_list("received before, as expected", before))
        messages = self.messages
        head = f"in the mailbox of {current_pid()!r}"
        parts.append(_list(head, messages) if messages else f"{head}: nothing")
        raise AssertionError("\n".join(parts))


def _matcher(pattern: Any) -> Matcher:
    if type(pattern) is tuple and not pattern:  # of no types, which is no pattern
        return lambda message: bool(message == ())
    try:
        return test_of(pattern)
    except TypeError:
        if get_origin(pattern) is not None:  # meant as a type, such as list[int]
            raise
        return lambda message: bool(message == pattern)


async def _take(matches: Matcher, timeout: float) -> Any:
    """The first message that matches, or `_NOTHING` after `timeout`."""
    taken: list[Any] = []

    def take(message: Any) -> bool:
        if matches(message):
            taken.append(message)
        return bool(taken)

    if timeout == 0 or not _stands_still():
        await receive(take, after=timeout)
    else:
        with real_seconds(timeout):
            await receive(take)
    return taken[0] if taken else _NOTHING


def _stands_still() -> bool:
    clock = trio.lowlevel.current_clock()
    return isinstance(clock, MockClock) and clock.rate == 0 and clock.autojump_threshold == inf


# --- for people -----------------------------------------------------------------------------------


def _shown(pattern: Any) -> str:
    if pattern is None:
        return "a message"
    if isinstance(pattern, type):
        return f"{_article(pattern.__name__)} {pattern.__name__}"
    if type(pattern) is Ref:
        return f"a message with the ref {pattern!r}"
    if isinstance(pattern, tuple) and pattern and all(isinstance(part, type) for part in pattern):
        return " or ".join(map(_shown, pattern))
    if callable(pattern):
        return f"a message that {name_of(pattern)} accepts"
    return _short.repr(pattern)


def _article(name: str) -> str:
    return "an" if name[:1] in "AEIOUaeiou" else "a"


def _place(got: list[Any], patterns: tuple[Any, ...]) -> str:
    return f"expected {_shown(patterns[len(got)])} as number {len(got) + 1} of {len(patterns)}"


def _list(head: str, messages: list[Any]) -> str:
    lines = [f"  {number}. {_short.repr(message)}" for number, message in enumerate(messages, 1)]
    if len(lines) > _SHOWN_MESSAGES:
        lines[_SHOWN_MESSAGES:] = [f"  and {len(lines) - _SHOWN_MESSAGES} more"]
    return "\n".join([f"{head}:", *lines])
