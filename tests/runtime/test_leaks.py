"""After 1,000 processes of every kind have come and gone, every table is empty again."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from actorsock import (
    current_pid,
    demonitor,
    exit,
    in_trio,
    link,
    make_ref,
    monitor,
    receive,
    register,
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
)
from actorsock.runtime.bodies.current import current_process
from actorsock.runtime.bodies.running import by_task
from actorsock.runtime.core.process import alive

from .support import crash, ends

MANY = 1_000

Life = Callable[[], Awaitable[None]]


async def crashes() -> None:
    await crash(ValueError("a crash"))


async def returning() -> None:
    for _ in range(MANY):
        spawn(ends)


async def crashing() -> None:
    for _ in range(MANY):
        spawn(crashes)


async def killed_before_they_run() -> None:
    for _ in range(MANY):
        exit(spawn(receive), "kill")


async def killed_while_they_wait() -> None:
    pids = [spawn(receive) for _ in range(MANY)]
    await wait_all_tasks_blocked()
    for pid in pids:
        exit(pid, "kill")


async def linked() -> None:
    for _ in range(MANY):
        spawn_link(ends)
    await wait_all_tasks_blocked()
    for _ in range(MANY):
        await receive()


async def linked_to_each_other() -> None:
    pids = [spawn(receive) for _ in range(MANY)]

    async def links(left: int) -> None:
        link(pids[left])
        link(pids[left - 1])
        await receive()

    for number in range(MANY):
        spawn(links, number)
    await wait_all_tasks_blocked()
    exit(pids[0], "all of them")


async def unlinked() -> None:
    for _ in range(MANY):
        pid = spawn_link(receive)
        unlink(pid)
        exit(pid, "kill")


async def monitored() -> None:
    for _ in range(MANY):
        _, ref = spawn_monitor(ends)
        await receive(ref)


async def no_longer_monitored() -> None:
    for _ in range(MANY):
        pid, ref = spawn_monitor(receive)
        monitor(pid)
        demonitor(ref, flush=True)
        exit(pid, "kill")
        demonitor(monitor(pid), flush=True)
    for _ in range(MANY):
        await receive()


async def monitoring_the_survivor() -> None:
    async def watches() -> None:
        monitor(survivor)
        monitor("survivor")
        link(survivor)

    survivor = current_pid()
    for _ in range(MANY):
        spawn(watches)
    await wait_all_tasks_blocked()
    for _ in range(MANY):
        await receive()


async def with_names() -> None:
    for number in range(MANY):
        spawn(ends, name=f"process {number}")
    await wait_all_tasks_blocked()
    for number in range(MANY):
        register(f"process {number}", spawn(ends))


async def with_timers() -> None:
    for _ in range(MANY):
        pid = spawn(receive)
        send_after(1_000, pid, "too late")
        start_timer(1_000, pid, "too late")
        exit(pid, "kill")


async def with_timeouts() -> None:
    async def waits() -> None:
        with trio.move_on_after(1):
            await receive(after=2)
        await receive(after=1)
        await sleep(1)
        await receive(make_ref(), after=1)

    for _ in range(MANY):
        spawn(waits)
    await sleep(10)


async def with_messages_that_are_not_received() -> None:
    async def picks() -> None:
        await receive(int)

    for _ in range(MANY):
        pid = spawn(picks)
        for message in ["a", "b", 1, "c"]:
            send(pid, message)


async def adopted() -> None:
    async def task() -> None:
        monitor(survivor)
        link(survivor)
        send(current_pid(), "a message")

    survivor = current_pid()
    async with trio.open_nursery() as nursery:
        for _ in range(MANY):
            nursery.start_soon(task)
    for _ in range(MANY):
        await receive()


async def light() -> None:
    async def waits() -> None:
        await receive(after=1_000)

    for number in range(MANY):
        spawn(ends, light=True)
        spawn(crashes, light=True)
        spawn_link(ends, light=True)
        _, ref = spawn_monitor(ends, light=True, name=f"process {number}")
        await receive(ref)
        exit(spawn(receive, light=True), "kill")
    pids = [spawn(waits, light=True) for _ in range(MANY)]
    await wait_all_tasks_blocked()
    for pid in pids:
        send_after(1_000, pid, "too late")
        exit(pid, "kill")
    for _ in range(MANY):
        await receive()


async def light_in_trio() -> None:
    pids = [spawn(in_trio, wait, light=True) for wait in [receive, trio.sleep_forever] * 500]
    await wait_all_tasks_blocked()
    for pid in pids:
        exit(pid, "kill")


async def handlers() -> None:
    def handler(message: Any) -> None:
        match message:
            case "watch":
                link(survivor)
                monitor(survivor)
                send_after(1_000, current_pid(), "too late")
            case "crash":
                raise ValueError("a crash")

    survivor = current_pid()
    for number in range(MANY):
        pid = spawn_handler(handler, name=f"handler {number}")
        send(pid, "watch")
        if number % 2:
            send(pid, "crash")
        else:
            exit(pid, "kill")
    for _ in range(MANY):
        await receive()


@pytest.mark.parametrize(
    "live",
    [
        returning,
        crashing,
        killed_before_they_run,
        killed_while_they_wait,
        linked,
        linked_to_each_other,
        unlinked,
        monitored,
        no_longer_monitored,
        monitoring_the_survivor,
        with_names,
        with_timers,
        with_timeouts,
        with_messages_that_are_not_received,
        adopted,
        light,
        light_in_trio,
        handlers,
    ],
)
async def test_every_table_is_empty(
    runtime: None,
    autojump_clock: MockClock,
    caplog: pytest.LogCaptureFixture,
    live: Life,
) -> None:
    caplog.set_level("CRITICAL", "actorsock")
    register("survivor", current_pid())
    trap_exit(True)
    survivor = current_process()
    node = survivor.node
    before = dict(alive), dict(by_task)
    await live()
    await wait_all_tasks_blocked()
    assert (alive, by_task) == before
    assert node.names == {"survivor": survivor.pid}
    assert node.pending == {}
    assert len(node.timers) == 0
    assert len(node.timers._heap) < 200
    assert len(node.run_queue._ready) == len(node.passes.ready) == 0
    assert not any([survivor.links, survivor.monitors, survivor.watchers, survivor.timers])
    assert survivor.mailbox.messages() == []
    assert survivor.mailbox.wanted is None
    assert not survivor.mailbox._by_ref
