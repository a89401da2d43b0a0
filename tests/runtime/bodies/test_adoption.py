"""Plain trio tasks become processes on their first call."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from actorsock import (
    Down,
    Exit,
    ExitSignal,
    NoProcessError,
    Pid,
    ProcessExit,
    current_pid,
    exit,
    is_alive,
    link,
    monitor,
    open_runtime,
    process_info,
    processes,
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
    whereis,
)
from actorsock.runtime.bodies.running import by_task


async def reports(dest: Pid) -> None:
    """Send the own pid, and wait for the end."""
    send(dest, current_pid())
    await receive()


@asynccontextmanager
async def adopted(function: Any = reports, name: str | None = None) -> AsyncIterator[Any]:
    """Run a task of a nursery, which sends its pid first; the value is that pid."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(function, current_pid(), name=name)
        pid = await receive(Pid)
        await wait_all_tasks_blocked()
        yield pid


# --- the process of a task ------------------------------------------------------------------------


async def test_each_task_is_a_process_of_its_own(runtime: None) -> None:
    async def parent(dest: Pid) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(reports, dest)
            nursery.start_soon(reports, dest)
            send(dest, current_pid())

    assert current_pid() is current_pid()
    spawn(parent, current_pid())
    pids = {await receive() for _ in range(3)}
    assert len(pids) == 3
    assert pids < set(processes())
    for pid in pids:
        send(pid, "end")


async def test_a_task_that_never_calls_is_no_process(runtime: None) -> None:
    before = processes()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep_forever)
        await wait_all_tasks_blocked()
        assert processes() == before
        nursery.cancel_scope.cancel()


async def test_the_process_ends_with_the_task(runtime: None) -> None:
    async with adopted() as pid:
        ref = monitor(pid)
        send(pid, "end")
        assert await receive() == Down(ref, pid, "normal")
        assert not is_alive(pid)


async def test_the_process_ends_when_the_task_is_cancelled(runtime: None) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(reports, current_pid())
        pid = await receive()
        ref = monitor(pid)
        nursery.cancel_scope.cancel()
    assert await receive() == Down(ref, pid, "normal")


async def test_process_info_has_the_name_of_the_task(runtime: None) -> None:
    async with adopted(name="a task with a name") as pid:
        info = process_info(pid)
        assert (info.kind, info.function) == ("task", "a task with a name")
        send(pid, "end")


async def test_a_system_task_is_adopted(runtime: None) -> None:
    task = trio.lowlevel.spawn_system_task(reports, current_pid())
    pid = await receive()
    assert by_task[task].pid is pid
    ref = monitor(pid)
    send(pid, "end")
    assert await receive(ref) == Down(ref, pid, "normal")


async def test_a_thread_can_call_through_trio(runtime: None) -> None:
    me = current_pid()

    def in_a_thread() -> None:
        trio.from_thread.run_sync(send, me, "sent by a thread")
        trio.from_thread.run(sends_its_pid, me)

    async def sends_its_pid(dest: Pid) -> None:
        send(dest, current_pid())

    await trio.to_thread.run_sync(in_a_thread)
    assert await receive() == "sent by a thread"
    assert isinstance(await receive(), Pid)


# --- tasks and the life of a runtime --------------------------------------------------------------


async def test_a_task_older_than_the_runtime_is_adopted() -> None:
    opened = trio.Event()

    async def early() -> None:
        await opened.wait()
        await reports(first)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(early)
        await wait_all_tasks_blocked()
        async with open_runtime() as first:
            opened.set()
            pid = await receive()
            assert pid in processes()
            ref = monitor(pid)
            send(pid, "end")
            assert await receive() == Down(ref, pid, "normal")


async def test_a_task_can_outlive_the_runtime() -> None:
    called, left = trio.Event(), trio.Event()

    async def task() -> None:
        current_pid()
        called.set()
        await left.wait()
        with pytest.raises(RuntimeError, match="there is no actorsock runtime here"):
            current_pid()
        async with open_runtime() as pid:
            assert current_pid() is pid

    async with trio.open_nursery() as nursery:
        async with open_runtime():
            nursery.start_soon(task)
            await called.wait()
        left.set()


async def test_a_task_that_outlived_one_runtime_is_adopted_by_the_next() -> None:
    called, next_one = trio.Event(), trio.Event()

    async def task() -> None:
        first = current_pid()
        called.set()
        await next_one.wait()
        assert current_pid() is not first
        assert processes() == [pid, current_pid()]

    async with trio.open_nursery() as nursery:
        async with open_runtime():
            nursery.start_soon(task)
            await called.wait()
        async with open_runtime() as pid, trio.open_nursery() as inner:
            next_one.set()
            inner.start_soon(wait_all_tasks_blocked)


async def test_leaving_the_runtime_ends_the_wait_of_a_task() -> None:
    async def task() -> None:
        with pytest.raises(ExitSignal) as info:
            await receive()
        assert info.value.reason == "killed"

    async with trio.open_nursery() as nursery, open_runtime():
        nursery.start_soon(task)
        await wait_all_tasks_blocked()


