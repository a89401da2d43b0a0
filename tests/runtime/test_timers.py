"""Timers that send messages, on trio's clock."""

import math
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from actorsock import (
    Pid,
    Ref,
    Timeout,
    TimerExpired,
    cancel_timer,
    current_pid,
    exit,
    make_ref,
    monitor,
    open_runtime,
    read_timer,
    receive,
    register,
    send,
    send_after,
    sleep,
    spawn,
    spawn_handler,
    spawn_monitor,
    start_timer,
)
from actorsock.runtime.bodies.current import current_process
from actorsock.runtime.core.node import Node
from actorsock.runtime.core.timers import Timers


def node() -> Node:
    return current_process().node


async def test_send_after_sends_the_message(runtime: None, autojump_clock: MockClock) -> None:
    start = trio.current_time()
    ref = send_after(3, current_pid(), "a message")
    assert isinstance(ref, Ref)
    assert await receive() == "a message"
    assert trio.current_time() - start == pytest.approx(3)


async def test_start_timer_says_which_timer_it_was(
    runtime: None, autojump_clock: MockClock
) -> None:
    first = start_timer(2, current_pid(), "a message")
    second = start_timer(1, current_pid(), "a message")
    assert await receive(first) == TimerExpired(first, "a message")
    assert await receive(second) == TimerExpired(second, "a message")


async def test_a_delay_of_0_is_still_later(runtime: None) -> None:
    send_after(0, current_pid(), "a message")
    assert await receive(after=0) == Timeout()
    assert await receive() == "a message"


async def test_a_timer_can_be_cancelled(runtime: None, autojump_clock: MockClock) -> None:
    ref = send_after(10, current_pid(), "a message")
    await sleep(4)
    assert cancel_timer(ref) == pytest.approx(6)
    assert cancel_timer(ref) is None
    assert read_timer(ref) is None
    assert await receive(after=100) == Timeout()


async def test_the_time_left_can_be_read(runtime: None, autojump_clock: MockClock) -> None:
    ref = send_after(10, current_pid(), "a message")
    assert read_timer(ref) == pytest.approx(10)
    await sleep(4)
    assert read_timer(ref) == pytest.approx(6)
    assert await receive() == "a message"
    assert read_timer(ref) is None
    assert cancel_timer(ref) is None


async def test_any_process_may_cancel(runtime: None, autojump_clock: MockClock) -> None:
    async def stranger(ref: Ref, observer: Pid) -> None:
        send(observer, (read_timer(ref), cancel_timer(ref)))

    spawn(stranger, send_after(10, current_pid(), "a message"), current_pid())
    assert await receive() == (pytest.approx(10), pytest.approx(10))
    assert await receive(after=100) == Timeout()


async def test_an_unknown_ref_is_no_timer(runtime: None) -> None:
    assert read_timer(make_ref()) is None
    assert cancel_timer(make_ref()) is None


async def test_timers_run_out_in_order(runtime: None, autojump_clock: MockClock) -> None:
    for delay in [5, 1, 4, 1, 3, 2, 0]:
        send_after(delay, current_pid(), delay)
    assert [await receive() for _ in range(7)] == [0, 1, 1, 2, 3, 4, 5]


async def test_equal_timers_run_out_in_the_order_of_starting(
    runtime: None, autojump_clock: MockClock
) -> None:
    for number in range(100):
        send_after(1, current_pid(), number)
    assert [await receive() for _ in range(100)] == list(range(100))


async def test_a_timer_may_be_sooner_than_those_already_running(
    runtime: None, autojump_clock: MockClock
) -> None:
    send_after(100, current_pid(), "late")
    await wait_all_tasks_blocked()
    send_after(1, current_pid(), "soon")
    assert [await receive(), await receive()] == ["soon", "late"]


async def test_a_timer_for_ever(runtime: None, autojump_clock: MockClock) -> None:
    ref = send_after(math.inf, current_pid(), "never")
    assert read_timer(ref) == math.inf
    assert await receive(after=1_000_000) == Timeout()
    assert cancel_timer(ref) == math.inf


async def test_a_name_is_looked_up_when_the_time_comes(
    runtime: None, autojump_clock: MockClock
) -> None:
    send_after(1, "later", "a message")
    register("later", current_pid())
    assert await receive() == "a message"


