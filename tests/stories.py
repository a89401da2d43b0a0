"""Helpers of all tests: a runtime around a story, waiting for a condition, checks for leftovers.

No test sleeps in the hope that something happens meanwhile: it waits for it with `until`. The
fixtures are imported by the conftests of the directories in which every test must pass them.
"""

import functools
import gc
import math
import os
import resource
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from actorsock import open_runtime
from actorsock.runtime.bodies.running import by_task, local
from actorsock.runtime.core.process import aliased, alive

__all__ = [
    "LIMIT",
    "in_runtime",
    "many_descriptors",
    "no_descriptor_is_left",
    "no_garbage_of_earlier_modules",
    "no_more_descriptors",
    "nothing_is_left_behind",
    "open_descriptors",
    "until",
]

LIMIT = 60
"""Seconds of real time after which a test is considered stuck."""

Story = Callable[..., Awaitable[None]]


def in_runtime(story: Story) -> Story:
    """Run a test as the first process of a runtime of its own, and fail if it is stuck."""

    @functools.wraps(story)
    async def test(*args: Any, **kwargs: Any) -> None:
        # On a clock that jumps, the limit would be over at once.
        jumps = isinstance(trio.lowlevel.current_clock(), MockClock)
        with trio.fail_after(math.inf if jumps else LIMIT):
            async with open_runtime():
                await story(*args, **kwargs)

    return test


async def until(condition: Callable[[], object]) -> None:
    """Wait for a condition of which no event tells; by the real clock, whatever trio's is.

    The condition is examined when every task waits, or from time to time if some task never does.
    """
    give_up = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < give_up, "the condition has not become true"
        await _rest(passes=1000)


async def _rest(passes: int) -> None:
    """Wait until every task waits, but for at most so many passes of trio's loop."""
    with trio.CancelScope() as scope:
        count = _Passes(passes, scope)
        trio.lowlevel.add_instrument(count)
        try:
            await wait_all_tasks_blocked()
        finally:
            trio.lowlevel.remove_instrument(count)


@attrs.define(eq=False)
class _Passes(trio.abc.Instrument):
    """Cancels a scope after a number of passes of trio's loop."""

    left: int
    scope: trio.CancelScope

    def after_io_wait(self, timeout: float) -> None:
        """Called by trio in every pass."""
        self.left -= 1
        if self.left == 0:
            self.scope.cancel()


def open_descriptors() -> set[tuple[str, str]]:
    """Return the open descriptors of this program: the number of each, and its file."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):  # the descriptor of the listing itself
            found.add((name, os.readlink(f"/proc/self/fd/{name}")))
    return found


@contextmanager
def many_descriptors(wanted: int) -> Iterator[int]:
    """Allow so many descriptors in the block, or what the system allows; the value is how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = max(soft, min(wanted, hard))
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    try:
        yield min(wanted, allowed)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextmanager
def no_more_descriptors() -> Iterator[None]:
    """Let the program open no descriptor until the end of the block."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="module", autouse=True)
def no_garbage_of_earlier_modules() -> None:
    """Let no descriptor of an earlier test be closed, as garbage, in the middle of a later one."""
    gc.collect()


@pytest.fixture(autouse=True)
def no_descriptor_is_left(no_garbage_of_earlier_modules: None) -> Iterator[None]:
    """Check that the same descriptors are open after the test as before it."""
    before = open_descriptors()
    yield
    if open_descriptors() != before:
        gc.collect()  # the traceback of an expected exception may keep sockets of the test alive
    differ = open_descriptors() ^ before
    assert not differ, differ


@pytest.fixture(autouse=True)
def nothing_is_left_behind() -> Iterator[None]:
    """Check that the tables of processes are empty after the test."""
    yield
    left = dict(alive), dict(by_task), dict(aliased), local.step.process
    alive.clear()
    by_task.clear()
    aliased.clear()
    assert left == ({}, {}, {}, None), left
