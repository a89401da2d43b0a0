"""recv, recvfrom and recvmsg: what they take from the kernel, and what they answer.

No byte is lost: data leaves the kernel only while its reader is running, and what a reader
that goes on waiting has collected so far returns to the actor (`unread`) if it is cancelled or
killed.
"""

import errno
import socket as stdlib
from math import inf
from typing import ClassVar, Final

import attrs

from ...results import Error, Ok, Tag
from ...runtime.core.identity import Pid
from ...runtime.core.reductions import TRANSFER_QUANTUM
from ..core.actor import SocketActor
from ..core.turns import Kind, LaneName
from ..kernel import libc
from ..kernel.errors import error_of
from ..values.address import SockAddr, SockAddrUnspec, from_python
from ..values.control import decode_control
from ..values.flags import decode_flags
from ..values.messages import Msg
from .whole import Whole

__all__ = ["ASIDE", "Recv", "RecvFrom", "RecvMsg", "RecvSome", "RecvWhatIsThere"]

# A length that somebody asks for is not a buffer that we must have at once.
_PIECE: Final = 256 * 1024

# As plain ints: arithmetic on the standard library's enums is ten times as slow.
_PEEK: Final = int(stdlib.MSG_PEEK)
_OOB: Final = int(stdlib.MSG_OOB)
_ERRQUEUE: Final = int(getattr(stdlib, "MSG_ERRQUEUE", 0))
# With it the kernel reports more bytes than it has written.
_NO_TRUNC: Final = ~int(stdlib.MSG_TRUNC)
ASIDE: Final = _OOB | _ERRQUEUE
"""Flags of what does not come from the stream of data: what is unread has no part in it."""


@attrs.define
class Recv:
    """`recv(length, flags)`."""

    length: int
    """Bytes wanted; 0 for what is there. On a socket of messages: the size of the buffer."""
    flags: int
    _parts: list[bytes] = attrs.field(factory=list)
    _received: int = 0

    tag: ClassVar[Tag] = "recv"
    kind: ClassVar[Kind] = "recv"
    lane: ClassVar[LaneName] = "read"

    def attempt(self, actor: SocketActor, pid: Pid, patient: bool) -> Ok[bytes] | Error | None:
        """One or several reads; see `Operation.attempt`."""
        if not actor.kind.is_stream:
            data = _read_message(actor, self.length, self.flags)
            return data if data is None or type(data) is Error else Ok(data)
        if self.flags & _PEEK:
            return _peek(actor, self.length or actor.settings.read_size, self.flags)
        if self.length:
            return self._exactly(actor, patient)
        return _what_is_there(actor, self.flags)

    def progress(self) -> bytes | None:
        """What a caller that does not block gets now, being part of what it asked for."""
        return self._collected() or None

    def continuation(self) -> None:
        """Nothing: the caller asks again for what is missing."""

    def interrupted(self, reason: str) -> Error:
        """The error, with what had come by then."""
        return Error(reason, self.progress())

    def abandoned(self, actor: SocketActor, answer: object) -> None:
        """What had come by then is the next reader's, also if it was complete."""
        if isinstance(answer, Ok):
            actor.counters.read_pkg -= 1
        actor.put_back(self._collected())

    def in_place(self, actor: SocketActor) -> bool:
        """Of a stream: what has come can be given back."""
        return self.length > 0 and actor.kind.is_stream and not self.flags

    def _exactly(self, actor: SocketActor, patient: bool) -> Ok[bytes] | Error | None:
        enough = self._received + TRANSFER_QUANTUM if patient else inf
        while True:
            wanted = min(self.length - self._received, _PIECE)
            # What is unread says nothing of what the kernel has behind it.
            unread = actor.unread and not self.flags & ASIDE
            data = _read(actor, wanted, self.flags)
            if data is None:
                return None
            if type(data) is Error:
                return self._failed(actor, data)
            if not data:
                return self._failed(actor, _end(actor))
            self._received += len(data)
            self._parts.append(data)
            if self._received == self.length:
                return self._complete(actor)
            if len(data) < wanted and not unread and (actor.read_quiet or not patient):
                return None
            if self._received >= enough:
                _ask_again(actor)
                return None

    def _collected(self) -> bytes:
        return self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)

    def _complete(self, actor: SocketActor) -> Ok[bytes]:
        data = self._collected()
        _count_message(actor, len(data))
        return Ok(data)

    def _failed(self, actor: SocketActor, error: Error) -> Error:
        return Error(error.reason, self.progress()) if self._parts else error


