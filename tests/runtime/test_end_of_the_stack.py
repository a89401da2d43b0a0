"""A process that recurses without end crashes, wherever its stack comes to its end."""

import inspect
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from trio.testing import wait_all_tasks_blocked

from actorsock import Pid, Timeout, current_pid, exit, monitor, processes, receive, send, spawn

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
}


@pytest.mark.parametrize("kind", list(RECEIVERS))
async def test_a_message_is_sent_or_it_is_not(
    runtime: None, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
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
        for message in (*sent, "after"):
            assert await receive(after=0) == ("got", message), left
        exit(receiver, "kill")
        await receive(ref)
        assert await receive(after=0) == Timeout(), left


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
