"""Sending, receiving and sleeping."""

from collections.abc import Callable
from math import inf
from types import UnionType
from typing import Any, TypeVar, overload

import trio
from trio.lowlevel import enable_ki_protection

from ...arguments import check_seconds
from ..bodies.current import current_process, process_of_task
from ..bodies.running import local
from ..core.body import TIMED_OUT
from ..core.identity import Pid, Ref
from ..core.mailbox import NOTHING, anything, test_of
from ..core.messages import Timeout
from ..core.process import alive
from ..core.reductions import MESSAGE
from .aliases import send_through
from .naming import resolve

__all__ = ["current_pid", "receive", "send", "sleep"]

T = TypeVar("T")
T2 = TypeVar("T2")
T3 = TypeVar("T3")
T4 = TypeVar("T4")


@enable_ki_protection
def current_pid() -> Pid:
    """The pid of the caller; Erlang's `self/0`."""
    return current_process().pid


@enable_ki_protection
def send(dest: Pid | str | Ref, message: T) -> T:
    """Put `message` into the mailbox of `dest`, a pid, a registered name or an alias; return it.

    Never waits, never fails because of the receiver: to a process that has ended, or an alias
    that is not active, it does nothing. Raises `ValueError` when no process is registered as
    `dest`. From another thread: `trio.from_thread.run_sync(send, dest, message)`. Erlang's
    `Dest ! Msg`.
    """
    if type(dest) is Pid:
        process = alive.get(dest)
        if process is not None:
            process.deliver(message)
    elif type(dest) is Ref:
        send_through(dest, message)
    else:
        alive[resolve(dest)].deliver(message)
    return message


@overload
async def receive(pattern: type[T]) -> T: ...
@overload
async def receive(pattern: type[T], *, after: float) -> T | Timeout: ...
@overload
async def receive(pattern: tuple[type[T], type[T2]]) -> T | T2: ...
@overload
async def receive(pattern: tuple[type[T], type[T2]], *, after: float) -> T | T2 | Timeout: ...
@overload
async def receive(pattern: tuple[type[T], type[T2], type[T3]]) -> T | T2 | T3: ...
@overload
async def receive(
    pattern: tuple[type[T], type[T2], type[T3]], *, after: float
) -> T | T2 | T3 | Timeout: ...
@overload
async def receive(
    pattern: tuple[type[T], type[T2], type[T3], type[T4]],
) -> T | T2 | T3 | T4: ...
@overload
async def receive(
    pattern: tuple[type[T], type[T2], type[T3], type[T4]], *, after: float
) -> T | T2 | T3 | T4 | Timeout: ...
@overload
async def receive(
    pattern: tuple[type | UnionType, ...] | UnionType | Ref | Callable[[Any], object] | None = None,
    *,
    after: float = inf,
) -> Any: ...
@enable_ki_protection
async def receive(pattern: Any = None, *, after: float = inf) -> Any:
    """Remove and return the first message in the mailbox that matches; wait until there is one.

    `pattern` is a type, a tuple or union of types, a `Ref` (a message that carries it as its
    `ref`), or a predicate; without one, any message matches. Others stay, in order. `after` is
    how long to wait, in seconds: when it has passed, `Timeout()` is returned; 0 looks at what is
    there. Erlang's `receive ... after`.
    """
    process = local.turn.process
    if process is None:
        process = process_of_task()
    body, mailbox = process.body, process.mailbox
    if pattern is None and after is inf:
        # The receive that is made most often: a server's, which takes whatever comes.
        if mailbox.arrivals or mailbox.saved:
            toll = body.spend(MESSAGE)
            if toll is not None:
                await toll
            return mailbox.pop()
        if process.ending:
            await body.checkpoint()
        mailbox.wanted = anything
        body.parked = True
        try:
            await body.waiting
            if process.ending:
                body.check()
        except BaseException:
            mailbox.wanted = None
            raise
        return mailbox.arrivals.popleft()  # type: ignore[union-attr]  # something has woken it
    matches = anything if pattern is None else test_of(pattern)
    if after is not inf:
        check_seconds("after", after)
    toll = body.spend(MESSAGE)
    if toll is not None:
        await toll
    message = mailbox.take(pattern, matches)
    if message is not NOTHING:
        return message
    if after == 0:
        return Timeout()
    deadline = inf if after == inf else trio.current_time() + after
    # A predicate is the receiver's code and runs in the receiver; a type or a ref can be tested
    # at delivery, so that what does not match wakes nobody.
    wanted = anything if callable(pattern) and not isinstance(pattern, type) else matches
    while True:
        mailbox.wanted = wanted
        try:
            outcome = await body.park(deadline)
        finally:
            mailbox.wanted = None
        if outcome is TIMED_OUT:
            return Timeout()
        message = mailbox.take_arrival(matches)
        if message is not NOTHING:
            return message


@enable_ki_protection
async def sleep(seconds: float) -> None:
    """Do nothing for `seconds`; works in every kind of process body. Erlang's `timer:sleep/1`."""
    check_seconds("seconds", seconds)
    body = current_process().body
    toll = body.spend(MESSAGE)
    if toll is not None:
        await toll
    await body.park(trio.current_time() + seconds)
