"""What is told to one other node: encoded at once, because the sender may change it later.

It goes out through the connection, or waits until there is one.
"""

import logging
from collections.abc import Callable
from threading import get_ident
from typing import Any, Final, Protocol

import trio

from ...runtime.bodies.running import by_task, local
from ...runtime.core.identity import Pid
from ...runtime.core.process import Process
from ..terms.writing import Writer
from ..wire import control
from ..wire.frames import framed
from .identities import Neighbour
from .reasons import write_reason

__all__ = ["MOST_QUEUED", "Line", "Outgoing", "Speaker"]

_log: Final = logging.getLogger("actorsock.dist")

MOST_QUEUED: Final = 64 * 1024 * 1024
"""Bytes that wait for one peer, at most: beyond that its connection is given up."""


class Line(Protocol):
    """A connection, as its peer uses it."""

    def write(self, frame: bytes, soon: bool = True) -> None:
        """Send a frame, without waiting; unless `soon`, together with the next one."""

    def close(self, why: str) -> None:
        """End the connection."""


class Speaker(Protocol):
    """This node, in whose name its processes speak."""

    pid: Pid

    @property
    def name(self) -> str: ...
    @property
    def writer(self) -> Writer: ...
    @property
    def kin_writer(self) -> Writer: ...
    @property
    def kin(self) -> set[str]: ...
    @property
    def thread(self) -> int: ...
    def sender_as_bytes(self, pid: Pid) -> bytes: ...
    def soon(self, function: Callable[..., object], *args: Any) -> None: ...
    def here(self, pid: Pid) -> Process | None: ...
    def process_named(self, name: str) -> Process | None: ...


class Waiting(Neighbour, Protocol):
    """The peer, which is told that something waits for a connection, or is too much."""

    def connect(self) -> None: ...
    def overrun(self) -> None: ...


class Outgoing:
    """The way to one node."""

    def __init__(self, host: Speaker, peer: Waiting) -> None:
        self.host = host
        self.peer = peer
        self.line: Line | None = None
        """The connection, while there is one."""
        self.kin: bool | None = True if peer.name in host.kin else None
        """Whether the node is one of this library; None if it was never connected."""
        self._queue: list[tuple[bytearray, bytearray | None]] = []
        self._queued = 0

    @property
    def writer(self) -> Writer:
        """What writes terms for this node; Erlang's form if it is not known."""
        return self.host.kin_writer if self.kin else self.host.writer

    def operate(self, *operation: Any, reason: Any = None) -> None:
        """Tell a control message; the reason is the payload of those that have one."""
        with_reason = operation[0] in _WITH_REASON

        def body(writer: Writer) -> bytearray:
            body = bytearray()
            writer.write(body, operation)
            if with_reason:
                write_reason(writer, body, reason)
            return body

        self.tell(body(self.writer), self.for_kin(body))

    def for_kin(self, body: Callable[[Writer], bytearray]) -> bytearray | None:
        """Return what to send if the node turns out to be one of this library, where unknown."""
        return body(self.host.kin_writer) if self.kin is None else None

    def tell(self, body: bytearray, for_kin: bytearray | None = None, soon: bool = True) -> None:
        """Send a control message with its payload, from any thread."""
        if get_ident() != self.host.thread:
            self.host.soon(self._put, body, for_kin)
        elif self.line is not None:
            self.line.write(framed(body), soon)
        else:
            self._wait(body, for_kin)

    def sender(self) -> bytes:
        """Return the pid of the calling process as a term.

        A thread of the program, or code outside of any process, sends in the name of the node.
        """
        process = local.step.process
        if process is None:
            process = _process_of_task()
        return self.host.sender_as_bytes(self.host.pid if process is None else process.pid)

    def _put(self, body: bytearray, for_kin: bytearray | None) -> None:
        if self.line is not None:
            self.line.write(framed(body if for_kin is None or not self.kin else for_kin))
        else:
            self._wait(body, for_kin)

    def _wait(self, body: bytearray, for_kin: bytearray | None) -> None:
        self._queue.append((body, for_kin))
        self._queued += len(body)
        if self._queued > MOST_QUEUED:
            _log.error("%d bytes wait for %s: they are dropped", self._queued, self.peer.name)
            self.peer.overrun()
        else:
            self.peer.connect()

    def use(self, line: Line) -> None:
        """Send through this connection from now on, first of all what waits."""
        self.line = line
        queue, self._queue, self._queued = self._queue, [], 0
        for body, for_kin in queue:
            line.write(framed(body if for_kin is None or not self.kin else for_kin))

    def drop(self) -> None:
        """Forget the connection and what waits for one."""
        self.line = None
        self._queue, self._queued = [], 0


def _process_of_task() -> Process | None:
    try:
        return by_task.get(trio.lowlevel.current_task())
    except RuntimeError:
        return None


_WITH_REASON: Final = (control.EXIT, control.EXIT2, control.MONITOR_EXIT)
