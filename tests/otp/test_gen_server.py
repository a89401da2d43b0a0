"""GenServer: requests, answers, time-outs and ends, the same in every kind of body."""

import contextlib
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from actorsock import (
    Down,
    Error,
    Exit,
    Ok,
    Pid,
    ProcessExit,
    Timeout,
    current_pid,
    exit,
    is_alive,
    monitor,
    ok,
    otp,
    process_info,
    receive,
    register,
    run,
    send,
    sleep,
    spawn,
    spawn_monitor,
    trap_exit,
    whereis,
)
from actorsock.otp import Caller, Continue, Ignore, NoReply, Reply, Stop

from .conftest import Awkward, Starter, Tables


class Counter(otp.GenServer):
    def init(self, start: int = 0) -> None:
        self.value = start

    def handle_call(self, request: Any, caller: Caller) -> Any:
        match request:
            case "get":
                return Reply(self.value)
            case ("add", number):
                before, self.value = self.value, self.value + number
                return Reply(before)
        raise ValueError(f"not a request: {request!r}")

    def handle_cast(self, request: Any) -> Any:
        match request:
            case ("add", number):
                self.value += number


async def test_calls_and_casts(runtime: None, start: Starter) -> None:
    counter = await start(Counter, 5)
    assert await otp.call(counter, "get") == 5
    assert await otp.call(counter, ("add", 2)) == 5
    otp.cast(counter, ("add", 3))
    assert await otp.call(counter, "get") == 10


async def test_by_name(runtime: None, start: Starter) -> None:
    counter = await start(Counter, 1, name="counter")
    assert whereis("counter") is counter
    otp.cast("counter", ("add", 1))
    assert await otp.call("counter", "get") == 2
    await otp.stop("counter")
    assert whereis("counter") is None


async def test_a_server_is_known_by_its_class(runtime: None) -> None:
    counter = ok(await otp.start(Counter))
    assert process_info(counter).function.endswith("test_gen_server:Counter")


async def test_plain_callbacks_are_served_without_a_task_switch(runtime: None) -> None:
    switches = 0

    class Switches(trio.abc.Instrument):
        def before_task_step(self, task: trio.lowlevel.Task) -> None:
            nonlocal switches
            switches += 1

    counter = ok(await otp.start(Counter))
    instrument = Switches()
    trio.lowlevel.add_instrument(instrument)
    for _ in range(100):
        await otp.call(counter, ("add", 1))
    trio.lowlevel.remove_instrument(instrument)
    assert switches == 0


async def test_each_callback_alone_can_be_async(runtime: None) -> None:
    for name in Counter._callbacks():

        async def waits(self: Any, *args: Any) -> None:
            await sleep(0)

        pid = ok(await otp.start(type("Waits", (otp.GenServer,), {name: waits})))
        assert process_info(pid).kind == "task"


async def test_async_callbacks_may_wait_for_other_servers(runtime: None) -> None:
    class Doubling(otp.GenServer):
        def init(self, counter: Pid) -> None:
            self.counter = counter

        async def handle_call(self, request: Any, caller: Caller) -> Reply:
            return Reply(2 * await otp.call(self.counter, request))

    counter = ok(await otp.start(Counter, 21))
    for light in [False, True]:
        doubling = ok(await otp.start(Doubling, counter, light=light))
        assert await otp.call(doubling, "get") == 42


# --- answers


class Slow(otp.GenServer):
    """Answers when it is told to."""

    def init(self) -> None:
        self.waiting: list[Caller] = []

    def handle_call(self, request: Any, caller: Caller) -> NoReply:
        self.waiting.append(caller)
        return NoReply()

    def handle_cast(self, answer: Any) -> None:
        for caller in self.waiting:
            otp.reply(caller, answer)
        self.waiting = []


async def test_answering_later(runtime: None, start: Starter) -> None:
    async def ask(dest: Pid) -> None:
        send(dest, await otp.call(slow, "question"))

    slow = await start(Slow)
    for _ in range(3):
        spawn(ask, current_pid())
    await wait_all_tasks_blocked()
    otp.cast(slow, "answer")
    assert [await receive() for _ in range(3)] == ["answer"] * 3


