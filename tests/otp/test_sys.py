"""sys: inspecting and suspending behaviours, in every kind of body."""

import logging
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from actorsock import (
    CallError,
    Down,
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
    trap_exit,
)
from actorsock.otp import (
    Caller,
    ChildSpec,
    EventTimeout,
    KeepState,
    NamedTimeout,
    NextState,
    NoReply,
    Reply,
    StateTimeout,
    Supervisor,
    sys,
)

from .conftest import Starter, failure, start_with_parent


class Counter(otp.GenServer):
    def init(self, log: Any = None) -> None:
        self.value = 0
        self.log = log

    def handle_call(self, request: Any, caller: Caller) -> Any:
        self.value += request
        return Reply(self.value)

    def handle_cast(self, seconds: Any) -> NoReply:
        return NoReply(timeout=seconds)

    def handle_info(self, message: Any) -> None:
        send(self.log, message)

    def terminate(self, reason: Any) -> None:
        if self.log is not None:
            send(self.log, ("terminate", reason))


class Door(otp.StateMachine):
    def init(self, log: Any) -> NextState:
        self.log = log
        return NextState("shut")

    def handle_event(self, event: Any, state: Any) -> Any:
        match event:
            case otp.Cast(StateTimeout() | EventTimeout() as action):
                return KeepState(action)
            case otp.Call(caller, _):
                otp.reply(caller, state)
        send(self.log, (event, state))
        return None


async def test_the_state_of_a_server(start: Starter) -> None:
    counter = await start(Counter)
    await otp.call(counter, 5)
    assert (await sys.get_state(counter)).value == 5

    def double(state: Counter) -> None:
        state.value *= 2

    assert (await sys.replace_state(counter, double)).value == 10
    other = type(await sys.get_state(counter))()
    other.value = 70
    assert await sys.replace_state(counter, lambda state: other) is other
    assert await otp.call(counter, 7) == 77


async def test_the_state_of_a_machine(start: Starter, autojump_clock: MockClock) -> None:
    door = await start(Door, current_pid())
    otp.cast(door, EventTimeout(2))
    state, machine = await sys.get_state(door)
    assert (state, machine.log) == ("shut", current_pid())
    # No event: what waits for one waits on, and no state is entered.
    assert await sys.replace_state(door, lambda pair: ("open", pair[1])) == ("open", machine)
    assert await receive() == (otp.TimedOut("event", None), "open")


async def test_a_function_that_raises(start: Starter) -> None:
    def fail(state: Any) -> None:
        raise LookupError("nothing there")

    counter = await start(Counter)
    with pytest.raises(LookupError, match="nothing there"):
        await sys.replace_state(counter, fail)
    with pytest.raises(TypeError, match=r"function: expected None or a .* got 7"):
        await sys.replace_state(counter, lambda state: 7)
    assert await otp.call(counter, 1) == 1


async def test_a_function_that_exits_ends_only_the_caller(start: Starter) -> None:
    counter = await start(Counter)
    assert await failure(sys.replace_state(counter, lambda state: exit("because"))) == "because"
    assert await otp.call(counter, 1) == 1


async def test_an_exit_signal_ends_the_server_during_a_request(start: Starter) -> None:
    def end(state: Any) -> None:
        exit(current_pid(), "kill")
        exit("another reason")

    counter = await start(Counter)
    assert await failure(sys.replace_state(counter, end)) == "killed"
    assert not is_alive(counter)


def test_sys_exit_in_the_function_ends_the_program() -> None:
    def leave(state: Any) -> None:
        raise SystemExit(3)

    async def main() -> None:
        await sys.replace_state(ok(await otp.start(Counter)), leave)

    with pytest.raises(SystemExit, match="3"):
        run(main)


class Numbers(otp.StateMachine):
    """Each of its states has a method."""

    def init(self) -> NextState:
        return NextState("one")

    def one(self, event: Any) -> None:
        pass

    def two(self, event: Any) -> None:
        pass


