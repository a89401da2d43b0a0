"""Open, name and close a socket: open, bind, listen, sockname, peername, shutdown, close.

Connections are made in `connecting`; sockets on an existing descriptor in `from_fd`.
"""

import errno
import os
import socket as stdlib
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Literal

from trio.lowlevel import enable_ki_protection

from ...arguments import check_int, check_word, shown
from ...results import Error, Ok
from ...runtime.bodies.current import charge, current_process
from ...runtime.core.process import Process
from ...runtime.core.reductions import SYSTEM_CALL
from ..core.actor import SocketActor, actor_of
from ..core.service import log_opening, service_of
from ..core.socket_object import Socket
from ..kernel import libc
from ..kernel.errors import error_of
from ..kernel.namespaces import call_in_namespace
from ..options.settings import check_settings
from ..values.address import AddressLike, SockAddr, SockAddrIn, SockAddrIn6, parse
from ..values.c_integers import INT_MAX, INT_MIN
from ..values.kinds import Domain, Protocol, SocketKind, Type, kind_of
from .asking import at_once

__all__ = [
    "bind",
    "close",
    "close_nowait",
    "listen",
    "open",
    "peername",
    "shutdown",
    "sockname",
]

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
    """Open a socket. The calling process owns it. Erlang's `socket:open/2,3,4`.

    The socket is closed when its owner ends.

    Args:
        domain: `"inet"`, `"inet6"`, `"local"` or `"unspec"`, or the system's number.
        type: `"stream"`, `"dgram"`, `"raw"` or `"seqpacket"`, or the system's number.
        protocol: `"default"`; the name of a protocol, such as `"tcp"` or `"udp"`; its number;
            or that number as `("raw", number)`.
        netns: the path of the network namespace in which to open the socket (Linux); None is
            the current one.
        debug: True to log each operation of the socket; the option `"otp"`, `"debug"`.
        use_registry: True if `which_sockets` and `number_of` list the socket, False if not;
            None (the default) does as the function `use_registry` was told.

    Returns:
        `Ok(sock)`, a `Socket`; or `Error` with the reason of the operating system:

        - `"eafnosupport"`, `"eprotonosupport"`, `"esocktnosupport"`, `"einval"`: the system
          has no such domain, type or protocol, or not together
        - `"eperm"`: a raw socket needs a privilege; so does entering a namespace
        - `"enoent"`: there is no file `netns`
        - `"emfile"`, `"enfile"`: too many open descriptors

    Raises:
        TypeError: an argument has another type.
        ValueError: a word is unknown, or a number does not fit a C int.

    Example::

        sock = ok(socket.open("inet", "stream", "tcp"))
    """
    kind = kind_of(domain, type, protocol)
    if netns is not None and not isinstance(netns, str):
        raise TypeError(f"netns: expected the path of a network namespace, got {shown(netns)}")
    check_settings(debug, use_registry)
    owner = current_process()
    owner.body.budget -= SYSTEM_CALL
    result = _opened(owner, kind, netns, debug, use_registry)
    log_opening(owner, "open", (kind.domain, kind.type, kind.protocol), result)
    return result


@enable_ki_protection
def bind(sock: Socket, addr: AddressLike) -> Ok[int] | Error:
    """Bind an address to a socket. Erlang's `socket:bind/2`.

    Args:
        sock: the socket.
        addr: a `SockAddr...` record; Erlang's map as a dict; `(host, port)`; on a local socket
            a path; or one of `"any"`, `"loopback"` and `"broadcast"`, with a port that the
            operating system chooses. Host names are not looked up.

    Returns:
        `Ok(port)`, with 0 for an address without port; or `Error`:

        - `"closed"`: the socket is closed
        - `"eaddrinuse"`: another socket has the address, or the file exists
        - `"eaddrnotavail"`: no interface has the address
        - `"eacces"`: the port, or the directory, needs a privilege
        - `"eafnosupport"`: the address is of another domain than the socket
        - `"einval"`: the socket is bound already
        - another reason of the operating system

    Raises:
        TypeError, ValueError: `addr` is malformed.

    Example::

        port = ok(socket.bind(sock, "loopback"))
        ok(socket.bind(other, {"family": "inet", "addr": "any", "port": 8080}))
    """
    actor = actor_of(sock)
    kind = actor.kind
    address = parse(kind.domain, addr, words=True)

    def call(opened: stdlib.socket) -> int | Error:
        if isinstance(addr, str) and kind.domain == "local" and isinstance(address, SockAddrIn):
            return Error("eafnosupport")
        libc.bind(opened, kind.family, address)
        actor.bound = True
        # With port 0 the kernel has chosen one; only the name says which.
        name = libc.sockname(opened, kind.family)
        return name.port if isinstance(name, (SockAddrIn, SockAddrIn6)) else 0

    return at_once(actor, call, "bind")


@enable_ki_protection
def listen(sock: Socket, backlog: int = 5) -> Ok[None] | Error:
    """Listen for connections. Erlang's `socket:listen/1,2`.

    Args:
        sock: a socket of type `"stream"` or `"seqpacket"`.
        backlog: how many connections may wait to be accepted; the operating system has an
            upper limit.

    Returns:
        `Ok()`, or `Error`:

        - `"closed"`: the socket is closed
        - `"enotsup"`: sockets of this type do not listen
        - `"einval"`: the socket is connected, or a local socket is not bound
        - `"eaddrinuse"`: another socket listens on the same address

    Raises:
        TypeError, ValueError: `backlog` is not an integer that fits a C int.
    """
    actor = actor_of(sock)
    backlog = check_int("backlog", backlog, "an int that fits a C int", INT_MIN, INT_MAX)

    def call(opened: stdlib.socket) -> None:
        opened.listen(backlog)
        actor.listening = True

    return at_once(actor, call, "listen")


