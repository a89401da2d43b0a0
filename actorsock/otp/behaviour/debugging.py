"""Records of the events of one behaviour process, for `sys.statistics`, `sys.log`, `sys.trace`.

A process has a `Debugging` object only while one of these is switched on. Otherwise the engine
sees None, and pays one test a message.
"""

import logging
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import attrs

from ...log_text import text_with_data
from ...runtime.bodies.crash_report import contain_logging_errors
from ...runtime.bodies.current import current_process
from ...runtime.core.signals import is_word
from ..calls.protocol import Call, Cast
from .effects import SendAnswer

__all__ = ["Debugging", "Statistics"]

_log: Final = logging.getLogger("actorsock.otp")


@attrs.frozen
class Statistics:
    """The counters of `sys.statistics(server, "get")`. Times are in UTC."""

    start_time: datetime
    """The time when counting was switched on."""
    current_time: datetime
    """The time of this reading."""
    messages_in: int
    """Messages handled since then, with time-outs, and events that a machine has inserted."""
    messages_out: int
    """Answers that callbacks have returned. Those that were sent with `reply` do not count."""


@attrs.define
class Debugging:
    """What a process keeps for `sys`: counters, the newest events, a trace. Each can be on or off.

    A special process gets one from `sys.debug_options` and passes it on. Erlang's `sys:dbg_opt()`.
    """

    since: datetime | None = None
    """When counting was switched on; None: it is off."""
    messages_in: int = 0
    messages_out: int = 0
    events: deque[tuple[Any, ...]] | None = None
    """None: events are not kept."""
    traces: bool = False

    @property
    def idle(self) -> bool:
        """All three are off."""
        return self.since is None and self.events is None and not self.traces

    def count(self, flag: bool) -> None:
        """Switch counting on or off. Switching it on twice keeps the counters."""
        if flag and self.since is not None:
            return
        self.since = datetime.now(UTC) if flag else None
        self.messages_in = self.messages_out = 0

    def statistics(self) -> Statistics | None:
        """Return the counters; None while counting is off."""
        if self.since is None:
            return None
        now = datetime.now(UTC)
        return Statistics(self.since, now, self.messages_in, self.messages_out)

    def keep(self, size: int | None) -> None:
        """Keep the newest `size` events from now on; None: keep none.

        As in Erlang, a size that was set before stays until the log is switched off.
        """
        if size is None or self.events is None:
            self.events = None if size is None else deque(maxlen=size)

    def received(self, event: Any) -> None:
        """Record a message, a time-out or an inserted event that the process begins to handle."""
        self.record(("in", event), _text)

    def answered(self, answer: SendAnswer) -> None:
        """Record an answer that a callback has returned."""
        self.record(("out", answer.value, answer.caller.pid), _text)

    def record(self, event: Any, text: Callable[[Any], str]) -> None:
        """Count an event, keep it, and log its text, as far as these are on."""
        way = event[0] if type(event) is tuple and event else None
        self.messages_in += is_word(way, "in")
        self.messages_out += is_word(way, "out")
        if self.events is not None:
            self.events.append(event)
        if self.traces:
            line = text(event)
            with contain_logging_errors():
                _log.info("*DBG* %r %s", current_process().pid, line)


def _text(event: tuple[Any, ...]) -> str:
    match event:
        case ("in", Call(caller, request)):
            return f"got call {text_with_data(request)} from {caller.pid!r}"
        case ("in", Cast(request)):
            return f"got cast {text_with_data(request)}"
        case ("in", message):
            return f"got {text_with_data(message)}"
    _, value, pid = event
    return f"sent {text_with_data(value)} to {pid!r}"
