"""Nobody keeps the others from running for long."""

import pytest
import trio

from actorsock import Timeout, current_pid, exit, receive, send, sleep, spawn, spawn_handler

LOOP = 200_000  # how often a busy process of these tests does what it does, at most


async def always_has_a_message(count: list[int]) -> None:
    send(current_pid(), "again")
    while count[0] < LOOP:
        count[0] += 1
        send(current_pid(), "again")
        await receive()


async def always_has_what_it_selects(count: list[int]) -> None:
    while count[0] < LOOP:
        count[0] += 1
        send(current_pid(), count[0])
        await receive(int)


async def polls_for_ever(count: list[int]) -> None:
    while count[0] < LOOP:
        count[0] += 1
        assert await receive(after=0) == Timeout()


busy = pytest.mark.parametrize(
    "busy", [always_has_a_message, always_has_what_it_selects, polls_for_ever]
)


@busy
async def test_a_busy_process_leaves_time_for_tasks(runtime: None, busy: object) -> None:
    count = [0]
    pid = spawn(busy, count)
    for _ in range(20):
        await trio.lowlevel.checkpoint()
    assert 0 < count[0] < LOOP
    exit(pid, "kill")


@busy
async def test_a_busy_process_leaves_time_for_timers(runtime: None, busy: object) -> None:
    count = [0]
    pid = spawn(busy, count)
    await sleep(0)
    assert await receive(after=0.001) == Timeout()
    assert count[0] < LOOP
    exit(pid, "kill")


@busy
async def test_a_busy_process_can_be_killed(runtime: None, busy: object) -> None:
    count = [0]
    pid = spawn(busy, count)
    while count[0] == 0:
        await trio.lowlevel.checkpoint()
    exit(pid, "kill")
    at_the_kill = count[0]
    for _ in range(5):
        await trio.lowlevel.checkpoint()
    assert count[0] == at_the_kill < LOOP


@busy
async def test_a_busy_process_can_be_cancelled(runtime: None, busy: object) -> None:
    count = [0]
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(busy, count)
            await trio.lowlevel.checkpoint()
            scope.cancel()
    assert scope.cancelled_caught
    assert count[0] < LOOP


async def test_two_processes_that_never_wait_share_the_time(runtime: None) -> None:
    counts = [[0], [0]]
    pids = [spawn(always_has_a_message, count) for count in counts]
    for _ in range(20):
        await trio.lowlevel.checkpoint()
    assert all(0 < count[0] < LOOP for count in counts)
    low, high = sorted(count[0] for count in counts)
    assert high - low <= high / 2
    for pid in pids:
        exit(pid, "kill")


async def test_messages_that_are_there_are_received_without_giving_way(runtime: None) -> None:
    # Otherwise every message would cost a turn of trio's loop.
    turns = 0

    async def counts_turns() -> None:
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(counts_turns)
        await trio.lowlevel.checkpoint()
        for number in range(10_000):
            send(current_pid(), number)
        before = turns
        for number in range(10_000):
            assert await receive() == number
        assert turns - before <= 50
        nursery.cancel_scope.cancel()


async def test_a_flooded_handler_leaves_time_for_tasks(runtime: None) -> None:
    count = [0]

    def handler(message: str) -> None:
        count[0] += 1
        if count[0] < LOOP:
            send(current_pid(), message)

    pid = spawn_handler(handler)
    send(pid, "again")
    for _ in range(20):
        await trio.lowlevel.checkpoint()
    assert 0 < count[0] < LOOP
    exit(pid, "kill")
    await sleep(0)
    at_the_kill = count[0]
    await sleep(0)
    assert count[0] == at_the_kill
