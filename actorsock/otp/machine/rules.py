"""The rules of a `StateMachine`: which event is next, and what follows from a callback's result.

Pure: see `behaviour.effects`. The state of the rules is

- `Fresh`: before `Begin`
- `Machine`: waiting for a message
- `Busy`: a callback runs
- `Ending`: `terminate` runs; common to all behaviours, see `behaviour.lifecycle`

Events are handled one at a time, as in Erlang's `gen_statem`: first those that callbacks have
inserted (`NextEvent`), then, after a change of state, those that were postponed, then time-outs of
0 seconds, and then messages. The first two are in `Machine.queue`.
"""

from collections.abc import Callable
from typing import Any, ClassVar, get_args

import attrs

from ...arguments import shown
from ...runtime.core.identity import Pid, Ref
from ..behaviour.effects import (
    Carry,
    Effect,
    End,
    Invoke,
    Raised,
    Received,
    Returned,
    Serve,
    TellStarter,
)
from ..behaviour.lifecycle import (
    Ending,
    Stop,
    after_terminate,
    answer_of,
    crash,
    refuse_to_begin,
    requested_end,
    terminate,
    wrong_result,
)
from ..calls.protocol import Begin, Call, Cast, SystemCall, Tick
from ..calls.travelling import Travelled, Values
from .events import (
    Enter,
    Event,
    Info,
    Linked,
    TimedOut,
    turned,
    with_values,
    without_values,
)
from .outcomes import Action, KeepState, NextEvent, NextState, Postpone, RepeatState
from .timeouts import EVENT, STATE, Timeout, Timers

__all__ = ["Busy", "Fresh", "Machine", "Mode", "step"]


@attrs.frozen
class Mode:
    """The way in which a class gets its events. Erlang's `callback_mode()`."""

    has_method: Callable[[Any], bool] | None
    """Tells whether the class has a method for a state; None: it has one `handle_event` for all."""
    enters: bool
    """Entering a state is an event, `Enter`."""

    def takes(self, state: Any) -> bool:
        """Return True if the machine can be in that state."""
        return self.has_method is None or self.has_method(state)

    def callback(self, state: Any) -> str:
        """Return the name of the method that handles events in that state."""
        return "handle_event" if self.has_method is None else str(state)


@attrs.frozen
class Fresh:
    """The process has not got its first message, `Begin`."""

    mode: Mode


@attrs.frozen
class Machine:
    """The machine waits for a message, or is between two events."""

    mode: Mode
    parent: Pid | None = None
    state: Any = None
    """The state of the program's machine."""
    queue: Linked = ()
    """The events that come before any message, in order."""
    postponed: Linked = ()
    """The events that wait for a change of state, newest first."""
    timers: Timers = attrs.field(factory=Timers)
    """The time-outs: the only part that is changed in place."""

    def to_sys(self, behaviour: Any, show: Callable[[Any], Any]) -> Any:
        """Return what `sys.get_state` shows: the state, and the object."""
        return self.state, show(behaviour)

    def from_sys(self, new: Any, behaviour: Any) -> tuple["Machine", Any]:
        """Return the state of the rules and the object after `sys.replace_state`.

        Raise `TypeError` if `new` is not a pair, or the machine can't be in its state.
        """
        match new:
            case (state, behaviour):
                pass
            case _:
                raise TypeError(f"function: expected None or (state, object), got {shown(new)}")
        if not self.mode.takes(state):
            raise TypeError(f"function: no method for the state {shown(state)}")
        return attrs.evolve(self, state=state), behaviour


@attrs.frozen
class Busy:
    """A callback runs."""

    machine: Machine
    event: Event | None
    """The event that the callback handles; None: the callback is `init`."""
    starter: Ref | None = None
    """The alias for the result, if the callback is `init`."""
    timeouts: tuple[Timeout, ...] = ()
    """If the event is an `Enter`: the time-outs that the change of state has asked for. They are
    started after this callback, together with its own, so that its own win."""
    values: ClassVar[Values] = ()
    """What has come with the request that the event belongs to; see `BusyWithValues`."""

    @property
    def callback(self) -> str:
        """The name of the method that runs."""
        return "init" if self.event is None else self.machine.mode.callback(self.machine.state)


