"""A socket's life but for its connections: open, bind, listen, names, shutdown and close."""

import errno
import os
import socket as stdlib
from collections.abc import Callable
from typing import Final, Literal

from trio.lowlevel import enable_ki_protection

from ...arguments import check_int, check_word, shown
from ...results import Error, Ok
from ...runtime.bodies.current import current_process
from ..core.actor import SocketActor, actor_of
from ..core.service import service_of
from ..core.socket_object import Socket
from ..kernel import libc
from ..kernel.errors import error_of
from ..kernel.namespaces import call_in_namespace
from ..options.settings import check_settings
from ..values.address import AddressLike, SockAddr, SockAddrIn, SockAddrIn6, parse
from ..values.kinds import Domain, Protocol, SocketKind, Type, kind_of
from ..values.limits import INT_MAX, INT_MIN
from .asking import at_once

__all__ = ["bind", "close", "listen", "open", "peername", "shutdown", "sockname"]

_HOW: Final = {
    "read": stdlib.SHUT_RD,
    "write": stdlib.SHUT_WR,
    "read_write": stdlib.SHUT_RDWR,
}


@enable_ki_protection
def open(
    domain: Domain | int,
    type: Type | int,
    protocol: Protocol | int = "default",
    *,
    netns: str | None = None,
    debug: bool = False,
    use_registry: bool | None = None,
) -> Ok[Socket] | Error:
    """Open a socket, owned by the caller. Documented `open/2,3,4`.

    `domain` is `"inet"`, `"inet6"`, `"local"`, `"unspec"`; `type` is `"stream"`, `"dgram"`,
    `"raw"`, `"seqpacket"`; either may be the system's number. `protocol` is `"default"`, a
    protocol's name or number. `netns` is the path of the network namespace to open it in
    (Linux). With `debug`, what is asked of the socket is logged. `use_registry` says whether
    `which_sockets` and `number_of` know of it; None leaves that to the function `use_registry`.

    `Error` with the system's reason: `"eafnosupport"`, `"eprotonosupport"`, `"emfile"`, ...
    """
    kind = kind_of(domain, type, protocol)
    if netns is not None and not isinstance(netns, str):
        raise TypeError(f"netns: expected the path of a network namespace, got {shown(netns)}")
    check_settings(debug, use_registry)
    owner = current_process()
    try:
        service = service_of(owner.node)
        sock = _open(kind) if netns is None else call_in_namespace(netns, _open, kind)
    except OSError as exc:
        return error_of(exc)
    actor = SocketActor(
        service,
        sock,
        _actual_kind(sock, kind),
        owner,
        settings=service.settings(debug, use_registry),
    )
    return Ok(actor.socket_object)


@enable_ki_protection
def bind(sock: Socket, addr: AddressLike) -> Ok[int] | Error:
    """Bind a name to a socket; `Ok` with the port, 0 where there are no ports. `bind/2`.

    `addr` is a `SockAddr...`, the documented map as a dict, `(host, port)`, or one of
    `"any"`, `"loopback"`, `"broadcast"`.

    `Error` with the system's reason: `"eaddrinuse"`, `"eaddrnotavail"`, `"einval"`, ...; or
    `"closed"`.
    """
    actor = actor_of(sock)
    kind = actor.kind
    address = parse(kind.domain, addr, words=True)

    def call(opened: stdlib.socket) -> int | Error:
        if isinstance(addr, str) and kind.domain == "local" and isinstance(address, SockAddrIn):
            return Error("eafnosupport")
        libc.bind(opened, kind.family, address)
        actor.bound = True
        name = libc.sockname(opened, kind.family)
        return name.port if isinstance(name, (SockAddrIn, SockAddrIn6)) else 0

    return at_once(actor, call)


@enable_ki_protection
def listen(sock: Socket, backlog: int = 5) -> Ok[None] | Error:
    """Listen for connections; `backlog` is how many may wait to be accepted. `listen/1,2`.

    `Error` with the system's reason (`"enotsup"`, `"einval"`, `"eaddrinuse"`), or `"closed"`.
    """
    actor = actor_of(sock)
    check_int("backlog", backlog, "an int that fits a C int", INT_MIN, INT_MAX)

    def call(opened: stdlib.socket) -> None:
        opened.listen(backlog)
        actor.listening = True

    return at_once(actor, call)


@enable_ki_protection
def sockname(sock: Socket) -> Ok[SockAddr] | Error:
    """The address that the socket is bound to. `sockname/1`. `Error("closed")`, POSIX reasons."""
    return _name(sock, libc.sockname)


@enable_ki_protection
def peername(sock: Socket) -> Ok[SockAddr] | Error:
    """The address of the peer. `peername/1`. `Error("enotconn")`, `Error("closed")`, ..."""
    return _name(sock, libc.peername)


@enable_ki_protection
def shutdown(sock: Socket, how: Literal["read", "write", "read_write"]) -> Ok[None] | Error:
    """Shut down part of a connection, for every process that uses the socket. `shutdown/2`.

    Who waits in a lane that is shut down is told and finds out by calling. `Error` with the
    system's reason (`"enotconn"`), or `"closed"`.
    """
    actor = actor_of(sock)
    check_word("how", how, tuple(_HOW))

    def call(opened: stdlib.socket) -> None:
        opened.shutdown(_HOW[how])
        # What the kernel said before no longer holds.
        actor.forget_would_block()

    return at_once(actor, call)


@enable_ki_protection
async def close(sock: Socket) -> Ok[None] | Error:
    """Close the socket, for every process. `close/1`.

    Whoever waits on it gets an abort message with reason `"closed"`, in the mailbox before this
    returns; a blocking call returns `Error("closed")`. It waits only where the option `linger`
    says so. Cancelled, it closes the socket without lingering.

    `Error("closed")` when it is closed already.
    """
    return await actor_of(sock).close()


def _open(kind: SocketKind) -> stdlib.socket:
    # To the standard library -1 means "not given"; to the system it is a number that it lacks.
    if kind.family == -1:
        raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))
    if -1 in (kind.type_number, kind.protocol_number):
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    sock = stdlib.socket(kind.family, kind.type_number, kind.protocol_number)
    sock.setblocking(False)
    return sock


def _name(sock: Socket, get: Callable[[stdlib.socket, int], SockAddr]) -> Ok[SockAddr] | Error:
    actor = actor_of(sock)
    return at_once(actor, lambda opened: get(opened, actor.kind.family))


def _actual_kind(sock: stdlib.socket, asked: SocketKind) -> SocketKind:
    """The kind that the kernel made of what was asked for: `default` becomes a protocol."""
    protocol = getattr(stdlib, "SO_PROTOCOL", None)
    try:
        number = sock.getsockopt(stdlib.SOL_SOCKET, protocol) if protocol else sock.proto
    except OSError:
        number = asked.protocol_number
    # Some families keep to themselves what they were opened with.
    number = number or asked.protocol_number
    # Without the flags that Linux takes together with the type.
    return SocketKind(asked.family, int(sock.type), number)
