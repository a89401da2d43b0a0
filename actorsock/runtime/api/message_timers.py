"""Timers that send a message."""

from typing import Any, cast

import trio
from trio.lowlevel import enable_ki_protection

from ...arguments import check_seconds
from ..bodies.current import current_process
from ..core.identity import Pid, Ref, check_pid, check_ref
from ..core.messages import TimerExpired
from ..core.node import MessageTimer, Node
from ..core.process import alive
from ..core.reductions import TIMER
from ..core.remote import RemotePid
from .naming import exact

__all__ = ["cancel_timer", "read_timer", "send_after", "start_timer"]


@enable_ki_protection
def send_after(delay: float, dest: Pid | str, message: Any) -> Ref:
    """Send `message` to `dest` in `delay` seconds. Erlang's `erlang:send_after/3`.

    A name is looked up when the time comes; if no process has it then, nothing happens. A timer to
    a pid is cancelled when that process ends.

    Args:
        delay: seconds, >= 0.
        dest: a pid or a registered name.
        message: any object.

    Returns:
        A `Ref` for `cancel_timer` and `read_timer`.

    Raises:
        TypeError, ValueError: `delay` is not a number of seconds >= 0, or `dest` is neither a
            `Pid` nor a string, or the pid of another node.
        RuntimeError: the process belongs to a runtime in another thread.

    Example::

        send_after(0.5, current_pid(), Tick())
        await receive(Tick)
    """
    return _start_timer(delay, dest, Ref(), message)


@enable_ki_protection
def start_timer(delay: float, dest: Pid | str, message: Any) -> Ref:
    """Send `TimerExpired(ref, message)` to `dest` in `delay` seconds. `erlang:start_timer/3`.

    Like `send_after`, but the message carries the ref of the timer: a receiver can tell it from
    the message of a timer that it has cancelled too late.

    Args:
        delay: seconds, >= 0.
        dest: a pid or a registered name.
        message: any object; the `message` of the `TimerExpired`.

    Returns:
        The `Ref` that the message will carry.

    Raises:
        TypeError, ValueError, RuntimeError: as for `send_after`.

    Example::

        ref = start_timer(5, current_pid(), "give up")
        match await receive((Answer, TimerExpired)):
            case TimerExpired(ref=expired) if expired is ref: ...
            case answer: ...
    """
    ref = Ref()
    return _start_timer(delay, dest, ref, TimerExpired(ref, message))


@enable_ki_protection
def cancel_timer(ref: Ref) -> float | None:
    """Cancel a timer of `send_after` or `start_timer`. Erlang's `erlang:cancel_timer/1`.

    Args:
        ref: the result of `send_after` or `start_timer`.

    Returns:
        The seconds that were left; None if the timer has sent its message, or was cancelled. In
        that case the message may be in the mailbox already.

    Raises:
        TypeError: `ref` is not a `Ref`.

    Example::

        ref = start_timer(5, current_pid(), "give up")
        ...
        if cancel_timer(ref) is None:
            await receive(ref, after=0)  # too late: remove its message
    """
    left = read_timer(ref)
    if left is not None:
        node = current_process().node
        node.timers.cancel(_forget(node, ref).entry)
    return left


@enable_ki_protection
def read_timer(ref: Ref) -> float | None:
    """Return the seconds that a timer has left. Erlang's `erlang:read_timer/1`.

    Args:
        ref: the result of `send_after` or `start_timer`.

    Returns:
        Seconds, or None if the timer has sent its message, or was cancelled.

    Raises:
        TypeError: `ref` is not a `Ref`.

    Example::

        ref = send_after(10, server, "tick")
        assert read_timer(ref) <= 10
    """
    timer = current_process().node.pending.get(check_ref(ref))
    return None if timer is None else max(0.0, timer.entry.deadline - trio.current_time())


def _start_timer(delay: float, dest: Pid | str, ref: Ref, message: Any) -> Ref:
    delay = check_seconds("delay", delay)
    process = current_process()
    process.body.budget -= TIMER  # paid, by letting others run, in the next call that can wait
    node = process.node
    if issubclass(type(dest), str):
        # The task of the timers looks it up, and must not run the methods of a class of its own.
        dest = exact(cast("str", dest))
    else:
        target = alive.get(check_pid(dest, "dest", "a Pid or a registered name"))
        if target is None:
            if isinstance(dest, RemotePid):
                raise ValueError(
                    f"dest: {dest!r} is of another node: timers send to processes of this one"
                )
            return ref
        if target.node.thread != node.thread:
            raise RuntimeError(
                f"dest: {dest!r} is of a runtime in another thread: no timers lead there; messages "
                "do, by `send`"
            )
        target.add_timer(ref, node)
    entry = node.timers.add(trio.current_time() + delay, _expire, node, ref, message)
    try:
        node.pending[ref] = MessageTimer(dest, entry)
    except BaseException:  # no memory: an entry that nothing knows of must not fall due
        node.timers.cancel(entry)
        raise
    return ref


def _expire(node: Node, ref: Ref, message: Any) -> None:
    if ref not in node.pending:  # no memory was left to finish the timer
        return
    dest = _forget(node, ref).dest
    pid = node.names.get(dest) if isinstance(dest, str) else dest
    if pid is not None:
        alive[pid].deliver(message)  # alive: the end of a process cancels the timers to its pid


def _forget(node: Node, ref: Ref) -> MessageTimer:
    timer = node.pending.pop(ref)
    # None if the process is ending: its own end cancels the timer too.
    if isinstance(timer.dest, Pid) and (process := alive.get(timer.dest)) is not None:
        process.drop_timer(ref)
    return timer
