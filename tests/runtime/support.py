"""Helpers that several tests of processes share."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio

from actorsock import Pid, Timeout, receive, sleep, spawn_monitor

__all__ = [
    "checkpoints",
    "cleans_up",
    "crash",
    "ended_process",
    "ends",
    "every_body",
    "in_every_body",
    "outcome_of",
]

every_body = pytest.mark.parametrize("light", [False, True], ids=["task", "light"])
"""Run a test once with task bodies and once with light bodies."""


def in_every_body(story: Callable[[], Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """Make a test of `story`, which runs as a process: once a trio task, once a light process.

    It may wait for whatever actorsock offers; its clock jumps to the next timer.
    """

    @every_body
    async def test(runtime: None, autojump_clock: Any, light: bool) -> None:
        reason = await outcome_of(story, light=light)
        if isinstance(reason, BaseException):
            raise reason
        assert reason == "normal"

    return test


async def ends() -> None:
    """Return at once."""


async def crash(exc: BaseException) -> None:
    """Raise `exc`."""
    raise exc


async def cleans_up(name: str, cleaned: list[str]) -> None:
    """Wait to be ended; then wait in the clean-up too, and add `name` to `cleaned`."""
    try:
        await receive()
    finally:
        with trio.CancelScope(shield=True):
            assert await receive(after=0.001) == Timeout()
            await sleep(0.001)
            cleaned.append(name)


async def checkpoints(count: int) -> None:
    """Let all other tasks run, several times."""
    for _ in range(count):
        await trio.lowlevel.checkpoint()


async def ended_process() -> Pid:
    """Return the pid of a process that has ended."""
    pid, ref = spawn_monitor(ends)
    await receive(ref)
    return pid


async def outcome_of(
    function: Callable[..., Awaitable[object]], *args: Any, light: bool = False
) -> Any:
    """Run `function(*args)` in a process of its own; return the exit reason."""
    _, ref = spawn_monitor(function, *args, light=light)
    return (await receive(ref)).reason
