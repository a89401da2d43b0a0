"""Children that have been killed and do not end.

In Erlang a kill can't be refused. Here the code of a process may catch it, or clean up for long in
a shielded scope. A supervisor must not wait for such a child in the middle of a request: it logs
where the child is, goes on serving, and finishes what depends on the child when that has ended.
"""

from typing import Final

import attrs

from ...results import Ok
from ...runtime.api.message_timers import send_after
from ...runtime.api.messaging import current_pid, receive
from ...runtime.bodies.stacks import place_of
from ...runtime.core.identity import Pid, Ref
from ...runtime.core.messages import Timeout
from ...runtime.core.process import alive
from ..behaviour.starting import KILL_WAIT
from ..calls.calling import reply
from ..calls.protocol import Caller
from .child_spec import ChildSpec
from .reports import report_not_ended

__all__ = ["KilledChild", "KilledChildren", "StillThere"]

_LONGEST_PAUSE: Final = 600.0
"""Seconds between two log records of one child, at most: first `KILL_WAIT`, then twice as long."""


@attrs.define(eq=False)
class KilledChild:
    """A child that was killed `waited` seconds ago, and has not ended."""

    spec: ChildSpec
    pid: Pid
    ref: Ref
    """A monitor: `Down` comes when it has ended."""
    waited: float = KILL_WAIT
    callers: list[Caller] = attrs.field(factory=list)
    """The callers of `terminate_child` to answer when it has ended."""

    @property
    def pause(self) -> float:
        """Seconds until the next log record."""
        return min(self.waited, _LONGEST_PAUSE)

    def log(self) -> None:
        """Log that it has not ended, and the place at which it waits."""
        process = alive.get(self.pid)
        place = None if process is None else place_of(process)
        report_not_ended(self.spec.id, self.pid, self.waited, place)


@attrs.frozen
class StillThere:
    """A supervisor's message to itself: log a killed child again, if it has still not ended."""

    pid: Pid


class KilledChildren:
    """The killed children of one supervisor that have not ended."""

    def __init__(self) -> None:
        self._by_pid: dict[Pid, KilledChild] = {}

    def __contains__(self, pid: Pid | None) -> bool:
        return pid in self._by_pid

    def add(self, killed: KilledChild) -> None:
        """Take a child that `stop_processes` has returned, and log it."""
        self._by_pid[killed.pid] = killed
        self._log(killed)

    def answer_later(self, pid: Pid, caller: Caller) -> None:
        """Answer `caller` with `Ok()` when the child has ended."""
        self._by_pid[pid].callers.append(caller)

    def log_again(self, pid: Pid) -> None:
        """Handle `StillThere`."""
        killed = self._by_pid.get(pid)
        if killed is not None:
            killed.waited += killed.pause
            self._log(killed)

    def ended(self, pid: Pid) -> None:
        """Forget a child that has ended, and answer its callers."""
        for caller in self._by_pid.pop(pid).callers:
            reply(caller, Ok())

    async def wait(self) -> None:
        """Wait until all have ended, however long that takes; log those that take long."""
        for pid, killed in list(self._by_pid.items()):
            while isinstance(await receive(killed.ref, after=killed.pause), Timeout):
                killed.waited += killed.pause
                killed.log()
            self.ended(pid)

    def _log(self, killed: KilledChild) -> None:
        killed.log()
        send_after(killed.pause, current_pid(), StillThere(killed.pid))
