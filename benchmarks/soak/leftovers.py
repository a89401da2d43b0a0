"""Counts of everything that a process or a socket could leave behind."""

import ctypes
import gc
import os
import sys
import threading
from pathlib import Path
from typing import Final

import attrs
import trio

from actorsock import Pid, process_info, processes, registered, socket
from actorsock.observer.web import local_sockets
from actorsock.runtime.bodies.current import current_process
from actorsock.runtime.bodies.running import by_task
from actorsock.runtime.core.process import Process, alive
from actorsock.socket.core.service import service_of
from actorsock.trace.sessions.table import table_of

__all__ = ["Memory", "Stock", "memory", "stock"]

Stock = dict[str, int]
"""The counts, by name."""


def stock(me: Pid) -> Stock:
    """Return the counts of this program and of the process `me`."""
    node = current_process().node
    registry = service_of(node).registry
    info = process_info(me)
    assert info is not None
    return {
        "processes": len(processes()),
        "processes in the table": len(alive),
        "tasks with a process": len(by_task),
        "tasks of trio": trio.lowlevel.current_statistics().tasks_living,
        "timers": len(node.timers),
        "timers that send": len(node.pending),
        "registered names": len(registered()),
        "sockets": socket.number_of(),
        "sockets counted": registry.counts()["num_sockets"],
        "monitors of sockets": len(registry.monitored),
        "watchers of sockets": len(registry.watchers),
        "links of the first process": len(info.links),
        "monitors of the first process": len(info.monitors),
        "monitors on the first process": len(info.monitored_by),
        "messages of the first process": info.message_queue_len,
        "descriptors": len(os.listdir(_DESCRIPTORS)),
        "threads": threading.active_count(),
        "processes of another class": sum(type(one) is not Process for one in alive.values()),
        "tables of traces": int(table_of(node) is not None),
        "hooks of traces": int(node.started is not None)
        + int(registry.trace is not None)
        + int(hasattr(node.passes.step_all, "__self__")),
        "names of local sockets": int(local_sockets.path_of(os.getpid()).exists()),
    }


@attrs.frozen
class Memory:
    """The memory in use."""

    blocks: int
    """The number of blocks that Python has allocated; exact, one for a small object. Those of
    deadlines that are over are left out: trio forgets them when there are a thousand."""
    resident: float
    """Resident size of the program, in MiB."""


def memory() -> Memory:
    """Collect garbage, return free memory to the system, and measure."""
    gc.collect()
    if hasattr(_LIBC, "malloc_trim"):
        _LIBC.malloc_trim(0)
    scopes = sum(type(each) is trio.CancelScope for each in gc.get_objects())
    return Memory(sys.getallocatedblocks() - _BLOCKS_OF_A_SCOPE * scopes, _resident())


def _resident() -> float:
    path = Path("/proc/self/statm")
    if not path.exists():
        return 0.0
    return int(path.read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20


_DESCRIPTORS: Final = "/proc/self/fd" if Path("/proc/self/fd").exists() else "/dev/fd"
_BLOCKS_OF_A_SCOPE: Final = 3
"""The scope, its deadline, and its place in trio's list of deadlines."""
_LIBC: Final = ctypes.CDLL(None)
