"""A connected TCP (or local stream) socket: options, readiness, closing, owners, connecting.

`StreamRules` decides what a call or an event means, `ReceiveBuffer` what a packet is, `OutputQueue`
when a socket is busy. This module, and `stream_input` and `stream_output` beside it, execute: they
make the system calls, wake processes and send messages.

Reading in active mode begins in `on_ready`, called by the poller: the bytes go into the buffer, and
each packet into the owner's mailbox, in that same call. A socket that is not active is not read,
so the kernel's buffers fill and the peer has to wait.
"""

import errno
import socket as stdlib
from collections import deque
from collections.abc import Callable
from typing import Any, ClassVar, Final

from ..._native import twin
from ...results import Error, Ok
from ...runtime.bodies.current import current_process
from ...runtime.core.process import Process
from ...socket.core.socket_object import Socket
from ...socket.core.turns import LaneName
from ...socket.kernel.errors import error_of, reason_of
from ..options.table import Transport
from .socket_objects import TcpSocket
from .stream_input import FRAMING, StreamInput
from .waiting import Waiter, wait

__all__ = ["StreamActor"]

_OK: Final[Ok[None]] = Ok()


class StreamActor(StreamInput):
    """A connected stream."""

    __slots__ = ("connecting",)

    object_type: ClassVar[type[Socket]] = TcpSocket
    transport: ClassVar[Transport] = "tcp"

    def set_up(self) -> None:
        """See `InetActor.set_up`."""
        super().set_up()
        self.connecting: Waiter | None = None
        """The connect that waits."""

    # --- options --------------------------------------------------------------------------------

    def value_changed(self, name: str) -> None:
        """See `InetActor.value_changed`."""
        if (apply := _CHANGES.get(name)) is not None:
            apply(self, self.value(name))

    def awaits(self, lane: LaneName) -> bool:
        """See `Pollable.awaits`."""
        if lane == "write":
            return self.queue.size > 0 or self.connecting is not None
        return (self.reads and not self.paused) or self.waiter is not None

    def states(self) -> list[str]:
        """See `InetActor.states`."""
        return [] if self.is_dead else ["connected", "open"]

    # --- readiness ------------------------------------------------------------------------------

    @twin
    def on_ready(self, read: int, write: int, ended: int) -> None:
        """See `Pollable.on_ready`."""
        if ended:
            self.saw_end = True
        if self.connecting is not None:
            self.read_would_block = self.write_would_block = False
            self.connecting.wake(_OK)
            return
        if read:
            self.read_would_block = False
            if not self.reads:
                self.serve_waiter()
            elif not self.paused:
                self.pump()
        if write and not self.turns.closed:
            self.write_would_block = False
            if self.queue.size:
                self.flush()

    def output_failed(self, exc: OSError) -> Error:
        reason = reason_of(exc.errno)
        if reason == "epipe":
            # The peer has answered with a reset to what was sent after its end, which Linux
            # reports in this way. Erlang says so too after a `shutdown` by the program itself, but
            # not after one that has failed.
            reason = "closed" if self.shutdown_failed else "econnreset"
        error, decisions = self.rules.output_failed(reason)
        self.drop_output(error)
        self._execute(decisions)
        if self.rules.stage == "dead":
            self.wake_waiter(Error("closed"))  # of a reset only the sender is told, as in Erlang
            self.release()
            if self.owner_process is None:
                self.close_now()
        return error

    # --- shutdown, close ------------------------------------------------------------------------

    async def close_by_program(self, handle: TcpSocket) -> None:
        """Close for a program: what is queued goes out first, as the option `linger` says."""
        process = current_process()
        if not self.turns.closed:
            self.tell_owner_of_close(process)
            if self.queue.size:
                await self.wait_for_queue(process)
        self.forget_end(process, handle)
        await self.close()

    def close_without_wait(self, handle: Any) -> None:
        """See `InetActor.close_without_wait`; queued bytes go out behind the caller's back."""
        if not self.turns.closed and self.linger_time() == 0:
            self.queue.clear()
        super().close_without_wait(handle)
        self.forget_end(current_process(), handle)

    def forget_end(self, process: Process, handle: Any) -> None:
        """Take the message of the end out of the mailbox of the process that closes."""
        process.mailbox.extract(lambda message: self._ends(message, handle))

    def owner_ended(self) -> None:
        """Close for programs at once, and the descriptor when queued bytes have gone out."""
        self.rules.mode.value = False
        if not self.queue.size or self.is_dead:
            self.close_now()
            return
        self.rules.closed()
        closed = Error("closed")
        self.wake_waiter(closed)
        senders, self.senders = self.senders, deque()
        for sender in senders:
            sender.wake(closed)

    def retired(self) -> None:
        """See `InetActor.retired`."""
        self.rules.closed()
        super().retired()
        closed = Error("closed")
        if self.connecting is not None:
            self.connecting.wake(closed)
        self.drop_output(closed)

    def surrender(self) -> stdlib.socket:
        """Close the socket for programs, but return its descriptor, for an actor that goes on.

        What was read and not taken is in `buffer` until then, what is to be sent in `queue`.
        """
        sock = self._retire()
        assert sock is not None
        return sock

    # --- owner ----------------------------------------------------------------------------------

    def hand_over(self, caller: Process, to: Process | None) -> Ok[None] | Error:
        """Move the socket, and its messages in the caller's mailbox, to another owner."""
        handle = self.socket_object
        if not self.turns.closed and to is not None and to.pid is self.turns.owner:
            return _OK
        is_owner = caller.pid is self.turns.owner
        ended = any(self._ends(message, handle) for message in caller.mailbox.messages())
        decided = self.rules.hand_over(is_owner, to is not None, ended and not self.turns.closed)
        if isinstance(decided, Error):
            return decided
        assert to is not None
        moved = caller.mailbox.extract(lambda message: self._moves(message, handle))
        if decided.value:
            self.change_owner(caller.pid, to)
        self.deliver_moved(moved, to)
        return _OK

    def _moves(self, message: Any, handle: Any) -> bool:
        return isinstance(message, self.messages.moved) and message.socket is handle

    def _ends(self, message: Any, handle: Any) -> bool:
        return isinstance(message, self.messages.closed) and message.socket is handle

    # --- connecting -----------------------------------------------------------------------------

    async def connect(self, address: Any, deadline: float) -> Ok[None] | Error:
        """Connect to an address in the standard library's form."""
        try:
            number = self.sock.connect_ex(address)
        except OSError as exc:
            return error_of(exc)
        if number == errno.EINPROGRESS:
            waiter = self.connecting = Waiter(current_process())
            self.write_found_no_room()
            self.ensure_watched("write")
            try:
                outcome = await wait(waiter, deadline, _forget)
            finally:
                self.connecting = None
            if outcome is None:
                return Error("timeout")
            if isinstance(outcome, Error):
                return outcome
            number = self.sock.getsockopt(stdlib.SOL_SOCKET, stdlib.SO_ERROR)
        if number:
            return Error(reason_of(number))
        self.saw_end = False
        self.connected = self.may_linger = True
        return _OK


def _forget(outcome: Any) -> None:
    pass


_CHANGES: Final[dict[str, Callable[[StreamActor, Any], None]]] = {
    **dict.fromkeys(FRAMING, lambda actor, _: actor._frame()),
    **dict.fromkeys(("mode", "header", "deliver"), lambda actor, _: actor._reshape()),
    "delay_send": lambda actor, value: setattr(actor, "delays", value),
    "exit_on_close": lambda actor, value: setattr(actor.rules, "exit_on_close", value),
    "show_econnreset": lambda actor, value: setattr(actor.rules, "show_econnreset", value),
    "high_watermark": lambda actor, value: actor.set_watermarks(value, min(value, actor.queue.low)),
    "low_watermark": lambda actor, value: actor.set_watermarks(max(value, actor.queue.high), value),
}
"""What a new value of an option changes at once; other options are looked up when they count."""
