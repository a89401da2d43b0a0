"""The sockets that the functions of `ssl` take."""

from typing import Any, Final

from ...arguments import shown
from ...inet.driver.inet_actor import InetActor
from ...results import Error
from ..driver.ssl_socket import Plain, SslSocket
from ..driver.tls_actor import TlsActor

__all__ = ["CLOSED", "carrier_of", "connection_of", "socket_of"]

CLOSED: Final = Error("closed")
_NOT_CONNECTED: Final = Error("enotconn")
_NO_HANDSHAKE_YET: Final = Error("notsup_on_transport_accept_socket")


def socket_of(sock: object) -> TlsActor | Plain:
    """Return what is behind a socket of ssl; raise `TypeError` for anything else."""
    if not isinstance(sock, SslSocket):
        raise TypeError(f"sock: expected an SslSocket, got {shown(sock)}")
    behind: TlsActor | Plain = sock._actor
    return behind


def connection_of(sock: object) -> TlsActor | Error:
    """Return the actor of an open connection, or the result of a call on any other socket."""
    behind = socket_of(sock)
    if isinstance(behind, TlsActor):
        return CLOSED if behind.turns.closed else behind
    if carrier_of(behind).turns.closed:
        return CLOSED
    return _NOT_CONNECTED if behind.listens else _NO_HANDSHAKE_YET


def carrier_of(behind: TlsActor | Plain) -> InetActor:
    """Return the actor that has the descriptor."""
    if isinstance(behind, TlsActor):
        return behind
    actor: Any = behind.tcp._actor
    found: InetActor = actor
    return found
