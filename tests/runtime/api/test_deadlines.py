"""A deadline over several calls."""

from collections.abc import Awaitable, Callable

import pytest
import trio
from trio.testing import MockClock

from actorsock import (
    DeadlineError,
    current_pid,
    deadline,
    in_trio,
    monitor,
    receive,
    send,
    sleep,
    spawn_handler,
    spawn_monitor,
)
from actorsock.runtime.bodies.current import current_process


async def sleeps() -> None:
    await sleep(100)


async def receives() -> None:
    await receive()


async def receives_in_vain() -> None:
    while True:
        await receive(int, after=2)


async def sleeps_in_trio() -> None:
    await in_trio(trio.sleep, 100)


async def handles_errors() -> None:
    try:
        await sleep(100)
    except Exception:
        raise AssertionError("taken for an error") from None


@pytest.mark.parametrize("light", [False, True], ids=["task", "light"])
@pytest.mark.parametrize(
    "wait", [sleeps, receives, receives_in_vain, sleeps_in_trio, handles_errors]
)
async def test_a_call_is_interrupted(
    runtime: None, autojump_clock: MockClock, light: bool, wait: Callable[[], Awaitable[None]]
) -> None:
    async def process() -> None:
        start = trio.current_time()
        with pytest.raises(DeadlineError), deadline(1000), deadline(5):  # noqa: PT012
            await sleep(1)
            await wait()
        assert 5 <= trio.current_time() - start < 5.1
        send(parent, "before")
        with deadline(5):
            await sleep(1)
        await sleep(10)  # the deadline is no longer in force
        me = current_pid()
        send(me, "kept")
        with pytest.raises(TimeoutError), deadline(1), deadline(50):
            await receive(int)
        assert await receive(str) == "kept"

    parent = current_pid()
    _, ref = spawn_monitor(process, light=light)
    assert await receive(str) == "before"
    assert (await receive(ref)).reason == "normal"


async def test_a_block_that_is_never_left_ends_the_process_with_the_same_error(
    runtime: None, autojump_clock: MockClock
) -> None:
    block = deadline(5)

    async def never_leaves() -> None:
        block.__enter__()
        await sleep(100)

    _, ref = spawn_monitor(never_leaves, light=True)
    reason = (await receive(ref)).reason
    assert isinstance(reason, DeadlineError)
    assert "5 seconds" in str(reason)


async def test_a_block_that_outlives_its_process_has_no_effect(
    runtime: None, autojump_clock: MockClock
) -> None:
    block = deadline(5)

    async def never_leaves() -> None:
        block.__enter__()

    _, ref = spawn_monitor(never_leaves, light=True)
    assert (await receive(ref)).reason == "normal"
    await sleep(10)
    assert len(current_process().node.timers) == 0


async def test_a_deadline_during_the_clean_up_for_another_one_wakes_nothing_later(
    runtime: None, autojump_clock: MockClock
) -> None:
    async def cleans_up_for_long() -> None:
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(5)

    async def light() -> object:
        with pytest.raises(DeadlineError, match="within 2 seconds"), deadline(2), deadline(1):
            await in_trio(cleans_up_for_long)
        assert trio.current_time() == 6
        return send(test, await receive())

    test = current_pid()
    pid, ref = spawn_monitor(light, light=True)
    await sleep(10)
    send(pid, "a message")
    assert await receive(after=1) == "a message"
    assert (await receive(ref)).reason == "normal"


async def test_a_handler_has_no_deadline(runtime: None) -> None:
    def handler(message: str) -> None:
        with deadline(5):
            pass

    pid = spawn_handler(handler)
    ref = monitor(pid)
    send(pid, "a message")
    reason = (await receive(ref)).reason
    assert "a handler runs to completion" in str(reason)
