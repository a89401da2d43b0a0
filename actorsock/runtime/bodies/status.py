"""The status of a process, as `process_info` shows it."""

from typing import Final, Literal, TypeAlias

from trio.lowlevel import Task, wait_task_rescheduled

from ..core.process import Process

__all__ = ["Status", "status_of"]

Status: TypeAlias = Literal["running", "waiting", "exiting"]

_WAITING: Final = wait_task_rescheduled.__code__


def status_of(process: Process) -> Status:
    """Return what the process does: its code unwinds, waits, or runs or could run.

    A task that waits in trio is found by the frames of its coroutine. That takes a few
    microseconds, but nothing has to be recorded when a task begins to wait. A task that trio has
    woken, and that runs in this or the next pass of trio's loop, is still said to wait.
    """
    if process.ending:
        return "exiting"
    # A process without a task, or whose task has not begun, waits only if it is parked.
    task: Task | None = getattr(process.body, "task", None)
    if process.body.parked or (task is not None and _waits_in_trio(task)):
        return "waiting"
    return "running"


def _waits_in_trio(task: Task) -> bool:
    # Every call of trio that waits, and not only lets others run, waits in this function.
    return any(frame.f_code is _WAITING for frame, _ in task.iter_await_frames())
