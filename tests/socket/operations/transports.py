"""The transports of the tests: streams and messages, over each family.

A `Channel` is a socket and its peer, a plain blocking socket of the standard library.
"""

import socket as stdlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest

from actorsock import ok, socket
from actorsock.socket import SockAddrIn, SockAddrIn6, SockAddrUn, SockAddrUnspec, Socket

from ..support_data import address, connected, datagrams, readable

__all__ = [
    "RECEIVES",
    "Channel",
    "channel",
    "every_connected_transport",
    "every_message_transport",
    "every_receive",
    "every_transport",
    "name_of",
]

STREAMS = ["inet stream", "inet6 stream", "local stream"]
MESSAGES = ["inet dgram", "inet6 dgram", "local dgram", "local seqpacket"]

every_transport = pytest.mark.parametrize("transport", [*STREAMS, *MESSAGES])
every_connected_transport = pytest.mark.parametrize("transport", [*STREAMS, "local seqpacket"])
every_message_transport = pytest.mark.parametrize("transport", MESSAGES)

RECEIVES: dict[str, Callable[..., Any]] = {
    "recv": socket.recv,
    "recvfrom": socket.recvfrom,
    "recvmsg": socket.recvmsg,
}
every_receive = pytest.mark.parametrize("name", RECEIVES)


def name_of(domain: str, peer: stdlib.socket) -> Any:
    """Return the address of a peer as a record; a local one has no name."""
    match domain:
        case "inet":
            return SockAddrIn(*peer.getsockname())
        case "inet6":
            return SockAddrIn6(*peer.getsockname())
        case _:
            return SockAddrUn(peer.getsockname())


@attrs.frozen
class Channel:
    """A socket that can send to its peer, and receive from it."""

    sock: Socket
    peer: stdlib.socket
    source: Any
    """The source of its data that `recvfrom` returns."""

    @property
    def addr(self) -> Any:
        """The source of its data that `recvmsg` returns."""
        return None if isinstance(self.source, SockAddrUnspec) else self.source

    async def give(self, *messages: bytes) -> None:
        """Have the peer send messages, and wait until there is something to receive."""
        for message in messages:
            self.send(message)
        await readable(self.sock)

    def send(self, message: bytes) -> None:
        """Have the peer send a message."""
        if socket.info(self.sock).type == "dgram":
            self.peer.sendto(message, address(self.sock))
        else:
            self.peer.send(message)


@asynccontextmanager
async def channel(transport: str) -> AsyncIterator[Channel]:
    """A channel over this transport; the socket of a datagram channel is connected."""
    domain, type = transport.split()
    if type == "dgram":
        with datagrams(domain) as (sock, peer):
            name = name_of(domain, peer)
            ok(await socket.connect(sock, name))
            yield Channel(sock, peer, name)
    else:
        async with connected(domain, type) as (sock, peer):
            yield Channel(sock, peer, SockAddrUnspec())