@attrs.frozen
class BusyWithValues(Busy):
    """The same, for the few events with values: the others do without a field for them."""

    values: Values = ()  # type: ignore[misc]  # it hides the one of the class


State = Fresh | Machine | Busy | Ending
Next = tuple[State, tuple[Effect, ...]]


def step(state: State, event: Any) -> Next:
    """Return the next state, and the effects of `event`: a message, `Returned` or `Raised`."""
    match state:
        case Machine():
            return _message(state, event)
        case Busy():
            if type(event) is Returned:
                return _returned(state, event.value)
            return _crash(state, event)
        case Ending():
            return after_terminate(state, event)
        case Fresh():
            assert type(event) is Begin
            machine = Machine(state.mode, event.parent)
            return Busy(machine, None, event.starter), (Invoke("init", event.args),)


def _message(
    machine: Machine, message: Any, before: tuple[Effect, ...] = (), values: Values = ()
) -> Next:
    # By type alone: `match` runs the `__class__` of the program's object if it defines one.
    event: Event
    message_type = type(message)
    if message_type is Tick:
        running = machine.timers.running.get(message.name)
        if running is None or running[0] != message.stamp:
            return machine, before
        return _time_out(machine, message.name, before, values)
    if message_type is Call or message_type is Cast:
        event = message
    elif message_type is SystemCall:
        return machine, (Serve(message),)
    elif message_type is Travelled:
        return _message(machine, message.message, (Carry(message.values),), message.values)
    else:
        end = requested_end(message, machine.parent)
        if end is not None:
            return terminate(end, machine.state)
        event = Info(message)
    return _handle(machine, event, before, values)


def _next_event(machine: Machine, before: tuple[Effect, ...], values: Values) -> Next:
    """Handle the next event that needs no message; if there is none, wait for a message.

    `values` are those of the event before, which are valid still.
    """
    if machine.queue:
        kept, rest = machine.queue
        event, its_own = without_values(kept)
        before = _changed(before, values, its_own)
        return _handle(attrs.evolve(machine, queue=rest), event, before, its_own)
    for name in machine.timers.due:
        _, its_own = without_values(machine.timers.due[name])
        return _time_out(machine, name, _changed(before, values, its_own), its_own)
    return machine, before


def _changed(before: tuple[Effect, ...], values: Values, its_own: Values) -> tuple[Effect, ...]:
    """Return the effects `before` an event that has values of its own."""
    return before if its_own is values else (*before, Carry(its_own))


def _time_out(machine: Machine, name: Any, before: tuple[Effect, ...], values: Values) -> Next:
    content, _ = without_values(machine.timers.take(name))
    event = TimedOut(name, content)
    return _handle(machine, event, (*before, Received(event)), values)


def _handle(machine: Machine, event: Event, before: tuple[Effect, ...], values: Values) -> Next:
    """Call the callback with an event, of whatever origin; it ends the event time-out."""
    effects: list[Effect] = []
    machine.timers.stop(EVENT, effects)
    if effects:
        before = (*before, *effects)
    return _invoke(machine, event, before, values)


def _invoke(
    machine: Machine,
    event: Event,
    before: tuple[Effect, ...],
    values: Values,
    timeouts: tuple[Timeout, ...] = (),
) -> Next:
    mode, state = machine.mode, machine.state
    args = (event,) if mode.has_method is not None else (event, state)
    if values:
        busy: Busy = BusyWithValues(machine, event, timeouts=timeouts, values=values)
    else:
        busy = Busy(machine, event, timeouts=timeouts)
    return busy, (*before, Invoke(mode.callback(state), args))


