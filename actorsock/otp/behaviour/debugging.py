"""What a behaviour's process notes of its messages while somebody looks: for `sys`.

Nothing is noted, and no object of this module exists, until `sys.statistics`, `sys.log` or
`sys.trace` asks for it.
"""

import logging
from collections import deque
from datetime import UTC, datetime
from typing import Any, Final

import attrs

from ...arguments import shown
from ...runtime.bodies.current import current_process
from ..calls.protocol import Call, Cast
from .effects import SendAnswer

__all__ = ["Debugging", "Statistics"]

_log: Final = logging.getLogger("actorsock.otp")


@attrs.frozen
class Statistics:
    """What `sys.statistics(server, "get")` tells, since it was switched on."""

    start_time: datetime
    current_time: datetime
    messages_in: int
    """With time-outs that have run out, and events that a machine has inserted."""
    messages_out: int
    """Answers, as far as they were the results of callbacks."""


@attrs.define
class Debugging:
    """Counters, the newest events and a trace: each is there if it was asked for."""

    since: datetime | None = None
    """When the counting began; None: nothing is counted."""
    messages_in: int = 0
    messages_out: int = 0
    events: deque[tuple[Any, ...]] | None = None
    traces: bool = False

    @property
    def idle(self) -> bool:
        """Nothing is asked for any more."""
        return self.since is None and self.events is None and not self.traces

    def count(self, flag: bool) -> None:
        """Begin to count, if nothing is counted yet; or stop and forget what was counted."""
        if flag and self.since is not None:
            return
        self.since = datetime.now(UTC) if flag else None
        self.messages_in = self.messages_out = 0

    def statistics(self) -> Statistics | None:
        """What was counted."""
        if self.since is None:
            return None
        now = datetime.now(UTC)
        return Statistics(self.since, now, self.messages_in, self.messages_out)

    def keep(self, size: int | None) -> None:
        """Keep the newest `size` events, if none are kept yet; None: keep none."""
        if size is None or self.events is None:
            self.events = None if size is None else deque(maxlen=size)

    def received(self, event: Any) -> None:
        """The process has begun to handle a message, or what comes like one."""
        self.messages_in += 1
        self._note(("in", event))

    def answered(self, answer: SendAnswer) -> None:
        """A callback has answered a call."""
        self.messages_out += 1
        self._note(("out", answer.value, answer.caller.pid))

    def _note(self, event: tuple[Any, ...]) -> None:
        if self.events is not None:
            self.events.append(event)
        if self.traces:
            match event:
                case ("in", Call(caller, request)):
                    text = f"got call {shown(request)} from {caller.pid!r}"
                case ("in", Cast(request)):
                    text = f"got cast {shown(request)}"
                case ("in", message):
                    text = f"got {shown(message)}"
                case (_, value, pid):
                    text = f"sent {shown(value)} to {pid!r}"
            _log.info("*DBG* %r %s", current_process().pid, text)
