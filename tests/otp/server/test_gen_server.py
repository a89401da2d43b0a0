"""GenServer: requests, answers, time-outs and ends, the same in every kind of body."""

import contextlib
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from actorsock import (
    CallError,
    Down,
    Pid,
    Timeout,
    current_pid,
    exit,
    is_alive,
    monitor,
    ok,
    otp,
    process_info,
    receive,
    run,
    send,
    sleep,
    spawn,
    spawn_monitor,
    whereis,
)
from actorsock.otp import Caller, Continue, NoReply, Reply, Stop

from ..conftest import Starter, Tables, failure


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


async def test_calls_and_casts(start: Starter) -> None:
    counter = await start(Counter, 5)
    assert await otp.call(counter, "get") == 5
    assert await otp.call(counter, ("add", 2)) == 5
    otp.cast(counter, ("add", 3))
    assert await otp.call(counter, "get") == 10


async def test_a_registered_server(start: Starter) -> None:
    counter = await start(Counter, 1, name="counter")
    assert whereis("counter") is counter
    otp.cast("counter", ("add", 1))
    assert await otp.call("counter", "get") == 2
    await otp.stop("counter")
    assert whereis("counter") is None


async def test_process_info_names_the_class(runtime: None) -> None:
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
    """Answers its calls when a cast comes."""

    def init(self) -> None:
        self.waiting: list[Caller] = []

    def handle_call(self, request: Any, caller: Caller) -> NoReply:
        self.waiting.append(caller)
        return NoReply()

    def handle_cast(self, answer: Any) -> None:
        for caller in self.waiting:
            otp.reply(caller, answer)
        self.waiting = []


async def test_answering_later(start: Starter) -> None:
    async def ask(dest: Pid) -> None:
        send(dest, await otp.call(slow, "question"))

    slow = await start(Slow)
    for _ in range(3):
        spawn(ask, current_pid())
    await wait_all_tasks_blocked()
    otp.cast(slow, "answer")
    assert [await receive() for _ in range(3)] == ["answer"] * 3


async def test_another_process_may_answer(start: Starter) -> None:
    class Delegating(otp.GenServer):
        def handle_call(self, request: Any, caller: Caller) -> NoReply:
            spawn(answer, caller, request)
            return NoReply()

    async def answer(caller: Caller, request: Any) -> None:
        otp.reply(caller, request * 2)

    assert await otp.call(await start(Delegating), 21) == 42


async def test_only_the_first_answer_counts(start: Starter) -> None:
    class Twice(otp.GenServer):
        def handle_call(self, request: Any, caller: Caller) -> Reply:
            otp.reply(caller, "one")
            return Reply("two")

    assert await otp.call(await start(Twice), "question") == "one"
    assert await receive(after=0) == Timeout()


async def test_a_late_answer_is_dropped(start: Starter, autojump_clock: MockClock) -> None:
    slow = await start(Slow)
    with pytest.raises(CallError) as failed:
        await otp.call(slow, "question", timeout=2)
    error = failed.value
    assert (error.reason, error.server, error.request) == ("timeout", slow, "question")
    assert str(error) == f"'timeout' in call({slow!r}, 'question')"
    otp.cast(slow, "too late")
    assert await receive(after=1) == Timeout()
    assert process_info(current_pid()).monitors == []


async def test_the_time_out_is_five_seconds(start: Starter, autojump_clock: MockClock) -> None:
    slow = await start(Slow)
    before = trio.current_time()
    with pytest.raises(CallError):
        await otp.call(slow, "question")
    assert trio.current_time() - before == pytest.approx(5)


async def test_an_answer_at_the_very_moment_of_the_time_out(
    start: Starter, autojump_clock: MockClock
) -> None:
    async def ask() -> None:
        with contextlib.suppress(CallError):
            assert await otp.call(slow, "question", timeout=1) == "answer"
        assert await receive(after=1) == Timeout()

    slow = await start(Slow)
    for delay in [0.5, 1, 1, 1.5]:
        pid, ref = spawn_monitor(ask)
        await sleep(delay)
        otp.cast(slow, "answer")
        assert (await receive(ref)).reason == "normal"
        assert not is_alive(pid)


async def test_a_cancelled_call_drops_the_answer(start: Starter) -> None:
    slow = await start(Slow)
    with trio.CancelScope() as scope:
        scope.cancel()
        await otp.call(slow, "question")
    assert scope.cancelled_caught
    otp.cast(slow, "too late")
    assert await receive(after=0) == Timeout()
    assert process_info(current_pid()).monitors == []


async def test_any_process_may_serve_calls(runtime: None) -> None:
    async def serve() -> None:
        match await receive():
            case otp.Call(caller, request):
                otp.reply(caller, request + 1)

    assert await otp.call(spawn(serve), 1) == 2


# --- servers that end


async def test_a_call_without_a_server(start: Starter) -> None:
    counter = await start(Counter)
    await otp.stop(counter)
    assert await failure(otp.call(counter, "get")) == "noproc"
    assert await failure(otp.call("nobody", "get")) == "noproc"
    assert await failure(otp.call(current_pid(), "get")) == "calling_self"
    otp.cast(counter, "get")
    otp.cast("nobody", "get")