class _Some(Whole):
    """A receive of as much as there is, without flags."""

    __slots__ = ()

    def abandoned(self, actor: SocketActor, answer: object) -> None:
        """What was on its way is the next reader's."""
        if isinstance(answer, Ok) and answer.value:
            actor.counters.read_pkg -= 1
            actor.put_back(answer.value)
        elif isinstance(answer, Error) and answer.data:
            actor.put_back(answer.data)

    def in_place(self, actor: SocketActor) -> bool:
        """Of a stream: what has come can be given back."""
        return actor.kind.is_stream


class RecvWhatIsThere(_Some):
    """`recv()` of whatever there is, without flags: it remembers nothing, so one serves all."""

    __slots__ = ()

    tag: ClassVar[Tag] = "recv"
    kind: ClassVar[Kind] = "recv"
    lane: ClassVar[LaneName] = "read"

    def attempt(self, actor: SocketActor, pid: Pid, patient: bool) -> Ok[bytes] | Error | None:
        """One or several reads; see `Operation.attempt`."""
        kind, settings = actor.kind, actor.settings
        if not kind.is_stream:
            message = _read_message(actor, 0, 0)
            return message if message is None or type(message) is Error else Ok(message)
        if actor.unread or settings.read_count > 1:
            return _what_is_there(actor, 0)
        # What every echo does, hence without a step in between; `_read` has the reasons.
        counters, size = actor.counters, settings.read_size
        counters.read_tries += 1
        try:
            data = actor.sock.recv(size)
        except BlockingIOError:
            actor.read_quiet = actor.watched
            return None
        except OSError as exc:
            return _refused(actor, exc)
        got = len(data)
        if not got:
            return _end(actor)
        if got < size and kind.is_tcp and not actor.saw_end:
            actor.read_quiet = actor.watched
        counters.read_byte += got
        counters.read_pkg += 1
        if got > counters.read_pkg_max:
            counters.read_pkg_max = got
        return Ok(data)


@attrs.frozen
class RecvSome(_Some):
    """One read of at most `size` bytes of a stream; its end is no error, but no bytes."""

    size: int

    tag: ClassVar[Tag] = "recv"
    kind: ClassVar[Kind] = "recv"
    lane: ClassVar[LaneName] = "read"

    def attempt(self, actor: SocketActor, pid: Pid, patient: bool) -> Ok[bytes] | Error | None:
        """One read; see `Operation.attempt`."""
        data = _read(actor, self.size, 0)
        if data is None or type(data) is Error:
            return data
        if data:
            _count_message(actor, len(data))
        return Ok(data)


@attrs.frozen
class RecvFrom(Whole):
    """`recvfrom(bufsize, flags)`: one message, or what one read gives, and where it came from."""

    size: int
    flags: int

    tag: ClassVar[Tag] = "recvfrom"
    kind: ClassVar[Kind] = "recv"
    lane: ClassVar[LaneName] = "read"

    def attempt(
        self, actor: SocketActor, pid: Pid, patient: bool
    ) -> Ok[tuple[SockAddr, bytes]] | Error | None:
        """One read; see `Operation.attempt`."""
        size = self.size or actor.settings.read_size
        if actor.kind.is_stream:
            data = _read_stream(actor, size, self.flags)
            if data is None or type(data) is Error:
                return data
            return Ok((_peer(actor), data))
        actor.counters.read_tries += 1
        try:
            if actor.kind.is_known:
                data, name = actor.sock.recvfrom(size, self.flags & _NO_TRUNC)
                source = from_python(actor.kind.family, name)
            else:
                data, _, _, source = libc.recvmsg(actor.sock, size, 0, self.flags & _NO_TRUNC)
        except BlockingIOError:
            _nothing_there(actor, self.flags)
            return None
        except OSError as exc:
            return _refused(actor, exc)
        _count_taken(actor, len(data), self.flags)
        return Ok((source, data))