async def test_another_process_may_answer(runtime: None, start: Starter) -> None:
    class Delegating(otp.GenServer):
        def handle_call(self, request: Any, caller: Caller) -> NoReply:
            spawn(answer, caller, request)
            return NoReply()

    async def answer(caller: Caller, request: Any) -> None:
        otp.reply(caller, request * 2)

    assert await otp.call(await start(Delegating), 21) == 42


async def test_only_the_first_answer_counts(runtime: None, start: Starter) -> None:
    class Twice(otp.GenServer):
        def handle_call(self, request: Any, caller: Caller) -> Reply:
            otp.reply(caller, "one")
            return Reply("two")

    assert await otp.call(await start(Twice), "question") == "one"
    assert await receive(after=0) == Timeout()


async def test_a_late_answer_is_dropped(
    runtime: None, start: Starter, autojump_clock: MockClock
) -> None:
    slow = await start(Slow)
    with pytest.raises(ProcessExit) as failed:
        await otp.call(slow, "question", timeout=2)
    assert failed.value.reason == "timeout"
    assert failed.value.__notes__ == [f"in call({slow!r}, 'question')"]
    otp.cast(slow, "too late")
    assert await receive(after=1) == Timeout()
    assert process_info(current_pid()).monitors == []


async def test_the_time_out_is_five_seconds(
    runtime: None, start: Starter, autojump_clock: MockClock
) -> None:
    slow = await start(Slow)
    before = trio.current_time()
    with pytest.raises(ProcessExit):
        await otp.call(slow, "question")
    assert trio.current_time() - before == pytest.approx(5)


async def test_an_answer_at_the_very_moment_of_the_time_out(
    runtime: None, start: Starter, autojump_clock: MockClock
) -> None:
    async def ask() -> None:
        with contextlib.suppress(ProcessExit):
            assert await otp.call(slow, "question", timeout=1) == "answer"
        assert await receive(after=1) == Timeout()

    slow = await start(Slow)
    for delay in [0.5, 1, 1, 1.5]:
        pid, ref = spawn_monitor(ask)
        await sleep(delay)
        otp.cast(slow, "answer")
        assert (await receive(ref)).reason == "normal"
        assert not is_alive(pid)


async def test_a_cancelled_call_is_forgotten(runtime: None, start: Starter) -> None:
    slow = await start(Slow)
    with trio.CancelScope() as scope:
        scope.cancel()
        await otp.call(slow, "question")
    assert scope.cancelled_caught
    otp.cast(slow, "too late")
    assert await receive(after=0) == Timeout()
    assert process_info(current_pid()).monitors == []


async def test_a_request_is_answered_by_a_message(runtime: None, start: Starter) -> None:
    counter = await start(Counter, 5)
    ref = otp.send_request(counter, "get")
    assert await receive(ref) == otp.Answer(ref, 5)
    ref = otp.send_request(counter, "rubbish")
    match await receive(ref):
        case Down(pid=pid, reason=ValueError()):
            assert pid is counter
        case other:
            pytest.fail(f"got {other!r}")
    ref = otp.send_request(counter, "get")
    assert await receive(ref) == Down(ref, counter, "noproc")


async def test_any_process_may_serve_calls(runtime: None) -> None:
    async def serve() -> None:
        match await receive():
            case otp.Call(caller, request):
                otp.reply(caller, request + 1)

    assert await otp.call(spawn(serve), 1) == 2


# --- servers that end


async def failure(server: Pid | str, request: Any) -> Any:
    with pytest.raises(ProcessExit) as failed:
        await otp.call(server, request)
    return failed.value.reason


async def test_a_call_to_nobody(runtime: None, start: Starter) -> None:
    counter = await start(Counter)
    await otp.stop(counter)
    assert await failure(counter, "get") == "noproc"
    assert await failure("nobody", "get") == "noproc"
    otp.cast(counter, "get")
    otp.cast("nobody", "get")


async def test_a_call_to_oneself(runtime: None) -> None:
    assert await failure(current_pid(), "get") == "calling_self"
    with pytest.raises(ProcessExit):
        await otp.stop(current_pid())


