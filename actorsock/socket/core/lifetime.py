"""One socket from opening to closing: its descriptor, settings, owner and monitors.

A socket actor is a handler process without links. It monitors its owner, and each process that
waits or monitors the socket without blocking. The end of the owner closes the
socket, and so does the end of the actor, for whatever reason. What programs ask of an open socket
is in `actor`.
"""

import abc
import logging
import socket as stdlib
from contextlib import suppress
from typing import Any, ClassVar, Final

import attrs
from trio.lowlevel import enable_ki_protection

from ..._native import twin
from ...results import Error, Ok
from ...runtime.bodies.current import current_process
from ...runtime.bodies.handler import HandlerObject, start_handler
from ...runtime.bodies.in_trio import in_trio
from ...runtime.core.identity import Pid, Ref
from ...runtime.core.messages import Down
from ...runtime.core.process import Process, alive
from ...runtime.core.reductions import SYSTEM_CALL
from ...runtime.core.table import Table
from ..kernel.descriptors import close_at_once, close_lingering, lingers, without_sigpipe
from ..kernel.errors import error_of
from ..options.settings import DEFAULTS, Settings
from ..values.kinds import SocketKind
from .notifications import CounterWrap, SocketDown
from .readiness import LOW_WATER_MARK, Readiness
from .service import Service
from .socket_object import Socket
from .turns import Decisions, new_turns

__all__ = ["CLOSED", "SocketLifetime"]

_log: Final = logging.getLogger("actorsock.socket")

CLOSED: Final = Error("closed")
"""The result of a request to a closed socket that has nothing of its own to add."""

_DONE: Final[Ok[None]] = Ok()


