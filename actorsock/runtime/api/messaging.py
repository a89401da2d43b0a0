"""Sending, receiving and sleeping.

The functions here are the hot paths of a program. They look up `local.step` and the fields of body
and mailbox themselves where a helper would add a call to each message.
"""

from collections.abc import Callable, Iterator
from math import inf
from threading import get_ident
from types import UnionType
from typing import Any, TypeVar, overload

import trio
from trio.lowlevel import enable_ki_protection

from ..._native import twin
from ...arguments import check_seconds
from ..bodies.current import current_process, process_of_task
from ..bodies.running import local
from ..core.body import TIMED_OUT
from ..core.identity import Pid, Ref
from ..core.mailbox import MANY, NOTHING, PAUSED, Matcher, anything, test_of
from ..core.messages import Timeout
from ..core.process import Process, alive
from ..core.reductions import MESSAGE
from ..core.remote import Remote
from .aliases import send_through
from .naming import resolve

__all__ = ["current_pid", "receive", "send", "sleep"]

T = TypeVar("T")
T2 = TypeVar("T2")
T3 = TypeVar("T3")
T4 = TypeVar("T4")


@enable_ki_protection
def current_pid() -> Pid:
    """Return the pid of the calling process. Erlang's `self/0`.

    A trio task that calls the library for the first time becomes a process by that.

    Raises:
        RuntimeError: no runtime is open here.
        ExitSignal: the task was adopted, and an exit signal has ended its process.

    Example::

        send(server, (current_pid(), "a question"))
        answer = await receive()
    """
    return current_process().pid


