"""The stack of a process: the frames of its code, where it waits or runs.

Everything here is read from objects that CPython and trio show to everybody, at the moment of the
question. Nothing is recorded for it while processes run.
"""

import gc
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any, Final

import attrs

from ..core.body import Body
from ..core.process import Process

__all__ = [
    "StackEntry",
    "entry_of",
    "frames_of",
    "is_running",
    "is_waiting_in_trio",
    "place_of",
    "program_entry_of",
    "stack_of",
    "trio_call_of",
]

_LIBRARIES: Final = ("actorsock.", "trio.", "outcome.")

# Every call of trio that waits, and not only lets others run, waits in this function.
_WAITING: Final = "wait_task_rescheduled"

_STEPS_OF_GENERATORS: Final = ("async_generator_asend", "async_generator_athrow")

_TRIO_WORDS: Final = {"NurseryManager.__aexit__": "nursery"}


@attrs.frozen
class StackEntry:
    """One call on the stack of a process.

    Attributes:
        module: the module of the function.
        function: its qualified name.
        file: the path of the file.
        line: the line in it.
    """

    module: str
    function: str
    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}, in {self.function}"


def stack_of(process: Process) -> list[StackEntry]:
    """Return the calls that `process` is in, the innermost first.

    Empty for code that has not begun, and for a handler between two messages.
    """
    entries = [entry_of(frame) for frame in frames_of(process)]
    entries.reverse()
    return entries


def program_entry_of(process: Process) -> StackEntry | None:
    """Return the innermost call of the program, without those of trio and of this library."""
    found = None
    for frame in frames_of(process):
        if not _is_of_a_library(frame):
            found = frame
    return None if found is None else entry_of(found)


def place_of(process: Process) -> str | None:
    """Return where the code of `process` is suspended, as `file:line, in function`.

    That is the innermost line of the program; lines of trio and of this library are skipped. None
    if there is no such line: the code has not begun, or is a handler's, which never waits.
    """
    entry = program_entry_of(process)
    return None if entry is None else str(entry)


def trio_call_of(process: Process) -> tuple[str, StackEntry | None]:
    """Return the function of trio in which `process` waits, and the place that has called it.

    The function is named as trio names it, such as `Event.wait`; the end of a nursery's block is
    `nursery`. The place is the innermost line of the program, which may have called the function
    through a library.
    """
    function, caller, inside = "", None, False
    for frame in frames_of(process):
        if _module_of(frame).startswith("trio."):
            if not inside:
                function, inside = frame.f_code.co_qualname, True
            continue
        inside = False
        if not _is_of_a_library(frame):
            caller = frame
    return _TRIO_WORDS.get(function, function), None if caller is None else entry_of(caller)


def is_running(process: Process) -> bool:
    """Return whether the code of a task or light process runs at this moment.

    Also if it has called what asks this: by a message that a handler handles in place.
    """
    return bool(getattr(process.body.code, "cr_running", False))


def is_waiting_in_trio(process: Process) -> bool:
    """Return whether a task that is not parked waits in a call of trio, and does not give way.

    A task that trio has woken, and that runs in this or the next pass of trio's loop, is still
    said to wait; one that this library has woken is not.
    """
    caller = None
    for frame in _suspended(process.body.code):
        if frame.f_code.co_name == _WAITING:
            return caller is None or caller.f_code is not Body.park.__code__
        caller = frame
    return False


def frames_of(process: Process) -> Iterator[FrameType]:
    """Return the frames of the code of `process`, outermost first."""
    if is_running(process):
        return _running(process)
    return _suspended(process.body.code)


_NAMES: Final = (
    ("cr_frame", "cr_await"),
    ("gi_frame", "gi_yieldfrom"),
    ("ag_frame", "ag_await"),
)
"""The attributes for the frame and for what is awaited: of coroutines, generators and async
generators. They are constants because each name that is built anew would take a place in the
interpreter's cache of attributes."""


def _suspended(code: Any) -> Iterator[FrameType]:
    while code is not None:
        for its_frame, awaited in _NAMES:
            frame = getattr(code, its_frame, None)
            if frame is not None:
                yield frame
                code = getattr(code, awaited)
                break
        else:
            # A step of an async generator does not tell of which: only the collector knows.
            if type(code).__name__ not in _STEPS_OF_GENERATORS:
                return
            code = next((one for one in gc.get_referents(code) if hasattr(one, "ag_frame")), None)


def _running(process: Process) -> Iterator[FrameType]:
    outermost: FrameType | None = getattr(process.body.code, "cr_frame", None)
    frame = sys._current_frames().get(process.node.thread)
    frames = []
    while frame is not None:
        frames.append(frame)
        if frame is outermost:
            # Without the look itself.
            while len(frames) > 1 and _module_of(frames[0]).startswith(_LOOKING):
                frames.pop(0)
            return reversed(frames)
        frame = frame.f_back
    return iter(())


_LOOKING: Final = (__name__, "actorsock.observing.")


def entry_of(frame: FrameType) -> StackEntry:
    """Return the entry of one frame."""
    code = frame.f_code
    return StackEntry(_module_of(frame), code.co_qualname, code.co_filename, frame.f_lineno or 0)


def _is_of_a_library(frame: FrameType) -> bool:
    return _module_of(frame).startswith(_LIBRARIES)


def _module_of(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))
