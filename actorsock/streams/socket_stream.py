"""A connected socket as a stream of trio's.

Each method is one request to the socket's actor, as `recv` and `send` are; what is added are
trio's rules: which exception says what, one task for each direction, and every call a
checkpoint. A call gives way before it asks and not after, so that nothing that was taken from
the kernel is on its way to a task that is being killed.
"""

from math import inf
from typing import Final, final

import trio
from trio.lowlevel import enable_ki_protection

from ..arguments import check_int, shown
from ..results import Error, Ok
from ..runtime.core.reductions import SYSTEM_CALL, YIELD_FIRST
from ..socket import Socket, setopt, shutdown
from ..socket.api.asking import blocking
from ..socket.core.actor import actor_of
from ..socket.operations.recv import RecvSome
from ..socket.operations.room import AwaitRoom
from ..socket.operations.send import Send
from ..socket.values.messages import as_bytes
from .checkpoints import checkpoint, close_at_checkpoint
from .os_errors import os_error

__all__ = ["SocketStream"]

_SOME: Final = RecvSome(65536)
_ROOM: Final = AwaitRoom()

# What the kernel holds back that has not been sent: as little as trio's own streams let it, so
# that `wait_send_all_might_not_block` means something. It is no option of Erlang's.
_TCP_NOTSENT_LOWAT: Final = getattr(trio.socket, "TCP_NOTSENT_LOWAT", None)
_LOWAT: Final = 2**14


@final
class SocketStream(trio.abc.HalfCloseableStream):
    """A `trio.abc.HalfCloseableStream` on `sock`, a connected stream socket of any domain.

    The socket's owner stays its owner: usually the process, hence the task, that opened the
    socket or accepted it. Any task of the runtime may use the stream, and close it. When the
    owner ends the socket is closed, whoever uses the stream, who gets
    `trio.BrokenResourceError`; to let it live on with another process give it to that one:
    `socket.setopt(stream.socket, "otp", "controlling_process", pid)`.

    At most one task sends and one receives at a time; another one gets
    `trio.BusyResourceError`. Calls of `socket.send` and `socket.recv` beside the stream stand in
    the socket's own line with it, as they do with each other.

    On TCP the options `nodelay` and `TCP_NOTSENT_LOWAT` (16 KiB) are set, as in trio.

    Raises `TypeError` when `sock` is no `Socket`, `ValueError` when it is no stream socket.
    """

    __slots__ = (
        "__weakref__",
        "_actor",
        "_closed",
        "_eof_sent",
        "_receiving",
        "_sending",
        "socket",
    )

    socket: Socket
    """The socket below."""

    def __init__(self, sock: Socket) -> None:
        self._actor = actor = actor_of(sock)
        if not actor.kind.is_stream:
            raise ValueError(f"sock: expected a stream socket, got one of type {actor.kind.type!r}")
        self.socket = sock
        self._sending = False
        self._receiving = False
        self._eof_sent = False
        self._closed = False
        if actor.kind.is_tcp:
            # A connection that is broken already says so when it is used.
            setopt(sock, "tcp", "nodelay", True)
            if _TCP_NOTSENT_LOWAT is not None:
                setopt(sock, trio.socket.IPPROTO_TCP, _TCP_NOTSENT_LOWAT, _LOWAT)

    def __repr__(self) -> str:
        return f"SocketStream({self.socket!r})"

    @enable_ki_protection
    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send all of `data`; returns when the kernel has taken it.

        Cancelled, part of it may have been sent, and nobody knows how much.

        `trio.ClosedResourceError` after `aclose` or `send_eof`; `trio.BrokenResourceError`, with
        the `OSError` as its cause, when the connection is broken; `trio.BusyResourceError`.
        """
        if type(data) is bytes:
            await self._send_all(data)
        else:
            # Released at the end, so that a bytearray can be changed again.
            with _view(data) as view:
                await self._send_all(view)

    @enable_ki_protection
    async def wait_send_all_might_not_block(self) -> None:
        """Wait until the kernel has room for something; sends nothing.

        Raises what `send_all` raises.
        """
        self._begin_sending()
        try:
            answer = await blocking(self._actor, _ROOM, inf, YIELD_FIRST)
        finally:
            self._sending = False
        if type(answer) is Error:
            raise self._failure(answer)

    @enable_ki_protection
    async def send_eof(self) -> None:
        """Tell the peer that no more comes; what comes from there can still be received.

        Once it is sent, a second call does nothing. Raises what `send_all` raises.
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
        """What there is, at least one byte and at most `max_bytes`; `b""` at the end.

        None lets the library choose (64 KiB). Nothing is lost when it is cancelled.

        `trio.ClosedResourceError` after `aclose`; `trio.BrokenResourceError`, with the `OSError`
        as its cause, when the connection is broken; `trio.BusyResourceError`.
        """
        op = _SOME if max_bytes is None else RecvSome(_checked(max_bytes))
        if self._receiving:
            raise trio.BusyResourceError("another task receives from this stream already")
        actor = self._actor
        self._receiving = True
        try:
            # Where the poller has said that there is nothing yet, waiting is giving way.
            waits = actor.read_quiet and not actor.unread
            answer = await blocking(actor, op, inf, SYSTEM_CALL if waits else YIELD_FIRST)
        finally:
            self._receiving = False
        if type(answer) is Ok:
            return answer.value
        assert type(answer) is Error
        if answer.reason == "closed" and not actor.turns.closed:
            return b""  # somebody who receives by the socket has met the end
        raise self._failure(answer)

    @enable_ki_protection
    async def aclose(self) -> None:
        """Close the stream and its socket, for everybody; from any task.

        Who waits for it gets `trio.ClosedResourceError`. It waits only where the option `linger`
        says so. In a cancelled scope it closes without lingering, and raises `trio.Cancelled`.
        """
        self._closed = True
        await close_at_checkpoint(self.socket)

    async def _send_all(self, data: bytes | memoryview) -> None:
        self._begin_sending()
        try:
            if self._eof_sent:
                raise trio.ClosedResourceError("nothing can be sent after send_eof")
            if data:
                answer = await blocking(self._actor, Send(data, 0), inf, YIELD_FIRST)
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
            cause = os_error(error.reason)
            says = f"the connection is broken: {cause}"
        failure = trio.BrokenResourceError(says)
        failure.__cause__ = cause
        return failure


def _view(data: object) -> memoryview:
    if isinstance(data, list | tuple):  # which `send` of sockets would take
        raise TypeError(f"data: expected a bytes-like object, got {shown(data)}")
    return memoryview(as_bytes(data))


def _checked(max_bytes: int) -> int:
    return check_int("max_bytes", max_bytes, "a number of bytes >= 1, or None", 1)
