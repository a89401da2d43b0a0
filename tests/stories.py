"""Helpers of all tests: a runtime around a test, waiting for a condition, checks for leftovers.

No test sleeps and hopes: it waits with `until` for the condition that it needs. A conftest imports
the fixtures to apply them to the tests of its directory.
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
"""Seconds of real time after which a test is stuck."""

Story = Callable[..., Awaitable[None]]


def in_runtime(story: Story) -> Story:
    """Run a test as the first process of a runtime of its own."""

    @functools.wraps(story)
    async def test(*args: Any, **kwargs: Any) -> None:
        async with open_runtime():
            await story(*args, **kwargs)

    return test


async def until(condition: Callable[[], object]) -> None:
    """Wait until `condition()` is true; by the real clock, also under a MockClock."""
    give_up = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < give_up, "the condition stays false"
        await wait_all_tasks_blocked()


def open_descriptors() -> set[tuple[str, str]]:
    """Return the open descriptors of this program: the number of each and its link text."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):  # the descriptor of the listing itself
            found.add((name, os.readlink(f"/proc/self/fd/{name}")))
    return found


@contextmanager
def no_more_descriptors() -> Iterator[None]:
    """Make the program unable to open a descriptor, until the end of the block."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(autouse=True)
def no_descriptor_is_left() -> Iterator[None]:
    """Check that a test leaves the same descriptors open as before it."""
    before = open_descriptors()
    yield
    if open_descriptors() != before:
        gc.collect()  # the traceback of an expected exception may hold sockets
    differ = open_descriptors() ^ before
    assert not differ, differ


@pytest.fixture(autouse=True)
def nothing_is_left_behind() -> Iterator[None]:
    """Check that the tables of processes are empty after a test."""
    yield
    left = dict(alive), dict(by_task), dict(aliased), local.step.process
    alive.clear()
    by_task.clear()
    aliased.clear()
    assert left == ({}, {}, {}, None), left
