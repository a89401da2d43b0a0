"""Exit signals that ended the process of a test's task without the task noticing.

A task that has become a process is stopped only by trio. An exit signal reaches its code as the
`ExitSignal` that the call in which it waits, or else its next call, raises. A task that makes no
further call goes on as if nothing had happened, and a test would pass.
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
    """One process that an exit signal has ended without its task noticing."""

    task: str
    """The name of the task; with pytest-trio, the test or fixture."""
    reason: Any
    """The exit reason."""

    @property
    def text(self) -> str:
        """What happened, and what to change if it was intended."""
        return (
            f"the process of {self.task} was ended by an exit signal: reason {shown(self.reason)}\n"
            "(its next call would have raised ExitSignal; a test that expects this traps exits, "
            "or calls and catches that)"
        )


class UnheardExits(trio.abc.Instrument):
    """Records such processes as their tasks end.

    Observes the siblings of the task in which it was made: with pytest-trio, test and fixtures.
    """

    def __init__(self) -> None:
        self._nursery = trio.lowlevel.current_task().parent_nursery
        self.seen: Final[list[UnheardExit]] = []

    def task_exited(self, task: trio.lowlevel.Task) -> None:
        """Called by trio when a task ends."""
        if task.parent_nursery is not self._nursery or (process := by_task.get(task)) is None:
            return
        if isinstance(process.body, TaskBody) and process.body.exit_unraised:
            self.seen.append(UnheardExit(task.name, process.reason))