async def test_a_crash_fails_the_caller_with_its_reason(
    runtime: None, start: Starter, caplog: pytest.LogCaptureFixture
) -> None:
    counter = await start(Counter)
    ref = monitor(counter)
    reason = await failure(counter, "rubbish")
    assert str(reason) == "not a request: 'rubbish'"
    assert await receive(ref) == Down(ref, counter, reason)
    [record] = caplog.records
    assert (record.name, record.pid) == ("actorsock", counter)
    assert "Counter" in record.message or "Waiting" in record.message
    assert "handle_call" in caplog.text


async def test_a_caller_that_does_not_catch_it_ends_likewise(
    runtime: None, start: Starter, autojump_clock: MockClock
) -> None:
    for request, reason in [("question", "timeout"), ("exit", "because")]:

        class Exits(Slow):
            def handle_call(self, request: Any, caller: Caller) -> NoReply:
                if request == "exit":
                    exit("because")
                return NoReply()

        pid, ref = spawn_monitor(otp.call, await start(Exits), request)
        assert await receive(ref) == Down(ref, pid, reason)


@pytest.mark.parametrize("wrong", [None, 7, Ignore()])
async def test_a_wrong_result_is_a_crash(
    runtime: None, start: Starter, wrong: Any, caplog: pytest.LogCaptureFixture
) -> None:
    class Wrong(otp.GenServer):
        def handle_call(self, request: Any, caller: Caller) -> Any:
            return wrong

    reason = await failure(await start(Wrong), "question")
    expected = "handle_call: expected Reply, NoReply, Continue or Stop to be returned, got "
    assert isinstance(reason, TypeError)
    assert str(reason).startswith(expected)


async def test_a_plain_function_that_returns_a_coroutine_is_wrong(
    runtime: None, caplog: pytest.LogCaptureFixture
) -> None:
    class Hidden(otp.GenServer):
        def handle_call(self, request: Any, caller: Caller) -> Any:
            return sleep(1)

    reason = await failure(ok(await otp.start(Hidden)), "question")
    assert "got <coroutine" in str(reason)


async def test_a_missing_callback_is_a_crash(
    runtime: None, start: Starter, caplog: pytest.LogCaptureFixture
) -> None:
    class Bare(otp.GenServer):
        pass

    assert isinstance(await failure(await start(Bare), "question"), NotImplementedError)
    bare = await start(Bare)
    ref = monitor(bare)
    otp.cast(bare, "request")
    assert isinstance((await receive(ref)).reason, NotImplementedError)


async def test_a_message_without_handle_info_is_logged(
    runtime: None, start: Starter, caplog: pytest.LogCaptureFixture
) -> None:
    counter = await start(Counter)
    send(counter, "a letter")
    assert await otp.call(counter, "get") == 0
    assert "no handle_info for: 'a letter'" in caplog.text


class Ending(otp.GenServer):
    """Tells of its end."""

    def init(self, log: Pid, trap: bool = False) -> None:
        self.log = log
        trap_exit(trap)

    def handle_call(self, request: Any, caller: Caller) -> Any:
        match request:
            case Stop():
                return request
            case ("exit", reason):
                exit(reason)
        raise request

    def handle_info(self, message: Any) -> None:
        send(self.log, ("info", message))

    def terminate(self, reason: Any) -> None:
        send(self.log, ("terminate", reason))


async def test_stop_with_a_reply(runtime: None, start: Starter) -> None:
    server = await start(Ending, current_pid())
    ref = monitor(server)
    assert await otp.call(server, Stop(reply="bye")) == "bye"
    assert await receive() == ("terminate", "normal")
    assert await receive() == Down(ref, server, "normal")


async def test_stop_without_a_reply(
    runtime: None, start: Starter, caplog: pytest.LogCaptureFixture
) -> None:
    server = await start(Ending, current_pid())
    assert await failure(server, Stop("bad")) == "bad"
    assert await receive() == ("terminate", "bad")
    [record] = caplog.records
    assert record.name == "actorsock.otp"
    assert record.message.endswith("stops: 'bad'")


