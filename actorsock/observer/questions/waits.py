"""Who waits for whom."""

from ...observing.who_waits import who_waits_for_whom
from ...runtime.core.process import alive
from ..web.parameters import Parameters
from ..web.site import Json
from .texts import name_of_process

__all__ = ["waits"]

_MOST = 500


async def waits(parameters: Parameters) -> Json:
    """Return the processes that wait for others, and the circles of those that never go on.

    Parameter of the question: `count`, how many edges are told; those of the circles are first.
    """
    count = parameters.number("count", 200, _MOST)
    found = who_waits_for_whom()
    stuck = [pid for circle in found.circles for pid in circle]
    order = dict.fromkeys([*stuck, *found.reasons])
    edges: list[Json] = []
    for pid in list(order)[:count]:
        process = alive.get(pid)
        if process is not None:
            edges.append(
                {
                    "pid": repr(pid),
                    "name": name_of_process(process),
                    "waits": str(found.reasons[pid]),
                    "stuck": pid in stuck,
                }
            )
    circles: list[Json] = [[repr(pid) for pid in circle] for circle in found.circles]
    return {"all": len(order), "edges": edges, "circles": circles}
