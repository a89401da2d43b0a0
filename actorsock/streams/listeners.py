"""Listening sockets as trio's listeners: the class, and opening them by host and port."""

import errno
import logging
import socket as stdlib
from abc import ABCMeta
from functools import partial
from itertools import count
from math import inf
from typing import Final, cast, final

import trio
from trio.lowlevel import enable_ki_protection

from ..arguments import check_int, shown
from ..results import Error, Ok
from ..runtime.api.messaging import sleep
from ..runtime.bodies.in_trio import in_trio
from ..runtime.core.reductions import GIVE_WAY_FIRST
from ..socket import Socket, bind, getopt, listen, setopt
from ..socket import open as open_socket
from ..socket.api.asking import blocking_at
from ..socket.core.actor import actor_of
from ..socket.operations.accept_connect import Accept
from .limited_log import LimitedLog
from .resolving import check_port, resolve
from .socket_stream import SocketStream
from .trio_conventions import close_at_checkpoint, os_error, value_of

__all__ = ["SocketListener", "open_tcp_listeners"]

# Errors of one connection, not of the listening socket: the connection failed before it was
# accepted, or a firewall refused it. Linux reports such errors from accept(2); the next
# connection may be fine, so `accept` tries again. But some of them may last: a system call filter
# that refuses accept(2), as in a container, also says EPERM. Hence the pause after some of them.
# fmt: off
_CONNECTION_ERRORS: Final = frozenset({
    "eperm", "econnaborted", "econnreset", "etimedout",
    "eproto", "enoprotoopt", "eprotonosupport", "esocktnosupport", "enotsup",
    "enetdown", "enetunreach", "ehostdown", "ehostunreach", "enonet", "enosr",
})
# fmt: on

_TRIES_AT_ONCE: Final = 10
"""Failed connections in a row, in one `accept`, that are skipped without a pause."""

_PAUSE: Final = 0.1
"""Seconds until the next try, after each further one."""

_log: Final = logging.getLogger("actorsock.streams")

# The largest backlog. Systems reduce it to their own limit, but some keep the argument in 16 bits.
_LARGEST_BACKLOG: Final = 0xFFFF


@final
class SocketListener(trio.abc.Listener[SocketStream]):
    """A `trio.abc.Listener` on a listening stream socket.

    The process that calls `accept` owns the connection that this returns. The listening socket
    keeps its own owner, and is closed when that process ends.

    Args:
        sock: a stream socket of any domain, in the listening state.

    Raises:
        TypeError: `sock` is not a `Socket`.
        ValueError: `sock` is not a stream socket, or does not listen.

    Example::

        sock = ok(socket.open("inet", "stream"))
        ok(socket.bind(sock, "loopback"))
        ok(socket.listen(sock))
        async with SocketListener(sock) as listener:
            stream = await listener.accept()
    """

    __slots__ = ("__weakref__", "_accepting", "_actor", "_errors", "socket")

    socket: Socket
    """The listening socket."""

    def __init__(self, sock: Socket) -> None:
        self._actor = actor = actor_of(sock)
        if not actor.kind.is_stream:
            raise ValueError(f"sock: expected a stream socket, got one of type {actor.kind.type!r}")
        # A system without this option returns an Error; the socket is then taken as it is.
        if getopt(sock, "socket", "acceptconn") == Ok(False):
            raise ValueError("sock: expected a socket that listens; this one does not")
        self.socket = sock
        self._accepting = False
        self._errors = LimitedLog(_log)

    def __repr__(self) -> str:
        return f"SocketListener({self.socket!r})"

    @property
    def port(self) -> int:
        """The port on which an IPv4 or IPv6 socket listens.

        Raises:
            OSError: the listener is closed (`errno.EBADF`).
            ValueError: the socket is of another domain.
        """
        if not self._actor.kind.is_tcp:
            raise ValueError(f"a socket of domain {self._actor.kind.domain!r} has no port")
        port: int = self.socket.getsockname()[1]
        return port

    @enable_ki_protection
    async def accept(self) -> SocketStream:
        """Wait for a connection and accept it.

        Connections that fail before they are accepted are skipped. When more than 10 fail in a row,
        the call rests for 0.1 seconds after each, and logs the error to `actorsock.streams`, at
        most every 10 seconds.

        Returns:
            A stream on the connection, which the calling process owns.

        Raises:
            trio.ClosedResourceError: the listener is closed, or its socket was closed, by another
                process or with its owner.
            trio.BusyResourceError: another task waits in `accept` of this listener. Several tasks
                can accept at the same time with one listener each, on the same socket.
            OSError: the system refuses for another reason, such as `errno.EMFILE`.
        """
        return await self._accept(GIVE_WAY_FIRST)

    async def _accept(self, cost: int) -> SocketStream:
        """`accept`, for a caller that chooses how often it lets others run: by the cost."""
        if self._accepting:
            raise trio.BusyResourceError("another task accepts from this listener already")
        self._accepting = True
        try:
            for failures in count(1):
                answer = await blocking_at(cost, self._actor, Accept())
                if isinstance(answer, Ok):
                    return SocketStream(answer.value)
                if answer.reason == "closed":
                    raise trio.ClosedResourceError("this listener has been closed")
                if answer.reason == "state":
                    raise trio.BusyResourceError("this process accepts, or reads, already")
                if answer.reason not in _CONNECTION_ERRORS:
                    raise os_error(answer.reason)
                if failures > _TRIES_AT_ONCE:
                    self._errors.log(
                        logging.ERROR, answer.reason, "accept: %s", os_error(answer.reason)
                    )
                    await sleep(_PAUSE)
            raise AssertionError("unreachable")
        finally:
            self._accepting = False

    @enable_ki_protection
    async def aclose(self) -> None:
        """Close the listener and its socket. Any task may do this; accepted connections live on.

        Raises:
            trio.Cancelled: the scope was cancelled; the listener is closed all the same.
        """
        await close_at_checkpoint(self.socket)


