"""accept and connect: how connections come to be, at either end."""

import errno
import socket as stdlib
from typing import ClassVar

import attrs

from ...results import Error, Ok, Tag
from ...runtime.core.identity import Pid
from ...runtime.core.process import alive
from ..core.actor import SocketActor
from ..core.handle import Socket
from ..core.poller import ready_now
from ..core.turns import Kind, LaneName
from ..kernel import libc
from ..kernel.errors import error_of, reason_of
from ..values.address import SockAddr
from .whole import Whole

__all__ = ["Accept", "Connect"]


@attrs.define
class Accept(Whole):
    """`accept()`."""

    tag: ClassVar[Tag] = "accept"
    kind: ClassVar[Kind] = "accept"
    lane: ClassVar[LaneName] = "read"

    def attempt(self, actor: SocketActor, pid: Pid, patient: bool) -> Ok[Socket] | Error | None:
        """Take one connection; see `Operation.attempt`."""
        counters = actor.counters
        counters.acc_tries += 1
        try:
            accepted, _ = actor.sock.accept()
        except BlockingIOError:
            if actor.turns.read.current is not None:
                counters.acc_waits += 1
            # Which says nothing to a reader, so the lane is not called quiet.
            return None
        except OSError as exc:
            counters.acc_fails += 1
            return error_of(exc)
        accepted.setblocking(False)
        counters.acc_success += 1
        made = SocketActor(
            actor.service,
            accepted,
            actor.kind,
            alive[pid],
            settings=actor.settings.handed_on(),
            connected=True,
        )
        if actor.told_late:
            made.expect_late_telling()  # the kernel hands its options on
        return Ok(made.handle)


@attrs.define
class Connect(Whole):
    """`connect(addr)`, and the finishing of it once the descriptor is ready."""

    addr: SockAddr | None
    """None to finish a connection that is pending."""

    tag: ClassVar[Tag] = "connect"
    kind: ClassVar[Kind] = "connect"
    lane: ClassVar[LaneName] = "write"

    def attempt(self, actor: SocketActor, pid: Pid, patient: bool) -> Ok[None] | Error | None:
        """Start, or finish what this process has started; see `Operation.attempt`."""
        if actor.turns.write.current is not None:
            return self._finish(actor, patient)
        if self.addr is None:
            return Error("state")
        actor.connect_error = 0
        try:
            number = libc.connect(actor.sock, actor.kind.family, self.addr)
        except OSError as exc:
            return error_of(exc)
        if number == errno.EINPROGRESS:
            actor.may_linger = True  # it may become connected with nobody waiting for that
            actor.write_quiet = actor.watched
            return None
        return self._outcome(actor, number)

    def interrupted(self, reason: str) -> Error:
        """The error alone."""
        if reason == "already" and self.addr is None:
            # Somebody else's connection is pending: there is nothing of ours to finish.
            return Error("state")
        return Error(reason)

    def _finish(self, actor: SocketActor, patient: bool) -> Ok[None] | Error | None:
        number = actor.sock.getsockopt(stdlib.SOL_SOCKET, stdlib.SO_ERROR) or actor.connect_error
        if patient and not number and not ready_now(actor.fd, "write"):
            return None  # it was woken for nothing: no error yet, and no connection
        return self._outcome(actor, number)

    def _outcome(self, actor: SocketActor, number: int) -> Ok[None] | Error:
        if number:
            return Error(reason_of(number))
        actor.connected = actor.may_linger = True
        return Ok()
