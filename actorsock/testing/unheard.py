"""Exit signals that ended the process of a test's task, and that the task has not heard of.

A task that has become a process belongs to whoever started it: it hears of an exit signal by the
`ExitSignal` that its next call raises, or the one that it waits in. If it makes no more calls it
goes on as if nothing had happened, and a test would pass.
"""

from typing import Any, Final

import attrs
import trio

from ..arguments import shown
from ..runtime.bodies.running import by_task
from ..runtime.bodies.task import TaskBody

__all__ = ["UnheardExit", "UnheardExits"]


@attrs.frozen
class UnheardExit:
    """One process that has been ended so."""

    task: str
    """The name of its task: with pytest-trio it says which test or fixture."""
    reason: Any
    """The exit reason."""

    @property
    def text(self) -> str:
        """What has happened, and what to do if it was meant to."""
        return (
            f"the process of {self.task} was ended by an exit signal: reason {shown(self.reason)}\n"
            "(its next call would have raised ExitSignal; a test that expects this traps exits, "
            "or calls and catches that)"
        )


class UnheardExits(trio.abc.Instrument):
    """Sees the tasks beside the one it was made in end: with pytest-trio, test and fixtures."""

    def __init__(self) -> None:
        self._nursery = trio.lowlevel.current_task().parent_nursery
        self.seen: Final[list[UnheardExit]] = []

    def task_exited(self, task: trio.lowlevel.Task) -> None:
        """Called by trio."""
        if task.parent_nursery is not self._nursery or (process := by_task.get(task)) is None:
            return
        if isinstance(process.body, TaskBody) and process.body.exit_unraised:
            self.seen.append(UnheardExit(task.name, process.reason))
