"""The receiving half of a stream: from the kernel to a recv, or to the owner's mailbox.

`ReceiveBuffer` decides what a packet is, `StreamRules` what the end of the input means. One report
of the poller reads at most `_QUANTUM` bytes: then the descriptor is registered anew, so that the
poller reports it again behind all others.
"""

from collections.abc import Callable
from typing import Any, ClassVar, Final

from ...results import Error, Ok
from ...runtime.bodies.current import current_process
from ...runtime.core.reductions import SYSTEM_CALL
from ...socket.kernel.errors import error_of
from ..packets.data_forms import HEAD_SIZES, shaped
from ..packets.receive_buffer import Framing, ReceiveBuffer
from ..packets.results import TlsRecord
from ..rules.active_mode import Active
from ..rules.messages import (
    TCP_MESSAGES,
    Http,
    PortData,
    StreamMessages,
    Tcp,
    TlsData,
)
from ..rules.stream_rules import CLOSE, CLOSED, PASSIVE, Decision, Failed
from .inet_actor import EINVAL
from .stream_output import StreamOutput
from .waiting import Waiter

__all__ = ["FRAMING", "StreamInput"]

_QUANTUM: Final = 65536
_PACKET_COST: Final = 64
"""What one report reads: so many bytes, of which each packet counts some more."""
_LARGEST_READ: Final = 262144
_LONGEST_RECV: Final = 2**26

_OK: Final[Ok[None]] = Ok()
FRAMING: Final = ("packet", "packet_size", "buffer", "line_delimiter")
"""The options that say how the stream is divided into packets."""


