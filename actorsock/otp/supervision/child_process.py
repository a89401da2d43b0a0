"""Starting and stopping child processes, in the supervisor's process."""

from collections.abc import Awaitable, Sequence
from math import inf
from typing import Any, Final

import trio

from ...arguments import shown
from ...results import Error, Ok
from ...runtime.api.linking import exit, link, monitor, unlink
from ...runtime.api.messaging import receive
from ...runtime.bodies.current import current_process
from ...runtime.bodies.functions import name_of
from ...runtime.core.identity import Pid, Ref
from ...runtime.core.messages import Timeout
from ...runtime.core.process import alive
from ...runtime.core.signals import is_word
from ..behaviour.exit_reasons import is_orderly, raised
from ..calls.waiting import take_exit
from .child_spec import ChildSpec
from .reports import (
    report_failed_start,
    report_progress,
    report_slow_start,
    report_unexpected_end,
)

__all__ = ["start_and_report", "start_process", "stop_processes"]

_SLOW: Final = 5.0
"""Seconds. If a start function has not returned after that time, a warning is logged."""


async def start_and_report(spec: ChildSpec, more: Sequence[Any] = ()) -> Ok[Pid | None] | Error:
    """Do `start_process`, and log its result; log a warning if it takes long.

    The warning matters for a common mistake: if `start` is the function that the child should run,
    instead of a function that starts the child, it may never return, and the supervisor with it.
    """
    process = current_process()
    timers = process.node.timers
    deadline = trio.current_time() + _SLOW
    alarm = timers.add(deadline, report_slow_start, process, spec.id, _SLOW)
    try:
        result = await start_process(spec, more)
    finally:
        timers.cancel(alarm)
    match result:
        case Ok(Pid() as pid):
            report_progress(spec.id, pid)
        case Error(reason):
            report_failed_start(spec.id, reason)
    return result


async def start_process(spec: ChildSpec, more: Sequence[Any] = ()) -> Ok[Pid | None] | Error:
    """Call the start function of a child, with the arguments `more` after those of its spec.

    Return `Ok(pid)`; `Ok(None)` if the function returned `Error("ignore")`; or the `Error` that
    it returned, or one with the reason of the exception that it raised. The child is linked.
    """
    try:
        result = spec.start(*spec.args, *more)
        if isinstance(result, Awaitable):
            result = await result
    except BaseException as exc:
        return Error(raised(exc).reason)
    match result:
        case Pid() as pid:
            pass
        case Ok(Pid() as pid):
            pass
        case Error(reason):
            return Ok(None) if is_word(reason, "ignore") else result
        case _:
            expected = "a Pid, Ok(pid) or Error(reason)"
            hint = _hint(spec) if result is None else ""
            error = TypeError(
                f"start of {shown(spec.id)}: expected {expected}, got {shown(result)}{hint}"
            )
            return Error(error)  # type: ignore[arg-type]  # here a reason may be any object
    # Erlang expects the start function to link. Here a function that forgets it is no mistake; a
    # second link of the same two processes has no effect.
    link(pid)
    return Ok(pid)


def _hint(spec: ChildSpec) -> str:
    """Return advice for a start function that returned None: it may be the child's own code."""
    if spec.type == "supervisor":
        return ""
    function = name_of(spec.start).rpartition(":")[2].rpartition(".")[2]
    args = ", ".join([function, *map(shown, spec.args)]) if spec.args else f"{function},"
    return f"; did you mean ChildSpec({shown(spec.id)}, spawn_link, ({args}))?"


async def stop_processes(spec: ChildSpec, pids: Sequence[Pid]) -> None:
    """Stop children of one spec, all at the same time; return when they have ended.

    They share the spec's `shutdown` time, after which those that still run are killed.
    """
    refs = [(pid, _ask_to_end(spec, pid)) for pid in pids]
    wait = inf if spec.shutdown == "brutal_kill" else spec.shutdown
    deadline = trio.current_time() + wait
    for pid, (ref, reason) in refs:
        left = inf if deadline == inf else max(0.0, deadline - trio.current_time())
        down = await receive(ref, after=left)
        if isinstance(down, Timeout):
            exit(pid, "kill")
            down = await receive(ref)
        # "noproc": it had ended before, and its reason is in the `Exit` message, if one came.
        reason = reason if is_word(down.reason, "noproc") else down.reason
        if not _is_expected(spec, reason):
            report_unexpected_end(spec.id, pid, reason)


def _ask_to_end(spec: ChildSpec, pid: Pid) -> tuple[Ref, Any]:
    """Send the exit signal; return a monitor's ref, and the reason if it had ended before."""
    # The mailbox is searched only for a child that has ended: its `Exit` may be waiting there, and
    # must not be handled as an end by itself later.
    ended = pid not in alive
    ref = monitor(pid)
    unlink(pid)
    earlier = take_exit(current_process(), pid) if ended else None
    reason = "noproc" if earlier is None else earlier.reason
    exit(pid, "kill" if spec.shutdown == "brutal_kill" else "shutdown")
    return ref, reason


def _is_expected(spec: ChildSpec, reason: Any) -> bool:
    """Return True if `reason` is a proper end of a child that was stopped."""
    if is_word(reason, "killed"):
        return spec.shutdown == "brutal_kill"
    if is_word(reason, "normal"):
        # It has ended by itself. Only a permanent child should not do that.
        return spec.restart != "permanent"
    return is_orderly(reason)
