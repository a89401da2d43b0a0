"""The log records of supervisors, from the logger "actorsock.supervisor", and their restarts.

Erlang's supervisor reports and progress reports. The attributes `supervisor`, `child`,
`child_pid` and `reason` of a record hold its values, for logging handlers.
"""

import logging
from typing import Any, Final

from ...log_text import text_of
from ...runtime.bodies.crash_report import contain_logging_errors
from ...runtime.bodies.current import current_process
from ...runtime.core.identity import Pid
from ...runtime.core.node import Node
from ...runtime.core.process import Process
from ..behaviour.exit_reasons import is_orderly
from .child_spec import ChildSpec

__all__ = [
    "count_restart",
    "report_end",
    "report_failed_start",
    "report_giving_up",
    "report_not_ended",
    "report_progress",
    "report_slow_start",
    "report_unexpected_end",
    "report_waiting",
    "restarts_of",
]

_log: Final = logging.getLogger("actorsock.supervisor")


_RESTARTS: Final = "restarts"


def count_restart() -> None:
    """Count a restart by the supervisor that runs."""
    node = current_process().node
    node.services[_RESTARTS] = restarts_of(node) + 1


def restarts_of(node: Node) -> int:
    """Return how often the supervisors of a runtime have restarted children."""
    restarts: int = node.services.get(_RESTARTS, 0)
    return restarts


def report_progress(child: Any, pid: Pid) -> None:
    """Log, at level INFO, that a child has started."""
    _write(current_process(), logging.INFO, "is started", child, pid, None)


def report_slow_start(supervisor: Process, child: Any, seconds: float) -> None:
    """Log a warning: the start function of a child has not returned after `seconds`.

    A timer calls this outside of any process.
    """
    event = f"is still being started after {seconds:g} seconds: its start function has not returned"
    _write(supervisor, logging.WARNING, event, child, None, None)


def report_failed_start(child: Any, reason: Any) -> None:
    """Log an error: a child can't be started."""
    _report("can't be started", child, None, reason)


def report_end(spec: ChildSpec, pid: Pid, reason: Any) -> None:
    """Log an error: a child has ended by itself, unless its spec expects such an end."""
    if spec.restart == "permanent" or not is_orderly(reason):
        _report("has ended", spec.id, pid, reason)


def report_unexpected_end(child: Any, pid: Pid, reason: Any) -> None:
    """Log an error: the supervisor has stopped a child, and it ended with another reason."""
    _report("has not ended as it was told to", child, pid, reason)


def report_giving_up(child: Any) -> None:
    """Log an error: there were too many restarts, the last one because of this child."""
    _report("has ended too often, the supervisor gives up", child, None, "shutdown")


def report_waiting(child: Any, nodes: tuple[str, ...]) -> None:
    """Log a warning: none of the nodes of a child can be reached."""
    event = f"waits for {' or '.join(nodes)}, which can't be reached"
    _write(current_process(), logging.WARNING, event, child, None, "noconnection")


def report_not_ended(child: Any, pid: Pid, seconds: float, place: str | None) -> None:
    """Log a warning: a child was killed and has not ended after `seconds`; it waits at `place`."""
    event = f"has not ended {seconds:g} seconds after it was killed"
    where = "" if place is None else f": it waits at {place}"
    _write(current_process(), logging.WARNING, event + where, child, pid, "killed")


def _report(event: str, child: Any, pid: Pid | None, reason: Any) -> None:
    _write(current_process(), logging.ERROR, f"{event}: {text_of(reason)}", child, pid, reason)


def _write(
    process: Process, level: int, event: str, child: Any, pid: Pid | None, reason: Any
) -> None:
    if not _log.isEnabledFor(level):
        return
    name = process.name if process.name is not None else repr(process.pid)
    pid_text = f" {pid!r}" if pid is not None else ""
    extra = {"supervisor": process.pid, "child": child, "child_pid": pid, "reason": reason}
    text = "supervisor %s: child %s%s %s"
    with contain_logging_errors():
        _log.log(level, text, name, text_of(child), pid_text, event, extra=extra)
