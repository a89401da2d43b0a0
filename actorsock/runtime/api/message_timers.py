"""Timers that send a message: Erlang's `send_after` and `start_timer`."""

from typing import Any

import trio
from trio.lowlevel import enable_ki_protection

from ...arguments import check_seconds
from ..bodies.current import current_process
from ..core.identity import Pid, Ref, check_pid, check_ref
from ..core.messages import TimerExpired
from ..core.node import MessageTimer, Node
from ..core.process import alive

__all__ = ["cancel_timer", "read_timer", "send_after", "start_timer"]


@enable_ki_protection
def send_after(delay: float, dest: Pid | str, message: Any) -> Ref:
    """Send `message` to `dest` in `delay` seconds; return a ref to cancel it by.

    A name is looked up when the time comes; nobody there: nothing happens. The timer is
    cancelled when the process `dest` ends. Erlang's `erlang:send_after/3`.
    """
    return _start_timer(delay, dest, Ref(), message)


@enable_ki_protection
def start_timer(delay: float, dest: Pid | str, message: Any) -> Ref:
    """Like `send_after`, but delivers `TimerExpired(ref, message)`. `erlang:start_timer/3`."""
    ref = Ref()
    return _start_timer(delay, dest, ref, TimerExpired(ref, message))


@enable_ki_protection
def cancel_timer(ref: Ref) -> float | None:
    """Stop a timer; the seconds it had left, or None if it has run out or was cancelled.

    Erlang's `erlang:cancel_timer/1`.
    """
    left = read_timer(ref)
    if left is not None:
        node = current_process().node
        node.timers.cancel(_forget(node, ref).entry)
    return left


@enable_ki_protection
def read_timer(ref: Ref) -> float | None:
    """The seconds that a timer has left, or None. Erlang's `erlang:read_timer/1`."""
    timer = current_process().node.pending.get(check_ref(ref))
    return None if timer is None else max(0.0, timer.entry.deadline - trio.current_time())


def _start_timer(delay: float, dest: Pid | str, ref: Ref, message: Any) -> Ref:
    check_seconds("delay", delay)
    node = current_process().node
    if not isinstance(dest, str):
        target = alive.get(check_pid(dest, "dest", "a Pid or a registered name"))
        if target is None:
            return ref
        target.timer_set(ref, node)
    entry = node.timers.add(trio.current_time() + delay, _expire, node, ref, message)
    node.pending[ref] = MessageTimer(dest, entry)
    return ref


def _expire(node: Node, ref: Ref, message: Any) -> None:
    dest = _forget(node, ref).dest
    pid = node.names.get(dest) if isinstance(dest, str) else dest
    if pid is not None:
        alive[pid].deliver(message)


def _forget(node: Node, ref: Ref) -> MessageTimer:
    timer = node.pending.pop(ref)
    if isinstance(timer.dest, Pid):
        alive[timer.dest].timer_gone(ref)
    return timer