@pytest.mark.parametrize(
    ("new", "message"),
    [
        (("two", "not the object"), "function: expected None or a .* as the object, got 'not"),
        (("two",), r"function: expected None or \(state, object\), got \('two',\)"),
        ("two", r"function: expected None or \(state, object\), got 'two'"),
    ],
    ids=["object", "single", "word"],
)
async def test_a_wrong_state_of_a_machine_changes_nothing(
    start: Starter, new: Any, message: str
) -> None:
    machine = await start(Numbers)
    before = await sys.get_state(machine)
    with pytest.raises(TypeError, match=message):
        await sys.replace_state(machine, lambda pair: new)
    assert await sys.get_state(machine) == before


async def test_a_state_that_has_a_method_is_a_name(start: Starter) -> None:
    machine = await start(Numbers)
    for wrong in [2, "_two", "init", "three"]:
        with pytest.raises(TypeError, match=f"function: no method for the state {wrong!r}"):
            await sys.replace_state(machine, lambda pair, wrong=wrong: (wrong, pair[1]))
    assert (await sys.replace_state(machine, lambda pair: ("two", pair[1])))[0] == "two"
    door = await start(Door, current_pid())
    assert (await sys.replace_state(door, lambda pair: (2, pair[1])))[0] == 2


async def test_the_status(start: Starter) -> None:
    counter = await start(Counter, name="counter")
    status = await sys.get_status("counter")
    assert (status.pid, status.registered_name) == (counter, "counter")
    assert (status.status, status.parent) == ("running", counter)
    assert status.behaviour == process_info(counter).function
    assert status.state == {"value": 0, "log": None}
    assert status.log == []


async def test_format_status_replaces_the_state(start: Starter) -> None:
    class Secret(Counter):
        def format_status(self) -> Any:
            return "hidden"

    assert (await sys.get_status(await start(Secret))).state == "hidden"

    class SecretDoor(Door):
        def format_status(self) -> Any:
            return "hidden"

    door = await start(SecretDoor, current_pid())
    assert (await sys.get_status(door)).state == ("shut", "hidden")


async def test_a_format_status_that_crashes(start: Starter) -> None:
    class Broken(Counter):
        def format_status(self) -> Any:
            if self.value:
                exit("because")
            raise LookupError("nothing there")

    counter = await start(Broken)
    state = (await sys.get_status(counter)).state
    assert state.endswith(".format_status crashed: LookupError('nothing there')")
    assert await otp.call(counter, 1) == 1
    assert (await sys.get_status(counter)).state.endswith("crashed: 'because'")
    assert await otp.call(counter, 1) == 2


async def test_supervisors_and_applications_are_asked_too(runtime: None) -> None:
    top = ok(await otp.start_link(Supervisor, [ChildSpec("child", start_counter)]))
    status = await sys.get_status(top)
    assert status.parent is current_pid()
    assert [child.id for child in status.state["children"]] == ["child"]
    await otp.stop(top)


async def start_counter() -> Any:
    return await otp.start_link(Counter)


# --- suspended


async def test_a_suspended_server_keeps_its_messages(start: Starter) -> None:
    counter = await start(Counter, current_pid())
    await sys.suspend(counter)
    await sys.suspend(counter)
    request = otp.send_request(counter, 1)
    for number in range(3):
        send(counter, number)
    assert (await sys.get_status(counter)).status == "suspended"
    assert (await sys.get_state(counter)).value == 0
    await wait_all_tasks_blocked()
    assert await receive(after=0) == Timeout()
    await sys.resume(counter)
    await sys.resume(counter)
    assert [(await receive()) for _ in range(4)] == [otp.Answer(request, 1), 0, 1, 2]


async def test_a_suspended_server_stops(start: Starter) -> None:
    counter = await start(Counter, current_pid())
    await sys.suspend(counter)
    send(counter, "never handled")
    await otp.stop(counter, "shutdown")
    assert await receive() == ("terminate", "shutdown")
    assert await receive(after=0) == Timeout()


