"""The rules of a `StateMachine`: which event is next, what is postponed, which time-outs run.

Pure, like the rules of a server. A `Machine` waits for a message; while a callback runs the
machine is `Busy` with an event. Events are handled one by one: first those that a callback has
put in front, then, after a change of state, those postponed, then what comes from outside.
"""

from math import inf
from typing import Any, Final

import attrs

from ..results import Error
from ..runtime.identity import Pid, Ref
from ..runtime.messages import Exit
from ..shown import shown
from .effects import (
    Effect,
    End,
    Invoke,
    Raised,
    Returned,
    SendAnswer,
    StartTimer,
    StopTimer,
    TellStarter,
)
from .machine_outcomes import (
    Action,
    Enter,
    Event,
    EventTimeout,
    Info,
    KeepState,
    NamedTimeout,
    NextEvent,
    NextState,
    Postpone,
    StateTimeout,
    TimedOut,
)
from .outcomes import NOTHING, Ignore, Stop
from .protocol import Begin, Call, Cast, StopRequest, Tick

__all__ = ["Busy", "Ending", "Fresh", "Machine", "Mode", "step"]

_STATE: Final = "state"
_EVENT: Final = "event"


@attrs.frozen
class Mode:
    """How events reach the callbacks."""

    by_state: bool
    """True: the callback is named like the state; False: it is `handle_event`."""
    enters: bool
    """Entering a state is an event."""


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
    timers: dict[Any, tuple[int, Any]] = attrs.field(factory=dict)
    """For each time-out that runs, its stamp and content."""


@attrs.frozen
class Busy:
    """A callback runs; it is `init` when there is no event."""

    machine: Machine
    event: Event | None
    starter: Ref | None = None


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
            machine = attrs.evolve(machine, timers=_without(machine.timers, name))
            event = TimedOut(name, running[1])
        case Call() | Cast():
            event = message
        case StopRequest(reason):
            return _terminate(machine, End(reason), ())
        case Exit(pid, reason) if pid is machine.parent:
            return _terminate(machine, End(reason), ())
        case _:
            event = Info(message)
    return _run(attrs.evolve(machine, queue=(event,)), ())


def _run(machine: Machine, before: tuple[Effect, ...]) -> Next:
    """Handle the first event of the queue; without one, wait for a message."""
    if not machine.queue:
        return machine, before
    event, *rest = machine.queue
    timers = machine.timers
    if _EVENT in timers:
        timers = _without(timers, _EVENT)
        before = (*before, StopTimer(_EVENT))
    return _invoke(attrs.evolve(machine, queue=tuple(rest), timers=timers), event, before)


def _invoke(machine: Machine, event: Event, before: tuple[Effect, ...]) -> Next:
    if machine.mode.by_state:
        invoke = Invoke(str(machine.state), (event,))
    else:
        invoke = Invoke("handle_event", (event, machine.state))
    return Busy(machine, event), (*before, invoke)


def _returned(busy: Busy, result: Any) -> Next:
    match result:
        case Stop(reason) if busy.starter is not None:
            return _not_begun(busy.starter, Error(reason), End(reason))
        case Ignore() if busy.starter is not None:
            return _not_begun(busy.starter, Error("ignore"), End("normal"))
        case Error() if busy.starter is not None:
            return _not_begun(busy.starter, result, End("normal"))
        case NextState(state, actions):
            if isinstance(busy.event, Enter) and state != busy.machine.state:
                return _wrong(busy, result, "the state it has just entered")
            return _transition(busy, state, actions, result)
        case KeepState(actions) if busy.starter is None:
            return _transition(busy, busy.machine.state, actions, result)
        case None if busy.starter is None:
            return _transition(busy, busy.machine.state, (), result)
        case Stop(reason, reply) if reply is NOTHING:
            return _terminate(busy.machine, End(reason), ())
        case Stop(reason, reply) if isinstance(busy.event, Call):
            return _terminate(busy.machine, End(reason), (SendAnswer(busy.event.caller, reply),))
    if busy.starter is not None:
        return _wrong(busy, result, "NextState, Stop, Ignore or Error")
    return _wrong(busy, result, "None, KeepState, NextState or Stop")


def _transition(busy: Busy, state: Any, actions: tuple[Action, ...], result: Any) -> Next:
    machine = busy.machine
    begins = busy.starter is not None
    changes = begins or bool(state != machine.state)
    if machine.mode.by_state and not _is_name(state):
        return _wrong(busy, result, "a state that is the name of its callback")
    effects: list[Effect] = []
    if busy.starter is not None:
        effects.append(TellStarter(busy.starter, None))
    postponed, first = machine.postponed, []
    timers, stamp = dict(machine.timers), machine.stamp
    if changes and timers.pop(_STATE, None) is not None:
        effects.append(StopTimer(_STATE))
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
            case _:
                name = _name_of(action)
                if action.seconds == inf:
                    if timers.pop(name, None) is not None:
                        effects.append(StopTimer(name))
                else:
                    stamp += 1
                    timers[name] = (stamp, action.content)
                    effects.append(StartTimer(name, stamp, action.seconds))
    queue = machine.queue
    if changes:
        queue, postponed = (*postponed, *queue), ()
    former = state if begins else machine.state
    after = attrs.evolve(
        machine,
        state=state,
        queue=(*first, *queue),
        postponed=postponed,
        timers=timers,
        stamp=stamp,
    )
    if changes and machine.mode.enters:
        return _invoke(after, Enter(former), tuple(effects))
    return _run(after, tuple(effects))


def _is_name(state: Any) -> bool:
    if not isinstance(state, str) or state.startswith("_"):
        return False
    return state not in ("init", "handle_event", "terminate")


def _name_of(action: StateTimeout | EventTimeout | NamedTimeout) -> Any:
    match action:
        case StateTimeout():
            return _STATE
        case EventTimeout():
            return _EVENT
        case NamedTimeout(name):
            return name


def _without(timers: dict[Any, tuple[int, Any]], name: Any) -> dict[Any, tuple[int, Any]]:
    return {other: value for other, value in timers.items() if other != name}


def _wrong(busy: Busy, result: Any, expected: str) -> Next:
    if busy.event is None:
        callback = "init"
    else:
        callback = str(busy.machine.state) if busy.machine.mode.by_state else "handle_event"
    wrong = TypeError(f"{callback}: expected {expected} to be returned, got {shown(result)}")
    return _raised(busy, Raised(wrong, wrong))


def _raised(busy: Busy, raised: Raised) -> Next:
    end = End(raised.reason, raised.crash)
    if busy.starter is not None:
        return _not_begun(busy.starter, Error(raised.reason), end)
    return _terminate(busy.machine, end, ())


def _terminate(machine: Machine, end: End, before: tuple[Effect, ...]) -> Next:
    return Ending(end), (*before, Invoke("terminate", (end.reason, machine.state)))


def _not_begun(starter: Ref, error: Error, end: End) -> Next:
    return Ending(end), (TellStarter(starter, error), end)
