"""Who waits for whom."""

from ...observing.wait_reasons import InCall, InMonitor
from ...observing.waiting import waits_for
from ...observing.who_waits import circles_in
from ...runtime.core.identity import Pid, is_pid
from ...runtime.core.process import Process, alive
from ..web.parameters import Parameters
from ..web.site import Json
from .looks import Looks, processes_of
from .parts import by_parts
from .texts import name_of_process

__all__ = ["waits"]

_MOST = 500


async def waits(looks: Looks, parameters: Parameters) -> Json:
    """Return the processes that wait for others, and the circles of those that never go on.

    Parameters of the question: `count`, how many edges are told, those of the circles first;
    `word`, for the edges whose pid, name or reason has it.
    """
    count = parameters.number("count", 200, _MOST)
    word = parameters.text("word").lower()
    reasons: dict[Pid, InCall | InMonitor] = {}
    async for part in by_parts(processes_of(looks.node)):
        for process in part:
            reason = _reason_of(process)
            if reason is not None:
                reasons[process.pid] = reason
    targets = {pid: target for pid, reason in reasons.items() if is_pid(target := _target(reason))}
    circles = [circle for circle in circles_in(targets) if _is_closed(circle)]
    stuck = dict.fromkeys(pid for circle in circles for pid in circle)
    edges: list[Json] = []
    found = 0
    async for pids in by_parts(list(dict.fromkeys([*stuck, *reasons]))):
        for pid in pids:
            one = alive.get(pid)
            texts = (repr(pid), "" if one is None else name_of_process(one), str(reasons[pid]))
            if one is None or (word and word not in " ".join(texts).lower()):
                continue
            found += 1
            if len(edges) < count:
                text, name, why = texts
                edges.append({"pid": text, "name": name, "waits": why, "stuck": pid in stuck})
    told: list[Json] = [[repr(pid) for pid in circle] for circle in circles]
    return {"all": len(reasons), "found": found, "edges": edges, "circles": told}


def _reason_of(process: Process) -> InCall | InMonitor | None:
    # Only a process that is parked waits for another one; tasks that wait in trio do not.
    if process.body.parked is None or not process.monitors:
        return None
    reason = waits_for(process)
    return reason if isinstance(reason, (InCall, InMonitor)) else None


def _target(reason: InCall | InMonitor | None) -> object:
    return reason.server if isinstance(reason, InCall) else reason and reason.pid


def _is_closed(circle: list[Pid]) -> bool:
    """Return whether each still waits for the next one: now, in one moment."""
    following = [*circle[1:], circle[0]]
    for pid, target in zip(circle, following, strict=True):
        process = alive.get(pid)
        if process is None or _target(_reason_of(process)) is not target:
            return False
    return True
