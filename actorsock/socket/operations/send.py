"""send, sendto, sendmsg and sendfile: what they hand to the kernel, and what is left.

A stream takes what it has room for; the rest waits its turn, so that the bytes of two senders
never mix. A message goes whole or not at all.
"""

import os
import socket as stdlib
from typing import ClassVar, Final, Literal

import attrs

from ...results import Error, Ok, Tag
from ...runtime.core.identity import Pid
from ...runtime.core.reductions import TRANSFER_QUANTUM
from ..core.actor import SocketActor
from ..core.turns import Kind, LaneName
from ..kernel import libc
from ..kernel.errors import error_of
from ..kernel.held_file import HeldFile
from ..values.address import SockAddr
from ..values.control import Ancillary
from ..values.messages import Piece, remaining, to_bytes_list
from .whole import Partly

__all__ = [
    "IOV_MAX",
    "SENT",
    "Continuation",
    "Send",
    "SendFile",
    "SendMsg",
    "SendTo",
    "send_plainly",
]

# A broken connection is an answer to the sender, never a signal to the program.
# A plain int: arithmetic on the standard library's enums is ten times as slow.
_NOSIGNAL: Final = int(getattr(stdlib, "MSG_NOSIGNAL", 0))

IOV_MAX: Final = 1024 if not hasattr(os, "sysconf") else os.sysconf("SC_IOV_MAX")
"""How many pieces one system call takes."""

_FILE_PIECE: Final = 2**30  # Linux takes a little less than 2 GiB at once


@attrs.frozen
class Continuation:
    """What a later call needs to go on where a send has stopped; only a send makes one."""

    flags: int = 0
    dest: SockAddr | None = None
    control: tuple[Ancillary, ...] = ()
    file: HeldFile | None = None


@attrs.define
class Send(Partly):
    """`send(data, flags)`, and the part that all sends of one piece of data share."""

    data: Piece
    flags: int
    tag: Literal["send", "sendto"] = "send"
    _sent: int = attrs.field(default=0, kw_only=True)

    kind: ClassVar[Kind] = "send"
    lane: ClassVar[LaneName] = "write"

    def attempt(
        self, actor: SocketActor, pid: Pid, patient: bool
    ) -> Ok[bytes | None] | Error | None:
        """Hand over what there is room for; see `Operation.attempt`."""
        counters = actor.counters
        enough = self._sent + TRANSFER_QUANTUM
        in_turns = patient and len(self.data) > TRANSFER_QUANTUM and actor.kind.is_stream
        while True:
            data = memoryview(self.data)[self._sent :] if self._sent or in_turns else self.data
            if in_turns:
                data = data[:TRANSFER_QUANTUM]
            counters.write_tries += 1
            try:
                sent = self._hand_over(actor, data)
            except BlockingIOError:
                counters.write_waits += 1
                actor.write_quiet = actor.watched
                return None
            except OSError as exc:
                counters.write_fails += 1
                return error_of(exc, self.progress())
            counters.write_byte += sent
            self._sent += sent
            if self._sent == len(self.data):
                _count_message(actor, self._sent)
                return Ok(None)
            if not actor.kind.is_stream:
                return Ok(self.progress())
            if patient and self._sent >= enough:
                counters.write_waits += 1
                _ask_again(actor)
                return None

    def progress(self) -> bytes | None:
        """What is left to send, once part of it has gone."""
        return bytes(memoryview(self.data)[self._sent :]) if self._sent else None

    def continuation(self) -> Continuation:
        """The flags."""
        return Continuation(self.flags)

    def _hand_over(self, actor: SocketActor, data: Piece) -> int:
        return actor.sock.send(data, self.flags | _NOSIGNAL)


def send_plainly(actor: SocketActor, data: bytes) -> Ok[None] | Error | Send:
    """`data` at once, on a stream whose lane is free; `Send` goes on where there is no room.

    What nearly every send is, without a step between it and the kernel.
    """
    if len(data) > TRANSFER_QUANTUM:
        return Send(data, 0)
    counters = actor.counters
    try:
        sent = actor.sock.send(data, _NOSIGNAL)
    except BlockingIOError:
        return Send(data, 0)
    except OSError as exc:
        counters.write_tries += 1
        counters.write_fails += 1
        return error_of(exc)
    counters.write_tries += 1
    counters.write_byte += sent
    if sent != len(data):
        return Send(data, 0, sent=sent)
    counters.write_pkg += 1
    if sent > counters.write_pkg_max:
        counters.write_pkg_max = sent
    return SENT


SENT: Final[Ok[None]] = Ok()
"""The answer of nearly every send: it is frozen, so one serves all."""


@attrs.define
class SendTo(Send):
    """`sendto(data, dest, flags)`."""

    dest: SockAddr = attrs.field(kw_only=True)

    def continuation(self) -> Continuation:
        """The flags and the destination."""
        return Continuation(self.flags, self.dest)

    def _hand_over(self, actor: SocketActor, data: Piece) -> int:
        return libc.sendto(actor.sock, actor.kind.family, data, self.flags | _NOSIGNAL, self.dest)


