"""The rules of a `StateMachine`: which event is next, what is postponed, which time-outs run.

Pure, like the rules of a server. A `Machine` waits for a message; while a callback runs the
machine is `Busy` with an event. Events are handled one by one: first those that a callback has
put in front, then, after a change of state, those postponed, then time-outs of no time at all,
then what comes from outside.
"""

from collections.abc import Callable
from typing import Any

import attrs

from ...arguments import shown
from ...results import Error
from ...runtime.core.identity import Pid, Ref
from ...runtime.core.messages import Exit
from ..behaviour.beginning import not_begun, refused
from ..behaviour.effects import (
    Effect,
    End,
    Invoke,
    Raised,
    Received,
    Returned,
    SendAnswer,
    Serve,
    StopTimer,
    TellStarter,
)
from ..behaviour.outcomes import NOTHING, Stop
from ..calls.protocol import Begin, Call, Cast, StopRequest, SystemCall, Tick
from .outcomes import (
    Action,
    Enter,
    Event,
    Info,
    KeepState,
    NextEvent,
    NextState,
    Postpone,
    RepeatState,
    TimedOut,
)
from .timeouts import DUE, EVENT, STATE, Timeout, Timers, Timing, without

__all__ = ["Busy", "Ending", "Fresh", "Machine", "Mode", "step"]


@attrs.frozen
class Mode:
    """How events reach the callbacks."""

    has_method: Callable[[Any], bool] | None
    """The callback is named like the state, if there is one; None: it is `handle_event`."""
    enters: bool
    """Entering a state is an event."""

    def takes(self, state: Any) -> bool:
        """The machine can be in that state."""
        return self.has_method is None or self.has_method(state)


@attrs.frozen
class Fresh:
    """Nothing has happened yet."""

    mode: Mode


@attrs.frozen
class Machine:
    """Waiting for a message."""

    mode: Mode
    parent: Pid | None = None
    state: Any = None
    queue: tuple[Event, ...] = ()
    postponed: tuple[Event, ...] = ()
    """Oldest first."""
    stamp: int = 0
    timers: Timers = attrs.field(factory=dict)

    @property
    def due(self) -> Any:
        """The name of the first time-out that needs no time, or None."""
        return next((name for name, (stamp, _) in self.timers.items() if stamp == DUE), None)

    def seen(self, value: Any) -> Any:
        """What `sys` tells of the machine, of whose object it is to tell `value`."""
        return self.state, value

    def replaced(self, new: Any) -> tuple["Machine", Any]:
        """What is in the place of this, and of the object, when `sys` puts `new` there.

        Raises `TypeError` if `new` is no pair, or its state none that the machine can be in.
        """
        match new:
            case (state, value):
                pass
            case _:
                raise TypeError(f"function: expected None or (state, object), got {shown(new)}")
        if not self.mode.takes(state):
            raise TypeError(f"function: no method for the state {shown(state)}")
        return attrs.evolve(self, state=state), value


@attrs.frozen
class Busy:
    """A callback runs; it is `init` when there is no event."""

    machine: Machine
    event: Event | None
    starter: Ref | None = None
    timeouts: tuple[Timeout, ...] = ()
    """What was asked for in the transition that this entry belongs to: it is done at its end."""


@attrs.frozen
class Ending:
    """`terminate` runs; afterwards the process ends like this."""

    end: End


State = Fresh | Machine | Busy | Ending
Next = tuple[State, tuple[Effect, ...]]


def step(state: State, event: Any) -> Next:
    """What happens next; `event` is a message, or what a callback has done."""
    match state:
        case Machine():
            return _message(state, event)
        case Busy():
            if type(event) is Returned:
                return _returned(state, event.value)
            return _raised(state, event)
        case Ending():
            end = state.end if type(event) is Returned else End(event.reason, event.crash)
            return state, (end,)
        case Fresh():
            assert type(event) is Begin
            machine = Machine(state.mode, event.parent)
            return Busy(machine, None, event.starter), (Invoke("init", event.args),)


def _message(machine: Machine, message: Any) -> Next:
    event: Event
    match message:
        case Tick(name, stamp):
            running = machine.timers.get(name)
            if running is None or running[0] != stamp:
                return machine, ()
            return _time_out(machine, name, ())
        case Call() | Cast():
            event = message
        case SystemCall():
            return machine, (Serve(message),)
        case StopRequest(reason):
            return _terminate(machine, End(reason), ())
        case Exit(pid, reason) if pid is machine.parent:
            return _terminate(machine, End(reason), ())
        case _:
            event = Info(message)
    return _handle(machine, event, ())


def _run(machine: Machine, before: tuple[Effect, ...]) -> Next:
    """Handle the first event of the queue; without one, wait for a message."""
    if machine.queue:
        event, *rest = machine.queue
        return _handle(attrs.evolve(machine, queue=tuple(rest)), event, before)
    name = machine.due
    if name is None:
        return machine, before
    return _time_out(machine, name, before)


