"""The life of a stream as its calls and messages show it: active mode, end of stream, loss, close.

Pure: events go in (options set, end of stream, errors, calls of processes), decisions come out.
Sockets and mailboxes are the executor's. The stages of a stream:

- `"open"`;
- `"ended"`: the input has ended and `exit_on_close` is False: sending may go on;
- `"dead"`: the connection is lost, and the program has yet to close the socket. The direction that
  did not meet the loss reports it once, then calls give `enotconn`;
- `"closed"`.
"""

from typing import Any, Final, Literal, TypeAlias, final

import attrs

from ...results import Error, Ok
from .active_mode import Active, ActiveMode

__all__ = [
    "CLOSE",
    "CLOSED",
    "PASSIVE",
    "Decision",
    "Failed",
    "StreamRules",
]


@final
@attrs.frozen
class Failed:
    """Send the owner the message of an error: `TcpError`, `SslError`.

    Attributes:
        reason: the reason in it: a POSIX name, or what TLS says.
    """

    reason: Any


PASSIVE: Final = "passive"
"""Send the owner the message that the mode has become passive."""
CLOSED: Final = "closed"
"""Send the owner the message that the stream has ended."""
CLOSE: Final = "close"
"""Close the socket."""

Decision: TypeAlias = Literal["passive", "closed", "close"] | Failed


@attrs.define
class StreamRules:
    """The stage and the active mode of one connected stream.

    Attributes:
        mode: the active mode.
        exit_on_close: the option: an ended stream is closed.
        show_econnreset: the option: a reset by the peer is told apart from an orderly close.
        stage: see the module.
    """

    mode: ActiveMode = attrs.field(factory=ActiveMode)
    exit_on_close: bool = True
    show_econnreset: bool = False
    stage: Literal["open", "ended", "dead", "closed"] = "open"
    _end_told: bool = False
    _recv_owes: str | None = None
    _send_owes: str | None = None

    @property
    def reads(self) -> bool:
        """Return True if the socket is to be read now, for messages."""
        return self.stage == "open" and self.mode.value is not False

    # Options.

    def set_active(self, value: Active) -> list[Decision] | Error:
        """Apply the option `active`; any process may set it.

        Waiting packets are delivered by the executor, as `reads` says, and before what is decided
        here only if the stage is "open".
        """
        if self.stage == "closed":
            return Error("einval")
        passive = self.mode.change(value)
        if passive is not False and isinstance(passive, Error):
            return passive
        decisions: list[Decision] = [PASSIVE] if passive else []
        if self.stage == "open" or self.mode.value is False:
            return decisions
        # An active mode asks for the end of the stream that nobody was told of yet, and for a reset
        # that only a send was told of.
        owed, self._recv_owes = self._recv_owes, None
        if owed not in (None, "closed"):
            decisions.append(Failed(owed))
        decisions += self._tell_end()
        dies = self.stage == "dead" and self.exit_on_close
        return decisions + self._close() if dies else decisions

    # What the kernel reports.

    def input_ended(self, reason: str = "closed") -> tuple[Error | None, list[Decision]]:
        """Note that reading met the end of the stream, or an error.

        Args:
            reason: `"closed"` for the end of the stream, `"econnreset"`, `"emsgsize"` for a packet
                that is too large or malformed, or another POSIX name. After `"emsgsize"` the
                executor empties the receive buffer; with `exit_on_close` False reading goes on
                with what comes next.

        Returns:
            The result for a waiting recv, None in an active mode, and the decisions.
        """
        shown = self._shown(reason)
        if self.mode.value is not False:
            decisions = self._report(shown)
            if self.exit_on_close:
                return None, decisions + self._close()
            self._end_input(reason)
            return None, decisions
        if not self.exit_on_close:
            self._end_input(reason)
            return Error(shown), []
        # Only an end without an error of its own is reported to the sender too.
        self._die(send_owes="closed" if shown == "closed" else None)
        return Error(shown), []

    def output_failed(self, reason: str) -> tuple[Error, list[Decision]]:
        """Note that sending met a lost connection (`"closed"` for EPIPE, or `"econnreset"`).

        Returns:
            The result for the send, and the decisions.
        """
        shown = self._shown(reason)
        # An end that reading met before is reported to senders once more.
        owed = "closed" if self.stage == "ended" and shown == "closed" else None
        if self.mode.value is False:
            self._die(recv_owes=shown, send_owes=owed)
            return Error(shown), []
        decisions = self._report(shown)
        if self.exit_on_close:
            return Error(shown), decisions + self._close()
        self._die(send_owes=owed)
        return Error(shown), decisions

    def send_gave_up(self) -> None:
        """Note that `send_timeout_close` applies: dead at once, without a message in any mode."""
        self._die()

    def closed(self) -> None:
        """Note that the socket was closed by a program or by the end of its owner."""
        self.stage = "closed"

    # Calls.

    def recv_asked(self) -> Error | None:
        """Return the result of a recv that must not read, None if it may."""
        if self.stage == "dead":
            owed, self._recv_owes = self._recv_owes, None
            if owed is not None:
                self._send_owes = None  # told once, if a recv asks first
            return Error(owed or "enotconn")
        if self.stage == "closed":
            return Error("closed")
        if self.mode.value is not False:
            return Error("einval")
        return Error("closed") if self.stage == "ended" else None

    def send_asked(self) -> Error | None:
        """Return the result of a send that must not write, None if it may."""
        if self.stage == "dead":
            owed, self._send_owes = self._send_owes, None
            return Error(owed or "enotconn")
        return Error("closed") if self.stage == "closed" else None

    def call_asked(self) -> Error | None:
        """Return the result of `shutdown` and `unrecv` if the connection is lost, else None."""
        if self.stage == "dead":
            return Error("enotconn")
        return Error("closed") if self.stage == "closed" else None

    def hand_over(self, by_owner: bool, alive: bool, end_in_mailbox: bool) -> Ok[bool] | Error:
        """Decide on `controlling_process`, where the new owner is not the owner already.

        Args:
            by_owner: the caller owns the socket.
            alive: the new owner is alive.
            end_in_mailbox: the caller has the message of the end in its mailbox.

        Returns:
            `Ok(True)`: move the messages and the ownership; `Ok(False)`: only the messages; or an
            `Error`: `"closed"`, `"not_owner"`, or `"badarg"` if the new owner is dead.
        """
        if self.stage == "closed":
            return Error("closed")
        if not by_owner:
            return Error("not_owner")
        if not alive:
            self.mode.value = False
            return Error("badarg")
        if end_in_mailbox:
            self.mode.value = False
            return Ok(False)
        return Ok(True)

    def _shown(self, reason: str) -> str:
        return "closed" if reason == "econnreset" and not self.show_econnreset else reason

    def _report(self, shown: str) -> list[Decision]:
        failed: list[Decision] = [] if shown == "closed" else [Failed(shown)]
        return failed + self._tell_end()

    def _end_input(self, reason: str) -> None:
        if reason != "emsgsize":
            self.stage = "ended"

    def _tell_end(self) -> list[Decision]:
        told, self._end_told = self._end_told, True
        return [] if told else [CLOSED]

    def _close(self) -> list[Decision]:
        self.stage = "closed"
        return [CLOSE]

    def _die(self, recv_owes: str | None = None, send_owes: str | None = None) -> None:
        self.stage = "dead"
        self._recv_owes, self._send_owes = recv_owes, send_owes
