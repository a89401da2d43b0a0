"""send_request and what receives its response, and calls that are answered in place or not."""

import contextlib
import copy
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from actorsock import (
    CallError,
    Down,
    Error,
    Ok,
    Pid,
    Timeout,
    current_pid,
    exit,
    is_alive,
    link,
    monitor,
    ok,
    otp,
    receive,
    send,
    spawn,
    spawn_monitor,
    trap_exit,
)
from actorsock.otp import Caller, NoReply, Reply, Stop

from ..conftest import Starter, Tables, error_text


class Echo(otp.GenServer):
    """Answers at once, or when a cast comes, or never."""

    def handle_call(self, request: Any, caller: Caller) -> Any:
        match request:
            case "later":
                self.caller = caller
                return NoReply()
            case "crash":
                raise ValueError("as you wish")
            case ("first", then):
                otp.reply(caller, "first")
                return then
            case ("exit", pid):
                exit(pid, "because")
        return Reply(request)

    def handle_cast(self, answer: Any) -> None:
        otp.reply(self.caller, answer)


async def test_a_response_is_received(start: Starter, tables: Tables) -> None:
    echo = await start(Echo)
    before = tables()
    assert await otp.receive_response(otp.send_request(echo, "a")) == Ok("a")
    assert tables() == before


async def test_a_response_is_a_plain_message_too(start: Starter) -> None:
    echo = await start(Echo)
    ref = otp.send_request(echo, 5)
    assert await receive(ref) == otp.Answer(ref, 5)
    ref = otp.send_request(echo, "crash")
    down = await receive(ref)
    assert down == Down(ref, echo, down.reason)
    assert isinstance(down.reason, ValueError)
    ref = otp.send_request(echo, 5)
    assert await receive(ref) == Down(ref, echo, "noproc")


async def test_a_server_that_ends_or_does_not_exist(start: Starter) -> None:
    echo = await start(Echo)
    result = await otp.receive_response(otp.send_request(echo, "crash"))
    error_text(result, ValueError)
    assert result.data is echo
    assert await otp.receive_response(otp.send_request("echo", "a")) == Error("noproc", "echo")


async def test_a_time_out_abandons_the_request(
    start: Starter, tables: Tables, autojump_clock: MockClock
) -> None:
    echo = await start(Echo)
    before = tables()
    ref = otp.send_request(echo, "later")
    assert await otp.receive_response(ref, timeout=1) == Timeout()
    assert tables() == before
    otp.cast(echo, "too late")
    assert await receive(after=1) == Timeout()
    assert await otp.receive_response(ref, timeout=0) == Timeout()


async def test_a_wait_may_be_repeated(start: Starter, autojump_clock: MockClock) -> None:
    echo = await start(Echo)
    ref = otp.send_request(echo, "later")
    assert await otp.wait_response(ref, timeout=1) == Timeout()
    with trio.move_on_after(1):
        await otp.wait_response(ref)
    otp.cast(echo, "in time")
    assert await otp.wait_response(ref) == Ok("in time")


async def test_a_cancelled_receive_abandons_the_request(start: Starter) -> None:
    echo = await start(Echo)
    ref = otp.send_request(echo, "a")
    with trio.CancelScope() as scope:
        scope.cancel()
        await otp.receive_response(ref)
    assert scope.cancelled_caught
    assert await receive(after=0) == Timeout()


async def test_a_message_is_checked_for_a_response(start: Starter) -> None:
    echo = await start(Echo)
    one, two = otp.send_request(echo, 1), otp.send_request("nobody", 2)
    three = send(current_pid(), "a letter")
    responses = []
    for _ in range(3):
        message = await receive()
        responses.append([otp.check_response(message, ref) for ref in (one, two)])
    assert sorted(responses, key=repr) == [
        [None, Error("noproc", "nobody")],
        [None, None],
        [Ok(1), None],
    ]
    assert otp.check_response(three, one) is None


async def test_a_server_may_send_a_request_to_itself(start: Starter) -> None:
    """Erlang's drops the answer, for want of a monitor on oneself."""

    class Selfish(Echo):
        def init(self, log: Pid) -> None:
            self.log = log
            self.ref = otp.send_request(current_pid(), "me")

        def handle_info(self, message: Any) -> None:
            send(self.log, otp.check_response(message, self.ref))

    await start(Selfish, current_pid())
    assert await receive() == Ok("me")


# --- answers in place


async def test_nothing_is_left_of_a_call(
    start: Starter, tables: Tables, autojump_clock: MockClock
) -> None:
    echo = await start(Echo)
    before = tables()
    for _ in range(3):
        assert await otp.call(echo, "a") == "a"
        with pytest.raises(CallError):
            await otp.call(echo, "later", timeout=1)
        otp.cast(echo, "too late")
    assert await otp.call(echo, ("first", Reply("second"))) == "first"
    assert tables() == before


async def test_the_answer_counts_even_if_the_server_crashes_after_it(start: Starter) -> None:
    echo = await start(Echo)
    ref = monitor(echo)
    assert await otp.call(echo, ("first", "rubbish")) == "first"
    assert isinstance((await receive(ref)).reason, TypeError)


def by_its_parts(caller: Caller, value: Any) -> None:
    otp.reply(Caller(caller.pid, caller.ref), value)