class StreamInput(StreamOutput):
    """What a connected stream does with the bytes that arrive."""

    __slots__ = ("buffer", "make", "packet", "paused", "read_size")

    messages: ClassVar[StreamMessages] = TCP_MESSAGES

    def set_up(self) -> None:
        """See `InetActor.set_up`."""
        super().set_up()
        self.rules.mode.value = False  # until all options are set
        self.buffer = ReceiveBuffer()
        self.paused = False
        """A bad packet was reported, with exit_on_close False: reading waits for `setopts`."""
        self.packet: Any = 0
        self.read_size = 0
        self.make: Callable[[Any, Any], Any] = _no_message
        """Makes the message of a packet, of the socket and the packet."""
        self._frame()

    # --- how packets are cut and shown ------------------------------------------------------------

    def _frame(self) -> None:
        framing = Framing(*map(self.value, FRAMING))
        self.packet = framing.packet
        self.read_size = framing.buffer
        self.head_size = HEAD_SIZES.get(framing.packet, 0)
        self.buffer.framing = framing
        self.make = self.message_maker()

    def _reshape(self) -> None:
        self.make = self.message_maker()

    def message_maker(self) -> Callable[[Any, Any], Any]:
        """Return what makes messages of the socket and a packet: chosen once for many packets."""
        mode, header = self.value("mode"), self.value("header")
        if self.value("deliver") == "port":
            return lambda handle, packet: PortData(handle, _as_bytes(packet))
        if str(self.packet).startswith("http"):
            return Http
        if self.packet == "ssl_tls":
            return _tls_data
        if mode == "binary" and not header:
            return Tcp
        return lambda handle, packet: Tcp(handle, shaped(packet, mode, header))

    # --- active mode ------------------------------------------------------------------------------

    def set_active(self, value: Active) -> Ok[None] | Error:
        """See `InetActor.set_active`."""
        decisions = self.rules.set_active(value)
        if isinstance(decisions, Error):
            return decisions
        if decisions:
            self._execute(decisions)
        self.paused = False
        return _OK

    def options_set(self) -> None:
        """See `InetActor.options_set`."""
        if self.read_would_block and self.buffer.is_empty and not self.unseen:
            return
        if self.reads and not self.paused:
            self.pump()

    def active_value(self) -> Active:
        """See `InetActor.active_value`."""
        return self.rules.mode.value

    @property
    def reads(self) -> bool:
        """See `ReceivingActor.reads`."""
        return self.rules.reads

    def deliver_arrived(self, left: int = _QUANTUM) -> None:
        """See `ReceivingActor.deliver_arrived`; at most `left` bytes are read.

        The path of every packet in an active mode: `Statistics.received` and `InetActor.deliver`
        are written in place.
        """
        rules, mode, buffer, statistics = self.rules, self.rules.mode, self.buffer, self.statistics
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
                size = self.read_size
                if buffer.needed > size:
                    size = max(size, buffer.missing)
                data = self.read_some(size)
                if data is None:
                    self.ensure_watched("read")
                    return
                if not data or type(data) is Error:
                    self._input_ended(data.reason if isinstance(data, Error) else "closed")
                    return
                left -= len(data)
                packet = buffer.pass_through(data)
                if packet is None:
                    buffer.feed(data)
                    continue
            elif type(packet) is Error:
                self._input_ended("emsgsize")
                if self.paused:
                    return
                continue
            left -= _PACKET_COST
            size = buffer.taken
            statistics.recv_oct += size
            statistics.recv_cnt += 1
            if size > statistics.recv_max:
                statistics.recv_max = size
            statistics.deviations += size - statistics.recv_oct / statistics.recv_cnt
            # Counted first: an owner that handles the message in place may set the mode anew.
            passive = mode.value is not True and mode.delivered()
            owner = self.owner_process
            if owner is not None and not owner.ending:
                owner.deliver(self.make(self.socket_object, packet))
            if passive:
                self.tell_passive()

    def _hand_out(self, packet: Any) -> None:
        passive = self.rules.mode.delivered()
        self.deliver(self.make(self.socket_object, packet))
        if passive:
            self.tell_passive()

    def tell_passive(self) -> None:
        """Send the owner the message that the mode has become passive."""
        self.deliver(self.messages.passive(self.socket_object))

    def _again(self) -> None:
        self.rearm("read")
        self.ensure_watched("read")

    def read_some(self, size: int) -> bytes | Error | None:
        """Make one read; return no bytes at the end of the stream, None if there is nothing."""
        if self.read_would_block:
            return None
        if size > _LARGEST_READ:
            size = _LARGEST_READ
        try:
            data = self.sock.recv(size)
        except BlockingIOError:
            self.read_found_nothing()
            return None
        except OSError as exc:
            return error_of(exc)
        if len(data) < size and self.kind.is_tcp:
            self.note_short_read(len(data))
        return data

    # --- recv -----------------------------------------------------------------------------------

    async def recv(self, length: int, timeout: float) -> Ok[Any] | Error:
        """Return the next packet, or exactly `length` bytes."""
        process = current_process()
        pause = process.body.spend(SYSTEM_CALL)
        if pause is not None:
            await pause
        result = self._recv_now(length)
        if result is None:
            result = await self.wait_to_read(Waiter(process, length), timeout)
        return result

    def _recv_now(self, length: int) -> Ok[Any] | Error | None:
        refused = self.rules.recv_asked()
        if refused is not None:
            if refused == EINVAL:
                return refused
            left = self._take(length) if self.rules.stage == "ended" else None
            return self.told_end(refused) if left is None else left
        if length and self.packet not in (0, "raw"):
            return EINVAL
        if length > _LONGEST_RECV:
            return Error("enomem")
        if self.waiter is not None:
            return Error("ealready")
        return self.read_for(length) if self.woken is None else None

    def told_end(self, refused: Error) -> Error:
        """Return the result of a recv behind the end, with bytes that are left.

        There are some only if a recv that was woken with them and the end has given them back.
        """
        rest = self.buffer.take_all()
        return Error(refused.reason, rest) if rest else refused

    def read_for(self, asked: Any) -> Ok[Any] | Error | None:
        """See `InetActor.read_for`: return the next packet, or so many bytes as are `asked` for."""
        length: int = asked
        if self.unseen:
            return self._given(self.unseen.popleft())
        while True:
            result = self._take(length)
            if result is not None:
                return result
            wanted = length - len(self.buffer) if length else self.buffer.missing
            data = self.read_some(max(self.read_size, wanted))
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

    def give_back(self, result: Any) -> None:
        """See `InetActor.give_back`."""
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
        if self.reads:
            self.pump()
        else:
            self.serve_waiter()
        return _OK

    # --- the end of the input ---------------------------------------------------------------------

    def _input_ended(self, reason: str) -> Error:
        """Execute what the end of the input, or an error, means; return the result of a recv."""
        result, decisions = self.rules.input_ended(reason)
        rest = self.buffer.take_all()
        if CLOSE in decisions:  # not where sending fails: monitors are told "normal" then
            failures = [each.reason for each in decisions if isinstance(each, Failed)]
            self.end_reason = failures[0] if failures else "normal"
        # First: an owner that handles the message in place may set the mode anew.
        self.paused = result is None
        self._execute(decisions)
        if self.rules.stage == "dead":
            self.release()
        if result is None:
            if self.rules.stage == "ended":
                self.wake_waiter(Error("closed"))  # it has waited since before the mode
            return Error(reason)
        return Error(result.reason, rest) if rest and reason != "emsgsize" else result

    def retired(self) -> None:
        """See `InetActor.retired`."""
        super().retired()
        self.buffer.take_all()
        self.make = _no_message

    def _execute(self, decisions: list[Decision]) -> None:
        handle = self.socket_object
        for decision in decisions:
            if decision == PASSIVE:
                self.tell_passive()
            elif decision == CLOSED:
                self.deliver(self.messages.closed(handle))
            elif decision == CLOSE:
                self.rules.closed()
                self.close_now()
            else:
                assert isinstance(decision, Failed)
                self.deliver(self.messages.error(handle, decision.reason))


def _as_bytes(packet: Any) -> Any:
    return packet.data if isinstance(packet, TlsRecord) else packet


def _tls_data(handle: Any, packet: Any) -> Any:
    if not isinstance(packet, TlsRecord):
        return Tcp(handle, packet)
    return TlsData(handle, packet.content_type, packet.version, packet.data)


def _no_message(handle: Any, packet: Any) -> Any:
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
