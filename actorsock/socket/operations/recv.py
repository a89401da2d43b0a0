"""The operations that receive: recv, recvfrom and recvmsg.

No byte is lost: data leaves the kernel only while its caller runs, or can be given back. What a
caller that goes on waiting has collected so far returns to the actor (`unread`) if it is cancelled
or killed.
"""

import errno
import socket as stdlib
from math import inf
from typing import Final

import attrs
from trio.lowlevel import enable_ki_protection

from ..._native import twin
from ...results import Error, Ok
from ...runtime.bodies.current import charge
from ...runtime.core.identity import Pid
from ...runtime.core.reductions import LARGE, TRANSFER_QUANTUM
from ..core.actor import SocketActor
from ..core.operation import Operation, Whole
from ..kernel import libc
from ..kernel.errors import error_of
from ..values.address import SockAddr, SockAddrUnspec, from_python
from ..values.control import decode_control
from ..values.flags import decode_flags
from ..values.messages import Msg

__all__ = [
    "ASIDE",
    "WHAT_IS_THERE",
    "Recv",
    "RecvFrom",
    "RecvMsg",
    "RecvSome",
    "RecvWhatIsThere",
]

# Read at most so many bytes in one system call: Python allocates the whole buffer before the call,
# and a caller may ask for far more than will ever arrive.
_PIECE: Final = 256 * 1024

# As plain ints: arithmetic on the enums of the standard library is ten times as slow.
_PEEK: Final = int(stdlib.MSG_PEEK)
_OOB: Final = int(stdlib.MSG_OOB)
_ERRQUEUE: Final = int(getattr(stdlib, "MSG_ERRQUEUE", 0))
# With MSG_TRUNC the kernel would report more bytes than it has written.
_NO_TRUNC: Final = ~int(stdlib.MSG_TRUNC)
# Set where descriptors may arrive, so that child programs do not inherit them, like all others in
# Python. The kernel reports it back; the caller sees it only if it has set the flag itself.
_CLOEXEC: Final = int(getattr(stdlib, "MSG_CMSG_CLOEXEC", 0))
ASIDE: Final = _OOB | _ERRQUEUE
"""Flags that read something beside the stream of data, to which unread bytes do not belong."""


@attrs.define
class Recv(Operation[bytes]):
    """`recv(length, flags)`."""

    length: int
    """Bytes wanted; 0 for what is there. On a socket of messages: the size of the buffer."""
    flags: int
    _parts: list[bytes] = attrs.field(factory=list)
    _received: int = 0

    tag = "recv"
    activity = "recv"
    lane = "read"

    def attempt(self, actor: SocketActor, pid: Pid, patient: bool) -> Ok[bytes] | Error | None:
        """Make one or several reads; see `Operation.attempt`."""
        flags, size = self.flags, self.length or actor.settings.read_size
        if not actor.kind.is_stream:
            return _read_message(actor, size, flags)
        if flags & _PEEK:
            return _peek(actor, size, flags)
        if self.length:
            return self._exactly(actor, patient)
        return WHAT_IS_THERE.attempt(actor, pid, patient, flags)

    def progress(self) -> bytes | None:
        """Return the part of the wanted bytes that was received."""
        return self._collected() or None

    def continuation(self) -> None:
        """Return None: the caller asks again for what is missing."""

    def interrupted(self, reason: str) -> Error:
        """Return the error, with the part that was received."""
        return Error(reason, self.progress())

    def abandoned(self, actor: SocketActor, result: object) -> None:
        """Give back what was received, also if it was complete."""
        if isinstance(result, Ok):
            actor.counters.read_pkg -= 1  # the next reader counts these bytes again, as its own
        actor.put_back(self._collected())

    def continues_in_actor(self, actor: SocketActor) -> bool:
        """Return True for plain bytes of a stream, which can be given back."""
        return self.length > 0 and actor.kind.is_stream and not self.flags

    def _exactly(self, actor: SocketActor, patient: bool) -> Ok[bytes] | Error | None:
        enough = self._received + TRANSFER_QUANTUM if patient else inf
        while True:
            wanted = min(self.length - self._received, _PIECE)
            # A short read of unread bytes says nothing about what the kernel has behind them.
            unread = actor.unread and not self.flags & ASIDE
            data = _read_some(actor, wanted, self.flags)
            if data is None:
                return None
            if type(data) is Error:
                return self._failed(data)
            self._received += len(data)
            self._parts.append(data)
            if self._received == self.length:
                return self._complete(actor)
            # After a short read, stop if the poller will report more, or the caller will not wait.
            if len(data) < wanted and not unread and (actor.read_would_block or not patient):
                return None
            # There may be more, but others must run. `rearm` has the poller report it again.
            if self._received >= enough:
                actor.rearm("read")
                return None

    def _collected(self) -> bytes:
        return self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)

    def _complete(self, actor: SocketActor) -> Ok[bytes]:
        data = self._collected()
        _count_message(actor, len(data))
        return Ok(data)

    def _failed(self, error: Error) -> Error:
        return Error(error.reason, self.progress()) if self._parts else error


