"""The results of `StateMachine` callbacks, and the actions that they contain.

`Stop` and `Ignore`, which mean the same in every behaviour, are in `behaviour.lifecycle`.
"""

from math import inf
from typing import Any, Final, Literal

import attrs

from ...arguments import check_seconds, shown
from ..calls.protocol import Call, Cast
from .events import Info, Internal, TimedOut

__all__ = [
    "Action",
    "EventTimeout",
    "KeepState",
    "NamedTimeout",
    "NextEvent",
    "NextState",
    "Postpone",
    "RepeatState",
    "StateTimeout",
]


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
    """An action: handle this event again after the state has changed. Erlang's `postpone`.

    Postponed events come in their original order, before events that have not been handled yet.

    Example::

        def locked(self, event):
            match event:
                case Call(_, "open"):
                    return KeepState(Postpone())  # answered when the machine is unlocked
                case Cast("unlock"):
                    return NextState("unlocked")
    """


@attrs.frozen
class NextEvent:
    """An action: handle an event before all others. Erlang's `{next_event, Type, Content}`.

    Several of them in one result are handled in their order.

    Args:
        event: an `Internal`, `Call`, `Cast`, `Info` or `TimedOut`.

    Raises:
        TypeError: `event` is none of these.
    """

    event: Any = attrs.field(validator=_event)


@attrs.frozen
class StateTimeout:
    """An action: the event `TimedOut("state", content)` later, unless the state changes before.

    Erlang's `{state_timeout, Time, Content}`. A new one replaces one that runs. The time-outs of a
    change of state and of the `Enter` that follows it are started together, after the callback of
    `Enter`.

    Args:
        seconds: the time. 0 makes the event come before any message that has not been handled
            yet. `math.inf` stops the time-out that runs. `"update"` changes only the content of
            the time-out that runs; if none does, it is the same as 0.
        content: any value, for the event.

    Raises:
        TypeError: `seconds` is neither a number nor `"update"`.
        ValueError: `seconds` is negative or NaN.
    """

    seconds: float | Literal["update"] = attrs.field(validator=_seconds)
    content: Any = None


@attrs.frozen
class EventTimeout:
    """An action: the event `TimedOut("event", content)` later, unless any event comes before.

    Erlang's `{timeout, Time, Content}`.

    Args:
        seconds: as in `StateTimeout`.
        content: any value, for the event.

    Raises:
        TypeError: `seconds` is neither a number nor `"update"`.
        ValueError: `seconds` is negative or NaN.
    """

    seconds: float | Literal["update"] = attrs.field(validator=_seconds)
    content: Any = None


@attrs.frozen
class NamedTimeout:
    """An action: the event `TimedOut(name, content)` later, whatever happens before.

    Erlang's `{{timeout, Name}, Time, Content}`. One time-out of each name can run.

    Args:
        name: any hashable value, except `"state"` and `"event"`.
        seconds: as in `StateTimeout`. The default, `math.inf`, stops the time-out of that name.
        content: any value, for the event.

    Raises:
        TypeError: `seconds` is neither a number nor `"update"`.
        ValueError: `seconds` is negative or NaN, or `name` is `"state"` or `"event"`.
    """

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


_keep: Final = object.__setattr__
"""A frozen class has no other way to set what its `__init__` has been given."""


@attrs.frozen(init=False)
class NextState:
    """The result of a callback: change to a state, and do the actions.

    Erlang's `{next_state, State, Data, Actions}`. If the state is equal to the present one, this
    is the same as `KeepState`. From `init` it is the first state (`{ok, State, Data, Actions}`).

    Args:
        state: the new state. If the class has a method for each state, the name of a method.
        actions: the actions, in order.

    Raises:
        TypeError: one of the actions is not an action.
    """

    state: Any
    actions: tuple[Action, ...]

    def __init__(self, state: Any, *actions: Action) -> None:
        _check_actions(actions)
        _keep(self, "state", state)
        _keep(self, "actions", actions)


@attrs.frozen(init=False)
class KeepState:
    """The result of a callback: stay in the state, and do the actions.

    Erlang's `{keep_state, Data, Actions}` and `keep_state_and_data`. Without actions, None means
    the same.

    Args:
        actions: the actions, in order.

    Raises:
        TypeError: one of the actions is not an action.
    """

    actions: tuple[Action, ...]

    def __init__(self, *actions: Action) -> None:
        _check_actions(actions)
        _keep(self, "actions", actions)


@attrs.frozen(init=False)
class RepeatState:
    """The result of a callback: stay in the state, but enter it again, and do the actions.

    Erlang's `{repeat_state, Data, Actions}` and `repeat_state_and_data`. In a class with
    `enters = True` there is another `Enter`, whose `former` is the state itself. Otherwise it is
    the same as `KeepState`.

    Args:
        actions: the actions, in order.

    Raises:
        TypeError: one of the actions is not an action.
    """

    actions: tuple[Action, ...]

    def __init__(self, *actions: Action) -> None:
        _check_actions(actions)
        _keep(self, "actions", actions)
