"""A UDP (or local datagram) socket: active mode, recv, ancillary data."""

import os
import socket as stdlib
import sys
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final

from ..._native import twin
from ...results import Error, Ok
from ...runtime.bodies.current import current_process
from ...runtime.core.process import Process
from ...runtime.core.reductions import SYSTEM_CALL
from ...socket.core.socket_object import Socket
from ...socket.core.turns import LaneName
from ...socket.kernel.errors import error_of
from ..options.table import Transport
from ..packets.data_forms import Mode, shaped
from ..rules.active_mode import Active, ActiveMode
from ..rules.messages import PortData, Udp, UdpError, UdpPassive, moves_with_udp
from .inet_actor import EINVAL
from .receiving_actor import ReceivingActor
from .socket_objects import UdpSocket
from .waiting import Waiter

__all__ = ["Datagram", "DatagramActor"]

_QUANTUM: Final = 64
"""Datagrams that one report of the poller reads, until other sockets get theirs."""
_CONTROL_SIZE: Final = 256
_ANCILLARY: Final[dict[tuple[int, int], str]] = {
    (stdlib.IPPROTO_IP, stdlib.IP_TTL): "ttl",
    (stdlib.IPPROTO_IP, stdlib.IP_TOS): "tos",
    (stdlib.IPPROTO_IPV6, stdlib.IPV6_TCLASS): "tclass",
}
_OK: Final[Ok[None]] = Ok()
_RECEIVES_MORE: Final = ("recvtos", "recvttl", "recvtclass")

Datagram = tuple[Any, ...]
"""Address, port, and data; or address, port, ancillary data, and data."""


