"""Helpers of the tests of data: connected sockets, and ways to wait for the kernel.

No test sleeps for luck: it asks the kernel how many bytes have arrived, and the socket how many
processes wait.
"""

import array
import fcntl
import functools
import select
import socket as stdlib
import struct
import sys
import termios
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from typing import Any

import pytest
import trio

from actorsock import Ok, Pid, current_pid, ok, receive, send, socket, spawn
from actorsock.socket import Msg, SelectInfo, Socket

from ..sockets import ANYWHERE, connection
from ..sockets import address as address
from ..sockets import listener as listener
from ..stories import LIMIT
from ..stories import in_runtime as in_runtime
from ..stories import until as until
from .support import fd_of, selected

DOMAINS = ["inet", "inet6", "local"]
FAMILIES = {"inet": stdlib.AF_INET, "inet6": stdlib.AF_INET6, "local": stdlib.AF_UNIX}

every_domain = pytest.mark.parametrize("domain", DOMAINS)
over_ip = pytest.mark.parametrize("domain", ["inet", "inet6"])


# --- sockets that are connected -----------------------------------------------------------------


@asynccontextmanager
async def connected(
    domain: str = "inet", type: str = "stream"
) -> AsyncIterator[tuple[Socket, stdlib.socket]]:
    """A socket, and its peer, which is a plain blocking one of the standard library."""
    listening = listener(domain, type)
    peer = stdlib.socket(FAMILIES[domain], NUMBERS[type])
    with closing(peer):
        peer.settimeout(LIMIT)
        peer.connect(address(listening))
        sock = ok(await socket.accept(listening))
        ok(await socket.close(listening))
        async with sock:
            yield sock, peer


@asynccontextmanager
async def pair(domain: str = "inet", type: str = "stream") -> AsyncIterator[tuple[Socket, Socket]]:
    """Two connected sockets: the one that has accepted, and the one that has connected."""
    here, there = await connection(domain, type)
    async with here, there:
        yield here, there


async def tcp_pair() -> tuple[Socket, Socket]:
    """Both ends of a TCP connection: the one that has connected, and the one that has accepted."""
    server, client = await connection()
    return client, server


def local_pair(type: stdlib.SocketKind = stdlib.SOCK_STREAM) -> tuple[Socket, Socket]:
    """Both ends of a local connection, where what is sent is there when send returns."""
    left, right = stdlib.socketpair(stdlib.AF_UNIX, type)
    with left, right:
        return ok(socket.open_fd(left.fileno())), ok(socket.open_fd(right.fileno()))


NUMBERS = {
    "stream": stdlib.SOCK_STREAM,
    "dgram": stdlib.SOCK_DGRAM,
    "seqpacket": stdlib.SOCK_SEQPACKET,
}


@contextmanager
def datagrams(domain: str = "inet") -> Iterator[tuple[Socket, stdlib.socket]]:
    """A bound datagram socket, and a peer of the standard library that is bound too.

    Neither is connected. The socket is closed by the runtime.
    """
    sock = ok(socket.open(domain, "dgram"))
    ok(socket.bind(sock, ANYWHERE[domain]))
    with closing(stdlib.socket(FAMILIES[domain], stdlib.SOCK_DGRAM)) as peer:
        peer.settimeout(LIMIT)
        peer.bind({"inet": ("127.0.0.1", 0), "inet6": ("::1", 0), "local": ""}[domain])
        yield sock, peer


# --- the state of the kernel --------------------------------------------------------------------


def waiting_bytes(sock: Socket) -> int:
    """Return how many bytes (of a datagram socket: of its first message) can be received."""
    raw = fcntl.ioctl(fd_of(sock), termios.FIONREAD, bytes(4))
    return int(struct.unpack("i", raw)[0])


async def arrived(sock: Socket, size: int) -> None:
    """Wait until that many bytes are there."""
    await until(lambda: waiting_bytes(sock) >= size)


def _events(sock: Socket | stdlib.socket, events: int) -> int:
    poll = select.poll()
    poll.register(fd_of(sock) if isinstance(sock, Socket) else sock, events)
    return sum(found for _, found in poll.poll(0))


async def delivered(peer: stdlib.socket) -> None:
    """Wait until all that a TCP peer has sent has arrived."""
    await until(lambda: not any(fcntl.ioctl(peer, termios.TIOCOUTQ, bytes(4))))


async def stuck(sock: Socket) -> None:
    """Wait until nothing is under way to the peer: it has no room for the bytes left."""
    if socket.info(sock).domain == "local":
        return

    def queued(request: int) -> bytes:
        return fcntl.ioctl(fd_of(sock), request, bytes(4))

    await until(lambda: queued(termios.TIOCOUTQ) == queued(_SIOCOUTQNSD))


_SIOCOUTQNSD = 0x894B  # of what is queued, what has not been sent


async def readable(sock: Socket) -> None:
    """Wait until there is something to receive, if only an end or an error."""
    await until(lambda: _events(sock, select.POLLIN))


async def ended(sock: Socket) -> None:
    """Wait until the peer is known to have finished."""
    await until(lambda: _events(sock, select.POLLRDHUP) & (select.POLLRDHUP | select.POLLHUP))


async def broken(sock: Socket) -> None:
    """Wait until the kernel has an error to report."""
    await until(lambda: _events(sock, 0) & select.POLLERR)


async def urgent(sock: Socket | stdlib.socket) -> None:
    """Wait until an urgent byte is there."""
    await until(lambda: _events(sock, select.POLLPRI) & select.POLLPRI)


# --- waiting calls ------------------------------------------------------------------------------


def waits_in(function: Callable[..., Awaitable[Any]], *args: Any) -> Pid:
    """Start a process that makes the call and sends its result."""

    async def process(dest: Pid) -> None:
        send(dest, (current_pid(), await function(*args)))

    return spawn(process, current_pid())


async def result_of(pid: Pid) -> Any:
    """Wait for the result of the call of that process."""
    _, result = await receive(lambda message: isinstance(message, tuple) and message[0] is pid)
    return result


class Outcome:
    """A call that goes on in a task of its own, and its answer."""

    answer: Any = None
    done = False

    def __init__(self, nursery: trio.Nursery, call: Callable[..., Any], *args: Any) -> None:
        nursery.start_soon(self._run, call, args)

    async def _run(self, call: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self.answer = await call(*args)
        self.done = True

    async def get(self) -> Any:
        await until(lambda: self.done)
        return self.answer


def is_select_of(info: SelectInfo, sock: Socket) -> Callable[[Any], bool]:
    """The pattern for the select message that `info` announces."""
    return lambda message: message == selected(sock, info)


# --- data ---------------------------------------------------------------------------------------


def data_of(answer: Any) -> bytes:
    """Return the data in the answer of a receive of any name."""
    match ok(answer):
        case bytes(data) | (_, bytes(data)) | Msg(iov=(data,)):
            return data
        case other:
            raise AssertionError(other)


async def everything(sock: Socket) -> bytes:
    """All that has been sent by now on a local stream."""
    parts = []
    while isinstance(result := await socket.recv(sock, timeout=0), Ok):
        parts.append(result.value)
    return b"".join(parts)


@functools.cache
def pattern(size: int) -> bytes:
    """Bytes in which every stretch of a few says where it belongs."""
    numbers = array.array("I", range(size // 4 + 1))
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers.tobytes()[:size]
