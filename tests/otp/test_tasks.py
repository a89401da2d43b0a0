"""Tasks: functions in processes of their own, and their results."""

import gc
from functools import partial, wraps
from threading import Thread
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from actorsock import (
    CallError,
    Error,
    Ok,
    Pid,
    Timeout,
    current_pid,
    exit,
    is_alive,
    otp,
    process_info,
    processes,
    receive,
    send,
    sleep,
    spawn,
    spawn_monitor,
)

from .conftest import Tables, failure


async def double(number: int) -> int:
    return number * 2


async def after(seconds: float, value: Any) -> Any:
    await sleep(seconds)
    if isinstance(value, Exception):
        raise value
    return value


async def item_after(seconds: float) -> float:
    return await after(seconds, seconds)


@pytest.fixture(params=[False, True], ids=["task", "light"])
def light(request: pytest.FixtureRequest) -> bool:
    return request.param


async def test_a_result(runtime: None, light: bool) -> None:
    task = otp.async_call(double, 21, light=light)
    info = process_info(task.pid)
    assert info.function.endswith("test_tasks:double")
    assert info.kind == ("light" if light else "task")
    assert await otp.await_result(task) == 42


async def test_process_info_names_the_function(runtime: None, light: bool) -> None:
    @wraps(double)
    async def wrapper(number: int) -> int:
        return await double(number)

    for fn in [partial(double), partial(partial(double)), wrapper, partial(wrapper)]:
        task = otp.async_call(fn, 21, light=light)
        assert process_info(task.pid).function.endswith("test_tasks:double")
        assert await otp.await_result(task) == 42


async def test_an_object_whose_attributes_are_endless(runtime: None) -> None:
    class Endless:
        async def __call__(self) -> str:
            return "called"

        def __getattr__(self, name: str) -> Any:
            return self

    task = otp.async_call(Endless())
    assert process_info(task.pid).function
    assert await otp.await_result(task) == "called"


async def test_trio_names_the_task_after_the_function(runtime: None) -> None:
    async def name() -> str:
        return trio.lowlevel.current_task().name

    for fn in [name, partial(name)]:
        assert (await otp.await_result(otp.async_call(fn))).endswith("name")


async def test_tasks_run_at_the_same_time(
    runtime: None, autojump_clock: MockClock, light: bool
) -> None:
    before = trio.current_time()
    tasks = [otp.async_call(after, 3 - n, n, light=light) for n in range(3)]
    assert [await otp.await_result(task) for task in tasks] == [0, 1, 2]
    assert trio.current_time() - before == pytest.approx(3)


async def test_a_crash(runtime: None, light: bool) -> None:
    crash = ValueError("a crash")
    task = otp.async_call(after, 0, crash, light=light)
    with pytest.raises(CallError) as failed:
        await otp.await_result(task)
    assert failed.value.reason is failed.value.__cause__ is crash
    assert (
        await failure(otp.await_result(otp.async_call(ends, "because", light=light))) == "because"
    )


async def ends(reason: Any) -> None:
    exit(reason)


async def test_a_time_out_kills_the_task(
    runtime: None, autojump_clock: MockClock, light: bool
) -> None:
    task = otp.async_call(after, 10, "too late", light=light)
    assert await failure(otp.await_result(task)) == "timeout"
    assert not is_alive(task.pid)
    assert await receive(after=100) == Timeout()


async def test_a_result_is_awaited_once_by_the_owner(runtime: None) -> None:
    async def other(task: otp.Task[int], dest: Pid) -> None:
        try:
            await otp.await_result(task)
        except ValueError as exc:
            send(dest, str(exc))

    task = otp.async_call(double, 21)
    spawn(other, task, current_pid())
    assert "which awaits it" in await receive(str)
    assert await otp.await_result(task) == 42
    with pytest.raises(ValueError, match="has been awaited already"):
        await otp.await_result(task)


async def test_a_cancelled_wait_may_be_repeated(runtime: None, autojump_clock: MockClock) -> None:
    task = otp.async_call(after, 3, "a result")
    with trio.move_on_after(1):
        await otp.await_result(task)
    assert await otp.await_result(task) == "a result"


@pytest.mark.parametrize("reason", ["normal", "because", "kill"])
async def test_a_task_ends_with_its_owner(runtime: None, light: bool, reason: str) -> None:
    async def owner(dest: Pid) -> None:
        send(dest, otp.async_call(receive, light=light).pid)
        exit(await receive())

    pid = spawn(owner, current_pid())
    task = await receive()
    if reason == "kill":
        exit(pid, "kill")
    else:
        send(pid, reason)
    await wait_all_tasks_blocked()
    assert not is_alive(task)


