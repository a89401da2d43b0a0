"""The timers that will send a message, and the registered names."""

from heapq import nsmallest

import trio

from ...runtime.core.identity import Pid
from ...runtime.core.process import alive
from ..web.parameters import Parameters
from ..web.site import Json
from .looks import Looks

__all__ = ["names", "timers"]

_MOST = 500


async def timers(looks: Looks, parameters: Parameters) -> Json:
    """Return the next timers. Parameter of the question: `count`."""
    count = parameters.number("count", 100, _MOST)
    pending = looks.node.pending
    next_ones = nsmallest(count, pending.items(), key=lambda item: item[1].entry.deadline)
    now = trio.current_time()
    rows: list[Json] = [
        {
            "ref": repr(ref),
            "to": repr(timer.dest) if isinstance(timer.dest, Pid) else timer.dest,
            "left": max(0.0, timer.entry.deadline - now),
        }
        for ref, timer in next_ones
    ]
    return {"all": len(pending), "rows": rows}


async def names(looks: Looks, parameters: Parameters) -> Json:
    """Return the registered names. Parameters of the question: `word`, `count`."""
    word = parameters.text("word").lower()
    count = parameters.number("count", 200, _MOST)
    found = sorted(item for item in looks.node.names.items() if word in item[0].lower())
    rows: list[Json] = []
    for name, pid in found[:count]:
        process = alive.get(pid)
        if process is not None:
            rows.append({"name": name, "pid": repr(pid), "function": process.body.describe()})
    return {"all": len(looks.node.names), "found": len(found), "rows": rows}
