"""What a suspended server leaves in its mailbox counts for the limit, in every kind of body."""

from typing import Any

import pytest
from trio.testing import wait_all_tasks_blocked

from actorsock import (
    Down,
    Error,
    Exit,
    Limit,
    Pid,
    is_alive,
    link,
    monitor,
    ok,
    otp,
    process_info,
    receive,
    send,
    socket,
    spawn,
    trap_exit,
)
from actorsock.otp import GenServer, sys
from actorsock.runtime.bodies.handler import HandlerBody
from actorsock.runtime.core.process import alive
from actorsock.runtime.core.reductions import SCAN_QUANTUM

from ..conftest import Starter

ACTIONS = pytest.mark.parametrize("action", ["kill", "drop_new", "drop_old"])


class Records(GenServer):
    """Keeps what it is sent."""

    def init(self) -> None:
        self.handled: list[Any] = []

    def handle_cast(self, request: Any) -> None:
        self.handled.append(request)

    def handle_info(self, message: Any) -> None:
        self.handled.append(message)

    def handle_call(self, request: Any, caller: otp.Caller) -> otp.Reply:
        self.handled.append(request)
        return otp.Reply(request)


async def handled_by(server: Pid) -> list[Any]:
    """What a server has handled, after `resume`."""
    await sys.resume(server)
    await wait_all_tasks_blocked()
    handled: list[Any] = (await sys.get_state(server)).handled
    return handled


async def test_the_messages_of_a_suspended_server_are_in_its_mailbox(start: Starter) -> None:
    server = await start(Records)
    await sys.suspend(server)
    for number in range(3):
        send(server, number)
        await sys.get_state(server)
    await wait_all_tasks_blocked()
    items = ["messages", "message_queue_len", "status"]
    assert process_info(server, items) == {
        "messages": [0, 1, 2],
        "message_queue_len": 3,
        "status": "waiting",
    }
    assert await handled_by(server) == [0, 1, 2]
    assert await otp.call(server, 3) == 3
    assert process_info(server, ["messages"]) == {"messages": []}
    process = alive[server]
    if process.body.kind == "handler":  # the native core serves it again
        assert (type(process.body), process.mailbox.saved) == (HandlerBody, None)


@pytest.mark.parametrize("count", [3, SCAN_QUANTUM + 3])
@pytest.mark.parametrize("looked_at", [True, False])
@pytest.mark.parametrize(("action", "first"), [("drop_new", 0), ("drop_old", 2)])
async def test_what_is_held_counts(
    start: Starter, action: Any, first: int, looked_at: bool, count: int
) -> None:
    server = await start(Records, max_mailbox=Limit(count, action))
    await sys.suspend(server)
    for number in range(count + 2):
        if number >= count and looked_at:  # the messages have been tested, and left
            await sys.get_state(server)
            await wait_all_tasks_blocked()
        otp.cast(server, number)
    assert process_info(server, ["message_queue_len", "dropped"]) == {
        "message_queue_len": count,
        "dropped": 2,
    }
    assert await handled_by(server) == list(range(first, first + count))


async def test_it_is_killed(start: Starter) -> None:
    server = await start(Records, max_mailbox=Limit(2))
    ref = monitor(server)
    await sys.suspend(server)
    for number in range(2):
        send(server, number)
    await sys.get_state(server)
    assert is_alive(server)
    send(server, 2)
    assert not is_alive(server)
    assert await receive(ref) == Down(ref, server, "max_mailbox")


@ACTIONS
async def test_a_call_that_would_be_held_is_refused(start: Starter, action: Any) -> None:
    server = await start(Records, max_mailbox=Limit(1, action))
    await sys.suspend(server)
    held = otp.send_request(server, "held")
    with pytest.raises(otp.CallError, match="overloaded"):
        await otp.call(server, "above", timeout=1000)
    above = otp.send_request(server, "above")
    assert await otp.receive_response(above) == Error("overloaded", server)
    if action == "drop_old":  # no cast takes the place of a call
        otp.cast(server, "above")
    assert await handled_by(server) == ["held"]
    assert ok(await otp.receive_response(held)) == "held"


@ACTIONS
async def test_what_the_runtime_owes_is_held(start: Starter, action: Any) -> None:
    class Owed(Records):
        def init(self, watched: Pid, asked: Pid) -> None:
            super().init()
            trap_exit(True)
            self.down, self.answer = monitor(watched), otp.send_request(asked, "?")
            link(watched)
            self.sock = ok(socket.open("inet", "dgram"))
            ok(socket.bind(self.sock, {"family": "inet", "addr": "loopback", "port": 0}))
            socket.recvfrom_nowait(self.sock)

    async def replies() -> None:
        call = await receive(otp.Call)
        await receive(str)
        otp.reply(call.caller, "!")

    watched, asked = spawn(receive), spawn(replies)
    server = await start(Owed, watched, asked, max_mailbox=Limit(1, action))
    await sys.suspend(server)
    state = await sys.get_state(server)
    send(server, "full")
    send(asked, "now")
    send(watched, "end")
    ok(await socket.close(state.sock))
    await wait_all_tasks_blocked()
    handled = await handled_by(server)
    kinds = {type(message).__name__ for message in handled}
    assert kinds == {"str", "Answer", "Down", "Exit", "AbortMessage"}
    assert Down(state.down, watched, "normal") in handled
    assert Exit(watched, "normal") in handled
    await sys.suspend(server)
    otp.cast(server, "full again")
    await otp.stop(server, "shutdown")
    assert not is_alive(server)
