"""Listening and connected sockets, which the tests of sockets, streams and the plugin share."""

from typing import Any

from actorsock import ok, socket
from actorsock.socket import Socket

__all__ = ["ANYWHERE", "address", "connection", "listener", "listening", "tcp"]

ANYWHERE: dict[str, dict[str, Any]] = {
    "inet": {"family": "inet", "addr": "loopback", "port": 0},
    "inet6": {"family": "inet6", "addr": "loopback", "port": 0},
    "local": {"family": "local", "path": ""},
}
"""Addresses at which the system chooses the port, or the abstract name."""


def tcp() -> Socket:
    """Open a TCP socket."""
    return ok(socket.open("inet", "stream", "tcp"))


def listener(domain: str = "inet", type: str = "stream", backlog: int = 5) -> Socket:
    """Open a socket that listens at an address which the system chooses."""
    sock = ok(socket.open(domain, type))
    ok(socket.bind(sock, ANYWHERE[domain]))
    ok(socket.listen(sock, backlog))
    return sock


def address(sock: Socket) -> Any:
    """Return the address of a socket in the form that the standard library takes."""
    name = ok(socket.sockname(sock))
    return name.path if isinstance(name, socket.SockAddrUn) else (name.addr, name.port)


def listening() -> tuple[Socket, tuple[str, int]]:
    """Open a TCP socket that listens, and return it with its address."""
    sock = listener()
    return sock, address(sock)


async def connection(domain: str = "inet", type: str = "stream") -> tuple[Socket, Socket]:
    """Connect two sockets; return the one that has accepted and the one that has connected."""
    listening = listener(domain, type)
    there = ok(socket.open(domain, type))
    ok(await socket.connect(there, ok(socket.sockname(listening))))
    here = ok(await socket.accept(listening))
    ok(await socket.close(listening))
    return here, there
