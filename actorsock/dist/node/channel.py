"""The bytes of one connection: plain, or inside of TLS.

The reader and the writer of a connection use the same channel. A send takes its bytes to the
socket before it waits, and a socket serves its senders in order: so what the reader has to send for
TLS and what the writer sends never mix.
"""

import ssl
from typing import Final, Protocol

import attrs

from ...results import Error, Ok
from ...socket.api import receiving, sending
from ...socket.core.socket_object import Socket

__all__ = ["Channel", "Tls", "channel_over"]

_RECORD: Final = 65536


class Channel(Protocol):
    """What a connection needs of its socket."""

    @property
    def sock(self) -> Socket: ...

    @property
    def head(self) -> int:
        """Bytes of the length in front of a message of the handshake."""
        ...

    async def open(self) -> Ok[None] | Error:
        """Do what has to be done before the first byte."""
        ...

    async def recv(self) -> Ok[bytes] | Error: ...

    async def send(self, data: bytes) -> Ok[None] | Error: ...


@attrs.frozen
class Plain:
    """A socket as it is."""

    sock: Socket
    head: int = 2

    async def open(self) -> Ok[None] | Error:
        return Ok()

    async def recv(self) -> Ok[bytes] | Error:
        return await receiving.recv(self.sock)

    async def send(self, data: bytes) -> Ok[None] | Error:
        match await sending.send(self.sock, data):
            case Error() as error:
                return error
        return Ok()


@attrs.frozen
class Tls:
    """The certificates of a node whose connections are encrypted, for `dist.start`.

    Erlang's `-proto_dist inet_tls`. Both sides have to show a certificate that `authority` has
    issued; the one of the side that was connected to must name the host of its node. So nodes are
    named by host names, `shop@till.example`.

    Attributes:
        server: the context for connections of other nodes.
        client: the context for connections to other nodes.

    Example::

        tls = dist.Tls.from_files("node.pem", "node.key", "authority.pem")
        async with dist.start("py@till.example", cookie_file="cookie", listen="10.0.0.2", tls=tls):
            ...
    """

    server: ssl.SSLContext
    client: ssl.SSLContext
    files: tuple[str, str, str] | None = attrs.field(default=None, repr=False)
    """Where they come from; the peers that this program starts read them again."""

    @classmethod
    def from_files(cls, certificate: str, key: str, authority: str) -> "Tls":
        """Return the contexts for files in PEM format.

        Args:
            certificate: the certificate of this node, with those that lead to the authority.
            key: its private key.
            authority: the certificates of who issues the certificates of all nodes.

        Raises:
            OSError: a file can't be read, or is no certificate; `ssl.SSLError` is one.
        """
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.verify_mode = ssl.CERT_REQUIRED
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        for context in (server, client):
            context.load_cert_chain(certificate, key)
            context.load_verify_locations(authority)
        return cls(server, client, (certificate, key, authority))


@attrs.frozen
class Secured:
    """A socket inside of TLS."""

    sock: Socket
    _engine: ssl.SSLObject
    _incoming: ssl.MemoryBIO
    _outgoing: ssl.MemoryBIO
    head: int = 4

    async def open(self) -> Ok[None] | Error:
        while True:
            try:
                self._engine.do_handshake()
            except ssl.SSLWantReadError:
                if isinstance(error := await self._flush(), Error):
                    return error
                if isinstance(error := await self._fill(), Error):
                    return error
            except ssl.SSLError as exc:
                await self._flush()  # the alert that tells the other side
                return Error(_words(exc))
            else:
                return await self._flush()

    async def recv(self) -> Ok[bytes] | Error:
        while True:
            try:
                data = self._engine.read(_RECORD)
            except ssl.SSLWantReadError:
                if isinstance(error := await self._flush(), Error):
                    return error
                if isinstance(error := await self._fill(), Error):
                    return error
            except ssl.SSLError as exc:
                return Error(_words(exc))
            else:
                return Ok(data) if data else Error("closed")

    async def send(self, data: bytes) -> Ok[None] | Error:
        try:
            self._engine.write(data)
        except ssl.SSLError as exc:
            return Error(_words(exc))
        return await self._flush()

    async def _flush(self) -> Ok[None] | Error:
        if self._outgoing.pending:
            match await sending.send(self.sock, self._outgoing.read()):
                case Error() as error:
                    return error
        return Ok()

    async def _fill(self) -> Ok[None] | Error:
        match await receiving.recv(self.sock):
            case Ok(data):
                self._incoming.write(data)
                return Ok()
            case error:
                return error


def channel_over(sock: Socket, tls: Tls | None, host: str | None) -> Channel:
    """Return the channel to the node at `host`, or from another node if that is None."""
    if tls is None:
        return Plain(sock)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = tls.server if host is None else tls.client
    engine = context.wrap_bio(incoming, outgoing, server_side=host is None, server_hostname=host)
    return Secured(sock, engine, incoming, outgoing)


def _words(exc: ssl.SSLError) -> str:
    return getattr(exc, "verify_message", None) or exc.reason or str(exc)
