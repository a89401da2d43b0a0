"""Special processes: a loop of the program's own that serves `sys`.

A whole program is compared with Erlang in tests/conformance/otp/test_channels.py.
"""

import logging
from types import SimpleNamespace
from typing import Any

import pytest

from actorsock import (
    Exit,
    Ok,
    Pid,
    current_pid,
    exit,
    monitor,
    ok,
    otp,
    process_info,
    receive,
    run,
    send,
    spawn,
    trap_exit,
)
from actorsock.otp import proc_lib, sys
from actorsock.otp.calls.protocol import StopRequest

from ..conftest import messages


async def special(test: Pid, parent: Pid, module: Any, options: Any = ()) -> None:
    """Adds up numbers, and passes other messages to the test."""
    trap_exit(True)
    debug, total = sys.debug_options(options), 0
    proc_lib.init_ack(Ok(current_pid()))
    while True:
        match await receive():
            case int(number) as message:
                debug = sys.handle_debug(debug, write, "adder", ("in", message))
                total += number
            case sys.SystemMessage() as message:
                debug, total = await sys.handle_system_msg(message, parent, module, debug, total)
                send(test, ("continues", total, sys.get_log(debug)))
            case message:
                debug = sys.handle_debug(debug, write, "adder", message)
                send(test, message)


def write(device: Any, event: Any, name: str) -> None:
    print(f"{name}: {event!r}", file=device)


@pytest.fixture(params=["task", "light"])
def light(request: pytest.FixtureRequest) -> bool:
    return request.param == "light"


async def start(light: bool, module: Any = None, options: Any = ()) -> Pid:
    me = current_pid()
    return ok(await proc_lib.start(special, me, me, module, options, light=light))


async def test_a_process_without_callbacks(runtime: None, light: bool) -> None:
    adder = await start(light)
    send(adder, 5)
    assert await sys.get_state(adder) == 5
    assert await sys.replace_state(adder, lambda total: total * 2) == 10
    assert await sys.replace_state(adder, lambda total: None) == 10
    status = await sys.get_status(adder)
    assert (status.state, status.status, status.parent) == (10, "running", current_pid())
    assert status.behaviour == process_info(adder).function
    assert status.behaviour.endswith("special")
    ref = monitor(adder)
    await otp.stop(adder, "shutdown")
    assert (await receive(ref)).reason == "shutdown"
    assert await messages() == [("continues", total, []) for total in (5, 10, 10, 10)]


async def test_a_suspended_process(runtime: None, light: bool) -> None:
    adder = await start(light)
    await sys.suspend(adder)
    send(adder, 5)
    assert (await sys.get_status(adder)).status == "suspended"
    assert await sys.get_state(adder) == 0
    assert await messages() == []
    await sys.resume(adder)
    assert await sys.get_state(adder) == 5
    assert await messages() == [("continues", 0, []), ("continues", 5, [])]


@pytest.mark.parametrize("how", ["stop", "parent"])
async def test_the_end_of_a_suspended_process(runtime: None, light: bool, how: str) -> None:
    me = current_pid()

    async def terminate(reason: Any, parent: Pid, debug: sys.Debugging, total: int) -> None:
        send(me, ("terminate", reason, parent, debug.idle, total))

    async def parent() -> None:
        module = SimpleNamespace(system_terminate=terminate)
        start = proc_lib.start_link(special, me, current_pid(), module, light=light)
        send(me, ok(await start))
        exit(await receive())

    pid = spawn(parent)
    adder = await receive(Pid)
    ref = monitor(adder)
    send(adder, 5)
    await sys.suspend(adder)
    await sys.trace(adder, False)  # which leaves nothing to keep
    if how == "stop":
        await otp.stop(adder, "because")
    else:
        send(pid, "because")
    assert (await receive(ref)).reason == "because"
    assert await messages() == [("terminate", "because", pid, True, 5)]


async def test_other_exit_signals_are_the_program_s(runtime: None, light: bool) -> None:
    adder = await start(light)
    exit(adder, "because")
    assert await receive() == Exit(current_pid(), "because")


async def test_events_are_counted_kept_and_traced(
    runtime: None, light: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    adder = await start(light, options=["statistics", ("log", 2), "trace"])
    send(adder, 5)
    send(adder, ("out", 7, "somebody"))
    send(adder, "strange")
    counted = await sys.statistics(adder, "get")
    assert counted is not None
    assert (counted.messages_in, counted.messages_out) == (1, 1)
    kept = [("out", 7, "somebody"), "strange"]
    assert await sys.log(adder, "get") == kept
    assert (await messages())[-1] == ("continues", 5, kept)
    assert caplog.messages[0] == f"*DBG* {adder!r} adder: ('in', 5)"
    await sys.log(adder, "print")
    assert caplog.messages[-2:] == caplog.messages[1:3]
    caplog.clear()
    for change in (sys.trace, sys.log, sys.statistics):
        await change(adder, False)
    send(adder, 1)
    assert await sys.log(adder, "get") == []
    assert caplog.messages == []


async def test_a_callback_that_fails_fails_the_caller(runtime: None, light: bool) -> None:
    def fail(total: int) -> Any:
        raise LookupError("nothing there")

    adder = await start(light, SimpleNamespace(system_get_state=fail))
    with pytest.raises(LookupError, match="nothing there"):
        await sys.get_state(adder)
    send(adder, 5)
    assert (await messages())[-1] == ("continues", 0, [])


async def test_a_state_that_is_shown_in_part(runtime: None, light: bool) -> None:
    def last_digit(total: int) -> int:
        return total % 10

    def replace_last_digit(function: Any, total: int) -> Any:
        digit = function(last_digit(total))
        return digit, total - last_digit(total) + digit

    module = SimpleNamespace(system_get_state=last_digit, system_replace_state=replace_last_digit)
    adder = await start(light, module)
    send(adder, 47)
    assert await sys.replace_state(adder, lambda digit: digit + 1) == 8
    assert await sys.get_state(adder) == 8
    assert (await messages())[-1] == ("continues", 48, [])


def test_a_function_from_the_beginning(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    seen: list[Any] = []

    def see(state: int, event: Any, extra: Any) -> int:
        seen.append((state, event, extra))
        return state + 1

    async def program() -> None:
        debug = sys.debug_options([("install", (see, 5)), "log"])
        for event in ("one", "two"):
            debug = sys.handle_debug(debug, write, "extra", event)
        sys.print_log(debug)
        assert [message.partition("> ")[2] for message in caplog.messages] == [
            "extra: 'one'",
            "extra: 'two'",
        ]

    run(program)
    assert seen == [(5, "one", "extra"), (6, "two", "extra")]


def test_wrong_options() -> None:
    assert sys.debug_options().idle
    assert not sys.debug_options(["log"]).idle
    with pytest.raises(ValueError, match=r"options: expected 'trace'.*, got 'install'"):
        sys.debug_options(["install"])
    with pytest.raises(ValueError, match="size: expected a number of events >= 1"):
        sys.debug_options([("log", 0)])


@pytest.mark.parametrize(
    ("message", "parent", "error"),
    [
        (7, None, "message: expected a SystemMessage, got 7"),
        (StopRequest("normal"), 7, "parent: expected a Pid, got 7"),
    ],
)
async def test_wrong_arguments(message: Any, parent: Any, error: str) -> None:
    with pytest.raises(TypeError, match=error):
        await sys.handle_system_msg(message, parent, None, sys.debug_options(), 0)
