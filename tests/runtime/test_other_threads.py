"""A runtime belongs to one thread: a send from another one raises, and changes nothing."""

import threading
from collections.abc import Callable

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from actorsock import (
    Pid,
    current_pid,
    exit,
    link,
    monitor,
    process_info,
    processes,
    receive,
    run,
    send,
    spawn,
    spawn_handler,
    spawn_monitor,
)


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
async def test_sending_from_another_thread_changes_nothing(runtime: None, kind: str) -> None:
    receiver = RECEIVERS[kind](current_pid())
    await wait_all_tasks_blocked()
    with pytest.raises(RuntimeError, match=r"thread.*trio\.from_thread\.run_sync"):
        await trio.to_thread.run_sync(send, receiver, "lost")
    for number in range(3):
        send(receiver, number)
    assert [await receive() for _ in range(3)] == [0, 1, 2]


@every_receiver
async def test_sending_through_trio_from_thread_works(runtime: None, kind: str) -> None:
    receiver = RECEIVERS[kind](current_pid())
    await wait_all_tasks_blocked()
    await trio.to_thread.run_sync(trio.from_thread.run_sync, send, receiver, "there")
    assert await receive() == "there"


@every_receiver
async def test_sending_to_the_runtime_of_another_thread_raises(runtime: None, kind: str) -> None:
    receiver = RECEIVERS[kind](current_pid())
    await wait_all_tasks_blocked()

    async def elsewhere() -> None:
        with pytest.raises(RuntimeError, match="thread"):
            send(receiver, "lost")

    await trio.to_thread.run_sync(run, elsewhere)
    send(receiver, "there")
    assert await receive() == "there"


@every_receiver
@pytest.mark.parametrize(
    "does", [link, monitor, lambda pid: exit(pid, "kill")], ids=["link", "monitor", "exit"]
)
async def test_no_link_monitor_or_exit_signal_leads_to_another_thread(
    runtime: None, kind: str, does: Callable[[Pid], object]
) -> None:
    receiver = RECEIVERS[kind](current_pid())
    await wait_all_tasks_blocked()

    async def elsewhere() -> None:
        with pytest.raises(RuntimeError, match=r"pid: .* in another thread"):
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