def _time_out(machine: Machine, name: Any, before: tuple[Effect, ...]) -> Next:
    event = TimedOut(name, machine.timers[name][1])
    machine = attrs.evolve(machine, timers=without(machine.timers, name))
    return _handle(machine, event, (*before, Received(event)))


def _handle(machine: Machine, event: Event, before: tuple[Effect, ...]) -> Next:
    running = machine.timers.get(EVENT)
    if running is not None:
        if running[0] != DUE:
            before = (*before, StopTimer(EVENT))
        machine = attrs.evolve(machine, timers=without(machine.timers, EVENT))
    return _invoke(machine, event, before)


def _invoke(
    machine: Machine,
    event: Event,
    before: tuple[Effect, ...],
    timeouts: tuple[Timeout, ...] = (),
) -> Next:
    if machine.mode.has_method is not None:
        invoke = Invoke(str(machine.state), (event,))
    else:
        invoke = Invoke("handle_event", (event, machine.state))
    return Busy(machine, event, timeouts=timeouts), (*before, invoke)


def _returned(busy: Busy, result: Any) -> Next:
    if busy.starter is not None:
        refusal = refused(result)
        if refusal is not None:
            error, end = refusal
            return Ending(end), not_begun(busy.starter, error, end)
    match result:
        case NextState(state, actions):
            if isinstance(busy.event, Enter) and state != busy.machine.state:
                return _wrong(busy, result, "the state it has just entered")
            return _transition(busy, state, actions, result)
        case KeepState(actions) | RepeatState(actions) if busy.starter is None:
            return _transition(busy, busy.machine.state, actions, result)
        case None if busy.starter is None:
            return _transition(busy, busy.machine.state, (), result)
        case Stop(reason, reply) if reply is NOTHING:
            return _terminate(busy.machine, End(reason), ())
        case Stop(reason, reply) if isinstance(busy.event, Call):
            return _terminate(busy.machine, End(reason), (SendAnswer(busy.event.caller, reply),))
    if busy.starter is not None:
        return _wrong(busy, result, "NextState, Stop, Ignore or Error")
    return _wrong(busy, result, "None, KeepState, RepeatState, NextState or Stop")


def _transition(busy: Busy, state: Any, actions: tuple[Action, ...], result: Any) -> Next:
    machine = busy.machine
    begins = busy.starter is not None
    changes = begins or bool(state != machine.state)
    anew = changes or type(result) is RepeatState
    if not actions and not busy.timeouts and not anew:
        return _run(machine, ())
    if changes and not machine.mode.takes(state):
        # Here, where the mistake is; the next event is that of somebody else.
        return _mistake(busy, f"no method for the state {shown(state)}")
    effects: list[Effect] = []
    if busy.starter is not None:
        effects.append(TellStarter(busy.starter, None))
    postponed, first = machine.postponed, []
    timeouts = list(busy.timeouts)
    for action in actions:
        match action:
            case Postpone():
                if busy.event is None or isinstance(busy.event, Enter):
                    return _wrong(busy, result, "no Postpone here, where there is no event")
                postponed = (*machine.postponed, busy.event)
            case NextEvent(event):
                if isinstance(busy.event, Enter):
                    return _wrong(busy, result, "no NextEvent here, before the state is entered")
                first.append(event)
                effects.append(Received(event))
            case _:
                timeouts.append(action)
    enters = anew and machine.mode.enters
    timing = Timing(machine.stamp, dict(machine.timers), effects)
    if changes:
        timing.stop(STATE)
    if not enters:
        timing.set(timeouts)
    queue = machine.queue
    if changes:
        queue, postponed = (*postponed, *queue), ()
    former = state if begins else machine.state
    after = attrs.evolve(
        machine,
        state=state,
        queue=(*first, *queue),
        postponed=postponed,
        timers=timing.timers,
        stamp=timing.stamp,
    )
    if enters:
        # An event that enters again was itself an entry: the state before is still that one's.
        if isinstance(busy.event, Enter):
            former = busy.event.former
        return _invoke(after, Enter(former), tuple(effects), tuple(timeouts))
    return _run(after, tuple(effects))


def _wrong(busy: Busy, result: Any, expected: str) -> Next:
    return _mistake(busy, f"expected {expected} to be returned, got {shown(result)}")


def _mistake(busy: Busy, what: str) -> Next:
    """The callback has returned what can't be done."""
    if busy.event is None:
        callback = "init"
    elif busy.machine.mode.has_method is not None:
        callback = str(busy.machine.state)
    else:
        callback = "handle_event"
    mistake = TypeError(f"{callback}: {what}")
    return _raised(busy, Raised(mistake, mistake))


def _raised(busy: Busy, raised: Raised) -> Next:
    end = End(raised.reason, raised.crash)
    if busy.starter is not None:
        return Ending(end), not_begun(busy.starter, Error(raised.reason), end)
    return _terminate(busy.machine, end, ())


def _terminate(machine: Machine, end: End, before: tuple[Effect, ...]) -> Next:
    return Ending(end), (*before, Invoke("terminate", (end.reason, machine.state)))