@attrs.define
class SendMsg(Partly):
    """`sendmsg(msg, flags)` and `sendv(iov)`."""

    iov: tuple[Piece, ...]
    flags: int
    dest: SockAddr | None = None
    control: tuple[Ancillary, ...] = ()
    tag: Literal["sendmsg", "sendv"] = "sendmsg"
    _left: tuple[Piece, ...] | None = None
    _sent: int = 0

    kind: ClassVar[Kind] = "send"
    lane: ClassVar[LaneName] = "write"

    def attempt(
        self, actor: SocketActor, pid: Pid, patient: bool
    ) -> Ok[list[bytes] | None] | Error | None:
        """Hand over what there is room for; see `Operation.attempt`."""
        counters = actor.counters
        enough = self._sent + TRANSFER_QUANTUM
        left = self.iov if self._left is None else self._left
        while True:
            counters.write_tries += 1
            # Control messages go with the first bytes only.
            control = () if self._sent else self.control
            try:
                sent = libc.sendmsg(
                    actor.sock,
                    actor.kind.family,
                    _in_turn(left) if patient and actor.kind.is_stream else left[:IOV_MAX],
                    control,
                    self.flags | _NOSIGNAL,
                    self.dest,
                )
            except BlockingIOError:
                counters.write_waits += 1
                actor.write_quiet = actor.watched
                return None
            except OSError as exc:
                counters.write_fails += 1
                return error_of(exc, self.progress())
            counters.write_byte += sent
            self._sent += sent
            left = self._left = remaining(left, sent)
            if not left:
                _count_message(actor, self._sent)
                return Ok(None)
            if not actor.kind.is_stream:
                return Ok(self.progress())
            if patient and self._sent >= enough:
                counters.write_waits += 1
                _ask_again(actor)
                return None

    def progress(self) -> list[bytes] | None:
        """The pieces left to send, once part of them has gone."""
        return to_bytes_list(self._left) if self._left is not None and self._sent else None

    def continuation(self) -> Continuation:
        """Flags and destination, and the control messages unless they have gone."""
        return Continuation(self.flags, self.dest, () if self._sent else self.control)


@attrs.define
class SendFile(Partly):
    """`sendfile(file, offset, count)`."""

    file: HeldFile
    offset: int
    count: int
    """Bytes to send; 0 for all up to the end of the file."""
    shared: bool = False
    """The file is that of an earlier call, whose info somebody may go on with."""
    _begun: bool = False
    _waits: bool = False
    _sent: int = 0

    tag: ClassVar[Tag] = "sendfile"
    kind: ClassVar[Kind] = "send"
    lane: ClassVar[LaneName] = "write"

    def attempt(self, actor: SocketActor, pid: Pid, patient: bool) -> Ok[int] | Error | None:
        """Hand over what there is room for; see `Operation.attempt`."""
        answer = self._send(actor, patient)
        if answer is not None:
            self.file.close()
        return answer

    def _send(self, actor: SocketActor, patient: bool) -> Ok[int] | Error | None:
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
                sent = os.sendfile(actor.fd, self.file.fd, self.offset + self._sent, wanted)
            except BlockingIOError:
                self._waits = True
                counters.sendfile_waits += 1
                actor.write_quiet = actor.watched
                return None
            except OSError as exc:
                counters.sendfile_fails += 1
                return error_of(exc, self.progress())
            counters.sendfile_byte += sent
            counters.sendfile_max = max(counters.sendfile_max, sent)
            self._sent += sent
            if not sent or self._sent == self.count:
                counters.sendfile_pkg += 1
                counters.sendfile_pkg_max = max(counters.sendfile_pkg_max, self._sent)
                return Ok(self._sent)
            if patient and self._sent >= enough:
                counters.sendfile_waits += 1
                _ask_again(actor)
                return None

    def progress(self) -> int | None:
        """How many bytes have gone, once some have or it has found no room."""
        return self._sent if self._sent or self._waits else None

    def interrupted(self, reason: str) -> Error:
        """The error, with how many bytes have gone."""
        self._give_up()
        return Error(reason, self.progress())

    def abandoned(self, actor: SocketActor, answer: object) -> None:
        """What has gone has gone."""
        self._give_up()

    def _give_up(self) -> None:
        if not self.shared:
            self.file.close()

    def continuation(self) -> Continuation:
        """The file."""
        return Continuation(file=self.file)


def _in_turn(pieces: tuple[Piece, ...]) -> tuple[Piece, ...]:
    """The first of them, as many as one system call takes, and no more bytes than one turn has."""
    room = TRANSFER_QUANTUM
    for count, piece in enumerate(pieces[:IOV_MAX]):
        if len(piece) > room:
            return (*pieces[:count], memoryview(piece)[:room])
        room -= len(piece)
    return pieces[:IOV_MAX]


def _ask_again(actor: SocketActor) -> None:
    """The poller must tell whether there is room, even if it has done so before."""
    actor.write_quiet = actor.watched = False


def _count_message(actor: SocketActor, size: int) -> None:
    counters = actor.counters
    counters.write_pkg += 1
    if size > counters.write_pkg_max:
        counters.write_pkg_max = size
