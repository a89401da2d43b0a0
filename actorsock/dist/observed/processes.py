"""The lists of all processes, for observer and for etop."""

import time
from typing import Any, Final

from ...observing.parts import by_parts
from ...observing.process_items import ITEMS
from ...runtime.api.messaging import current_pid, send
from ...runtime.core.identity import Pid
from ...runtime.core.process import Process, processes_of
from ..terms.values import Atom
from .load import memory, run_queue, scheduler_wall_time
from .names import UNDEFINED, current_function, name_or_mfa
from .observable import Look

__all__ = ["etop_collect", "procs_info", "row"]

_A: Final = Atom

_MOST_IN_A_MESSAGE: Final = 10_000


async def procs_info(look: Look, collector: Pid) -> None:
    """Send the rows of all processes to `collector`, in messages of at most 10,000 rows each."""
    if not look.control:
        await look.windows.note_those_of(collector)
    rows = await _rows(look)
    for first in range(0, max(1, len(rows)), _MOST_IN_A_MESSAGE):
        part = rows[first : first + _MOST_IN_A_MESSAGE]
        send(collector, (_A("procs_info"), current_pid(), part))


async def etop_collect(look: Look, collector: Pid) -> None:
    """Send the rows of all processes to `collector`, and the load of the node."""
    rows = await _rows(look)
    now = time.time_ns() // 1000
    timestamp = now // 10**12, now // 10**6 % 10**6, now % 10**6
    info: tuple[Any, ...] = (
        _A("etop_info"), timestamp, len(rows), UNDEFINED, scheduler_wall_time(), run_queue(), [],
        memory(look.node.node), rows,
    )  # fmt: skip
    send(collector, (current_pid(), info))


async def _rows(look: Look) -> list[Any]:
    own = current_pid()
    rows: list[Any] = []
    async for part in by_parts(processes_of(look.node.node)):
        rows += [row(process) for process in part if process.pid is not own]
    return rows


def row(process: Process) -> tuple[Any, ...]:
    """Return the row of a process: the record `#etop_proc_info{}`."""
    return (
        _A("etop_proc_info"),
        process.pid,
        ITEMS["memory"](process),
        process.body.reductions,
        name_or_mfa(process),
        0,
        current_function(process),
        len(process.mailbox),
    )
