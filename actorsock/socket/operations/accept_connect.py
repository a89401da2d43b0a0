"""The operations that make connections, at either end: accept and connect."""

import errno
import socket as stdlib
from contextlib import suppress

import attrs

from ..._native import twin
from ...results import Error, Ok
from ...runtime.core.identity import Pid
from ...runtime.core.process import alive
from ..core.actor import SocketActor
from ..core.operation import Whole
from ..core.poller import ready_now
from ..core.socket_object import Socket
from ..kernel import libc
from ..kernel.errors import error_of, reason_of
from ..values.address import SockAddr
from ..values.kinds import SocketKind

__all__ = ["Accept", "Connect"]


@attrs.define
class Accept(Whole[Socket]):
    """`accept()`."""

    tag = "accept"
    activity = "accept"
    lane = "read"

    def attempt(self, actor: SocketActor, pid: Pid, patient: bool) -> Ok[Socket] | Error | None:
        """Take one connection; see `Operation.attempt`."""
        counters = actor.counters
        counters.acc_tries += 1
        try:
            accepted = _accept(actor.sock, actor.kind)
        except BlockingIOError:
            if actor.turns.read.current is not None:
                counters.acc_waits += 1
            # `read_found_nothing` is not called: the flag is about data, for readers.
            return None
        except OSError as exc:
            counters.acc_fails += 1
            return error_of(exc)
        counters.acc_success += 1
        made = SocketActor(
            actor.service,
            accepted,
            actor.kind,
            alive[pid],
            settings=actor.settings.handed_on(),
            connected=True,
        )
        if actor.has_low_water_mark:
            made.note_low_water_mark()  # the kernel gives its options to accepted sockets
        return Ok(made.socket_object)


@twin
def _accept(listener: stdlib.socket, kind: SocketKind) -> stdlib.socket:
    """Accept one connection, which does not block; `kind` is that of the listener."""
    accepted = listener.accept()[0]
    try:
        accepted.setblocking(False)
    except OSError:
        with suppress(OSError):
            accepted.close()
        raise
    return accepted


@attrs.define
class Connect(Whole[None]):
    """`connect(addr)`: starts a connection, or finishes it once the descriptor is ready."""

    addr: SockAddr | None
    """None to finish a connection that is pending."""

    tag = "connect"
    activity = "connect"
    lane = "write"

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
            # It may become connected after the caller has stopped waiting for it.
            actor.may_linger = True
            actor.write_found_no_room()
            return None
        return self._outcome(actor, number)

    def interrupted(self, reason: str) -> Error:
        """Return the error alone."""
        if reason == "already" and self.addr is None:
            # Another process is connecting: the caller has no connection to finish.
            return Error("state")
        return Error(reason)

    def _finish(self, actor: SocketActor, patient: bool) -> Ok[None] | Error | None:
        # SO_ERROR is cleared as it is read, and a receive may have been first to get the error.
        number = actor.sock.getsockopt(stdlib.SOL_SOCKET, stdlib.SO_ERROR) or actor.connect_error
        if patient and not number and not ready_now(actor.fd, "write"):
            return None  # a spurious wakeup: there is neither an error nor a connection yet
        return self._outcome(actor, number)

    def _outcome(self, actor: SocketActor, number: int) -> Ok[None] | Error:
        if number:
            return Error(reason_of(number))
        actor.connected = actor.may_linger = True
        return Ok()
