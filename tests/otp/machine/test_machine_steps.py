"""The rules of a `StateMachine`, event by event, without a process."""

from typing import Any

import pytest

from actorsock import Error, Exit
from actorsock.otp import (
    Enter,
    EventTimeout,
    Ignore,
    Info,
    Internal,
    KeepState,
    NamedTimeout,
    NextEvent,
    NextState,
    Postpone,
    RepeatState,
    StateTimeout,
    Stop,
    TimedOut,
)
from actorsock.otp.behaviour.effects import (
    End,
    Invoke,
    Raised,
    Received,
    SendAnswer,
    Serve,
    StartTimer,
    StopTimer,
    TellStarter,
)
from actorsock.otp.calls.protocol import (
    Cast,
    StopRequest,
    SystemCall,
    Tick,
)
from actorsock.otp.machine.rules import Fresh, Mode, step

from ..rules_by_hand import CALL, CALLER, PARENT, STARTER, Rules, crash_by, in_init

BEGUN = TellStarter(STARTER, None)

PLAIN = Mode(None, enters=False)
ENTERING = Mode(None, enters=True)
BY_METHOD = Mode(lambda state: state in ("open", "shut"), enters=False)


def beginning(mode: Mode = PLAIN) -> Rules:
    """A machine in `init`."""
    return in_init(step, Fresh(mode))


def shut(mode: Mode = PLAIN, *actions: Any) -> Rules:
    """A machine in the state `shut`, waiting for a message."""
    rules = beginning(mode)
    rules.returns(NextState("shut", *actions))
    if mode.enters:
        rules.returns(None)
    return rules


def in_cast(mode: Mode = PLAIN, *actions: Any) -> Rules:
    rules = shut(mode, *actions)
    rules.hears(Cast(1))
    return rules


def in_call() -> Rules:
    rules = shut()
    rules.hears(CALL)
    return rules


def entering() -> Rules:
    """A machine that enters the state `shut`, from `open`."""
    rules = beginning(ENTERING)
    rules.returns(NextState("open"))
    rules.returns(None)
    rules.hears(Cast(1))
    assert rules.returns(NextState("shut")) == (handled(Enter("open")),)
    return rules


def handled(event: Any, state: Any = "shut") -> Invoke:
    return Invoke("handle_event", (event, state))


# --- init -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "effects"),
    [
        (NextState("shut"), (BEGUN,)),
        (NextState("shut", StateTimeout(5)), (BEGUN, StartTimer("state", 1, 5))),
        (Stop("a reason"), (TellStarter(STARTER, Error("a reason")), End("a reason"))),
        (Ignore(), (TellStarter(STARTER, Error("ignore")), End("normal"))),
        (Error("x", 1), (TellStarter(STARTER, Error("x", 1)), End("normal"))),
    ],
    ids=str,
)
def test_the_results_of_init(result: Any, effects: tuple[Any, ...]) -> None:
    assert beginning().returns(result) == effects


def test_the_first_state_is_entered_from_itself() -> None:
    rules = beginning(ENTERING)
    assert rules.returns(NextState("shut")) == (BEGUN, handled(Enter("shut")))
    assert rules.returns(None) == ()


def test_an_event_that_init_inserts_comes_first() -> None:
    inserted = NextEvent(Internal(1))
    effects = beginning().returns(NextState("shut", inserted))
    assert effects == (BEGUN, Received(Internal(1)), handled(Internal(1)))


def test_a_crash_in_init_is_told_to_the_starter_and_there_is_no_terminate() -> None:
    mistake = ZeroDivisionError()
    told = TellStarter(STARTER, Error(mistake))  # type: ignore[arg-type]
    assert beginning().hears(Raised(mistake, mistake)) == (told, End(mistake, mistake))


# --- messages -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "effect"),
    [
        (CALL, handled(CALL)),
        (Cast(1), handled(Cast(1))),
        ("a message", handled(Info("a message"))),
        (Exit(STARTER, "x"), handled(Info(Exit(STARTER, "x")))),  # type: ignore[arg-type]
        (SystemCall(CALLER, 1), Serve(SystemCall(CALLER, 1))),
        (StopRequest("a reason"), Invoke("terminate", ("a reason", "shut"))),
        (Exit(PARENT, "a reason"), Invoke("terminate", ("a reason", "shut"))),
    ],
    ids=str,
)
def test_each_message_has_its_effect(message: Any, effect: Any) -> None:
    assert shut().hears(message) == (effect,)


def test_where_states_are_methods_the_callback_is_that_of_the_state() -> None:
    rules = shut(BY_METHOD)
    assert rules.hears(Cast(1)) == (Invoke("shut", (Cast(1),)),)
    assert rules.returns(NextState("open")) == ()
    assert rules.hears(CALL) == (Invoke("open", (CALL,)),)


