"""Which processes wait for which, collected one process at a time, and the circles in that."""

from collections.abc import Mapping

from ...observing.wait_reasons import InCall, InMonitor
from ...observing.waiting import waits_for
from ...observing.who_waits import circles_in
from ...runtime.core.identity import Pid, is_pid
from ...runtime.core.process import Process, alive

__all__ = ["circles_of", "reason_of"]


def reason_of(process: Process) -> InCall | InMonitor | None:
    """Return why a process waits for another one; None if it does not."""
    # Only a process that is parked waits for another one; tasks that wait in trio do not.
    if process.body.parked is None or not process.monitors:
        return None
    reason = waits_for(process)
    return reason if isinstance(reason, (InCall, InMonitor)) else None


def circles_of(reasons: Mapping[Pid, InCall | InMonitor]) -> list[list[Pid]]:
    """Return the circles in what was collected, in parts, that still are circles now."""
    targets = {pid: target for pid, reason in reasons.items() if is_pid(target := _target(reason))}
    return [circle for circle in circles_in(targets) if _is_closed(circle)]


def _target(reason: InCall | InMonitor | None) -> object:
    return reason.server if isinstance(reason, InCall) else reason and reason.pid


def _is_closed(circle: list[Pid]) -> bool:
    following = [*circle[1:], circle[0]]
    for pid, target in zip(circle, following, strict=True):
        process = alive.get(pid)
        if process is None or _target(reason_of(process)) is not target:
            return False
    return True
