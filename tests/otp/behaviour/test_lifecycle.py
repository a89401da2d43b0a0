"""Beginning and ending: the same for servers and state machines, in every kind of body."""

import logging
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from actorsock import (
    CallError,
    Down,
    Error,
    Exit,
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
    register,
    send,
    sleep,
    spawn,
    spawn_monitor,
    trap_exit,
    whereis,
)
from actorsock.otp import Call, Caller, Ignore, Info, NextState, Stop

from ..conftest import Awkward, Starter, Tables, error_text, failure, messages, start_with_parent


def obey(request: Any) -> Any:
    match request:
        case ("exit", reason):
            exit(reason)
        case Exception():
            raise request
    return request


class Server(otp.GenServer):
    """Does what a request says, and reports messages and its end to `log`."""

    wrong_results = (None, 7, Ignore())
    wrong_inits = (7,)
    expected_of_call = "handle_call: expected Reply, NoReply, Continue or Stop"
    expected_of_init = "init: expected None, NoReply"

    def init(self, log: Pid, trap: bool = False, outcome: Any = None) -> Any:
        self.log = log
        trap_exit(trap)
        return obey(outcome)

    def handle_call(self, request: Any, caller: Caller) -> Any:
        return obey(request)

    def handle_info(self, message: Any) -> None:
        send(self.log, ("info", message))
        if message == "signal":
            exit(current_pid(), "because")

    def terminate(self, reason: Any) -> None:
        send(self.log, ("terminate", reason))
        if isinstance(reason, str) and reason == "be clumsy":
            raise ValueError("clumsy")
        if isinstance(reason, tuple) and reason[0] == "exit with":
            exit(reason[1])


class Machine(otp.StateMachine):
    """The same."""

    wrong_results = (7, Ignore())
    wrong_inits = (7, None)
    expected_of_call = "handle_event: expected None, KeepState, RepeatState, NextState or Stop"
    expected_of_init = "init: expected NextState, Stop, Ignore or Error"

    def init(self, log: Pid, trap: bool = False, outcome: Any = "begin") -> Any:
        self.log = log
        trap_exit(trap)
        return NextState("a") if outcome == "begin" else obey(outcome)

    def handle_event(self, event: Any, state: Any) -> Any:
        match event:
            case Call(_, request):
                return obey(request)
            case Info(message):
                Server.handle_info(self, message)
        return None

    def terminate(self, reason: Any, state: Any) -> None:
        assert state == "a"
        Server.terminate(self, reason)


@pytest.fixture(params=[Server, Machine], ids=["server", "machine"])
def behaviour(request: pytest.FixtureRequest) -> Any:
    return request.param


# --- the end


async def test_stop_with_a_reply(start: Starter, behaviour: Any) -> None:
    pid = await start(behaviour, current_pid())
    ref = monitor(pid)
    assert await otp.call(pid, Stop(reply="bye")) == "bye"
    assert await receive() == ("terminate", "normal")
    assert await receive() == Down(ref, pid, "normal")


async def test_stop_without_a_reply_is_logged(
    start: Starter, behaviour: Any, caplog: pytest.LogCaptureFixture
) -> None:
    pid = await start(behaviour, current_pid())
    assert await failure(otp.call(pid, Stop("bad"))) == "bad"
    assert await receive() == ("terminate", "bad")
    [record] = caplog.records
    assert record.name == "actorsock.otp"
    served = f"call Stop('bad') from {current_pid()!r}"
    assert record.message.endswith(f"stops: 'bad' (last message: {served})")


@pytest.mark.parametrize("reason", ["normal", "shutdown", ("shutdown", "moving")])
async def test_orderly_ends_are_not_logged(
    start: Starter, behaviour: Any, reason: Any, caplog: pytest.LogCaptureFixture
) -> None:
    pid = await start(behaviour, current_pid())
    assert await failure(otp.call(pid, ("exit", reason))) == reason
    assert await messages() == [("terminate", reason)]
    assert caplog.records == []


