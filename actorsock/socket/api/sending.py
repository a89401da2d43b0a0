"""Sending: send, sendto, sendmsg, sendv and sendfile, blocking and not.

A send that returned `Select` can be continued by a call that has the `SelectInfo` in the place
of its flags (`sendto`: of its destination; `sendfile`: of its file). It takes flags, destination
and file from the call that it continues, as documented for Erlang.
"""

import os
from collections.abc import Mapping, Sequence
from math import inf
from typing import Any, Final, Protocol, TypeVar

from trio.lowlevel import enable_ki_protection

from ..._native import twin
from ...arguments import check_int, check_seconds, exact_int, shown
from ...results import Error, Ok, Select, SelectInfo, Tag
from ...runtime.core.identity import Ref, check_ref
from ..core.actor import Operation, SocketActor, actor_of
from ..core.socket_object import Socket
from ..kernel.descriptors import HeldFile
from ..kernel.errors import error_of
from ..operations.send import (
    IOV_MAX,
    Continuation,
    Send,
    SendFile,
    SendMsg,
)
from ..values.address import AddressLike, SockAddr, SockAddrIn, parse
from ..values.c_integers import INT_MAX
from ..values.control import encode_control, space
from ..values.flags import Flags, encode_flags
from ..values.messages import Data, Msg, Piece, Pieces, as_bytes, parse_msg, parse_pieces
from .asking import blocking, nowait

__all__ = [
    "send",
    "send_nowait",
    "sendfile",
    "sendfile_nowait",
    "sendmsg",
    "sendmsg_nowait",
    "sendto",
    "sendto_nowait",
    "sendv",
    "sendv_nowait",
]

T = TypeVar("T")
MsgLike = Msg | Mapping[str, object] | Sequence[Any]
"""The forms of a message; a sequence of pieces only together with the info of a `Select`."""

# The default of `flags`. Compared by identity, which is the cheapest test that there is.
_NO_FLAGS: Final[Flags] = ()

_OFF_MAX: Final = 2**63 - 1
_FILE: Final = "an open file or its descriptor"


class HasFileno(Protocol):
    """A file that is open in the operating system."""

    def fileno(self) -> int:
        """Return its descriptor."""
        ...


@twin
@enable_ki_protection
async def send(
    sock: Socket, data: Data, flags: Flags | SelectInfo = (), timeout: float = inf
) -> Ok[bytes | None] | Error:
    """Send data on a connected socket. Erlang's `socket:send/2,3,4`.

    Senders are served in the order in which they called; the bytes of two sends never mix.

    Args:
        sock: the socket.
        data: bytes-like, or a list or tuple of such, nested at will; it must not change before
            the call returns.
        flags: a list, tuple or set of words (`"dontroute"`, `"more"`, `"oob"`, ...) and integers;
            or the `SelectInfo` of a `send` that this call continues, whose flags it takes.
        timeout: seconds to wait; `math.inf` (the default) waits for ever, 0 does not wait.

    Returns:
        `Ok()` when the system has taken all of `data`. A socket that is no stream may take
        only a part: `Ok(rest)`. Or `Error`; its `data` is what was not sent, if a part was:

        - `"timeout"`: not all was taken in time
        - `"closed"`: the socket is closed, or was while the caller waited
        - `"state"`: the caller waits to send already (with a `..._nowait` function), or a
          process is connecting this socket
        - `"select_info"`: `flags` is the info of another function
        - a POSIX name: `"epipe"`, `"econnreset"`, `"enotconn"`, ... The processes that wait
          behind this one get it too.

    Raises:
        TypeError, ValueError: an argument has the wrong type or is no valid value.

    Example::

        match await socket.send(sock, b"hello", timeout=5):
            case Ok(): ...
            case Error("timeout", rest): ...
    """
    actor = actor_of(sock)
    op = _send(data, flags)
    return op if isinstance(op, Error) else await blocking(actor, op, timeout)


@twin
@enable_ki_protection
def send_nowait(
    sock: Socket, data: Data, flags: Flags | SelectInfo = (), ref: Ref | None = None
) -> Ok[bytes | None] | Error | Select:
    """Send data without blocking. Erlang's `socket:send/3,4` with `nowait` or a handle.

    Args:
        sock: the socket.
        data: as for `send`.
        flags: as for `send`.
        ref: the handle of the select message; None (the default) makes a new one.

    Returns:
        `Ok` as from `send`; `Select(info, rest)` if not all could be sent, other processes wait
        in front, or the caller has done so much without waiting that others must run: `rest` is
        what is left if a part was sent, else None; after the select message, send that; or
        `Error` as from `send`, but not `"timeout"`.

    Raises:
        TypeError, ValueError: an argument has the wrong type or is no valid value.

    Example::

        match socket.send_nowait(sock, data):
            case Select(info, rest):
                await receive(info.ref)
                socket.send_nowait(sock, data if rest is None else rest, info)
    """
    actor = actor_of(sock)
    return _nowait(actor, _send(data, flags), ref)


