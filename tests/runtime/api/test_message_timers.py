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
    unregister,
)
from actorsock.runtime.bodies.current import current_process
from actorsock.runtime.core.node import Node

from ..support import ended_process, in_every_body, outcome_of


def node() -> Node:
    return current_process().node


@in_every_body
async def test_send_after_sends_the_message() -> None:
    start = trio.current_time()
    ref = send_after(3, current_pid(), "a message")
    assert isinstance(ref, Ref)
    assert await receive() == "a message"
    assert trio.current_time() - start == pytest.approx(3)


@in_every_body
async def test_the_message_of_start_timer_carries_its_ref() -> None:
    first = start_timer(2, current_pid(), "a message")
    second = start_timer(1, current_pid(), "a message")
    assert await receive(first) == TimerExpired(first, "a message")
    assert await receive(second) == TimerExpired(second, "a message")


async def test_a_delay_of_0_does_not_send_at_once(runtime: None) -> None:
    send_after(0, current_pid(), "a message")
    assert await receive(after=0) == Timeout()
    assert await receive() == "a message"


@in_every_body
async def test_timers_send_in_the_order_of_their_times_and_then_of_starting() -> None:
    for number, delay in enumerate([5, 1, 4, 1, 3, 2, 0]):
        send_after(delay, current_pid(), (delay, number))
    received = [await receive() for _ in range(7)]
    assert received == [(0, 6), (1, 1), (1, 3), (2, 5), (3, 4), (4, 2), (5, 0)]
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


# --- cancelling and reading -----------------------------------------------------------------------


@in_every_body
async def test_a_timer_can_be_read_and_cancelled() -> None:
    ref = send_after(10, current_pid(), "a message")
    assert read_timer(ref) == pytest.approx(10)
    await sleep(4)
    assert read_timer(ref) == pytest.approx(6)
    assert cancel_timer(ref) == pytest.approx(6)
    assert cancel_timer(ref) is None
    assert read_timer(ref) is None
    assert await receive(after=100) == Timeout()


@in_every_body
async def test_a_timer_that_has_sent_its_message_is_none() -> None:
    ref = send_after(10, current_pid(), "a message")
    assert await receive() == "a message"
    for unknown in (ref, make_ref()):
        assert read_timer(unknown) is None
        assert cancel_timer(unknown) is None


@in_every_body
async def test_any_process_can_cancel() -> None:
    async def stranger(ref: Ref, observer: Pid) -> None:
        send(observer, (read_timer(ref), cancel_timer(ref)))

    spawn(stranger, send_after(10, current_pid(), "a message"), current_pid())
    assert await receive() == (pytest.approx(10), pytest.approx(10))
    assert await receive(after=100) == Timeout()


@in_every_body
async def test_a_timer_may_have_an_infinite_delay() -> None:
    ref = send_after(math.inf, current_pid(), "never")
    assert read_timer(ref) == math.inf
    assert await receive(after=1_000_000) == Timeout()
    assert cancel_timer(ref) == math.inf


async def test_cancelled_timers_do_not_pile_up(runtime: None) -> None:
    kept = [send_after(1_000, current_pid(), "kept") for _ in range(3)]
    for _ in range(1_000):
        cancel_timer(send_after(1_000, current_pid(), "cancelled"))
    assert len(node().timers) == 3
    assert len(node().timers._heap) < 200
    assert list(node().pending) == kept


async def test_time_outs_that_are_not_needed_do_not_pile_up(runtime: None) -> None:
    async def echo() -> None:
        while True:
            send(await receive(), "reply")

    pid = spawn(echo)
    for _ in range(1_000):
        send(pid, current_pid())
        assert await receive(after=1_000_000) == "reply"
    assert len(node().timers) == 0
    assert len(node().timers._heap) < 200


# --- destinations ---------------------------------------------------------------------------------


@in_every_body
async def test_a_name_is_looked_up_when_the_time_comes() -> None:
    send_after(1, "later", "a message")
    register("later", current_pid())
    assert await receive() == "a message"
    unregister("later")
    ref = send_after(1, "nobody", "a message")
    assert await receive(after=2) == Timeout()
    assert read_timer(ref) is None


@in_every_body
async def test_a_timer_to_a_name_outlives_the_process() -> None:
    pid = spawn(receive, name="server")
    send_after(2, "server", "a message")
    exit(pid, "kill")
    await sleep(1)
    register("server", current_pid())
    assert await receive() == "a message"


@in_every_body
async def test_a_timer_to_an_ended_process_is_none() -> None:
    timer = send_after(1, await ended_process(), "a message")
    assert read_timer(timer) is None
    assert cancel_timer(timer) is None
    assert node().pending == {}


@in_every_body
async def test_the_end_of_the_destination_cancels_the_timer() -> None:
    pid, ref = spawn_monitor(receive)
    timers = [send_after(delay, pid, "a message") for delay in [5, 10, math.inf]]
    exit(pid, "kill")
    await receive(ref)
    assert [read_timer(timer) for timer in timers] == [None] * 3
    assert node().pending == {}
    assert len(node().timers) == 0


@in_every_body
async def test_the_end_of_the_starter_does_not_cancel_the_timer() -> None:
    async def starter(dest: Pid) -> None:
        send_after(5, dest, "a message")

    await outcome_of(starter, current_pid())
    assert await receive(after=10) == "a message"


async def test_a_timer_that_renews_itself_at_once_lets_others_run(runtime: None) -> None:
    def renew(message: Any) -> None:
        send_after(0, current_pid(), message)

    pid = spawn_handler(renew)
    send(pid, "tick")
    for _ in range(5):
        await sleep(0.001)
    exit(pid, "kill")


async def test_a_timer_can_send_to_another_runtime(
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
