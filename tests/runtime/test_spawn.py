"""Starting processes, and the reasons with which they end by themselves."""

from collections.abc import Awaitable, Callable, Generator
from functools import partial
from typing import Any

import attrs
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from actorsock import (
    Down,
    Exit,
    Pid,
    current_pid,
    exit,
    is_alive,
    process_info,
    processes,
    receive,
    send,
    spawn,
    spawn_link,
    spawn_monitor,
    trap_exit,
    whereis,
)


async def report(dest: Pid, *message: Any) -> None:
    send(dest, message)


async def test_spawn_returns_before_the_process_runs(runtime: None) -> None:
    ran = trio.Event()

    async def process() -> None:
        ran.set()

    pid = spawn(process)
    assert not ran.is_set()
    assert is_alive(pid)
    assert pid in processes()
    await ran.wait()


async def test_arguments_are_passed_on(runtime: None) -> None:
    spawn(report, current_pid(), 1, "two", [3])
    assert await receive() == (1, "two", [3])


async def test_processes_are_listed_in_the_order_of_spawning(runtime: None) -> None:
    async def process(number: int) -> None:
        send(dest, number)

    dest = current_pid()
    pids = [spawn(process, number) for number in range(10)]
    assert [pid for pid in processes() if pid in pids] == pids
    assert sorted([await receive() for _ in range(10)]) == list(range(10))


async def test_a_process_knows_its_own_pid(runtime: None) -> None:
    async def process(dest: Pid) -> None:
        send(dest, current_pid())

    pid = spawn(process, current_pid())
    assert pid is not current_pid()
    assert await receive() is pid


async def test_a_process_that_returns_ends_normally(runtime: None) -> None:
    async def process() -> str:
        return "whatever it returns"

    pid, ref = spawn_monitor(process)
    assert await receive() == Down(ref, pid, "normal")
    assert not is_alive(pid)
    assert pid not in processes()


@pytest.mark.parametrize("reason", ["normal", "kill", "shutdown", None, ("any", 1)], ids=repr)
async def test_exit_ends_a_process_with_its_reason(runtime: None, reason: Any) -> None:
    async def process() -> None:
        exit(reason)

    pid, ref = spawn_monitor(process)
    assert await receive() == Down(ref, pid, reason)


@pytest.mark.parametrize("depth", [1, 2, 3])
async def test_exit_inside_nurseries_is_still_a_decision(runtime: None, depth: int) -> None:
    async def process(depth: int) -> None:
        if depth == 0:
            exit("done")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            await process(depth - 1)

    _, ref = spawn_monitor(process, depth)
    assert (await receive(ref)).reason == "done"


async def test_exit_in_a_child_task_ends_the_process_around_it(runtime: None) -> None:
    async def child() -> None:
        exit("child is done")

    async def process() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(child)

    _, ref = spawn_monitor(process)
    assert (await receive(ref)).reason == "child is done"


async def test_spawn_link_links(runtime: None) -> None:
    async def process() -> None:
        exit("done")

    trap_exit(True)
    pid = spawn_link(process)
    assert process_info(current_pid()).links == [pid]
    assert process_info(pid).links == [current_pid()]
    assert await receive() == Exit(pid, "done")
    assert process_info(current_pid()).links == []


async def test_spawn_monitor_monitors(runtime: None) -> None:
    pid, ref = spawn_monitor(receive)
    assert process_info(current_pid()).monitors == [pid]
    assert process_info(pid).monitored_by == [current_pid()]
    send(pid, "go")
    assert await receive(ref) == Down(ref, pid, "normal")


@pytest.mark.parametrize("start", [spawn, spawn_link])
async def test_a_name_is_registered_at_once(runtime: None, start: Callable[..., Pid]) -> None:
    pid = start(receive, name="server")
    assert whereis("server") is pid
    assert process_info(pid).registered_name == "server"


async def test_spawn_monitor_takes_a_name(runtime: None) -> None:
    pid, _ = spawn_monitor(receive, name="server")
    assert whereis("server") is pid


async def test_a_name_that_is_taken_starts_nothing(runtime: None) -> None:
    spawn(receive, name="server")
    before = processes()
    for start in (spawn, spawn_link, spawn_monitor):
        with pytest.raises(ValueError, match="name: 'server' is already registered"):
            start(receive, name="server")
    assert processes() == before


@attrs.frozen
class Counter:
    dest: Pid

    async def count(self, to: int) -> None:
        send(self.dest, to)

    async def __call__(self, to: int) -> None:
        send(self.dest, to)


@attrs.frozen
class Later:
    """Awaitable, but no coroutine."""

    dest: Pid

    def __await__(self) -> Generator[Any, Any, None]:
        return report(self.dest, "awaited").__await__()


async def test_anything_that_returns_an_awaitable_can_be_spawned(runtime: None) -> None:
    me = current_pid()
    functions: list[Callable[[], Awaitable[None]]] = [
        partial(Counter(me).count, 1),
        partial(Counter(me), 2),
        partial(partial(report, me), "partial"),
        partial(Later, me),
        lambda: report(me, "lambda"),
    ]
    for function in functions:
        spawn(function)
    spawn(Counter(me).count, 3)
    received = [await receive() for _ in range(6)]
    assert sorted(map(str, received)) == sorted(
        map(str, [1, 2, 3, ("partial",), ("awaited",), ("lambda",)])
    )


async def test_a_function_that_is_not_async_crashes_the_process(
    runtime: None, caplog: pytest.LogCaptureFixture
) -> None:
    def not_async() -> int:
        return 1

    _, ref = spawn_monitor(not_async)
    reason = (await receive(ref)).reason
    assert isinstance(reason, TypeError)
    assert "async function" in str(reason)


async def test_wrong_arguments_crash_the_process(
    runtime: None, caplog: pytest.LogCaptureFixture
) -> None:
    async def process(argument: int) -> None:
        pass

    _, ref = spawn_monitor(process)
    assert isinstance((await receive(ref)).reason, TypeError)


async def test_processes_outlive_the_one_that_spawned_them(runtime: None) -> None:
    async def child(dest: Pid) -> None:
        send(dest, ("child waits", current_pid()))
        await receive()

    async def parent(dest: Pid) -> None:
        spawn(child, dest)

    _, ref = spawn_monitor(parent, current_pid())
    await receive(ref)
    _, pid = await receive()
    await wait_all_tasks_blocked()
    assert is_alive(pid)


async def test_a_thousand_processes(runtime: None) -> None:
    async def process(number: int) -> None:
        client = await receive()
        send(client, number)

    pids = [spawn(process, number) for number in range(1_000)]
    await wait_all_tasks_blocked()
    for pid in pids:
        send(pid, current_pid())
    assert sorted([await receive() for _ in pids]) == list(range(1_000))


class Unnamable:
    """Something to run that has no name, and can't be shown."""

    __call__ = staticmethod(trio.sleep_forever)

    def __repr__(self) -> str:
        raise LookupError("nobody knows what this is")


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
async def test_what_trio_refuses_to_start_is_no_process(runtime: None) -> None:
    before = processes()
    with pytest.raises(LookupError):
        spawn(Unnamable())
    assert processes() == before
