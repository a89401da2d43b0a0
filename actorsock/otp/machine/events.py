"""The events of a `StateMachine`. `Call` and `Cast`, also events, are in `calls.protocol`."""

from typing import Any, TypeAlias

import attrs

from ..calls.protocol import Call, Cast
from ..calls.travelling import Travelled, Values

__all__ = [
    "Enter",
    "Event",
    "Info",
    "Internal",
    "Linked",
    "TimedOut",
    "turned",
    "with_values",
    "without_values",
]


@attrs.frozen
class Info:
    """An event: a message that is neither a call nor a cast. Erlang's event type `info`."""

    message: Any
    """The message."""


@attrs.frozen
class Internal:
    """An event that a machine sends to itself, with `NextEvent`. Erlang's event type `internal`.

    No message is turned into an `Internal`, so other processes can't send one.
    """

    content: Any
    """Any value."""


@attrs.frozen
class TimedOut:
    """An event: a time-out has run out.

    Erlang's event types `state_timeout`, `timeout` and `{timeout, Name}`.
    """

    name: Any
    """`"state"` of a `StateTimeout`, `"event"` of an `EventTimeout`, otherwise the name that was
    given to the `NamedTimeout`."""
    content: Any
    """The content that was given to the time-out."""


@attrs.frozen
class Enter:
    """An event: the machine has entered a state. Erlang's event type `enter`.

    Only for classes with `enters = True`. The callback of an `Enter` can't change the state
    again, and can't use `Postpone` or `NextEvent`.
    """

    former: Any
    """The state before; at the start, and after `RepeatState`, the state itself."""


Event = Call | Cast | Info | Internal | TimedOut | Enter

Linked: TypeAlias = tuple[()] | tuple[Event | Travelled, "Linked"]
"""A list of events, `Travelled` if values came with the request they belong to: the first one, and
the list of the others. One more in front copies none of them, where a plain tuple would copy all of
those that wait, for each event."""


def turned(events: Linked, rest: Linked) -> Linked:
    """Return `rest` with `events` in front of it, in reverse order."""
    while events:
        rest = (events[0], rest)
        events = events[1]
    return rest


def with_values(kept: Any, values: Values) -> Any:
    """Return what is kept of an event, with the values of the request that it belongs to."""
    return Travelled(kept, values) if values else kept


def without_values(kept: Any) -> tuple[Any, Values]:
    """Return what `with_values` was given."""
    return (kept.message, kept.values) if type(kept) is Travelled else (kept, ())
