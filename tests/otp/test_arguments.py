"""Wrong arguments of every function and record raise, with a message that names the argument."""

from collections.abc import Awaitable
from typing import Any

import pytest

from actorsock import current_pid, make_ref, otp, spawn_link
from actorsock.otp import (
    ChildSpec,
    KeepState,
    NamedTimeout,
    NextEvent,
    NextState,
    NoReply,
    Postpone,
    RepeatState,
    Reply,
    StateTimeout,
    SupervisorFlags,
    sys,
)

PERMANENT = "significant: a permanent child can't be"
NEVER = "auto_shutdown: expected 'never' with simple_one_for_one"
SERVER = r"server: expected a Pid, a registered name, a Via or \(name, node\) in a cluster"
FLAG = "flag: expected True, False or 'get', got 'on'"
LOG_FLAG = "flag: expected True, False, 'get' or 'print', got 'on'"


async def double(number: int) -> int:
    return number * 2


def child(**keywords: Any) -> ChildSpec:
    return ChildSpec("a", spawn_link, (double,), **keywords)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: otp.start(otp.GenServer()), TypeError, "behaviour: expected a class derived from"),
        (lambda: otp.start(otp.GenServer, timeout=None), TypeError, "timeout: "),
        (lambda: otp.call(7, "get"), TypeError, SERVER + ", got 7"),
        (lambda: otp.call(current_pid(), "get", timeout=-1), ValueError, "timeout: "),
        (lambda: otp.call("nobody", "get", timeout=-1), ValueError, "timeout: "),
        (lambda: otp.cast(None, "get"), TypeError, "server: "),
        (lambda: otp.reply(current_pid(), "answer"), TypeError, "caller: expected a Caller"),
        (lambda: Reply("well", timeout=-1), ValueError, "timeout: "),
        (lambda: NoReply(5), TypeError, "then: expected a Continue"),
        (lambda: otp.receive_response("a"), TypeError, "ref: expected a Ref"),
        (lambda: otp.receive_response(make_ref(), -1), ValueError, "timeout: "),
        (lambda: otp.wait_response("a"), TypeError, "ref: expected a Ref"),
        (lambda: otp.wait_response(make_ref(), -1), ValueError, "timeout: "),
        (lambda: otp.check_response("a", "a"), TypeError, "ref: expected a Ref"),
        (lambda: NextState("a", "b"), TypeError, "actions: expected Postpone, NextEvent"),
        (lambda: KeepState(Postpone), TypeError, "actions: "),
        (lambda: RepeatState("a"), TypeError, "actions: "),
        (lambda: StateTimeout(-1), ValueError, "seconds: "),
        (lambda: StateTimeout("cancel"), TypeError, "seconds: "),
        (lambda: NamedTimeout("state", 1), ValueError, "name: 'state' is that of a StateTimeout"),
        (lambda: NextEvent(make_ref()), TypeError, "event: expected a Call"),
        (lambda: child(significant=True), ValueError, PERMANENT),
        (
            lambda: child(restart="transient", significant="yes"),
            TypeError,
            "significant: expected a bool, got 'yes'",
        ),
        (
            lambda: SupervisorFlags("simple_one_for_one", auto_shutdown="any_significant"),
            ValueError,
            NEVER,
        ),
        (
            lambda: SupervisorFlags(auto_shutdown="always"),
            ValueError,
            "auto_shutdown: expected one of 'never'",
        ),
        (lambda: otp.async_call(7), TypeError, "fn: expected an async function"),
        (lambda: otp.await_result(make_ref()), TypeError, "task: expected what async_call returns"),
        (lambda: otp.await_result(otp.async_call(double, 1), timeout=-1), ValueError, "timeout: "),
        (lambda: otp.async_stream(double, 7), TypeError, "items: expected an iterable, got 7"),
        (
            lambda: otp.async_stream(double, [], limit=0),
            ValueError,
            "limit: expected a number of tasks >= 1, got 0",
        ),
        (lambda: otp.async_stream(double, [], limit="many"), TypeError, "limit: "),
        (lambda: otp.async_stream(None, []), TypeError, "fn: "),
        (lambda: sys.get_state(7), TypeError, "server: "),
        (lambda: sys.replace_state("counter", 7), TypeError, "function: "),
        (lambda: sys.statistics("counter", "on"), TypeError, FLAG),
        (lambda: sys.log("counter", "on"), TypeError, LOG_FLAG),
        (lambda: sys.trace("counter", "get"), TypeError, "flag: expected True or False, got 'get'"),
        (lambda: sys.log("counter", True, size=True), TypeError, "size: "),
        (lambda: sys.log("counter", True, size=0), ValueError, "size: "),
    ],
)
async def test_wrong_arguments(
    runtime: None, call: Any, error: type[Exception], message: str
) -> None:
    async def act() -> None:
        result = call()
        if isinstance(result, Awaitable):
            await result

    with pytest.raises(error, match=message):
        await act()


@pytest.mark.parametrize("wrong", [7, otp.GenServer, None])
def test_wrong_applications(wrong: Any) -> None:
    with pytest.raises(TypeError, match="application: expected a class derived from"):
        otp.run_application(wrong)