@attrs.define
class RecvMsg(Whole):
    """`recvmsg(bufsize, ctrlsize, flags)`: a message with its control messages and flags."""

    size: int
    ctrlsize: int
    flags: int

    tag: ClassVar[Tag] = "recvmsg"
    kind: ClassVar[Kind] = "recv"
    lane: ClassVar[LaneName] = "read"

    def attempt(self, actor: SocketActor, pid: Pid, patient: bool) -> Ok[Msg] | Error | None:
        """One read; see `Operation.attempt`."""
        size = self.size or actor.settings.read_size
        stream = actor.kind.is_stream
        if stream and actor.unread and not self.flags & ASIDE:
            data = _read_stream(actor, size, self.flags)
            assert type(data) is bytes
            return Ok(Msg(_named(_peer(actor)), (data,), (), ()))
        actor.counters.read_tries += 1
        try:
            data, ancillary, bits, source = self._receive(actor, size)
        except BlockingIOError:
            _nothing_there(actor, self.flags)
            return None
        except OSError as exc:
            return _refused(actor, exc)
        if stream and not data and not ancillary and not self.flags & ASIDE:
            return _end(actor)
        _count_taken(actor, len(data), self.flags)
        return Ok(
            Msg(
                _named(source),
                (data,),
                tuple(decode_control(ancillary)),
                decode_flags(bits & (self.flags | ~_CLOEXEC)),
            )
        )

    def _receive(
        self, actor: SocketActor, size: int
    ) -> tuple[bytes, list[tuple[int, int, bytes]], int, SockAddr]:
        room, flags = self.ctrlsize or actor.settings.rcvctrlbuf, self.flags & _NO_TRUNC
        kind = actor.kind
        if not kind.is_known:
            return libc.recvmsg(actor.sock, size, room, flags)
        if kind.domain == "local":
            flags |= _CLOEXEC
        data, ancillary, bits, name = actor.sock.recvmsg(size, room, flags)
        return data, ancillary, bits, from_python(kind.family, name)


# Asked for where descriptors may come, so that they are not inherited, like all others in Python.
# The kernel hands it back, which is of use only to who has asked for it.
_CLOEXEC: Final = int(getattr(stdlib, "MSG_CMSG_CLOEXEC", 0))


def _read(actor: SocketActor, size: int, flags: int) -> bytes | Error | None:
    """At most `size` bytes of a stream: what is unread first; empty at its end."""
    if actor.unread and not flags & ASIDE:
        data, actor.unread = actor.unread[:size], actor.unread[size:]
        return data
    actor.counters.read_tries += 1
    try:
        data = actor.sock.recv(size, flags & _NO_TRUNC)
    except BlockingIOError:
        _nothing_there(actor, flags)
        return None
    except OSError as exc:
        return _refused(actor, exc)
    if len(data) < size and not flags and not actor.saw_end and actor.kind.is_tcp:
        # TCP gives all that it has, so nothing is left; and had the peer finished, the poller
        # would have said so. Local streams stop at the boundaries of control messages.
        actor.read_quiet = actor.watched and bool(data)
    actor.counters.read_byte += len(data)
    return data


def _what_is_there(actor: SocketActor, flags: int) -> Ok[bytes] | Error | None:
    """What one recv without a length gives: as many reads as otp rcvbuf allows."""
    settings = actor.settings
    size = settings.read_size
    data = _read(actor, size, flags)
    if data is None or type(data) is Error:
        return data
    got = len(data)
    if not got:
        return _end(actor)
    if got == size and settings.read_count > 1:
        return _more_of_it(actor, data, flags)
    _count_message(actor, got)
    return Ok(data)


