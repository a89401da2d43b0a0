"""Who waits for whom."""

from ...observing.parts import by_parts
from ...observing.wait_reasons import InCall, InMonitor
from ...observing.who_waits import circles_of, reason_of
from ...runtime.core.identity import Pid
from ...runtime.core.process import alive, processes_of
from ..web.parameters import Parameters
from ..web.site import Json
from .looks import Looks
from .texts import name_of_process

__all__ = ["waits"]

_MOST = 500


async def waits(looks: Looks, parameters: Parameters) -> Json:
    """Return which processes wait for others, and the circles in that.

    Parameters of the question: `count`, the most edges of the answer, those of circles first;
    `word`, for the edges whose pid, name or reason contains it.
    """
    count = parameters.number("count", 200, _MOST)
    word = parameters.text("word").lower()
    reasons: dict[Pid, InCall | InMonitor] = {}
    async for part in by_parts(processes_of(looks.node)):
        for process in part:
            reason = reason_of(process)
            if reason is not None:
                reasons[process.pid] = reason
    circles = circles_of(reasons)
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
