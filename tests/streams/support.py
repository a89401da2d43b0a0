"""Streams in pairs, and what the tests of streams do with them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeAlias

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from actorsock import Select, SocketListener, SocketStream, ok, serve_tcp, socket

from ..sockets import address, connection, listener

Pair: TypeAlias = tuple[SocketStream, SocketStream]

every_domain = pytest.mark.parametrize("domain", ["inet", "local"])
every_poller = pytest.mark.usefixtures("poller")


def listen(domain: str = "inet") -> SocketListener:
    """Open a listener at an address which the system chooses."""
    return SocketListener(listener(domain))


async def pair(domain: str = "inet") -> Pair:
    """Make a connection; return a stream on either end."""
    here, there = await connection(domain)
    return SocketStream(here), SocketStream(there)


async def clogged_pair(domain: str = "inet") -> Pair:
    """Make a connection on which both ends have sent until there was no more room."""
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
    """Receive until the end."""
    return b"".join([data async for data in stream])


async def dial(listener: SocketListener) -> SocketStream:
    """Connect to where a listener listens."""
    sock = ok(socket.open(ok(socket.getopt(listener.socket, "otp", "domain")), "stream"))
    ok(await socket.connect(sock, ok(socket.sockname(listener.socket))))
    return SocketStream(sock)


def port_of(listener: SocketListener) -> int:
    """Return the port on which a TCP listener listens."""
    return int(address(listener.socket)[1])


def is_open(stream: SocketStream | SocketListener) -> bool:
    """Return True while the socket is open."""
    return "closed" not in socket.info(stream.socket).rstates


@asynccontextmanager
async def serving(
    handler: Callable[[SocketStream], Awaitable[object]],
) -> AsyncIterator[SocketListener]:
    """Serve on a port of this machine during the block; the value is the listener."""
    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(serve_tcp, host="127.0.0.1"), handler, 0)
        yield listener
        nursery.cancel_scope.cancel()


Call: TypeAlias = Callable[[], Awaitable[Any]]


@asynccontextmanager
async def waiting(*calls: Call) -> AsyncIterator[trio.Nursery]:
    """Start each call in a task of its own, in this order; the block runs when all wait."""
    async with trio.open_nursery() as nursery:
        for call in calls:
            nursery.start_soon(call)
            await wait_all_tasks_blocked()
        yield nursery


def raising(expected: type[Exception], call: Callable[..., Awaitable[Any]], *args: Any) -> Call:
    """Return a call that fails unless `call` raises the expected exception."""

    async def checked() -> None:
        with pytest.raises(expected):
            await call(*args)

    return checked
