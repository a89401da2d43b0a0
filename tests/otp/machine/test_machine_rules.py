"""The rules of state machines against a plain reading of the documentation, without a process."""

from typing import Any

import attrs
from hypothesis import given
from hypothesis import strategies as st

from actorsock import Pid, make_ref
from actorsock.otp import (
    Cast,
    EventTimeout,
    Internal,
    KeepState,
    NextEvent,
    NextState,
    Postpone,
    StateTimeout,
    TimedOut,
)
from actorsock.otp.behaviour.effects import Invoke, Received, Returned, StartTimer, StopTimer
from actorsock.otp.calls.protocol import Begin, Tick
from actorsock.otp.machine.rules import Fresh, Machine, Mode, step


@attrs.frozen
class Do:
    """An event: postponed in some states, and otherwise a change to another one."""

    number: int
    postponed_in: frozenset[int]
    to: int
    inserts: tuple["Do", ...] = ()


def dos(inserts: Any) -> Any:
    return st.builds(
        Do,
        st.integers(0, 1000),
        st.frozensets(st.integers(0, 2)),
        st.integers(0, 2),
        inserts,
    )


EVENTS = dos(st.lists(dos(st.just(())), max_size=2).map(tuple))


def result_of(do: Do, state: int) -> Any:
    if state in do.postponed_in:
        return KeepState(Postpone())
    return NextState(do.to, *(NextEvent(Cast(inserted)) for inserted in do.inserts))


def handled_by_rules(events: list[Do]) -> list[tuple[int, Do]]:
    handled = []
    state: Any = Fresh(Mode(None, enters=False))
    state, _ = step(state, Begin(Pid(), make_ref(), ()))
    state, _ = step(state, Returned(NextState(0)))
    for event in events:
        state, effects = step(state, Cast(event))
        while effects:
            *_, invoke = effects
            cast, at = invoke.args
            do = cast.request
            result = result_of(do, at)
            if isinstance(result, NextState):
                handled.append((at, do))
            state, effects = step(state, Returned(result))
        assert isinstance(state, Machine)
        assert state.queue == ()
    return handled


def handled_by_the_book(events: list[Do]) -> list[tuple[int, Do]]:
    handled: list[tuple[int, Do]] = []
    state, postponed = 0, []
    for event in events:
        queue = [event]
        while queue:
            do = queue.pop(0)
            if state in do.postponed_in:
                postponed.append(do)
                continue
            handled.append((state, do))
            if do.to != state:
                queue = postponed + queue
                postponed = []
            queue = [*do.inserts, *queue]
            state = do.to
    return handled


@given(st.lists(EVENTS, max_size=12))
def test_the_order_of_events(events: list[Do]) -> None:
    assert handled_by_rules(events) == handled_by_the_book(events)


SECONDS: list[Any] = [0, 1.0, 2.0, float("inf"), "update"]
ACTIONS = st.lists(
    st.one_of(
        st.builds(StateTimeout, st.sampled_from(SECONDS)),
        st.builds(EventTimeout, st.sampled_from(SECONDS)),
        st.just(NextEvent(Internal("i"))),
    ),
    max_size=3,
)


@given(st.lists(st.tuples(st.booleans(), ACTIONS), max_size=10), st.data())
def test_only_the_newest_time_out_of_a_name_counts(
    changes: list[tuple[bool, list[Any]]], data: st.DataObject
) -> None:
    running: dict[Any, int] = {}
    ticks: list[Tick] = []
    state: Any = Fresh(Mode(None, enters=False))
    state, _ = step(state, Begin(Pid(), make_ref(), ()))
    state, _ = step(state, Returned(NextState(0)))

    def carry_out(effects: Any) -> Any:
        for effect in effects:
            match effect:
                case StartTimer(name, stamp, _):
                    running[name] = stamp
                    ticks.append(Tick(name, stamp))
                case StopTimer(name):
                    del running[name]
                case Invoke():
                    return effect
        return None

    def handle(message: Any, result: Any) -> bool:
        """Return True if the message was an event."""
        nonlocal state
        state, effects = step(state, message)
        invoke = carry_out(effects)
        event = invoke is not None
        while invoke is not None:
            state, effects = step(state, Returned(result))
            result = None
            invoke = carry_out(effects)
        assert {name: stamp for name, (stamp, _) in state.timers.running.items()} == running
        return event

    for number, (changes_state, actions) in enumerate(changes):
        if changes_state:
            handle(Cast(number), NextState(number + 1, *actions))
            if not any(isinstance(action, StateTimeout) for action in actions):
                assert "state" not in running
        else:
            handle(Cast(number), KeepState(*actions))
        if ticks and data.draw(st.booleans()):
            tick = data.draw(st.sampled_from(ticks))
            valid = running.get(tick.name) == tick.stamp
            if valid:
                del running[tick.name]
            assert handle(tick, None) == valid


def test_a_tick_says_its_name_and_content() -> None:
    state: Any = Fresh(Mode(None, enters=False))
    state, _ = step(state, Begin(Pid(), make_ref(), ()))
    state, _ = step(state, Returned(NextState("a", StateTimeout(1, "content"))))
    state, effects = step(state, Tick("state", 1))
    event = TimedOut("state", "content")
    assert effects == (Received(event), Invoke("handle_event", (event, "a")))