async def test_a_name_that_nobody_has(runtime: None, autojump_clock: MockClock) -> None:
    ref = send_after(1, "nobody", "a message")
    assert await receive(after=2) == Timeout()
    assert read_timer(ref) is None


async def test_a_name_outlives_its_process(runtime: None, autojump_clock: MockClock) -> None:
    pid = spawn(receive, name="server")
    send_after(2, "server", "a message")
    exit(pid, "kill")
    await sleep(1)
    register("server", current_pid())
    assert await receive() == "a message"


async def test_a_process_that_has_ended(runtime: None, autojump_clock: MockClock) -> None:
    pid, ref = spawn_monitor(sleep, 0)
    await receive(ref)
    timer = send_after(1, pid, "a message")
    assert read_timer(timer) is None
    assert cancel_timer(timer) is None
    assert node().pending == {}


async def test_the_end_of_the_destination_cancels_the_timer(
    runtime: None, autojump_clock: MockClock
) -> None:
    pid, ref = spawn_monitor(receive)
    timers = [send_after(delay, pid, "a message") for delay in [5, 10, math.inf]]
    exit(pid, "kill")
    await receive(ref)
    assert [read_timer(timer) for timer in timers] == [None] * 3
    assert node().pending == {}
    assert len(node().timers) == 0


async def test_the_end_of_the_starter_does_not(runtime: None, autojump_clock: MockClock) -> None:
    async def starter(dest: Pid) -> None:
        send_after(5, dest, "a message")

    _, ref = spawn_monitor(starter, current_pid())
    await receive(ref)
    assert await receive(after=10) == "a message"


async def test_a_timer_that_renews_itself_at_once(runtime: None) -> None:
    # It must not keep others from running: the sleep below would never end.
    def renew(message: Any) -> None:
        send_after(0, current_pid(), message)

    pid = spawn_handler(renew)
    send(pid, "tick")
    for _ in range(5):
        await sleep(0.001)
    exit(pid, "kill")


async def test_cancelled_timers_do_not_pile_up(runtime: None) -> None:
    kept = [send_after(1_000, current_pid(), "kept") for _ in range(3)]
    for _ in range(1_000):
        cancel_timer(send_after(1_000, current_pid(), "cancelled"))
    assert len(node().timers) == 3
    assert len(node().timers._heap) < 200
    assert list(node().pending) == kept


async def test_timeouts_that_are_not_needed_do_not_pile_up(runtime: None) -> None:
    async def echo() -> None:
        while True:
            send(await receive(), "reply")

    pid = spawn(echo)
    for _ in range(1_000):
        send(pid, current_pid())
        assert await receive(after=1_000_000) == "reply"
    assert len(node().timers) == 0
    assert len(node().timers._heap) < 200


async def test_a_timer_goes_to_a_process_of_another_runtime(
    runtime: None, autojump_clock: MockClock
) -> None:
    outer, ref = spawn_monitor(receive)
    other = monitor(outer)
    async with open_runtime():
        send_after(1, outer, "a message")
        send_after(100, outer, "too late")
        await sleep(2)
    assert (await receive(ref)).reason == "normal"
    assert (await receive(other)).reason == "normal"


def test_cancelled_entries_are_not_fired() -> None:
    fired: list[int] = []
    timers = Timers()
    entries = [timers.add(number, fired.append, number) for number in range(300)]
    for entry in entries[::2]:
        assert timers.cancel(entry)
        assert not timers.cancel(entry)
    assert len(timers) == 150
    timers._fire(now=1_000)
    assert fired == list(range(1, 300, 2))
    assert len(timers) == 0
    assert not any(timers.cancel(entry) for entry in entries)


def test_what_an_action_adds_waits_for_the_next_round() -> None:
    fired: list[str] = []
    timers = Timers()

    def renew() -> None:
        fired.append("renewed")
        timers.add(1, renew)

    timers.add(1, renew)
    timers.add(1, fired.append, "another")
    timers._fire(now=1)
    assert fired == ["renewed", "another"]
    timers._fire(now=1)
    assert fired == ["renewed", "another", "renewed"]


def test_an_action_may_cancel_another_that_is_due() -> None:
    fired: list[str] = []
    timers = Timers()
    timers.add(1, lambda: timers.cancel(second))
    second = timers.add(1, fired.append, "second")
    timers.add(1, fired.append, "third")
    timers._fire(now=1)
    assert fired == ["third"]
