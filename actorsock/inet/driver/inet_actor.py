"""The part that all sockets of gen_tcp and gen_udp share: owner, options, monitors, closing.

Each socket is an actor like those of `actorsock.socket`: a handler process with one descriptor,
which the poller reports to. It differs in what a program asks of it: there are no lanes and no
select messages. So it builds on `SocketLifetime` and decides by its own rules whose turn it is.
Everything happens in function calls of the process that asks, or of the poller; no task is
switched before a packet is in the owner's mailbox.
"""

import abc
import socket as stdlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any, ClassVar, Final

from trio.lowlevel import enable_ki_protection

from ...results import Error, Ok
from ...runtime.bodies.current import current_process
from ...runtime.core.identity import Pid, Ref
from ...runtime.core.messages import Down, Exit
from ...runtime.core.process import Process, alive
from ...socket.core.lifetime import SocketLifetime
from ...socket.core.service import Service
from ...socket.core.turns import Decisions, Lane, LaneName, User
from ...socket.options.settings import UNREGISTERED
from ...socket.values.kinds import SocketKind
from ..options.lists import RawRead
from ..options.table import OPTIONS, Family, Option, Transport
from ..rules.active_mode import Active
from ..rules.messages import PortDown
from ..rules.statistics import Statistics
from .kernel_options import get_kernel_option, get_raw, set_kernel_option
from .socket_objects import InetSocket

__all__ = ["EINVAL", "InetActor", "cancel_observer"]

EINVAL: Final = Error("einval")

_LARGEST_DATAGRAM: Final = 65536


