"""What a supervisor writes into the log, as "actorsock.supervisor"."""

import logging
from typing import Any, Final

from ...arguments import shown
from ...runtime.bodies.crash_report import contain_logging_errors
from ...runtime.bodies.current import current_process
from ...runtime.core.identity import Pid
from ...runtime.core.process import Process

__all__ = ["progress", "report", "still_starting"]

_log: Final = logging.getLogger("actorsock.supervisor")


def report(what: str, child: Any, pid: Pid | None, reason: Any) -> None:
    """An error report: what has happened to a child, and why.

    The record's `supervisor`, `child`, `child_pid` and `reason` say it to handlers.
    """
    _write(current_process(), logging.ERROR, f"{what}: {shown(reason)}", child, pid, reason)


def progress(child: Any, pid: Pid) -> None:
    """A progress report: a child has been started."""
    _write(current_process(), logging.INFO, "is started", child, pid, None)


def still_starting(supervisor: Process, child: Any, seconds: float) -> None:
    """A warning: the start function of a child has not returned. For a timer: it raises nothing."""
    what = f"is still being started after {seconds:g} seconds: its start function has not returned"
    with contain_logging_errors():
        _write(supervisor, logging.WARNING, what, child, None, None)


def _write(
    process: Process, level: int, what: str, child: Any, pid: Pid | None, reason: Any
) -> None:
    if not _log.isEnabledFor(level):
        return
    name = process.name if process.name is not None else repr(process.pid)
    who = f" {pid!r}" if pid is not None else ""
    extra = {"supervisor": process.pid, "child": child, "child_pid": pid, "reason": reason}
    _log.log(level, "supervisor %s: child %s%s %s", name, shown(child), who, what, extra=extra)
