"""Monitors: one `Down` for each, from the pid or the name that was monitored."""

from typing import Any

import attrs
import pytest
from trio.testing import wait_all_tasks_blocked

from actorsock import (
    Down,
    Pid,
    Ref,
    Timeout,
    current_pid,
    demonitor,
    exit,
    make_ref,
    monitor,
    process_info,
    receive,
    register,
    send,
    spawn,
    spawn_monitor,
    unregister,
    whereis,
)


async def ends() -> None:
    pass


async def ended_process() -> Pid:
    pid, ref = spawn_monitor(ends)
    await receive(ref)
    return pid


@pytest.mark.parametrize("reason", ["killed", "shutdown", ("any", 1)], ids=repr)
async def test_a_down_carries_the_reason(runtime: None, reason: Any) -> None:
    pid = spawn(receive)
    ref = monitor(pid)
    exit(pid, reason)
    assert await receive() == Down(ref, pid, reason)


async def test_several_monitors_give_several_downs(runtime: None) -> None:
    pid = spawn(ends)
    refs = [monitor(pid) for _ in range(3)]
    assert len(set(refs)) == 3
    assert process_info(pid).monitored_by == [current_pid()] * 3
    assert [await receive() for _ in refs] == [Down(ref, pid, "normal") for ref in refs]
    assert await receive(after=0) == Timeout()


async def test_several_processes_may_monitor_one(runtime: None) -> None:
    async def watcher(pid: Pid, observer: Pid) -> None:
        ref = monitor(pid)
        send(observer, "watching")
        send(observer, (await receive(ref)).reason)

    pid = spawn(receive)
    for _ in range(10):
        spawn(watcher, pid, current_pid())
    assert [await receive() for _ in range(10)] == ["watching"] * 10
    exit(pid, "a reason")
    assert [await receive() for _ in range(10)] == ["a reason"] * 10


async def test_a_process_that_has_ended(runtime: None) -> None:
    pid = await ended_process()
    ref = monitor(pid)
    assert await receive(after=0) == Down(ref, pid, "noproc")


async def test_the_end_of_the_watcher_is_no_news(runtime: None) -> None:
    async def watcher(pid: Pid) -> None:
        monitor(pid)

    pid = spawn(receive)
    _, ref = spawn_monitor(watcher, pid)
    await receive(ref)
    assert process_info(pid).monitored_by == []
    assert process_info(pid).messages == []


async def test_after_demonitor_no_down_comes(runtime: None) -> None:
    pid = spawn(receive)
    kept, removed = monitor(pid), monitor(pid)
    demonitor(removed)
    assert process_info(pid).monitored_by == [current_pid()]
    exit(pid, "a reason")
    assert await receive() == Down(kept, pid, "a reason")
    assert await receive(after=0) == Timeout()


async def test_demonitor_leaves_a_down_that_has_arrived(runtime: None) -> None:
    pid, ref = spawn_monitor(ends)
    await wait_all_tasks_blocked()
    demonitor(ref)
    assert await receive(after=0) == Down(ref, pid, "normal")


@pytest.mark.parametrize("looked_at", [False, True])
async def test_demonitor_with_flush_removes_it(runtime: None, looked_at: bool) -> None:
    @attrs.frozen
    class Reply:
        ref: Ref

    pid, ref = spawn_monitor(ends)
    other_pid, other_ref = spawn_monitor(ends)
    await wait_all_tasks_blocked()
    send(current_pid(), Reply(ref))
    if looked_at:
        await receive(int, after=0)
    demonitor(ref, flush=True)
    left = process_info(current_pid()).messages
    assert left == [Down(other_ref, other_pid, "normal"), Reply(ref)]
    assert pid is not other_pid


async def test_demonitor_with_flush_before_the_end(runtime: None) -> None:
    pid, ref = spawn_monitor(receive)
    demonitor(ref, flush=True)
    exit(pid, "kill")
    await wait_all_tasks_blocked()
    assert await receive(after=0) == Timeout()


async def test_demonitor_of_an_unknown_ref_does_nothing(runtime: None) -> None:
    demonitor(make_ref())
    demonitor(make_ref(), flush=True)


async def test_only_the_watcher_can_demonitor(runtime: None) -> None:
    async def stranger(ref: Ref) -> None:
        demonitor(ref, flush=True)

    pid, ref = spawn_monitor(receive)
    _, stranger_ref = spawn_monitor(stranger, ref)
    await receive(stranger_ref)
    exit(pid, "a reason")
    assert await receive() == Down(ref, pid, "a reason")


async def test_a_name_can_be_monitored(runtime: None) -> None:
    pid = spawn(receive, name="server")
    ref = monitor("server")
    assert process_info(current_pid()).monitors == [pid]
    exit(pid, "a reason")
    assert await receive() == Down(ref, "server", "a reason")


async def test_a_name_is_looked_up_once(runtime: None) -> None:
    first, second = spawn(receive, name="server"), spawn(receive)
    ref = monitor("server")
    unregister("server")
    register("server", second)
    exit(second, "a reason")
    exit(first, "another reason")
    assert await receive() == Down(ref, "server", "another reason")


async def test_a_name_that_nobody_has(runtime: None) -> None:
    ref = monitor("nobody")
    assert await receive(after=0) == Down(ref, "nobody", "noproc")


async def test_a_process_monitors_itself_without_effect(runtime: None) -> None:
    register("me", current_pid())
    for ref in [monitor(current_pid()), monitor("me")]:
        assert isinstance(ref, Ref)
        demonitor(ref)
    info = process_info(current_pid())
    assert info.monitors == info.monitored_by == info.messages == []


async def test_the_process_is_gone_before_the_down_comes(runtime: None) -> None:
    pid, ref = spawn_monitor(ends, name="server")
    await receive(ref)
    assert process_info(pid) is None
    assert whereis("server") is None
    spawn(receive, name="server")