def through_the_alias(caller: Caller, value: Any) -> None:
    send(caller.ref, otp.Answer(caller.ref, value))


def by_a_copy(caller: Caller, value: Any) -> None:
    otp.reply(copy.deepcopy(caller), value)


def by_a_key(caller: Caller, value: Any) -> None:
    [key] = {caller: value}
    otp.reply(key, value)


@pytest.mark.parametrize("answer", [by_its_parts, through_the_alias, by_a_copy, by_a_key])
@pytest.mark.parametrize("then", [NoReply(), Reply("second"), Stop("normal"), Stop("because")])
async def test_every_way_to_answer(start: Starter, tables: Tables, answer: Any, then: Any) -> None:
    class Answering(otp.GenServer):
        def handle_call(self, request: Any, caller: Caller) -> Any:
            answer(caller, request)
            return then

    before = tables()
    server = await start(Answering)
    assert await otp.call(server, "a") == "a"
    if is_alive(server):
        with contextlib.suppress(CallError):
            await otp.stop(server)
    await wait_all_tasks_blocked()
    assert tables() == before


async def test_a_copied_caller_is_answered_later(start: Starter) -> None:
    class Copying(Echo):
        def handle_cast(self, answer: Any) -> None:
            otp.reply(copy.copy(self.caller), answer)

    copying = await start(Copying)
    _, ref = spawn_monitor(otp.call, copying, "later")
    await wait_all_tasks_blocked()
    otp.cast(copying, "answer")
    assert (await receive(ref)).reason == "normal"


@pytest.mark.parametrize("light", [False, True])
async def test_a_caller_that_the_server_ends_gets_no_answer(start: Starter, light: bool) -> None:
    async def ask(log: Pid) -> None:
        send(log, await otp.call(echo, ("exit", current_pid())))

    echo = await start(Echo)
    pid = spawn(ask, current_pid(), light=light)
    ref = monitor(pid)
    assert (await receive()).reason == "because"
    assert await receive(after=0) == Timeout()
    assert ref is not None


async def test_a_linked_caller_ends_with_the_server(start: Starter) -> None:
    async def ask() -> None:
        link(echo)
        await otp.call(echo, "crash")

    async def ask_trapping(log: Pid) -> None:
        trap_exit(True)
        link(echo)
        with pytest.raises(CallError) as failed:
            await otp.call(echo, "crash")
        assert (await receive()).reason is failed.value.reason
        send(log, failed.value.reason)

    echo = await start(Echo)
    _, ref = spawn_monitor(ask)
    assert isinstance((await receive(ref)).reason, ValueError)
    echo = await start(Echo)
    spawn(ask_trapping, current_pid())
    assert isinstance(await receive(), ValueError)


@pytest.mark.parametrize("light", [False, True])
async def test_calls_let_others_run(start: Starter, light: bool) -> None:
    calls = 0

    async def ask_for_ever() -> None:
        nonlocal calls
        while calls < 100_000:  # so many only if no other process runs
            await otp.call(echo, "a")
            calls += 1

    echo = await start(Echo)
    pid = spawn(ask_for_ever, light=light)
    while not calls:
        await trio.lowlevel.checkpoint()
    assert is_alive(pid)
    exit(pid, "kill")
    assert (await receive(monitor(pid))).reason in ("killed", "noproc")


async def test_a_cancelled_call_sends_no_request(start: Starter) -> None:
    asked = []

    class Noting(otp.GenServer):
        def handle_call(self, request: Any, caller: Caller) -> Reply:
            asked.append(request)
            return Reply(None)

    noting = await start(Noting)
    with trio.CancelScope() as scope:
        scope.cancel()
        await otp.call(noting, "a")
    await wait_all_tasks_blocked()
    assert scope.cancelled_caught
    assert asked == []


async def test_the_reply_of_stop_comes_after_terminate(start: Starter) -> None:
    class Last(otp.GenServer):
        def handle_call(self, request: Any, caller: Caller) -> Stop:
            self.log = caller.pid
            return Stop("normal", request)

        def terminate(self, reason: Any) -> None:
            send(self.log, "terminated")

    ref = otp.send_request(await start(Last), "bye")
    assert await receive() == "terminated"
    assert await receive() == otp.Answer(ref, "bye")


async def test_a_server_that_fails_to_terminate_still_answers(start: Starter) -> None:
    class Last(otp.GenServer):
        def handle_call(self, request: Any, caller: Caller) -> Stop:
            return Stop("normal", request)

        def terminate(self, reason: Any) -> None:
            raise ValueError("clumsy")

    last = await start(Last)
    ref = monitor(last)
    assert await otp.call(last, "bye") == "bye"
    assert isinstance((await receive(ref)).reason, ValueError)


async def test_a_handler_that_asks_a_handler(start: Starter) -> None:
    """A handler that asks a handler: the turn of the second comes after that of the first."""

    class Front(otp.GenServer):
        def init(self, back: Pid) -> None:
            self.back = back
            self.callers: dict[Any, Caller] = {}

        def handle_call(self, request: Any, caller: Caller) -> NoReply:
            self.callers[otp.send_request(self.back, request)] = caller
            return NoReply()

        def handle_info(self, message: Any) -> None:
            otp.reply(self.callers.pop(message.ref), message.value)

    front = await start(Front, ok(await otp.start(Echo)))
    assert await otp.call(front, "a") == "a"