@pytest.mark.parametrize("reason", ["normal", "shutdown", ("shutdown", "moving")])
async def test_orderly_stops_are_not_logged(
    runtime: None, start: Starter, reason: Any, caplog: pytest.LogCaptureFixture
) -> None:
    server = await start(Ending, current_pid())
    assert await failure(server, ("exit", reason)) == reason
    assert await receive() == ("terminate", reason)
    assert caplog.records == []


async def test_terminate_is_told_of_a_crash(
    runtime: None, start: Starter, caplog: pytest.LogCaptureFixture
) -> None:
    crash = ValueError("a crash")
    assert await failure(await start(Ending, current_pid()), crash) is crash
    assert await receive() == ("terminate", crash)


async def test_stop_from_outside(runtime: None, start: Starter) -> None:
    server = await start(Ending, current_pid())
    await otp.stop(server, "shutdown")
    assert not is_alive(server)
    assert await receive() == ("terminate", "shutdown")
    with pytest.raises(ProcessExit) as failed:
        await otp.stop(server)
    assert failed.value.reason == "noproc"


async def test_a_stop_that_ends_in_something_else(
    runtime: None, start: Starter, caplog: pytest.LogCaptureFixture
) -> None:
    class Clumsy(otp.GenServer):
        def terminate(self, reason: Any) -> None:
            raise ValueError("clumsy")

    with pytest.raises(ProcessExit) as failed:
        await otp.stop(await start(Clumsy))
    assert isinstance(failed.value.reason, ValueError)
    assert failed.value.__cause__ is failed.value.reason


async def test_reasons_of_a_stop_that_can_not_be_compared(runtime: None, start: Starter) -> None:
    class Ends(otp.GenServer):
        def terminate(self, reason: Any) -> None:
            if reason == "normal":
                exit(awkward)

    awkward = Awkward()
    with pytest.raises(ProcessExit) as failed:
        await otp.stop(await start(Ends))
    assert failed.value.reason is awkward

    await otp.stop(await start(otp.GenServer), awkward)


async def test_a_stop_that_takes_too_long(runtime: None, autojump_clock: MockClock) -> None:
    class Lingering(otp.GenServer):
        async def terminate(self, reason: Any) -> None:
            await sleep(10)

    server = ok(await otp.start(Lingering))
    with pytest.raises(ProcessExit) as failed:
        await otp.stop(server, timeout=1)
    assert failed.value.reason == "timeout"
    ref = monitor(server)
    assert (await receive(ref)).reason == "normal"


async def test_an_exit_signal_ends_it_without_terminate(runtime: None, start: Starter) -> None:
    for trap, reason in [(False, "because"), (True, "kill")]:
        server = await start(Ending, current_pid(), trap)
        ref = monitor(server)
        exit(server, reason)
        assert (await receive()).ref is ref
        assert await receive(after=0) == Timeout()


async def test_a_server_that_traps_exits_and_its_parent(runtime: None, in_body: Any) -> None:
    behaviour, keywords = in_body(Ending)
    log = current_pid()

    async def parent() -> None:
        send(log, ok(await otp.start_link(behaviour, log, True, **keywords)))
        await receive()
        exit("shutdown")

    pid = spawn(parent)
    server = await receive()
    ref = monitor(server)
    send(pid, "end")
    assert await receive() == ("terminate", "shutdown")
    assert await receive(ref) == Down(ref, server, "shutdown")


async def test_exits_of_others_are_messages(runtime: None, start: Starter) -> None:
    server = await start(Ending, current_pid(), True)
    exit(server, "please")
    assert await receive() == ("info", Exit(current_pid(), "please"))
    assert is_alive(server)


async def test_a_server_without_a_parent_is_its_own(runtime: None, start: Starter) -> None:
    """A signal that it sends to itself ends it, also when it traps exits; `start_link`'s not."""

    class Signalling(Ending):
        def handle_info(self, message: Any) -> None:
            if message == "signal":
                exit(current_pid(), "because")
            super().handle_info(message)

    server = await start(Signalling, current_pid(), True)
    ref = monitor(server)
    send(server, "signal")
    assert await receive() == ("info", "signal")
    assert await receive() == ("terminate", "because")
    assert await receive(ref) == Down(ref, server, "because")
    linked = ok(await otp.start_link(Signalling, current_pid(), True))
    send(linked, "signal")
    assert await receive() == ("info", "signal")
    assert await receive() == ("info", Exit(linked, "because"))
    await otp.stop(linked)


