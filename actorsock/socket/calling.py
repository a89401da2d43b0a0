"""The two ways to ask a socket for something that may have to wait.

Both are the same request to the socket's actor. `nowait` hands the answer on, also when it is
`Select`. `blocking` waits for the select and asks again, until the answer is final: the one
loop by which every socket function blocks.
"""

from math import inf
from typing import Final, TypeVar

import trio

from ..results import Error, Ok, Select
from ..runtime.body import TIMED_OUT
from ..runtime.current import current_process
from ..runtime.durations import check_seconds
from ..runtime.identity import Ref, check_ref
from ..runtime.process import Process
from .actor import Answer, Operation, SocketActor
from .notifications import SelectRead
from .turns import SendAbort

__all__ = ["GIVE_WAY", "SYSTEM_CALL", "blocking", "nowait", "nowait_receive"]

T = TypeVar("T")

SYSTEM_CALL: Final = 10  # the price of a system call, in reductions

GIVE_WAY: Final = 4000  # more than any process has: who is to pay it gives way to the others first


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
    body, pid = process.body, process.pid
    if body.spend(cost):
        await body.checkpoint()
    answer = actor.perform(op, pid, None, timeout > 0)
    if actor.observed:
        actor.observe(op, pid, answer)
    if answer is None:
        answer = await _wait(actor, op, process, timeout)
        if actor.observed:
            actor.observe(op, pid, answer)
    assert not isinstance(answer, (Select, SelectRead))  # those go to a handle: we gave none
    return answer


async def _wait(
    actor: SocketActor, op: Operation[T], process: Process, timeout: float
) -> Answer[T]:
    body, pid = process.body, process.pid
    if timeout == 0:
        actor.leave(op.lane, pid)
        return op.interrupted("timeout")
    deadline = inf if timeout == inf else trio.current_time() + timeout
    try:
        while True:
            outcome = await body.park(deadline)
            if process.ending:
                # Killed after it was woken: what it would take now, nobody would ever see.
                await body.checkpoint()
            if outcome is TIMED_OUT:
                actor.leave(op.lane, pid)
                return op.interrupted("timeout")
            if type(outcome) is SendAbort:
                return op.interrupted(outcome.reason)
            answer = actor.perform(op, pid, None)
            if answer is not None:
                return answer
    except BaseException:
        # First the bytes, then the turn: the next in the queue is told that they are there.
        op.abandoned(actor)
        actor.leave(op.lane, pid)
        raise
