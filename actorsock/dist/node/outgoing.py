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
from ..wire.flags import Flag
from .identities import FarPid, Neighbour
from .pressure import BUSY, Pressure
from .reasons import write_reason

__all__ = ["MOST_QUEUED", "Line", "Outgoing", "Speaker"]

_log: Final = logging.getLogger("actorsock.dist")

MOST_QUEUED: Final = 64 * 1024 * 1024
"""Bytes that wait for one peer, at most: beyond that its connection is given up."""


class Line(Protocol):
    """A connection, as what is sent through it needs it."""

    on_room: Callable[[], object] | None
    """Called when little waits again, after `write` has returned True."""

    def write(
        self, body: bytearray, sender: Pid | None, short: bool = False, soon: bool = True
    ) -> bool:
        """Send a message, without waiting; return True if so much waits that senders must too.

        Args:
            body: a control message and its payload, as terms without version byte.
            sender: messages of one sender keep their order.
            short: True if the names of the two nodes are the first two atoms of the connection.
            soon: False sends it together with the next one, or tick.
        """
        ...

    def close(self, why: str) -> None:
        """End the connection."""
        ...


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
    @property
    def serving(self) -> set[Pid]:
        """The processes that read and write connections: they must go on, whatever waits."""
        ...

    def sender_as_bytes(self, pid: Pid) -> bytes: ...
    def sender_in_short(self, pid: Pid) -> bytes: ...
    def soon(self, function: Callable[..., object], *args: Any) -> None: ...
    def here(self, pid: Pid) -> Process | None: ...
    def process_named(self, name: str) -> Process | None: ...
    def takes_exit(self, sender: FarPid, reason: Any) -> bool: ...


class Outgoing:
    """The way to one node."""

    def __init__(self, host: Speaker, peer: Neighbour) -> None:
        self.host = host
        self.peer = peer
        self.line: Line | None = None
        """The connection, while there is one."""
        self.short: Writer | None = None
        """Writes messages in the short form, while there is a connection that understands it."""
        self.pressure: Final = Pressure(peer.name)
        self.kin: bool | None = True if peer.name in host.kin else None
        """Whether the node is one of this library; None if it was never connected."""
        self._queue: list[tuple[bytearray, bytearray | None, Pid | None]] = []
        self._queued = 0

    @property
    def writer(self) -> Writer:
        """What writes terms for this node; Erlang's form if it is not known."""
        return self.host.kin_writer if self.kin else self.host.writer

    def operate(self, *operation: Any, sender: Pid | None, reason: Any = None) -> None:
        """Tell a control message; the reason is the payload of those that have one.

        The sender is the process here with whose messages it keeps its order.
        """
        with_reason = operation[0] in _WITH_REASON

        def body(writer: Writer) -> bytearray:
            body = bytearray()
            writer.write(body, operation)
            if with_reason:
                write_reason(writer, body, reason)
            return body

        self.tell(body(self.writer), sender, for_kin=self.for_kin(body))

    def for_kin(self, body: Callable[[Writer], bytearray]) -> bytearray | None:
        """Return what to send if the node turns out to be one of this library, where unknown."""
        return body(self.host.kin_writer) if self.kin is None else None

    def tell(
        self,
        body: bytearray,
        sender: Pid | None,
        short: bool = False,
        soon: bool = True,
        for_kin: bytearray | None = None,
    ) -> bool:
        """Send a control message with its payload, from any thread.

        Returns True if so much waits that its sender has to wait too.
        """
        if get_ident() != self.host.thread:
            self.host.soon(self._put, body, for_kin, sender)
            return False
        if self.line is not None:
            return self.line.write(body, sender, short, soon)
        return self._wait(body, for_kin, sender)

    def sender(self) -> Process | None:
        """Return the calling process; None for a thread of the program, or outside of any."""
        process = local.step.process
        return _process_of_task() if process is None else process

    def charge(self, process: Process) -> None:
        """Have a process that has sent too much wait, but not one that serves connections."""
        if process.pid not in self.host.serving:
            self.pressure.charge(process)

    def _put(self, body: bytearray, for_kin: bytearray | None, sender: Pid | None) -> None:
        if self.line is not None:
            self.line.write(body if for_kin is None or not self.kin else for_kin, sender)
        else:
            self._wait(body, for_kin, sender)

    def _wait(self, body: bytearray, for_kin: bytearray | None, sender: Pid | None) -> bool:
        self._queue.append((body, for_kin, sender))
        self._queued += len(body)
        if self._queued > MOST_QUEUED:
            _log.error("%d bytes wait for %s: they are dropped", self._queued, self.peer.name)
            self.peer.overrun()
            return False
        self.peer.connect()
        return self._queued > BUSY

    def use(self, line: Line, flags: int, short: Writer) -> None:
        """Send through this connection from now on, first of all what waits."""
        self.line = line
        self.short = short if flags & Flag.DIST_HDR_ATOM_CACHE else None
        line.on_room = self.pressure.release
        queue, self._queue, self._queued = self._queue, [], 0
        busy = False
        for body, for_kin, sender in queue:
            busy = line.write(body if for_kin is None or not self.kin else for_kin, sender)
        if not busy:
            self.pressure.release()

    def drop(self) -> None:
        """Forget the connection and what waits for one."""
        if self.line is not None:
            self.line.on_room = None
        self.line = self.short = None
        self._queue, self._queued = [], 0
        self.pressure.release()


def _process_of_task() -> Process | None:
    try:
        return by_task.get(trio.lowlevel.current_task())
    except RuntimeError:
        return None


_WITH_REASON: Final = (control.EXIT, control.EXIT2, control.MONITOR_EXIT)