class _Some(Whole[bytes]):
    """A receive of as much as there is, without flags."""

    __slots__ = ()

    def abandoned(self, actor: SocketActor, result: object) -> None:
        """Give back the bytes of `result`, which the caller was woken with."""
        if isinstance(result, Ok) and result.value:
            actor.counters.read_pkg -= 1
            actor.put_back(result.value)
        elif isinstance(result, Error) and result.data:
            actor.put_back(result.data)

    def continues_in_actor(self, actor: SocketActor) -> bool:
        """Return True for a stream, whose bytes can be given back."""
        return actor.kind.is_stream


class RecvWhatIsThere(_Some):
    """`recv()` of whatever there is, without flags: it has no state, so one object serves all."""

    __slots__ = ()

    tag = "recv"
    activity = "recv"
    lane = "read"

    @twin
    def attempt(
        self, actor: SocketActor, pid: Pid, patient: bool, flags: int = 0
    ) -> Ok[bytes] | Error | None:
        """Make one read, or as many as otp rcvbuf allows; see `Operation.attempt`."""
        settings = actor.settings
        if not actor.kind.is_stream:
            return _read_message(actor, settings.read_size, flags)
        try:
            data = _read(actor, settings.read_size, flags)
        except OSError as exc:
            return _not_read(actor, flags, exc)
        if not data:
            return _end(actor)
        if settings.read_count > 1 and len(data) == settings.read_size:
            return _more_of_it(actor, data, flags)
        _count_message(actor, len(data))
        return Ok(data)


WHAT_IS_THERE: Final = RecvWhatIsThere()


@attrs.frozen
class RecvSome(_Some):
    """One read of at most `size` bytes of a stream; no bytes, and no error, at its end."""

    size: int

    tag = "recv"
    activity = "recv"
    lane = "read"

    def attempt(self, actor: SocketActor, pid: Pid, patient: bool) -> Ok[bytes] | Error | None:
        """Make one read; see `Operation.attempt`."""
        try:
            data = _read(actor, self.size, 0)
        except OSError as exc:
            return _not_read(actor, 0, exc)
        if data:
            _count_message(actor, len(data))
        return Ok(data)


@attrs.frozen
class RecvFrom(Whole[tuple[SockAddr, bytes]]):
    """`recvfrom(bufsize, flags)`: one message, or what one read gives, and its source."""

    size: int
    flags: int

    tag = "recvfrom"
    activity = "recv"
    lane = "read"

    @twin
    def attempt(
        self, actor: SocketActor, pid: Pid, patient: bool
    ) -> Ok[tuple[SockAddr, bytes]] | Error | None:
        """Make one read; see `Operation.attempt`."""
        size, flags = self.size or actor.settings.read_size, self.flags
        if actor.kind.is_stream:
            data = _read_stream(actor, size, flags)
            if data is None or type(data) is Error:
                return data
            return Ok((_peer(actor), data))
        actor.counters.read_tries += 1
        try:
            source, data = self._receive(actor, size)
        except OSError as exc:
            return _not_read(actor, flags, exc)
        _count_taken(actor, len(data), flags)
        return Ok((source, data))

    def _receive(self, actor: SocketActor, size: int) -> tuple[SockAddr, bytes]:
        flags = self.flags & _NO_TRUNC
        if actor.kind.is_known:
            data, name = actor.sock.recvfrom(size, flags)
            return from_python(actor.kind.family, name), data
        data, _, _, source = libc.recvmsg(actor.sock, size, 0, flags)
        return source, data


