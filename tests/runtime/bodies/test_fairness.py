"""No process keeps the others from running for long."""

from collections.abc import Awaitable, Callable

import pytest
import trio

from actorsock import (
    Pid,
    Timeout,
    current_pid,
    exit,
    is_alive,
    receive,
    send,
    send_after,
    sleep,
    spawn,
    spawn_handler,
    spawn_monitor,
)
from actorsock.runtime.bodies.current import charge
from actorsock.runtime.core.reductions import RUN_QUEUE_BUDGET, STEP
from benchmarks import pauses

from ..support import checkpoints, every_body

LOOP = 200_000  # rounds after which a busy process of these tests stops


async def always_has_a_message(count: list[int]) -> None:
    send(current_pid(), "again")
    while count[0] < LOOP:
        count[0] += 1
        send(current_pid(), "again")
        await receive()


async def always_has_a_matching_message(count: list[int]) -> None:
    while count[0] < LOOP:
        count[0] += 1
        send(current_pid(), count[0])
        await receive(int)


async def polls_without_end(count: list[int]) -> None:
    while count[0] < LOOP:
        count[0] += 1
        assert await receive(after=0) == Timeout()


Busy = Callable[[list[int]], Awaitable[None]]

each_busy = pytest.mark.parametrize(
    "busy", [always_has_a_message, always_has_a_matching_message, polls_without_end]
)


@every_body
@each_busy
async def test_a_busy_process_leaves_time_for_tasks_and_timers(
    runtime: None, busy: Busy, light: bool
) -> None:
    count = [0]
    pid = spawn(busy, count, light=light)
    await checkpoints(20)
    assert 0 < count[0] < LOOP
    await sleep(0)
    assert await receive(after=0.001) == Timeout()
    assert count[0] < LOOP
    exit(pid, "kill")


@every_body
@each_busy
async def test_a_busy_process_can_be_killed(runtime: None, busy: Busy, light: bool) -> None:
    count = [0]
    pid = spawn(busy, count, light=light)
    while count[0] == 0:
        await trio.lowlevel.checkpoint()
    exit(pid, "kill")
    at_the_kill = count[0]
    await checkpoints(5)
    assert count[0] == at_the_kill < LOOP


@each_busy
async def test_a_busy_process_can_be_cancelled(runtime: None, busy: Busy) -> None:
    count = [0]
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(busy, count)
            await trio.lowlevel.checkpoint()
            scope.cancel()
    assert scope.cancelled_caught
    assert count[0] < LOOP


@every_body
async def test_two_busy_processes_share_the_time(runtime: None, light: bool) -> None:
    counts = [[0], [0]]
    pids = [spawn(always_has_a_message, count, light=light) for count in counts]
    await checkpoints(20)
    assert all(0 < count[0] < LOOP for count in counts)
    low, high = sorted(count[0] for count in counts)
    assert high - low <= high / 2
    for pid in pids:
        exit(pid, "kill")


async def test_messages_already_there_are_received_without_a_pass_of_the_loop(
    runtime: None,
) -> None:
    passes = 0

    async def counts_passes() -> None:
        nonlocal passes
        while True:
            await trio.lowlevel.checkpoint()
            passes += 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(counts_passes)
        await trio.lowlevel.checkpoint()
        for number in range(10_000):
            send(current_pid(), number)
        before = passes
        for number in range(10_000):
            assert await receive() == number
        assert passes - before <= 50
        nursery.cancel_scope.cancel()


async def test_a_busy_handler_leaves_time_for_tasks(runtime: None) -> None:
    count = [0]

    def handler(message: str) -> None:
        count[0] += 1
        if count[0] < LOOP:
            send(current_pid(), message)

    pid = spawn_handler(handler)
    send(pid, "again")
    await checkpoints(20)
    assert 0 < count[0] < LOOP
    exit(pid, "kill")
    await sleep(0)
    at_the_kill = count[0]
    await sleep(0)
    assert count[0] == at_the_kill


@pytest.mark.parametrize(
    ("spent", "steps"),
    [(0, RUN_QUEUE_BUDGET // STEP), (90, RUN_QUEUE_BUDGET // (STEP + 90)), (10**6, 1)],
)
async def test_the_steps_of_handlers_cost_what_the_handlers_spend(
    runtime: None, spent: int, steps: int
) -> None:
    handled = [0]

    def handler(message: str) -> None:
        handled[0] += 1
        charge(spent)
        send(current_pid(), message)

    pid = spawn_handler(handler)
    send(pid, "again")
    before = handled[0]
    while handled[0] == before:  # trio runs the tasks of one pass in any order
        await trio.lowlevel.checkpoint()
    assert handled[0] - before == steps
    exit(pid, "kill")


async def test_servers_answer_beside_a_busy_light_process(runtime: None) -> None:
    async def echo() -> None:
        while True:
            sender, message = await receive()
            send(sender, message)

    spinner = spawn(always_has_a_message, [-(10**9)], light=True)
    servers = [spawn(echo, light=True), spawn(echo)]
    for number in range(20):
        for server in servers:
            send(server, (current_pid(), number))
            assert await receive() == number
        await trio.lowlevel.checkpoint()
    exit(spinner, "kill")


async def test_two_light_processes_that_wake_each_other_leave_time_for_tasks(
    runtime: None,
) -> None:
    async def volleys() -> None:
        while True:
            send(await receive(Pid), current_pid())

    players = [spawn(volleys, light=True) for _ in range(2)]
    send(players[0], players[1])
    await checkpoints(20)
    for player in players:
        assert is_alive(player)
        exit(player, "kill")


# --- no loop holds others up ----------------------------------------------------------------------


@every_body
@pytest.mark.parametrize("row", list(pauses.ROWS))
async def test_a_loop_that_always_finds_something_to_do_lets_others_run(
    runtime: None, light: bool, row: str
) -> None:
    """`benchmarks.pauses` measures how soon; here the loop must only let others run at all."""
    pid, ref = spawn_monitor(pauses.ROWS[row], light=light)
    await checkpoints(20)
    exit(pid, "kill")
    assert (await receive(ref)).reason == "killed"


@every_body
async def test_a_receive_past_many_messages_gives_way(runtime: None, light: bool) -> None:
    async def receiver() -> None:
        await receive(str)
        assert await receive(lambda message: message == "wanted", after=0) == "wanted"
        over.append("arrivals")
        assert await receive(lambda message: message == "the other", after=0) == "the other"
        over.append("saved")

    over: list[str] = []
    pid, ref = spawn_monitor(receiver, light=light)
    send(pid, "go")
    for number in range(20_000):
        send(pid, number)
    send(pid, "wanted")
    for number in range(20_000):
        send(pid, number)
    send(pid, "the other")
    seen = []
    while is_alive(pid):
        await trio.lowlevel.checkpoint()
        seen.append(len(over))
    assert seen.count(0) >= 4
    assert seen.count(1) >= 8
    assert (await receive(ref)).reason == "normal"


async def test_timers_that_run_out_at_once_give_way(runtime: None) -> None:
    fired: list[int] = []
    pid = spawn_handler(fired.append)
    for number in range(10_000):
        send_after(0, pid, number)
    seen = set()
    while len(fired) < 10_000:
        await trio.lowlevel.checkpoint()
        seen.add(len(fired))
    assert len(seen) >= 5
    assert fired == list(range(10_000))