async def test_a_crash_calls_terminate(start: Starter, behaviour: Any) -> None:
    crash = ValueError("a crash")
    assert await failure(otp.call(await start(behaviour, current_pid()), crash)) is crash
    assert await messages() == [("terminate", crash)]


async def test_the_report_of_a_crash_has_the_last_message(
    start: Starter, behaviour: Any, caplog: pytest.LogCaptureFixture
) -> None:
    await failure(otp.call(await start(behaviour, current_pid()), ValueError(b"a secret")))
    await failure(otp.stop(await start(behaviour, current_pid()), "be clumsy"))
    crashed, clumsy = caplog.records
    served = f"call ValueError(<8 bytes>) from {current_pid()!r}"
    assert crashed.__dict__["last_message"] == served
    assert crashed.getMessage().endswith(f"(last message: {served})")
    assert clumsy.__dict__["last_message"] is None  # it handled none


async def test_a_wrong_result_is_a_crash(start: Starter, behaviour: Any) -> None:
    for wrong in behaviour.wrong_results:
        reason = await failure(otp.call(await start(behaviour, current_pid()), wrong))
        assert isinstance(reason, TypeError)
        expected = f"{behaviour.expected_of_call} to be returned, got {wrong!r}"
        assert str(reason).partition(";")[0] == expected
        assert await messages() == [("terminate", reason)]


async def test_stop_from_outside(start: Starter, behaviour: Any) -> None:
    pid = await start(behaviour, current_pid())
    await otp.stop(pid, "shutdown")
    assert not is_alive(pid)
    assert await receive() == ("terminate", "shutdown")
    assert await failure(otp.stop(pid)) == "noproc"
    assert await failure(otp.stop(current_pid())) == "calling_self"


async def test_a_crash_of_terminate_is_the_result_of_stop(start: Starter, behaviour: Any) -> None:
    with pytest.raises(CallError) as failed:
        await otp.stop(await start(behaviour, current_pid()), "be clumsy")
    assert isinstance(failed.value.reason, ValueError)
    assert failed.value.__cause__ is failed.value.reason


async def test_stop_compares_reasons_that_can_not_be_compared(
    start: Starter, behaviour: Any
) -> None:
    awkward = Awkward()
    pid = await start(behaviour, current_pid())
    assert await failure(otp.stop(pid, ("exit with", awkward))) is awkward
    await otp.stop(await start(behaviour, current_pid()), awkward)


async def test_a_stop_that_takes_too_long(runtime: None, autojump_clock: MockClock) -> None:
    class Lingering(otp.GenServer):
        async def terminate(self, reason: Any) -> None:
            await sleep(10)

    server = ok(await otp.start(Lingering))
    assert await failure(otp.stop(server, timeout=1)) == "timeout"
    ref = monitor(server)
    assert (await receive(ref)).reason == "normal"


# --- exit signals


@pytest.mark.parametrize(("trap", "reason"), [(False, "because"), (True, "kill")])
async def test_an_exit_signal_ends_without_terminate(
    start: Starter, behaviour: Any, trap: bool, reason: str
) -> None:
    pid = await start(behaviour, current_pid(), trap)
    ref = monitor(pid)
    exit(pid, reason)
    assert (await receive()).ref is ref
    assert await receive(after=0) == Timeout()


async def test_the_end_of_the_parent_calls_terminate(in_body: Any, behaviour: Any) -> None:
    behaviour, keywords = in_body(behaviour)
    parent, child = await start_with_parent(behaviour, current_pid(), True, **keywords)
    ref = monitor(child)
    send(parent, "shutdown")
    assert await receive() == ("terminate", "shutdown")
    assert await receive(ref) == Down(ref, child, "shutdown")


async def test_other_exit_signals_are_messages(start: Starter, behaviour: Any) -> None:
    pid = await start(behaviour, current_pid(), True)
    exit(pid, "please")
    assert await receive() == ("info", Exit(current_pid(), "please"))
    assert is_alive(pid)