# --- exit signals ---------------------------------------------------------------------------------


async def test_exit_in_a_task_reaches_its_links(runtime: None) -> None:
    async def task(dest: Pid) -> None:
        link(dest)
        exit("a reason")

    trap_exit(True)
    with pytest.raises(BaseExceptionGroup) as info:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(task, current_pid())
    (ended,) = info.value.exceptions
    assert isinstance(ended, ProcessExit)
    assert (await receive(Exit)).reason == "a reason"


@pytest.mark.parametrize("wait", [receive, lambda: sleep(1_000_000)], ids=["receive", "sleep"])
async def test_an_exit_signal_ends_the_wait_of_a_task(runtime: None, wait: Any) -> None:
    async def task(dest: Pid) -> None:
        send(dest, current_pid())
        try:
            await wait()
        except ExitSignal as ended:
            send(dest, ended.reason)

    async with adopted(task) as pid:
        ref = monitor(pid)
        exit(pid, "a reason")
        assert await receive() == Down(ref, pid, "a reason")
        assert await receive() == "a reason"


async def test_every_call_of_an_ended_task_raises_the_exit_signal(runtime: None) -> None:
    go_on = trio.Event()

    async def task(dest: Pid) -> None:
        send(dest, current_pid())
        await go_on.wait()
        for call in (current_pid, processes, lambda: spawn(reports, dest)):
            with pytest.raises(ExitSignal) as info:
                call()
            assert info.value.reason == "a reason"
        with pytest.raises(ExitSignal):
            await receive()
        send(dest, "tried everything")

    async with adopted(task) as pid:
        exit(pid, "a reason")
        assert not is_alive(pid)
        go_on.set()
        assert await receive() == "tried everything"


async def test_an_exit_signal_to_a_task_ends_the_process_around_it(runtime: None) -> None:
    async def parent(dest: Pid) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(reports, dest)

    _, ref = spawn_monitor(parent, current_pid())
    exit(await receive(Pid), "a reason")
    assert (await receive(ref)).reason == "a reason"


async def test_a_task_can_trap_exits(runtime: None) -> None:
    async def ends() -> None:
        exit("a reason")

    trap_exit(True)
    pid = spawn_link(ends)
    assert await receive() == Exit(pid, "a reason")


async def waits_for_its_end(dest: Pid) -> None:
    send(dest, current_pid())
    with pytest.raises(ExitSignal):
        await receive()


async def test_the_end_of_a_task_reaches_its_links(runtime: None) -> None:
    async def linked(pid: Pid) -> None:
        link(pid)
        await receive()

    async with adopted(waits_for_its_end) as pid:
        _, ref = spawn_monitor(linked, pid)
        await wait_all_tasks_blocked()
        exit(pid, "a reason")
        assert (await receive(ref)).reason == "a reason"
        with pytest.raises(NoProcessError):
            link(pid)


async def test_a_long_chain_of_linked_tasks_needs_no_deep_stack(runtime: None) -> None:
    pids: list[Pid] = []

    async def task() -> None:
        if pids:
            link(pids[-1])
        pids.append(current_pid())
        with pytest.raises(ExitSignal):
            await receive()

    async with trio.open_nursery() as nursery:
        for _ in range(2_000):
            nursery.start_soon(task)
        await wait_all_tasks_blocked()
        ref = monitor(pids[-1])
        exit(pids[0], "a reason")
        assert (await receive(ref)).reason == "a reason"
    assert not any(is_alive(pid) for pid in pids)


# --- without a runtime ----------------------------------------------------------------------------


CALLS = [
    current_pid,
    processes,
    registered,
    lambda: spawn(reports),
    lambda: spawn_handler(print),
    lambda: whereis("name"),
    lambda: register("name", Pid()),
    lambda: monitor("name"),
    lambda: monitor(Pid()),
    lambda: send("name", "a message"),
    lambda: send_after(1, Pid(), "a message"),
    lambda: start_timer(1, "name", "a message"),
    lambda: trap_exit(True),
    lambda: exit("a reason"),
    lambda: exit(Pid(), "a reason"),
    lambda: receive().send(None),
    lambda: sleep(1).send(None),
]


def every_call_raises() -> None:
    for call in CALLS:
        with pytest.raises(
            RuntimeError, match=r"actorsock\.run\(main\).*actorsock\.open_runtime\(\)"
        ):
            call()


def test_calls_outside_of_trio_name_what_is_missing() -> None:
    every_call_raises()


async def test_calls_in_a_trio_program_without_a_runtime_name_what_is_missing() -> None:
    every_call_raises()


def test_after_a_run_there_is_no_runtime() -> None:
    async def main() -> Pid:
        return current_pid()

    pid = run(main)
    assert not is_alive(pid)
    assert process_info(pid) is None
    assert send(pid, "dropped") == "dropped"
    with pytest.raises(RuntimeError, match="there is no actorsock runtime here"):
        current_pid()
