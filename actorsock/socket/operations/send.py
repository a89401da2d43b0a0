"""The operations that send: send, sendto, sendmsg, sendv and sendfile.

A stream takes what it has room for; the rest waits and keeps the turn, so that the bytes of two
senders never mix. A message is sent whole or not at all.
"""

import abc
import os
import socket as stdlib
import sys
from typing import Any, Final, Literal

import attrs

from ..._native import twin
from ...results import Error, Ok
from ...runtime.bodies.current import charge
from ...runtime.core.identity import Pid
from ...runtime.core.reductions import LARGE, TRANSFER_QUANTUM
from ..core.actor import SocketActor
from ..core.operation import InParts, Whole
from ..core.poller import ready_now
from ..kernel import libc
from ..kernel.descriptors import HeldFile
from ..kernel.errors import error_of
from ..kernel.sending_files import sendfile
from ..values.address import SockAddr
from ..values.control import Ancillary
from ..values.messages import Piece, remaining, to_bytes_list

__all__ = [
    "IOV_MAX",
    "SENT",
    "AwaitRoom",
    "Continuation",
    "Send",
    "SendFile",
    "SendMsg",
]

# A broken connection is an error for the sender, and not a signal that ends the program.
# A plain int: arithmetic on the enums of the standard library is ten times as slow.
_NOSIGNAL: Final = int(getattr(stdlib, "MSG_NOSIGNAL", 0))

IOV_MAX: Final = 1024 if not hasattr(os, "sysconf") else os.sysconf("SC_IOV_MAX")
"""The number of pieces that one system call takes."""

_UNLIMITED: Final = sys.maxsize

_FILE_PIECE: Final = 2**30  # Linux takes a little less than 2 GiB at once

SENT: Final[Ok[None]] = Ok()
"""The result of nearly every send: it is frozen, so that one object serves all."""


@attrs.frozen
class Continuation:
    """The state from which a later call continues; only a send puts it into a `SelectInfo`."""

    flags: int = 0
    dest: SockAddr | None = None
    control: tuple[Ancillary, ...] = ()
    file: HeldFile | None = None


@attrs.define
class _SendData(InParts[Any], abc.ABC):
    """The common part of the sends of data: the loop of system calls, and the counters."""

    _sent: int = attrs.field(default=0, kw_only=True)
    """The number of bytes sent so far."""

    activity = "send"
    lane = "write"

    @twin
    def attempt(self, actor: SocketActor, pid: Pid, patient: bool) -> Ok[Any] | Error | None:
        """Hand over what there is room for; see `Operation.attempt`."""
        counters = actor.counters
        # A message can't be split, and a caller that is not patient gets all that fits at once.
        at_most = TRANSFER_QUANTUM if patient and actor.kind.is_stream else _UNLIMITED
        enough = self._sent + at_most
        while True:
            counters.write_tries += 1
            try:
                sent, is_complete = self._hand_over(actor, at_most)
            except BlockingIOError:
                counters.write_waits += 1
                actor.write_found_no_room()
                return None
            except OSError as exc:
                counters.write_fails += 1
                return error_of(exc, self.progress())
            counters.write_byte += sent
            self._sent += sent
            if sent > LARGE:
                charge(sent >> 10)
            if is_complete:
                counters.write_pkg += 1
                if self._sent > counters.write_pkg_max:
                    counters.write_pkg_max = self._sent
                return SENT
            if not actor.kind.is_stream:
                return Ok(self.progress())
            # A system call that has taken nothing of something is no progress, so it is not made
            # again at once: no kernel should do that, but a loop here would never end.
            if not sent or self._sent >= enough:
                counters.write_waits += 1
                actor.rearm("write")
                return None

    @abc.abstractmethod
    def progress(self) -> Any:
        """Return what is left to send, once a part has been sent."""

    @abc.abstractmethod
    def _hand_over(self, actor: SocketActor, at_most: int) -> tuple[int, bool]:
        """Make one system call for the next bytes, `at_most` so many.

        Return how many it took, and whether these were the last ones.
        """


@attrs.define
class Send(_SendData):
    """`send(data, flags)`, and with `dest` `sendto(data, dest, flags)`."""

    data: Piece
    flags: int
    dest: SockAddr | None = None
    # Fewer tags than those of all operations; it is never changed, so that does no harm.
    tag: Literal["send", "sendto"] = "send"  # pyright: ignore[reportIncompatibleVariableOverride]

    def progress(self) -> bytes | None:
        """Return what is left to send, once a part has been sent."""
        return bytes(memoryview(self.data)[self._sent :]) if self._sent else None

    def continuation(self) -> Continuation:
        """Return the flags and the destination."""
        return Continuation(self.flags, self.dest)

    def _hand_over(self, actor: SocketActor, at_most: int) -> tuple[int, bool]:
        data, flags = self.data, self.flags | _NOSIGNAL
        left = len(data) - self._sent
        if self._sent or left > at_most:
            data = memoryview(data)[self._sent :][:at_most]
        if self.dest is None:
            sent = actor.sock.send(data, flags)
        else:
            sent = libc.sendto(actor.sock, actor.kind.family, data, flags, self.dest)
        return sent, sent == left


