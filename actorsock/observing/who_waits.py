"""Who waits for whom: the edges between processes, and the circles in them."""

from collections.abc import Mapping

import attrs
from trio.lowlevel import enable_ki_protection

from ..runtime.bodies.current import current_process
from ..runtime.core.identity import Pid, is_pid
from ..runtime.core.process import Process, alive, processes_of
from .wait_reasons import InCall, InMonitor, Named
from .waiting import waits_for

__all__ = ["Waits", "circles_in", "circles_of", "reason_of", "who_waits_for_whom"]


@attrs.frozen
class Waits:
    """The result of `who_waits_for_whom`.

    Attributes:
        reasons: each process that waits for another one: the `InCall` or `InMonitor`.
        circles: the processes of each circle, each of which waits for the next one, and the last
            for the first. None of them will ever go on, unless a time-out ends its wait.
    """

    reasons: dict[Pid, InCall | InMonitor]
    circles: list[list[Pid]]


@enable_ki_protection
def who_waits_for_whom() -> Waits:
    """Return which processes of this runtime wait for others, and find circles of calls.

    A process waits for another one while it waits for the answer to a call, or for the `Down` of a
    monitor. It takes some 0.3 microseconds for each process. Erlang has no counterpart.

    Returns:
        The `Waits`, oldest process first.

    Example::

        for circle in who_waits_for_whom().circles:
            print("a deadlock:", *circle)
    """
    reasons = {
        process.pid: reason
        for process in processes_of(current_process().node)
        if (reason := reason_of(process)) is not None
    }
    return Waits(reasons, circles_of(reasons))


def reason_of(process: Process) -> InCall | InMonitor | None:
    """Return why a process waits for another one; None if it does not."""
    # Only a process that is parked waits for another one; tasks that wait in trio do not.
    if process.body.parked is None or not process.monitors:
        return None
    reason = waits_for(process)
    return reason if isinstance(reason, (InCall, InMonitor)) else None


def circles_of(reasons: Mapping[Pid, InCall | InMonitor]) -> list[list[Pid]]:
    """Return the circles in what `reason_of` has told of some processes.

    Other processes may have run between two of these questions: only circles that still are
    circles now are returned.
    """
    targets = {
        pid: target for pid, reason in reasons.items() if is_pid(target := _target_of(reason))
    }
    return [circle for circle in circles_in(targets) if _is_circle(circle)]


def _is_circle(circle: list[Pid]) -> bool:
    following = [*circle[1:], circle[0]]
    for pid, target in zip(circle, following, strict=True):
        process = alive.get(pid)
        reason = None if process is None else reason_of(process)
        if reason is None or _target_of(reason) is not target:
            return False
    return True


def _target_of(reason: InCall | InMonitor) -> Named:
    return reason.server if isinstance(reason, InCall) else reason.pid


def circles_in(edges: Mapping[Pid, Pid]) -> list[list[Pid]]:
    """Return the circles in a graph in which each process waits for one other at most."""
    circles = []
    seen: set[Pid] = set()
    for start in edges:
        path: dict[Pid, None] = {}
        pid = start
        while pid in edges and pid not in seen:
            seen.add(pid)
            path[pid] = None
            pid = edges[pid]
        if pid in path:
            on_the_way = list(path)
            circles.append(on_the_way[on_the_way.index(pid) :])
    return circles
