"""What children of both kinds need when one of them has ended."""

from typing import Any

import attrs

from ..runtime.identity import Pid
from .child_spec import ChildSpec
from .orderly import is_orderly
from .outcomes import Stop
from .supervisor_reports import report

__all__ = ["TryAgain", "give_up", "report_end"]


@attrs.frozen
class TryAgain:
    """To itself: start a child again that could not be started."""

    child: Any


def report_end(spec: ChildSpec, pid: Pid, reason: Any) -> None:
    if spec.restart == "permanent" or not is_orderly(reason):
        report("has ended", spec.id, pid, reason)


def give_up(cause: Any) -> Stop:
    report("has ended too often, the supervisor gives up", cause, None, "shutdown")
    return Stop("shutdown")
