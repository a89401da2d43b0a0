"""The list of processes: sorted and filtered here, since only what is on the screen is sent."""

import heapq
from collections.abc import Callable
from typing import Any, Final

from ...observing.parts import by_parts
from ...observing.process_info import process_info
from ...observing.process_items import parent_of
from ...runtime.bodies.status import status_of
from ...runtime.core.identity import Pid
from ...runtime.core.process import Process, alive, processes_of
from ...socket.core.lifetime import SocketLifetime
from ..web.parameters import Parameters
from ..web.site import Json
from .looks import Looks
from .texts import label_text, name_of_process, number_in

__all__ = ["is_socket", "own_processes", "processes"]

_MOST_ROWS: Final = 500

_ROWS: Final = 20
"""A row takes as long as a dozen processes that are only looked through."""

_SORTS: Final[dict[str, Callable[[Looks, Process], Any]]] = {
    "reductions": lambda looks, process: looks.spent(process),
    "total": lambda looks, process: process.body.reductions,
    "queue": lambda looks, process: len(process.mailbox),
    "links": lambda looks, process: len(process.links or ()),
    "age": lambda looks, process: -process.began,
    "pid": lambda looks, process: process.pid.number,
    "name": lambda looks, process: name_of_process(process).lower(),
    "kind": lambda looks, process: process.body.kind,
    "status": lambda looks, process: status_of(process),
}

_ITEMS: Final = ("registered_name", "function", "kind", "status", "waits_for", "memory")


async def processes(looks: Looks, own: Pid, parameters: Parameters) -> Json:
    """Return some rows of the list.

    Parameters of the question: `sort`, a column (the one that has spent most since the last look
    is first, if it is missing); `down=0` for the other order; `first` and `count` for the rows;
    `word` for those whose name, function, label or pid has it; `own=1` with the observer's own;
    `sockets=1` with the actors of sockets; `only`, some pids, for just these in that order.
    """
    await looks.look()
    key = parameters.choice("sort", _SORTS, "reductions")
    down = parameters.flag("down", True)
    first = parameters.number("first", 0, 10**9)
    count = parameters.number("count", 40, _MOST_ROWS)
    word = parameters.text("word").lower()
    only = parameters.text("only")
    if only:
        return await _only(looks, only.split(",")[:_MOST_ROWS])
    hidden = set() if parameters.flag("own") else own_processes(own)
    with_sockets = parameters.flag("sockets")
    everything = processes_of(looks.node)
    chosen: list[Process] = []
    keys: list[Any] = []
    async for part in by_parts(everything):
        for process in part:
            if (
                process.pid not in hidden
                and (with_sockets or not is_socket(process))
                and (not word or word in _words(process))
            ):
                chosen.append(process)
                keys.append(key(looks, process))
    # The first rows need no sorted list, and nearly always it is these that are shown.
    numbers, last = range(len(chosen)), first + count
    if last > _MOST_ROWS:
        picked = sorted(numbers, key=keys.__getitem__, reverse=down)[:last]
    else:
        pick = heapq.nlargest if down else heapq.nsmallest
        picked = pick(last, numbers, key=keys.__getitem__)
    rows = await _rows(looks, [chosen[number] for number in picked[first:]])
    return {"all": len(everything), "found": len(chosen), "first": first, "rows": rows}


async def _only(looks: Looks, texts: list[str]) -> Json:
    everything, wanted = processes_of(looks.node), {text: number_in(text) for text in texts}
    by_number = {process.pid.number: process for process in everything}
    found = [by_number[number] for number in wanted.values() if number in by_number]
    rows = await _rows(looks, found)
    return {"all": len(everything), "found": len(rows), "first": 0, "rows": rows}


def own_processes(own: Pid) -> set[Pid]:
    """Return the processes of the observer: `own`, and what it has started."""
    found = {own}
    # Parents are older than their children, so one pass in the order of age finds all.
    for pid, process in alive.copy().items():
        if parent_of(process) in found:
            found.add(pid)
    return found


async def _rows(looks: Looks, found: list[Process]) -> list[Json]:
    rows: list[Json] = []
    async for part in by_parts(found, _ROWS):
        rows += [row for process in part if (row := _row(looks, process)) is not None]
    return rows


def _row(looks: Looks, process: Process) -> Json:
    info = process_info(process.pid, _ITEMS)
    if info is None:
        return None  # it has ended meanwhile
    waits = info["waits_for"]
    return {
        "pid": repr(process.pid),
        "name": info["registered_name"],
        "label": label_text(process.label),
        "function": info["function"],
        "kind": info["kind"],
        "status": info["status"],
        "waits": None if waits is None else str(waits),
        "reductions": looks.spent(process),
        "total": process.body.reductions,
        "queue": len(process.mailbox),
        "memory": info["memory"],
        "links": len(process.links or ()),
    }


def is_socket(process: Process) -> bool:
    """Return True for the actor of a socket, which the list of sockets shows."""
    return isinstance(process.body.function, SocketLifetime)


def _words(process: Process) -> str:
    parts = (repr(process.pid), process.name, label_text(process.label), process.body.describe())
    return " ".join(filter(None, parts)).lower()
