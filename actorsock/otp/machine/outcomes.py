"""What a `StateMachine` is told, and what its callbacks return."""

from math import inf
from typing import Any, Literal

import attrs

from ...arguments import check_seconds, shown
from ..calls.protocol import Call, Cast

__all__ = [
    "Action",
    "Enter",
    "Event",
    "EventTimeout",
    "Info",
    "Internal",
    "KeepState",
    "NamedTimeout",
    "NextEvent",
    "NextState",
    "Postpone",
    "RepeatState",
    "StateTimeout",
    "TimedOut",
]


@attrs.frozen
class Info:
    """An event: a message that is neither a call nor a cast."""

    message: Any


@attrs.frozen
class Internal:
    """An event that the machine has sent to itself with `NextEvent`."""

    content: Any


@attrs.frozen
class TimedOut:
    """An event: a time-out has run out; `name` is `"state"`, `"event"`, or its own."""

    name: Any
    content: Any


@attrs.frozen
class Enter:
    """A state is entered, from the state `former`; at the start, `former` is the state itself."""

    former: Any


Event = Call | Cast | Info | Internal | TimedOut | Enter


def _seconds(instance: object, attribute: Any, value: Any) -> None:
    if value != "update":
        check_seconds("seconds", value)


def _own_name(instance: object, attribute: Any, value: Any) -> None:
    if isinstance(value, str) and value in ("state", "event"):
        raise ValueError(f"name: {value!r} is that of a {value.capitalize()}Timeout")


def _event(instance: object, attribute: Any, value: Any) -> None:
    if not isinstance(value, (Call, Cast, Info, Internal, TimedOut)):
        raise TypeError(
            f"event: expected a Call, Cast, Info, Internal or TimedOut, got {shown(value)}"
        )


@attrs.frozen
class Postpone:
    """An action: keep this event until the state has changed; `postpone`."""


@attrs.frozen
class NextEvent:
    """An action: handle this event before any that waits; `{next_event, Type, Content}`."""

    event: Any = attrs.field(validator=_event)


@attrs.frozen
class StateTimeout:
    """An action: `TimedOut("state", content)`, unless the state changes before.

    As with every time-out, a new one replaces one that runs, and `math.inf` stops it. One of 0
    seconds comes before any message that has not been looked at yet. `"update"` in place of
    seconds changes the content of one that runs, and comes at once if there is none. What a change
    of state asks for and what the entry asks for is done together, after the entry.
    """

    seconds: float | Literal["update"] = attrs.field(validator=_seconds)
    content: Any = None


@attrs.frozen
class EventTimeout:
    """An action: `TimedOut("event", content)`, unless any event comes before."""

    seconds: float | Literal["update"] = attrs.field(validator=_seconds)
    content: Any = None


@attrs.frozen
class NamedTimeout:
    """An action: `TimedOut(name, content)`, whatever comes before; `{{timeout, Name}, ...}`."""

    name: Any = attrs.field(validator=_own_name)
    seconds: float | Literal["update"] = attrs.field(validator=_seconds, default=inf)
    content: Any = None


Action = Postpone | NextEvent | StateTimeout | EventTimeout | NamedTimeout


def _check_actions(actions: tuple[Any, ...]) -> None:
    for action in actions:
        if not isinstance(action, Action):
            raise TypeError(
                "actions: expected Postpone, NextEvent, StateTimeout, EventTimeout or "
                f"NamedTimeout, got {shown(action)}"
            )


@attrs.frozen(init=False)
class NextState:
    """Change to `state`, then do `actions`; Erlang's `{next_state, State, Data, Actions}`."""

    state: Any
    actions: tuple[Action, ...]

    def __init__(self, state: Any, *actions: Action) -> None:
        _check_actions(actions)
        self.__attrs_init__(state, actions)


@attrs.frozen(init=False)
class KeepState:
    """Stay in the state and do `actions`; None does for no actions. `{keep_state_and_data, ...}`"""

    actions: tuple[Action, ...]

    def __init__(self, *actions: Action) -> None:
        _check_actions(actions)
        self.__attrs_init__(actions)


@attrs.frozen(init=False)
class RepeatState:
    """`KeepState`, and the state is entered again: with `enters`, there is another `Enter`.

    Its `former` is the state itself. `{repeat_state, ...}` and `{repeat_state_and_data, ...}`
    """

    actions: tuple[Action, ...]

    def __init__(self, *actions: Action) -> None:
        _check_actions(actions)
        self.__attrs_init__(actions)
