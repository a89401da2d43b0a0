"""The state of a process, for people: its status, and the place at which its code waits."""

from collections.abc import Iterator
from types import FrameType
from typing import Any, Final, Literal, TypeAlias

from trio.lowlevel import Task, wait_task_rescheduled

from ..core.process import Process

__all__ = ["Status", "place_of", "status_of"]

Status: TypeAlias = Literal["running", "waiting", "exiting"]

_WAITING: Final = wait_task_rescheduled.__code__

_LIBRARIES: Final = ("actorsock.", "trio.", "outcome.")


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
    if process.body.parked is not None or (task is not None and _waits_in_trio(task)):
        return "waiting"
    return "running"


def _waits_in_trio(task: Task) -> bool:
    # Every call of trio that waits, and not only lets others run, waits in this function.
    return any(frame.f_code is _WAITING for frame, _ in task.iter_await_frames())


def place_of(process: Process) -> str | None:
    """Return where the code of `process` is suspended, as `file:line, in function`.

    That is the innermost line of the program; lines of trio and of this library are skipped. None
    if there is no such line: the code has not begun, or is a handler's, which never waits.
    """
    place = None
    for frame in _frames(process.body):
        if not str(frame.f_globals.get("__name__", "")).startswith(_LIBRARIES):
            place = f"{frame.f_code.co_filename}:{frame.f_lineno}, in {frame.f_code.co_qualname}"
    return place


def _frames(body: Any) -> Iterator[FrameType]:
    """Yield the frames of a suspended process, outermost first."""
    task = getattr(body, "task", None)
    # Coroutines, generators and async generators name the same two things differently. The chain
    # ends at an object that has neither, such as a step of an async generator.
    code = getattr(body, "_coroutine", None) if task is None else task.coro
    while code is not None:
        for prefix, awaited in (("cr", "cr_await"), ("gi", "gi_yieldfrom"), ("ag", "ag_await")):
            frame = getattr(code, f"{prefix}_frame", None)
            if frame is not None:
                yield frame
                code = getattr(code, awaited)
                break
        else:
            return
