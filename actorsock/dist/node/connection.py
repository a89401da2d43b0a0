"""One connection with another node: the process that reads, and the one that writes.

The reader is the owner of the socket. It makes the handshake, and then hands each frame to the
peer. The writer sends what has been queued since its last system call in one call, or a tick when
there was nothing to send. The two are linked: neither goes on without the other.
"""

import logging
from collections.abc import Callable
from typing import Final, Protocol

import trio

from ...results import Error, Ok
from ...runtime.api.deadlines import DeadlineError, deadline
from ...runtime.api.linking import exit, unlink
from ...runtime.api.messaging import receive
from ...runtime.api.spawning import spawn_link
from ...runtime.core.identity import Pid
from ...runtime.core.process import Process, alive
from ...runtime.core.timers import Entry
from ...socket.api import configuring, opening
from ...socket.values.address import SockAddrIn, SockAddrIn6
from ..terms.values import BadTerm
from ..wire.frames import AtomsSent, FrameReader
from ..wire.handshake import HANDSHAKE_SECONDS, LONGEST_MESSAGE, Agreed, HandshakeError
from ..wire.outbox import Outbox
from .channel import Channel
from .outgoing import MOST_QUEUED
from .peer import Peer
from .pressure import BUSY

__all__ = ["Connection", "Handshake"]

_log: Final = logging.getLogger("actorsock.dist")

_READ_SIZE: Final = 65536

_MOST_SILENCES: Final = 4


class Handshake(Protocol):
    """One of the two machines of `wire.handshake`."""

    agreed: Agreed | None

    def receive(self, message: bytes) -> list[bytes]: ...


class _Flush:
    """The message that wakes the writer."""


_FLUSH: Final = _Flush()


