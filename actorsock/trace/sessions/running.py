"""Recording when the code of traced processes runs: the flag `running`.

Of light processes by a function in the place of `step_all`, of tasks by an instrument of trio, of
handlers by the class of their bodies.
"""

from collections import deque
from contextlib import suppress
from typing import Any, Final

import trio

from ...runtime.bodies.handler import HandlerBody
from ...runtime.bodies.running import by_task
from ...runtime.bodies.selective_handler import SelectiveHandlerBody, selective_classes
from ...runtime.core.mailbox import NOTHING
from ...runtime.core.node import Node
from ...runtime.core.passes import StepAll
from ...runtime.core.process import Process
from .table import record, table_of

__all__ = ["Running", "record_steps"]


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


class RecordedHandlerBody(HandlerBody):
    """The body of a handler whose steps are recorded."""

    __slots__ = ()

    def _handle_next(self, message: Any = NOTHING) -> None:
        # Looked up first: a session that ends meanwhile takes this class away.
        handle_next = super()._handle_next
        process = self._process
        if process is None:
            return
        record(process, "running", "in")
        try:
            handle_next(message)
        finally:
            record(process, "running", "out")


class RecordedSelectiveHandlerBody(RecordedHandlerBody, SelectiveHandlerBody):
    """The same, of one that takes only some messages."""

    __slots__ = ()


selective_classes[RecordedHandlerBody] = RecordedSelectiveHandlerBody

_RECORDED: Final[dict[type[Any], type[Any]]] = {
    HandlerBody: RecordedHandlerBody,
    SelectiveHandlerBody: RecordedSelectiveHandlerBody,
}
_PLAIN: Final = {recorded: plain for plain, recorded in _RECORDED.items()}


def record_steps(process: Process, flag: bool) -> None:
    """Begin or end to record when `process` runs, if it is a handler."""
    body = process.body
    classes = _RECORDED if flag else _PLAIN
    body.__class__ = classes.get(type(body), type(body))