async def test_a_suspended_server_ends_with_its_parent(in_body: Any) -> None:
    class Trapping(Counter):
        def init(self, log: Any = None) -> None:
            trap_exit(True)
            super().init(log)

    behaviour, keywords = in_body(Trapping)
    parent, counter = await start_with_parent(behaviour, current_pid(), **keywords)
    await sys.suspend(counter)
    ref = monitor(counter)
    send(parent, "normal")
    assert await receive() == ("terminate", "normal")
    assert (await receive(ref)).reason == "normal"


async def test_a_time_out_begins_again_after_a_request(
    start: Starter, autojump_clock: MockClock
) -> None:
    counter = await start(Counter, current_pid())
    begin = trio.current_time()
    otp.cast(counter, 3)
    await sleep(2)
    await sys.get_state(counter)
    assert await receive() == "timeout"
    assert trio.current_time() - begin == pytest.approx(5)
    otp.cast(counter, 3)
    await sys.suspend(counter)
    await sleep(10)
    await sys.resume(counter)
    begin = trio.current_time()
    assert await receive() == "timeout"
    assert trio.current_time() - begin == pytest.approx(3)
    assert await receive(after=10) == Timeout()


async def test_the_time_outs_of_a_suspended_machine_run(
    start: Starter, autojump_clock: MockClock
) -> None:
    door = await start(Door, current_pid())
    otp.cast(door, StateTimeout(1, "tick"))
    await sys.suspend(door)
    await sleep(2)
    send(door, "knock")
    await sys.resume(door)
    assert await receive() == (otp.TimedOut("state", "tick"), "shut")
    assert await receive() == (otp.Info("knock"), "shut")


# --- debugging


async def test_statistics(start: Starter) -> None:
    counter = await start(Counter, current_pid())
    assert await sys.statistics(counter, "get") is None
    await sys.statistics(counter, True)
    await otp.call(counter, 1)
    send(counter, "a letter")
    statistics = await sys.statistics(counter, "get")
    assert (statistics.messages_in, statistics.messages_out) == (2, 1)
    assert statistics.start_time <= statistics.current_time
    await sys.statistics(counter, True)
    again = await sys.statistics(counter, "get")
    assert (again.start_time, again.messages_in) == (statistics.start_time, 2)
    await sys.statistics(counter, False)
    assert await sys.statistics(counter, "get") is None
    await sys.statistics(counter, True)
    fresh = await sys.statistics(counter, "get")
    assert fresh.messages_in == 0


async def test_the_newest_events_are_kept(start: Starter) -> None:
    counter = await start(Counter, current_pid())
    await sys.log(counter, True, size=3)
    send(counter, "too old")
    send(counter, "a letter")
    await otp.call(counter, 1)
    match await sys.log(counter, "get"):
        case [("in", "a letter"), ("in", otp.Call(caller, 1)), ("out", 1, pid)]:
            assert pid is caller.pid is current_pid()
        case other:
            pytest.fail(f"got {other!r}")
    assert len((await sys.get_status(counter)).log) == 3
    await sys.log(counter, True, size=1)  # it is kept already, and goes on
    assert len((await sys.get_status(counter)).log) == 3
    await sys.log(counter, False)
    assert await sys.log(counter, "get") == []


async def test_a_time_out_is_an_event_when_it_has_run_out(
    start: Starter, autojump_clock: MockClock
) -> None:
    counter = await start(Counter, current_pid())
    await sys.log(counter, True)
    await sys.statistics(counter, True)
    otp.cast(counter, 1)
    assert await receive() == "timeout"
    # This one is overtaken by a message: there was no time-out.
    await sys.suspend(counter)
    otp.cast(counter, 0)
    send(counter, "a letter")
    await sys.resume(counter)
    assert await receive() == "a letter"
    assert await sys.log(counter, "get") == [
        ("in", otp.Cast(1)),
        ("in", "timeout"),
        ("in", otp.Cast(0)),
        ("in", "a letter"),
    ]
    statistics = await sys.statistics(counter, "get")
    assert statistics.messages_in == 4


