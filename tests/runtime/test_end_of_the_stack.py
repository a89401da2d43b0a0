"""A process that recurses without end crashes, wherever its stack comes to its end."""

import inspect
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from trio.testing import wait_all_tasks_blocked

from actorsock import (
    Pid,
    Timeout,
    current_pid,
    exit,
    is_alive,
    monitor,
    processes,
    receive,
    send,
    spawn,
    spawn_handler,
    spawn_monitor,
)

# What the library needs of the stack, at most, to do something and to come back.
ROOM = 60


def at_depth(left: int, function: Callable[[], Any]) -> Any:
    """Call it with so many frames left, more or less."""
    frames = sys.getrecursionlimit() - len(inspect.stack(0)) - left

    def deeper(frames: int) -> Any:
        return deeper(frames - 1) if frames else function()

    return deeper(frames)


async def collects(to: Pid) -> None:
    while True:
        send(to, ("got", await receive()))


RECEIVERS: dict[str, Callable[[Pid], Pid]] = {
    "task": lambda to: spawn(collects, to),
    "light": lambda to: spawn(collects, to, light=True),
    "handler": lambda to: spawn_handler(lambda message: send(to, ("got", message))),
}


@pytest.mark.parametrize("kind", list(RECEIVERS))
async def test_a_message_is_sent_or_it_is_not(
    runtime: None, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A handler, which runs on the stack of whoever sends, may end with it; nobody else does."""
    for left in range(ROOM):
        receiver = RECEIVERS[kind](current_pid())
        ref = monitor(receiver)
        await wait_all_tasks_blocked()
        sent = ["before"]
        try:
            at_depth(left, lambda receiver=receiver: send(receiver, "before"))
        except RecursionError:
            sent.clear()
        await wait_all_tasks_blocked()
        send(receiver, "after")
        await wait_all_tasks_blocked()
        if kind == "handler" and not is_alive(receiver):
            assert isinstance((await receive(ref)).reason, RecursionError), left
        else:
            for message in (*sent, "after"):
                assert await receive(after=0) == ("got", message), left
            exit(receiver, "kill")
            await receive(ref)
        assert await receive(after=0) == Timeout(), left


async def test_a_handler_that_has_ended_so_leaves_nothing_behind(
    runtime: None, caplog: pytest.LogCaptureFixture
) -> None:
    def walk(handler: Pid) -> None:
        send(handler, "further")
        walk(handler)

    async def walks(handler: Pid) -> None:
        walk(handler)

    handler = spawn_handler(lambda message: send(current_pid(), None) if message else None)
    watching = monitor(handler)
    _, ref = spawn_monitor(walks, handler)
    assert isinstance((await receive(ref)).reason, RecursionError)
    send(handler, None)
    assert isinstance((await receive(watching)).reason, RecursionError)


@pytest.mark.parametrize("light", [False, True], ids=["task", "light"])
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
async def test_a_process_is_started_or_it_is_not(runtime: None, light: bool) -> None:
    for left in range(ROOM):
        before = processes()
        try:
            at_depth(left, lambda: spawn(receive, light=light))
        except RecursionError:
            assert processes() == before, left
        else:
            assert len(processes()) == len(before) + 1


async def test_who_one_is_is_no_question_of_the_stack(runtime: None) -> None:
    for left in range(ROOM):
        with suppress(RecursionError):
            assert at_depth(left, current_pid) is current_pid()


async def test_handlers_that_send_to_each_other_there(
    runtime: None, caplog: pytest.LogCaptureFixture
) -> None:
    """Some may end, of their own recursion or the sender's; the others answer as ever."""

    def passes_on(to: list[Pid]) -> Pid:
        return spawn_handler(lambda message: [send(pid, message) for pid in to])

    me = current_pid()
    for left in range(ROOM):
        last = [passes_on([me]) for _ in range(3)]
        first = passes_on(last)
        everybody = [*last, first]
        with suppress(RecursionError):
            at_depth(left, lambda first=first: send(first, "before"))
        await wait_all_tasks_blocked()
        while await receive(after=0) != Timeout():
            pass
        for handler in everybody:
            send(handler, "after")
        await wait_all_tasks_blocked()
        expected = sum(map(is_alive, last)) * (1 + is_alive(first))
        assert [await receive(after=0) for _ in range(expected)] == ["after"] * expected, left
        assert await receive(after=0) == Timeout(), left
        for handler in everybody:
            exit(handler, "kill")
        await wait_all_tasks_blocked()
