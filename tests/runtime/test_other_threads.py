"""A runtime belongs to one thread: `send` alone works from others."""

import os
import signal
import threading
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import outcome
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from actorsock import (
    Pid,
    alias,
    current_pid,
    exit,
    link,
    monitor,
    open_runtime,
    otp,
    process_info,
    processes,
    receive,
    register,
    run,
    send,
    send_after,
    spawn,
    spawn_handler,
    spawn_monitor,
)
from actorsock.runtime.bodies.current import current_process
from actorsock.runtime.core.node import Node

from .support import ended_process


def passes_on(light: bool) -> Callable[[Pid], Pid]:
    async def body(to: Pid) -> None:
        while True:
            send(to, await receive())

    return lambda to: spawn(body, to, light=light)


RECEIVERS: dict[str, Callable[[Pid], Pid]] = {
    "task": passes_on(False),
    "light": passes_on(True),
    "handler": lambda to: spawn_handler(lambda message: send(to, message)),
}

every_receiver = pytest.mark.parametrize("kind", list(RECEIVERS))


@every_receiver
async def test_a_message_from_another_thread_wakes_its_receiver(runtime: None, kind: str) -> None:
    receiver = RECEIVERS[kind](current_pid())
    await wait_all_tasks_blocked()
    assert await trio.to_thread.run_sync(send, receiver, "from a thread") == "from a thread"
    assert await receive() == "from a thread"


@every_receiver
async def test_messages_of_another_thread_keep_their_order(runtime: None, kind: str) -> None:
    """Several threads send to a receiver that waits, is busy, and gets messages from inside too."""
    senders, count = 3, 2000
    receiver = RECEIVERS[kind](current_pid())

    def sends(sender: int) -> None:
        for number in range(count):
            send(receiver, (sender, number))

    async with trio.open_nursery() as nursery:
        for sender in range(senders):
            nursery.start_soon(trio.to_thread.run_sync, sends, sender)
        sends(senders)
        seen: dict[int, list[int]] = {sender: [] for sender in range(senders + 1)}
        for _ in range((senders + 1) * count):
            sender, number = await receive(tuple)
            seen[sender].append(number)
    assert list(seen.values()) == [list(range(count))] * (senders + 1)


@every_receiver
async def test_sending_to_the_runtime_of_another_thread(runtime: None, kind: str) -> None:
    receiver = RECEIVERS[kind](current_pid())

    async def elsewhere() -> None:
        send(receiver, "from another runtime")

    await trio.to_thread.run_sync(run, elsewhere)
    assert await receive() == "from another runtime"


async def in_a_thread(function: Callable[..., object], *args: Any) -> object:
    """Run a function in a thread that knows nothing of the runtime; return or raise its result."""
    results: list[outcome.Outcome[object]] = []
    thread = threading.Thread(target=lambda: results.append(outcome.capture(function, *args)))
    thread.start()
    await trio.to_thread.run_sync(thread.join)
    return results[0].unwrap()


@pytest.mark.parametrize("starts", [trio.to_thread.run_sync, in_a_thread], ids=["trio", "plain"])
async def test_sending_to_names_and_aliases(runtime: None, starts: Callable[..., Any]) -> None:
    register("me", current_pid())
    once = alias("reply")
    for dest in ["me", once, once, "me"]:
        await starts(send, dest, dest)
    assert [await receive() for _ in range(3)] == ["me", once, "me"]
    with pytest.raises(ValueError, match="no process is registered as 'nobody'"):
        await starts(send, "nobody", "a message")
    async with open_runtime():  # a thread of trio's belongs to this one
        expected = ValueError if starts is not in_a_thread else RuntimeError
        with pytest.raises(expected, match=r"registered as 'me'|send to the pid"):
            await starts(send, "me", "a message")


