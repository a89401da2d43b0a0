"""Collections of requests. The rest of their rules: tests/conformance/otp/test_request_ids.py."""

from typing import Any

import pytest
import trio
from trio.testing import MockClock

from actorsock import Error, Ok, Timeout, current_pid, ok, otp, receive, send
from actorsock.otp import (
    Caller,
    EventHandler,
    EventManager,
    HandlerCall,
    KeepState,
    NextState,
    NoRequest,
    Reply,
    Response,
)

from ..conftest import Starter, Tables
from .test_requests import Echo


class Machine(otp.StateMachine):
    def init(self) -> NextState:
        return NextState("only")

    def only(self, event: Any) -> KeepState:
        otp.reply(event.caller, event.request)
        return KeepState()


class Handler(EventHandler):
    def handle_call(self, request: Any) -> Reply:
        return Reply(request)


async def test_responses_of_all_behaviours_come_in_any_order(start: Starter) -> None:
    late, machine = await start(Echo), await start(Machine)
    manager = ok(await otp.start(EventManager))
    ok(await otp.add_handler(manager, Handler))
    requests = otp.send_request(late, "later", "late", otp.reqids_new())
    otp.send_request(machine, 2, "machine", requests)
    otp.send_request(manager, HandlerCall(Handler, 3), "manager", requests)
    otp.send_request("nobody", 4, "nobody", requests)
    got = {}
    while len(got) < 3:
        match await otp.receive_response(requests, 1):
            case Response(result, label):
                got[label] = result
    assert got == {"machine": Ok(2), "manager": Ok(3), "nobody": Error("noproc", "nobody")}
    assert [label for _, label in otp.reqids_to_list(requests)] == ["late"]
    otp.cast(late, 1)
    assert await otp.receive_response(requests) == Response(Ok(1), "late")
    assert await otp.receive_response(requests) == NoRequest()


@pytest.mark.parametrize("cancelled", [False, True])
async def test_all_requests_are_abandoned(
    start: Starter, tables: Tables, autojump_clock: MockClock, cancelled: bool
) -> None:
    echo = await start(Echo)
    before = tables()
    requests = otp.reqids_new()
    for label in range(3):
        otp.send_request(echo, "later", label, requests)
    if cancelled:
        with trio.move_on_after(1):
            await otp.receive_response(requests)
    else:
        assert await otp.receive_response(requests, timeout=1) == Timeout()
    assert tables() == before
    assert otp.reqids_size(requests) == 0
    otp.cast(echo, "too late")
    assert await receive(after=1) == Timeout()


async def test_a_wait_keeps_the_requests(start: Starter, autojump_clock: MockClock) -> None:
    echo = await start(Echo)
    requests = otp.send_request(echo, "later", "a", otp.reqids_new())
    assert await otp.wait_response(requests, timeout=1) == Timeout()
    otp.cast(echo, "in time")
    assert await otp.wait_response(requests, delete=False) == Response(Ok("in time"), "a")
    assert otp.reqids_size(requests) == 1


async def test_other_messages_stay(start: Starter) -> None:
    requests = otp.send_request(await start(Echo), "x", "a", otp.reqids_new())
    letters = [otp.Answer([], "forged"), "a letter"]  # type: ignore[arg-type]
    for letter in letters:
        send(current_pid(), letter)
        assert otp.check_response(letter, requests) is None
    assert await otp.receive_response(requests) == Response(Ok("x"), "a")
    assert [await receive(), await receive()] == letters


async def test_wrong_arguments(runtime: None) -> None:
    requests = otp.send_request("nobody", 1, "a", otp.reqids_new())
    with pytest.raises(TypeError, match="delete: expected a bool, got 7"):
        await otp.receive_response(requests, delete=7)  # type: ignore[arg-type, call-overload]
    with pytest.raises(TypeError, match="timeout: expected"):
        await otp.receive_response(requests, "x")  # type: ignore[arg-type, call-overload]
    # The mistake has abandoned nothing.
    assert await otp.receive_response(requests) == Response(Error("noproc", "nobody"), "a")
    wrong: Any = {}
    for call in (
        lambda: otp.reqids_size(wrong),
        lambda: otp.reqids_to_list(wrong),
        lambda: otp.send_request("nobody", 1, "a", wrong),
        lambda: otp.reqids_add(otp.send_request("nobody", 1), "a", wrong),
    ):
        with pytest.raises(TypeError, match="collection: expected a RequestCollection"):
            call()
    with pytest.raises(TypeError, match="ref: expected a Ref, got 7"):
        otp.reqids_add(7, "a", otp.reqids_new())  # type: ignore[arg-type]


def test_a_collection_shows_its_labels() -> None:
    assert repr(otp.reqids_new()) == "RequestCollection({})"


async def test_the_caller_of_a_request_in_a_collection(runtime: None) -> None:
    """A process without a behaviour answers as any server."""
    requests = otp.send_request(current_pid(), "me", "a", otp.reqids_new())
    match await receive(otp.Call):
        case otp.Call(Caller() as caller, "me"):
            otp.reply(caller, "myself")
    assert await otp.receive_response(requests) == Response(Ok("myself"), "a")
