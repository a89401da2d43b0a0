"""Recording when the code of traced processes runs: the flag `running`.

Of light processes by a function in the place of `step_all`, of tasks by an instrument of trio. A
handler runs when it is sent something, which the flag `receive` shows.
"""

from collections import deque
from contextlib import suppress
from typing import Any

import trio

from ...runtime.bodies.running import by_task
from ...runtime.core.node import Node
from ...runtime.core.passes import StepAll
from .table import table_of

__all__ = ["Running"]


class Running(trio.abc.Instrument):
    """The recording of one runtime, which can be switched on and off."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._step_all: StepAll | None = None

    def switch(self, flag: bool) -> None:
        """Begin or end to record."""
        passes = self._node.passes
        if flag and self._step_all is None:
            self._step_all, passes.step_all = passes.step_all, self._step
            trio.lowlevel.add_instrument(self)
        elif not flag and self._step_all is not None:
            passes.step_all, self._step_all = self._step_all, None
            # trio removes an instrument that it could not call, and all when its run ends.
            with suppress(KeyError, RuntimeError):
                trio.lowlevel.remove_instrument(self)

    def _step(self, ready: deque[Any], budget: int) -> int:
        """Do what `step_all` does, one body after the other."""
        step_all = self._step_all
        while ready and budget > 0:
            if step_all is None:  # the trace has ended in the middle of a pass
                return self._node.passes.step_all(ready, budget)
            body = ready.popleft()
            pid = body.process.pid
            self._record(pid, "in")
            try:
                budget = step_all(deque((body,)), budget)
            finally:
                self._record(pid, "out")
            step_all = self._step_all
        return budget

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        """Called by trio."""
        process = by_task.get(task)
        if process is not None and process.node is self._node:
            self._record(process.pid, "in")

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        """Called by trio."""
        process = by_task.get(task)
        if process is not None and process.node is self._node:
            self._record(process.pid, "out")

    def _record(self, pid: Any, kind: Any) -> None:
        table = table_of(self._node)
        if table is not None:
            table.record("running", pid, kind)
