"""The ways to ask a socket, on which all functions of the API are built.

`at_once` makes a system call that never waits. `nowait` and `blocking` make the same request to
the socket's actor: `nowait` returns its result also when that is `Select`; `blocking` waits until
there is another one, in the one loop in which all blocking socket functions wait.
"""

import socket as stdlib
from collections.abc import Awaitable, Callable
from math import inf
from typing import TypeVar

import trio
from trio.lowlevel import enable_ki_protection

from ..._native import twin
from ...arguments import check_seconds, shown
from ...results import Error, Ok, Select
from ...runtime.bodies.current import charge, current_process
from ...runtime.core.body import Body
from ...runtime.core.identity import Ref, check_ref
from ...runtime.core.process import Process
from ...runtime.core.reductions import GIVE_WAY_FIRST, LIGHT_BUDGET, SYSTEM_CALL
from ..core.actor import CLOSED, NEW, Operation, Result, SocketActor
from ..kernel.errors import error_of

__all__ = [
    "at_once",
    "blocking",
    "blocking_at",
    "nowait",
    "nowait_receive",
]

T = TypeVar("T")


def at_once(
    actor: SocketActor, call: Callable[[stdlib.socket], T | Error], name: str, *of: object
) -> Ok[T] | Error:
    """Apply `call` to the descriptor; return its value, or the `Error` that it returns or raises.

    `Error("closed")`, and no call, if the socket is closed. If calls are logged,
    this one is by its `name` and what it asks for (`of`).
    """
    charge(SYSTEM_CALL)
    result = _made(actor, call)
    if actor.logged:
        actor.log(" ".join((name, *map(shown, of))), current_process().pid, result)
    return result


def _made(actor: SocketActor, call: Callable[[stdlib.socket], T | Error]) -> Ok[T] | Error:
    if actor.turns.closed:
        return CLOSED
    try:
        value = call(actor.sock)
    except OSError as exc:
        return error_of(exc)
    return value if isinstance(value, Error) else Ok(value)


def nowait(actor: SocketActor, op: Operation[T], ref: Ref | None) -> Ok[T] | Error | Select:
    """Ask for `op`; if it must wait, return `Select` with the handle `ref` (None: a new one)."""
    return nowait_receive(actor, op, ref)  # type: ignore[return-value]  # no SelectRead


@twin
def nowait_receive(actor: SocketActor, op: Operation[T], ref: Ref | None) -> Result[T]:
    """Do the same for a receive: with the otp option `select_read` it may return `SelectRead`."""
    handle = NEW if ref is None else check_ref(ref)
    process = current_process()
    body, pid = process.body, process.pid
    body.budget -= SYSTEM_CALL
    result: Result[T] | None = None
    if body.budget <= body.floor and _must_give_way(body):
        result = actor.give_way(op, pid, handle)
    if result is None:
        result = actor.perform(op, pid, handle)
    if actor.observed:
        actor.observe(op, pid, result)
    assert result is not None  # only a caller without a handle gets None
    return result


def _must_give_way(body: Body) -> bool:
    """Return whether a `nowait` caller that has used up its budget gets a `Select`, not an attempt.

    The `receive` that it then calls lets others run and fills the budget. A caller may let them run
    in another way, such as a sleep of trio's, which the runtime does not see; it must not get
    `Select` for ever. So after one `Select` its attempts are made, until it has used up another
    budget. Its own stays used up meanwhile: its next call that can wait lets others run.
    """
    # Above -LIGHT_BUDGET: used up just now. Down to twice that: it has had its `Select`.
    left = body.budget - body.floor
    if left > -LIGHT_BUDGET or left <= -2 * LIGHT_BUDGET:
        body.floor = body.budget + LIGHT_BUDGET
        return True
    return False


@twin
@enable_ki_protection
async def blocking(
    actor: SocketActor,
    op: Operation[T],
    timeout: float,
    cost: int = SYSTEM_CALL,
    paid: Process | None = None,
    woken: bool = False,
) -> Ok[T] | Error:
    """Ask for `op` and wait until it is complete, for at most `timeout` seconds.

    `cost` is its price in reductions, charged before anything is taken from the kernel. A caller
    that is cancelled or killed while it waits leaves the queue, and what was taken from the
    kernel for it goes back to the actor.

    The native core has begun a call that it leaves to this function: `paid` is its process, which
    has been charged already, and `woken` is True if that has waited too, and was woken.
    """
    patient = True
    if timeout is not inf:
        timeout = check_seconds("timeout", timeout)
        patient = timeout > 0
    process = paid or current_process()
    body, pid = process.body, process.pid
    if paid is None:
        pause = body.spend(cost)
        if pause is not None:
            await pause
    outcome: object = None
    try:
        if not woken:
            outcome = result = actor.perform(op, pid, None, patient)
            if actor.observed:
                actor.observe(op, pid, result)
                # A tracer, or the program's logging, may have closed the socket. That wakes only
                # callers that are parked, which this one is not yet: `perform` returns the error.
                if result is None and actor.turns.closed:
                    outcome = result = actor.perform(op, pid, None, patient)
                    actor.observe(op, pid, result)
            if result is not None:
                return result  # type: ignore[return-value]  # no Select without a handle
            if not patient:
                actor.leave(op.lane, pid)
                return op.interrupted("timeout")
        deadline = inf if timeout is inf else trio.current_time() + timeout
        while True:
            if deadline is not inf:
                outcome = await body.park(actor, deadline)
            else:
                if not woken:
                    if process.ending:
                        await body.checkpoint()
                    body.parked = actor  # `Body.park`, without a coroutine for each wait
                    await body.waiting
                woken = False
                outcome, body.outcome = body.outcome, None
            if process.ending:
                # Killed before it resumed: raise here instead of reading, or the data that the
                # next attempt takes would be lost.
                body.check()
                await body.checkpoint()
            result = actor.settle(op, pid, outcome)
            if result is not None:
                if actor.observed:
                    actor.observe(op, pid, result)
                return result
            outcome = None
    except BaseException:
        body.parked = None
        # If the wait itself raised, a wake may have come first: its outcome is still in the body.
        actor.abandon_call(op, pid, body.take() if outcome is None else outcome)
        raise


@enable_ki_protection
def ask(
    actor: SocketActor, op: Operation[T], process: Process, timeout: float, woken: bool
) -> Awaitable[Ok[T] | Error]:
    """Return the rest of a `blocking` call that the native core has begun."""
    return blocking(actor, op, timeout, 0, process, woken)


def blocking_at(cost: int, actor: SocketActor, op: Operation[T]) -> Awaitable[Ok[T] | Error]:
    """Return `blocking` without a time-out, for another price than that of a system call."""
    if cost == GIVE_WAY_FIRST:
        current_process().body.give_way_first()
        cost = SYSTEM_CALL
    return blocking(actor, op, inf, cost)