def _more_of_it(actor: SocketActor, first: bytes, flags: int) -> Ok[bytes] | Error:
    """Further reads, as long as each fills its buffer."""
    size, parts = len(first), [first]
    for _ in range(actor.settings.read_count - 1):
        data = _read(actor, size, flags)
        if data is None:
            break
        if type(data) is Error or not data:
            error = data if type(data) is Error else _end(actor)
            return Error(error.reason, b"".join(parts))
        parts.append(data)
        if len(data) < size:
            break
    whole = b"".join(parts)
    _count_message(actor, len(whole))
    return Ok(whole)


def _read_stream(actor: SocketActor, size: int, flags: int) -> bytes | Error | None:
    """One read of a stream as a whole operation."""
    if flags & _PEEK:
        peeked = _peek(actor, size, flags)
        return peeked.value if isinstance(peeked, Ok) else peeked
    data = _read(actor, size, flags)
    if data is None or type(data) is Error:
        return data
    if not data:
        return _end(actor)
    _count_message(actor, len(data))
    return data


def _peek(actor: SocketActor, size: int, flags: int) -> Ok[bytes] | Error | None:
    """What is there once, up to `size` bytes, left where it is."""
    unread = b"" if flags & ASIDE else actor.unread[:size]
    if len(unread) == size:
        return Ok(unread)
    actor.counters.read_tries += 1
    try:
        data = actor.sock.recv(size - len(unread), flags & _NO_TRUNC)
    except BlockingIOError:
        _nothing_there(actor, flags)
        return Ok(unread) if unread else None
    except OSError as exc:
        return Ok(unread) if unread else _refused(actor, exc)
    return Ok(unread + data) if unread or data else _end(actor)


def _read_message(actor: SocketActor, size: int, flags: int) -> bytes | Error | None:
    """One message, cut to `size`."""
    actor.counters.read_tries += 1
    try:
        data = actor.sock.recv(size or actor.settings.read_size, flags & _NO_TRUNC)
    except BlockingIOError:
        _nothing_there(actor, flags)
        return None
    except OSError as exc:
        return _refused(actor, exc)
    _count_taken(actor, len(data), flags)
    return data


def _peer(actor: SocketActor) -> SockAddr:
    """Where the bytes of a stream come from, as far as the kernel says so with each read."""
    if actor.kind.domain != "local":
        return SockAddrUnspec()
    try:
        return from_python(actor.kind.family, actor.sock.getpeername() or None)
    except OSError:
        return SockAddrUnspec()


def _named(source: SockAddr) -> SockAddr | None:
    return None if isinstance(source, SockAddrUnspec) else source


def _nothing_there(actor: SocketActor, flags: int) -> None:
    if flags & (ASIDE | _PEEK):
        # Which says nothing of the data, nor of what lies before the offset of a peek.
        actor.read_quiet = False
    else:
        actor.read_quiet = actor.watched


def _ask_again(actor: SocketActor) -> None:
    """The poller must tell whether there is something to read, even if it has done so before."""
    actor.read_quiet = actor.watched = False


def _end(actor: SocketActor) -> Error:
    actor.counters.read_fails += 1
    return Error("closed")


def _refused(actor: SocketActor, exc: OSError) -> Error:
    actor.counters.read_fails += 1
    writer = actor.turns.write.current
    if writer is not None and writer.kind == "connect" and exc.errno != errno.ENOTCONN:
        actor.connect_error = exc.errno or 0
    return error_of(exc)


def _count_taken(actor: SocketActor, size: int, flags: int) -> None:
    # What is only peeked at is counted when it is taken.
    if not flags & _PEEK:
        actor.counters.read_byte += size
        _count_message(actor, size)


def _count_message(actor: SocketActor, size: int) -> None:
    counters = actor.counters
    counters.read_pkg += 1
    if size > counters.read_pkg_max:
        counters.read_pkg_max = size
