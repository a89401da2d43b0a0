"""Receiving: recv, recvfrom and recvmsg, blocking and not."""

from math import inf
from typing import Final

from trio.lowlevel import enable_ki_protection

from ..._native import twin
from ...arguments import check_int
from ...results import Error, Ok, Select, SelectRead
from ...runtime.core.identity import Ref
from ..core.actor import SocketActor, actor_of
from ..core.socket_object import Socket
from ..operations.recv import ASIDE, Recv, RecvFrom, RecvMsg, RecvWhatIsThere
from ..operations.recv import WHAT_IS_THERE as _WHAT_IS_THERE
from ..values.address import SockAddr
from ..values.c_integers import INT_MAX
from ..values.flags import Flags, encode_flags
from ..values.messages import Msg
from .asking import blocking, nowait_receive

__all__ = ["recv", "recv_nowait", "recvfrom", "recvfrom_nowait", "recvmsg", "recvmsg_nowait"]

# It has no state, so that one object serves all calls.
_WHOLE_MESSAGE: Final = RecvFrom(0, 0)

# The defaults of the parameters. Compared by identity, which is the cheapest test that there is.
_NO_LENGTH: Final = 0
_NO_FLAGS: Final[Flags] = ()


@twin
@enable_ki_protection
async def recv(
    sock: Socket, length: int = 0, flags: Flags = (), timeout: float = inf
) -> Ok[bytes] | Error:
    """Receive bytes from a connected socket. Erlang's `socket:recv/1,2,3,4`.

    Receivers are served in the order in which they called. If the caller is cancelled or killed,
    the bytes that it has received so far are kept for the next receive on this socket.

    Args:
        sock: the socket.
        length: on a stream, how many bytes to wait for; 0 (the default) waits for any, and returns
            what has arrived, up to the size in the option otp `rcvbuf`. On other sockets: the
            size of the buffer for one message, which is cut to it; 0 for the size in `rcvbuf`.
        flags: a list, tuple or set of words (`"peek"`, `"oob"`, ...) and integers.
        timeout: seconds to wait; `math.inf` (the default) waits for ever, 0 does not wait.

    Returns:
        `Ok(data)`, or `Error`; its `data` is the part of `length` that was received, if any:

        - `"timeout"`: not all arrived in time
        - `"closed"`: the peer has finished, or the socket is closed
        - `"state"`: the caller waits to receive already (with a `..._nowait` function), or a
          process waits to accept on this socket
        - a POSIX name: `"econnreset"`, `"enotconn"`, ... The processes that wait behind this one
          get it too.

    Raises:
        TypeError, ValueError: an argument has the wrong type or is no valid value.

    Example::

        match await socket.recv(sock, 4, timeout=5):
            case Ok(header): ...
            case Error("timeout", part): ...
            case Error("closed"): ...
    """
    actor = actor_of(sock)
    return await blocking(actor, _recv(actor, length, flags), timeout)


@twin
@enable_ki_protection
def recv_nowait(
    sock: Socket, length: int = 0, flags: Flags = (), ref: Ref | None = None
) -> Ok[bytes] | Error | Select | SelectRead:
    """Receive bytes without blocking. Erlang's `socket:recv/3,4` with `nowait` or a handle.

    Args:
        sock: the socket.
        length: as for `recv`.
        flags: as for `recv`.
        ref: the handle of the select message; None (the default) makes a new one.

    Returns:
        `Ok(data)`; `Select(info, part)` if there is less than `length`, other processes wait in
        front, or the caller has done so much without waiting that others must run: `part` is
        what was there, or None; after the select message, ask for the rest; or `Error` as from
        `recv`, but not `"timeout"`.

        On a socket with the option otp `select_read`: `SelectRead(info, data)` in the place of
        `Ok(data)`. Then the next select message is sent when there is more.

    Raises:
        TypeError, ValueError: an argument has the wrong type or is no valid value.

    Example::

        match socket.recv_nowait(sock):
            case Ok(data): ...
            case Select(info):
                await receive(info.ref)  # a SelectMessage: call again; or an AbortMessage
            case Error(reason): ...
    """
    actor = actor_of(sock)
    return nowait_receive(actor, _recv(actor, length, flags), ref)


@enable_ki_protection
async def recvfrom(
    sock: Socket, bufsize: int = 0, flags: Flags = (), timeout: float = inf
) -> Ok[tuple[SockAddr, bytes]] | Error:
    """Receive a message and its source address. Erlang's `socket:recvfrom/1,2,3,4`.

    Args:
        sock: the socket.
        bufsize: the size of the buffer in bytes, to which a longer message is cut; 0 (the
            default) takes the size in the option otp `rcvbuf`.
        flags: a list, tuple or set of words and integers, as for `recv`.
        timeout: seconds to wait; `math.inf` (the default) waits for ever, 0 does not wait.

    Returns:
        `Ok((source, data))`, or `Error` as from `recv`, without `data`.

    Raises:
        TypeError, ValueError: an argument has the wrong type or is no valid value.

    Example::

        source, data = ok(await socket.recvfrom(sock))
        ok(await socket.sendto(sock, data, source))
    """
    actor = actor_of(sock)
    return await blocking(actor, _recvfrom(actor, bufsize, flags), timeout)


