"""`start` and its relatives: a new behaviour process, and the result of its `init`.

The same for every behaviour. The starter spawns the process, sends it `Begin`, and waits for
`Begun` or for the end of the process.
"""

import logging
from math import inf
from typing import Any, Final, Literal

from trio.lowlevel import enable_ki_protection

from ...arguments import check_seconds, shown
from ...results import Error, Ok
from ...runtime.api.linking import exit, monitor, unlink
from ...runtime.api.messaging import receive, send
from ...runtime.api.naming import whereis
from ...runtime.api.spawning import spawn, spawn_handler
from ...runtime.bodies.crash_report import contain_logging_errors
from ...runtime.bodies.current import current_process
from ...runtime.bodies.limited_process import Limit, check_limit
from ...runtime.bodies.stacks import place_of
from ...runtime.core.identity import Pid, Ref
from ...runtime.core.messages import Down
from ...runtime.core.process import Process, alive
from ...runtime.core.reductions import START
from ..calls.protocol import Begin, Begun
from ..calls.registries import Via
from ..calls.waiting import forget, take_exit
from .ancestry import start_descendant
from .base import Behaviour
from .engine import InPlace

__all__ = [
    "KILL_WAIT",
    "How",
    "acting_for",
    "attach",
    "news_of",
    "start",
    "start_link",
    "start_monitor",
]

_log: Final = logging.getLogger("actorsock.otp")

KILL_WAIT: Final = 5.0
"""Seconds that a starter, or a supervisor, waits for a killed process before it goes on."""


async def start(
    behaviour: type[Behaviour],
    *args: Any,
    name: str | Via | None = None,
    light: bool = False,
    timeout: float = inf,
    max_mailbox: Limit | None = None,
) -> Ok[Pid] | Error[Any]:
    """Start a behaviour in a new process, and wait until its `init` has returned.

    Erlang's `gen_server:start/3,4`, `gen_statem:start/3,4`. The process is not linked to the
    caller. If the wait is cancelled, the process is killed.

    Args:
        behaviour: a class derived from `GenServer`, `StateMachine`, `Supervisor` or `Application`;
            or `EventManager`.
        *args: the arguments of its `init`.
        name: a name to register the process under, before `init` runs (`{local, Name}`); or a
            `Via`, a name in a registry of the program.
        light: run the process as a light one. Without effect on a class whose callbacks are all
            plain functions: its processes are handlers.
        timeout: seconds to wait for `init`; `math.inf` (the default) waits for ever.
        max_mailbox: a `Limit` to its mailbox. A call above it fails with `"overloaded"`.

    Returns:
        `Ok(pid)`, or `Error`. In the latter case the process has ended, or was never started:

        - `Error("already_started", pid)`: `name` belongs to that process
        - `Error("timeout")`: `init` has not returned in time, and the process was killed. One that
          still cleans up 5 seconds later (`init` may be in a shielded scope) is left to that, and a
          warning is logged
        - `Error("ignore")`: `init` has returned `Ignore()`
        - `Error(reason)`: `init` has returned `Stop(reason)` or `Error(reason)`, or has called
          `exit(reason)`; if it has crashed, `reason` is the exception

    Raises:
        TypeError: `behaviour` is no such class, `name` is neither a `str` nor a `Via`, or `timeout`
            is not a number.
        ValueError: `timeout` is negative or NaN.

    Example::

        match await otp.start(Counter, 0, name="counter"):
            case Ok(pid): ...
            case Error("already_started", pid): ...
    """
    return await _start("alone", behaviour, args, name, light, timeout, max_mailbox)


async def start_link(
    behaviour: type[Behaviour],
    *args: Any,
    name: str | Via | None = None,
    light: bool = False,
    timeout: float = inf,
    max_mailbox: Limit | None = None,
) -> Ok[Pid] | Error[Any]:
    """Start a behaviour in a new process that is linked to the caller, its parent.

    Erlang's `gen_server:start_link/3,4`, `gen_statem:start_link/3,4`, `supervisor:start_link/2,3`.
    It differs from `start` in three points: when the parent ends, the process ends with the same
    reason, even if it traps exits (then it calls `terminate` before); when the process ends, the
    parent gets its exit signal; and so a parent that does not trap exits ends too if `init` fails.

    Args:
        behaviour: a class derived from `GenServer`, `StateMachine`, `Supervisor` or `Application`;
            or `EventManager`.
        *args: the arguments of its `init`.
        name: a name to register the process under, before `init` runs.
        light: run the process as a light one, if the class has async callbacks.
        timeout: seconds to wait for `init`; `math.inf` (the default) waits for ever.
        max_mailbox: a `Limit` to its mailbox. A call above it fails with `"overloaded"`.

    Returns:
        The same as `start`. If the result is an `Error`, a parent that traps exits gets no `Exit`
        message of the failed process.

    Raises:
        TypeError: as `start`.
        ValueError: as `start`.
    """
    return await _start("linked", behaviour, args, name, light, timeout, max_mailbox)


