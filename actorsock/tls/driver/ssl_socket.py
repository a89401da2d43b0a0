"""The sockets of ssl as programs have them."""

import socket as stdlib
from typing import Any

import attrs

from ...inet.driver.socket_objects import TcpSocket, close_behind_output
from ...socket.core.socket_object import Socket
from ...socket.core.turns import Turns
from ..options.lists import TlsOptions

__all__ = ["Plain", "SslSocket"]


class SslSocket(Socket):
    """A socket of `ssl`: a TLS connection; one that listens; or one accepted, before its handshake.

    Any process may use it and send it to others. Messages of an active one go to its owner, the
    process that called `connect` or `transport_accept`, and the end of the owner closes it. The
    functions of `gen_tcp`, `inet` and `socket` refuse it: they would take bytes past its
    encryption.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"#SslSocket<0.{self._number}>"

    async def _close(self) -> None:
        await close_behind_output(self._actor, self)


@attrs.define(eq=False)
class Plain:
    """A socket that is no TLS connection, or not yet: one that listens, or one just accepted.

    Attributes:
        tcp: the socket of gen_tcp. A handshake takes its descriptor over.
        options: the options of TLS for the handshake.
        active: the mode that the connection is to have after its handshake.
        listens: it listens.
    """

    tcp: TcpSocket
    options: TlsOptions
    active: Any
    listens: bool = False

    @property
    def sock(self) -> stdlib.socket:
        """The standard library's socket."""
        sock: stdlib.socket = self.tcp._actor.sock
        return sock

    @property
    def turns(self) -> Turns:
        """See `Readiness`: whether the socket is closed, and its owner."""
        turns: Turns = self.tcp._actor.turns
        return turns

    async def close_by_program(self, handle: SslSocket) -> None:
        """Close for a program."""
        await self.tcp._actor.close_by_program(self.tcp)

    def close_without_wait(self, handle: SslSocket) -> None:
        """See `InetActor.close_without_wait`."""
        self.tcp._actor.close_without_wait(self.tcp)

    def leave(self) -> None:
        """See `InetActor.leave`."""
        self.tcp._actor.leave()