@enable_ki_protection
def recvfrom_nowait(
    sock: Socket, bufsize: int = 0, flags: Flags = (), ref: Ref | None = None
) -> Ok[tuple[SockAddr, bytes]] | Error | Select | SelectRead:
    """Receive a message and its source without blocking.

    Erlang's `socket:recvfrom/3,4` with `nowait` or a handle.

    Args:
        sock: the socket.
        bufsize: as for `recvfrom`.
        flags: as for `recvfrom`.
        ref: the handle of the select message; None (the default) makes a new one.

    Returns:
        `Ok` or `Error` as from `recvfrom`, but not `"timeout"`; `Select(info)` if there is no
        message, or other processes wait in front; `SelectRead` as from `recv_nowait`.

    Raises:
        TypeError, ValueError: an argument has the wrong type or is no valid value.
    """
    actor = actor_of(sock)
    return nowait_receive(actor, _recvfrom(actor, bufsize, flags), ref)


@enable_ki_protection
async def recvmsg(
    sock: Socket,
    bufsize: int = 0,
    ctrlsize: int = 0,
    flags: Flags = (),
    timeout: float = inf,
) -> Ok[Msg] | Error:
    """Receive a message with its control messages and flags. Erlang's `socket:recvmsg/1,2,3,5`.

    Args:
        sock: the socket.
        bufsize: the size of the buffer for data in bytes; 0 (the default) takes the size in the
            option otp `rcvbuf`. What does not fit is cut off, and `"trunc"` is in the flags of
            the message.
        ctrlsize: the size of the buffer for control messages in bytes; 0 (the default) takes the
            size in the option otp `rcvctrlbuf`. What does not fit is cut off, and `"ctrunc"` is
            in the flags of the message.
        flags: a list, tuple or set of words and integers, as for `recv`.
        timeout: seconds to wait; `math.inf` (the default) waits for ever, 0 does not wait.

    Returns:
        `Ok(msg)`, a `Msg` with exactly one piece; or `Error` as from `recv`, without `data`.

    Raises:
        TypeError, ValueError: an argument has the wrong type or is no valid value.

    Example::

        match await socket.recvmsg(sock):
            case Ok(Msg(addr=source, iov=(data,), flags=flags)): ...
    """
    actor = actor_of(sock)
    return await blocking(actor, _recvmsg(actor, bufsize, ctrlsize, flags), timeout)


@enable_ki_protection
def recvmsg_nowait(
    sock: Socket, bufsize: int = 0, ctrlsize: int = 0, flags: Flags = (), ref: Ref | None = None
) -> Ok[Msg] | Error | Select | SelectRead:
    """Receive a message with control messages and flags without blocking.

    Erlang's `socket:recvmsg/3,5` with `nowait` or a handle.

    Args:
        sock: the socket.
        bufsize: as for `recvmsg`.
        ctrlsize: as for `recvmsg`.
        flags: as for `recvmsg`.
        ref: the handle of the select message; None (the default) makes a new one.

    Returns:
        `Ok` or `Error` as from `recvmsg`, but not `"timeout"`; `Select(info)` if there is no
        message, or other processes wait in front; `SelectRead` as from `recv_nowait`.

    Raises:
        TypeError, ValueError: an argument has the wrong type or is no valid value.
    """
    actor = actor_of(sock)
    return nowait_receive(actor, _recvmsg(actor, bufsize, ctrlsize, flags), ref)


# --- from arguments to operations -----------------------------------------------------------------


def _recv(actor: SocketActor, length: int, flags: Flags) -> Recv | RecvWhatIsThere:
    if length is _NO_LENGTH and flags is _NO_FLAGS:
        return _WHAT_IS_THERE
    return Recv(_size("length", length), _bits(actor, flags))


def _recvfrom(actor: SocketActor, bufsize: int, flags: Flags) -> RecvFrom:
    if bufsize is _NO_LENGTH and flags is _NO_FLAGS:
        return _WHOLE_MESSAGE
    return RecvFrom(_size("bufsize", bufsize), _bits(actor, flags))


def _recvmsg(actor: SocketActor, bufsize: int, ctrlsize: int, flags: Flags) -> RecvMsg:
    return RecvMsg(_size("bufsize", bufsize), _size("ctrlsize", ctrlsize), _bits(actor, flags))


def _bits(actor: SocketActor, flags: Flags) -> int:
    bits = encode_flags(flags)
    if bits & ASIDE:
        actor.distrust_read()  # the flag is about ordinary data only
    return bits


def _size(argument: str, value: object) -> int:
    return check_int(argument, value, "a number of bytes 0..2**31-1", 0, INT_MAX)
