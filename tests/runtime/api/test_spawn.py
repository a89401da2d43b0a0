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

from ..support import every_body, in_every_body, outcome_of


async def report(dest: Pid, *message: Any) -> None:
    send(dest, message)


async def report_itself(dest: Pid) -> None:
    send(dest, current_pid())


# --- starting -------------------------------------------------------------------------------------


@every_body
async def test_spawn_returns_before_the_process_runs(runtime: None, light: bool) -> None:
    ran = trio.Event()

    async def process() -> None:
        ran.set()

    pid = spawn(process, light=light)
    assert not ran.is_set()
    assert is_alive(pid)
    assert pid in processes()
    await ran.wait()


@every_body
async def test_a_process_gets_its_arguments_and_knows_its_pid(runtime: None, light: bool) -> None:
    spawn(report, current_pid(), 1, "two", [3], light=light)
    assert await receive() == (1, "two", [3])
    pid = spawn(report_itself, current_pid(), light=light)
    assert pid is not current_pid()
    assert await receive() is pid


@every_body
async def test_processes_are_listed_in_the_order_of_spawning(runtime: None, light: bool) -> None:
    pids = [spawn(report_itself, current_pid(), light=light) for number in range(10)]
    assert [pid for pid in processes() if pid in pids] == pids
    assert {await receive() for _ in pids} == set(pids)


@in_every_body
async def test_spawn_link_links() -> None:
    trap_exit(True)
    for light in (False, True):
        pid = spawn_link(exit_with, "done", light=light)
        assert process_info(current_pid()).links == [pid]
        assert process_info(pid).links == [current_pid()]
        assert await receive() == Exit(pid, "done")
        assert process_info(current_pid()).links == []


@in_every_body
async def test_spawn_monitor_monitors() -> None:
    for light in (False, True):
        pid, ref = spawn_monitor(receive, light=light)
        assert process_info(current_pid()).monitors == [pid]
        assert process_info(pid).monitored_by == [current_pid()]
        send(pid, "go")
        assert await receive(ref) == Down(ref, pid, "normal")


@every_body
async def test_a_name_is_registered_at_once(runtime: None, light: bool) -> None:
    pids = [
        spawn(receive, name="0", light=light),
        spawn_link(receive, name="1", light=light),
        spawn_monitor(receive, name="2", light=light)[0],
    ]
    for number, pid in enumerate(pids):
        assert whereis(str(number)) is pid
        info = process_info(pid)
        assert info.registered_name == str(number)
        assert info.kind == ("light" if light else "task")


@in_every_body
async def test_a_name_that_is_taken_starts_nothing() -> None:
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


@every_body
async def test_any_function_that_returns_an_awaitable_can_be_spawned(
    runtime: None, light: bool
) -> None:
    me = current_pid()
    functions: dict[Callable[[], Awaitable[None]], Any] = {
        partial(Counter(me).count, 1): 1,
        partial(Counter(me), 2): 2,
        partial(partial(report, me), "partial"): ("partial",),
        partial(Later, me): ("awaited",),
        lambda: report(me, "lambda"): ("lambda",),
    }
    for function, message in functions.items():
        spawn(function, light=light)
        assert await receive() == message
    spawn(Counter(me).count, 3, light=light)
    assert await receive() == 3


class Unnamable:
    """A callable without a name and without a representation."""

    __call__ = staticmethod(trio.sleep_forever)

    def __repr__(self) -> str:
        raise LookupError("no representation")


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
async def test_a_function_that_trio_refuses_starts_nothing(runtime: None) -> None:
    before = processes()
    with pytest.raises(LookupError):
        spawn(Unnamable())
    assert processes() == before


# --- ending ---------------------------------------------------------------------------------------


@every_body
async def test_a_process_that_returns_ends_normally(runtime: None, light: bool) -> None:
    async def process() -> str:
        return "ignored"

    pid, ref = spawn_monitor(process, light=light)
    assert await receive() == Down(ref, pid, "normal")
    assert not is_alive(pid)
    assert pid not in processes()


async def exit_with(reason: Any) -> None:
    exit(reason)


@every_body
@pytest.mark.parametrize("reason", ["normal", "kill", "shutdown", None, ("any", 1)], ids=repr)
async def test_exit_ends_a_process_with_its_reason(runtime: None, reason: Any, light: bool) -> None:
    assert await outcome_of(exit_with, reason, light=light) == reason


@pytest.mark.parametrize("depth", [1, 2, 3])
async def test_exit_inside_nurseries_ends_the_process_around_them(
    runtime: None, depth: int
) -> None:
    async def process(depth: int) -> None:
        if depth == 0:
            exit("done")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            await process(depth - 1)

    async def with_a_child_task() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(process, depth - 1)

    assert await outcome_of(process, depth) == "done"
    assert await outcome_of(with_a_child_task) == "done"


@every_body
@pytest.mark.parametrize(
    ("function", "text"),
    [(lambda: 1, "async function"), (partial(exit_with, 1, 2), "positional argument")],
    ids=["not async", "arguments"],
)
async def test_a_function_that_can_not_be_called_crashes_the_process(
    runtime: None, caplog: pytest.LogCaptureFixture, function: Any, text: str, light: bool
) -> None:
    reason = await outcome_of(function, light=light)
    assert isinstance(reason, TypeError)
    assert text in str(reason)


@every_body
async def test_processes_outlive_the_one_that_spawned_them(runtime: None, light: bool) -> None:
    async def parent(dest: Pid) -> None:
        send(dest, spawn(receive, light=light))

    await outcome_of(parent, current_pid(), light=light)
    pid = await receive()
    await wait_all_tasks_blocked()
    assert is_alive(pid)


@every_body
async def test_thousands_of_processes(runtime: None, light: bool) -> None:
    async def process(number: int) -> None:
        client = await receive()
        send(client, number)

    before = processes()
    count = 10_000 if light else 1_000
    made = [spawn_monitor(process, number, light=light) for number in range(count)]
    await wait_all_tasks_blocked()
    for pid, _ in made:
        send(pid, current_pid())
    assert sorted([await receive(int) for _ in made]) == list(range(count))
    assert {(await receive(ref)).reason for _, ref in made} == {"normal"}
    assert processes() == before
