"""The state of a process in one word."""

from typing import Literal, TypeAlias

from ..core.process import Process
from .handler import HandlerBody
from .stacks import is_running, is_waiting_in_trio

__all__ = ["Status", "status_of"]

Status: TypeAlias = Literal["running", "runnable", "waiting", "exiting"]


def status_of(process: Process) -> Status:
    """Return what the process does: its code unwinds, waits, runs, or could run.

    A task that waits in trio is found by the frames of its coroutine. That takes a few
    microseconds, but nothing has to be recorded when a task begins to wait.
    """
    if process.ending:
        return "exiting"
    body = process.body
    if body.parked is not None:
        return "waiting"
    if isinstance(body, HandlerBody):
        return "runnable" if process.node.run_queue.holds(body) else "running"
    if is_running(process):
        return "running"
    # A light process waits only if it is parked.
    return "waiting" if body.kind == "task" and is_waiting_in_trio(process) else "runnable"
