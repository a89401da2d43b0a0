"""`CallError`: caught like any exception; not caught, an exit and no crash."""

import copy
import pickle
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
from trio.testing import MockClock

import actorsock
from actorsock import (
    CallError,
    Down,
    Exit,
    Pid,
    exit,
    open_runtime,
    otp,
    receive,
    run,
    send,
    spawn,
    spawn_handler,
    spawn_monitor,
    trap_exit,
)
from actorsock.otp import ChildSpec


async def asks() -> None:
    await otp.call("nobody", "a question")


async def asks_in_a_nursery() -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(asks)
        nursery.start_soon(trio.sleep_forever)


CALLS: dict[str, Callable[[], Awaitable[object]]] = {
    "call": asks,
    "stop": lambda: otp.stop("nobody"),
    "sys": lambda: otp.sys.get_state("nobody"),
    "supervisor": lambda: otp.which_children("nobody"),
    "start_child": lambda: otp.start_child("nobody", ChildSpec("id", asks)),
}


@pytest.mark.parametrize("ask", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("light", [False, True], ids=["task", "light"])
async def test_uncaught_it_ends_the_process_without_a_crash_report(
    runtime: None, caplog: pytest.LogCaptureFixture, light: bool, ask: Callable[[], Any]
) -> None:
    pid, ref = spawn_monitor(ask, light=light)
    assert await receive() == Down(ref, pid, "noproc")
    assert caplog.records == []


async def test_a_nursery_around_it_changes_nothing(
    runtime: None, caplog: pytest.LogCaptureFixture
) -> None:
    pid, ref = spawn_monitor(asks_in_a_nursery)
    assert await receive() == Down(ref, pid, "noproc")
    assert caplog.records == []


async def test_a_handler_that_raises_one(runtime: None, caplog: pytest.LogCaptureFixture) -> None:
    def handler(message: Any) -> None:
        raise CallError("noproc", "nobody", message)

    trap_exit(True)
    pid = spawn_handler(handler)
    actorsock.link(pid)
    send(pid, "a question")
    assert await receive() == Exit(pid, "noproc")
    assert caplog.records == []


async def test_a_server_that_does_not_catch_it_stops(
    runtime: None, caplog: pytest.LogCaptureFixture
) -> None:
    class Asks(otp.GenServer):
        async def handle_call(self, request: Any, caller: otp.Caller) -> None:
            await asks()

    server = actorsock.ok(await otp.start(Asks))
    with pytest.raises(CallError) as failed:
        await otp.call(server, "ask")
    assert (failed.value.reason, failed.value.server) == ("noproc", server)
    assert [record.exc_info for record in caplog.records] == [None]
    assert "stops: 'noproc' (last message: call 'ask' from " in caplog.messages[0]


async def test_except_exception_catches_it_in_an_adopted_task(
    runtime: None, autojump_clock: MockClock
) -> None:
    caught: list[Any] = []

    async def request(server: Pid) -> None:
        try:
            await otp.call(server, "a question", timeout=1)
        except Exception as exc:
            caught.append(exc)

    silent = spawn(trio.sleep_forever)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(request, silent)
    assert [error.reason for error in caught] == ["timeout"]


@pytest.mark.parametrize("light", [False, True], ids=["task", "light"])
async def test_an_exit_signal_during_a_call_is_not_a_call_error(runtime: None, light: bool) -> None:
    async def asks(server: Pid) -> None:
        try:
            await otp.call(server, "a question")
        except Exception:
            exit("it was caught")

    silent = spawn(trio.sleep_forever)
    pid, ref = spawn_monitor(asks, silent, light=light)
    await trio.testing.wait_all_tasks_blocked()
    exit(pid, "because")
    assert await receive() == Down(ref, pid, "because")


@pytest.mark.parametrize("main", [asks, asks_in_a_nursery])
def test_it_leaves_the_runtime_as_it_is(main: Callable[[], Awaitable[None]]) -> None:
    async def block() -> None:
        async with open_runtime():
            await main()

    for start in (lambda: run(main), lambda: trio.run(block)):
        with pytest.raises((CallError, ExceptionGroup)) as failed:
            start()
        error = failed.value
        while isinstance(error, ExceptionGroup):
            (error,) = error.exceptions
        assert isinstance(error, CallError)
        assert error.reason == "noproc"


class Hostile:
    def __repr__(self) -> str:
        raise ValueError("no text")


def test_its_text_shows_reason_server_and_request() -> None:
    assert str(CallError("noproc", "till", ("sell", 5))) == "'noproc' in call('till', ('sell', 5))"
    assert str(CallError("x", "till", Hostile(), "stop")).startswith("'x' in stop('till', <Hostile")
    assert str(CallError(Hostile(), "till", 5)).startswith("<Hostile")
    assert len(str(CallError("x", "till", "y" * 10**6))) < 1000


def test_it_can_be_copied_and_pickled() -> None:
    error = CallError("noproc", "till", 5, "stop")
    for other in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert str(other) == str(error)
        assert (other.reason, other.server, other.request) == ("noproc", "till", 5)
