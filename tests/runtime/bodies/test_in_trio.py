"""`in_trio`: a trio function on behalf of a light process ends with it, and ends no other."""

from collections.abc import Awaitable, Callable
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

from ..support import in_every_body, outcome_of

both_waits = pytest.mark.parametrize("wait", [receive, trio.sleep_forever])


@in_every_body
async def test_results_and_exceptions_come_back() -> None:
    async def works(value: int) -> int:
        await trio.sleep(1)
        return value

    async def fails() -> None:
        await trio.sleep(1)
        raise KeyError("x")

    assert await in_trio(works, 5) == 5
    with pytest.raises(KeyError, match="x"):
        await in_trio(fails)


async def test_in_a_task_it_is_a_plain_call(runtime: None) -> None:
    async def same_task() -> object:
        return trio.lowlevel.current_task()

    assert await in_trio(same_task) is trio.lowlevel.current_task()


async def test_the_function_runs_as_a_process_of_its_own(runtime: None) -> None:
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


# --- ending ---------------------------------------------------------------------------------------


async def exits(reason: Any) -> None:
    exit(reason)


async def exits_in_a_nursery(reason: Any) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep_forever)
        exit(reason)


@pytest.mark.parametrize("function", [exits, exits_in_a_nursery])
@pytest.mark.parametrize("reason", ["normal", "done", ("any", 1)], ids=repr)
async def test_exit_inside_ends_the_light_process(
    runtime: None, function: Callable[[Any], Awaitable[None]], reason: Any
) -> None:
    assert await outcome_of(in_trio, function, reason, light=True) == reason


async def test_an_exit_signal_to_the_inner_process_ends_the_light_one(runtime: None) -> None:
    _, ref = spawn_monitor(in_trio, receive, light=True)
    await wait_all_tasks_blocked()
    exit(processes()[-1], "a reason")
    assert (await receive(ref)).reason == "a reason"


@both_waits
def test_a_runtime_can_be_left_while_it_waits(wait: Any) -> None:
    async def main() -> str:
        spawn(in_trio, wait, light=True)
        await wait_all_tasks_blocked()
        return "left"

    assert run(main) == "left"


@both_waits
async def test_the_end_of_the_light_process_cancels_the_function(runtime: None, wait: Any) -> None:
    seen: list[str] = []

    async def waits() -> None:
        try:
            await wait()
        except trio.Cancelled:
            seen.append("cancelled")
            raise

    pid, ref = spawn_monitor(in_trio, waits, light=True)
    await wait_all_tasks_blocked()
    exit(pid, "kill")
    assert (await receive(ref)).reason == "killed"
    assert seen == ["cancelled"]


async def test_the_end_of_the_light_process_waits_for_clean_up(
    runtime: None, caplog: pytest.LogCaptureFixture
) -> None:
    story: list[str] = []

    async def cleans_up() -> None:
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.lowlevel.checkpoint()
                await wait_all_tasks_blocked()
            story.append("cleaned up")
            raise ValueError("in the clean-up")

    pid, ref = spawn_monitor(in_trio, cleans_up, light=True)
    await wait_all_tasks_blocked()
    exit(pid, "over")
    assert not is_alive(pid)
    assert (await receive(ref)).reason == "over"
    assert story == ["cleaned up"]
    [record] = caplog.records
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], ValueError)
    caplog.clear()


def test_a_runtime_that_breaks_ends_the_light_process() -> None:
    story: list[str] = []

    async def light() -> None:
        try:
            await in_trio(trio.sleep_forever)
        finally:
            story.append("unwound")

    async def breaks() -> None:
        raise GeneratorExit

    async def main() -> None:
        spawn(light, light=True)
        await wait_all_tasks_blocked()
        spawn(breaks)
        await trio.sleep_forever()

    with pytest.raises(BaseException):  # noqa: B017, PT011  # of whatever kind
        run(main)
    assert story == ["unwound"]
