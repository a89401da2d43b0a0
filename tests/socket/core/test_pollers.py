"""Each poller alone, with descriptors of its own and actors that write down what they are told."""

import gc
import os
import socket as stdlib
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import attrs
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from actorsock.socket.core import trio_poller
from actorsock.socket.core.epoll_poller import EpollPoller
from actorsock.socket.core.poller import LANES, SpuriousWakeups, pause_at_level
from actorsock.socket.core.service import new_poller
from actorsock.socket.core.trio_poller import TrioPoller

from ...stories import until

Told = tuple[bool, bool, bool]


@attrs.define(eq=False, slots=False)
class Actor:
    """A descriptor, and what was told of it: read, write, ended."""

    fd: int
    told: list[Told] = attrs.field(factory=list)
    then: Callable[[], object] = lambda: None

    def on_ready(self, read: int, write: int, ended: int) -> None:
        self.told.append((bool(read), bool(write), bool(ended)))
        self.then()

    def work_done(self, lane: Any) -> int:
        return len(self.told)

    def awaits(self, lane: Any) -> bool:
        return True


class Passes:
    """Has the poller collect when a test says so."""

    drain: Callable[[], bool]
    ready: Callable[[], bool]

    def collect(self, drain: Callable[[], bool], ready: Callable[[], bool]) -> None:
        self.drain, self.ready = drain, ready

    def stop_collecting(self) -> None:
        self.drain = self.ready = lambda: False


