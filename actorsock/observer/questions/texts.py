"""The texts in which the observer names processes and sockets, and how it finds them again."""

import re
from typing import Any, Final

from ...log_text import text_of
from ...runtime.core.identity import Pid
from ...runtime.core.process import Process, alive

__all__ = ["label_text", "name_of_process", "number_in", "pid_of", "short_text"]


def label_text(label: Any) -> str | None:
    """Return the label of a process as text; None if it has none."""
    return None if label is None else short_text(label)


def short_text(value: Any) -> str:
    """Return a value as text: a str without its quotes."""
    return value if type(value) is str else text_of(value)


def name_of_process(process: Process) -> str:
    """Return the best name of a process: its registered name, label or function."""
    return process.name or label_text(process.label) or process.body.describe()


def pid_of(text: str) -> Pid | None:
    """Return the pid of a living process by its text, `<0.5.0>` or `5`."""
    number = number_in(text)
    return next((pid for pid in alive.copy() if pid.number == number), None)


def number_in(text: str) -> int | None:
    """Return the number of a pid by its text; None if it is no pid of this program."""
    number = text.removeprefix("<0.").removesuffix(".0>")
    return int(number) if _NUMBER.fullmatch(number) else None


_NUMBER: Final = re.compile("[0-9]{1,20}")
