"""A listening socket: the acceptors that wait, in the order of their calls.

A connection is taken from the kernel's backlog only when a process waits for it.
"""

from collections import deque
from typing import Any, ClassVar, Final

from ...results import Error, Ok
from ...runtime.bodies.current import current_process
from ...runtime.core.process import Process
from ...runtime.core.reductions import SYSTEM_CALL
from ...socket.core.socket_object import Socket
from ...socket.core.turns import LaneName
from ...socket.kernel.errors import error_of
from ..options.table import OPTIONS, Option, Transport
from ..rules.active_mode import Active, ActiveMode
from ..rules.messages import TcpPassive
from .inet_actor import InetActor
from .socket_objects import TcpSocket
from .stream_actor import StreamActor
from .waiting import Waiter, deadline_of, wait

__all__ = ["ListenActor"]

_SET_AGAIN: Final = frozenset({"nodelay", "keepalive", "priority", "tos"})
"""The system's options that are set once more on an accepted socket, as Erlang does: they may have
been set on the listening one after the peer had connected."""


class ListenActor(InetActor):
    """A listening socket."""

    __slots__ = ("acceptors", "mode", "set_again")

    object_type: ClassVar[type[Socket]] = TcpSocket
    transport: ClassVar[Transport] = "tcp"

    def set_up(self) -> None:
        """See `InetActor.set_up`."""
        super().set_up()
        self.mode = ActiveMode(True)
        """Only kept, for the sockets that are accepted."""
        self.acceptors: deque[Waiter] = deque()
        self.set_again: dict[str, tuple[Option, Any]] = {}

    # --- options --------------------------------------------------------------------------------

    def set_active(self, value: Active) -> Ok[None] | Error:
        """See `InetActor.set_active`."""
        passive = self.mode.change(value)
        if isinstance(passive, Error):
            return passive
        if passive:
            self.deliver(TcpPassive(self.socket_object))
        return Ok()

    def active_value(self) -> Active:
        """See `InetActor.active_value`."""
        return self.mode.value

    def set_option(self, option: Option, value: Any) -> Ok[None] | Error:
        """See `InetActor.set_option`."""
        if option.name in _SET_AGAIN and option.effect("tcp", self.family) == "kernel":
            self.set_again[option.name] = (option, value)
        return super().set_option(option, value)

    def value_changed(self, name: str) -> None:
        """Do nothing: values count when a connection is accepted."""

    def states(self) -> list[str]:
        """See `InetActor.states`."""
        return ["accepting", "listen", "open"] if self.acceptors else ["listen", "open"]

    def awaits(self, lane: LaneName) -> bool:
        """See `Pollable.awaits`."""
        return lane == "read" and bool(self.acceptors)

    # --- accept ---------------------------------------------------------------------------------

    async def accept(self, timeout: float) -> Ok[TcpSocket] | Error:
        """Return the next connection, which the caller owns."""
        process = current_process()
        pause = process.body.spend(SYSTEM_CALL)
        if pause is not None:
            await pause
        if self.turns.closed:
            return Error("closed")
        if not self.acceptors:
            result = self._take(process)
            if result is not None:
                return result
        if timeout == 0:
            return Error("timeout")
        return await self.wait_to_accept(Waiter(process), timeout)

    async def wait_to_accept(self, waiter: Waiter, timeout: float) -> Ok[TcpSocket] | Error:
        """Wait for the connection that the waiter is woken with; return that."""
        self.acceptors.append(waiter)
        self.ensure_watched("read")
        try:
            outcome = await wait(waiter, deadline_of(timeout), _close)
        finally:
            if waiter in self.acceptors:
                self.acceptors.remove(waiter)
        return Error("timeout") if outcome is None else outcome

    def on_ready(self, read: int, write: int, ended: int) -> None:
        """See `Pollable.on_ready`."""
        while self.acceptors and not self.turns.closed:
            acceptor = self.acceptors[0]
            if not acceptor.waits:
                self.acceptors.popleft()
                continue
            result = self._take(acceptor.process)
            if result is None:
                self.ensure_watched("read")
                return
            self.acceptors.popleft()
            if not acceptor.wake(result):
                _close(result)

    def _take(self, owner: Process) -> Ok[TcpSocket] | Error | None:
        try:
            accepted, _ = self.sock.accept()
        except BlockingIOError:
            return None
        except OSError as exc:
            return error_of(exc)
        accepted.setblocking(False)
        made = StreamActor(self.service, accepted, self.kind, owner, self.family, connected=True)
        for name, value in self.values.items():
            if OPTIONS[name].inherited:
                made.values[name] = value
                made.value_changed(name)
        made.raised_buffer = self.raised_buffer
        if self.raised_buffer:
            made.value_changed("buffer")
        if self.has_low_water_mark:
            made.note_low_water_mark()
        for option, value in self.set_again.values():
            made.set_option(option, value)
        handle: TcpSocket = made.socket_object
        made.rules.mode.value = self.mode.value
        if made.rules.reads:
            made.ensure_watched("read")  # reports what is there already
        return Ok(handle)

    # --- closing --------------------------------------------------------------------------------

    def retired(self) -> None:
        """See `InetActor.retired`."""
        acceptors, self.acceptors = self.acceptors, deque()
        for acceptor in acceptors:
            acceptor.wake(Error("closed"))

    def hand_over(self, caller: Process, to: Process | None) -> Ok[None] | Error:
        """Move the socket to another owner."""
        if self.turns.closed:
            return Error("closed")
        if to is not None and to.pid is self.turns.owner:
            return Ok()
        if caller.pid is not self.turns.owner:
            return Error("not_owner")
        if to is None:
            return Error("badarg")
        self.change_owner(caller.pid, to)
        return Ok()


def _close(result: Any) -> None:
    """Close an accepted socket that no caller has seen."""
    if isinstance(result, Ok):
        result.value._actor.close_now()