cast(ABCMeta, trio.SocketListener).register(SocketListener)  # see `SocketStream`


@enable_ki_protection
async def open_tcp_listeners(
    port: int, *, host: str | bytes | None = None, backlog: int | None = None
) -> list[SocketListener]:
    """Listen for TCP connections on a port, as `trio.open_tcp_listeners` does.

    Args:
        port: the port to listen on, 0 to 65535; with 0 the system chooses one, a different one
            for each listener.
        host: a name or an address of this machine; None listens on all addresses, IPv4 and IPv6.
        backlog: how many connections may wait to be accepted; None is as many as the system
            allows.

    Returns:
        One listener for each address of `host`; the calling process owns their sockets.

    Raises:
        OSError: the name cannot be resolved, or the system refuses to listen (`errno.EADDRINUSE`,
            for example). No listener stays open then.
        TypeError: `port` or `backlog` is not an int.
        ValueError: `port` is out of range.

    Example::

        for listener in await open_tcp_listeners(0, host="localhost"):
            print(listener.port)
    """
    check_port(port)
    waiting = _backlog_or_largest(backlog)
    found = await in_trio(partial(resolve, host, port, flags=stdlib.AI_PASSIVE))
    listeners: list[SocketListener] = []
    unsupported: list[OSError] = []
    try:
        for family, kind, protocol, _, address in found:
            opened = open_socket(family, kind, protocol)
            if opened == Error("eafnosupport"):
                # A name may have addresses of a family that this system does not support.
                unsupported.append(os_error("eafnosupport"))
                continue
            sock = value_of(opened)
            try:
                value_of(setopt(sock, "socket", "reuseaddr", True))
                if family == stdlib.AF_INET6:
                    # Otherwise it would take the IPv4 port too, where another listener is.
                    value_of(setopt(sock, "ipv6", "v6only", True))
                value_of(bind(sock, address))
                value_of(listen(sock, waiting))
                listeners.append(SocketListener(sock))
            except BaseException:
                actor_of(sock).close_now()
                raise
    except BaseException:
        for listener in listeners:
            actor_of(listener.socket).close_now()
        raise
    if unsupported and not listeners:
        message = f"this system supports no address family of {shown(host)}"
        raise OSError(errno.EAFNOSUPPORT, message) from ExceptionGroup(message, unsupported)
    return listeners


def _backlog_or_largest(backlog: int | None) -> int:
    """Return the number to call `listen` with; raise `TypeError` unless it is an int or None."""
    if backlog is None:
        return _LARGEST_BACKLOG
    return min(check_int("backlog", backlog, "an int or None", -inf), _LARGEST_BACKLOG)
