"""What the tests of streams share: streams in pairs, runtimes with a poller, open descriptors."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeAlias

import pytest
import trio

from actorsock import Select, SocketListener, SocketStream, ok, open_runtime, socket
from actorsock.socket import Socket

Pair: TypeAlias = tuple[SocketStream, SocketStream]

ANYWHERE = {"inet": ("127.0.0.1", 0), "inet6": ("::1", 0), "local": b""}

every_domain = pytest.mark.parametrize("domain", ["inet", "local"])
every_poller = pytest.mark.parametrize("poller", ["epoll", "trio"])


@asynccontextmanager
async def runtime_with(poller: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """A runtime whose sockets have that poller."""
    monkeypatch.setenv("ACTORSOCK_POLLER", poller)
    async with open_runtime():
        yield


def listening(domain: str = "inet") -> Socket:
    """A socket that listens somewhere."""
    sock = ok(socket.open(domain, "stream"))
    ok(socket.bind(sock, ANYWHERE[domain]))
    ok(socket.listen(sock))
    return sock


async def sockets(domain: str = "inet") -> tuple[Socket, Socket]:
    """Both ends of a new connection."""
    listener = listening(domain)
    there = ok(socket.open(domain, "stream"))
    ok(await socket.connect(there, ok(socket.sockname(listener))))
    here = ok(await socket.accept(listener))
    ok(await socket.close(listener))
    return here, there


async def pair(domain: str = "inet") -> Pair:
    """A stream on either end of a new connection."""
    here, there = await sockets(domain)
    return SocketStream(here), SocketStream(there)


async def clogged_pair(domain: str = "inet") -> Pair:
    """The same, and both ends have sent until there was no more room."""
    streams = await pair(domain)
    for stream in streams:
        clog(stream)
    return streams


def clog(stream: SocketStream) -> None:
    """Send until there is no more room."""
    while True:
        answer = socket.send_nowait(stream.socket, bytes(2**16))
        if isinstance(answer, Select):
            ok(socket.cancel(stream.socket, answer.info))
            return


async def receive_all(stream: trio.abc.ReceiveStream) -> bytes:
    """What comes until the end."""
    return b"".join([data async for data in stream])


async def send_for_ever(stream: trio.abc.SendStream, data: bytes | bytearray) -> None:
    """Send until it is refused."""
    while True:
        await stream.send_all(data)


async def dial(listener: SocketListener) -> SocketStream:
    """Connect to where a listener listens."""
    name = ok(socket.sockname(listener.socket))
    sock = ok(socket.open(ok(socket.getopt(listener.socket, "otp", "domain")), "stream"))
    ok(await socket.connect(sock, name))
    return SocketStream(sock)


def port_of(listener: SocketListener) -> int:
    """The port on which it listens."""
    name = ok(socket.sockname(listener.socket))
    assert isinstance(name, socket.SockAddrIn | socket.SockAddrIn6)
    return name.port


def is_open(stream: SocketStream | SocketListener) -> bool:
    """Whether its socket is."""
    return "closed" not in socket.info(stream.socket).rstates
