"""The part of the machine's rules that concerns time-outs: which run, start and stop.

Pure, as all rules are: the real timers are started and stopped by the engine, on the effects
`StartTimer` and `StopTimer`.
"""

from collections.abc import Iterable
from math import inf
from typing import Any, Final, Literal

import attrs

from ..behaviour.effects import Effect, StartTimer, StopTimer
from .outcomes import EventTimeout, NamedTimeout, StateTimeout

__all__ = ["DUE", "EVENT", "STATE", "Timeout", "Timers", "Timing", "without"]

STATE: Final = "state"
"""The name of the state time-out."""

EVENT: Final = "event"
"""The name of the event time-out."""

DUE: Final = 0
"""The stamp of a time-out of 0 seconds: there is no timer, and it comes before any message."""

Timeout = StateTimeout | EventTimeout | NamedTimeout

Timers = dict[Any, tuple[int, Any]]
"""The stamp and the content of each time-out that runs, by its name; oldest first."""


@attrs.define
class Timing:
    """The time-outs while one transition is worked out. `effects` collects what it causes."""

    stamp: int
    timers: Timers
    effects: list[Effect]

    def set(self, actions: Iterable[Timeout]) -> None:
        """Start, update or stop the time-outs that a transition, with its entry, asks for."""
        last: dict[Any, Timeout] = {}
        for action in actions:
            # Only the last of several actions for the same time-out counts.
            name = _name_of(action)
            last.pop(name, None)
            last[name] = action
        starts = [self._set(name, each.seconds, each.content) for name, each in last.items()]
        # Erlang starts the timers from the last to the first. A program can see that: of two that
        # are due at the same time, the one that was started first comes first.
        self.effects.extend(start for start in reversed(starts) if start is not None)

    def stop(self, name: Any) -> None:
        """Stop the time-out of that name, if it runs."""
        running = self.timers.pop(name, None)
        if running is not None and running[0] != DUE:
            self.effects.append(StopTimer(name))

    def _set(
        self, name: Any, seconds: float | Literal["update"], content: Any
    ) -> StartTimer | None:
        """Set one time-out, and return the timer that has to be started for it, if any."""
        if seconds == "update" and name in self.timers:
            # The stamp stays, and with it the timer: only the content is new.
            self.timers[name] = self.timers[name][0], content
            return None
        self.stop(name)
        # Erlang delivers both at once: a time-out of 0, and an update of one that does not run.
        if seconds == "update" or seconds == 0:
            self.timers[name] = DUE, content
            return None
        if seconds == inf:
            return None
        self.stamp += 1
        self.timers[name] = self.stamp, content
        return StartTimer(name, self.stamp, seconds)


def without(timers: Timers, name: Any) -> Timers:
    """Return a copy of `timers` without that name."""
    return {other: value for other, value in timers.items() if other != name}


def _name_of(action: Timeout) -> Any:
    match action:
        case StateTimeout():
            return STATE
        case EventTimeout():
            return EVENT
        case NamedTimeout(name):
            return name
