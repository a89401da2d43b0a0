"""What tests everywhere share: a runtime for a story, waiting for what nobody tells, what is left.

Nobody sleeps for luck: whoever needs something to have happened waits for it with `until`. The
fixtures are for the conftests of the directories whose tests are held to them.
"""

import functools
import gc
import os
import resource
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from trio.testing import wait_all_tasks_blocked

from actorsock import open_runtime
from actorsock.runtime.bodies.running import by_task, local
from actorsock.runtime.core.process import aliased, alive

__all__ = [
    "LIMIT",
    "in_runtime",
    "no_descriptor_is_left",
    "no_more_descriptors",
    "nothing_is_left_behind",
    "open_descriptors",
    "until",
]

LIMIT = 60
"""Seconds of real time after which a story is stuck."""

Story = Callable[..., Awaitable[None]]


def in_runtime(story: Story) -> Story:
    """Run a test as the first process of a runtime of its own."""

    @functools.wraps(story)
    async def test(*args: Any, **kwargs: Any) -> None:
        async with open_runtime():
            await story(*args, **kwargs)

    return test


async def until(condition: Callable[[], object]) -> None:
    """Wait for something that nobody tells of; by the real clock, whatever trio's is."""
    give_up = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < give_up, "it does not happen"
        await wait_all_tasks_blocked()


def open_descriptors() -> set[tuple[str, str]]:
    """What this program has open, by number and by what it is."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):  # the listing's own
            found.add((name, os.readlink(f"/proc/self/fd/{name}")))
    return found


@contextmanager
def no_more_descriptors() -> Iterator[None]:
    """Until the end of the block the program can open nothing."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(autouse=True)
def no_descriptor_is_left() -> Iterator[None]:
    """What is open after a test is what was open before."""
    before = open_descriptors()
    yield
    if open_descriptors() != before:
        gc.collect()  # the traceback of what a test has expected may hold its peers
    differ = open_descriptors() ^ before
    assert not differ, differ


@pytest.fixture(autouse=True)
def nothing_is_left_behind() -> Iterator[None]:
    """After a test the tables of processes are empty."""
    yield
    left = dict(alive), dict(by_task), dict(aliased), local.step.process
    alive.clear()
    by_task.clear()
    aliased.clear()
    assert left == ({}, {}, {}, None), left