async def start_monitor(
    behaviour: type[Behaviour],
    *args: Any,
    name: str | Via | None = None,
    light: bool = False,
    timeout: float = inf,
    max_mailbox: Limit | None = None,
) -> Ok[tuple[Pid, Ref]] | Error[Any]:
    """Start a behaviour in a new process that the caller monitors, from its beginning on.

    Erlang's `gen_server:start_monitor/3,4` and its relatives. The caller is the parent, as with
    `start_link`, but the two are not linked.

    Args:
        behaviour: as `start`.
        *args: the arguments of its `init`.
        name: a name to register the process under, before `init` runs.
        light: run the process as a light one, if the class has async callbacks.
        timeout: seconds to wait for `init`; `math.inf` (the default) waits for ever.
        max_mailbox: a `Limit` to its mailbox. A call above it fails with `"overloaded"`.

    Returns:
        `Ok((pid, ref))`, where a `Down` with `ref` will tell the end of the process; or `Error`
        as `start`, and no `Down` comes.

    Raises:
        TypeError: as `start`.
        ValueError: as `start`.
    """
    return await _start("monitored", behaviour, args, name, light, timeout, max_mailbox)


acting_for: Final[dict[Pid, Pid]] = {}
"""Processes that start children for a supervisor of another node, which is to be their parent."""

How = Literal["alone", "linked", "monitored"]
"""The way in which a starter is attached to the process that it has started."""


@enable_ki_protection
async def _start(
    how: How,
    behaviour: type[Behaviour],
    args: tuple[Any, ...],
    name: str | Via | None,
    light: bool,
    timeout: float,
    max_mailbox: Limit | None,
) -> Ok[Any] | Error[Any]:
    if not (isinstance(behaviour, type) and issubclass(behaviour, Behaviour)):
        raise TypeError(
            f"behaviour: expected a class derived from GenServer, StateMachine or Supervisor, "
            f"got {shown(behaviour)}"
        )
    check_seconds("timeout", timeout)
    check_limit(max_mailbox)
    starter = current_process()
    pause = starter.body.spend(START)
    if pause is not None:
        await pause
    # Checked before the process exists: nothing has to be undone, and no other process can register
    # the name between here and `spawn`, which does not wait.
    via, local = (name, None) if isinstance(name, Via) else (None, name)
    owner = whereis(local) if local is not None else via.whereis() if via is not None else None
    if owner is not None:
        return Error("already_started", owner)
    engine = behaviour._engine()
    if isinstance(engine, InPlace):
        pid = start_descendant(
            starter, lambda: spawn_handler(engine, name=local, max_mailbox=max_mailbox)
        )
    else:
        pid = start_descendant(
            starter, lambda: spawn(engine, name=local, light=light, max_mailbox=max_mailbox)
        )
    # The new process does not run before this function sends or waits, so its first message is
    # `Begin`.
    ref, lasting = attach(starter, pid, how)
    parent = acting_for.get(starter.pid, starter.pid)
    send(pid, Begin(pid if how == "alone" else parent, ref, args, via))
    result: Ok[Pid] | Error[Any] = await news_of(starter, pid, ref, timeout, lasting)
    if lasting is None:
        return result
    if isinstance(result, Ok):
        return Ok((pid, lasting))
    forget(starter, lasting)
    return result


def attach(starter: Process, pid: Pid, how: How) -> tuple[Ref, Ref | None]:
    """Attach a process that has not run yet to its starter, which waits for its `Begun` then.

    Return a ref for `news_of`, and, for `"monitored"`, that of the monitor that the starter wants.
    """
    if how == "linked":
        starter.link(alive[pid])
    lasting = monitor(pid) if how == "monitored" else None
    return monitor(pid, alias="demonitor"), lasting


async def news_of(starter: Process, pid: Pid, ref: Ref, timeout: float, lasting: Ref | None) -> Any:
    """Wait for the `Begun` of a process that was just started, and return the result in it.

    `Error(reason)` if the process ends before; `Error("timeout")` if it is not in time. In the
    latter case it is killed, and so it is if the wait is cancelled. `ref` and `lasting` are what
    `attach` has returned. `ref` monitors nothing afterwards, and after a cancelled wait neither
    does `lasting`.
    """
    try:
        return await _news_of(starter, pid, ref, timeout)
    except BaseException:
        forget(starter, ref)
        if lasting is not None:
            forget(starter, lasting)
        if not starter.ending:
            # The caller will never learn the pid, so the process has to go. If the starter itself
            # is ending there is nothing to do: a linked process gets the exit signal, and for one
            # that is not linked Erlang does nothing either.
            _kill(pid)
        raise


async def _news_of(starter: Process, pid: Pid, ref: Ref, timeout: float) -> Any:
    match await receive(ref, after=timeout):
        case Begun(result=result, failed=False):
            forget(starter, ref)
            return result
        case Begun(result=result):
            await receive(ref)  # the `Down`: the process has ended when `start` returns
        case Down(reason=reason):
            result = Error(reason)
        case _:
            result = Error("timeout")
            _kill(pid)
            if not await _has_ended(ref):
                _report_not_ended(pid)
            # `init` may have returned in the last moment: drop its `Begun`.
            forget(starter, ref)
    # The returned error reports the end already; a caller that traps exits needs no `Exit` message.
    take_exit(starter, pid)
    return result


async def _has_ended(ref: Ref) -> bool:
    # In Erlang a kill can't be refused, and so the wait for the end has no limit.
    its_end = await receive(
        lambda message: isinstance(message, Down) and message.ref is ref, after=KILL_WAIT
    )
    return isinstance(its_end, Down)


def _report_not_ended(pid: Pid) -> None:
    process = alive.get(pid)
    place = None if process is None else place_of(process)
    where = "" if place is None else f": it waits at {place}"
    text = "process %r was not started in time, and has not ended %g seconds after it was killed%s"
    with contain_logging_errors():
        _log.warning(text, pid, KILL_WAIT, where)


def _kill(pid: Pid) -> None:
    unlink(pid)
    exit(pid, "kill")