@attrs.define
class RecvMsg(Whole[Msg]):
    """`recvmsg(bufsize, ctrlsize, flags)`: a message with its control messages and flags."""

    size: int
    ctrlsize: int
    flags: int

    tag = "recvmsg"
    activity = "recv"
    lane = "read"

    def attempt(self, actor: SocketActor, pid: Pid, patient: bool) -> Ok[Msg] | Error | None:
        """Make one read; see `Operation.attempt`."""
        size, flags = self.size or actor.settings.read_size, self.flags
        stream = actor.kind.is_stream
        if stream and actor.unread and not flags & ASIDE:
            unread = _read_stream(actor, size, flags)
            assert type(unread) is bytes
            return Ok(Msg(_named(_peer(actor)), (unread,), (), ()))
        actor.counters.read_tries += 1
        try:
            data, ancillary, bits, source = self._receive(actor, size)
        except OSError as exc:
            return _not_read(actor, flags, exc)
        if stream and not data and not ancillary and not flags & ASIDE:
            return _end(actor)
        _count_taken(actor, len(data), flags)
        return Ok(
            Msg(
                _named(source),
                (data,),
                tuple(decode_control(ancillary)),
                decode_flags(bits & (flags | ~_CLOEXEC)),
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


# --- reads ----------------------------------------------------------------------------------------


def _read(actor: SocketActor, size: int, flags: int) -> bytes:
    """Read at most `size` bytes of a stream, unread ones first; no bytes at its end.

    Raises `OSError`; what that means for a receive is said by `_not_read`.
    """
    if actor.unread and not flags & ASIDE:
        return actor.take_unread(size)
    counters = actor.counters
    counters.read_tries += 1
    data = actor.sock.recv(size, flags & _NO_TRUNC)
    got = len(data)
    if got < size and not flags and actor.kind.is_tcp:
        actor.note_short_read(got)
    counters.read_byte += got
    return data


def _read_some(actor: SocketActor, size: int, flags: int) -> bytes | Error | None:
    """Do the same; return an `Error` at the end of the stream too, and None for nothing yet."""
    try:
        data = _read(actor, size, flags)
    except OSError as exc:
        return _not_read(actor, flags, exc)
    return data or _end(actor)


def _more_of_it(actor: SocketActor, first: bytes, flags: int) -> Ok[bytes] | Error:
    """Make further reads, as long as each fills its buffer."""
    size, parts = len(first), [first]
    for _ in range(actor.settings.read_count - 1):
        data = _read_some(actor, size, flags)
        if data is None:
            break
        if type(data) is Error:
            return Error(data.reason, b"".join(parts))
        parts.append(data)
        if len(data) < size:
            break
    whole = b"".join(parts)
    _count_message(actor, len(whole))
    return Ok(whole)


def _read_stream(actor: SocketActor, size: int, flags: int) -> bytes | Error | None:
    """Make one read of a stream as a whole operation."""
    if flags & _PEEK:
        peeked = _peek(actor, size, flags)
        return peeked.value if isinstance(peeked, Ok) else peeked
    data = _read_some(actor, size, flags)
    if type(data) is bytes:
        _count_message(actor, len(data))
    return data


def _peek(actor: SocketActor, size: int, flags: int) -> Ok[bytes] | Error | None:
    """Copy up to `size` bytes of a stream, and leave them where they are."""
    unread = b"" if flags & ASIDE else actor.unread[:size]
    if len(unread) == size:
        return Ok(unread)
    actor.counters.read_tries += 1
    try:
        data = actor.sock.recv(size - len(unread), flags & _NO_TRUNC)
    except BlockingIOError as exc:
        nothing = _not_read(actor, flags, exc)
        return Ok(unread) if unread else nothing
    except OSError as exc:
        return Ok(unread) if unread else _not_read(actor, flags, exc)
    return Ok(unread + data) if unread or data else _end(actor)


def _read_message(actor: SocketActor, size: int, flags: int) -> Ok[bytes] | Error | None:
    """Read one message, cut to `size`."""
    actor.counters.read_tries += 1
    try:
        data = actor.sock.recv(size, flags & _NO_TRUNC)
    except OSError as exc:
        return _not_read(actor, flags, exc)
    _count_taken(actor, len(data), flags)
    return Ok(data)


def _peer(actor: SocketActor) -> SockAddr:
    """Return the source of the bytes of a stream, as far as the kernel gives it with each read."""
    if actor.kind.domain != "local":
        return SockAddrUnspec()
    try:
        return from_python(actor.kind.family, actor.sock.getpeername() or None)
    except OSError:
        return SockAddrUnspec()


def _named(source: SockAddr) -> SockAddr | None:
    return None if isinstance(source, SockAddrUnspec) else source


# --- what a read has shown ------------------------------------------------------------------------


def _not_read(actor: SocketActor, flags: int, exc: OSError) -> Error | None:
    """Return the result of a receive whose system call has raised `exc`: None if it must wait."""
    if not isinstance(exc, BlockingIOError):
        return _refused(actor, exc)
    if flags & (ASIDE | _PEEK):
        # There may be ordinary data all the same, or data before the offset of the peek.
        actor.distrust_read()
    else:
        actor.read_found_nothing()
    return None


@enable_ki_protection
def _end(actor: SocketActor) -> Error:
    actor.counters.read_fails += 1
    return Error("closed")


@enable_ki_protection
def _refused(actor: SocketActor, exc: OSError) -> Error:
    actor.counters.read_fails += 1
    writer = actor.turns.write.current
    if writer is not None and writer.activity == "connect" and exc.errno != errno.ENOTCONN:
        # The error of a pending connect, which the kernel reports once: keep it for the connect.
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
    if size > LARGE:
        charge(size >> 10)
