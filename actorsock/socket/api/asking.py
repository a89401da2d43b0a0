"""The ways to ask a socket: for what is answered at once, and for what may have to wait.

`at_once` asks the system. The two ways to ask for what may have to wait are the same request to
the socket's actor. `nowait` hands the answer on, also when it is `Select`. `blocking` waits until
the actor has the answer, or tells it to ask again: `wait` is the one loop by which every socket
function blocks.
"""

import socket as stdlib
from collections.abc import Callable
from math import inf
from typing import TypeVar

import trio

from ...arguments import check_seconds
from ...results import Error, Ok, Select, SelectRead
from ...runtime.bodies.current import current_process
from ...runtime.core.identity import Pid, Ref, check_ref
from ...runtime.core.process import Process
from ...runtime.core.reductions import SYSTEM_CALL
from ..core.actor import CLOSED, Answer, Operation, SocketActor
from ..kernel.errors import error_of

__all__ = [
    "ask",
    "at_once",
    "blocking",
    "nowait",
    "nowait_receive",
    "wait",
]

T = TypeVar("T")


def at_once(actor: SocketActor, call: Callable[[stdlib.socket], T | Error]) -> Ok[T] | Error:
    """What `call` makes of the descriptor: its value, or the `Error` that it gives or raises.

    `Error("closed")` without a call when the socket is closed.
    """
    if actor.turns.closed:
        return CLOSED
    try:
        value = call(actor.sock)
    except OSError as exc:
        return error_of(exc)
    return value if isinstance(value, Error) else Ok(value)


def nowait(actor: SocketActor, op: Operation[T], ref: Ref | None) -> Ok[T] | Error | Select:
    """Ask for `op`; if it must wait, `Select` with `ref` (a new one if None) as its handle."""
    answer = nowait_receive(actor, op, ref)
    assert not isinstance(answer, SelectRead)  # which is for receives
    return answer


def nowait_receive(actor: SocketActor, op: Operation[T], ref: Ref | None) -> Answer[T]:
    """`nowait` of a receive: on a socket with `select_read` it answers `SelectRead`."""
    handle = Ref() if ref is None else check_ref(ref)
    pid = current_process().pid
    answer = actor.perform(op, pid, handle)
    if actor.observed:
        actor.observe(op, pid, answer)
    assert answer is not None  # only who has no handle is told to wait in silence
    return answer


async def blocking(
    actor: SocketActor, op: Operation[T], timeout: float, cost: int = SYSTEM_CALL
) -> Ok[T] | Error:
    """Ask for `op` and wait until it is complete, for at most `timeout` seconds.

    `cost` is its price in reductions, paid before anything is taken from the kernel. A caller
    that is cancelled or killed while it waits leaves the queue, and what was taken from the
    kernel for it goes back to the actor.
    """
    if timeout is not inf:
        check_seconds("timeout", timeout)
    process = current_process()
    body = process.body
    toll = body.spend(cost)
    if toll is not None:
        await toll
    answer = ask(actor, op, process.pid, timeout > 0)
    return await wait(actor, op, process, timeout) if answer is None else answer


def ask(actor: SocketActor, op: Operation[T], pid: Pid, patient: bool) -> Ok[T] | Error | None:
    """The first attempt of a blocking call; None when it is to `wait`."""
    answer = actor.perform(op, pid, None, patient)
    if actor.observed:
        actor.observe(op, pid, answer)
    assert not isinstance(answer, (Select, SelectRead))  # those need a handle
    return answer


async def wait(
    actor: SocketActor, op: Operation[T], process: Process, timeout: float
) -> Ok[T] | Error:
    """The rest of a blocking call that the actor has told to wait."""
    body, pid = process.body, process.pid
    if timeout == 0:
        actor.leave(op.lane, pid)
        return op.interrupted("timeout")
    deadline = inf if timeout == inf else trio.current_time() + timeout
    outcome: object = None
    try:
        while True:
            outcome = None
            outcome = await body.park(deadline)
            if process.ending:
                # Killed after it was woken: what it would take now, nobody would ever see.
                await body.checkpoint()
            answer = actor.settle(op, pid, outcome)
            if answer is not None:
                if actor.observed:
                    actor.observe(op, pid, answer)
                return answer
    except BaseException:
        actor.forsake(op, pid, body.take() if outcome is None else outcome)
        raise
