"""The texts in which the observer names processes and sockets, and how it finds them again."""

from typing import Any

from ...log_text import text_of
from ...runtime.core.identity import Pid
from ...runtime.core.process import Process, alive

__all__ = ["label_text", "name_of_process", "pid_of"]


def label_text(label: Any) -> str | None:
    """Return the label of a process as text; None if it has none."""
    if label is None:
        return None
    return label if type(label) is str else text_of(label)


def name_of_process(process: Process) -> str:
    """Return the best name of a process: its registered name, label or function."""
    return process.name or label_text(process.label) or process.body.describe()


def pid_of(text: str) -> Pid | None:
    """Return the pid of a living process by its text, `<0.5.0>` or `5`."""
    number = text.removeprefix("<0.").removesuffix(".0>")
    return next((pid for pid in alive.copy() if str(pid.number) == number), None)
