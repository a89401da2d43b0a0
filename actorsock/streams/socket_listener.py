"""A listening socket as a listener of trio's."""

from math import inf
from typing import Final, final

import trio
from trio.lowlevel import enable_ki_protection

from ..results import Ok
from ..runtime.core.reductions import YIELD_FIRST
from ..socket import Socket, getopt
from ..socket.api.asking import blocking
from ..socket.core.actor import actor_of
from ..socket.operations.accept_connect import Accept
from .checkpoints import close_at_checkpoint
from .os_errors import os_error
from .socket_stream import SocketStream

__all__ = ["SocketListener"]

# Such a connection has failed before it could be accepted, or been refused by a firewall; the
# next one may be better. Linux hands on whatever has happened to it.
# fmt: off
_OF_THE_CONNECTION: Final = frozenset({
    "eperm", "econnaborted", "econnreset", "etimedout",
    "eproto", "enoprotoopt", "eprotonosupport", "esocktnosupport", "enotsup",
    "enetdown", "enetunreach", "ehostdown", "ehostunreach", "enonet", "enosr",
})
# fmt: on


@final
class SocketListener(trio.abc.Listener[SocketStream]):
    """A `trio.abc.Listener` on `sock`, a stream socket that listens.

    Whoever accepts a connection owns it: the process of the task that calls `accept`. The
    listening socket keeps its own owner, and is closed when that one ends.

    Raises `TypeError` when `sock` is no `Socket`, `ValueError` when it is no stream socket or
    does not listen.
    """

    __slots__ = ("__weakref__", "_accepting", "_actor", "socket")

    socket: Socket
    """The socket below."""

    def __init__(self, sock: Socket) -> None:
        self._actor = actor = actor_of(sock)
        if not actor.kind.is_stream:
            raise ValueError(f"sock: expected a stream socket, got one of type {actor.kind.type!r}")
        # Where the system can't tell, it is to be trusted.
        if getopt(sock, "socket", "acceptconn") == Ok(False):
            raise ValueError("sock: expected a socket that listens; this one does not")
        self.socket = sock
        self._accepting = False

    def __repr__(self) -> str:
        return f"SocketListener({self.socket!r})"

    @enable_ki_protection
    async def accept(self) -> SocketStream:
        """Wait for a connection; the caller owns it.

        Errors of a connection that fails before it is accepted are passed over. One task waits at
        a time (`trio.BusyResourceError`); several can by a listener each, on the same socket.

        `trio.ClosedResourceError` when the listener is closed, or its socket with its owner;
        `OSError` with the number of anything else, such as `errno.EMFILE`.
        """
        if self._accepting:
            raise trio.BusyResourceError("another task accepts from this listener already")
        self._accepting = True
        try:
            while True:
                answer = await blocking(self._actor, Accept(), inf, YIELD_FIRST)
                if isinstance(answer, Ok):
                    return SocketStream(answer.value)
                match answer.reason:
                    case "closed":
                        raise trio.ClosedResourceError("this listener has been closed")
                    case "state":
                        raise trio.BusyResourceError("this process accepts, or reads, already")
                    case reason if reason not in _OF_THE_CONNECTION:
                        raise os_error(reason)
        finally:
            self._accepting = False

    @enable_ki_protection
    async def aclose(self) -> None:
        """Close the listener and its socket, from any task; connections live on."""
        await close_at_checkpoint(self.socket)
