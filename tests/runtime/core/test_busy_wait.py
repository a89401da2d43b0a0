"""Polling before the loop sleeps: kept up where it succeeds, rarer and rarer where it fails."""

import select
import socket as stdlib
from collections.abc import Callable
from itertools import pairwise

import pytest
import trio
import trio.testing

from actorsock import Ok, ok, open_runtime, socket
from actorsock.runtime.core.busy_wait import BusyWait

MICROSECOND = 1e-6


class World:
    """A clock that advances by a microsecond with each look, and an event after some looks."""

    def __init__(self, comes_after: float) -> None:
        self.now = 0.0
        self.comes_after = comes_after
        self.looks = 0
        self.busy_wait = BusyWait(lambda: self.now)

    def peek(self) -> bool:
        self.looks += 1
        self.now += MICROSECOND
        return self.looks >= self.comes_after

    def look(self, at_most: float = 1.0) -> int:
        """Return how often it has looked this time."""
        self.looks = 0
        self.busy_wait.look(self.peek, at_most)
        return self.looks


def test_polling_ends_when_something_comes() -> None:
    world = World(comes_after=20)
    assert [world.look() for _ in range(5)] == [20] * 5


def test_polling_ends_after_a_moment() -> None:
    world = World(comes_after=10**9)
    assert 45 < world.look() < 55


def test_polling_lasts_no_longer_than_the_loop_may_sleep() -> None:
    world = World(comes_after=10**9)
    assert world.look(at_most=5 * MICROSECOND) < 8


def test_each_failure_doubles_the_sleeps_without_polling() -> None:
    world = World(comes_after=10**9)
    tried = [number for number in range(5000) if world.look()]
    pauses = [later - earlier for earlier, later in pairwise(tried)]
    assert pauses[:10] == [2**n + 1 for n in range(1, 11)]
    assert set(pauses[10:]) == {2**10 + 1}


def test_one_success_resets_the_failures() -> None:
    world = World(comes_after=10**9)
    for _ in range(100):
        world.look()
    world.comes_after = 3
    while not world.look():
        pass
    assert [world.look() for _ in range(5)] == [3] * 5


@pytest.mark.parametrize("allowed", [True, False])
async def test_the_environment_can_disable_polling(
    allowed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACTORSOCK_BUSY_WAIT", "medium" if allowed else "none")
    monkeypatch.delenv("ACTORSOCK_POLLER", raising=False)
    looks = 0
    look = BusyWait.look

    def counted(self: BusyWait, peek: Callable[[], object], at_most: float) -> None:
        nonlocal looks
        looks += 1
        look(self, peek, at_most)

    monkeypatch.setattr(BusyWait, "look", counted)
    async with open_runtime():
        here, there = stdlib.socketpair()
        sock = ok(socket.open_fd(here.fileno()))
        with here, there:
            for _ in range(3):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(send_when_all_wait, there)
                    assert await socket.recv(sock) == Ok(b"ping")
        await socket.close(sock)
    assert (looks > 0) is (allowed and hasattr(select, "epoll"))


async def send_when_all_wait(peer: stdlib.socket) -> None:
    await trio.testing.wait_all_tasks_blocked(0.001)
    peer.sendall(b"ping")
