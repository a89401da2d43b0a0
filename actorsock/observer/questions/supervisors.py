"""Supervisors: which children they restart for ever."""

from typing import Any, Final

from ...otp.supervision.supervisor import SupervisorServer
from ...runtime.core.identity import Pid
from ...runtime.core.process import Process

__all__ = ["Restarts"]

_MANY: Final = 3
"""A child that is a new process at so many looks in a row is restarted again and again."""


class Restarts:
    """The children of all supervisors, and at how many looks in a row each was a new process."""

    def __init__(self) -> None:
        self._last: dict[tuple[Pid, Any], tuple[object, int]] = {}
        self._now: dict[tuple[Pid, Any], tuple[object, int]] = {}

    def see(self, process: Process, supervisor: SupervisorServer) -> None:
        """Note the children that a supervisor has now."""
        for child in supervisor.which():
            if child.id is None:
                return  # simple_one_for_one: its children come and go
            key = process.pid, child.id
            before, times = self._last.get(key, (child.pid, 0))
            self._now[key] = child.pid, 0 if before is child.pid else times + 1

    def end(self) -> list[tuple[Pid, Any]]:
        """End a look; return the children that are restarted for ever: supervisor and id."""
        self._last, self._now = self._now, {}
        return [key for key, (_, times) in self._last.items() if times >= _MANY]