@enable_ki_protection
async def sendto(
    sock: Socket,
    data: Data,
    dest: AddressLike | SelectInfo,
    flags: Flags = (),
    timeout: float = inf,
) -> Ok[bytes | None] | Error:
    """Send data to an address. Erlang's `socket:sendto/3,4,5`.

    Args:
        sock: the socket.
        data: as for `send`.
        dest: a `SockAddr...` record, the documented map as a dict, or `(host, port)`; or the
            `SelectInfo` of a `sendto` that this call continues, whose destination and flags it
            takes.
        flags: a list, tuple or set of words and integers, as for `send`.
        timeout: seconds to wait; `math.inf` (the default) waits for ever, 0 does not wait.

    Returns:
        `Ok` or `Error` as from `send`; `"select_info"` if `dest` is the info of another function.

    Raises:
        TypeError, ValueError: an argument has the wrong type or is no valid value.

    Example::

        ok(await socket.sendto(sock, b"ping", ("127.0.0.1", 9999)))
    """
    actor = actor_of(sock)
    op = _sendto(actor, data, dest, flags)
    return op if isinstance(op, Error) else await blocking(actor, op, timeout)


@enable_ki_protection
def sendto_nowait(
    sock: Socket,
    data: Data,
    dest: AddressLike | SelectInfo,
    flags: Flags = (),
    ref: Ref | None = None,
) -> Ok[bytes | None] | Error | Select:
    """Send data to an address without blocking. Erlang's `socket:sendto/4,5` with `nowait`.

    Args:
        sock: the socket.
        data: as for `send`.
        dest: as for `sendto`.
        flags: as for `sendto`.
        ref: the handle of the select message; None (the default) makes a new one.

    Returns:
        As from `send_nowait`: `Select` if there is no room, or other processes wait in front.

    Raises:
        TypeError, ValueError: an argument has the wrong type or is no valid value.
    """
    actor = actor_of(sock)
    return _nowait(actor, _sendto(actor, data, dest, flags), ref)


@enable_ki_protection
async def sendmsg(
    sock: Socket, msg: MsgLike, flags: Flags | SelectInfo = (), timeout: float = inf
) -> Ok[list[bytes] | None] | Error:
    """Send a message: data in pieces, with an address and control messages if it has them.

    Erlang's `socket:sendmsg/2,3,4`.

    Args:
        sock: the socket.
        msg: a `Msg`, or the documented map as a dict: `"iov"` is a list of bytes-like pieces;
            `"addr"` (a destination) and `"ctrl"` (a list of `ControlMessage`) may be left out.
            With the info of a `Select` as `flags`: also the list of pieces left alone.
        flags: a list, tuple or set of words and integers, as for `send`; or the `SelectInfo` of a
            `sendmsg` that this call continues. It takes flags and destination from that, and the
            control messages if they were not sent yet: they go with the first bytes.
        timeout: seconds to wait; `math.inf` (the default) waits for ever, 0 does not wait.

    Returns:
        `Ok` or `Error` as from `send`, but what is left is a list of pieces.

    Raises:
        TypeError: an argument has the wrong type.
        ValueError: an argument is no valid value; `msg` has more pieces than one system call
            takes, on a socket that is no stream; or its control messages need more bytes than the
            option otp `sndctrlbuf` allows.

    Example::

        ok(await socket.sendmsg(sock, {"iov": [header, body]}))
    """
    actor = actor_of(sock)
    op = _sendmsg(actor, msg, flags)
    return op if isinstance(op, Error) else await blocking(actor, op, timeout)


@enable_ki_protection
def sendmsg_nowait(
    sock: Socket, msg: MsgLike, flags: Flags | SelectInfo = (), ref: Ref | None = None
) -> Ok[list[bytes] | None] | Error | Select:
    """Send a message without blocking. Erlang's `socket:sendmsg/3,4` with `nowait` or a handle.

    Args:
        sock: the socket.
        msg: as for `sendmsg`.
        flags: as for `sendmsg`.
        ref: the handle of the select message; None (the default) makes a new one.

    Returns:
        `Ok` or `Error` as from `sendmsg`; or `Select(info, rest)` if not all could be sent, or
        other processes wait in front: `rest` is the list of the pieces left if a part was sent,
        else None.

    Raises:
        TypeError, ValueError: as `sendmsg`.

    Example::

        match socket.sendmsg_nowait(sock, msg):
            case Select(info, rest):
                await receive(info.ref)
                socket.sendmsg_nowait(sock, msg if rest is None else rest, info)
    """
    actor = actor_of(sock)
    return _nowait(actor, _sendmsg(actor, msg, flags), ref)