class SocketLifetime(Readiness, HandlerObject):
    """One open (or closed) socket; the descriptor it is given must not block."""

    __slots__ = (
        "_monitors",
        "bound",
        "connect_error",
        "connected",
        "ctype",
        "kind",
        "listening",
        "logged",
        "may_linger",
        "observed",
        "process",
        "service",
        "settings",
        "sock",
        "socket_object",
    )

    object_type: ClassVar[type[Socket]] = Socket
    """The class of the object that programs have."""

    @twin
    def __init__(
        self,
        service: Service,
        sock: stdlib.socket,
        kind: SocketKind,
        owner: Process,
        *,
        settings: Settings = DEFAULTS,
        ctype: str | tuple[str, int] = "normal",
        connected: bool = False,
    ) -> None:
        super().__init__(sock.fileno(), service.poller, new_turns(owner.pid))
        self.service = service
        self.sock = sock
        without_sigpipe(sock)
        self.kind = kind
        self._apply(settings)
        self.ctype = ctype
        self.bound = False
        self.listening = False
        self.connected = connected
        self.connect_error = 0
        """The errno of a pending connect that a receive got: the kernel reports it only once."""
        self.may_linger = connected
        """Bytes may be on their way to a peer."""
        self.socket_object: Any = self.object_type(self)
        """The `Socket` that programs have; None after the close, since the two form a cycle."""
        self.process = start_handler(service.node, self)
        self._monitors: Table[Pid, Ref] = Table()
        self._monitor(owner)
        service.registry.kinds[self.socket_object] = kind
        if settings.use_registry:
            service.registry.sockets[self.socket_object] = None

    @abc.abstractmethod
    def carry_out(self, decisions: Decisions) -> None:
        """Do what `turns` has decided."""

    # --- settings -----------------------------------------------------------------------------

    def change_setting(self, name: str, value: Any) -> None:
        """Set an option of level otp."""
        self._apply(attrs.evolve(self.settings, **{name: value}))
        if self.settings.use_registry:
            self.service.registry.sockets[self.socket_object] = None

    def note_option(self, level: int, number: int) -> None:
        """Note that an option of the kernel was set: one changes what the poller reports."""
        if (level, number) == LOW_WATER_MARK:
            self.note_low_water_mark()

    def note_low_water_mark(self) -> None:
        """Note that the option `rcvlowat` is set: the poller may not report data that is there."""
        self.has_low_water_mark = True
        self._apply(self.settings)

    def look_for_low_water_mark(self) -> None:
        """Note whether a descriptor that others have opened has that option.

        With a mark above 1 epoll says nothing of data that a `recv` would return.
        """
        with suppress(OSError):
            if self.sock.getsockopt(*LOW_WATER_MARK) > 1:
                self.note_low_water_mark()

    def _apply(self, settings: Settings) -> None:
        self.settings = settings
        self.logged = settings.debug or self.service.registry.debug
        """Calls are logged."""
        trace = self.service.registry.trace
        traced = trace is not None and trace.switch(self)
        self.observed = self.logged or settings.iow or traced

    def apply_debug(self) -> None:
        """Take note that the function `debug` has been called."""
        self._apply(self.settings)

    def log(self, what: str, by: Pid, outcome: object) -> None:
        """Log a call and its outcome, if that is asked for."""
        if self.logged:
            _log.debug("%r %s by %r: %r", self.socket_object, what, by, outcome)

    def report_counter_wraps(self) -> None:
        """Send the owner a message for each counter that has passed 64 bits."""
        wrapped = self.counters.wrap()
        owner = alive.get(self.turns.owner) if self.turns.owner is not None else None
        if owner is not None:
            for name in wrapped:
                owner.deliver(CounterWrap(self.socket_object, name))

    # --- owner and monitors -------------------------------------------------------------------

    def give(self, by: Pid, to: Pid) -> None:
        """Make `to` the owner, if `by` is the present one."""
        if not self.turns.give(by, to):
            return
        # The former owner is still monitored if it waits here, or monitors the socket.
        watching = self.service.registry.watches(by, self.socket_object)
        if not watching and not self.turns.has_waiting(by):
            self._demonitor(by)
        if self.service.registry.trace is not None:
            self._apply(self.settings)
        owner = alive.get(to)
        if owner is None or owner.ending:
            self.close_now()  # as if it had ended just after this
        else:
            self._monitor(owner)

    def monitor_socket(self, process: Process, socket_object: Socket) -> Ref:
        """Have `process` sent a `SocketDown` when this socket closes; at once if it has."""
        if self.turns.closed:
            ref = Ref()
            process.deliver(SocketDown(ref, socket_object))
            return ref
        self.change_setting("use_registry", True)
        self.monitor_user(process.pid)
        return self.service.registry.monitor(socket_object, process.pid)

    def monitor_user(self, pid: Pid) -> None:
        """Monitor the process `pid`, which waits or monitors the socket without blocking."""
        if pid not in self._monitors and (process := alive.get(pid)) is not None:
            self._monitor(process)

    def _monitor(self, process: Process) -> None:
        if process.pid not in self._monitors:
            self._monitors[process.pid] = self.process.monitor(process, process.pid)

    def _demonitor(self, pid: Pid) -> None:
        ref = self._monitors.pop(pid, None)
        if ref is not None:
            self.process.demonitor(ref)

    @enable_ki_protection
    def __call__(self, message: object) -> None:
        """Handle a message to the actor's process."""
        match message:
            case Down(pid=Pid() as pid):
                self._monitors.pop(pid, None)
                if not self.turns.closed:
                    self.service.registry.forget_watcher(self.socket_object, pid)
                    self.carry_out(self.turns.down(pid))
            case _:
                pass  # requests are function calls, so no other message has a meaning

    @enable_ki_protection
    def terminated(self, reason: object) -> None:
        """Close the socket, since the actor's process ends."""
        self.close_now()

    # --- closing ------------------------------------------------------------------------------

    async def close(self) -> Ok[None] | Error:
        """Close the socket; waits only where the option `linger` asks for it.

        It gives way to other processes as every call does. If the caller is cancelled or killed
        there, the socket is closed all the same, without lingering.
        """
        try:
            pause = current_process().body.spend(SYSTEM_CALL)
            if pause is not None:
                await pause
        except BaseException:
            self.close_now()
            raise
        if self.turns.closed:
            return CLOSED
        sock = self._retire()
        if sock is not None:
            try:
                if self.may_linger and lingers(sock):
                    await in_trio(close_lingering, sock)
                else:
                    sock.close()
            except OSError as exc:  # the descriptor is gone all the same
                return error_of(exc)
        return _DONE

    def close_now(self) -> Ok[None] | Error:
        """Close the socket without a wait, e.g. because its owner or its actor has ended.

        The system goes on sending what is left, for as long as it does without `linger`.
        """
        if self.turns.closed:
            return CLOSED
        sock = self._retire()
        if sock is not None:
            try:
                if self.may_linger:
                    close_at_once(sock)
                else:
                    sock.close()
            except OSError as exc:  # the descriptor is gone all the same
                return error_of(exc)
        return _DONE

    def _retire(self) -> stdlib.socket | None:
        """Do all of a close but closing the descriptor; return that, if it is ours to close."""
        service, sock = self.service, self.sock
        owner = self.turns.owner
        if service.registry.trace is not None and owner is not None:
            service.registry.trace.told(self.socket_object, "close", owner, None)
        decisions = self.turns.close()
        # Before the close, since the number may be reused at once after it.
        self.poller.forget(self)
        self.forget_would_block()
        if self.ctype == "fromfd":
            sock.detach()  # `open_fd` without `dup`: the descriptor is the program's to close
        if decisions:
            self.carry_out(decisions)
        service.registry.closed(self.socket_object)
        self.unread = b""
        self.process.end("normal")
        if self.logged:
            _log.debug("%r is closed", self.socket_object)
        if not self.observed:  # else its name is still logged
            self.socket_object = None
        return sock if sock.fileno() >= 0 else None
