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
from ...runtime.core.messages import Exit, Timeout
from ...runtime.core.process import alive
from ...runtime.core.reductions import CHILD
from ...runtime.core.signals import is_word
from ..behaviour.exit_reasons import is_orderly, raised
from ..behaviour.starting import KILL_WAIT
from .child_spec import ChildSpec
from .elsewhere import call_there
from .killed_children import KilledChild
from .reports import (
    report_failed_start,
    report_progress,
    report_slow_start,
    report_unexpected_end,
)

__all__ = ["EarlierEnds", "start_and_report", "start_process", "stop_processes"]

_SLOW: Final = 5.0
"""Seconds. If a start function has not returned after that time, a warning is logged."""


async def start_and_report(
    spec: ChildSpec, more: Sequence[Any] = ()
) -> Ok[Pid | None] | Error[Any]:
    """Do `start_process`, and log its result; log a warning if it takes long.

    The warning matters for a common mistake: if `start` is the function that the child should run,
    instead of a function that starts the child, it may never return, and the supervisor with it.
    """
    await _spend()
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


async def start_process(spec: ChildSpec, more: Sequence[Any] = ()) -> Ok[Pid | None] | Error[Any]:
    """Call the start function of a child, with the arguments `more` after those of its spec.

    Return `Ok(pid)`; `Ok(None)` if the function returned `Error("ignore")`; or the `Error` that
    it returned, or one with the reason of the exception that it raised. The child is linked.
    """
    try:
        args = (*spec.args, *more)
        result = await call_there(spec, args) if spec.node else spec.start(*args)
        if isinstance(result, Awaitable):
            result = await result
        # Also inside: `match` runs the `__class__` of a result that defines one.
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
                raise TypeError(
                    f"start of {shown(spec.id)}: expected {expected}, got {shown(result)}{hint}"
                )
    except BaseException as exc:
        return Error(raised(exc).reason)
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


async def stop_processes(
    spec: ChildSpec, pids: Sequence[Pid], earlier: "EarlierEnds | None" = None
) -> list[KilledChild]:
    """Stop children of one spec, all at the same time; return when they have ended.

    They share the spec's `shutdown` time, after which those that still run are killed. The result
    are those that have not ended `KILL_WAIT` seconds after that. Calls for many children in a row
    share one `earlier`.
    """
    earlier = earlier or EarlierEnds()
    refs = {}
    for pid in pids:
        await _spend()
        # As in Erlang the monitor reports the end from here on, and no `Exit` message does. For a
        # child that has ended before, the monitor only says "noproc".
        refs[pid] = monitor(pid), "noproc" if pid in alive else earlier.reason(pid)
        unlink(pid)
        exit(pid, "kill" if spec.shutdown == "brutal_kill" else "shutdown")
    if spec.shutdown != "brutal_kill":
        refs = await _ended_by(trio.current_time() + spec.shutdown, spec, refs)
        for pid in refs:
            exit(pid, "kill")
    if not refs:
        return []
    left = await _ended_by(trio.current_time() + KILL_WAIT, spec, refs)
    return [KilledChild(spec, pid, ref) for pid, (ref, _) in left.items()]


_Refs = dict[Pid, tuple[Ref, Any]]
"""The monitor of each process that was asked to end; the reason, if it had ended before."""


async def _ended_by(deadline: float, spec: ChildSpec, refs: _Refs) -> _Refs:
    """Wait for the ends of processes, and log the unexpected ones; return those still there."""
    left = {}
    for pid, (ref, reason) in refs.items():
        wait = inf if deadline == inf else max(0.0, deadline - trio.current_time())
        down = await receive(ref, after=wait)
        if isinstance(down, Timeout):
            left[pid] = ref, reason
            continue
        reason = reason if is_word(down.reason, "noproc") else down.reason
        if not _is_expected(spec, reason):
            report_unexpected_end(spec.id, pid, reason)
    return left


class EarlierEnds:
    """The reasons of children that had ended before they were stopped.

    Such a reason is in the `Exit` message, which may be waiting in the mailbox. It is left there:
    the supervisor ignores the end of a process that is not a child any more. The mailbox is read
    only if it has to be, and once for many children.
    """

    def __init__(self) -> None:
        self._reasons: dict[Pid, Any] = {}

    def reason(self, pid: Pid) -> Any:
        """Return the reason with which a child had ended; `"noproc"` if it is not known."""
        reasons = self._reasons
        if pid not in reasons:
            messages = current_process().mailbox.messages()
            reasons.update((m.pid, m.reason) for m in messages if type(m) is Exit)
        return reasons.setdefault(pid, "noproc")


async def _spend() -> None:
    """Charge for a child: a start function, or the end of a handler, may never wait."""
    pause = current_process().body.spend(CHILD)
    if pause is not None:
        await pause


def _is_expected(spec: ChildSpec, reason: Any) -> bool:
    """Return True if `reason` is a proper end of a child that was stopped."""
    if is_word(reason, "killed"):
        return spec.shutdown == "brutal_kill"
    if is_word(reason, "normal"):
        # It has ended by itself. Only a permanent child should not do that.
        return spec.restart != "permanent"
    return is_orderly(reason)
