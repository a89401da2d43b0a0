"""Who waits for whom: the edges between processes, and the circles in them."""

from collections.abc import Mapping

import attrs
from trio.lowlevel import enable_ki_protection

from ..runtime.bodies.current import current_process
from ..runtime.core.identity import Pid, is_pid
from ..runtime.core.process import alive
from .wait_reasons import InCall, InMonitor
from .waiting import waits_for

__all__ = ["Waits", "circles_in", "who_waits_for_whom"]


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
    node = current_process().node
    reasons: dict[Pid, InCall | InMonitor] = {}
    for pid, process in alive.copy().items():
        # Only a process that is parked waits for another one; tasks that wait in trio do not.
        if process.node is node and process.body.parked is not None and process.monitors:
            reason = waits_for(process)
            if isinstance(reason, (InCall, InMonitor)):
                reasons[pid] = reason
    edges = {
        pid: target
        for pid, reason in reasons.items()
        if is_pid(target := reason.server if isinstance(reason, InCall) else reason.pid)
    }
    return Waits(reasons, circles_in(edges))


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