@enable_ki_protection
async def sendv(sock: Socket, iov: Pieces, timeout: float = inf) -> Ok[list[bytes] | None] | Error:
    """Send pieces of data, in order and without joining them. Erlang's `socket:sendv/2,3`.

    Args:
        sock: a connected socket.
        iov: a list or tuple of bytes-like pieces.
        timeout: seconds to wait; `math.inf` (the default) waits for ever, 0 does not wait.

    Returns:
        `Ok` or `Error` as from `send`, but what is left is a list of pieces.

    Raises:
        TypeError, ValueError: as `sendmsg`.

    Example::

        ok(await socket.sendv(sock, [header, body]))
    """
    actor = actor_of(sock)
    return await blocking(actor, _sendv(actor, iov), timeout)


@enable_ki_protection
def sendv_nowait(
    sock: Socket, iov: Pieces, ref: Ref | None = None
) -> Ok[list[bytes] | None] | Error | Select:
    """Send pieces of data without blocking. Erlang's `socket:sendv/3` with `nowait` or a handle.

    Args:
        sock: a connected socket.
        iov: a list or tuple of bytes-like pieces.
        ref: the handle of the select message; None (the default) makes a new one.

    Returns:
        As from `sendmsg_nowait`. After the select message, call again with the pieces left.

    Raises:
        TypeError, ValueError: as `sendmsg`.
    """
    actor = actor_of(sock)
    return _nowait(actor, _sendv(actor, iov), ref)


@enable_ki_protection
async def sendfile(
    sock: Socket,
    file: int | HasFileno | SelectInfo,
    offset: int = 0,
    count: int = 0,
    timeout: float = inf,
) -> Ok[int] | Error:
    """Send bytes of a file without reading it into the program. Erlang's `socket:sendfile/2,3,4,5`.

    Args:
        sock: a connected stream socket.
        file: an open file or a descriptor, which may be closed as soon as the call has begun; or
            the `SelectInfo` of a `sendfile` that this call continues, whose file it takes.
        offset: the position in the file, in bytes, of the first byte to send.
        count: how many bytes to send; 0 (the default) sends all up to the end of the file.
        timeout: seconds to wait; `math.inf` (the default) waits for ever, 0 does not wait.

    Returns:
        `Ok(n)`: n bytes were sent. Or `Error` as from `send`, but its `data` is how many bytes
        were sent, once some were or the call has waited for room. Besides:

        - `"enotsup"`: this platform has no sendfile
        - a POSIX name for what the file can't do: `"einval"`, `"ebadf"`, ...

    Raises:
        TypeError, ValueError: an argument has the wrong type or is no valid value.

    Example::

        with open("page.html", "rb") as file:
            sent = ok(await socket.sendfile(sock, file))
    """
    actor = actor_of(sock)
    timeout = check_seconds("timeout", timeout)  # before the descriptor is duplicated
    op = _sendfile(file, offset, count)
    return op if isinstance(op, Error) else await blocking(actor, op, timeout)


@enable_ki_protection
def sendfile_nowait(
    sock: Socket,
    file: int | HasFileno | SelectInfo,
    offset: int = 0,
    count: int = 0,
    ref: Ref | None = None,
) -> Ok[int] | Error | Select:
    """Send bytes of a file without blocking. Erlang's `socket:sendfile/4,5` with `nowait`.

    Args:
        sock: a connected stream socket.
        file: as for `sendfile`.
        offset: as for `sendfile`.
        count: as for `sendfile`.
        ref: the handle of the select message; None (the default) makes a new one.

    Returns:
        `Ok` or `Error` as from `sendfile`; or `Select(info, sent)` if not all could be sent, or
        other processes wait in front: `sent` is how many bytes were sent, or None. After the
        select message, call again with `info` as `file`, and `offset` and `count` moved on.

    Raises:
        TypeError, ValueError: an argument has the wrong type or is no valid value.
    """
    actor = actor_of(sock)
    handle = Ref() if ref is None else check_ref(ref)  # before the descriptor is duplicated
    return _nowait(actor, _sendfile(file, offset, count), handle)


# --- from arguments to operations -----------------------------------------------------------------


_WRONG_INFO: Final = Error("select_info")