# --- time-outs and continue


class Timed(otp.GenServer):
    def init(self, log: Pid, first: Any = None) -> Any:
        self.log = log
        return first

    def handle_call(self, request: Any, caller: Caller) -> Any:
        return request

    def handle_cast(self, request: Any) -> Any:
        return request

    def handle_info(self, message: Any) -> Any:
        send(self.log, (message, trio.current_time()))

    def handle_continue(self, term: Any) -> Any:
        send(self.log, ("continue", term))
        return term


async def test_a_time_out_comes_once(
    runtime: None, start: Starter, autojump_clock: MockClock
) -> None:
    before = trio.current_time()
    await start(Timed, current_pid(), NoReply(timeout=3))
    message, at = await receive()
    assert message == "timeout"
    assert at - before == pytest.approx(3)
    assert await receive(after=100) == Timeout()


async def test_any_message_ends_the_wait(
    runtime: None, start: Starter, autojump_clock: MockClock
) -> None:
    server = await start(Timed, current_pid())
    assert await otp.call(server, Reply("well", timeout=3)) == "well"
    await sleep(2)
    send(server, "a message")
    assert (await receive())[0] == "a message"
    assert await receive(after=100) == Timeout()


async def test_a_new_time_out_replaces_the_old_one(
    runtime: None, start: Starter, autojump_clock: MockClock
) -> None:
    server = await start(Timed, current_pid(), NoReply(timeout=3))
    before = trio.current_time()
    await sleep(2)
    otp.cast(server, NoReply(timeout=3))
    assert (await receive())[1] - before == pytest.approx(5)
    assert await receive(after=100) == Timeout()


async def test_a_time_out_of_zero_comes_behind_what_is_there_and_before_anything_else(
    runtime: None, start: Starter
) -> None:
    class Fills(Timed):
        def handle_call(self, request: Any, caller: Caller) -> Any:
            for message in request:
                send(current_pid(), message)
            return otp.Reply(None, timeout=0)

    server = await start(Fills, current_pid())
    await otp.call(server, ["first", "second"])
    assert [(await receive())[0] for _ in range(2)] == ["first", "second"]
    await otp.call(server, [])
    send(server, "late")
    assert [(await receive())[0] for _ in range(2)] == ["timeout", "late"]
    assert await receive(after=0) == Timeout()


async def test_a_time_out_of_zero_after_init_comes_before_the_first_call(
    runtime: None, start: Starter
) -> None:
    server = await start(Timed, current_pid(), NoReply(timeout=0))
    await otp.call(server, otp.Reply("answer"))
    assert (await receive(after=0))[0] == "timeout"


async def test_a_time_out_that_is_on_its_way_is_stale_after_a_message(
    runtime: None, autojump_clock: MockClock
) -> None:
    class Busy(Timed):
        async def handle_cast(self, request: Any) -> Any:
            await sleep(10)
            return NoReply(timeout=1)

    server = ok(await otp.start(Busy, current_pid(), NoReply(timeout=5)))
    await sleep(1)
    before = trio.current_time()
    otp.cast(server, "be busy")
    # The callback's ten seconds are not a wait.
    message, at = await receive()
    assert (message, at - before) == ("timeout", pytest.approx(11))
    assert await receive(after=100) == Timeout()


async def test_continue_comes_before_any_message(runtime: None, start: Starter) -> None:
    class Eager(Timed):
        def init(self, log: Pid) -> Any:
            self.log = log
            send(current_pid(), "a message")
            return Continue(None)

    await start(Eager, current_pid())
    assert await receive() == ("continue", None)
    assert (await receive())[0] == "a message"


async def test_continue_after_a_reply_and_after_a_continue(
    runtime: None, start: Starter, autojump_clock: MockClock
) -> None:
    server = await start(Timed, current_pid())
    assert await otp.call(server, Reply("well", Continue(Continue(NoReply(timeout=1))))) == "well"
    assert await receive() == ("continue", Continue(NoReply(timeout=1)))
    assert await receive() == ("continue", NoReply(timeout=1))
    assert (await receive())[0] == "timeout"