async def test_results_come_in_order(runtime: None, autojump_clock: MockClock, light: bool) -> None:
    results = [r async for r in otp.async_stream(item_after, [3, 1, 2], light=light)]
    assert results == [Ok(3), Ok(1), Ok(2)]


async def test_the_limit_of_tasks_that_run(
    runtime: None, autojump_clock: MockClock, light: bool
) -> None:
    now = most = 0

    async def work(item: int) -> int:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await sleep(1)
        now -= 1
        return item

    before = trio.current_time()
    stream = otp.async_stream(work, range(10), limit=3, light=light)
    assert [result async for result in stream] == [Ok(n) for n in range(10)]
    assert most == 3
    assert trio.current_time() - before == pytest.approx(4)


async def test_items_are_taken_when_they_are_needed(runtime: None) -> None:
    taken = []

    def items() -> Any:
        for number in range(100):
            taken.append(number)
            yield number

    stream = otp.async_stream(double, items(), limit=2)
    assert taken == []
    assert await anext(stream) == Ok(0)
    assert taken == [0, 1]
    stream.close()
    assert [result async for result in stream] == []


async def test_items_are_taken_without_protection_from_ctrl_c(runtime: None, light: bool) -> None:
    protected = []

    class Items:
        def __iter__(self) -> Any:
            return self

        def __next__(self) -> int:
            protected.append(trio.lowlevel.currently_ki_protected())
            if len(protected) > 3:
                raise StopIteration
            return len(protected)

    async def takes(dest: Pid) -> None:
        send(dest, [result async for result in otp.async_stream(double, Items())])

    spawn(takes, current_pid(), light=light)
    assert await receive() == [Ok(2), Ok(4), Ok(6)]
    assert not any(protected)


async def test_failures_are_results(runtime: None, autojump_clock: MockClock) -> None:
    crash = ValueError("a crash")

    async def work(item: Any) -> Any:
        return await after(10 if item == "slow" else 1, item)

    stream = otp.async_stream(work, ["a", crash, "slow", "b"], timeout=5)
    assert [r async for r in stream] == [Ok("a"), Error(crash), Error("timeout"), Ok("b")]
    assert await receive(after=100) == Timeout()


@pytest.mark.parametrize("how", ["with", "dropped", "found by another thread"])
async def test_a_loop_that_is_left_early_ends_its_tasks(
    runtime: None, autojump_clock: MockClock, how: str, light: bool
) -> None:
    before = processes()
    if how == "with":
        async with otp.async_stream(item_after, [1, 100, 200], light=light) as stream:
            async for _ in stream:
                break
    elif how == "found by another thread":
        cycle: Any = otp.async_stream(item_after, [1, 100, 200], light=light)
        cycle.itself = cycle
        await anext(cycle)
        del cycle
        collecting = Thread(target=gc.collect)
        collecting.start()
        collecting.join()
    else:
        async for _ in otp.async_stream(item_after, [1, 100, 200]):
            break
        gc.collect()
    await wait_all_tasks_blocked()
    assert processes() == before
    assert await receive(after=1000) == Timeout()


async def test_a_stream_ends_with_its_owner(runtime: None, autojump_clock: MockClock) -> None:
    async def owner() -> None:
        async for _ in otp.async_stream(item_after, [1, 100, 200]):
            exit("because")

    before = processes()
    _, ref = spawn_monitor(owner)
    assert (await receive(ref)).reason == "because"
    await wait_all_tasks_blocked()
    assert processes() == before or processes() == [*before, current_pid()]


async def test_a_thousand_tasks_leave_nothing(
    runtime: None, autojump_clock: MockClock, tables: Tables, light: bool
) -> None:
    before = tables()
    for number in range(500):
        assert await otp.await_result(otp.async_call(double, number, light=light)) == number * 2
    async for result in otp.async_stream(double, range(500), light=light):
        assert isinstance(result, Ok)
    async for result in otp.async_stream(item_after, [9] * 500, timeout=1, light=light):
        assert result == Error("timeout")
    await wait_all_tasks_blocked()
    assert tables() == before


async def test_asking_for_a_result_that_is_not_there_yet(runtime: None) -> None:
    async def works() -> str:
        await receive()
        return "done"

    task = otp.async_call(works)
    assert await otp.nb_yield(task) == Timeout()
    assert await otp.nb_yield(task, 0.001) == Timeout()
    send(task.pid, "go on")
    assert await otp.nb_yield(task, 60) == Ok("done")
    with pytest.raises(ValueError, match="has been awaited already, or was given up"):
        await otp.nb_yield(task)


async def test_asking_for_the_result_of_a_task_that_has_ended(runtime: None) -> None:
    async def ends() -> None:
        exit("a reason")

    assert await otp.nb_yield(otp.async_call(ends), 60) == Error("a reason")
