"""The place in a program at which a process waits, for people."""

from collections.abc import Iterator
from types import FrameType
from typing import Any, Final

from ..core.process import Process

__all__ = ["place_of"]

_LIBRARIES: Final = ("actorsock.", "trio.", "outcome.")


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
