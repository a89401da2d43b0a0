"""A process that recurses without end crashes, and leaves no call of the library half done."""

import inspect
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from trio.testing import wait_all_tasks_blocked

from actorsock import Pid, Timeout, current_pid, exit, monitor, processes, receive, send, spawn

from ..support import every_body

# Frames that a call of the library needs at most.
ROOM = 60


def at_depth(left: int, function: Callable[[], Any]) -> Any:
    """Call `function` with about `left` frames left."""
    frames = sys.getrecursionlimit() - len(inspect.stack(0)) - left

    def deeper(frames: int) -> Any:
        return deeper(frames - 1) if frames else function()

    return deeper(frames)


async def collects(to: Pid) -> None:
    while True:
        send(to, ("got", await receive()))


@every_body
async def test_a_message_is_sent_or_not_at_all(
    runtime: None, light: bool, caplog: pytest.LogCaptureFixture
) -> None:
    for left in range(ROOM):
        receiver = spawn(collects, current_pid(), light=light)
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


@every_body
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
async def test_a_process_is_started_or_not_at_all(runtime: None, light: bool) -> None:
    for left in range(ROOM):
        before = processes()
        try:
            at_depth(left, lambda: spawn(receive, light=light))
        except RecursionError:
            assert processes() == before, left
        else:
            assert len(processes()) == len(before) + 1


async def test_the_current_pid_is_right_at_any_depth(runtime: None) -> None:
    for left in range(ROOM):
        with suppress(RecursionError):
            assert at_depth(left, current_pid) is current_pid()