# --- time-outs ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("timeout", "name"),
    [
        (StateTimeout(5, "x"), "state"),
        (EventTimeout(5, "x"), "event"),
        (NamedTimeout("own", 5, "x"), "own"),
    ],
    ids=str,
)
def test_a_tick_is_an_event_once_if_its_stamp_is_right(timeout: Any, name: str) -> None:
    rules = shut(PLAIN, timeout)
    assert rules.hears(Tick(name, 2)) == ()
    assert rules.hears(Tick("another", 1)) == ()
    event = TimedOut(name, "x")
    assert rules.hears(Tick(name, 1)) == (Received(event), handled(event))
    assert rules.returns(None) == ()
    assert rules.hears(Tick(name, 1)) == ()


def test_any_event_stops_an_event_timeout_and_no_other() -> None:
    rules = shut(PLAIN, EventTimeout(5), StateTimeout(6), NamedTimeout("own", 7))
    assert rules.hears(Cast(1)) == (StopTimer("event"), handled(Cast(1)))
    assert rules.returns(None) == ()
    assert rules.hears(Cast(2)) == (handled(Cast(2)),)


def test_a_change_of_state_stops_a_state_timeout_and_no_other() -> None:
    rules = shut(PLAIN, StateTimeout(6), NamedTimeout("own", 7))
    rules.hears(Cast(1))
    assert rules.returns(NextState("shut")) == ()
    rules.hears(Cast(2))
    assert rules.returns(NextState("open")) == (StopTimer("state"),)
    rules.hears(Cast(3))
    assert rules.returns(NextState("shut")) == ()


def test_a_timeout_of_no_time_comes_before_any_message_and_needs_no_timer() -> None:
    rules = in_cast()
    event = TimedOut("state", "x")
    effects = rules.returns(KeepState(StateTimeout(0, "x")))
    assert effects == (Received(event), handled(event))
    assert rules.returns(None) == ()


def test_an_event_timeout_of_no_time_that_another_event_precedes_is_forgotten() -> None:
    rules = in_cast()
    inserted = NextEvent(Internal(1))
    effects = rules.returns(KeepState(EventTimeout(0), inserted))
    assert effects == (Received(Internal(1)), handled(Internal(1)))
    assert rules.returns(None) == ()


# --- order of events ------------------------------------------------------------------------------


def test_a_postponed_event_comes_again_when_the_state_has_changed() -> None:
    rules = in_cast()
    assert rules.returns(KeepState(Postpone())) == ()
    rules.hears(Cast(2))
    assert rules.returns(KeepState(Postpone())) == ()
    rules.hears(Cast(3))
    assert rules.returns(NextState("shut")) == ()
    rules.hears(Cast(4))
    assert rules.returns(NextState("open")) == (handled(Cast(1), "open"),)
    assert rules.returns(None) == (handled(Cast(2), "open"),)
    assert rules.returns(None) == ()


def test_no_event_copies_those_that_wait_or_the_time_outs() -> None:
    """The work for an event does not depend on how many others are postponed or queued."""
    rules = in_cast()
    running = rules.state.machine.timers.running
    rules.returns(KeepState(NamedTimeout("a name", 5), EventTimeout(5)))
    rules.hears(Cast(1))
    assert rules.state.machine.timers.running is running
    assert list(running) == ["a name"]
    for number in range(2, 5):
        before = rules.state.machine.postponed
        rules.returns(KeepState(Postpone()))
        assert rules.state.postponed[1] is before
        rules.hears(Cast(number))
    rules.returns(NextState("open"))
    for number in range(2):
        before = rules.state.machine.queue
        rules.returns(KeepState(NextEvent(Internal(number))))
        assert rules.state.machine.queue is before
        rules.returns(None)
        assert rules.state.machine.queue is before[1]


def test_inserted_events_come_before_postponed_ones() -> None:
    rules = in_cast()
    rules.returns(KeepState(Postpone()))
    rules.hears(Cast(2))
    first, second = Internal(1), Internal(2)
    effects = rules.returns(NextState("open", NextEvent(first), NextEvent(second)))
    assert effects == (Received(first), Received(second), handled(first, "open"))
    assert rules.returns(None) == (handled(second, "open"),)
    assert rules.returns(None) == (handled(Cast(1), "open"),)


def test_repeating_a_state_retries_no_postponed_event_and_keeps_the_state_timeout() -> None:
    rules = shut(PLAIN, StateTimeout(5))
    rules.hears(Cast(1))
    rules.returns(KeepState(Postpone()))
    rules.hears(Cast(2))
    assert rules.returns(RepeatState()) == ()


# --- entering -------------------------------------------------------------------------------------


def test_a_state_that_stays_is_not_entered() -> None:
    rules = in_cast(ENTERING)
    assert rules.returns(NextState("shut")) == ()
    rules.hears(Cast(2))
    assert rules.returns(KeepState()) == ()