class Connection:
    """A connection, from its first byte to its last."""

    def __init__(self, ticktime: float) -> None:
        self.process: Process | None = None
        """The reader, once it runs."""
        self.on_room: Callable[[], object] | None = None
        self._ticktime = ticktime
        self._writer: Process | None = None
        self._theirs = ""
        self._outbox = Outbox(AtomsSent("", ""))
        self._in_flight = 0
        """Bytes that the writer has taken, and that the kernel has not."""
        self._busy = False
        self._heard = False
        self._silences = 0
        """Quarters of the tick time, in a row, in which nothing was heard."""
        self._sent = False
        self._quarter: Entry | None = None
        self._flushing = False
        """The writer has been woken, and has not taken what there is."""
        self._why: str | None = None

    def meet(self, ours: str, theirs: str) -> None:
        """Note the names of the two nodes, before anything is written."""
        self._theirs = theirs
        self._outbox = Outbox(AtomsSent(ours, theirs))

    def write(
        self, body: bytearray, sender: Pid | None, short: bool = False, soon: bool = True
    ) -> bool:
        """Send a message, without waiting; return True if so much waits that senders must too."""
        outbox = self._outbox
        outbox.put(body, sender, short)
        if soon and not self._flushing:
            self._flush()
        waiting = outbox.size + self._in_flight
        if waiting <= BUSY:
            return False
        self._busy = True
        if waiting > MOST_QUEUED and self._why is None:
            _log.error("%d bytes wait for %s: the connection is closed", waiting, self._theirs)
            self.close(f"more than {MOST_QUEUED} bytes wait for it")
        return True

    def _flush(self) -> None:
        if self._writer is not None:
            self._flushing = self._sent = True
            self._writer.deliver(_FLUSH)

    def close(self, why: str) -> None:
        """End the connection; `why` is for the log."""
        self._why = self._why or why
        process = self.process
        if process is not None and process.pid in alive:
            process.signal(process.pid, ("shutdown", self._why), "exit")

    @property
    def why(self) -> str | None:
        """Why it was closed from this side; None while nobody has closed it."""
        return self._why

    async def shake_hands(
        self, channel: Channel, machine: Handshake, first: list[bytes] | None = None
    ) -> bytes:
        """Exchange the messages of the handshake; return the bytes that follow its last one.

        Raises `HandshakeError`.
        """
        data = b""
        try:
            with deadline(HANDSHAKE_SECONDS):
                match await channel.open():
                    case Error(reason):
                        raise HandshakeError(f"TLS has failed: {reason}")
                await _answer(channel, first or [])
                head = channel.head
                while machine.agreed is None:
                    data = await _message(channel, data)
                    size = head + int.from_bytes(data[:head], "big")
                    try:
                        answers = machine.receive(data[head:size])
                    except HandshakeError as refusal:
                        await _answer(channel, list(refusal.answers))
                        raise
                    data = data[size:]
                    await _answer(channel, answers)
        except DeadlineError:
            raise HandshakeError(f"the handshake took {HANDSHAKE_SECONDS:.0f} seconds") from None
        return data

    async def serve(self, channel: Channel, peer: Peer, frames: FrameReader, data: bytes) -> str:
        """Read frames until the connection ends; return why it has ended."""
        configuring.setopt(channel.sock, "otp", "rcvbuf", _READ_SIZE)
        configuring.setopt(channel.sock, "tcp", "nodelay", True)
        match opening.peername(channel.sock):
            case Ok(SockAddrIn() | SockAddrIn6() as theirs):
                peer.address = theirs.addr
        self._writer = alive[spawn_link(self._write, channel, light=True)]
        self._flush()
        self._begin_quarter()
        try:
            while True:
                if data:
                    self._heard = True
                    try:
                        for control, payload, has_payload in frames.feed(data):
                            peer.heard(control, payload, has_payload)
                    except BadTerm as breach:
                        _log.error("%s has sent what is no message: %s", peer.name, breach)
                        return "corrupted"
                match await channel.recv():
                    case Ok(data):
                        pass
                    case Error(reason):
                        return self._why or _REASONS.get(reason, reason)
        finally:
            self._stop()

    def _stop(self) -> None:
        """End the writer and the ticks: the reader ends."""
        assert self.process is not None
        assert self._writer is not None
        assert self._quarter is not None
        writer, self._writer = self._writer, None
        self.process.node.timers.cancel(self._quarter)
        # A reader that returns ends with "normal", and no link passes that on.
        unlink(writer.pid)
        exit(writer.pid, "shutdown")

    async def _write(self, channel: Channel) -> None:
        outbox = self._outbox
        while True:
            await receive()
            self._flushing = False
            while data := b"".join(outbox.take()):
                self._in_flight = len(data)
                match await channel.send(data):
                    case Error(reason):
                        self._why = self._why or str(reason)
                        exit(("shutdown", reason))  # through the link it ends the reader too
                self._in_flight = 0
                if self._busy and outbox.size < BUSY // 2:
                    self._busy = False
                    if self.on_room is not None:
                        self.on_room()

    # --- ticks ------------------------------------------------------------------------------------

    def _begin_quarter(self) -> None:
        self._heard = self._sent = False
        assert self.process is not None
        timers = self.process.node.timers
        end = trio.current_time() + self._ticktime / 4
        self._quarter = timers.add(end, self._end_quarter)

    def _end_quarter(self) -> None:
        """Tick if nothing was sent; end the connection if nothing was heard for four quarters.

        Counted, and not measured from what was heard last: a program that has been busy for longer
        than the tick time has not read what waits for it.
        """
        self._silences = 0 if self._heard else self._silences + 1
        if self._silences >= _MOST_SILENCES:
            self.close("net_tick_timeout")
            return
        if not self._sent:
            self._outbox.put_tick()  # what has been left for it goes out too
            self._flush()
        self._begin_quarter()


_REASONS: Final = {"closed": "connection_closed"}


async def _message(channel: Channel, data: bytes) -> bytes:
    """Return `data`, with more received until the message at its beginning is whole."""
    head = channel.head
    while True:
        if len(data) >= head:
            length = int.from_bytes(data[:head], "big")
            if length > LONGEST_MESSAGE:
                raise HandshakeError("a message is too long")
            if len(data) >= head + length:
                return data
        match await channel.recv():
            case Ok(more):
                data += more
            case Error(reason):
                raise HandshakeError(f"the connection ended in the handshake ({reason})")


async def _answer(channel: Channel, messages: list[bytes]) -> None:
    if messages:
        head = channel.head
        whole = b"".join(len(message).to_bytes(head, "big") + message for message in messages)
        match await channel.send(whole):
            case Error(reason):
                raise HandshakeError(f"the connection ended in the handshake ({reason})")
