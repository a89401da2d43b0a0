"""The life of a TLS connection as its calls and messages show it.

As that of a stream (`StreamRules`), but that any end of the input, and any error, closes the
socket: TLS has no half-closed connections in Erlang's `ssl`.
"""

from typing import Any

import attrs

from ...inet.rules.active_mode import Active
from ...inet.rules.stream_rules import CLOSE, CLOSED, Decision, Failed, StreamRules
from ...results import Error, Ok

__all__ = ["TlsRules"]

_CLOSED = Error("closed")


@attrs.define
class TlsRules(StreamRules):
    """The stage and the active mode of one connection.

    Attributes:
        established: the handshake is complete; before, nothing is read for messages.
    """

    established: bool = False

    @property
    def reads(self) -> bool:
        """See `StreamRules.reads`."""
        return self.established and self.stage == "open" and self.mode.value is not False

    def set_active(self, value: Active) -> list[Decision] | Error:
        """See `StreamRules.set_active`."""
        return _CLOSED if self.stage == "closed" else super().set_active(value)

    def input_ended(self, reason: Any = "closed") -> tuple[Error[Any] | None, list[Decision]]:
        """Note that the input has ended.

        Args:
            reason: a POSIX name or `"closed"`, which are all shown as `"closed"`; or the reason of
                an error, `("tls_alert", ...)` or `("invalid_packet", data)`.

        Returns:
            The result for a waiting recv, None in an active mode, and the decisions.
        """
        failed = isinstance(reason, tuple)
        self.stage = "closed"
        if self.mode.value is False:
            return Error(reason if failed else "closed"), [CLOSE]
        # An error is the last message: no SslClosed follows it.
        return None, [Failed(reason) if failed else CLOSED, CLOSE]

    def output_failed(self, reason: str) -> tuple[Error, list[Decision]]:
        """Note that sending met a lost connection; return the result of the send."""
        self.stage = "closed"
        return _CLOSED, [CLOSE] if self.mode.value is False else [CLOSED, CLOSE]

    def send_gave_up(self) -> None:
        """See `StreamRules.send_gave_up`; the executor closes the socket."""
        self.stage = "closed"

    def hand_over(self, by_owner: bool, alive: bool, end_in_mailbox: bool) -> Ok[bool] | Error:
        """Decide on `controlling_process`: any process may call it, and no message moves."""
        return _CLOSED if self.stage == "closed" else Ok(True)
