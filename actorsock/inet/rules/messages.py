"""What the sockets of gen_tcp, gen_udp and ssl put into their owner's mailbox, made for `match`."""

from typing import Any, Final, final

import attrs

from ..._native import class_of_values
from ...runtime.core.identity import Ref
from ...runtime.core.messages import owed

__all__ = [
    "SSL_MESSAGES",
    "TCP_MESSAGES",
    "Http",
    "PortData",
    "PortDown",
    "Ssl",
    "SslClosed",
    "SslError",
    "SslPassive",
    "StreamMessages",
    "Tcp",
    "TcpClosed",
    "TcpError",
    "TcpPassive",
    "TlsData",
    "Udp",
    "UdpError",
    "UdpPassive",
    "moves_with_udp",
]


@final
@attrs.frozen(init=False)
class Tcp(metaclass=class_of_values):
    """Data, or one packet, of an active socket. Erlang's `{tcp, Socket, Data}`.

    Attributes:
        socket: the socket.
        data: bytes, or the form that the options `mode` and `header` give them.
    """

    socket: Any
    data: Any

    # There is one for each packet. This takes half the time of the `__init__` that attrs writes.
    def __init__(self, socket: Any, data: Any) -> None:
        _set_socket(self, socket)
        _set_data(self, data)


_set_socket: Final = Tcp.socket.__set__
_set_data: Final = Tcp.data.__set__


@final
@attrs.frozen
class Http:
    """A packet of the types `http*`. Erlang's `{http, Socket, HttpPacket}`."""

    socket: Any
    packet: Any


@final
@attrs.frozen
class TlsData:
    """A packet of the type `ssl_tls`. Erlang's `{ssl_tls, Socket, ContentType, Version, Data}`."""

    socket: Any
    content_type: int
    version: tuple[int, int]
    data: bytes


@final
@attrs.frozen
class PortData:
    """Data of a socket whose option `deliver` is `"port"`. Erlang's `{Socket, {data, Data}}`."""

    socket: Any
    data: Any


@final
@attrs.frozen
class PortDown:
    """A socket that the receiver monitors has closed. `{'DOWN', Ref, port, Socket, Reason}`.

    Attributes:
        ref: the reference that `inet.monitor` returned.
        socket: the socket.
        reason: `"normal"`; `"noproc"` if the socket was closed before it was monitored; the reason
            of the `TcpError` that ended the connection, or of the end of the owner.
    """

    ref: Ref
    socket: Any
    reason: Any


@final
@attrs.frozen
class TcpClosed:
    """The stream has ended; sent once. Erlang's `{tcp_closed, Socket}`."""

    socket: Any


@final
@attrs.frozen
class TcpError:
    """The stream failed; `TcpClosed` follows. Erlang's `{tcp_error, Socket, Reason}`."""

    socket: Any
    reason: str


@final
@attrs.frozen
class TcpPassive:
    """A count of messages came to 0. Erlang's `{tcp_passive, Socket}`."""

    socket: Any


@final
@attrs.frozen
class Udp(metaclass=class_of_values):
    """A datagram. Erlang's `{udp, Socket, Address, Port[, AncData], Data}`.

    Attributes:
        socket: the socket.
        address: the sender's address: its numeric text; ("local", path) of a local socket.
        port: the sender's port; 0 of a local socket.
        data: bytes, or the form that the options `mode` and `header` give them.
        ancillary: pairs such as ("ttl", 64) where the socket asks for them, else None. It comes
            last so that a pattern may leave it out.
    """

    socket: Any
    address: Any
    port: int
    data: Any
    ancillary: tuple[tuple[str, int], ...] | None = None


@final
@attrs.frozen
class UdpError:
    """A datagram sent before was refused, say. Erlang's `{udp_error, Socket, Reason}`."""

    socket: Any
    reason: str


@final
@attrs.frozen
class UdpPassive:
    """A count of messages came to 0. Erlang's `{udp_passive, Socket}`."""

    socket: Any


@final
@attrs.frozen
class Ssl:
    """Data, or one packet, of an active TLS socket. Erlang's `{ssl, Socket, Data}`."""

    socket: Any
    data: Any


@final
@attrs.frozen
class SslClosed:
    """The peer closed. Erlang's `{ssl_closed, Socket}`.

    Attributes:
        socket: the socket.
        announced: the peer has said by TLS that it sends no more. Otherwise the connection has just
            ended, and what came may not be all that was sent. Not compared.
    """

    socket: Any
    announced: bool = attrs.field(default=True, eq=False)


@final
@attrs.frozen
class SslError:
    """The connection failed; no `SslClosed` follows. Erlang's `{ssl_error, Socket, Reason}`.

    Attributes:
        socket: the socket.
        reason: `("tls_alert", (name, text))`, where the name is such as `"bad_record_mac"` and the
            wording of the text is free; or `("invalid_packet", data)`: the data cannot be a packet
            of the type that is set, or one that is larger than allowed.
    """

    socket: Any
    reason: tuple[str, Any]


@final
@attrs.frozen
class SslPassive:
    """A count of messages came to 0. Erlang's `{ssl_passive, Socket}`."""

    socket: Any


@attrs.frozen
class StreamMessages:
    """The messages of one kind of stream.

    Attributes:
        closed: made of the socket when the stream has ended.
        error: made of the socket and the reason when it has failed.
        passive: made of the socket when a count came to 0.
        moved: those that `controlling_process` moves to the new owner; others stay.
    """

    closed: type[TcpClosed | SslClosed]
    error: type[TcpError | SslError]
    passive: type[TcpPassive | SslPassive]
    moved: tuple[type[Any], ...]


TCP_MESSAGES: Final = StreamMessages(TcpClosed, TcpError, TcpPassive, (Tcp, TcpClosed, PortData))
SSL_MESSAGES: Final = StreamMessages(SslClosed, SslError, SslPassive, ())


def moves_with_udp(message: object) -> bool:
    """Tell if `gen_udp.controlling_process` moves a message: datagrams without ancillary data."""
    return isinstance(message, Udp) and message.ancillary is None


owed.update((Tcp, TcpClosed, TcpError, TcpPassive, Udp, UdpError, UdpPassive))
owed.update((Ssl, SslClosed, SslError, SslPassive, PortDown))
