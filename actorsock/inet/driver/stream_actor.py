"""A connected TCP (or local stream) socket: reading, sending, closing, as its rules decide.

`StreamRules` decides what a call or an event means, `ReceiveBuffer` what a packet is, `OutputQueue`
when a socket is busy. This module alone executes: it makes the system calls, wakes processes and
sends messages.

Reading in active mode begins in `on_ready`, called by the poller: the bytes go into the buffer, and
each packet into the owner's mailbox, in that same call. A socket that is not active is not read,
so the kernel's buffers fill and the peer has to wait. One report reads at most `_QUANTUM` bytes:
then the descriptor is registered anew, so that the poller reports it again behind all others.
"""

import errno
import socket as stdlib
import sys
from collections import deque
from collections.abc import Callable
from math import inf
from typing import Any, ClassVar, Final

import trio

from ...results import Error, Ok
from ...runtime.bodies.current import current_process
from ...runtime.core.process import Process
from ...runtime.core.reductions import SYSTEM_CALL
from ...socket.core.service import Service
from ...socket.core.socket_object import Socket
from ...socket.kernel.errors import error_of, reason_of
from ...socket.values.kinds import SocketKind
from ..options.table import Family, Transport
from ..packets.data_forms import length_header, shaped
from ..packets.receive_buffer import Framing, ReceiveBuffer
from ..packets.results import TlsRecord
from ..rules.active_mode import Active
from ..rules.messages import (
    MOVED_WITH_TCP,
    Http,
    PortData,
    Tcp,
    TcpClosed,
    TcpError,
    TcpPassive,
    TlsData,
)
from ..rules.output_queue import OutputQueue, Piece
from ..rules.stream_rules import CLOSE, CLOSED, PASSIVE, Decision, Failed, StreamRules
from .inet_actor import EINVAL, InetActor
from .socket_objects import TcpSocket
from .waiting import Waiter, deadline_of, wait

__all__ = ["WAITS_AT_MOST", "StreamActor"]

_QUANTUM: Final = 65536
_LARGEST_READ: Final = 262144
_JOINED: Final = 65536
"""A header and data up to this size are joined for one send; copying costs less than two pieces."""
_LONGEST_RECV: Final = 2**26
_LOOKS_EVERY: Final = 5.0
WAITS_AT_MOST: Final = 180.0
"""A close with queued output looks for progress so often, and gives up after so many seconds."""

_OK: Final[Ok[None]] = Ok()
_HEADED: Final = frozenset((1, 2, 4))
_FRAMING: Final = ("packet", "packet_size", "buffer", "line_delimiter")


