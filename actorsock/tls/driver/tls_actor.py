"""A TLS connection on its socket: a stream actor whose bytes pass through the engine.

What a stream is, is in `StreamActor`: packets, active modes, the queue, waiting, closing. This adds
what TLS changes: what was read is decrypted before it is divided into packets, what is sent is
encrypted when it leaves the queue, and there are exchanges in which no process has a socket yet or
any more: the handshake, and the way back to plain TCP. As for every stream all of it happens in
calls of the process that asks, or of the poller: no task is switched before a packet is in the
owner's mailbox.
"""

import logging
import socket as stdlib
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from math import inf
from typing import Any, ClassVar, Final

import trio

from ...inet.driver.stream_actor import StreamActor
from ...inet.driver.waiting import Waiter, deadline_of, wait
from ...inet.options.table import Family
from ...inet.packets.data_forms import shaped
from ...inet.packets.receive_buffer import Framing
from ...inet.rules.messages import SSL_MESSAGES, Ssl, SslClosed, StreamMessages
from ...inet.rules.stream_rules import CLOSED, Decision
from ...results import Error, Ok
from ...runtime.bodies.current import current_process
from ...runtime.core.process import Process
from ...socket.core.service import Service
from ...socket.core.socket_object import Socket
from ...socket.core.turns import LaneName
from ...socket.kernel.errors import error_of
from ...socket.values.kinds import SocketKind
from ..engine.alerts import Alert
from ..engine.engine import CLOSE_NOTIFY, End, Engine
from ..engine.rules import TlsRules
from ..engine.sealed_queue import SealedQueue
from ..options.lists import TlsOptions
from .ssl_socket import SslSocket

__all__ = ["TlsActor"]

_PIECE: Final = 65536
_WITHOUT_DATA: Final = 262144
"""After so many bytes that gave no data (tickets, changes of keys) others get their turn."""
_RECORD: Final = 16384
_DRAINED: Final = 16
"""So many pieces at most are read and dropped before a close, which would reset otherwise."""

_OK: Final[Ok[None]] = Ok()
_CLOSED: Final = Error("closed")
_ITS_TURN: Final[Ok[None]] = Ok()
_NO_LINE_LIMIT: Final = 2**31
_log: Final = logging.getLogger("actorsock.ssl")
_LOGGED_AT: Final = ("all", "debug", "info", "notice")
"""Values of `log_level` with which an alert, a notice, is logged."""