async def test_stop_in_continue(runtime: None, start: Starter) -> None:
    server = await start(Timed, current_pid())
    ref = monitor(server)
    otp.cast(server, Continue(Stop("shutdown")))
    assert (await receive(ref)).reason == "shutdown"


# --- starting


async def test_start_that_fails(
    runtime: None, in_body: Any, caplog: pytest.LogCaptureFixture
) -> None:
    crash = ValueError("no")

    class Fails(otp.GenServer):
        def init(self, outcome: Any) -> Any:
            if isinstance(outcome, Exception):
                raise outcome
            if isinstance(outcome, str):
                exit(outcome)
            return outcome

        def terminate(self, reason: Any) -> None:
            pytest.fail("it has not begun")

    trap_exit(True)
    behaviour, keywords = in_body(Fails)
    for start in [otp.start, otp.start_link]:
        for outcome, answer in [
            (Stop("because"), Error("because")),
            (Ignore(), Error("ignore")),
            (Error("politely", 7), Error("politely", 7)),
            (crash, Error(crash)),  # type: ignore[arg-type]
            ("exit", Error("exit")),
        ]:
            assert await start(behaviour, outcome, name="fails", **keywords) == answer
            assert whereis("fails") is None
        match await start(behaviour, 7, **keywords):
            case Error(TypeError() as reason):
                assert "init: expected None, NoReply" in str(reason)
            case other:
                pytest.fail(f"got {other!r}")
    # What start returns is not told a second time.
    assert await receive(after=0) == Timeout()


async def test_a_caller_that_does_not_trap_exits_ends_with_its_server(
    runtime: None, in_body: Any
) -> None:
    class Fails(otp.GenServer):
        def init(self, outcome: Any) -> Any:
            return outcome

    behaviour, keywords = in_body(Fails)

    async def parent(outcome: Any) -> None:
        await otp.start_link(behaviour, outcome, **keywords)

    for outcome, reason in [(Stop("because"), "because"), (Error("politely"), "normal")]:
        _, ref = spawn_monitor(parent, outcome)
        assert (await receive(ref)).reason == reason


async def test_a_link_with_the_server(runtime: None, in_body: Any) -> None:
    behaviour, keywords = in_body(Counter)
    trap_exit(True)
    pid = ok(await otp.start_link(behaviour, **keywords))
    assert process_info(current_pid()).links == [pid]
    exit(pid, "because")
    assert await receive() == Exit(pid, "because")


async def test_a_name_that_is_taken(runtime: None, start: Starter, in_body: Any) -> None:
    pid = await start(Counter, name="counter")
    behaviour, keywords = in_body(Counter)
    taken = Error("already_started", pid)
    assert await otp.start(behaviour, name="counter", **keywords) == taken
    register("me", current_pid())
    assert await otp.start(behaviour, name="me", **keywords) == Error(
        "already_started", current_pid()
    )


async def test_a_start_in_vain_gives_way_to_others(runtime: None) -> None:
    others = []

    async def starts(log: Pid) -> None:
        for _ in range(10_000):
            await otp.start(Counter, name="counter")
            if others:
                break
        send(log, list(others))

    async def other() -> None:
        others.append(current_pid())

    ok(await otp.start(Counter, name="counter"))
    for light in [False, True]:
        spawn(starts, current_pid(), light=light)
        pid = spawn(other, light=light)
        assert await receive() == [pid]
        others.clear()

    with trio.CancelScope() as scope:
        scope.cancel()
        await otp.start(Counter, name="counter")
    assert scope.cancelled_caught


@pytest.mark.parametrize("light", [False, True])
async def test_an_init_that_takes_too_long(
    runtime: None, autojump_clock: MockClock, light: bool
) -> None:
    class Slowly(otp.GenServer):
        async def init(self) -> None:
            register("slowly", current_pid())
            await sleep(10)

    for start in [otp.start, otp.start_link]:
        assert await start(Slowly, timeout=1, light=light) == Error("timeout")
        assert whereis("slowly") is None
    assert await receive(after=100) == Timeout()