async def test_inserted_events_and_time_outs_of_a_machine_are_counted(
    start: Starter, autojump_clock: MockClock
) -> None:
    class Inserting(Door):
        def handle_event(self, event: Any, state: Any) -> Any:
            if event == otp.Info("begin"):
                inserted = otp.NextEvent(otp.Internal(1))
                return KeepState(inserted, EventTimeout(5), StateTimeout(1), NamedTimeout("n", 0))
            return super().handle_event(event, state)

    machine = await start(Inserting, current_pid())
    await sys.log(machine, True)
    await sys.statistics(machine, True)
    send(machine, "begin")
    assert (await receive())[0] == otp.Internal(1)  # which has ended the wait for an event
    assert (await receive())[0] == otp.TimedOut("n", None)
    assert (await receive())[0] == otp.TimedOut("state", None)
    assert await sys.log(machine, "get") == [
        ("in", "begin"),
        ("in", otp.Internal(1)),
        ("in", otp.TimedOut("n", None)),
        ("in", otp.TimedOut("state", None)),
    ]
    statistics = await sys.statistics(machine, "get")
    assert statistics.messages_in == 4


async def test_a_trace(start: Starter, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "actorsock.otp")
    counter = await start(Counter, current_pid())
    await sys.trace(counter, True)
    await otp.call(counter, 1)
    send(counter, "a letter")
    otp.cast(counter, 1)
    await sys.trace(counter, False)
    await otp.call(counter, 1)
    assert [record.getMessage() for record in caplog.records] == [
        f"*DBG* {counter!r} got call 1 from {current_pid()!r}",
        f"*DBG* {counter!r} sent 1 to {current_pid()!r}",
        f"*DBG* {counter!r} got 'a letter'",
        f"*DBG* {counter!r} got cast 1",
    ]


async def test_the_log_is_printed(start: Starter, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "actorsock.otp")
    counter = await start(Counter, current_pid())
    await sys.log(counter, "print")
    await sys.log(counter, True)
    await otp.call(counter, 1)
    assert caplog.messages == []
    assert await sys.log(counter, "print") is None
    assert caplog.messages == [
        f"*DBG* {counter!r} got call 1 from {current_pid()!r}",
        f"*DBG* {counter!r} sent 1 to {current_pid()!r}",
    ]


async def test_a_function_sees_each_event(start: Starter, caplog: pytest.LogCaptureFixture) -> None:
    counter = await start(Counter, current_pid())
    seen: list[Any] = []

    def see(number: int, event: Any, name: Any) -> int:
        assert current_pid() is name is counter
        seen.append((number, event[0]))
        return number + 1

    def fail(state: Any, event: Any, name: Any) -> None:
        seen.append("fails")
        raise LookupError("not there")

    await sys.install(counter, see, 1)
    await sys.install(counter, fail, None)
    assert await otp.call(counter, 1) == 1
    assert seen == ["fails", (1, "in"), (2, "out")]
    [removed] = caplog.messages
    assert removed.startswith(f"process {counter!r} removes its debug function ")
    assert removed.endswith(".fail, which has failed: LookupError('not there')")
    await sys.remove(counter, see)
    assert await otp.call(counter, 1) == 2
    assert len(seen) == 3
    with pytest.raises(TypeError, match="function: expected a plain function"):
        await sys.install(counter, sleep, 0)


async def test_all_debugging_ends(start: Starter, caplog: pytest.LogCaptureFixture) -> None:
    counter = await start(Counter)
    await sys.log(counter, True)
    await sys.trace(counter, True)
    await sys.statistics(counter, True)
    await sys.install(counter, lambda *args: exit(counter, "kill"), 0)
    await sys.no_debug(counter)
    assert await otp.call(counter, 1) == 1
    assert await sys.log(counter, "get") == []
    assert await sys.statistics(counter, "get") is None
    assert caplog.messages == []


# --- processes that do not answer


async def test_a_missing_process_and_one_without_a_behaviour(
    runtime: None, autojump_clock: MockClock
) -> None:
    assert await failure(sys.get_state("nobody")) == "noproc"
    assert await failure(sys.get_state(current_pid())) == "calling_self"
    pid = spawn(receive, Down)
    with pytest.raises(CallError) as failed:
        await sys.get_state(pid, timeout=1)
    assert failed.value.reason == "timeout"
    assert "in get_state(" in str(failed.value)