@attrs.define
class SendMsg(_SendData):
    """`sendmsg(msg, flags)` and `sendv(iov)`."""

    iov: tuple[Piece, ...]
    flags: int
    dest: SockAddr | None = None
    control: tuple[Ancillary, ...] = ()
    tag: Literal["sendmsg", "sendv"] = "sendmsg"  # pyright: ignore[reportIncompatibleVariableOverride]
    _left: tuple[Piece, ...] | None = None
    """The pieces that are left; None before the first system call."""

    def progress(self) -> list[bytes] | None:
        """Return the pieces left to send, once a part of them has been sent."""
        return to_bytes_list(self._left) if self._left is not None and self._sent else None

    def continuation(self) -> Continuation:
        """Return flags and destination, and the control messages unless they have been sent."""
        return Continuation(self.flags, self.dest, () if self._sent else self.control)

    def _hand_over(self, actor: SocketActor, at_most: int) -> tuple[int, bool]:
        pieces = self.iov if self._left is None else self._left
        sent = libc.sendmsg(
            actor.sock,
            actor.kind.family,
            _first(pieces, at_most),
            () if self._sent else self.control,  # they go with the first bytes only
            self.flags | _NOSIGNAL,
            self.dest,
        )
        self._left = remaining(pieces, sent)
        return sent, not self._left


def _first(pieces: tuple[Piece, ...], at_most: int) -> tuple[Piece, ...]:
    """Return the first of the pieces, for one system call: limited in number and in bytes."""
    for count, piece in enumerate(pieces[:IOV_MAX]):
        if len(piece) >= at_most:
            return (*pieces[:count], memoryview(piece)[:at_most])
        at_most -= len(piece)
    return pieces[:IOV_MAX]


@attrs.define
class SendFile(InParts[int]):
    """`sendfile(file, offset, count)`."""

    file: HeldFile
    offset: int
    count: int
    """Bytes to send; 0 for all up to the end of the file."""
    shared: bool = False
    """The file belongs to an earlier call, whose info may be used again: do not close it."""
    _begun: bool = False
    _waits: bool = False
    _sent: int = 0

    tag = "sendfile"
    activity = "send"
    lane = "write"

    def attempt(self, actor: SocketActor, pid: Pid, patient: bool) -> Ok[int] | Error | None:
        """Hand over what there is room for; see `Operation.attempt`."""
        result = self._send(actor, patient)
        if result is not None:
            self.file.close()
        return result

    def _send(self, actor: SocketActor, patient: bool) -> Ok[int] | Error | None:
        # The loop of `_SendData` with counters of its own; and only here is 0 bytes the end.
        counters = actor.counters
        if not self._begun:
            self._begun = True
            counters.sendfile += 1
        enough = self._sent + TRANSFER_QUANTUM
        at_most = TRANSFER_QUANTUM if patient else _FILE_PIECE
        while True:
            wanted = min(self.count - self._sent, at_most) if self.count else at_most
            counters.sendfile_tries += 1
            try:
                sent = sendfile(actor.fd, self.file.fd, self.offset + self._sent, wanted)
            except BlockingIOError:
                self._waits = True
                counters.sendfile_waits += 1
                actor.write_found_no_room()
                return None
            except OSError as exc:
                counters.sendfile_fails += 1
                return error_of(exc, self.progress())
            counters.sendfile_byte += sent
            counters.sendfile_max = max(counters.sendfile_max, sent)
            self._sent += sent
            charge(sent >> 10)
            if not sent or self._sent == self.count:
                counters.sendfile_pkg += 1
                counters.sendfile_pkg_max = max(counters.sendfile_pkg_max, self._sent)
                return Ok(self._sent)
            if patient and self._sent >= enough:
                counters.sendfile_waits += 1
                actor.rearm("write")
                return None

    def progress(self) -> int | None:
        """Return how many bytes were sent, once some were or there was no room."""
        return self._sent if self._sent or self._waits else None

    def interrupted(self, reason: str) -> Error:
        """Return the error, with how many bytes were sent."""
        self._give_up()
        return Error(reason, self.progress())

    def abandoned(self, actor: SocketActor, result: object) -> None:
        """Close the file; what the kernel has taken can't be taken back."""
        self._give_up()

    def _give_up(self) -> None:
        if not self.shared:
            self.file.close()

    def continuation(self) -> Continuation:
        """Return the file."""
        return Continuation(file=self.file)


class AwaitRoom(Whole[None]):
    """Waits until the kernel would take something to send, without sending anything."""

    __slots__ = ()

    tag = "send"
    activity = "send"
    lane = "write"

    def attempt(self, actor: SocketActor, pid: Pid, patient: bool) -> Ok[None] | None:
        """Ask the kernel; see `Operation.attempt`."""
        return Ok() if ready_now(actor.fd, "write") else None
