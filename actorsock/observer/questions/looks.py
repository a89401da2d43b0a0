"""What the last looks at the runtime have seen, for all figures that are per second."""

import time
from collections import deque
from typing import Final

import attrs
import trio

from ...observing.parts import by_parts
from ...runtime.core.identity import Pid
from ...runtime.core.node import Node
from ...runtime.core.process import Process, processes_of
from ...socket.core.service import existing_service
from .findings import Finding, Findings

__all__ = ["Looks"]

_SHORTEST: Final = 0.9
"""Seconds between two looks that are kept. Several pages may ask, each once a second."""

_KEPT: Final = 60
"""How many looks the history shows: about a minute."""


@attrs.frozen
class _Look:
    at: float
    """On Python's monotonic clock."""
    processor: float
    """Seconds of processor time that the program has used."""
    reductions: dict[Pid, int]
    """What each process had spent."""
    numbers: dict[str, float]
    """What the history shows."""


class Looks:
    """The history of one observer. It grows only while somebody looks."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.began = time.monotonic()
        self._last: _Look | None = None
        self._before: _Look | None = None
        self.history: deque[dict[str, float]] = deque(maxlen=_KEPT)
        """The numbers of each look, oldest first."""
        self.findings: list[Finding] = []
        """What the newest look has found to be wrong."""
        self._findings = Findings()
        self._looking = trio.Lock()

    def spent(self, process: Process) -> int:
        """Return what `process` has spent since the look before the last one."""
        before = self._before
        old = 0 if before is None else before.reductions.get(process.pid, 0)
        return process.body.reductions - old

    async def look(self) -> dict[str, float]:
        """Look, unless that was just done; return the numbers of the newest look."""
        async with self._looking:
            return await self._look()

    async def _look(self) -> dict[str, float]:
        now = time.monotonic()
        last = self._last
        if last is not None and now - last.at < _SHORTEST:
            return last.numbers
        reductions, waiting = {}, 0
        kinds = {"task": 0, "light": 0, "handler": 0}
        async for part in by_parts(processes_of(self.node)):
            for process in part:
                reductions[process.pid] = process.body.reductions
                waiting += len(process.mailbox)
                kinds[process.body.kind] += 1
                self._findings.see(process)
        processor = time.process_time()
        numbers: dict[str, float] = {**kinds, "processes": len(reductions), "queued": waiting}
        if last is not None:
            seconds = now - last.at
            spent = sum(all_ - last.reductions.get(pid, 0) for pid, all_ in reductions.items())
            numbers["reductions"] = spent / seconds
            numbers["processor"] = (processor - last.processor) / seconds
            ended = sum(pid not in reductions for pid in last.reductions)
            numbers["ended"] = ended / seconds
            numbers["started"] = (len(reductions) - len(last.reductions) + ended) / seconds
        numbers["sockets"] = _sockets(self.node)
        self.findings = self._findings.end(self.node)
        self._before, self._last = last, _Look(now, processor, reductions, numbers)
        self.history.append(numbers)
        return numbers


def _sockets(node: Node) -> int:
    service = existing_service(node)
    return 0 if service is None else len(service.registry.kinds)
