"""Sending: send, sendto, sendmsg, sendv and sendfile, blocking and not.

Each takes the `SelectInfo` of an earlier `Select` where its flags (destination, file) stand, and
then goes on with those of the call that it continues: the documented continuation.
"""

import os
from collections.abc import Mapping, Sequence
from math import inf
from typing import Any, Final, Protocol, TypeVar

from trio.lowlevel import enable_ki_protection

from ...arguments import check_int, check_seconds, shown
from ...results import Error, Ok, Select, SelectInfo, Tag
from ...runtime.bodies.current import process_of_task
from ...runtime.bodies.running import local
from ...runtime.core.identity import Ref, check_ref
from ...runtime.core.reductions import SYSTEM_CALL
from ..core.actor import Operation, SocketActor, actor_of
from ..core.handle import Socket
from ..kernel.errors import error_of
from ..kernel.held_file import HeldFile
from ..operations.send import (
    IOV_MAX,
    SENT,
    Continuation,
    Send,
    SendFile,
    SendMsg,
    SendTo,
    send_plainly,
)
from ..values.address import AddressLike, SockAddr, SockAddrIn, parse
from ..values.control import encode_control, space
from ..values.flags import Flags, encode_flags
from ..values.limits import INT_MAX
from ..values.messages import Data, Msg, Piece, Pieces, as_bytes, parse_msg
from .asking import ask, blocking, nowait, wait

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
"""A sequence is what is left of a message: taken with the info of its `Select` only."""


# What `flags` is when nobody gives any: told by identity, which costs next to nothing.
_NO_FLAGS: Final[Flags] = ()


_OFF_MAX: Final = 2**63 - 1
_FILE: Final = "an open file or its descriptor"


class HasFileno(Protocol):
    """A file that is open in the operating system."""

    def fileno(self) -> int:
        """Its descriptor."""


@enable_ki_protection
async def send(
    sock: Socket, data: Data, flags: Flags | SelectInfo = (), timeout: float = inf
) -> Ok[bytes | None] | Error:
    """Send `data` on a connected socket. Documented `send/2,3,4`; `timeout` is in seconds.

    `data` is bytes-like, or a list or tuple of such, nested at will. `Ok()` when the system has
    taken all of it; on a socket that is no stream it may take only a part: `Ok(rest)`. Senders
    are served in order: the bytes of two sends never mix.

    `Error`: `"closed"`, `"timeout"`, `"state"` (the caller waits already, or a connect does),
    `"select_info"` (it is not of a send), or a POSIX reason (`"epipe"`, `"econnreset"`, ...);
    `data` is then what was not sent, if part of it was.
    """
    actor: SocketActor = sock._actor if type(sock) is Socket else actor_of(sock)
    if type(data) is not bytes or flags is not _NO_FLAGS or timeout is not inf:
        op = _send(data, flags)
        return op if isinstance(op, Error) else await blocking(actor, op, timeout)
    process = local.step.process
    if process is None:
        process = process_of_task()
    body = process.body
    toll = body.spend(SYSTEM_CALL)
    if toll is not None:
        await toll
    free = actor.is_plain and actor.turns.write.current is None
    begun = send_plainly(actor, data) if free else Send(data, 0)
    if begun is SENT:
        return SENT
    if not isinstance(begun, Send):
        return begun
    answer = ask(actor, begun, process.pid, True)
    return await wait(actor, begun, process, inf) if answer is None else answer


@enable_ki_protection
def send_nowait(
    sock: Socket, data: Data, flags: Flags | SelectInfo = (), ref: Ref | None = None
) -> Ok[bytes | None] | Error | Select:
    """`send` that does not block: `Select` when not all could be sent, or not our turn.

    `data` of the `Select` is the rest when part was sent; after the select message, send that.
    """
    actor: SocketActor = sock._actor if type(sock) is Socket else actor_of(sock)
    if ref is not None or type(data) is not bytes or flags is not _NO_FLAGS:
        return _nowait(actor, _send(data, flags), ref)
    if local.step.process is None:
        process_of_task()  # who calls becomes a process, and outside of a runtime is told so
    if actor.is_plain and actor.turns.write.current is None:
        answer = send_plainly(actor, data)
        return nowait(actor, answer, None) if isinstance(answer, Send) else answer
    return nowait(actor, Send(data, 0), None)


