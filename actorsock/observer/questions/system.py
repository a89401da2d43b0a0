"""The program as a whole: the line of tiles, and the view of the system."""

import os
import platform
import sys
import threading
import time
from pathlib import Path

import trio

from ..._native import native
from ...observing.machine import program_memory
from ..web.parameters import Parameters
from ..web.site import Json
from .looks import Looks

__all__ = ["system"]


async def system(looks: Looks, parameters: Parameters) -> Json:
    """Return the numbers of now, and those of the last minute if `history=1`."""
    numbers = await looks.look()
    memory = program_memory()
    told: dict[str, Json] = {
        "now": dict(numbers),
        "memory": None if memory is None else memory.resident,
        "sockets": numbers["sockets"],
        "findings": [{"text": one.text, "pids": list(one.pids)} for one in looks.findings],
        "descriptors": _descriptors(),
        "timers": len(looks.node.pending),
        "names": len(looks.node.names),
        "uptime": time.monotonic() - looks.began,
    }
    if parameters.flag("history"):
        told["history"] = [dict(each) for each in looks.history]
        told["about"] = {
            "program": Path(sys.argv[0]).name,
            "pid": os.getpid(),
            "python": platform.python_version(),
            "trio": trio.__version__,
            "native core": native,
            "machine": platform.platform(),
            "processors": os.cpu_count(),
            "threads": threading.active_count(),
        }
    return told


def _descriptors() -> int | None:
    for folder in ("/proc/self/fd", "/dev/fd"):
        try:
            return len(os.listdir(folder))
        except OSError:
            continue
    return None
