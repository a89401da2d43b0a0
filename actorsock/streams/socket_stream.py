"""A connected socket as a trio stream.

Each method is one request to the socket's actor, as `recv` and `send` are. The stream adds the
rules of trio: its exceptions, at most one task for each direction, and a checkpoint in every
call. The checkpoint comes before the request. After it, a task that is cancelled or killed at the
checkpoint would lose the bytes that it has already taken from the kernel.
"""

from abc import ABCMeta
from typing import Any, Final, cast, final, overload

import trio
from trio.lowlevel import enable_ki_protection

from ..arguments import check_int, shown
from ..results import Error, Ok
from ..runtime.core.reductions import GIVE_WAY_FIRST, SYSTEM_CALL
from ..socket import Socket, setopt, shutdown
from ..socket.api.asking import blocking_at
from ..socket.core.actor import actor_of
from ..socket.operations.recv import RecvSome
from ..socket.operations.send import AwaitRoom, Send
from ..socket.values.messages import as_bytes
from .trio_conventions import checkpoint, close_at_checkpoint, os_error

__all__ = ["SocketStream"]

_SOME: Final = RecvSome(65536)
_ROOM: Final = AwaitRoom()

# The kernel reports room for writing only while less than this is queued and not yet sent. Without
# the limit its buffer takes megabytes, and `wait_send_all_might_not_block` says little about the
# peer. trio's own streams use the same value. `socket` has no name for this option, since Erlang
# has none.
_TCP_NOTSENT_LOWAT: Final = getattr(trio.socket, "TCP_NOTSENT_LOWAT", None)
_LOWAT: Final = 2**14  # bytes