class TlsActor(StreamActor):
    """A connection from the beginning of its handshake."""

    __slots__ = ("announced", "engine", "held", "options", "readers", "step", "stepping")

    object_type: ClassVar[type[Socket]] = SslSocket
    messages: ClassVar[StreamMessages] = SSL_MESSAGES

    rules: TlsRules
    queue: SealedQueue

    def __init__(
        self,
        service: Service,
        sock: stdlib.socket,
        kind: SocketKind,
        owner: Process,
        family: Family,
        *,
        engine: Engine,
        options: TlsOptions,
    ) -> None:
        super().__init__(service, sock, kind, owner, family, connected=True)
        self.engine = engine
        self.options = options
        self.rules = TlsRules()
        self.rules.mode.value = False
        self.queue = SealedQueue(engine)
        self.step: Callable[[], Any] | None = None
        self.stepping: Waiter | None = None
        """The process that waits for the end of the handshake, or for the peer's farewell."""
        self.held = False
        """The engine may have data that came with the end of such an exchange."""
        self.announced = False
        """The peer was told that no more data follows."""
        self.readers: deque[Waiter] = deque()
        """The recvs that wait until one before them has its data."""

    # --- options --------------------------------------------------------------------------------

    def _frame(self) -> None:
        # As in Erlang a record limits a raw packet, and only `packet_size` a line.
        super()._frame()
        limit = _RECORD if self.packet in (0, "raw") else _NO_LINE_LIMIT
        size, delimiter = self.value("packet_size"), self.value("line_delimiter")
        self.buffer.framing = Framing(self.packet, size, limit, delimiter)

    def message_maker(self) -> Callable[[Any, Any], Any]:
        """See `StreamActor.message_maker`."""
        mode, header = self.value("mode"), self.value("header")
        if mode == "binary" and not header:
            return Ssl
        return lambda handle, packet: Ssl(handle, shaped(packet, mode, header))

    def _execute(self, decisions: list[Decision]) -> None:
        if CLOSED in decisions:
            announced = self.engine.end == CLOSE_NOTIFY
            self.deliver(SslClosed(self.socket_object, announced=announced))
            decisions = [decision for decision in decisions if decision != CLOSED]
        super()._execute(decisions)

    # --- exchanges: the handshake, and the way back ---------------------------------------------

    async def shake_hands(self, deadline: float) -> Ok[None] | Error[Any]:
        """Carry out the handshake; anything but success closes the socket."""
        if self.queue:
            self.flush()  # what was queued in clear leaves first
        try:
            result = await self._exchange(self._go_on_shaking, deadline)
        except BaseException:
            self.close_now()
            raise
        if isinstance(result, Error):
            self.close_now()
            return result
        self.held = self.engine.holds_input
        self.read_would_block = False
        self.rules.established = True
        return _OK

    async def say_farewell(self, deadline: float) -> Ok[bytes] | Error[Any]:
        """End TLS on both sides; return what the peer has sent behind it."""
        if self.stepping is not None:
            return Error("ealready")
        self.rules.mode.value = False
        self.announced = True
        try:
            result = await self._exchange(self._go_on_leaving, deadline)
        except BaseException:
            self.close_now()
            raise
        if isinstance(result, Error):
            self.close_now()
            return result
        return Ok(self.engine.rest())

    async def _exchange(
        self, step: Callable[[], Ok[None] | Error[Any] | None], deadline: float
    ) -> Ok[None] | Error[Any]:
        """Repeat `step`, whenever bytes can be read or sent, until it has a result."""
        result = step()
        if result is not None:
            return result
        waiter = Waiter(current_process())
        self.step, self.stepping = step, waiter
        self.ensure_watched("read")
        try:
            outcome = await wait(waiter, deadline, _forget)
        finally:
            self.step = self.stepping = None
        return Error("timeout") if outcome is None else outcome

    def _go_on_shaking(self) -> Ok[None] | Error[Any] | None:
        engine, before = self.engine, self.counters.read_byte
        while not self.turns.closed:
            if engine.handshake():
                # The last flight leaves in the poller's next pass, together with the first data if
                # that comes at once: alone in its segment it would hold up the data (Nagle) until
                # the peer has acknowledged it, 40 ms later.
                self._answer()
                return self._check_depth()
            self._send_collected()
            if engine.end is not None:
                return self._failure(engine.end)
            if not self._feed() or self._gives_way(before):
                return None
        return _CLOSED

    def _check_depth(self) -> Ok[None] | Error[Any]:
        # OpenSSL could do it while it checks the chain, but Python cannot tell it the limit.
        allowed = self.options.get("depth")
        if allowed is not None and self.options.verifies_peer:
            between = self.engine.chain_length() - 2
            if between > allowed:
                words = f"{between} certificates between the peer's and the authority"
                return self._failure(Alert("bad_certificate", f"TLS {self.options.side}: {words}"))
        return _OK

    def _go_on_leaving(self) -> Ok[None] | Error[Any] | None:
        engine, before = self.engine, self.counters.read_byte
        if self.queue:
            self.flush()
            if self.queue:
                return None
        if self.turns.closed:
            return _CLOSED
        engine.announce_end()
        self._send_collected()
        while engine.end is None:
            engine.open()
            if engine.end is None and (not self._feed() or self._gives_way(before)):
                return None
        if engine.end == CLOSE_NOTIFY:
            return None if self.queue else _OK
        return self._failure(engine.end)

    def _gives_way(self, before: int) -> bool:
        """Let others run if much was read since a count of bytes; return True if so."""
        if self.counters.read_byte - before <= _WITHOUT_DATA:
            return False
        self._again()
        return True

    def _feed(self) -> bool:
        """Read once, for the engine; return False if there is nothing."""
        if self.read_would_block:
            return False
        try:
            piece = self.sock.recv(_PIECE)
        except BlockingIOError:
            self.read_found_nothing()
            self.ensure_watched("read")
            return False
        except OSError:
            piece = b""
        self.counters.read_byte += len(piece)
        if piece:
            self.engine.feed(piece)
        else:
            self.engine.feed_eof()
        return True

    def _failure(self, end: End) -> Error[Any]:
        if not isinstance(end, Alert):
            return _CLOSED
        if self.options.get("log_level", "notice") in _LOGGED_AT:
            how = "received" if end.received else "generated"
            _log.info("%s (%s %s)", end.text, how, end.name)
        return Error(end.reason)

    # --- readiness ------------------------------------------------------------------------------

    def awaits(self, lane: LaneName) -> bool:
        """See `Pollable.awaits`."""
        waits = self.stepping is not None or self.engine.blocked
        return (lane == "read" and waits) or super().awaits(lane)

    def on_ready(self, read: int, write: int, ended: int) -> None:
        """See `Pollable.on_ready`."""
        if self.stepping is None:
            super().on_ready(read, write, ended)
            if read and self.engine.blocked and not self.turns.closed and not self.rules.reads:
                self._hear_peer_for_sending()
            return
        if ended:
            self.saw_end = True
        if read:
            self.read_would_block = False
        if write:
            self.write_would_block = False
            if self.queue:
                self.flush()
        self._make_step()

    def _make_step(self) -> None:
        step, waiter = self.step, self.stepping
        if step is None or waiter is None:
            return  # it has its result, or the call unwinds
        try:
            result = step()
        except Exception as exc:  # a defect: the caller must not wait for ever
            waiter.wake(Error("einval", exc))
            raise
        if result is not None:
            self.step = None
            waiter.wake(result)

    def _hear_peer_for_sending(self) -> None:
        # A send waits for the peer's part of another handshake, and nobody reads.
        while self.engine.blocked and not self.turns.closed and self._feed():
            if self.engine.at_eof:
                self._input_ended("closed")
                return
            self.held = True
            self.flush()
        self.read_would_block = False

    # --- reading --------------------------------------------------------------------------------

    def read_some(self, size: int) -> bytes | Error | None:
        """See `StreamActor.read_some`: return what one read gives, decrypted."""
        engine = self.engine
        if self.held:
            self.held = False
            data = engine.open()
            if engine.end is not None:
                self.read_would_block = False  # the end is yet to be told
            self._answer()
            if data:
                return data
        left = _WITHOUT_DATA
        while engine.end is None:
            if self.read_would_block:
                return None
            try:
                piece = self.sock.recv(_PIECE)
            except BlockingIOError:
                self.read_found_nothing()
                return None
            except OSError as exc:
                return error_of(exc)
            if piece:
                self.counters.read_byte += len(piece)
                data = engine.open(piece)
                if len(piece) < _PIECE and engine.end is None and self.kind.is_tcp:
                    self.note_short_read(len(piece))
            else:
                engine.feed_eof()
                data = engine.open()
            if engine.has_outgoing or self.queue:
                self._answer()
            if data:
                return data
            left -= len(piece)
            if left <= 0:
                self._again()
                return None
        if isinstance(engine.end, Alert):
            return self._failure(engine.end)
        return b""

    def _answer(self) -> None:
        """Have the poller send what reading gave cause to: not now, since a failure would close."""
        if self.queue.collect() or self.queue:
            self._flush_soon()

    def _input_ended(self, reason: Any) -> Error[Any]:
        if reason == "emsgsize":
            reason = "invalid_packet", self.buffer.take_all()
        return super()._input_ended(reason)

    async def recv(self, length: int, timeout: float) -> Ok[Any] | Error:
        """Return the next packet, or bytes; calls of several processes are served in order."""
        if self.packet not in (0, "raw"):
            length = 0  # as in Erlang: it does not count then
        if self.waiter is None and not self.readers:
            try:
                return await super().recv(length, timeout)
            finally:
                self._next_reader()
        deadline = deadline_of(timeout)
        turn = Waiter(current_process())
        self.readers.append(turn)
        try:
            if await wait(turn, deadline, _forget) is None:
                return Error("timeout")
            self.readers.remove(turn)
            left = max(0.0, deadline - trio.current_time())  # inf stays inf
            return await super().recv(length, left)
        finally:
            if turn in self.readers:
                self.readers.remove(turn)
            self._next_reader()

    def _next_reader(self) -> None:
        if self.readers and self.waiter is None:
            self.readers[0].wake(_ITS_TURN)

    # --- sending --------------------------------------------------------------------------------

    def send_at_once(self, data: bytes, framed: bool = True) -> Ok[None] | Error | None:
        """See `StreamActor.send_at_once`."""
        return _CLOSED if self.announced else super().send_at_once(data, framed)

    def transmit(self, head: bytes, data: bytes) -> Ok[None] | Error:
        """See `StreamOutput.transmit`."""
        queue = self.queue
        later = self.delays or bool(queue)
        queue.append(head + data if head else data)
        if later:
            self._flush_soon()
        else:
            self.flush()
        return _CLOSED if self.turns.closed else _OK

    def _send_collected(self) -> None:
        """Send what the engine has made for the peer."""
        if self.queue.collect():
            self.flush()

    def flush(self) -> None:
        """See `StreamActor.flush`."""
        super().flush()
        engine = self.engine
        if engine.blocked:
            self.ensure_watched("read")
        elif isinstance(engine.end, Alert) and self.queue and not self.turns.closed:
            self._input_ended(self._failure(engine.end).reason)

    def release(self) -> None:
        """See `StreamOutput.release`: no socket is dead and not closed."""
        self.close_now()

    # --- shutdown, close ------------------------------------------------------------------------

    def _shut(self, how: int) -> Ok[None] | Error:
        if how == stdlib.SHUT_RD or self.announced:
            return super()._shut(how)
        self.announced = True
        self.engine.announce_end()
        self.held = True
        self.read_would_block = False
        self.queue.collect()
        self.ends_after_queue = True  # then comes the end of the stream itself
        self.flush()
        return _OK if how == stdlib.SHUT_WR or self.turns.closed else super()._shut(stdlib.SHUT_RD)

    def tell_owner_of_close(self, by: Process) -> None:
        """Do nothing: in Erlang such a socket is not linked to its owner."""

    def forget_end(self, process: Process, handle: Any) -> None:
        """Do nothing: messages that have come stay in the mailbox."""

    async def close_by_program(self, handle: Any) -> None:
        """See `StreamActor.close_by_program`."""
        await self.close_within(inf)

    async def close_within(self, seconds: float) -> None:
        """Close for a program: what is queued goes out first, for at most so many seconds."""
        if not self.turns.closed and self.queue:
            await self.wait_for_queue(current_process(), seconds)
        await self.close()

    def owner_ended(self) -> None:
        """See `StreamActor.owner_ended`; a handshake is given up."""
        if self.stepping is None:
            super().owner_ended()
        else:
            self.close_now()

    def retired(self) -> None:
        """See `InetActor.retired`."""
        if self.sock.fileno() >= 0:
            self._say_goodbye()
        stepping, self.stepping, self.step = self.stepping, None, None
        if stepping is not None:
            stepping.wake(_CLOSED)
        super().retired()
        for reader in self.readers:
            reader.wake(_ITS_TURN)  # it finds the socket closed

    def _say_goodbye(self) -> None:
        """Tell the peer of the end, as far as that can be done at once."""
        queue = self.queue
        if self.announced and self.engine.end == CLOSE_NOTIFY:
            return  # both have; what follows may be for another protocol
        with suppress(OSError):
            if queue.is_sealed:  # after data that was not sent whole it would be a lie
                if not self.announced and not isinstance(self.engine.end, Alert):
                    self.engine.announce_end()
                queue.collect()
                if pieces := queue.head():
                    self.sock.sendmsg(pieces)
            # The kernel resets a connection that is closed with unread bytes (tickets, say), and
            # drops what is still to be sent.
            for _ in range(_DRAINED):
                if not self.sock.recv(_PIECE):
                    break

    # --- owner ----------------------------------------------------------------------------------

    def hand_over(self, caller: Process, to: Process | None) -> Ok[None] | Error:
        """Move the socket to another owner; any process may, and messages stay where they are."""
        if self.turns.closed or self.rules.stage == "closed":
            return _CLOSED
        owner = self.turns.owner
        if to is None:
            self.close_now()  # as when the new owner ends just after this
        elif to.pid is not owner and owner is not None:
            self.change_owner(owner, to)
        return _OK


def _forget(outcome: Any) -> None:
    pass
