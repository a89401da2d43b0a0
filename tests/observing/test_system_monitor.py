"""`system_monitor`: long mailboxes, processes that hold up all others, late timers."""

import threading
import time
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from actorsock import (
    LateTimer,
    LongMessageQueue,
    LongSchedule,
    Timeout,
    current_pid,
    exit,
    mailbox,
    make_ref,
    receive,
    send,
    sleep,
    spawn,
    spawn_handler,
    system_monitor,
)


async def test_two_levels_of_a_long_mailbox(
    runtime: None, autojump_clock: trio.testing.MockClock
) -> None:
    async def takes_later() -> None:
        await may.wait()
        async for message in mailbox():
            if message == "end":
                return

    may = trio.Event()
    pid = spawn(takes_later)
    with system_monitor(current_pid(), long_message_queue=(2, 5)):
        for number in range(4):
            send(pid, number)
        assert await receive(after=3) == Timeout()
        send(pid, 4)
        send(pid, 5)
        assert await receive(after=3) == LongMessageQueue(pid, 6, True)
        assert await receive(after=3) == Timeout()  # told once
        may.set()
        assert await receive(after=3) == LongMessageQueue(pid, 0, False)
    for number in range(6):
        send(pid, number)
    assert await receive(after=3) == Timeout()
    send(pid, "end")
    await wait_all_tasks_blocked()


def computes(until: threading.Event) -> None:
    """Hold up the thread of the runtime."""
    assert until.wait(60)


@pytest.mark.parametrize("kind", ["task", "light", "handler"])
async def test_a_process_that_does_not_give_way(runtime: None, kind: str) -> None:
    async def process() -> None:
        computes(enough)

    enough = threading.Event()
    threading.Timer(0.5, enough.set).start()
    with system_monitor(current_pid(), long_schedule=0.05):
        if kind == "handler":
            pid = spawn_handler(lambda message: computes(enough))
            send(pid, "go")
        else:
            pid = spawn(process, light=kind == "light")
        event = await receive(LongSchedule, after=60)
        assert event.pid is pid
        assert event.seconds >= 0.05
        assert "computes" in [entry.function for entry in event.stack]
    exit(pid, "kill")
    await wait_all_tasks_blocked()


async def test_who_only_waits_is_not_told_of(runtime: None) -> None:
    with system_monitor(current_pid(), long_schedule=0.05):
        assert await receive(after=0.3) == Timeout()


async def test_a_late_timer(runtime: None) -> None:
    with system_monitor(current_pid(), late_timer=0.05, period=0.01):
        time.sleep(0.2)  # noqa: ASYNC251  # holds up all, and so the timers
        event = await receive(LateTimer, after=60)
        assert event.seconds >= 0.05


async def test_the_end_of_the_receiver_ends_it(
    runtime: None, autojump_clock: trio.testing.MockClock
) -> None:
    receiver = spawn(receive)
    monitor = system_monitor(receiver, long_message_queue=(0, 1))
    await sleep(3)
    send(receiver, "end")
    await sleep(3)
    assert monitor._entry is None
    monitor.close()


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"long_message_queue": 5}, TypeError, r"^long_message_queue: expected two numbers"),
        ({"long_message_queue": (5, 5)}, ValueError, r"^long_message_queue: expected a second"),
        ({"long_message_queue": (-1, 5)}, ValueError, r"^long_message_queue: expected two"),
        ({"long_schedule": "1"}, TypeError, r"^long_schedule: "),
        ({"long_schedule": 0}, ValueError, r"^long_schedule: "),
        ({"late_timer": -1}, ValueError, r"^late_timer: "),
        ({"period": 0}, ValueError, r"^period: "),
    ],
)
async def test_wrong_arguments(
    runtime: None, arguments: Any, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        system_monitor(current_pid(), **arguments)
    with pytest.raises(TypeError, match=r"^pid: "):
        system_monitor(make_ref())  # type: ignore[arg-type]
