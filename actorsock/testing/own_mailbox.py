"""Assertions about the calling process's mailbox: in a test, the mailbox of the test's own process.

The names are those of ExUnit, Elixir's test framework: `assert_receive` waits,
`assert_received` does not, and the `refute` forms expect no message. Each is a `receive` whose
failure message says what was expected and what the mailbox contains.
"""

import reprlib
from math import inf
from types import UnionType
from typing import Any, Final, NoReturn, TypeVar, get_origin, overload

import trio
from trio.testing import MockClock

from ..arguments import check_seconds
from ..runtime.api.mailbox_iteration import Messages
from ..runtime.api.mailbox_iteration import mailbox as iterate
from ..runtime.api.messaging import current_pid, receive
from ..runtime.bodies.current import current_process
from ..runtime.bodies.functions import name_of
from ..runtime.core.identity import Ref
from ..runtime.core.mailbox import Matcher, test_of
from .clocks import real_seconds

__all__ = ["OwnMailbox"]

T = TypeVar("T")

_NOTHING: Final = object()
_SHOWN_MESSAGES: Final = 20

_short: Final = reprlib.Repr()
_short.maxother = _short.maxstring = _short.maxlong = 300
_short.maxlist = _short.maxtuple = _short.maxdict = 20


class OwnMailbox:
    """The mailbox of the calling process: the value of the fixture `mailbox`.

    A pattern is anything that `receive` accepts: a type, a tuple or union of types, a `Ref`, a
    predicate. Any other object matches the messages that are equal to it, such as `"pong"` or
    `Down(ref, pid, "normal")`; `unittest.mock.ANY` is equal to anything.

    Time-outs are in seconds on trio's clock, so a clock that jumps makes them short. Under a
    `MockClock` that stands still they are in real time.

    Example::

        async def test_shout(runtime, mailbox):
            pid, ref = spawn_monitor(shout)
            send(pid, (current_pid(), "hello"))
            await mailbox.expect("HELLO", Down(ref, pid, "normal"))
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "<the mailbox of the calling process>"

    def __call__(
        self,
        pattern: type | tuple[type | UnionType, ...] | UnionType | Ref | Matcher | None = None,
        *,
        after: float = inf,
    ) -> Messages[Any]:
        """Iterate over messages; the function `actorsock.mailbox`, which this fixture shadows.

        Args:
            pattern: what `receive` accepts; None is any message.
            after: seconds to wait for each message before the iteration ends.

        Example::

            async for message in mailbox(after=1):
                print(message)
        """
        return iterate(pattern, after=after)

    @property
    def messages(self) -> list[Any]:
        """The messages in the mailbox, oldest first. Reading them does not remove them."""
        return current_process().mailbox.messages()

    @overload
    async def assert_receive(self, pattern: type[T], *, timeout: float = ...) -> T: ...
    @overload
    async def assert_receive(self, pattern: Any = ..., *, timeout: float = ...) -> Any: ...
    async def assert_receive(self, pattern: Any = None, *, timeout: float = 1.0) -> Any:
        """Receive a message that matches; wait for it if there is none. Other messages stay.

        Args:
            pattern: a pattern or a message; None is any message.
            timeout: seconds to wait.

        Returns:
            The message.

        Raises:
            AssertionError: no such message within the time.

        Example::

            down = await mailbox.assert_receive(Down, timeout=5)
        """
        __tracebackhide__ = True
        check_seconds("timeout", timeout)
        message = await _take(_matcher(pattern), timeout)
        if message is _NOTHING:
            self._fail(f"expected {_shown(pattern)} within {timeout:g} s, got nothing like it")
        return message

    @overload
    async def assert_received(self, pattern: type[T]) -> T: ...
    @overload
    async def assert_received(self, pattern: Any = ...) -> Any: ...
    async def assert_received(self, pattern: Any = None) -> Any:
        """Receive a message that matches and is in the mailbox already. Other messages stay.

        Args:
            pattern: a pattern or a message; None is any message.

        Returns:
            The message.

        Raises:
            AssertionError: there is no such message.

        Example::

            await mailbox.assert_received("pong")
        """
        __tracebackhide__ = True
        message = await _take(_matcher(pattern), 0)
        if message is _NOTHING:
            self._fail(f"expected {_shown(pattern)} to have been received")
        return message

    async def refute_receive(self, pattern: Any = None, *, timeout: float = 0.1) -> None:
        """Check that no message that matches is in the mailbox or arrives in time.

        Args:
            pattern: a pattern or a message; None is any message.
            timeout: seconds to wait.

        Raises:
            AssertionError: there was such a message; it is removed from the mailbox.

        Example::

            await mailbox.refute_receive(Exit, timeout=0.5)
        """
        __tracebackhide__ = True
        check_seconds("timeout", timeout)
        message = await _take(_matcher(pattern), timeout)
        if message is not _NOTHING:
            self._fail(f"expected nothing like {_shown(pattern)}, got {_short.repr(message)}")

    async def refute_received(self, pattern: Any = None) -> None:
        """Check that no message that matches is in the mailbox; do not wait.

        Args:
            pattern: a pattern or a message; None is any message.

        Raises:
            AssertionError: there was such a message; it is removed from the mailbox.

        Example::

            await mailbox.refute_received(int)
        """
        __tracebackhide__ = True
        message = await _take(_matcher(pattern), 0)
        if message is not _NOTHING:
            self._fail(f"expected nothing like {_shown(pattern)}, got {_short.repr(message)}")

    async def expect(self, *patterns: Any, timeout: float = 1.0) -> list[Any]:
        """Receive the next messages and check that they match, in this order, with no others.

        Args:
            patterns: a pattern or a message for each message expected.
            timeout: seconds to wait for all of them together.

        Returns:
            The messages.

        Raises:
            AssertionError: another message comes, or too few come within the time.

        Example::

            await mailbox.expect("one", int, Down(ref, pid, "normal"))
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
        """Check that the mailbox is empty.

        Raises:
            AssertionError: it contains a message.

        Example::

            mailbox.assert_empty()
        """
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
    if type(pattern) is tuple and not pattern:  # `receive` would take it as a tuple of no types
        return lambda message: bool(message == ())
    try:
        return test_of(pattern)
    except TypeError:
        if get_origin(pattern) is not None:  # list[int], for example: meant as a type
            raise
        return lambda message: bool(message == pattern)


async def _take(matches: Matcher, timeout: float) -> Any:
    """Receive the first message that matches; return `_NOTHING` after `timeout` seconds."""
    # Not the result of `receive`: a `Timeout` in the mailbox would look like its time-out.
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


# --- the words of a failure message ---------------------------------------------------------------


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
