"""The time-outs of a `StateMachine`: which of them run, and what a transition does about them.

Pure, as all rules are: what is to be done with real timers comes out as effects.
"""

from collections.abc import Iterable
from math import inf
from typing import Any, Final, Literal

import attrs

from ..behaviour.effects import Effect, StartTimer, StopTimer
from .outcomes import EventTimeout, NamedTimeout, StateTimeout

__all__ = ["DUE", "EVENT", "STATE", "Timeout", "Timers", "Timing", "without"]

STATE: Final = "state"
EVENT: Final = "event"

DUE: Final = 0
"""In place of the stamp of a time-out: no timer runs for it, it comes before any message."""

Timeout = StateTimeout | EventTimeout | NamedTimeout

Timers = dict[Any, tuple[int, Any]]
"""For each time-out that runs, its stamp and content; oldest first."""


@attrs.define
class Timing:
    """The time-outs of one transition, and what has to be done about them."""

    stamp: int
    timers: Timers
    effects: list[Effect]

    def set(self, actions: Iterable[Timeout]) -> None:
        """Do what a transition, and the entries that belong to it, ask for: all at once."""
        last: dict[Any, Timeout] = {}
        for action in actions:
            # Of several for one time-out the last is the one that counts.
            name = _name_of(action)
            last.pop(name, None)
            last[name] = action
        starts = [self._set(name, each.seconds, each.content) for name, each in last.items()]
        # From the last backwards, as Erlang does: it is seen when two are due at the same time.
        self.effects.extend(start for start in reversed(starts) if start is not None)

    def stop(self, name: Any) -> None:
        running = self.timers.pop(name, None)
        if running is not None and running[0] != DUE:
            self.effects.append(StopTimer(name))

    def _set(
        self, name: Any, seconds: float | Literal["update"], content: Any
    ) -> StartTimer | None:
        """The timer that has to be started, if any."""
        if seconds == "update" and name in self.timers:
            self.timers[name] = self.timers[name][0], content
            return None
        self.stop(name)
        if seconds == "update" or seconds == 0:
            self.timers[name] = DUE, content
            return None
        if seconds == inf:
            return None
        self.stamp += 1
        self.timers[name] = self.stamp, content
        return StartTimer(name, self.stamp, seconds)


def without(timers: Timers, name: Any) -> Timers:
    """The others."""
    return {other: value for other, value in timers.items() if other != name}


def _name_of(action: Timeout) -> Any:
    match action:
        case StateTimeout():
            return STATE
        case EventTimeout():
            return EVENT
        case NamedTimeout(name):
            return name
