"""`async with ending(pid):`."""

from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from actorsock import (
    Down,
    Exit,
    ExitSignal,
    Pid,
    Timeout,
    current_pid,
    ending,
    exit,
    is_alive,
    link,
    mailbox,
    monitor,
    process_info,
    receive,
    sleep,
    spawn,
    spawn_handler,
    spawn_link,
    trap_exit,
)

from ..support import crash, ends, every_body, in_every_body


@every_body
async def test_a_process_ends_with_the_block(runtime: None, light: bool) -> None:
    async with ending(spawn(receive, name="for a while", light=light)) as pid:
        ref = monitor("for a while")
        assert is_alive(pid)
    assert not is_alive(pid)
    assert await receive(ref, after=0) == Down(ref, "for a while", "shutdown")


@in_every_body
async def test_any_process_can_end_others() -> None:
    async with ending(spawn(receive)) as pid:
        ref = monitor(pid)
    assert await receive(ref, after=0) == Down(ref, pid, "shutdown")


async def test_a_handler_ends_too(runtime: None) -> None:
    async with ending(spawn_handler(print)) as pid:
        link(pid)
    assert process_info(pid) is None


async def test_the_end_does_not_reach_a_linked_caller(runtime: None) -> None:
    for flag in (False, True):
        trap_exit(flag)
        async with ending(spawn_link(receive)):
            pass
    assert await receive(after=0) == Timeout()


async def test_a_process_may_end_by_itself(runtime: None) -> None:
    async with ending(spawn(ends)) as pid:
        await receive(monitor(pid))


async def test_a_crash_during_the_block_reaches_links(
    runtime: None, caplog: pytest.LogCaptureFixture
) -> None:
    error = ValueError("a crash")
    trap_exit(True)
    async with ending(spawn_link(crash, error)) as pid:
        assert await receive(Exit) == Exit(pid, error)


@every_body
async def test_a_process_that_traps_exits_is_killed_in_the_end(
    runtime: None, autojump_clock: Any, light: bool
) -> None:
    async def deaf() -> None:
        trap_exit(True)
        async for _ in mailbox():
            pass

    pid = spawn(deaf, light=light)
    ref = monitor(pid)
    await sleep(1)
    begin = trio.current_time()
    async with ending(pid, after=3):
        pass
    assert await receive(ref, after=0) == Down(ref, pid, "killed")
    assert trio.current_time() - begin == pytest.approx(3)


async def test_leaving_the_block_waits_for_clean_up(runtime: None) -> None:
    steps = []

    async def tidy() -> None:
        try:
            await receive()
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(0.01)
            steps.append("tidied up")

    async with ending(spawn(tidy)):
        await wait_all_tasks_blocked()
    steps.append("left")
    assert steps == ["tidied up", "left"]


async def test_the_block_may_fail_or_be_cancelled(runtime: None) -> None:
    with pytest.raises(LookupError):
        async with ending(spawn(receive)) as pid:
            raise LookupError
    assert process_info(pid) is None
    with trio.CancelScope() as scope:
        async with ending(spawn(receive)) as pid:
            ref = monitor(pid)
            scope.cancel()
            await sleep(1)
    assert scope.cancelled_caught
    assert isinstance(await receive(ref), Down)
    assert await receive(after=0) == Timeout()  # no Down of a monitor that the program did not make


async def test_an_adopted_task_whose_process_has_ended_ends_others(runtime: None) -> None:
    pid = spawn(receive)
    ref = monitor(pid)

    async def task(task_status: trio.TaskStatus[Pid]) -> None:
        task_status.started(current_pid())
        async with ending(pid):
            await receive()

    with pytest.raises(BaseExceptionGroup) as caught:
        async with trio.open_nursery() as nursery:
            exit(await nursery.start(task), "enough")
    assert caught.group_contains(ExitSignal)
    assert await receive(ref, after=1) == Down(ref, pid, "killed")


async def test_a_wrong_argument_raises_at_the_call(runtime: None) -> None:
    with pytest.raises(TypeError, match="pid: expected a Pid"):
        ending("a name")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="after: expected seconds"):
        ending(current_pid(), after=-1)