@enable_ki_protection
async def sendto(
    sock: Socket,
    data: Data,
    dest: AddressLike | SelectInfo,
    flags: Flags = (),
    timeout: float = inf,
) -> Ok[bytes | None] | Error:
    """Send `data` to `dest`. Documented `sendto/3,4,5`; `timeout` is in seconds.

    `Ok` and `Error` as for `send`.
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
    """`sendto` that does not block: `Select` when there is no room, or not our turn."""
    actor = actor_of(sock)
    return _nowait(actor, _sendto(actor, data, dest, flags), ref)


@enable_ki_protection
async def sendmsg(
    sock: Socket, msg: MsgLike, flags: Flags | SelectInfo = (), timeout: float = inf
) -> Ok[list[bytes] | None] | Error:
    """Send a message: data in pieces, with an address and control messages if it has them.

    Documented `sendmsg/2,3,4`; `timeout` is in seconds. `msg` is a `Msg` or the documented map
    as a dict: `iov`, and optionally `addr` and `ctrl`.

    `Ok` and `Error` as for `send`; what is left is a list of pieces.
    """
    actor = actor_of(sock)
    op = _sendmsg(actor, msg, flags)
    return op if isinstance(op, Error) else await blocking(actor, op, timeout)


@enable_ki_protection
def sendmsg_nowait(
    sock: Socket, msg: MsgLike, flags: Flags | SelectInfo = (), ref: Ref | None = None
) -> Ok[list[bytes] | None] | Error | Select:
    """`sendmsg` that does not block: `Select` when not all could be sent, or not our turn.

    `data` of the `Select` is a list of the pieces left when part was sent. Go on with that list as
    `msg` and the `info` as `flags`, which remembers the destination, and the control messages if
    they have not gone: they go with the first part.
    """
    actor = actor_of(sock)
    return _nowait(actor, _sendmsg(actor, msg, flags), ref)


@enable_ki_protection
async def sendv(sock: Socket, iov: Pieces, timeout: float = inf) -> Ok[list[bytes] | None] | Error:
    """Send pieces of data, in order and without joining them. `sendv/2,3`; seconds.

    `Ok` and `Error` as for `send`; what is left is a list of pieces.
    """
    actor = actor_of(sock)
    return await blocking(actor, _sendv(actor, iov), timeout)


@enable_ki_protection
def sendv_nowait(
    sock: Socket, iov: Pieces, ref: Ref | None = None
) -> Ok[list[bytes] | None] | Error | Select:
    """`sendv` that does not block; `data` of the `Select` is a list of the pieces left."""
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
    """Send `count` bytes of a file from `offset` on, without reading it into the program.

    `count` 0 is all up to its end. `file` is an open file or a descriptor. `Ok` with how many
    bytes were sent. Documented `sendfile/2,3,4,5`; `timeout` is in seconds.

    `Error` as for `send`; `data` is then how many bytes were sent, once it has waited in its turn.
    """
    actor = actor_of(sock)
    check_seconds("timeout", timeout)  # before anything is opened
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
    """`sendfile` that does not block; `data` of the `Select` is how many bytes were sent."""
    actor = actor_of(sock)
    handle = Ref() if ref is None else check_ref(ref)  # before anything is opened
    return _nowait(actor, _sendfile(file, offset, count), handle)


_WRONG_INFO: Final = Error("select_info")


def _nowait(
    actor: SocketActor, op: Operation[T] | Error, ref: Ref | None
) -> Ok[T] | Error | Select:
    return op if isinstance(op, Error) else nowait(actor, op, ref)


def _continuation(info: SelectInfo, tag: Tag) -> Continuation | None:
    # Anybody can make a SelectInfo of anything; only a send puts this into one.
    found = info.continuation
    return found if isinstance(found, Continuation) and info.tag == tag else None


def _send(data: Data, flags: Flags | SelectInfo) -> Send | Error:
    data = as_bytes(data)
    if not isinstance(flags, SelectInfo):
        return Send(data, encode_flags(flags))
    former = _continuation(flags, "send")
    return _WRONG_INFO if former is None else Send(data, former.flags)


def _sendto(
    actor: SocketActor, data: Data, dest: AddressLike | SelectInfo, flags: Flags
) -> SendTo | Error:
    data = as_bytes(data)
    if not isinstance(dest, SelectInfo):
        address = _destination(actor, dest)
        return SendTo(data, encode_flags(flags), "sendto", dest=address)
    former = _continuation(dest, "sendto")
    if former is None or former.dest is None:
        return _WRONG_INFO
    return SendTo(data, former.flags, "sendto", dest=former.dest)


def _destination(actor: SocketActor, dest: AddressLike) -> SockAddr:
    if type(dest) is SockAddrIn:  # as it comes from `recvfrom`
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
    return SendMsg(_pieces(actor, parse_msg({"iov": iov}).iov), 0, tag="sendv")


def _pieces(actor: SocketActor, iov: tuple[Piece, ...]) -> tuple[Piece, ...]:
    if len(iov) <= IOV_MAX:
        return iov
    # Empty ones don't count. A stream takes the others in several calls; a message goes in one.
    iov = tuple(piece for piece in iov if piece)
    if len(iov) > IOV_MAX and not actor.kind.is_stream:
        raise ValueError(f"iov: a message has at most {IOV_MAX} pieces here, got {len(iov)}")
    return iov


def _sendfile(file: object, offset: int, count: int) -> SendFile | Error:
    # What no file has at a negative offset is for the system to say.
    check_int("offset", offset, "a number of bytes below 2**63", -(2**63), _OFF_MAX)
    check_int("count", count, "a number of bytes 0..2**63-1", 0, _OFF_MAX)
    if isinstance(file, SelectInfo):
        former = _continuation(file, "sendfile")
        if former is None or former.file is None:
            return _WRONG_INFO
        return SendFile(former.file, offset, count, shared=True)
    if not hasattr(os, "sendfile"):
        return Error("enotsup")
    descriptor = _descriptor(file)
    try:
        # The caller may close the file before it is sent, and the number become another one's.
        return SendFile(HeldFile(descriptor), offset, count)
    except OSError as exc:
        return error_of(exc)


def _descriptor(file: object) -> int:
    if not hasattr(file, "fileno"):
        return check_int("file", file, _FILE, 0, INT_MAX)
    try:
        fd = file.fileno()
    except (OSError, ValueError):  # it is closed, or not of the operating system's
        fd = None
    if not isinstance(fd, int) or not 0 <= fd <= INT_MAX:
        raise ValueError(f"file: expected {_FILE}, got {shown(file)}")
    return fd