@final
class SocketStream(trio.abc.HalfCloseableStream):
    """A `trio.abc.HalfCloseableStream` on a connected stream socket.

    The owner of the socket does not change: it is usually the process that opened or accepted it.
    Any task of the runtime may use and close the stream. When the owner ends, the socket is
    closed, and calls of the stream raise `trio.BrokenResourceError`. To keep it open, make another
    process the owner: `socket.setopt(stream.socket, "otp", "controlling_process", pid)`.

    At most one task sends and one receives at a time; a second one gets
    `trio.BusyResourceError`. Calls of `socket.send` and `socket.recv` on the same socket join the
    same queues as the calls of the stream.

    On TCP the options `nodelay` and `TCP_NOTSENT_LOWAT` (16 KiB) are set, as in trio.

    Args:
        sock: a connected stream socket of any domain.

    Raises:
        TypeError: `sock` is not a `Socket`.
        ValueError: `sock` is not a stream socket.

    Example::

        sock = ok(socket.open("inet", "stream"))
        ok(await socket.connect(sock, ("127.0.0.1", 8000)))
        async with SocketStream(sock) as stream:
            await stream.send_all(b"hello")
            async for data in stream:
                print(data)
    """

    __slots__ = (
        "__weakref__",
        "_actor",
        "_closed",
        "_eof_sent",
        "_receiving",
        "_sending",
        "broken_by",
        "socket",
    )

    socket: Socket
    """The socket on which the stream sends and receives."""

    broken_by: str | None
    """The reason by which a call found the connection broken, such as `"econnreset"`."""

    def __init__(self, sock: Socket) -> None:
        self._actor = actor = actor_of(sock)
        if not actor.kind.is_stream:
            raise ValueError(f"sock: expected a stream socket, got one of type {actor.kind.type!r}")
        self.socket = sock
        self._sending = False
        self._receiving = False
        self._eof_sent = False
        self._closed = False
        self.broken_by = None
        if actor.kind.is_tcp:
            # Errors are ignored: a connection that is already broken fails at its first use.
            setopt(sock, "tcp", "nodelay", True)
            if _TCP_NOTSENT_LOWAT is not None:
                setopt(sock, trio.socket.IPPROTO_TCP, _TCP_NOTSENT_LOWAT, _LOWAT)

    def __repr__(self) -> str:
        return f"SocketStream({self.socket!r})"

    @enable_ki_protection
    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send all of `data`; return when the kernel has taken all of it.

        If the call is cancelled, an unknown part of the data may have been sent.

        Args:
            data: any bytes-like object.

        Raises:
            trio.ClosedResourceError: after `aclose` or `send_eof`.
            trio.BrokenResourceError: the connection is broken; the cause (`__cause__`) is the
                `OSError`.
            trio.BusyResourceError: another task sends at this moment.
            TypeError: `data` is not bytes-like.
        """
        if type(data) is bytes:
            await self._send_all(data)
        else:
            # A bytearray cannot be resized while a view of it exists: release it at the end.
            with _view(data) as view:
                await self._send_all(view)

    @enable_ki_protection
    async def wait_send_all_might_not_block(self) -> None:
        """Wait until the kernel has room for more data; send nothing.

        Raises:
            trio.ClosedResourceError, trio.BrokenResourceError, trio.BusyResourceError: as
                `send_all`.
        """
        self._begin_sending()
        try:
            answer = await blocking_at(GIVE_WAY_FIRST, self._actor, _ROOM)
        finally:
            self._sending = False
        if type(answer) is Error:
            raise self._failure(answer)

    @enable_ki_protection
    async def send_eof(self) -> None:
        """Send the end of the stream to the peer; receiving goes on.

        A second call does nothing.

        Raises:
            trio.ClosedResourceError, trio.BrokenResourceError, trio.BusyResourceError: as
                `send_all`.
        """
        self._begin_sending()
        try:
            await checkpoint()
            if self._eof_sent and not self._actor.turns.closed:
                return
            answer = shutdown(self.socket, "write")
            if type(answer) is Error:
                raise self._failure(answer)
            self._eof_sent = True
        finally:
            self._sending = False

    @enable_ki_protection
    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Receive the bytes that have arrived; wait if there are none.

        If the call is cancelled, no bytes are lost.

        Args:
            max_bytes: the largest number of bytes to return, 1 or more; None is 64 KiB.

        Returns:
            At least one byte, or `b""` when the peer has ended the stream.

        Raises:
            trio.ClosedResourceError: after `aclose`.
            trio.BrokenResourceError: the connection is broken; the cause (`__cause__`) is the
                `OSError`.
            trio.BusyResourceError: another task receives at this moment.
            TypeError: `max_bytes` is neither an int nor None.
            ValueError: `max_bytes` is less than 1.
        """
        op = _SOME if max_bytes is None else RecvSome(_checked(max_bytes))
        if self._receiving:
            raise trio.BusyResourceError("another task receives from this stream already")
        actor = self._actor
        self._receiving = True
        try:
            # If the call will wait anyway, others run meanwhile: a checkpoint before would be a
            # second pass through the scheduler.
            waits = actor.read_would_block and not actor.unread
            answer = await blocking_at(SYSTEM_CALL if waits else GIVE_WAY_FIRST, actor, op)
        finally:
            self._receiving = False
        if type(answer) is Ok:
            return answer.value
        assert type(answer) is Error
        if answer.reason == "closed" and not actor.turns.closed:
            return b""  # a call of `socket.recv` has already reached the end of the stream
        raise self._failure(answer)

    @overload
    def setsockopt(self, level: int, option: int, value: int | bytes | bytearray) -> None: ...
    @overload
    def setsockopt(self, level: int, option: int, value: None, length: int) -> None: ...
    def setsockopt(self, level: int, option: int, value: Any, length: int | None = None) -> None:
        """Set an option by numbers: `Socket.setsockopt` of the stream's socket."""
        self.socket.setsockopt(level, option, value, *(() if length is None else (length,)))

    @overload
    def getsockopt(self, level: int, option: int) -> int: ...
    @overload
    def getsockopt(self, level: int, option: int, buflen: int) -> bytes: ...
    def getsockopt(self, level: int, option: int, buflen: int = 0) -> int | bytes:
        """Return the value of an option by numbers: `Socket.getsockopt` of the stream's socket."""
        return self.socket.getsockopt(level, option, buflen)

    @enable_ki_protection
    async def aclose(self) -> None:
        """Close the stream and its socket. Any task may do this.

        Tasks that wait in another call of the stream get `trio.ClosedResourceError`. The call
        waits only if the socket option `linger` demands it; in a cancelled scope it does not
        linger.

        Raises:
            trio.Cancelled: the scope was cancelled; the stream is closed all the same.
        """
        self._closed = True
        await close_at_checkpoint(self.socket)

    async def _send_all(self, data: bytes | memoryview) -> None:
        self._begin_sending()
        try:
            if self._eof_sent:
                raise trio.ClosedResourceError("nothing can be sent after send_eof")
            if data:
                answer = await blocking_at(GIVE_WAY_FIRST, self._actor, Send(data, 0))
                if type(answer) is Error:
                    raise self._failure(answer)
            else:
                await checkpoint()
                if self._actor.turns.closed:
                    raise self._failure(Error("closed"))
        finally:
            self._sending = False

    def _begin_sending(self) -> None:
        if self._sending:
            raise trio.BusyResourceError("another task sends to this stream already")
        self._sending = True

    def _failure(self, error: Error) -> Exception:
        if self._closed:
            return trio.ClosedResourceError("this stream has been closed")
        if error.reason == "state":
            return trio.BusyResourceError("this process waits for the socket below already")
        if error.reason == "closed":
            cause = os_error("ebadf")
            says = "the socket below has been closed, by another process or with its owner"
        else:
            self.broken_by = error.reason
            cause = os_error(error.reason)
            says = f"the connection is broken: {cause}"
        failure = trio.BrokenResourceError(says)
        failure.__cause__ = cause
        return failure


# Libraries ask `isinstance(stream, trio.SocketStream)` before they use attributes of its socket.
# Both classes have the attributes that trio documents for them.
cast(ABCMeta, trio.SocketStream).register(SocketStream)


def _view(data: object) -> memoryview:
    if isinstance(data, list | tuple):  # `as_bytes` would accept and join it
        raise TypeError(f"data: expected a bytes-like object, got {shown(data)}")
    return memoryview(as_bytes(data))


def _checked(max_bytes: int) -> int:
    return check_int("max_bytes", max_bytes, "a number of bytes >= 1, or None", 1)