class InetActor(SocketLifetime):
    """One socket of gen_tcp or gen_udp."""

    __slots__ = (
        "end_reason",
        "family",
        "observers",
        "owner_process",
        "raised_buffer",
        "statistics",
        "values",
    )

    transport: ClassVar[Transport]

    def __init__(
        self,
        service: Service,
        sock: stdlib.socket,
        kind: SocketKind,
        owner: Process,
        family: Family,
        *,
        connected: bool = False,
    ) -> None:
        super().__init__(service, sock, kind, owner, settings=UNREGISTERED, connected=connected)
        self.family: Family = family
        self.owner_process: Process | None = owner
        """The owner: kept, since each message would need a look-up by its pid."""
        self.statistics = Statistics()
        self.values: dict[str, Any] = {}
        """The options of the library that were set; others have their defaults."""
        self.end_reason: Any = "normal"
        """The reason in the messages of monitors when the socket closes."""
        self.raised_buffer = 0
        """The size that `recbuf` asks of the option `buffer` as long as that is not set."""
        self.observers: dict[Ref, Pid] = {}
        """The processes that `inet.monitor` this socket."""
        self.set_up()

    # --- for the subclasses ---------------------------------------------------------------------

    def set_up(self) -> None:
        """Give a new socket what its subclass keeps: so each needs no `__init__` of its own."""

    @abc.abstractmethod
    def set_active(self, value: Active) -> Ok[None] | Error:
        """Apply the option `active`; what it allows is delivered by `options_set`."""

    def options_set(self) -> None:
        """Deliver what has arrived and the mode allows, after all options of a list were set."""

    @abc.abstractmethod
    def active_value(self) -> Active:
        """Return the value of the option `active`."""

    @abc.abstractmethod
    def value_changed(self, name: str) -> None:
        """Note that the option `name` of the library has another value."""

    @abc.abstractmethod
    def retired(self) -> None:
        """End all waits, since the socket is closed."""

    @property
    def is_dead(self) -> bool:
        """True if the connection is lost, and the socket not yet closed by the program."""
        return False

    @property
    def pending(self) -> int:
        """The number of bytes that are queued for sending."""
        return 0

    @abc.abstractmethod
    def states(self) -> list[str]:
        """Return the states that `inet.info` shows."""

    def owner_ended(self) -> None:
        """Close the socket, since its owner has ended."""
        self.close_now()

    def leave(self) -> None:
        """Close the socket without a wait, as the end of its owner does."""
        if not self.turns.closed:
            self.owner_process = None
            self.owner_ended()

    # --- readiness ------------------------------------------------------------------------------

    def read_found_nothing(self) -> None:
        """See `Readiness`; with a low water mark less can be there than the poller reports."""
        self.read_would_block = self.watched and not self.has_low_water_mark

    def note_short_read(self, size: int) -> None:
        """See `Readiness`."""
        super().note_short_read(size)
        self.read_would_block &= not self.has_low_water_mark

    def note_low_water_mark(self) -> None:
        """See `SocketLifetime`."""
        super().note_low_water_mark()
        self.read_would_block = False

    def work_done(self, lane: LaneName) -> int:
        """See `Pollable.work_done`: what `inet.getstat` counts."""
        return self.statistics.recv_oct if lane == "read" else self.statistics.send_oct

    # --- messages -------------------------------------------------------------------------------

    def deliver(self, message: Any) -> None:
        """Put a message into the owner's mailbox."""
        owner = self.owner_process
        if owner is not None and not owner.ending:
            owner.deliver(message)

    async def close_by_program(self, handle: Any) -> None:
        """Close for a program."""
        if not self.turns.closed:
            self.tell_owner_of_close(current_process())
        await self.close()

    def close_without_wait(self, handle: Any) -> None:
        """Close for a program that cannot wait."""
        if not self.turns.closed:
            self.tell_owner_of_close(current_process())
            self.leave()

    # --- options --------------------------------------------------------------------------------

    def value(self, name: str) -> Any:
        """Return the value of an option of the library."""
        if name in self.values:
            return self.values[name]
        default = OPTIONS[name].default
        return max(default, self.raised_buffer) if name == "buffer" else default

    def set_option(self, option: Option, value: Any) -> Ok[None] | Error:
        """Set one option whose value was checked."""
        if self.turns.closed:  # an option before it, an active mode, has met the end of the stream
            return Ok()
        effect = option.effect(self.transport, self.family)
        if effect == "einval":
            return EINVAL
        if effect == "ignored":
            return Ok()
        if option.name == "active":
            return self.set_active(value)
        if option.name == "raw":
            if not self.is_dead:
                _ignore(lambda: self.sock.setsockopt(*value))
                self.note_option(value[0], value[1])
            return Ok()
        if effect == "kernel":
            if self.is_dead:
                return Ok()
            result = set_kernel_option(self.sock, option.kernel[self.family], value)
            if isinstance(result, Error):
                return result
            if option.name == "recbuf" and "buffer" not in self.values:
                self._raise_buffer(value)
            return Ok()
        self.values[option.name] = value
        self.value_changed(option.name)
        return Ok()

    def get_option(self, option: Option | RawRead) -> Any:
        """Return the value of an option, or `Ellipsis` if this socket does not give it."""
        if isinstance(option, RawRead):
            raw = None
            if not self.is_dead:
                raw = get_raw(self.sock, option.level, option.name, option.size)
            return ... if raw is None else raw
        if not option.is_given(self.transport, self.family):
            return ...
        if option.kernel:
            if self.is_dead:
                return ...
            result = get_kernel_option(self.sock, self.kind.family, option.kernel[self.family])
            return result.value if isinstance(result, Ok) else ...
        if option.name == "active":
            return self.active_value()
        if option.name == "netns" and "netns" not in self.values:
            return ...
        return self.value(option.name)

    def _raise_buffer(self, size: int) -> None:
        limit = _LARGEST_DATAGRAM if self.transport == "udp" else size
        self.raised_buffer = max(self.raised_buffer, min(size, limit))
        self.value_changed("buffer")

    # --- owner ----------------------------------------------------------------------------------

    def change_owner(self, by: Pid, to: Process) -> None:
        """Make `to` the owner in place of `by`."""
        self.give(by, to.pid)
        self.owner_process = to
        if by in self.observers.values():
            self.monitor_user(by)

    @enable_ki_protection
    def __call__(self, message: object) -> None:
        """Handle a message to the actor's process."""
        match message:
            case Down(pid=Pid() as pid, reason=reason):
                self._monitors.pop(pid, None)
                self._forget_observer(pid)
                if not self.turns.closed and pid is self.turns.owner:
                    self.end_reason = reason
                    self.leave()
            case _:
                pass

    # --- monitors -------------------------------------------------------------------------------

    def observe_end(self, process: Process, handle: InetSocket) -> Ref:
        """Have `process` sent a `PortDown` when this socket closes; at once if it has."""
        ref = Ref()
        if self.turns.closed:
            process.deliver(PortDown(ref, handle, "noproc"))
        else:
            self.observers[ref] = process.pid
            _observed[ref] = self
            self.monitor_user(process.pid)  # so that its end is the end of the monitor
        return ref

    def cancel_observer(self, ref: Ref) -> None:
        """End a monitor of this socket."""
        pid = self.observers.pop(ref)
        del _observed[ref]
        if pid is not self.turns.owner and pid not in self.observers.values():
            self._demonitor(pid)

    def _forget_observer(self, pid: Pid) -> None:
        for ref in [ref for ref, observer in self.observers.items() if observer is pid]:
            del self.observers[ref], _observed[ref]

    # --- closing --------------------------------------------------------------------------------

    def tell_owner_of_close(self, by: Process) -> None:
        """Send the owner an exit signal if another process closes: it is linked to the socket."""
        owner = self.owner_process
        if owner is not None and owner is not by and owner.trapping and not owner.ending:
            owner.deliver(Exit(self.socket_object, "normal"))

    def _retire(self) -> stdlib.socket | None:
        handle = self.socket_object
        sock = super()._retire()
        self.retired()
        observers, self.observers = self.observers, {}
        for ref, pid in observers.items():
            _observed.pop(ref, None)
            if (process := alive.get(pid)) is not None:
                process.deliver(PortDown(ref, handle, self.end_reason))
        self.owner_process = None
        return sock

    # --- the contract of SocketLifetime -----------------------------------------------------------

    def carry_out(self, decisions: Decisions) -> None:
        """Do nothing: no process waits in the lanes of such a socket."""

    def resume(self, lane: Lane, user: User) -> None:
        """Do nothing, for the same reason."""


_observed: Final[dict[Ref, InetActor]] = {}
"""The socket of each active monitor."""


def cancel_observer(process: Process, ref: Ref) -> bool:
    """End a monitor of a socket; False if it is not active, or another process's."""
    actor = _observed.get(ref)
    if actor is None or actor.observers.get(ref) is not process.pid:
        return False
    actor.cancel_observer(ref)
    return True


def _ignore(call: Callable[[], object]) -> None:
    with suppress(OSError, OverflowError):
        call()