async def test_a_process_without_a_parent_is_its_own(start: Starter, behaviour: Any) -> None:
    """A signal that it sends to itself ends it even if it traps exits; not after `start_link`."""
    pid = await start(behaviour, current_pid(), True)
    ref = monitor(pid)
    send(pid, "signal")
    assert await receive() == ("info", "signal")
    assert await receive() == ("terminate", "because")
    assert await receive(ref) == Down(ref, pid, "because")
    linked = ok(await otp.start_link(behaviour, current_pid(), True))
    send(linked, "signal")
    assert await receive() == ("info", "signal")
    assert await receive() == ("info", Exit(linked, "because"))
    await otp.stop(linked)


# --- the beginning


@pytest.mark.parametrize("function", [otp.start, otp.start_link, otp.start_monitor])
async def test_an_init_that_fails(in_body: Any, behaviour: Any, function: Any) -> None:
    wrong_inits, expected_of_init = behaviour.wrong_inits, behaviour.expected_of_init
    crash = ValueError("no")
    trap_exit(True)
    behaviour, keywords = in_body(behaviour)
    for outcome, result in [
        (Stop("because"), Error("because")),
        (Ignore(), Error("ignore")),
        (Error("politely", 7), Error("politely", 7)),
        (crash, Error(crash)),
        (("exit", "exit"), Error("exit")),
    ]:
        assert (
            await function(behaviour, current_pid(), True, outcome, name="x", **keywords) == result
        )
        assert whereis("x") is None
    for wrong in wrong_inits:
        result = await function(behaviour, current_pid(), True, wrong, **keywords)
        assert expected_of_init in error_text(result, TypeError)
    # Neither `terminate` was called, nor does a caller that traps exits get an `Exit`.
    assert await receive(after=0) == Timeout()


@pytest.mark.parametrize(
    ("outcome", "reason"), [(Stop("because"), "because"), (Error("politely"), "normal")]
)
async def test_a_failed_start_link_ends_a_caller_that_does_not_trap_exits(
    in_body: Any, behaviour: Any, outcome: Any, reason: str
) -> None:
    behaviour, keywords = in_body(behaviour)

    async def parent(log: Pid) -> None:
        await otp.start_link(behaviour, log, False, outcome, **keywords)

    _, ref = spawn_monitor(parent, current_pid())
    assert (await receive(ref)).reason == reason


async def test_start_link_links(in_body: Any, behaviour: Any) -> None:
    behaviour, keywords = in_body(behaviour)
    trap_exit(True)
    pid = ok(await otp.start_link(behaviour, current_pid(), **keywords))
    assert process_info(current_pid()).links == [pid]
    exit(pid, "because")
    assert await receive() == Exit(pid, "because")


async def test_start_monitor_monitors_from_the_beginning(in_body: Any, behaviour: Any) -> None:
    """Also a process that ends right after `init`. As in Erlang the caller is the parent."""
    behaviour, keywords = in_body(behaviour)
    me = current_pid()
    pid, ref = ok(await otp.start_monitor(behaviour, me, True, **keywords))
    exit(pid, "kill")
    assert await messages() == [Down(ref, pid, "killed")]
    pid, ref = ok(await otp.start_monitor(behaviour, me, True, name="other", **keywords))
    assert await otp.start_monitor(behaviour, me, name="other") == Error("already_started", pid)
    assert process_info(me).links == []
    exit(pid, "parent")
    assert await messages() == [("terminate", "parent"), Down(ref, pid, "parent")]


async def test_a_name_that_is_taken(start: Starter, in_body: Any, behaviour: Any) -> None:
    pid = await start(behaviour, current_pid(), name="taken")
    register("me", current_pid())
    behaviour, keywords = in_body(behaviour)
    for name, owner in [("taken", pid), ("me", current_pid())]:
        result = await otp.start(behaviour, current_pid(), name=name, **keywords)
        assert result == Error("already_started", owner)