class DatagramActor(ReceivingActor):
    """A socket of datagrams."""

    __slots__ = ("ancillary", "make", "mode", "shape", "size")

    object_type: ClassVar[type[Socket]] = UdpSocket
    transport: ClassVar[Transport] = "udp"

    def set_up(self) -> None:
        """See `InetActor.set_up`."""
        super().set_up()
        self.mode = ActiveMode(False)  # until all options are set
        self.ancillary: set[str] = set()
        """The options that ask for ancillary data and are on."""
        self.size: int = self.value("buffer")
        self.shape: tuple[Mode, int] = ("binary", 0)
        """The options `mode` and `header`."""
        self.make = self._message_maker()

    # --- options --------------------------------------------------------------------------------

    def set_active(self, value: Active) -> Ok[None] | Error:
        """See `InetActor.set_active`."""
        passive = self.mode.change(value)
        if isinstance(passive, Error):
            return passive
        if passive:
            self.tell_passive()
        return _OK

    def options_set(self) -> None:
        """See `InetActor.options_set`."""
        if self.reads:
            self.pump()

    def active_value(self) -> Active:
        """See `InetActor.active_value`."""
        return self.mode.value

    def set_option(self, option: Any, value: Any) -> Ok[None] | Error:
        """See `InetActor.set_option`."""
        result = super().set_option(option, value)
        if option.name in _RECEIVES_MORE and isinstance(result, Ok):
            (self.ancillary.add if value else self.ancillary.discard)(option.name)
        return result

    def value_changed(self, name: str) -> None:
        """See `InetActor.value_changed`."""
        self.size = self.value("buffer")
        self.shape = self.value("mode"), self.value("header")
        self.make = self._message_maker()

    def states(self) -> list[str]:
        """See `InetActor.states`."""
        return ["connected", "open"] if self.connected else ["open"]

    def awaits(self, lane: LaneName) -> bool:
        """See `Pollable.awaits`."""
        return lane == "read" and (self.mode.value is not False or self.waiter is not None)

    # --- reading --------------------------------------------------------------------------------

    @twin
    def on_ready(self, read: int, write: int, ended: int) -> None:
        """See `Pollable.on_ready`."""
        if write:
            self.write_would_block = False
        if not read and not ended:
            return
        self.read_would_block = False
        if self.reads:
            self.pump()
        else:
            self.serve_waiter()

    def read_for(self, asked: Any) -> Ok[Datagram] | Error | None:
        """See `InetActor.read_for`: return the next datagram."""
        datagram = self._read()
        return Ok(datagram) if isinstance(datagram, tuple) else datagram

    def give_back(self, result: Any) -> None:
        """See `InetActor.give_back`."""
        if isinstance(result, Ok):
            self.unseen.appendleft(result.value)

    @property
    def reads(self) -> bool:
        """See `ReceivingActor.reads`."""
        return self.mode.value is not False

    def deliver_arrived(self, left: int = _QUANTUM) -> None:
        """See `ReceivingActor.deliver_arrived`; at most `left` datagrams are read."""
        mode = self.mode
        while mode.value is not False and not self.turns.closed:
            if left == 0:
                self._again()
                return
            left -= 1
            datagram = self._read()
            if datagram is None:
                self.ensure_watched("read")
                return
            if isinstance(datagram, Error):
                self._tell_error(datagram.reason)
                continue
            # Counted first: an owner that handles the message in place may set the mode anew.
            passive = mode.value is not True and mode.delivered()
            self.deliver(self.make(self.socket_object, *datagram))
            if passive:
                self.tell_passive()

    def _again(self) -> None:
        self.rearm("read")
        self.ensure_watched("read")

    def _tell_error(self, reason: str) -> None:
        # The error of an earlier datagram: it counts for no mode.
        self.deliver(UdpError(self.socket_object, reason))

    def tell_passive(self) -> None:
        """Send the owner the message that the mode has become passive."""
        self.deliver(UdpPassive(self.socket_object))

    def _message_maker(self) -> Callable[..., Any]:
        """Return what makes messages of the socket and a datagram: chosen once for many."""
        return _port_data if self.value("deliver") == "port" else _udp

    def _read(self) -> Datagram | Error | None:
        if self.unseen:
            given_back: Datagram = self.unseen.popleft()
            return given_back
        if self.read_would_block:
            return None
        extra: tuple[Any, ...] = ()
        try:
            if self.ancillary:
                data, control, _, source = self.sock.recvmsg(self.size, _CONTROL_SIZE)
                extra = (_ancillary(control),)
            else:
                data, source = self.sock.recvfrom(self.size)
        except BlockingIOError:
            self.read_found_nothing()
            return None
        except OSError as exc:
            return error_of(exc)
        self.statistics.received(len(data))
        mode, header = self.shape
        given = data if mode == "binary" and not header else shaped(data, mode, header)
        address, port = source if self.family == "inet" else self._source(source)
        return address, port, *extra, given

    def _source(self, source: Any) -> tuple[Any, int]:
        if self.family == "local":
            if not source:
                return ("unspec", b""), 0
            return ("local", os.fsencode(source)), 0
        return source[0].partition("%")[0], source[1]

    async def recv(self, timeout: float) -> Ok[Datagram] | Error:
        """Return the next datagram."""
        process = current_process()
        pause = process.body.spend(SYSTEM_CALL)
        if pause is not None:
            await pause
        if self.turns.closed:
            return Error("closed")
        if self.mode.value is not False:
            return EINVAL
        if self.waiter is not None:
            return Error("ealready")
        result = self.read_for(None) if self.woken is None else None
        if result is None:
            result = await self.wait_to_read(Waiter(process), timeout)
        return result

    # --- sending --------------------------------------------------------------------------------

    def send(self, data: bytes, address: Any, control: Sequence[Any] = ()) -> Ok[None] | Error:
        """Send one datagram, to `address` or, if that is None, to the connected peer."""
        if self.turns.closed:
            return Error("closed")
        self.statistics.sent(len(data))  # as in Erlang also what the system refuses
        try:
            if control:
                self.sock.sendmsg([data], control, 0, address)
            elif address is None:
                self.sock.send(data)
            else:
                self.sock.sendto(data, address)
        except OSError as exc:
            return _not_sent(exc)
        return _OK

    def connect(self, address: Any) -> Ok[None] | Error:
        """Choose the peer; the last one counts."""
        if self.turns.closed:
            return Error("closed")
        try:
            self.sock.connect(address)
        except OSError as exc:
            return error_of(exc)
        self.connected = True
        return _OK

    # --- owner, closing -------------------------------------------------------------------------

    def hand_over(self, caller: Process, to: Process | None) -> Ok[None] | Error:
        """Move the socket, and its datagrams in the caller's mailbox, to another owner."""
        handle = self.socket_object
        if self.turns.closed:
            return EINVAL
        if to is not None and to.pid is self.turns.owner:
            return Ok()
        if caller.pid is not self.turns.owner:
            return Error("not_owner")
        if to is None:
            self.mode.value = False
            return Error("badarg")
        moved = caller.mailbox.extract(
            lambda message: moves_with_udp(message) and message.socket is handle
        )
        self.change_owner(caller.pid, to)
        self.deliver_moved(moved, to)
        return Ok()


def _udp(handle: UdpSocket, address: Any, port: int, *rest: Any) -> Udp:
    *ancillary, data = rest
    return Udp(handle, address, port, data, *ancillary)


def _port_data(handle: UdpSocket, *datagram: Any) -> PortData:
    return PortData(handle, datagram[-1])


def _not_sent(exc: OSError) -> Error:
    error = error_of(exc)
    return EINVAL if error.reason == "edestaddrreq" else error


def _ancillary(control: list[tuple[int, int, bytes]]) -> tuple[tuple[str, int], ...]:
    """Return what came with a datagram, in Erlang's order: ttl, tos, tclass."""
    found = {
        _ANCILLARY[level, kind]: int.from_bytes(data[:4], sys.byteorder)
        for level, kind, data in control
        if (level, kind) in _ANCILLARY
    }
    return tuple((name, found[name]) for name in _ANCILLARY.values() if name in found)
