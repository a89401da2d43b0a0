"""The process that runs at this moment, known outside of every body.

A trio task runs as the process that it was spawned or adopted as (`by_task`). While the runtime
itself steps a handler or a light process, that process runs, whatever task is current
(`local.step`). Both are tables of this module, because every call of the library starts with them.
"""

import threading
from typing import Final

import trio

from ..core.process import Process

__all__ = ["by_task", "local"]


class Step:
    """The step that the runtime takes in one thread."""

    __slots__ = ("process",)

    def __init__(self) -> None:
        self.process: Process | None = None
        """The process that the runtime is stepping; None while trio's tasks run."""


class _Local(threading.local):
    # The thread's attribute holds an object, not the process itself: code that takes many steps
    # looks the object up once, and then pays for a plain attribute.
    def __init__(self) -> None:
        self.step = Step()


local: Final = _Local()
"""`local.step` belongs to the calling thread."""

by_task: Final[dict[trio.lowlevel.Task, Process]] = {}
"""The process of every trio task that has one."""
