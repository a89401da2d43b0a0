"""Which process is running: a fact about the moment, kept outside of every body.

A trio task runs as the process it was spawned or adopted as. While the runtime itself takes a
turn (a handler), the process of that turn is the one that runs, whatever task it is taken in.
"""

import threading
from typing import Final

import trio

from .process import Process

__all__ = ["by_task", "turn"]


class _Turn(threading.local):
    # Class attribute: a thread that never took a turn finds None without a try.
    process: Process | None = None


turn: Final = _Turn()
"""`turn.process` is the process whose turn the runtime takes in this thread, or None."""

by_task: Final[dict[trio.lowlevel.Task, Process]] = {}
"""The process of every trio task that has one."""
