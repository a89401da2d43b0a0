"""Which process is running: a fact about the moment, kept outside of every body.

A trio task runs as the process it was spawned or adopted as. While the runtime itself takes a
turn (a handler), the process of that turn is the one that runs, whatever task it is taken in.
"""

import threading
from typing import Final

import trio

from ..core.process import Process

__all__ = ["by_task", "local"]


class Turn:
    """What the runtime is doing in one thread."""

    __slots__ = ("process",)

    def __init__(self) -> None:
        self.process: Process | None = None
        """The process whose turn the runtime takes, or None."""


class _Local(threading.local):
    # A thing of its own in each thread: who takes many turns looks it up once.
    def __init__(self) -> None:
        self.turn = Turn()


local: Final = _Local()
"""`local.turn` is this thread's."""

by_task: Final[dict[trio.lowlevel.Task, Process]] = {}
"""The process of every trio task that has one."""