@every_receiver
async def test_a_signal_handler_sends_through_a_token(runtime: None, kind: str) -> None:
    """The way that the documents name; it wakes the loop, whatever that does."""
    receiver = RECEIVERS[kind](current_pid())
    await wait_all_tasks_blocked()
    token = trio.lowlevel.current_trio_token()

    def handler(number: int, frame: object) -> None:
        token.run_sync_soon(send, receiver, "from a signal handler")

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        await trio.to_thread.run_sync(os.kill, os.getpid(), signal.SIGUSR1)
        assert await receive() == "from a signal handler"
    finally:
        signal.signal(signal.SIGUSR1, before)


async def test_what_is_sent_to_an_ended_process_is_dropped(runtime: None) -> None:
    await trio.to_thread.run_sync(send, await ended_process(), "dropped")
    pid = spawn(receive)
    exit(pid, "kill")
    await trio.to_thread.run_sync(send, pid, "dropped")


def test_what_is_sent_after_the_run_is_dropped() -> None:
    node: list[Node] = []

    async def main() -> None:
        node.append(current_process().node)

    run(main)
    node[0].deliver_soon(print, "dropped")


async def test_a_flood_from_another_thread_holds_no_task_up(runtime: None) -> None:
    for number in range(5000):
        current_process().node.deliver_soon(send, current_pid(), number)
    lengths = [0]
    while lengths[-1] < 5000:
        await trio.lowlevel.checkpoint()
        lengths.append(process_info(current_pid()).message_queue_len)
    # A task that runs once in each pass of trio's loop may see the slices of two passes at once.
    assert max(after - before for before, after in pairwise(lengths)) <= 2000


@pytest.mark.parametrize(
    "call",
    [
        lambda pid: exit(pid, "kill"),
        lambda pid: spawn(receive),
        lambda pid: current_pid(),
        lambda pid: trio.run(otp.call, pid, "a request"),
        lambda pid: trio.run(receive),
    ],
    ids=["exit", "spawn", "current_pid", "call", "receive"],
)
@pytest.mark.parametrize("starts", [trio.to_thread.run_sync, in_a_thread], ids=["trio", "plain"])
async def test_other_functions_name_the_remedy(
    runtime: None, starts: Callable[..., Any], call: Callable[[Pid], object]
) -> None:
    with pytest.raises(RuntimeError, match=r"only `send` works|no actorsock runtime here"):
        await starts(call, current_pid())


@every_receiver
async def test_the_remedy_works(runtime: None, kind: str) -> None:
    receiver = RECEIVERS[kind](current_pid())
    ref = monitor(receiver)
    await trio.to_thread.run_sync(trio.from_thread.run_sync, exit, receiver, "stop")
    assert (await receive(ref)).reason == "stop"


@every_receiver
@pytest.mark.parametrize(
    "does",
    [link, monitor, lambda pid: exit(pid, "kill"), lambda pid: send_after(1, pid, "late")],
    ids=["link", "monitor", "exit", "send_after"],
)
async def test_no_link_monitor_exit_signal_or_timer_leads_to_another_thread(
    runtime: None, kind: str, does: Callable[[Pid], object]
) -> None:
    receiver = RECEIVERS[kind](current_pid())
    await wait_all_tasks_blocked()

    async def elsewhere() -> None:
        with pytest.raises(RuntimeError, match=r"(pid|dest): .* in another thread"):
            does(receiver)

    await trio.to_thread.run_sync(run, elsewhere)
    send(receiver, "there")
    assert await receive() == "there"
    assert process_info(receiver).links == []


def test_runtimes_in_several_threads_leave_each_other_alone() -> None:
    """One starts processes all the time while another one counts its own."""
    counted = threading.Event()

    async def nothing() -> None:
        pass

    async def starts() -> None:
        while not counted.is_set():
            for _ in range(100):
                _, ref = spawn_monitor(nothing, light=True)
            await receive(ref)

    async def counts() -> None:
        for _ in range(3000):
            spawn(receive, light=True)
        for _ in range(300):
            assert len(processes()) == 3001

    def both() -> None:
        try:
            run(counts)
        finally:
            counted.set()

    threads = [threading.Thread(target=run, args=(starts,)), threading.Thread(target=both)]
    failures: list[object] = []
    before, threading.excepthook = threading.excepthook, failures.append
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        threading.excepthook = before
    assert failures == []