def _returned(busy: Busy, result: Any) -> Next:
    if busy.starter is not None:
        refusal = refuse_to_begin(busy.starter, result)
        if refusal is not None:
            return refusal
    match result:
        case NextState(state, actions):
            if isinstance(busy.event, Enter) and state != busy.machine.state:
                return _wrong(busy, result, "the state it has just entered")
            return _transition(busy, state, actions, result)
        case KeepState(actions) | RepeatState(actions) if busy.starter is None:
            return _transition(busy, busy.machine.state, actions, result)
        case None if busy.starter is None:
            return _transition(busy, busy.machine.state, (), result)
        case Stop(reason):
            caller = busy.event.caller if isinstance(busy.event, Call) else None
            answers = answer_of(result, caller)
            if answers is not None:
                # As in Erlang the caller gets its answer before `terminate` begins.
                return terminate(End(reason), busy.machine.state, before=answers)
    if busy.starter is not None:
        return _wrong(busy, result, "NextState, Stop, Ignore or Error", _remedy(busy, result))
    expected = "None, KeepState, RepeatState, NextState or Stop"
    return _wrong(busy, result, expected, _remedy(busy, result))


def _remedy(busy: Busy, result: Any) -> str | None:
    """Return what was probably meant by a result that is none."""
    kind, begins = type(result), busy.starter is not None
    if kind in get_args(Action):
        action = f"{kind.__name__}(...)" if attrs.fields(kind) else f"{kind.__name__}()"
        return f"NextState(state, {action})" if begins else f"KeepState({action})"
    if begins and kind not in (KeepState, RepeatState):
        return "NextState(state)" if result is None else f"NextState({shown(result)})"
    if busy.machine.mode.has_method is not None and busy.machine.mode.takes(result):
        return f"NextState({shown(result)})"
    return None


def _transition(busy: Busy, state: Any, actions: tuple[Action, ...], result: Any) -> Next:
    """Change to `state`, which may be the present one, and do the actions.

    A change of state stops the state time-out and puts the postponed events into the queue. If
    entering is an event, its callback comes next, and the time-outs start after it.
    """
    machine = busy.machine
    begins = busy.starter is not None
    changes = begins or bool(state != machine.state)
    is_entered = changes or type(result) is RepeatState
    if not actions and not busy.timeouts and not is_entered:
        # The commonest result, None: nothing below applies.
        return _next_event(machine, (), busy.values)
    if changes and not machine.mode.takes(state):
        # Erlang fails at the next event (undef). Failing here names the callback that is wrong.
        error = TypeError(f"{busy.callback}: no method for the state {shown(state)}")
        return _crash(busy, Raised(error, error))
    effects: list[Effect] = []
    if busy.starter is not None:
        effects.append(TellStarter(busy.starter, None))
    postponed: Linked = machine.postponed
    inserted: Linked = ()  # newest first
    timeouts = list(busy.timeouts)
    for action in actions:
        match action:
            case Postpone():
                if busy.event is None or isinstance(busy.event, Enter):
                    return _wrong(
                        busy, result, "a result without Postpone, since there is no event,"
                    )
                postponed = (with_values(busy.event, busy.values), machine.postponed)
            case NextEvent(event):
                if isinstance(busy.event, Enter):
                    return _wrong(
                        busy, result, "a result without NextEvent, before the state is entered,"
                    )
                inserted = (with_values(event, busy.values), inserted)
                effects.append(Received(event))
            case _:
                timeouts.append(action)
    enters = is_entered and machine.mode.enters
    if changes:
        machine.timers.stop(STATE, effects)
    if not enters:
        machine.timers.set(timeouts, effects, busy.values)
    queue = machine.queue
    if changes:
        # As in Erlang: before the events that wait, and after those that are inserted now.
        queue, postponed = turned(postponed, queue), ()
    former = state if begins else machine.state
    after = attrs.evolve(
        machine,
        state=state,
        queue=turned(inserted, queue),
        postponed=postponed,
    )
    if enters:
        # The entry comes before any queued event, and its callback may add time-outs to these.
        # RepeatState from the callback of an Enter: as in Erlang the new Enter has the former
        # state of the first one.
        if isinstance(busy.event, Enter):
            former = busy.event.former
        return _invoke(after, Enter(former), tuple(effects), busy.values, tuple(timeouts))
    return _next_event(after, tuple(effects), busy.values)


def _wrong(busy: Busy, result: Any, expected: str, remedy: str | None = None) -> Next:
    return _crash(busy, wrong_result(busy.callback, expected, result, remedy))


def _crash(busy: Busy, raised: Raised) -> Next:
    return crash(busy.starter, raised, busy.machine.state)
