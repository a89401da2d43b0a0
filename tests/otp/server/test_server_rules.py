"""The rules of a `GenServer`, event by event, without a process."""

from math import inf
from typing import Any

import pytest

from actorsock import Error, Exit, Pid
from actorsock.otp import Continue, Ignore, NoReply, Reply, Stop
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
from actorsock.otp.server.rules import Fresh, step

from ..rules_by_hand import CALL, CALLER, PARENT, STARTER, Rules, crash_by, in_init


def beginning() -> Rules:
    """A server in `init`."""
    return in_init(step, Fresh())


def waiting(timeout: float = inf) -> Rules:
    """A server that waits for a message."""
    server = beginning()
    server.returns(NoReply(timeout=timeout))
    return server


def in_call() -> Rules:
    server = waiting()
    assert server.hears(CALL) == (Invoke("handle_call", ("a request", CALLER)),)
    return server


def in_cast() -> Rules:
    server = waiting()
    assert server.hears(Cast("a request")) == (Invoke("handle_cast", ("a request",)),)
    return server


def in_info() -> Rules:
    server = waiting()
    assert server.hears("a message") == (Invoke("handle_info", ("a message",)),)
    return server


# --- init -----------------------------------------------------------------------------------------

BEGUN = TellStarter(STARTER, None)


@pytest.mark.parametrize(
    ("result", "effects"),
    [
        (None, (BEGUN,)),
        (NoReply(), (BEGUN,)),
        (NoReply(timeout=5), (BEGUN, StartTimer("timeout", 1, 5))),
        (NoReply(Continue("x")), (BEGUN, Invoke("handle_continue", ("x",)))),
        (Continue("x"), (BEGUN, Invoke("handle_continue", ("x",)))),
        (Stop("a reason"), (TellStarter(STARTER, Error("a reason")), End("a reason"))),
        (Ignore(), (TellStarter(STARTER, Error("ignore")), End("normal"))),
        (Error("x", 1), (TellStarter(STARTER, Error("x", 1)), End("normal"))),
    ],
    ids=str,
)
def test_the_results_of_init(result: Any, effects: tuple[Any, ...]) -> None:
    assert beginning().returns(result) == effects


def test_a_crash_in_init_is_told_to_the_starter_and_there_is_no_terminate() -> None:
    mistake = ZeroDivisionError()
    told = TellStarter(STARTER, Error(mistake))  # type: ignore[arg-type]
    assert beginning().hears(Raised(mistake, mistake)) == (told, End(mistake, mistake))


# --- messages -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "invoked"),
    [
        (CALL, Invoke("handle_call", ("a request", CALLER))),
        (Cast(1), Invoke("handle_cast", (1,))),
        ("a message", Invoke("handle_info", ("a message",))),
        (None, Invoke("handle_info", (None,))),
        (StopRequest("a reason"), Invoke("terminate", ("a reason",))),
        (Exit(PARENT, "a reason"), Invoke("terminate", ("a reason",))),
    ],
    ids=str,
)
def test_each_message_has_its_callback_and_ends_a_wait_with_a_timeout(
    message: Any, invoked: Invoke
) -> None:
    assert waiting().hears(message) == (invoked,)
    assert waiting(5).hears(message) == (StopTimer("timeout"), invoked)


def test_the_exit_of_another_process_is_a_message() -> None:
    message = Exit(Pid(), "a reason")
    assert waiting().hears(message) == (Invoke("handle_info", (message,)),)


def test_the_parent_is_known_after_any_number_of_messages() -> None:
    server = waiting(5)
    for message in (CALL, Cast(1), "a message", Tick("timeout", 4)):
        server.hears(message)
        server.returns(NoReply(timeout=5))
    server.hears(Tick("timeout", 5))
    server.returns(None)
    assert server.hears(Exit(PARENT, "gone")) == (Invoke("terminate", ("gone",)),)


def test_a_system_call_is_served_and_starts_the_timeout_again() -> None:
    call = SystemCall(CALLER, "a request")
    assert waiting().hears(call) == (Serve(call),)
    server = waiting(5)
    assert server.hears(call) == (Serve(call), StartTimer("timeout", 2, 5))
    assert server.hears(Tick("timeout", 1)) == ()
    assert server.hears(Tick("timeout", 2))[-1] == Invoke("handle_info", ("timeout",))


