"""A wrong argument raises at the call, and the message names the argument."""

import math
import re
from collections.abc import Callable
from typing import Any

import pytest

from actorsock import (
    cancel_timer,
    current_pid,
    demonitor,
    exit,
    is_alive,
    link,
    make_ref,
    max_mailbox,
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


class AsyncCallable:
    async def __call__(self, message: object) -> None:
        pass


async def async_function(message: object) -> bool:
    return True


# Each row: functions of one argument, wrong values of it, the exception, and its text.
WRONG: list[tuple[list[Callable[[Any], object]], list[Any], type[Exception], str]] = [
    (
        [link, unlink, is_alive, process_info],
        [None, 1, "name", object],
        TypeError,
        r"^pid: expected a Pid, got ",
    ),
    (
        [lambda pid: exit(pid, "a reason")],
        [None, 1, "name"],
        TypeError,
        r"^pid: expected a Pid, got ",
    ),
    ([lambda pid: register("name", pid)], ["name"], TypeError, r"^pid: expected a Pid, got "),
    (
        [
            lambda dest: send(dest, "a message"),
            monitor,
            lambda dest: send_after(1, dest, "a message"),
            lambda dest: start_timer(1, dest, "a message"),
        ],
        [None, 1, b"name", ("name",)],
        TypeError,
        r"^dest: expected a Pid",
    ),
    (
        [demonitor, cancel_timer, read_timer],
        [None, 1, "ref"],
        TypeError,
        r"^ref: expected a Ref, got ",
    ),
    (
        [whereis, unregister],
        [None, 1, b"name"],
        TypeError,
        r"^name: expected a str, got ",
    ),
    (
        [
            lambda name: register(name, current_pid()),
            lambda name: spawn(receive, name=name),
            lambda name: spawn_link(receive, name=name),
            lambda name: spawn_monitor(receive, name=name),
            lambda name: spawn_handler(print, name=name),
        ],
        [5],
        TypeError,
        r"^name: expected a str, got 5",
    ),
    (
        [spawn, spawn_link, spawn_monitor],
        [5],
        TypeError,
        r"^fn: expected an async function, got 5",
    ),
    (
        [spawn_handler],
        [5, async_function, AsyncCallable()],
        TypeError,
        r"^handler: expected a plain function of one message, got ",
    ),
    (
        [lambda terminate: spawn_handler(print, terminate)],
        [5, async_function],
        TypeError,
        r"^terminate: expected a plain function of one reason, got ",
    ),
    ([trap_exit], [None, 1, "on"], TypeError, r"^flag: expected a bool, got "),
    ([max_mailbox], [1, "on"], TypeError, r"^limit: expected a Limit or None, got "),
]


async def awaited(function: Callable[[Any], Any], value: Any) -> None:
    """Call a function, and await the result if it is async."""
    result = function(value)
    if hasattr(result, "__await__"):
        await result


async def check_wrong(
    function: Callable[[Any], Any], value: Any, error: type[Exception], text: str
) -> None:
    """The call raises, with the value in its message, and changes nothing."""
    send(current_pid(), "a message")
    before = processes()
    with pytest.raises(error, match=text) as info:
        await awaited(function, value)
    assert "0x" in repr(value) or repr(value) in str(info.value)
    assert processes() == before
    assert registered() == []
    left = process_info(current_pid())
    assert left.links == left.monitors == []
    assert left.message_queue_len == 1
    assert trap_exit(False) is False
    assert await receive() == "a message"


@pytest.mark.parametrize("row", WRONG, ids=[text.strip("^ ") for *_, text in WRONG])
async def test_a_wrong_argument_raises_and_changes_nothing(runtime: None, row: Any) -> None:
    functions, values, error, text = row
    for function in functions:
        for value in values:
            await check_wrong(function, value, error, text)


@pytest.mark.parametrize("function", [demonitor, cancel_timer, read_timer])
async def test_a_pid_is_no_ref(runtime: None, function: Callable[[Any], object]) -> None:
    with pytest.raises(TypeError, match=r"^ref: expected a Ref, got "):
        function(current_pid())
    assert demonitor(make_ref()) is None


@pytest.mark.parametrize(
    ("value", "error"),
    [(value, TypeError) for value in ("1", None, True, [1])]
    + [(value, ValueError) for value in (-1, -0.001, math.nan, -math.inf)],
    ids=repr,
)
async def test_durations(runtime: None, value: Any, error: type[Exception]) -> None:
    functions: dict[str, Callable[[Any], Any]] = {
        "after": lambda value: receive(after=value),
        "seconds": sleep,
        "delay": lambda value: send_after(value, current_pid(), "never sent"),
    }
    for name, function in functions.items():
        await check_wrong(function, value, error, f"^{name}: expected seconds")
    with pytest.raises(error, match=r"^delay: expected seconds"):
        start_timer(value, current_pid(), "never sent")


@pytest.mark.parametrize("value", [5, "a string", [int], list[int]], ids=repr)
async def test_patterns(runtime: None, value: Any) -> None:
    await check_wrong(
        receive, value, TypeError, rf"^pattern: expected .* got {re.escape(repr(value))}$"
    )


async def test_an_async_predicate(runtime: None) -> None:
    text = r"^pattern: expected a plain predicate, got an async one"
    await check_wrong(receive, async_function, TypeError, text)


@pytest.mark.parametrize("start", [spawn, spawn_link, spawn_monitor])
async def test_a_coroutine_instead_of_a_function(
    runtime: None, start: Callable[..., object]
) -> None:
    with pytest.raises(TypeError, match=r"^fn: expected an async function .*: receive, not rec"):
        start(receive())


def test_run_takes_an_async_function() -> None:
    async def main() -> None:
        pass

    with pytest.raises(TypeError, match=r"^main: expected an async function .*main, not .*main"):
        run(main())
    with pytest.raises(TypeError, match=r"^main: expected an async function, got 5"):
        run(5)
    with pytest.raises(TypeError, match=r"a process runs an async function, but .* returned None"):
        run(print)
