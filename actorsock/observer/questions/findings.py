"""What is wrong with a program, as far as the tables of the runtime show it."""

import resource
from collections import Counter
from typing import Final

import attrs

from ...observing.wait_reasons import InCall, InMonitor
from ...observing.who_waits import circles_of, reason_of
from ...otp.supervision.tree import supervisor_in
from ...runtime.core.identity import Pid
from ...runtime.core.node import Node
from ...runtime.core.process import Process, alive
from ...socket.core.service import existing_service
from .supervisors import Restarts
from .texts import name_of_process, short_text

__all__ = ["Finding", "Findings"]

_LONG: Final = 1000
"""With so many messages a mailbox is too long."""

_FULL: Final = 0.8
"""With so large a part of the descriptors that the program may have, its sockets are too many."""

_FEW: Final = 100
"""Fewer sockets than these are no finding, also if they become more."""

_GROWING: Final = 8
"""If there are more sockets at so many looks in a row, the program does not close them."""

_MOST: Final = 5
"""The most findings of one kind; more would hide the others."""


@attrs.frozen
class Finding:
    """One thing that is wrong, in words, and the processes that it concerns."""

    text: str
    pids: list[str]


class Findings:
    """Finds what is wrong. In each look, `see` gets the processes one by one, then `end` tells."""

    def __init__(self) -> None:
        self._restarts = Restarts()
        self._long: list[Process] = []
        self._reasons: dict[Pid, InCall | InMonitor] = {}
        self._count = self._growing = 0

    def see(self, process: Process) -> None:
        """Look at one process."""
        if len(process.mailbox) >= _LONG:
            self._long.append(process)
        reason = reason_of(process)
        if reason is not None:
            self._reasons[process.pid] = reason
        supervisor = supervisor_in(process)
        if supervisor is not None:
            self._restarts.see(process, supervisor)

    def end(self, node: Node) -> list[Finding]:
        """End a look; return what it has found."""
        long, self._long = self._long, []
        reasons, self._reasons = self._reasons, {}
        found = [_circle(circle) for circle in circles_of(reasons)[:_MOST]]
        long.sort(key=lambda process: -len(process.mailbox))
        for process in long[:_MOST]:
            text = (
                f"{_named(process.pid)} has {_about(len(process.mailbox))} messages in its mailbox"
            )
            found.append(Finding(text, [repr(process.pid)]))
        for pid, child in self._restarts.end()[:_MOST]:
            text = f"{_named(pid)} restarts its child {short_text(child)} again and again"
            found.append(Finding(text, [repr(pid)]))
        return [*found, *self._sockets(node)]

    def _sockets(self, node: Node) -> list[Finding]:
        service = existing_service(node)
        if service is None:
            return []
        count = len(service.registry.kinds)
        self._growing = self._growing + 1 if count > self._count else 0
        self._count = count
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        full = limit != resource.RLIM_INFINITY and count >= _FULL * limit
        if not full and (self._growing < _GROWING or count < _FEW):
            return []
        owners = Counter(actor.turns.owner for actor in service.registry.actors())
        ((owner, _),) = owners.most_common(1)
        why = f"of {limit:,} descriptors" if full else "more at every look"
        text = f"{_about(count, _FEW)} sockets are open, {why}; most of them are of {_named(owner)}"
        return [Finding(text, [repr(owner)])]


def _about(count: int, least: int = _LONG) -> str:
    # The number doubles from one text to the next: a screen reader reads each new text aloud, and
    # an exact number would be a new text every second.
    return f"more than {least * 2 ** ((count // least).bit_length() - 1):,}"


def _circle(circle: list[Pid]) -> Finding:
    names = [_named(pid) for pid in [*circle, circle[0]]]
    text = f"{' → '.join(names)}: these wait for each other; only a time-out can end that"
    return Finding(text, [repr(pid) for pid in circle])


def _named(pid: Pid | None) -> str:
    process = None if pid is None else alive.get(pid)
    return repr(pid) if process is None else f"{name_of_process(process)} {pid!r}"