@twin
@enable_ki_protection
def send(dest: Pid | str | Ref | tuple[str, str], message: T) -> T:
    """Put `message` into the mailbox of a process. Erlang's `Dest ! Msg`.

    Never waits, and never fails because of the receiver: a message to a process that has ended, or
    to an alias that is not active, is dropped. Mailboxes are unbounded, unless the receiver was
    started with a `Limit`.

    May be called in any thread, and is the only function of the library that may. There it returns
    at once; the message is delivered by the thread of the runtime. The messages of one thread keep
    their order. A name is looked up in the runtime that has started the thread (by
    `trio.to_thread.run_sync`), or else in the only one that is open. Not for handlers of
    `signal.signal`, which may interrupt trio's loop: use `trio.open_signal_receiver`.

    Args:
        dest: a pid, a registered name, or an alias (see `alias`). In a runtime that is a node of a
            cluster (see `dist.start`) also one of another node, and a pair `(name, node)`.
        message: any object. It is not copied: do not change it afterwards.

    Returns:
        `message`.

    Raises:
        ValueError: no process is registered as `dest`.
        TypeError: `dest` is none of the above, or leads to another node, and `message` is of no
            form that can be sent there.
        RuntimeError: `dest` is a name, and no runtime is open, or the thread belongs to none of
            several.

    Example::

        send(pid, "hello")
        send("logger", ("info", "started"))
    """
    if type(dest) is Pid:
        process = alive.get(dest)
        if process is not None:
            if get_ident() != process.node.thread:
                process.node.deliver_soon(process.deliver_if_alive, message)
            else:
                process.deliver(message)
    elif type(dest) is Ref:
        send_through(dest, message)
    else:
        # Not isinstance, which asks an object of the program for its `__class__`.
        target: Any = dest if issubclass(type(dest), Remote) else resolve(dest)
        if isinstance(target, Remote):
            target.deliver(message)
        elif target is not None:
            send(target, message)
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
@twin
@enable_ki_protection
async def receive(pattern: Any = None, *, after: float = inf) -> Any:
    """Remove and return the oldest message in the mailbox that matches; wait if there is none.

    Erlang's `receive ... after`. Messages that do not match stay, in order.

    Args:
        pattern: None (the default) matches any message; a type, a tuple or a union of types
            matches their instances; a `Ref` matches a message that carries it, in its attribute
            `ref`, or, if it is a tuple, as its first item or else its second: `(ref, reply)`; a
            plain function is called with each message and returns true for a match.
        after: seconds to wait; `math.inf` (the default) waits for ever, 0 takes a message that is
            already there. It covers the waiting alone.

    Returns:
        The message, or `Timeout()` if none matched within `after` seconds.

    Raises:
        TypeError: `pattern` is none of the above, or `after` not a number.
        ValueError: `after` is negative or NaN.
        ExitSignal: an exit signal ends the process, where trio's cancellation can't.
        Exception: whatever a predicate raises; the message that it was called with stays.

    Example::

        match await receive((Deposit, Withdrawal), after=1.5):
            case Deposit(amount): ...
            case Withdrawal(amount): ...
            case Timeout(): ...
    """
    process = local.step.process
    if process is None:
        process = process_of_task()
    body, mailbox = process.body, process.mailbox
    if pattern is None and after is inf:  # the most frequent receive
        if mailbox.arrivals or mailbox.saved:
            pause = body.spend(MESSAGE)
            if pause is not None:
                await pause
        else:
            if process.ending:
                await body.checkpoint()
            mailbox.wanted = anything
            body.parked = True  # `Body.park`, without a coroutine for each message
            try:
                await body.waiting
                if process.ending:
                    body.check()
            except BaseException:
                mailbox.wanted = body.parked = None
                raise
        return mailbox.pop()
    matches = anything if pattern is None else test_of(pattern)
    if after is not inf:
        after = check_seconds("after", after)
    pause = body.spend(MESSAGE)
    if pause is not None:
        await pause
    message = mailbox.begin_take(pattern, matches)
    if message is PAUSED or message is MANY:
        message = await _search_on(process, message, pattern, matches)
    if mailbox.tested:
        body.budget -= mailbox.tested
        mailbox.tested = 0
    if message is not NOTHING:
        return message
    if after == 0:
        return Timeout()
    deadline = inf if after == inf else trio.current_time() + after
    # A type or a ref is tested at delivery, so that a message that does not match wakes no process.
    # A predicate is the receiver's code and must run in the receiver: every message wakes it.
    wanted = anything if callable(pattern) and not isinstance(pattern, type) else matches
    while True:
        mailbox.wanted = wanted
        try:
            outcome = await body.park(True if pattern is None else pattern, deadline)
        finally:
            mailbox.wanted = body.parked = None
        if outcome is TIMED_OUT:
            return Timeout()
        message = mailbox.take_arrival(matches)
        if message is PAUSED:
            message = await _search_on(process, message, pattern, matches)
        if message is not NOTHING:
            return message


@enable_ki_protection
async def _search_on(process: Process, message: Any, pattern: Any, matches: Matcher) -> Any:
    """Continue a search through a long mailbox; let others run after each slice."""
    mailbox, body = process.mailbox, process.body
    search: Iterator[Any] = mailbox.search(pattern, matches) if message is MANY else iter(())
    while message is PAUSED or message is MANY:
        if message is PAUSED:
            cost, mailbox.tested = mailbox.tested, 0
            pause = body.spend(cost)
            if pause is not None:
                await pause
        message = next(search, MANY)
        if message is MANY:  # everything saved has been tested
            message = mailbox.take_arrival(matches)
    return message


@enable_ki_protection
async def sleep(seconds: float) -> None:
    """Suspend the caller for a time. Erlang's `timer:sleep/1`.

    Works in every kind of process; `trio.sleep` works in all but light ones.

    Args:
        seconds: a number >= 0; `math.inf` sleeps for ever.

    Raises:
        TypeError, ValueError: `seconds` is not a number >= 0.
        ExitSignal: an exit signal ends the process, where trio's cancellation can't.

    Example::

        await sleep(0.5)
    """
    seconds = check_seconds("seconds", seconds)
    body = current_process().body
    pause = body.spend(MESSAGE)
    if pause is not None:
        await pause
    await body.park("sleep", trio.current_time() + seconds)