Pair = tuple[stdlib.socket, stdlib.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """A local stream that does not block, and its peer."""
    here, there = stdlib.socketpair()
    here.setblocking(False)
    with here, there:
        yield here, there


# --- epoll ----------------------------------------------------------------------------------------


Epoll = tuple[EpollPoller, Passes]


@pytest.fixture
async def epoll() -> AsyncIterator[Epoll]:
    passes = Passes()
    poller = EpollPoller(passes)  # type: ignore[arg-type]
    await wait_all_tasks_blocked()
    yield poller, passes
    poller.close()
    await wait_all_tasks_blocked()


def quiet_actor(poller: EpollPoller, passes: Passes, sock: stdlib.socket) -> Actor:
    """An actor that was told that it can write, and nothing since."""
    actor = Actor(sock.fileno())
    poller.watch(actor, "read")
    assert passes.ready()
    assert passes.drain()
    assert actor.told == [(False, True, False)]
    assert not passes.ready()
    assert not passes.drain()
    actor.told.clear()
    return actor


async def test_epoll_tells_every_change_once_without_being_asked_again(
    epoll: Epoll, pair: Pair
) -> None:
    here, there = pair
    poller, passes = epoll
    actor = quiet_actor(poller, passes, here)
    for _ in range(3):
        there.send(b"x")
        assert passes.ready()
        assert passes.drain()
        assert [read for read, _, _ in actor.told] == [True]
        assert not passes.drain()
        actor.told.clear()


async def test_epoll_tells_again_one_that_asks_again(epoll: Epoll, pair: Pair) -> None:
    here, there = pair
    poller, passes = epoll
    actor = quiet_actor(poller, passes, here)
    there.send(b"x")
    passes.drain()
    poller.watch(actor, "read")
    passes.drain()
    assert actor.told == [(True, True, False)] * 2


@pytest.mark.parametrize(
    ("happens", "told"),
    [
        (lambda peer: peer.shutdown(stdlib.SHUT_WR), (True, True, True)),
        (lambda peer: peer.close(), (True, True, True)),
        (lambda peer: peer.send(b"x"), (True, True, False)),
    ],
    ids=["half closed", "closed", "data"],
)
async def test_epoll_tells_of_the_end(
    epoll: Epoll, pair: Pair, happens: Callable[[stdlib.socket], object], told: Told
) -> None:
    here, there = pair
    poller, passes = epoll
    actor = quiet_actor(poller, passes, here)
    happens(there)
    passes.drain()
    assert actor.told == [told]


async def test_epoll_tells_nothing_to_one_that_is_forgotten(epoll: Epoll, pair: Pair) -> None:
    here, there = pair
    poller, passes = epoll
    actor = quiet_actor(poller, passes, here)
    poller.forget(actor)
    poller.forget(actor)
    there.send(b"x")
    assert not passes.drain()
    poller.watch(actor, "read")
    assert passes.drain()
    assert actor.told == [(True, True, False)]


async def test_epoll_tells_all_that_share_a_descriptor(epoll: Epoll, pair: Pair) -> None:
    here, there = pair
    poller, passes = epoll
    actors = [quiet_actor(poller, passes, here), Actor(here.fileno()), Actor(here.fileno())]
    for actor in actors[1:]:
        poller.watch(actor, "read")
    passes.drain()
    assert [actor.told for actor in actors] == [[(False, True, False)]] * 3
    there.send(b"x")
    passes.drain()
    assert [actor.told[1:] for actor in actors] == [[(True, True, False)]] * 3
    poller.forget(actors[1])
    there.send(b"x")
    passes.drain()
    assert [len(actor.told) for actor in actors] == [3, 2, 3]
    # The descriptor is still open, so the others are not told of an end.
    await wait_all_tasks_blocked()
    assert [len(actor.told) for actor in actors] == [3, 2, 3]
    poller.forget(actors[0])
    poller.forget(actors[2])
    there.send(b"x")
    assert not passes.drain()


async def test_epoll_tells_those_that_shared_a_descriptor_that_it_is_closed(
    epoll: Epoll, pair: Pair
) -> None:
    here, _ = pair
    poller, passes = epoll
    actor = quiet_actor(poller, passes, here)
    other = Actor(here.fileno())
    poller.watch(other, "read")
    poller.forget(other)
    here.close()
    await wait_all_tasks_blocked()
    assert actor.told == [(True, True, True)]
    assert other.told == []


async def test_epoll_does_not_take_an_actor_for_another_with_its_number(
    epoll: Epoll, pair: Pair
) -> None:
    poller, passes = epoll
    old = quiet_actor(poller, passes, pair[0])
    mine, theirs = stdlib.socketpair()
    with mine, theirs:
        os.dup2(mine.fileno(), old.fd)  # closes the old one behind the back of the poller
        new = Actor(old.fd)
        poller.watch(new, "read")
        poller.forget(old)
        theirs.send(b"x")
        passes.drain()
        assert (old.told, new.told) == ([], [(True, True, False)])
        poller.forget(new)


async def test_events_of_a_batch_are_not_those_of_a_socket_that_was_made_meanwhile(
    epoll: Epoll, pair: Pair
) -> None:
    poller, passes = epoll
    third = stdlib.socketpair()
    actors = [quiet_actor(poller, passes, sock) for sock in pair]
    made: list[Actor] = []

    def the_other_is_replaced() -> None:
        [other] = (actor for actor in actors if not actor.told)
        poller.forget(other)
        os.dup2(third[0].fileno(), other.fd)
        made.append(Actor(other.fd))
        poller.watch(made[0], "read")

    for actor, peer in zip(actors, reversed(pair), strict=True):
        actor.then = the_other_is_replaced
        peer.send(b"x")
    passes.drain()
    assert sorted(len(actor.told) for actor in actors) == [0, 1]
    assert made[0].told == []
    passes.drain()
    assert made[0].told == [(False, True, False)]
    third[1].send(b"x")
    passes.drain()
    assert made[0].told[1:] == [(True, True, False)]
    poller.forget(made[0])
    for sock in third:
        sock.close()


async def test_of_a_batch_only_those_that_are_forgotten_meanwhile_are_not_told(
    epoll: Epoll,
) -> None:
    poller, passes = epoll
    pairs = [stdlib.socketpair() for _ in range(40)]
    actors = [quiet_actor(poller, passes, here) for here, _ in pairs]
    forgotten: list[Actor] = []

    def every_third_of_the_others_is_forgotten() -> None:
        if not forgotten:
            forgotten.extend([actor for actor in actors if not actor.told][::3])
            for actor in forgotten:
                poller.forget(actor)

    for actor, (_, there) in zip(actors, pairs, strict=True):
        actor.then = every_third_of_the_others_is_forgotten
        there.send(b"x")
    assert passes.drain()
    assert [len(actor.told) for actor in actors] == [int(a not in forgotten) for a in actors]
    for here, there in pairs:
        here.close()
        there.close()


async def test_epoll_tells_64_at_a_time(epoll: Epoll) -> None:
    pairs = [stdlib.socketpair() for _ in range(70)]
    poller, passes = epoll
    actors = [Actor(here.fileno()) for here, _ in pairs]
    for actor in actors:
        poller.watch(actor, "write")
    assert passes.drain()
    assert sum(len(actor.told) for actor in actors) == 64
    assert passes.drain()
    assert [len(actor.told) for actor in actors] == [1] * 70
    assert not passes.drain()
    for here, there in pairs:
        here.close()
        there.close()


async def test_epoll_says_that_it_refuses_a_descriptor(
    epoll: Epoll, caplog: pytest.LogCaptureFixture
) -> None:
    poller, _ = epoll
    null = os.open(os.devnull, os.O_RDONLY)  # poll(2) takes it, epoll does not
    for _ in range(2):
        actor = Actor(null)
        assert poller.watch(actor, "read") is False
        await until(lambda actor=actor: actor.told)
        assert actor.told == [(True, True, True)]
        poller.forget(actor)
    os.close(null)
    [record] = caplog.records
    assert (record.name, record.levelname) == ("actorsock.socket", "WARNING")
    assert record.message.startswith("epoll refuses a socket, which is polled instead: ")


async def test_a_closed_poller_leaves_no_descriptor() -> None:
    before = len(os.listdir("/proc/self/fd"))
    poller = EpollPoller(Passes())  # type: ignore[arg-type]
    await wait_all_tasks_blocked()
    assert len(os.listdir("/proc/self/fd")) == before + 2
    poller.close()
    await wait_all_tasks_blocked()
    assert len(os.listdir("/proc/self/fd")) == before


# --- trio -----------------------------------------------------------------------------------------


async def test_trio_tells_once_for_each_time_it_is_asked(pair: Pair) -> None:
    here, there = pair
    poller, actor = TrioPoller(), Actor(here.fileno())
    poller.watch(actor, "read")
    poller.watch(actor, "read")
    await wait_all_tasks_blocked()
    assert actor.told == []
    there.send(b"x")
    await wait_all_tasks_blocked(0.01)
    assert actor.told == [(True, False, False)]
    there.send(b"x")
    await wait_all_tasks_blocked(0.01)
    assert len(actor.told) == 1
    poller.watch(actor, "read")
    await wait_all_tasks_blocked(0.01)
    assert len(actor.told) == 2
    poller.close()


async def test_trio_tells_the_reader_first(pair: Pair) -> None:
    here, there = pair
    poller, actor = TrioPoller(), Actor(here.fileno())
    there.send(b"x")
    for _ in range(20):  # trio wakes tasks of one pass in a random order
        poller.watch(actor, "write")
        poller.watch(actor, "read")
        await wait_all_tasks_blocked(0.01)
        assert actor.told[-2:] == [(True, False, False), (False, True, False)]
    poller.close()


async def test_trio_waits_for_nothing_for_one_that_is_forgotten_at_once(pair: Pair) -> None:
    here, there = pair
    poller, actor = TrioPoller(), Actor(here.fileno())
    there.send(b"x")
    poller.watch(actor, "read")
    poller.forget(actor)
    await wait_all_tasks_blocked(0.01)
    assert actor.told == []
    poller.close()


async def test_trio_ends_a_wait_when_its_actor_is_forgotten(pair: Pair) -> None:
    here, _ = pair
    poller, actor = TrioPoller(), Actor(here.fileno())
    poller.watch(actor, "read")
    await wait_all_tasks_blocked()
    poller.forget(actor)
    await wait_all_tasks_blocked()
    poller.watch(actor, "read")  # trio lets one task wait for a descriptor at a time
    await wait_all_tasks_blocked()
    poller.forget(actor)
    await wait_all_tasks_blocked()
    with trio.fail_after(5):
        await trio.lowlevel.wait_writable(here)


async def test_trio_tells_all_that_share_a_descriptor(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trio_poller, "LONGEST_PAUSE", 3600)
    here, there = pair
    poller, actors = TrioPoller(), [Actor(here.fileno()) for _ in range(3)]
    for actor in actors:
        poller.watch(actor, "read")
    await wait_all_tasks_blocked(0.05)
    assert [actor.told for actor in actors] == [[]] * 3
    poller.forget(actors.pop())
    there.send(b"x")
    await until(lambda: all(actor.told for actor in actors))
    assert [actor.told for actor in actors] == [[(True, False, False)]] * 2


async def test_trio_tells_nothing_to_one_that_is_forgotten_in_a_pause(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = pair
    poller, actor = TrioPoller(), Actor(here.fileno())
    monkeypatch.setattr(actor, "work_done", lambda lane: 0)
    there.send(b"x")

    async def pause(*args: Any, over: Callable[[], bool]) -> None:
        assert not over()
        poller.forget(actor)
        assert over()

    monkeypatch.setattr(trio_poller, "pause_at_level", pause)
    for _ in range(5):
        poller.watch(actor, "read")
        await wait_all_tasks_blocked(0.01)
    assert len(actor.told) == 4


# --- wakeups without work -------------------------------------------------------------------------


def test_pauses_become_longer_while_nothing_is_done(pair: Pair) -> None:
    here, there = pair
    spurious, actor = SpuriousWakeups(), Actor(here.fileno())
    there.send(b"x")
    due = [spurious.pause_due(actor, "read") for _ in range(2000)]
    assert due[:8] == [0, 0, 0, 0.01, 0.02, 0.04, 0.08, 0.16]
    assert set(due[10:]) == {0.64}
    assert spurious.pause_due(actor, "write") == 0
    actor.on_ready(True, False, False)
    assert spurious.pause_due(actor, "read") == 0


def test_a_wakeup_for_which_another_was_faster_is_not_counted(pair: Pair) -> None:
    here, _ = pair
    spurious, actor = SpuriousWakeups(), Actor(here.fileno())
    assert {spurious.pause_due(actor, "read") for _ in range(20)} == {0}


@pytest.mark.parametrize(
    "happens",
    [
        lambda here, there, over: there.close(),
        lambda here, there, over: here.recv(9),
        lambda here, there, over: there.send(b"y"),
        lambda here, there, over: over.append("closed"),
    ],
    ids=["one more cause", "no cause left", "more to read", "over"],
)
async def test_a_pause_ends_early(pair: Pair, happens: Callable[..., object]) -> None:
    here, there = pair
    over: list[str] = []
    there.send(b"x")
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(pause_at_level, Actor(here.fileno()), "read", 60, lambda: bool(over))
            await wait_all_tasks_blocked()
            happens(here, there, over)
        await trio.lowlevel.checkpoint()  # the pause itself is not cancelled by the limit
        await pause_at_level(Actor(-1), "read", 60, lambda: True)


@pytest.mark.parametrize("kind", ["epoll", "trio"])
async def test_a_poller_keeps_none_alive_that_it_has_forgotten(
    kind: str, epoll: Epoll, pair: Pair
) -> None:
    here, there = pair
    poller = epoll[0] if kind == "epoll" else TrioPoller()
    actor = Actor(here.fileno())
    there.send(b"x")
    for lane in LANES:
        poller.watch(actor, lane)
        epoll[1].drain()
        await wait_all_tasks_blocked(0.01)
        poller.spurious_wakeup(actor, lane)
    assert actor.told
    kept = weakref.ref(actor)
    poller.forget(actor)
    del actor
    gc.collect()
    assert kept() is None


# --- which ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "expected"),
    [(None, EpollPoller), ("", EpollPoller), ("epoll", EpollPoller), ("trio", TrioPoller)],
)
async def test_the_environment_chooses(
    environment: str | None, expected: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    if environment is None:
        monkeypatch.delenv("ACTORSOCK_POLLER", raising=False)
    else:
        monkeypatch.setenv("ACTORSOCK_POLLER", environment)
    poller = new_poller(Passes())  # type: ignore[arg-type]
    await wait_all_tasks_blocked()
    assert type(poller) is expected
    poller.close()
