"""The part of the machine's rules that concerns time-outs: which run, start and stop.

No clock in here, as in all rules: the engine starts and stops the real timers, on the effects
`StartTimer` and `StopTimer`.
"""

from collections.abc import Iterable
from math import inf
from typing import Any, Final, Literal

import attrs

from ..behaviour.effects import Effect, StartTimer, StopTimer
from ..calls.travelling import Values
from .events import with_values
from .outcomes import EventTimeout, NamedTimeout, StateTimeout

__all__ = ["EVENT", "STATE", "Timeout", "Timers"]

STATE: Final = "state"
"""The name of the state time-out."""

EVENT: Final = "event"
"""The name of the event time-out."""

Timeout = StateTimeout | EventTimeout | NamedTimeout


@attrs.define
class Timers:
    """The time-outs of one machine. Changed in place: it may have thousands.

    The methods append the effects of a change to `effects`.
    """

    running: dict[Any, tuple[int, Any]] = attrs.field(factory=dict)
    """The stamp and the content of each time-out that has a timer, by its name."""
    due: dict[Any, Any] = attrs.field(factory=dict)
    """The content of each time-out of 0 seconds, by its name, oldest first; together with the
    values of the request it belongs to, if there are any. It needs no timer, and comes before any
    message."""
    stamp: int = 0
    """The stamp of the newest timer. A tick whose stamp is not in `running` is stale."""

    def take(self, name: Any) -> Any:
        """Remove the time-out of that name, which has run out; return its content."""
        return self.due.pop(name) if name in self.due else self.running.pop(name)[1]

    def stop(self, name: Any, effects: list[Effect]) -> None:
        """Stop the time-out of that name, if it runs."""
        if self.running.pop(name, None) is not None:
            effects.append(StopTimer(name))
        else:
            self.due.pop(name, None)

    def set(self, actions: Iterable[Timeout], effects: list[Effect], values: Values = ()) -> None:
        """Start, update or stop the time-outs that a transition, with its entry, asks for."""
        last: dict[Any, Timeout] = {}
        for action in actions:
            # Only the last of several actions for the same time-out counts.
            name = _name_of(action)
            last.pop(name, None)
            last[name] = action
        starts = [
            self._set(name, each.seconds, each.content, effects, values)
            for name, each in last.items()
        ]
        # Erlang starts the timers from the last to the first. A program can see that: of two that
        # are due at the same time, the one that was started first comes first.
        effects.extend(start for start in reversed(starts) if start is not None)

    def _set(
        self,
        name: Any,
        seconds: float | Literal["update"],
        content: Any,
        effects: list[Effect],
        values: Values,
    ) -> StartTimer | None:
        """Set one time-out, and return the timer that has to be started for it, if any."""
        if seconds == "update":
            # The timer stays: only the content is new.
            if name in self.running:
                self.running[name] = self.running[name][0], content
            else:
                # Also one that does not run: as in Erlang it is delivered at once.
                self.due[name] = with_values(content, values)
            return None
        self.stop(name, effects)
        if seconds == 0:
            self.due[name] = with_values(content, values)
            return None
        if seconds == inf:
            return None
        self.stamp += 1
        self.running[name] = self.stamp, content
        return StartTimer(name, self.stamp, seconds)


def _name_of(action: Timeout) -> Any:
    match action:
        case StateTimeout():
            return STATE
        case EventTimeout():
            return EVENT
        case NamedTimeout(name):
            return name