async def test_a_crash_fails_the_caller_with_its_reason(
    start: Starter, caplog: pytest.LogCaptureFixture
) -> None:
    counter = await start(Counter)
    ref = monitor(counter)
    reason = await failure(otp.call(counter, "rubbish"))
    assert str(reason) == "not a request: 'rubbish'"
    assert await receive(ref) == Down(ref, counter, reason)
    [record] = caplog.records
    assert (record.name, record.pid) == ("actorsock", counter)
    assert "Counter" in record.message or "Waiting" in record.message
    assert "handle_call" in caplog.text


async def test_a_failed_call_ends_a_caller_that_does_not_catch_it(
    start: Starter, autojump_clock: MockClock
) -> None:
    for request, reason in [("question", "timeout"), ("exit", "because")]:

        class Exits(Slow):
            def handle_call(self, request: Any, caller: Caller) -> NoReply:
                if request == "exit":
                    exit("because")
                return NoReply()

        pid, ref = spawn_monitor(otp.call, await start(Exits), request)
        assert await receive(ref) == Down(ref, pid, reason)


async def test_a_plain_function_that_returns_a_coroutine_is_wrong(runtime: None) -> None:
    class Hidden(otp.GenServer):
        def handle_call(self, request: Any, caller: Caller) -> Any:
            return sleep(1)

    reason = await failure(otp.call(ok(await otp.start(Hidden)), "question"))
    assert "got <coroutine" in str(reason)


async def test_a_missing_callback_is_a_crash(start: Starter) -> None:
    class Bare(otp.GenServer):
        pass

    reason = await failure(otp.call(await start(Bare), "question"))
    assert isinstance(reason, NotImplementedError)
    bare = await start(Bare)
    ref = monitor(bare)
    otp.cast(bare, "request")
    assert isinstance((await receive(ref)).reason, NotImplementedError)


async def test_a_message_without_handle_info_is_logged(
    start: Starter, caplog: pytest.LogCaptureFixture
) -> None:
    counter = await start(Counter)
    send(counter, "a letter")
    assert await otp.call(counter, "get") == 0
    assert "no handle_info for: 'a letter'" in caplog.text


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


async def test_a_time_out_comes_once(start: Starter, autojump_clock: MockClock) -> None:
    before = trio.current_time()
    await start(Timed, current_pid(), NoReply(timeout=3))
    message, at = await receive()
    assert message == "timeout"
    assert at - before == pytest.approx(3)
    assert await receive(after=100) == Timeout()


async def test_any_message_ends_the_wait(start: Starter, autojump_clock: MockClock) -> None:
    server = await start(Timed, current_pid())
    assert await otp.call(server, Reply("well", timeout=3)) == "well"
    await sleep(2)
    send(server, "a message")
    assert (await receive())[0] == "a message"
    assert await receive(after=100) == Timeout()


async def test_a_new_time_out_replaces_the_old_one(
    start: Starter, autojump_clock: MockClock
) -> None:
    server = await start(Timed, current_pid(), NoReply(timeout=3))
    before = trio.current_time()
    await sleep(2)
    otp.cast(server, NoReply(timeout=3))
    assert (await receive())[1] - before == pytest.approx(5)
    assert await receive(after=100) == Timeout()


async def test_a_time_out_of_zero_comes_after_present_messages_and_before_later_ones(
    start: Starter,
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


async def test_a_time_out_of_zero_after_init_comes_before_the_first_call(start: Starter) -> None:
    server = await start(Timed, current_pid(), NoReply(timeout=0))
    await otp.call(server, otp.Reply("answer"))
    assert (await receive(after=0))[0] == "timeout"


async def test_a_message_makes_a_fired_time_out_stale(
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


async def test_continue_comes_before_any_message(start: Starter) -> None:
    class Eager(Timed):
        def init(self, log: Pid) -> Any:
            self.log = log
            send(current_pid(), "a message")
            return Continue(None)

    await start(Eager, current_pid())
    assert await receive() == ("continue", None)
    assert (await receive())[0] == "a message"


async def test_continue_after_a_reply_and_after_a_continue(
    start: Starter, autojump_clock: MockClock
) -> None:
    server = await start(Timed, current_pid())
    assert await otp.call(server, Reply("well", Continue(Continue(NoReply(timeout=1))))) == "well"
    assert await receive() == ("continue", Continue(NoReply(timeout=1)))
    assert await receive() == ("continue", NoReply(timeout=1))
    assert (await receive())[0] == "timeout"


async def test_stop_in_continue(start: Starter) -> None:
    server = await start(Timed, current_pid())
    ref = monitor(server)
    otp.cast(server, Continue(Stop("shutdown")))
    assert (await receive(ref)).reason == "shutdown"


async def test_a_thousand_servers_leave_nothing(start: Starter, tables: Tables) -> None:
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
