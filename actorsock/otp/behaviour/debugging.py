"""Records of the events of one behaviour process, for the functions of `sys` that debug.

A process has a `Debugging` object only while one of these is switched on. Otherwise the engine
sees None, and pays one test a message.
"""

import logging
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import attrs

from ...log_text import text_of, text_with_data
from ...runtime.bodies.crash_report import contain_logging_errors
from ...runtime.bodies.current import current_process
from ...runtime.bodies.functions import check_plain, name_of
from ...runtime.core.signals import is_word
from ..calls.calling import is_same
from ..calls.protocol import Call, Cast
from .effects import SendAnswer
from .exit_reasons import raised

__all__ = ["DebugFunction", "Debugging", "Statistics", "debug_function", "message_text"]

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


DebugFunction = Callable[[Any, Any, Any], Any]
"""Is called with its own state, an event, and the name of the process; see `sys.install`."""


def debug_function(function: Any) -> DebugFunction:
    """Return `function`; raise `TypeError` if it is not a plain one."""
    check_plain("function", function, "a state, an event and a name")
    checked: DebugFunction = function
    return checked


@attrs.define
class _Installed:
    key: Any
    function: DebugFunction
    state: Any


@attrs.frozen
class _Kept:
    """An event of the log, with what makes its text."""

    event: Any
    text: Callable[[Any], str]


@attrs.define
class Debugging:
    """What a process keeps for `sys`: counters, the newest events, a trace, functions.

    A special process gets one from `sys.debug_options` and passes it on. Erlang's `sys:dbg_opt()`.
    """

    since: datetime | None = None
    """When counting was switched on; None: it is off."""
    messages_in: int = 0
    messages_out: int = 0
    _kept: deque[_Kept] | None = None
    """None: events are not kept."""
    traces: bool = False
    _functions: list[_Installed] = attrs.field(factory=list)
    """The newest first."""

    @property
    def idle(self) -> bool:
        """Return True if nothing is on."""
        records = self.since is not None or self._kept is not None or self.traces
        return not records and not self._functions

    @property
    def events(self) -> list[Any]:
        """Return the events that are kept, oldest first."""
        return [each.event for each in self._kept or ()]

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
        if size is None or self._kept is None:
            self._kept = None if size is None else deque(maxlen=size)

    def print_log(self) -> None:
        """Log the events that are kept, as a trace would have."""
        for kept in self._kept or ():
            _trace(kept)

    def install(self, key: Any, function: DebugFunction, state: Any) -> None:
        """Call a function at each event from now on. One that has this key already stays."""
        if not any(is_same(each.key, key) for each in self._functions):
            self._functions.insert(0, _Installed(key, function, state))

    def remove(self, key: Any) -> None:
        """Forget the function that was installed with this key, if there is one."""
        self._functions = [each for each in self._functions if not is_same(each.key, key)]

    def received(self, event: Any) -> None:
        """Record a message, a time-out or an inserted event that the process begins to handle."""
        self.record(("in", event), _text, _own_name())

    def answered(self, answer: SendAnswer) -> None:
        """Record an answer that a callback has returned."""
        self.record(("out", answer.value, answer.caller.pid), _text, _own_name())

    def record(self, event: Any, text: Callable[[Any], str], extra: Any) -> None:
        """Count an event, keep it, log its text, and call functions, as far as these are on."""
        way = event[0] if type(event) is tuple and event else None
        self.messages_in += is_word(way, "in")
        self.messages_out += is_word(way, "out")
        if self._kept is not None:
            self._kept.append(_Kept(event, text))
        if self.traces:
            _trace(_Kept(event, text))
        if self._functions:
            self._functions = [each for each in self._functions if _goes_on(each, event, extra)]


def _goes_on(installed: _Installed, event: Any, extra: Any) -> bool:
    """Call a function; return False if it is done, or has failed."""
    try:
        result = installed.function(installed.state, event, extra)
    except BaseException as exc:
        reason = raised(exc).reason
        with contain_logging_errors():
            process, function = current_process(), name_of(installed.function)
            _log.error(
                "process %r removes its debug function %s, which has failed: %s",
                process.pid,
                function,
                text_of(reason),
            )
        return False
    installed.state = result
    return not is_word(result, "done")


def _trace(kept: _Kept) -> None:
    line = kept.text(kept.event)
    with contain_logging_errors():
        _log.info("*DBG* %r %s", current_process().pid, line)


def _own_name() -> Any:
    process = current_process()
    return process.name or process.pid


def _text(event: tuple[Any, ...]) -> str:
    match event:
        case ("in", message):
            return f"got {message_text(message, text_with_data)}"
    _, value, pid = event
    return f"sent {text_with_data(value)} to {pid!r}"


def message_text(message: Any, text: Callable[[Any], str]) -> str:
    """Return a message in words, whose parts `text` shows."""
    match message:
        case Call(caller, request):
            return f"call {text(request)} from {caller.pid!r}"
        case Cast(request):
            return f"cast {text(request)}"
    return text(message)