class StreamActor(InetActor):
    """A connected stream."""

    __slots__ = (
        "buffer",
        "closers",
        "connecting",
        "delays",
        "ends_after_queue",
        "head_size",
        "make",
        "packet",
        "paused",
        "queue",
        "read_size",
        "rules",
        "senders",
        "shut_for_writing",
        "unseen",
        "waiter",
    )

    object_type: ClassVar[type[Socket]] = TcpSocket
    transport: ClassVar[Transport] = "tcp"
    rules_type: ClassVar[type[StreamRules]] = StreamRules

    def __init__(
        self,
        service: Service,
        sock: stdlib.socket,
        kind: SocketKind,
        owner: Process,
        family: Family,
        *,
        connected: bool = False,
    ) -> None:
        super().__init__(service, sock, kind, owner, family, connected=connected)
        self.rules = self.rules_type()
        self.rules.mode.value = False  # until all options are set
        self.buffer = ReceiveBuffer()
        self.queue = OutputQueue()
        self.unseen: deque[Any] = deque()
        """Packets that a recv was woken with and whose call unwound: they come next."""
        self.waiter: Waiter | None = None
        """The one recv that waits."""
        self.senders: deque[Waiter] = deque()
        """The sends that wait while the queue is busy."""
        self.closers: list[Waiter] = []
        """The closes that wait for the queue."""
        self.connecting: Waiter | None = None
        self.ends_after_queue = False
        """`shutdown` of the writing side was asked for while bytes were queued."""
        self.shut_for_writing = False
        self.paused = False
        """A bad packet was reported, with exit_on_close False: reading waits for `setopts`."""
        self.packet: Any = 0
        self.head_size: Any = 0
        self.delays = False
        self.read_size = 0
        self.make: Callable[[Any], Any] = _no_message
        self._frame()
        self._choose_message()

    # --- options --------------------------------------------------------------------------------

    def set_active(self, value: Active) -> Ok[None] | Error:
        """See `InetActor.set_active`."""
        decisions = self.rules.set_active(value)
        if isinstance(decisions, Error):
            return decisions
        if decisions:
            self._execute(decisions)
        self.paused = False
        if self.rules.reads:
            self.pump()
        return _OK

    def active_value(self) -> Active:
        """See `InetActor.active_value`."""
        return self.rules.mode.value

    def value_changed(self, name: str) -> None:
        """See `InetActor.value_changed`."""
        if name in _FRAMING:
            self._frame()
        if name in ("packet", "mode", "header", "deliver"):
            self._choose_message()
        if name == "delay_send":
            self.delays = self.value(name)
        if name == "exit_on_close":
            self.rules.exit_on_close = self.value(name)
        if name == "show_econnreset":
            self.rules.show_econnreset = self.value(name)
        if name == "high_watermark":
            self._set_watermarks(self.value(name), min(self.value(name), self.queue.low))
        if name == "low_watermark":
            self._set_watermarks(max(self.value(name), self.queue.high), self.value(name))

    def _set_watermarks(self, high: int, low: int) -> None:
        # The low one is never above the high one: setting one moves the other.
        self.queue.high = self.values["high_watermark"] = high
        self.queue.low = self.values["low_watermark"] = low

    def _frame(self) -> None:
        framing = Framing(*map(self.value, _FRAMING))
        self.packet = framing.packet
        self.read_size = framing.buffer
        self.head_size = self.packet if self.packet in _HEADED else 0
        self.buffer.framing = framing

    def _choose_message(self) -> None:
        """Choose the function that makes the message of a packet, once for many packets."""
        handle, mode, header = self.socket_object, self.value("mode"), self.value("header")
        if self.value("deliver") == "port":
            self.make = lambda packet: PortData(handle, _as_bytes(packet))
        elif str(self.packet).startswith("http"):
            self.make = lambda packet: Http(handle, packet)
        elif self.packet == "ssl_tls":
            self.make = lambda packet: _tls_data(handle, packet)
        elif mode == "binary" and not header:
            self.make = lambda packet: Tcp(handle, packet)
        else:
            self.make = lambda packet: Tcp(handle, shaped(packet, mode, header))

    def passive_message(self) -> Any:
        """Return the message that a count of messages came to 0."""
        return TcpPassive(self.socket_object)

    def closed_message(self) -> Any:
        """Return the message that the stream has ended."""
        return TcpClosed(self.socket_object)

    def error_message(self, reason: Any) -> Any:
        """Return the message that the stream has failed."""
        return TcpError(self.socket_object, reason)

    @property
    def is_dead(self) -> bool:
        """See `InetActor.is_dead`."""
        return self.rules.stage == "dead"

    @property
    def pending(self) -> int:
        """See `InetActor.pending`."""
        return len(self.queue)

    def states(self) -> list[str]:
        """See `InetActor.states`."""
        return [] if self.is_dead else ["connected", "open"]

    # --- readiness ------------------------------------------------------------------------------

    def on_ready(self, read: int, write: int, ended: int) -> None:
        """See `Pollable.on_ready`."""
        if ended:
            self.saw_end = True
        if self.connecting is not None:
            self.read_would_block = self.write_would_block = False
            self.connecting.wake(_OK)
            return
        if read:
            self.read_would_block = False
            if self.rules.reads:
                if not self.paused:
                    self.pump()
            elif self.waiter is not None:
                self._serve_waiter()
        if write and not self.turns.closed:
            self.write_would_block = False
            if self.queue:
                self.flush()

    def pump(self) -> None:
        """Send the owner what has arrived, as long as the mode allows and the quantum lasts.

        The path of every packet in an active mode: `_read`, `Statistics.received` and
        `InetActor.deliver` are written in place.
        """
        rules, mode, buffer, statistics = self.rules, self.rules.mode, self.buffer, self.statistics
        left = _QUANTUM
        while self.unseen and rules.reads:
            self._hand_out(self.unseen.popleft())
        while mode.value is not False and rules.stage == "open":
            packet = buffer.next()
            if packet is None:
                if left <= 0:
                    self._again()
                    return
                if self.read_would_block:
                    return  # the poller watches: the flag is set only then
                size = max(self.read_size, buffer.missing) if len(buffer) else self.read_size
                data = self._read(size)
                if data is None:
                    self.ensure_watched("read")
                    return
                if not data or type(data) is Error:
                    self._input_ended(data.reason if isinstance(data, Error) else "closed")
                    return
                left -= len(data)
                buffer.feed(data)
            elif type(packet) is Error:
                self._input_ended("emsgsize")
                return
            else:
                size = buffer.taken
                statistics.recv_oct += size
                statistics.recv_cnt += 1
                if size > statistics.recv_max:
                    statistics.recv_max = size
                owner = self.owner_process
                if owner is not None:
                    owner.deliver(self.make(packet))
                if mode.value is not True and mode.delivered():
                    self.deliver(self.passive_message())

    def _hand_out(self, packet: Any) -> None:
        self.deliver(self.make(packet))
        if self.rules.mode.delivered():
            self.deliver(self.passive_message())

    def _again(self) -> None:
        self.rearm("read")
        self.ensure_watched("read")

    def _read(self, size: int) -> bytes | Error | None:
        """Make one read; return no bytes at the end of the stream, None if there is nothing."""
        if self.read_would_block:
            return None
        size = min(size, _LARGEST_READ)
        try:
            data = self.sock.recv(size)
        except BlockingIOError:
            self.read_found_nothing()
            return None
        except OSError as exc:
            return error_of(exc)
        if len(data) < size and self.kind.is_tcp:
            self.note_short_read(len(data))
        self.counters.read_byte += len(data)
        return data

    # --- recv -----------------------------------------------------------------------------------

    async def recv(self, length: int, timeout: float) -> Ok[Any] | Error:
        """Return the next packet, or exactly `length` bytes."""
        process = current_process()
        pause = process.body.spend(SYSTEM_CALL)
        if pause is not None:
            await pause
        result = self._recv_now(length)
        if result is not None:
            return result
        if timeout == 0:
            return Error("timeout")
        waiter = self.waiter = Waiter(process, length)
        self.ensure_watched("read")
        try:
            outcome = await wait(waiter, deadline_of(timeout), self._give_back)
        finally:
            if self.waiter is waiter:
                self.waiter = None
        return Error("timeout") if outcome is None else outcome

    def _recv_now(self, length: int) -> Ok[Any] | Error | None:
        refused = self.rules.recv_asked()
        if refused is not None:
            return refused
        if length and self.packet not in (0, "raw"):
            return EINVAL
        if length > _LONGEST_RECV:
            return Error("enomem")
        if self.waiter is not None:
            return Error("ealready")
        return self._take_or_read(length)

    def _take_or_read(self, length: int) -> Ok[Any] | Error | None:
        if self.unseen:
            return self._given(self.unseen.popleft())
        while True:
            result = self._take(length)
            if result is not None:
                return result
            wanted = length - len(self.buffer) if length else self.buffer.missing
            data = self._read(max(self.read_size, wanted))
            if data is None:
                return None
            if not data or isinstance(data, Error):
                return self._input_ended(data.reason if isinstance(data, Error) else "closed")
            self.buffer.feed(data)

    def _take(self, length: int) -> Ok[Any] | Error | None:
        buffer = self.buffer
        size = len(buffer)
        packet: Any
        if length:
            packet = buffer.take(length)
        elif not size:
            return None
        else:
            packet = buffer.next()
        if packet is None:
            return None
        if isinstance(packet, Error):
            return self._input_ended("emsgsize")
        self.statistics.received(size - len(buffer))
        return self._given(packet)

    def _given(self, packet: Any) -> Ok[Any]:
        if isinstance(packet, TlsRecord):
            return Ok(_tls_data(self.socket_object, packet))
        mode, header = self.value("mode"), self.value("header")
        return Ok(packet if mode == "binary" and not header else shaped(packet, mode, header))

    def _serve_waiter(self) -> None:
        waiter = self.waiter
        assert waiter is not None
        if not waiter.waits:
            return  # it has its result, or its call unwinds: the bytes stay for the next one
        self.waiter = None  # its result comes from here, not from a close that reading may cause
        try:
            result = self._take_or_read(waiter.asked)
        except Exception as exc:  # a defect: the caller must not wait for ever
            waiter.wake(Error("einval", exc))
            raise
        if result is None:
            self.waiter = waiter
            self.ensure_watched("read")
            return
        if not waiter.wake(result):
            self._give_back(result)

    def _give_back(self, result: Any) -> None:
        """Keep what a recv was woken with, and that no caller has seen."""
        if isinstance(result, Error):
            if isinstance(result.data, bytes):
                self.buffer.push_back(result.data)
            return
        packet = result.value
        if self.packet in (0, "raw"):
            self.buffer.push_back(_unshaped(packet))
        else:
            self.unseen.appendleft(packet)

    def unrecv(self, data: bytes) -> Ok[None] | Error:
        """Put bytes in front of what is read next."""
        refused = self.rules.call_asked()
        if refused is not None:
            return refused
        self.buffer.push_back(data)
        if self.rules.reads:
            self.pump()
        elif self.waiter is not None:
            self._serve_waiter()
        return _OK

    def _input_ended(self, reason: str) -> Error:
        """Execute what the end of the input, or an error, means; return the result of a recv."""
        result, decisions = self.rules.input_ended(reason)
        rest = self.buffer.take_all()
        self._execute(decisions)
        if self.rules.stage == "dead":
            self._release()
        if result is None:
            self.paused = True
            return Error(reason)
        return Error(result.reason, rest) if rest and reason != "emsgsize" else result

    def _execute(self, decisions: list[Decision]) -> None:
        for decision in decisions:
            if decision == PASSIVE:
                self.deliver(self.passive_message())
            elif decision == CLOSED:
                self.deliver(self.closed_message())
            elif decision == CLOSE:
                self.rules.closed()
                self.close_now()
            else:
                assert isinstance(decision, Failed)
                self.deliver(self.error_message(decision.reason))
                if CLOSE in decisions:
                    self.end_reason = decision.reason

    def _release(self) -> None:
        """Close the descriptor of a lost connection; the socket is dead until it is closed."""
        self.poller.forget(self)
        self.forget_would_block()
        self.may_linger = False
        self.sock.close()
        self._drop_output(Error("closed"))

    # --- send -----------------------------------------------------------------------------------

    async def send(self, data: bytes, framed: bool = True) -> Ok[None] | Error:
        """Send bytes; if they are `framed`, with the header of the packet type in front."""
        process = current_process()
        pause = process.body.spend(SYSTEM_CALL)
        if pause is not None:
            await pause
        result = self.send_at_once(data, framed)
        return await self.send_later(process, data, framed) if result is None else result

    def send_at_once(self, data: bytes, framed: bool = True) -> Ok[None] | Error | None:
        """Send or queue bytes; return None, and do nothing, if the caller must wait first."""
        if self.rules.stage in ("dead", "closed"):
            return self.rules.send_asked()
        if self.ends_after_queue:
            return Error("closed")
        if self.queue.busy:
            return None
        head = self._head(data) if framed and self.head_size else b""
        self.statistics.sent(len(head) + len(data))
        return self._send_now(head, data)

    def _head(self, data: bytes) -> bytes:
        return length_header(self.packet, len(data)) if self.head_size else b""

    def _send_now(self, head: bytes, data: bytes) -> Ok[None] | Error:
        if self.delays or self.queue:
            self.queue.append(head, data)
            self._flush_soon()
            return _OK
        if head and len(data) < _JOINED:
            head, data = b"", head + data
        size = len(head) + len(data)
        if not size:
            return _OK
        try:
            sent = self.sock.sendmsg((head, data)) if head else self.sock.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as exc:
            return self._output_failed(exc)
        self.counters.write_byte += sent
        if sent < size:
            self.queue.append(head, data)
            self.queue.sent(sent)
            self.queue.busy = len(self.queue) >= self.queue.high
            self.flush()
        return _OK

    async def send_later(
        self, process: Process, data: bytes, framed: bool = True
    ) -> Ok[None] | Error:
        """Wait until the queue is busy no more, for at most `send_timeout`, and queue bytes."""
        timeout = self.value("send_timeout")
        head = self._head(data) if framed else b""
        waiter = Waiter(process, (head, data))
        self.senders.append(waiter)
        try:
            outcome = await wait(waiter, deadline_of(timeout), _forget)
        finally:
            if waiter in self.senders:
                self.senders.remove(waiter)
        if outcome is not None:
            result: Ok[None] | Error = outcome
            return result
        if self.value("send_timeout_close") and not self.turns.closed:
            self.rules.send_gave_up()
            self._release()
        return Error("timeout", data)

    def flush(self) -> None:
        """Hand queued bytes to the kernel, and let the next senders queue theirs."""
        queue = self.queue
        left = _QUANTUM * 4
        while queue:
            if left <= 0:
                self.rearm("write")
                self.ensure_watched("write")
                return
            pieces = queue.head()
            if not pieces:
                return  # TLS has to hear from the peer first
            try:
                sent = self.sock.sendmsg(pieces)
            except BlockingIOError:
                self.write_found_no_room()
                self.ensure_watched("write")
                return
            except OSError as exc:
                self._output_failed(exc)
                return
            left -= sent
            self.counters.write_byte += sent
            if queue.sent(sent):
                self._admit_senders()
        if self.ends_after_queue:
            self.ends_after_queue = False
            self._shut(stdlib.SHUT_WR)
        for closer in self.closers:
            closer.wake(_OK)
        if self.owner_process is None:
            self.close_now()

    def _flush_soon(self) -> None:
        # The poller reports a descriptor that is registered anew in its next pass: sends up to
        # then leave together.
        if not self.write_would_block:
            self.watched = False
            self.ensure_watched("write")

    def _admit_senders(self) -> None:
        senders, self.senders = self.senders, deque()
        for sender in senders:
            if sender.waits:
                head, data = sender.asked
                self.statistics.sent(len(head) + len(data))
                self.queue.append(head, data)
                sender.wake(_OK)

    def _output_failed(self, exc: OSError) -> Error:
        reason = reason_of(exc.errno)
        if reason == "epipe":
            # Of the program's own doing after `shutdown`; else the peer has answered with a reset
            # to what was sent after its end, which Linux reports in this way.
            reason = "closed" if self.shut_for_writing else "econnreset"
        error, decisions = self.rules.output_failed(reason)
        self._drop_output(error)
        self._execute(decisions)
        if self.rules.stage == "dead":
            waiter, self.waiter = self.waiter, None
            if waiter is not None:
                waiter.wake(error)
            self._release()
            if self.owner_process is None:
                self.close_now()
        return error

    def _drop_output(self, error: Error) -> None:
        self.queue.clear()
        senders, self.senders = self.senders, deque()
        for waiter in (*senders, *self.closers):
            waiter.wake(error)

    # --- shutdown, close ------------------------------------------------------------------------

    def shutdown(self, how: int) -> Ok[None] | Error:
        """Shut down one direction or both; the writing one when the queue has gone out."""
        refused = self.rules.call_asked()
        if refused is not None:
            return refused
        if how != stdlib.SHUT_RD and self.queue:
            self.ends_after_queue = True
            return _OK if how == stdlib.SHUT_WR else self._shut(stdlib.SHUT_RD)
        return self._shut(how)

    def _shut(self, how: int) -> Ok[None] | Error:
        try:
            self.sock.shutdown(how)
        except OSError as exc:
            return error_of(exc)
        self.forget_would_block()
        if how != stdlib.SHUT_RD:
            self.shut_for_writing = True
        if how != stdlib.SHUT_WR:
            self.on_ready(True, False, True)
        return _OK

    async def close_by_program(self, handle: TcpSocket) -> None:
        """Close for a program: what is queued goes out first, as the option `linger` says."""
        process = current_process()
        if not self.turns.closed:
            self.tell_owner_of_close(process)
            if self.queue:
                await self._wait_for_queue(process)
        process.mailbox.extract(lambda message: _ends(message, handle))
        await self.close()

    async def _wait_for_queue(self, process: Process, at_most: float = WAITS_AT_MOST) -> None:
        try:
            on, seconds = self.sock.getsockopt(stdlib.SOL_SOCKET, stdlib.SO_LINGER, 8), 0
        except OSError:
            return
        if any(on[:4]):
            seconds = int.from_bytes(on[4:], sys.byteorder)
            if seconds == 0:
                self.queue.clear()
                return
        stops = trio.current_time() + (min(seconds, at_most) if any(on[:4]) else at_most)
        waiter = Waiter(process)
        self.closers.append(waiter)
        try:
            while self.queue and not self.turns.closed:
                before = len(self.queue)
                looks = min(stops, trio.current_time() + (inf if any(on[:4]) else _LOOKS_EVERY))
                await wait(waiter, looks, _forget)
                if trio.current_time() >= stops or len(self.queue) == before:
                    return
        finally:
            self.closers.remove(waiter)

    def owner_ended(self) -> None:
        """Close; queued bytes still go out first."""
        self.rules.mode.value = False
        if not self.queue or self.is_dead:
            self.close_now()

    def retired(self) -> None:
        """See `InetActor.retired`."""
        self.rules.closed()
        self.buffer.take_all()
        self.unseen.clear()
        closed = Error("closed")
        waiter, self.waiter = self.waiter, None
        for each in (waiter, self.connecting):
            if each is not None:
                each.wake(closed)
        self._drop_output(closed)
        self.make = _no_message

    def surrender(self) -> tuple[stdlib.socket, bytes, list[Piece]]:
        """Close without closing the descriptor: another protocol goes on with it.

        Returns:
            The descriptor; the bytes that were read and not taken; the pieces that are queued.
        """
        received, queued = self.buffer.take_all(), self.queue.take_all()
        sock = self._retire()
        assert sock is not None
        return sock, received, queued

    # --- owner ----------------------------------------------------------------------------------

    def hand_over(self, caller: Process, to: Process | None) -> Ok[None] | Error:
        """Move the socket, and its messages in the caller's mailbox, to another owner."""
        handle = self.socket_object
        if not self.turns.closed and to is not None and to.pid is self.turns.owner:
            return _OK
        is_owner = caller.pid is self.turns.owner
        ended = any(_ends(message, handle) for message in caller.mailbox.messages())
        decided = self.rules.hand_over(is_owner, to is not None, ended and not self.turns.closed)
        if isinstance(decided, Error):
            return decided
        assert to is not None
        moved = caller.mailbox.extract(
            lambda message: isinstance(message, MOVED_WITH_TCP) and message.socket is handle
        )
        for message in moved:
            to.deliver(message)
        if decided.value:
            self.change_owner(caller.pid, to)
        return _OK

    # --- connecting -----------------------------------------------------------------------------

    async def connect(self, address: Any, deadline: float) -> Ok[None] | Error:
        """Connect to an address in the standard library's form."""
        try:
            number = self.sock.connect_ex(address)
        except OSError as exc:
            return error_of(exc)
        if number == errno.EINPROGRESS:
            waiter = self.connecting = Waiter(current_process())
            self.write_found_no_room()
            self.ensure_watched("write")
            try:
                outcome = await wait(waiter, deadline, _forget)
            finally:
                self.connecting = None
            if outcome is None:
                return Error("timeout")
            if isinstance(outcome, Error):
                return outcome
            number = self.sock.getsockopt(stdlib.SOL_SOCKET, stdlib.SO_ERROR)
        if number:
            return Error(reason_of(number))
        self.saw_end = False
        self.connected = self.may_linger = True
        return _OK


def _ends(message: Any, handle: Any) -> bool:
    return isinstance(message, TcpClosed) and message.socket is handle


def _as_bytes(packet: Any) -> Any:
    return packet.data if isinstance(packet, TlsRecord) else packet


def _tls_data(handle: Any, packet: Any) -> Any:
    if not isinstance(packet, TlsRecord):
        return Tcp(handle, packet)
    return TlsData(handle, packet.content_type, packet.version, packet.data)


def _forget(outcome: Any) -> None:
    pass


def _no_message(packet: Any) -> Any:
    raise AssertionError("the socket is closed")


def _unshaped(data: Any) -> bytes:
    """Return received raw bytes as they were before `shaped`."""
    if isinstance(data, str):
        return data.encode("latin-1")
    if isinstance(data, tuple):
        *numbers, last = data
        return bytes(numbers) + (last if isinstance(last, bytes) else bytes((last,)))
    raw: bytes = data
    return raw