async def test_a_cancelled_start_leaves_nobody(runtime: None, autojump_clock: MockClock) -> None:
    class Slowly(otp.GenServer):
        async def init(self) -> None:
            await sleep(10)

    with trio.move_on_after(1):
        await otp.start_link(Slowly, name="slowly")
    await wait_all_tasks_blocked()
    assert whereis("slowly") is None
    assert await receive(after=100) == Timeout()


async def test_an_init_that_is_killed(runtime: None) -> None:
    class Slowly(otp.GenServer):
        async def init(self, starter: Pid) -> None:
            send(starter, current_pid())
            await receive()

    async def kills(dest: Pid) -> None:
        exit(await receive(), "kill")

    assert await otp.start(Slowly, spawn(kills, current_pid())) == Error("killed")


async def test_arguments_of_init_have_to_fit(
    runtime: None, start: Starter, in_body: Any, caplog: pytest.LogCaptureFixture
) -> None:
    behaviour, keywords = in_body(Counter)
    match await otp.start(behaviour, 1, 2, 3, **keywords):
        case Error(reason):
            assert isinstance(reason, TypeError)
        case Ok():
            pytest.fail("it has begun")


async def test_wrong_arguments(runtime: None) -> None:
    with pytest.raises(TypeError, match="behaviour: expected a class derived from GenServer"):
        await otp.start(Counter())  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="timeout: "):
        await otp.start(Counter, timeout=None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="server: expected a Pid or a registered name, got 7"):
        await otp.call(7, "get")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="server: "):
        otp.cast(None, "get")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="timeout: "):
        await otp.call(current_pid(), "get", timeout=-1)
    with pytest.raises(TypeError, match="caller: expected a Caller"):
        otp.reply(current_pid(), "answer")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="timeout: "):
        Reply("well", timeout=-1)
    with pytest.raises(TypeError, match="then: expected a Continue"):
        NoReply(5)  # type: ignore[arg-type]


@pytest.mark.parametrize("linked", [False, True], ids=["start", "start_link"])
@pytest.mark.parametrize("light", [False, True], ids=["task", "light"])
async def test_the_end_of_the_starter_is_told_by_the_link_or_not_at_all(
    runtime: None, linked: bool, light: bool
) -> None:
    class Slow(otp.GenServer):
        async def init(self, log: Pid) -> None:
            self.log = log
            trap_exit(True)
            send(log, current_pid())
            await receive(str)

        def terminate(self, reason: Any) -> None:
            send(self.log, reason)

    async def starts(log: Pid) -> None:
        await (otp.start_link if linked else otp.start)(Slow, log, light=light)

    starter, ref = spawn_monitor(starts, current_pid(), light=light)
    server = await receive(Pid)
    exit(starter, "over")
    await receive(ref)
    assert is_alive(server)
    watch = monitor(server)
    send(server, "go on")
    if linked:
        assert await receive() == "over"
        assert (await receive(watch)).reason == "over"
    else:
        await otp.stop(server)
        assert await receive(str) == "normal"


async def test_a_thousand_servers_leave_nothing(
    runtime: None, start: Starter, tables: Tables
) -> None:
    before = tables()
    pids = [await start(Timed, current_pid(), NoReply(timeout=1000)) for _ in range(1000)]
    for pid in pids:
        otp.cast(pid, NoReply(timeout=1000))
        assert await otp.call(pid, Reply(1, timeout=1000)) == 1
    for number, pid in enumerate(pids):
        if number % 2:
            await otp.stop(pid)
        else:
            ref = monitor(pid)
            exit(pid, "kill")
            await receive(ref)
    assert tables() == before


def test_an_interrupt_in_a_callback_ends_the_program() -> None:
    class Interrupted(otp.GenServer):
        def handle_cast(self, request: Any) -> None:
            raise KeyboardInterrupt

    async def main() -> None:
        otp.cast(ok(await otp.start(Interrupted)), "request")
        await receive()

    with pytest.raises(KeyboardInterrupt):
        run(main)
