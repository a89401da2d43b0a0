"""A wrong argument raises at the call, and the message names the argument."""

import math
from collections.abc import Callable
from typing import Any

import pytest
from trio.testing import wait_all_tasks_blocked

from actorsock import (
    cancel_timer,
    current_pid,
    demonitor,
    exit,
    is_alive,
    link,
    make_ref,
    monitor,
    process_info,
    processes,
    read_timer,
    receive,
    register,
    registered,
    run,
    send,
    send_after,
    sleep,
    spawn,
    spawn_handler,
    spawn_link,
    spawn_monitor,
    start_timer,
    trap_exit,
    unlink,
    unregister,
    whereis,
)

PID_FUNCTIONS = [link, unlink, is_alive, process_info]
SPAWN_FUNCTIONS = [spawn, spawn_link, spawn_monitor]


def names(function: Callable[..., object]) -> str:
    return function.__name__


@pytest.mark.parametrize("value", [None, 1, "name", object], ids=repr)
@pytest.mark.parametrize("function", PID_FUNCTIONS, ids=names)
async def test_pids(runtime: None, function: Callable[[Any], object], value: Any) -> None:
    with pytest.raises(TypeError, match=r"^pid: expected a Pid, got ") as info:
        function(value)
    assert repr(value) in str(info.value)


@pytest.mark.parametrize("value", [None, 1, "name"], ids=repr)
async def test_exit_to_no_pid(runtime: None, value: Any) -> None:
    with pytest.raises(TypeError, match=r"^pid: expected a Pid"):
        exit(value, "a reason")


@pytest.mark.parametrize("value", [None, 1, b"name", ("name",)], ids=repr)
async def test_destinations(runtime: None, value: Any) -> None:
    calls: list[Callable[[], object]] = [
        lambda: send(value, "a message"),
        lambda: monitor(value),
        lambda: send_after(1, value, "a message"),
        lambda: start_timer(1, value, "a message"),
    ]
    for call in calls:
        with pytest.raises(TypeError, match=r"^dest: expected a Pid") as info:
            call()
        assert repr(value) in str(info.value)


@pytest.mark.parametrize("value", [None, 1, "ref"], ids=repr)
@pytest.mark.parametrize("function", [demonitor, cancel_timer, read_timer], ids=names)
async def test_refs(runtime: None, function: Callable[[Any], object], value: Any) -> None:
    with pytest.raises(TypeError, match=r"^ref: expected a Ref, got "):
        function(value)
    with pytest.raises(TypeError, match=r"^ref: expected a Ref, got "):
        function(current_pid())


@pytest.mark.parametrize("value", [None, 1, b"name"], ids=repr)
@pytest.mark.parametrize("function", [whereis, unregister], ids=names)
async def test_names(runtime: None, function: Callable[[Any], object], value: Any) -> None:
    with pytest.raises(TypeError, match=r"^name: expected a str, got "):
        function(value)


async def test_register(runtime: None) -> None:
    with pytest.raises(TypeError, match=r"^name: expected a str, got 5"):
        register(5, current_pid())
    with pytest.raises(TypeError, match=r"^pid: expected a Pid, got 'name'"):
        register("name", "name")
    assert registered() == []


@pytest.mark.parametrize("start", SPAWN_FUNCTIONS, ids=names)
async def test_spawn(runtime: None, start: Callable[..., object]) -> None:
    before = processes()
    with pytest.raises(TypeError, match=r"^fn: expected an async function, got 5"):
        start(5)
    with pytest.raises(TypeError, match=r"^name: expected a str, got 5"):
        start(receive, name=5)
    assert processes() == before


@pytest.mark.parametrize("start", SPAWN_FUNCTIONS, ids=names)
async def test_spawn_of_a_coroutine(runtime: None, start: Callable[..., object]) -> None:
    with pytest.raises(TypeError, match=r"^fn: expected an async function .*: receive, not rec"):
        start(receive())


def test_run_of_what_is_no_async_function() -> None:
    async def main() -> None:
        pass

    with pytest.raises(TypeError, match=r"^main: expected an async function .*main, not .*main"):
        run(main())
    with pytest.raises(TypeError, match=r"^main: expected an async function, got 5"):
        run(5)
    with pytest.raises(TypeError, match=r"a process runs an async function, but .* returned None"):
        run(print)


async def test_an_async_predicate(runtime: None) -> None:
    async def says(message: object) -> bool:
        return True

    send(current_pid(), "a message")
    with pytest.raises(TypeError, match=r"^pattern: expected a plain predicate, got an async one"):
        await receive(says)
    assert await receive() == "a message"


async def test_an_async_handler(runtime: None) -> None:
    class Handler:
        async def __call__(self, message: object) -> None:
            pass

    with pytest.raises(TypeError, match=r"^handler: expected a plain function of one message"):
        spawn_handler(Handler())


async def test_spawn_handler(runtime: None) -> None:
    before = processes()
    with pytest.raises(
        TypeError, match=r"^handler: expected a plain function of one message, got 5"
    ):
        spawn_handler(5)
    with pytest.raises(
        TypeError, match=r"^terminate: expected a plain function of one reason, got 5"
    ):
        spawn_handler(print, 5)
    with pytest.raises(TypeError, match=r"^name: expected a str, got 5"):
        spawn_handler(print, name=5)
    assert processes() == before


@pytest.mark.parametrize("value", [None, 1, "on"], ids=repr)
async def test_trap_exit(runtime: None, value: Any) -> None:
    with pytest.raises(TypeError, match=r"^flag: expected a bool, got "):
        trap_exit(value)
    assert trap_exit(False) is False


@pytest.mark.parametrize("value", ["1", None, True, [1]], ids=repr)
async def test_durations_of_the_wrong_type(runtime: None, value: Any) -> None:
    await check_durations(TypeError, value)


@pytest.mark.parametrize("value", [-1, -0.001, math.nan, -math.inf], ids=repr)
async def test_durations_out_of_range(runtime: None, value: float) -> None:
    await check_durations(ValueError, value)


async def check_durations(error: type[Exception], value: Any) -> None:
    send(current_pid(), "a message")
    with pytest.raises(error, match=r"^after: expected seconds"):
        await receive(after=value)
    with pytest.raises(error, match=r"^seconds: expected seconds"):
        await sleep(value)
    with pytest.raises(error, match=r"^delay: expected seconds"):
        send_after(value, current_pid(), "never sent")
    with pytest.raises(error, match=r"^delay: expected seconds"):
        start_timer(value, current_pid(), "never sent")
    # The message that was there is there still.
    await wait_all_tasks_blocked()
    assert process_info(current_pid()).messages == ["a message"]


@pytest.mark.parametrize("value", [5, "a string", [int], list[int]], ids=repr)
async def test_patterns(runtime: None, value: Any) -> None:
    send(current_pid(), "a message")
    with pytest.raises(TypeError, match=r"^pattern: expected") as info:
        await receive(value)
    assert repr(value) in str(info.value)
    assert await receive() == "a message"


async def test_a_wrong_argument_takes_nothing_away(runtime: None) -> None:
    # Refused before anything else has happened.
    pid = spawn(receive)
    for wrong in (lambda: link("pid"), lambda: monitor(None), lambda: demonitor(pid)):
        with pytest.raises(TypeError):
            wrong()
    info = process_info(current_pid())
    assert info.links == info.monitors == info.messages == []
    assert demonitor(make_ref()) is None
