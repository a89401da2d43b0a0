"""What a light process runs in trio ends with it, and ends nobody else."""

from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from actorsock import (
    Pid,
    current_pid,
    exit,
    in_trio,
    is_alive,
    processes,
    receive,
    run,
    send,
    spawn,
    spawn_monitor,
)


async def test_it_is_a_process_of_its_own(runtime: None) -> None:
    async def reports(dest: Pid) -> None:
        send(dest, current_pid())

    async def light(dest: Pid) -> None:
        await in_trio(reports, dest)
        send(dest, current_pid())

    pid = spawn(light, current_pid(), light=True)
    inner = await receive()
    assert await receive() is pid
    assert inner is not pid
    assert not is_alive(inner)


@pytest.mark.parametrize("reason", ["normal", "done", ("any", 1)], ids=repr)
async def test_exit_in_there_ends_the_light_process(runtime: None, reason: Any) -> None:
    async def ends() -> None:
        exit(reason)

    _, ref = spawn_monitor(in_trio, ends, light=True)
    assert (await receive(ref)).reason == reason


async def test_an_exit_signal_to_the_inner_process(runtime: None) -> None:
    _, ref = spawn_monitor(in_trio, receive, light=True)
    await wait_all_tasks_blocked()
    exit(processes()[-1], "a reason")
    assert (await receive(ref)).reason == "a reason"


async def test_a_group_that_holds_a_decision_to_end(runtime: None) -> None:
    async def ends() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            exit("done")

    _, ref = spawn_monitor(in_trio, ends, light=True)
    assert (await receive(ref)).reason == "done"


@pytest.mark.parametrize("wait", [receive, trio.sleep_forever])
def test_a_runtime_is_left_while_it_waits(wait: Any) -> None:
    async def main() -> str:
        spawn(in_trio, wait, light=True)
        await wait_all_tasks_blocked()
        return "left"

    assert run(main) == "left"


@pytest.mark.parametrize("wait", [receive, trio.sleep_forever])
async def test_the_end_of_the_light_process_cancels_it(runtime: None, wait: Any) -> None:
    cancelled = trio.Event()

    async def waits() -> None:
        try:
            await wait()
        finally:
            cancelled.set()

    pid, ref = spawn_monitor(in_trio, waits, light=True)
    await wait_all_tasks_blocked()
    exit(pid, "kill")
    assert (await receive(ref)).reason == "killed"
    await cancelled.wait()


async def test_a_killed_process_has_ended_when_its_function_has_cleaned_up(
    runtime: None, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[str] = []

    async def cleans_up() -> None:
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.lowlevel.checkpoint()
                await wait_all_tasks_blocked()
            told.append("cleaned up")
            raise ValueError("in the clean-up")

    pid, ref = spawn_monitor(in_trio, cleans_up, light=True)
    await wait_all_tasks_blocked()
    exit(pid, "over")
    assert not is_alive(pid)
    assert (await receive(ref)).reason == "over"
    assert told == ["cleaned up"]
    [record] = caplog.records
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], ValueError)
    caplog.clear()


def test_a_runtime_that_breaks_ends_it() -> None:
    told: list[str] = []

    async def light() -> None:
        try:
            await in_trio(trio.sleep_forever)
        finally:
            told.append("unwound")

    async def breaks() -> None:
        raise GeneratorExit

    async def main() -> None:
        spawn(light, light=True)
        await wait_all_tasks_blocked()
        spawn(breaks)
        await trio.sleep_forever()

    with pytest.raises(BaseException):  # noqa: B017, PT011  # of whatever kind
        run(main)
    assert told == ["unwound"]