async def test_arguments_that_do_not_fit_init(in_body: Any, behaviour: Any) -> None:
    behaviour, keywords = in_body(behaviour)
    error_text(await otp.start(behaviour, 1, 2, 3, 4, **keywords), TypeError)


async def test_a_failing_start_lets_others_run(runtime: None) -> None:
    others = []

    async def starts(log: Pid) -> None:
        for _ in range(10_000):
            await otp.start(otp.GenServer, name="taken")
            if others:
                break
        send(log, list(others))

    async def other() -> None:
        others.append(current_pid())

    ok(await otp.start(otp.GenServer, name="taken"))
    for light in [False, True]:
        spawn(starts, current_pid(), light=light)
        pid = spawn(other, light=light)
        assert await receive() == [pid]
        others.clear()
    with trio.CancelScope() as scope:
        scope.cancel()
        await otp.start(otp.GenServer, name="taken")
    assert scope.cancelled_caught


class Slow(otp.GenServer):
    """Its `init` takes ten seconds."""

    async def init(self) -> None:
        await sleep(10)


@pytest.mark.parametrize("light", [False, True])
@pytest.mark.parametrize("function", [otp.start, otp.start_link, otp.start_monitor])
async def test_an_init_that_takes_too_long(
    runtime: None, autojump_clock: MockClock, function: Any, light: bool
) -> None:
    assert await function(Slow, name="slow", timeout=1, light=light) == Error("timeout")
    assert whereis("slow") is None
    assert await receive(after=100) == Timeout()


@pytest.mark.parametrize("function", [otp.start_link, otp.start_monitor])
async def test_a_cancelled_start_kills_the_process(
    runtime: None, autojump_clock: MockClock, tables: Tables, function: Any
) -> None:
    current_pid()
    before = tables()
    with trio.move_on_after(1):
        await function(Slow, name="slow")
    await wait_all_tasks_blocked()
    assert tables() == before
    assert await receive(after=100) == Timeout()


async def test_a_process_that_is_killed_in_init(runtime: None) -> None:
    class Waits(otp.GenServer):
        async def init(self, starter: Pid) -> None:
            send(starter, current_pid())
            await receive()

    async def kills() -> None:
        exit(await receive(), "kill")

    assert await otp.start(Waits, spawn(kills)) == Error("killed")


@pytest.mark.parametrize("linked", [False, True], ids=["start", "start_link"])
@pytest.mark.parametrize("light", [False, True], ids=["task", "light"])
async def test_the_end_of_the_starter_reaches_only_a_linked_process(
    runtime: None, linked: bool, light: bool
) -> None:
    class Waits(otp.GenServer):
        async def init(self, log: Pid) -> None:
            self.log = log
            trap_exit(True)
            send(log, current_pid())
            await receive(str)

        def terminate(self, reason: Any) -> None:
            send(self.log, reason)

    async def starts(log: Pid) -> None:
        await (otp.start_link if linked else otp.start)(Waits, log, light=light)

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


async def test_an_error_in_logging_harms_no_behaviour(
    runtime: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Filters and handlers are the program's code: one that raises ends no server or supervisor."""

    class Fragile(otp.GenServer):
        def handle_cast(self, request: Any) -> Any:
            return Stop(request)

    def fails(record: logging.LogRecord) -> bool:
        raise LookupError("no logging")

    supervisor = ok(
        await otp.start(otp.Supervisor, [otp.ChildSpec("a", otp.start_link, (Fragile,))])
    )
    [child] = await otp.which_children(supervisor)
    assert isinstance(child.pid, Pid)
    for name in ["actorsock.otp", "actorsock.supervisor"]:
        monkeypatch.setattr(logging.getLogger(name), "handle", fails)
    await otp.sys.trace(child.pid, True)
    send(child.pid, "a message that nobody handles")
    assert await otp.sys.get_state(child.pid)
    ref = monitor(child.pid)
    otp.cast(child.pid, "a reason")
    assert (await receive(ref)).reason == "a reason"
    [child] = await otp.which_children(supervisor)
    assert isinstance(child.pid, Pid)
