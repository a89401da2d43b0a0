"""trio's cancellation of a process that receives or sleeps."""

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from actorsock import (
    Pid,
    Timeout,
    current_pid,
    process_info,
    receive,
    send,
    send_after,
    sleep,
    spawn,
)
from actorsock.runtime.bodies.current import current_process


async def test_a_cancelled_receive_takes_no_message(runtime: None) -> None:
    send(current_pid(), "a message")
    with trio.CancelScope() as scope:
        scope.cancel()
        await receive()
    assert scope.cancelled_caught
    assert await receive(after=0) == "a message"


@pytest.mark.parametrize("after", [0, 1])
async def test_a_cancelled_receive_does_not_time_out(runtime: None, after: float) -> None:
    with trio.CancelScope() as scope:
        scope.cancel()
        await receive(after=after)
    assert scope.cancelled_caught


async def test_a_sleep_can_be_cancelled(runtime: None, autojump_clock: MockClock) -> None:
    with trio.CancelScope() as scope:
        scope.cancel()
        await sleep(0)
    assert scope.cancelled_caught
    start = trio.current_time()
    with trio.move_on_after(2):
        await sleep(10)
    assert trio.current_time() - start == pytest.approx(2)
    await sleep(3)
    assert trio.current_time() - start == pytest.approx(5)


async def test_move_on_after_loses_no_message(runtime: None, autojump_clock: MockClock) -> None:
    process = current_process()
    with trio.move_on_after(1) as scope:
        await receive()
    assert scope.cancelled_caught
    assert process.mailbox.wanted is None
    assert process.body.parked is None
    send(current_pid(), "later")
    assert await receive() == "later"


async def test_a_cancelled_receive_leaves_no_time_out(
    runtime: None, autojump_clock: MockClock
) -> None:
    with pytest.raises(trio.TooSlowError), trio.fail_after(1):
        await receive(after=5)
    assert await receive(after=10) == Timeout()
    assert trio.current_time() == pytest.approx(11)


async def test_unwanted_messages_survive_cancellation(
    runtime: None, autojump_clock: MockClock
) -> None:
    for number in range(3):
        send_after(number, current_pid(), number)
    with trio.move_on_after(2.5):
        await receive(str)
    assert [await receive(after=0) for _ in range(4)] == [0, 1, 2, Timeout()]


@pytest.mark.parametrize("message_first", [True, False])
async def test_a_message_is_received_or_left_if_it_comes_with_the_cancellation(
    runtime: None, message_first: bool
) -> None:
    async def receiver(scope: trio.CancelScope, observer: Pid) -> None:
        with scope:
            send(observer, ("received", await receive()))
        send(observer, ("still there", await receive(after=0)))

    scope = trio.CancelScope()
    pid = spawn(receiver, scope, current_pid())
    await wait_all_tasks_blocked()
    if message_first:
        send(pid, "a message")
        scope.cancel()
        assert await receive() == ("received", "a message")
        assert await receive() == ("still there", Timeout())
    else:
        scope.cancel()
        send(pid, "a message")
        assert await receive() == ("still there", "a message")


async def test_cancelled_waits_leave_no_timers(runtime: None, autojump_clock: MockClock) -> None:
    timers = current_process().node.timers
    for _ in range(1_000):
        with trio.move_on_after(0.001):
            await receive(after=1_000_000)
    assert len(timers) == 0
    assert len(timers._heap) < 200


async def test_a_scope_around_part_of_a_process_ends_only_that_part(
    runtime: None, autojump_clock: MockClock
) -> None:
    with trio.move_on_after(1):
        await sleep(2)
    assert process_info(current_pid()).status == "running"
    assert await receive(after=0) == Timeout()