def test_repeating_a_state_enters_it_from_itself() -> None:
    rules = in_cast(ENTERING)
    assert rules.returns(RepeatState()) == (handled(Enter("shut")),)


def test_repeating_an_entry_keeps_the_former_state() -> None:
    rules = entering()
    assert rules.returns(RepeatState()) == (handled(Enter("open")),)
    assert rules.returns(NextState("shut")) == ()


def test_the_timeouts_of_a_transition_are_set_after_the_entry() -> None:
    rules = in_cast(ENTERING)
    assert rules.returns(NextState("open", NamedTimeout("own", 5))) == (
        handled(Enter("shut"), "open"),
    )
    assert rules.returns(KeepState(StateTimeout(6))) == (
        StartTimer("state", 2, 6),
        StartTimer("own", 1, 5),
    )


def test_the_timeouts_of_a_transition_are_set_after_an_entry_that_asks_for_none() -> None:
    rules = in_cast(ENTERING)
    rules.returns(NextState("open", NamedTimeout("own", 5)))
    assert rules.returns(None) == (StartTimer("own", 1, 5),)


def test_events_inserted_by_a_transition_come_after_the_entry() -> None:
    rules = in_cast(ENTERING)
    effects = rules.returns(NextState("open", NextEvent(Internal(1))))
    assert effects == (Received(Internal(1)), handled(Enter("shut"), "open"))
    assert rules.returns(None) == (handled(Internal(1), "open"),)


# --- the end --------------------------------------------------------------------------------------


def test_a_stop_calls_terminate_and_ends() -> None:
    rules = in_cast()
    assert rules.returns(Stop("a reason")) == (Invoke("terminate", ("a reason", "shut")),)
    assert rules.returns("ignored") == (End("a reason"),)


def test_a_stop_with_a_reply_answers_the_call_first() -> None:
    rules = in_call()
    effects = rules.returns(Stop("a reason", reply=1))
    assert effects == (SendAnswer(CALLER, 1), Invoke("terminate", ("a reason", "shut")))


def test_a_crash_in_terminate_is_the_reason_instead() -> None:
    rules, mistake = in_cast(), ZeroDivisionError()
    rules.returns(Stop("a reason"))
    assert rules.hears(Raised(mistake, mistake)) == (End(mistake, mistake),)


AFTER_INIT = "expected NextState, Stop, Ignore or Error to be returned, got"
LATER = "expected None, KeepState, RepeatState, NextState or Stop to be returned, got"


@pytest.mark.parametrize(
    ("rules", "result", "mistake"),
    [
        (beginning, None, f"init: {AFTER_INIT} None"),
        (beginning, KeepState(), f"init: {AFTER_INIT} "),
        (beginning, RepeatState(), f"init: {AFTER_INIT} "),
        (beginning, NextState("shut", Postpone()), "init: expected a result without Postpone, "),
        (lambda: beginning(BY_METHOD), NextState("x"), "init: no method for the state 'x'"),
        (in_cast, 1, f"handle_event: {LATER} 1"),
        (in_cast, Stop("x", reply=1), f"handle_event: {LATER} "),
        (in_cast, Ignore(), f"handle_event: {LATER} "),
        (lambda: in_cast(BY_METHOD), NextState("x"), "shut: no method for the state 'x'"),
        (entering, NextState("open"), "handle_event: expected the state it has just entered to"),
        (entering, KeepState(Postpone()), "handle_event: expected a result without Postpone, "),
        (
            entering,
            KeepState(NextEvent(Cast(1))),
            "handle_event: expected a result without NextEvent, ",
        ),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_a_wrong_result_is_a_crash_that_names_the_callback(
    rules: Any, result: Any, mistake: str
) -> None:
    assert crash_by(rules(), result).startswith(mistake)


@pytest.mark.parametrize(
    ("rules", "result", "remedy"),
    [
        (beginning, "shut", "NextState('shut')"),
        (beginning, None, "NextState(state)"),
        (beginning, StateTimeout(1), "NextState(state, StateTimeout(...))"),
        (in_cast, Postpone(), "KeepState(Postpone())"),
        (in_cast, NextEvent(Cast(1)), "KeepState(NextEvent(...))"),
        (lambda: in_cast(BY_METHOD), "open", "NextState('open')"),
        (lambda: in_cast(BY_METHOD), "unknown", None),
        (in_cast, "any value may be a state here", None),
        (in_cast, Ignore(), None),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_a_wrong_result_is_told_what_was_meant(rules: Any, result: Any, remedy: str | None) -> None:
    _, _, hint = crash_by(rules(), result).partition("; did you mean ")
    assert hint == ("" if remedy is None else f"{remedy}?")