@enable_ki_protection
def sockname(sock: Socket) -> Ok[SockAddr] | Error:
    """Return the address that a socket is bound to. Erlang's `socket:sockname/1`.

    Args:
        sock: the socket.

    Returns:
        `Ok(address)`, a `SockAddr...`; or `Error("closed")`, or a reason of the operating
        system. A socket that is not bound has the address `"any"` (as text: `"0.0.0.0"` or
        `"::"`) and port 0; a local one has the path `""`.

    Example::

        match socket.sockname(sock):
            case Ok(SockAddrIn(addr, port)): ...
    """
    return _name(sock, "sockname", libc.sockname)


@enable_ki_protection
def peername(sock: Socket) -> Ok[SockAddr] | Error:
    """Return the address of the peer. Erlang's `socket:peername/1`.

    Args:
        sock: the socket.

    Returns:
        `Ok(address)`, a `SockAddr...`; or `Error`:

        - `"closed"`: the socket is closed
        - `"enotconn"`: the socket is not connected
        - another reason of the operating system
    """
    return _name(sock, "peername", libc.peername)


@enable_ki_protection
def shutdown(sock: Socket, how: Literal["read", "write", "read_write"]) -> Ok[None] | Error:
    """Shut down one direction of a connection, or both. Erlang's `socket:shutdown/2`.

    The shutdown holds for every process that uses the socket. An operation that waits in that
    direction is woken, as by data: a blocking call returns, and a call with a select info gets
    its `SelectMessage` and learns the outcome when it is made again.

    Args:
        sock: the socket.
        how: `"read"`, `"write"` or `"read_write"`. After `"write"` the peer receives the rest
            of the data and then the end of the stream.

    Returns:
        `Ok()`, or `Error`:

        - `"closed"`: the socket is closed
        - `"enotconn"`: the socket is not connected
        - another reason of the operating system

    Raises:
        TypeError, ValueError: `how` is none of the three words.
    """
    actor = actor_of(sock)
    direction = _HOW[check_word("how", how, tuple(_HOW))]

    def call(opened: stdlib.socket) -> None:
        opened.shutdown(direction)
        # What the kernel said before no longer holds.
        actor.forget_would_block()

    return at_once(actor, call, "shutdown")


@enable_ki_protection
async def close(sock: Socket) -> Ok[None] | Error:
    """Close a socket, for every process that uses it. Erlang's `socket:close/1`.

    An operation that waits on the socket ends: a blocking call returns `Error("closed")`, and
    the process of a select info finds an `AbortMessage` with reason `"closed"` in its mailbox
    before this function returns. Each monitor of the socket gets a `SocketDown`.

    The function waits only if the option `"socket"`, `"linger"` is set. If it is cancelled, the
    socket is closed without lingering. Any process may close a socket.

    Args:
        sock: the socket.

    Returns:
        `Ok()`, or `Error("closed")` if the socket is closed already.

    Example::

        async with ok(socket.open("inet", "stream", "tcp")) as sock:
            ...  # closed at the end of the block
    """
    return await actor_of(sock).close()


@enable_ki_protection
def close_nowait(sock: Socket) -> Ok[None] | Error:
    """Close a socket as `close` does, but without a wait: for plain functions.

    A plain function can't `await close(sock)`, for example a handler, or the `terminate` of a
    server whose callbacks are all plain. Waiting processes and monitors are told before this
    function returns, as by `close`. Erlang has no counterpart: there every function may wait.

    The difference is the option `"socket", "linger"` with a time above 0: `close` waits until
    the peer has everything that was sent, or the time is over. Here the system goes on sending in
    the background, as without the option, and nobody learns whether the peer got it. A time of
    0 resets the connection, as by `close`.

    Args:
        sock: the socket.

    Returns:
        `Ok()`, or `Error("closed")` if the socket is closed already.

    Example::

        class Echo(otp.GenServer):
            ...

            def terminate(self, reason):
                socket.close_nowait(self.sock)
    """
    charge(SYSTEM_CALL)
    return actor_of(sock).close_now()


def _opened(
    owner: Process, kind: SocketKind, netns: str | None, debug: bool, use_registry: bool | None
) -> Ok[Socket] | Error:
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


def _open(kind: SocketKind) -> stdlib.socket:
    # -1 means "not given" to the standard library, which would choose a default. The kernel
    # would refuse this number with these errors.
    if kind.family == -1:
        raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))
    if -1 in (kind.type_number, kind.protocol_number):
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    sock = stdlib.socket(kind.family, kind.type_number, kind.protocol_number)
    try:
        sock.setblocking(False)
    except OSError:
        with suppress(OSError):
            sock.close()
        raise
    return sock


def _name(
    sock: Socket, name: str, get: Callable[[stdlib.socket, int], SockAddr]
) -> Ok[SockAddr] | Error:
    actor = actor_of(sock)
    return at_once(actor, lambda opened: get(opened, actor.kind.family), name)


def _actual_kind(sock: stdlib.socket, asked: SocketKind) -> SocketKind:
    """Return the kind of an opened socket: `"default"` has become a protocol."""
    protocol = getattr(stdlib, "SO_PROTOCOL", None)
    try:
        number = sock.getsockopt(stdlib.SOL_SOCKET, protocol) if protocol else sock.proto
    except OSError:
        number = asked.protocol_number
    # Some families do not report the protocol that they were opened with.
    number = number or asked.protocol_number
    # `sock.type` is without the flags that Linux accepts together with the type, such as
    # SOCK_NONBLOCK.
    return SocketKind(asked.family, int(sock.type), number)
