"""Starting and stopping one child, in the supervisor's process."""

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
from ..calls.forgetting import take_exit
from .child_spec import ChildSpec
from .reports import progress, report, still_starting

__all__ = ["start_and_report", "start_process", "stop_processes"]

_PATIENCE: Final = 5.0
"""The seconds after which the log is told that a child is still being started."""


async def start_and_report(spec: ChildSpec, more: Sequence[Any] = ()) -> Ok[Pid | None] | Error:
    """`start_process`, of which the log is told: that the child has started, or why not.

    And that it takes long. It may take for ever, if what the child is to run was given as what
    starts it: then nothing else would ever be told.
    """
    process = current_process()
    timers = process.node.timers
    deadline = trio.current_time() + _PATIENCE
    alarm = timers.add(deadline, still_starting, process, spec.id, _PATIENCE)
    try:
        result = await start_process(spec, more)
    finally:
        timers.cancel(alarm)
    match result:
        case Ok(Pid() as pid):
            progress(spec.id, pid)
        case Error(reason):
            report("can't be started", spec.id, None, reason)
    return result


async def start_process(spec: ChildSpec, more: Sequence[Any] = ()) -> Ok[Pid | None] | Error:
    """Call the child's start function; `Ok(None)` if there is nothing to start (`"ignore"`).

    The error of the start function, or what it has raised, is the result. The child is linked.
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
            mistake = TypeError(
                f"start of {shown(spec.id)}: expected {expected}, got {shown(result)}{hint}"
            )
            return Error(mistake)  # type: ignore[arg-type]  # here a reason may be any object
    # If the start function has linked it, this is the same link.
    link(pid)
    return Ok(pid)


def _hint(spec: ChildSpec) -> str:
    """What has returned None may be what the child is to run."""
    if spec.type == "supervisor":
        return ""
    function = name_of(spec.start).rpartition(":")[2].rpartition(".")[2]
    args = ", ".join([function, *map(shown, spec.args)]) if spec.args else f"{function},"
    return f"; did you mean ChildSpec({shown(spec.id)}, spawn_link, ({args}))?"


async def stop_processes(spec: ChildSpec, pids: Sequence[Pid]) -> None:
    """End children of one spec, all at the same time; return when they have ended."""
    refs = [(pid, _tell(spec, pid)) for pid in pids]
    wait = inf if spec.shutdown == "brutal_kill" else spec.shutdown
    deadline = trio.current_time() + wait
    for pid, (ref, reason) in refs:
        left = inf if deadline == inf else max(0.0, deadline - trio.current_time())
        down = await receive(ref, after=left)
        if isinstance(down, Timeout):
            exit(pid, "kill")
            down = await receive(ref)
        # It may have ended by itself before it was told to.
        reason = reason if is_word(down.reason, "noproc") else down.reason
        if not _as_told(spec, reason):
            report("has not ended as it was told to", spec.id, pid, reason)


def _tell(spec: ChildSpec, pid: Pid) -> tuple[Ref, Any]:
    # Only of one that has ended already is there something to look for in the mailbox.
    ended = pid not in alive
    ref = monitor(pid)
    unlink(pid)
    earlier = take_exit(current_process(), pid) if ended else None
    reason = "noproc" if earlier is None else earlier.reason
    exit(pid, "kill" if spec.shutdown == "brutal_kill" else "shutdown")
    return ref, reason


def _as_told(spec: ChildSpec, reason: Any) -> bool:
    if is_word(reason, "killed"):
        return spec.shutdown == "brutal_kill"
    if is_word(reason, "normal"):
        # It has ended by itself, which a permanent child is not to do.
        return spec.restart != "permanent"
    return is_orderly(reason)