def test_a_tick_counts_only_while_its_timeout_runs() -> None:
    server = waiting(5)
    assert server.hears(Tick("timeout", 7)) == ()
    expired = (Received("timeout"), Invoke("handle_info", ("timeout",)))
    assert server.hears(Tick("timeout", 1)) == expired
    assert server.returns(None) == ()
    assert server.hears(Tick("timeout", 1)) == ()
    assert server.hears("a message") == (Invoke("handle_info", ("a message",)),)
    assert server.returns(NoReply(timeout=6)) == (StartTimer("timeout", 2, 6),)
    assert server.hears(Tick("timeout", 1)) == ()
    assert server.hears(Tick("timeout", 2)) == expired


def test_no_tick_is_heard_where_no_timeout_was_asked_for() -> None:
    assert waiting().hears(Tick("timeout", 0)) == ()


# --- results --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "effects"),
    [
        (Reply(1), (SendAnswer(CALLER, 1),)),
        (Reply(1, timeout=5), (SendAnswer(CALLER, 1), StartTimer("timeout", 1, 5))),
        (Reply(1, Continue("x")), (SendAnswer(CALLER, 1), Invoke("handle_continue", ("x",)))),
        (
            Reply(1, Continue("x"), timeout=5),
            (SendAnswer(CALLER, 1), Invoke("handle_continue", ("x",))),
        ),
        (NoReply(), ()),
        (NoReply(timeout=5), (StartTimer("timeout", 1, 5),)),
        (Continue("x"), (Invoke("handle_continue", ("x",)),)),
        (Stop("a reason"), (Invoke("terminate", ("a reason",)),)),
        (Stop("a reason", reply=1), (Invoke("terminate", ("a reason",)),)),
    ],
    ids=str,
)
def test_the_results_of_handle_call(result: Any, effects: tuple[Any, ...]) -> None:
    assert in_call().returns(result) == effects


@pytest.mark.parametrize("server", [in_cast, in_info])
@pytest.mark.parametrize(
    ("result", "effects"),
    [
        (None, ()),
        (NoReply(), ()),
        (NoReply(timeout=5), (StartTimer("timeout", 1, 5),)),
        (Continue("x"), (Invoke("handle_continue", ("x",)),)),
        (Stop("a reason"), (Invoke("terminate", ("a reason",)),)),
    ],
    ids=str,
)
def test_the_results_of_other_callbacks(server: Any, result: Any, effects: tuple[Any, ...]) -> None:
    assert server().returns(result) == effects


def test_the_callback_after_a_continue_is_that_of_the_next_message() -> None:
    server = in_call()
    server.returns(NoReply(Continue("x")))
    assert server.returns(Continue("y")) == (Invoke("handle_continue", ("y",)),)
    assert server.returns(None) == ()
    assert server.hears(Cast(1)) == (Invoke("handle_cast", (1,)),)


@pytest.mark.parametrize(
    ("server", "result", "expected"),
    [
        (beginning, 1, "init: expected None, NoReply, Continue, Stop, Ignore or Error to be "),
        (beginning, Reply(1), "init: expected None, NoReply, Continue, Stop, Ignore or Error to"),
        (in_call, None, "handle_call: expected Reply, NoReply, Continue or Stop to be returned"),
        (in_cast, Reply(1), "handle_cast: expected None, NoReply, Continue or Stop to be returned"),
        (in_cast, Reply(1), "did you mean otp.reply(caller, value), before it returns?"),
        (in_call, 42, "got 42; did you mean Reply(42)?"),
        (in_cast, Stop("x", reply=1), "handle_cast: expected None, NoReply, Continue or Stop to "),
        (in_info, 1, "handle_info: expected None, NoReply, Continue or Stop to be returned, got 1"),
        (in_info, Ignore(), "handle_info: expected None, NoReply, Continue or Stop to be returned"),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_a_wrong_result_is_a_crash_that_names_the_callback(
    server: Any, result: Any, expected: str
) -> None:
    assert expected in crash_by(server(), result)


# --- the end --------------------------------------------------------------------------------------


def test_after_terminate_the_call_is_answered_and_the_process_ends() -> None:
    server = in_call()
    server.returns(Stop("a reason", reply=1))
    assert server.returns("ignored") == (SendAnswer(CALLER, 1), End("a reason"))


def test_a_crash_calls_terminate_and_is_the_reason() -> None:
    server, mistake = in_cast(), ZeroDivisionError()
    assert server.hears(Raised(mistake, mistake)) == (Invoke("terminate", (mistake,)),)
    assert server.returns(None) == (End(mistake, mistake),)


def test_a_crash_in_terminate_is_the_reason_instead() -> None:
    server, mistake = in_call(), ZeroDivisionError()
    server.returns(Stop("a reason", reply=1))
    assert server.hears(Raised(mistake, mistake)) == (SendAnswer(CALLER, 1), End(mistake, mistake))