def _nowait(
    actor: SocketActor, op: Operation[T] | Error, ref: Ref | None
) -> Ok[T] | Error | Select:
    return op if isinstance(op, Error) else nowait(actor, op, ref)


def _continuation(info: SelectInfo, tag: Tag) -> Continuation | None:
    # Programs can make a SelectInfo themselves; one with a `Continuation` comes from a send.
    found = info.continuation
    return found if isinstance(found, Continuation) and info.tag == tag else None


@twin
def _send(data: Data, flags: Flags | SelectInfo) -> Send | Error:
    data = as_bytes(data)
    if flags is _NO_FLAGS:
        return Send(data, 0)
    if not isinstance(flags, SelectInfo):
        return Send(data, encode_flags(flags))
    former = _continuation(flags, "send")
    return _WRONG_INFO if former is None else Send(data, former.flags)


def _sendto(
    actor: SocketActor, data: Data, dest: AddressLike | SelectInfo, flags: Flags
) -> Send | Error:
    data = as_bytes(data)
    if not isinstance(dest, SelectInfo):
        address = _destination(actor, dest)
        return Send(data, encode_flags(flags), address, "sendto")
    former = _continuation(dest, "sendto")
    if former is None or former.dest is None:
        return _WRONG_INFO
    return Send(data, former.flags, former.dest, "sendto")


def _destination(actor: SocketActor, dest: AddressLike) -> SockAddr:
    if type(dest) is SockAddrIn:  # e.g. from `recvfrom`: there is nothing to parse
        return dest
    return parse(actor.kind.domain, dest, argument="dest")


def _sendmsg(actor: SocketActor, msg: MsgLike, flags: Flags | SelectInfo) -> SendMsg | Error:
    if isinstance(flags, SelectInfo) and isinstance(msg, list | tuple):
        msg = {"iov": msg}  # the pieces left, as a select carries them
    checked = parse_msg(msg)
    iov = _pieces(actor, checked.iov)
    if isinstance(flags, SelectInfo):
        former = _continuation(flags, "sendmsg")
        if former is None:
            return _WRONG_INFO
        return SendMsg(iov, former.flags, former.dest, former.control)
    address = (
        None
        if checked.addr is None
        else parse(actor.kind.domain, checked.addr, argument="msg: its addr")
    )
    control = encode_control(checked.ctrl)
    needed, room = space(control), actor.settings.sndctrlbuf
    if needed > room:
        raise ValueError(
            f"msg: its ctrl needs {needed} bytes, and the option otp sndctrlbuf allows {room}"
        )
    return SendMsg(iov, encode_flags(flags), address, tuple(control))


def _sendv(actor: SocketActor, iov: Pieces) -> SendMsg:
    return SendMsg(_pieces(actor, parse_pieces(iov, "iov")), 0, tag="sendv")


def _pieces(actor: SocketActor, iov: tuple[Piece, ...]) -> tuple[Piece, ...]:
    if len(iov) <= IOV_MAX:
        return iov
    # Empty pieces don't count. A stream takes the others in several system calls; a message can
    # be sent only in one.
    iov = tuple(piece for piece in iov if piece)
    if len(iov) > IOV_MAX and not actor.kind.is_stream:
        raise ValueError(f"iov: a message has at most {IOV_MAX} pieces here, got {len(iov)}")
    return iov


def _sendfile(file: object, offset: int, count: int) -> SendFile | Error:
    # A negative offset is passed on: the kernel returns an error for it, as in Erlang.
    offset = check_int("offset", offset, "a number of bytes below 2**63", -(2**63), _OFF_MAX)
    count = check_int("count", count, "a number of bytes 0..2**63-1", 0, _OFF_MAX)
    if isinstance(file, SelectInfo):
        former = _continuation(file, "sendfile")
        if former is None or former.file is None:
            return _WRONG_INFO
        return SendFile(former.file, offset, count, shared=True)
    if not hasattr(os, "sendfile"):
        return Error("enotsup")
    descriptor = _descriptor(file)
    try:
        # A duplicate, because the caller may close the file before it is sent, and the number may
        # be reused for another file.
        return SendFile(HeldFile(descriptor), offset, count)
    except OSError as exc:
        return error_of(exc)


def _descriptor(file: Any) -> int:
    if not hasattr(file, "fileno"):
        return check_int("file", file, _FILE, 0, INT_MAX)
    try:
        fd = file.fileno()
    except (OSError, ValueError):  # it is closed, or not a file of the operating system
        fd = None
    if not isinstance(fd, int) or isinstance(fd, bool) or not 0 <= exact_int(fd) <= INT_MAX:
        raise ValueError(f"file: expected {_FILE}, got {shown(file)}")
    return exact_int(fd)
