"""Random walks over two nodes: processes on both sides that link, monitor and end each other.

No step waits for another one, and the connection breaks in between. When nothing moves any more,
both sides must have the same links and monitors, and no table holds anything else.
WALKS is the number of walks (default: 15), SEED the seed of the first.
"""

import os
import random
from collections import Counter
from typing import Any

import pytest
import trio

from actorsock import (
    Pid,
    Ref,
    demonitor,
    dist,
    exit,
    link,
    monitor,
    receive,
    send,
    spawn,
    trap_exit,
    unlink,
)
from actorsock.dist import Atom
from actorsock.dist.node.distribution import distribution
from actorsock.runtime.core.process import alive

from ..stories import LIMIT
from .conftest import Join
from .nodes import Beam

WALKS = int(os.environ.get("WALKS") or 15)
SEED = int(os.environ.get("SEED") or 1)
STEPS = 80
DOLLS = 2


async def doll() -> None:
    """A process here that does what it is told and outlives every signal but a kill."""
    trap_exit(True)
    monitors: list[Ref] = []
    while True:
        match await receive():
            case ("do", "link", Pid() as pid):
                link(pid)
            case ("do", "unlink", Pid() as pid):
                unlink(pid)
            case ("do", "monitor", Pid() as pid):
                monitors.append(monitor(pid))
            case ("do", "demonitor", _):
                if monitors:
                    demonitor(monitors.pop())
            case ("do", "exit2", Pid() as pid):
                exit(pid, "please")
            case ("do", "kill", Pid() as pid):
                exit(pid, "kill")
            case ("do", "message", Pid() as pid):
                send(pid, Atom("hello"))
            case ("do", "end", _):
                exit("ended")


class Walk:
    """One walk, with its processes on both sides."""

    def __init__(self, beam: Beam, chance: random.Random) -> None:
        self.beam = beam
        self.chance = chance
        self.here: list[Pid] = []
        self.there: list[Pid] = []

    async def start(self) -> None:
        self.here = [spawn(doll, light=bool(number % 2)) for number in range(DOLLS)]
        for _ in range(DOLLS):
            self.there.append(await dist.spawn(self.beam.name, "walker", "doll"))

    async def step(self) -> None:
        what = self.chance.choices(
            ["link", "unlink", "monitor", "demonitor", "exit2", "message", "kill", "end", "break"],
            [8, 6, 6, 3, 2, 3, 0.5, 0.7, 1],
        )[0]
        if what == "break":
            dist.disconnect_node(self.beam.name)
            return
        sides = [self.here, self.there]
        self.chance.shuffle(sides)
        doer, other = self.chance.choice(sides[0]), self.chance.choice(sides[1])
        word = what if doer in self.here else Atom(what)
        send(doer, ("do" if doer in self.here else Atom("do"), word, other))
        if self.chance.random() < 0.3:
            await trio.sleep(self.chance.choice((0, 0.001, 0.003)))

    async def check(self) -> None:
        """Wait until both sides agree; they must soon."""
        with trio.move_on_after(30):
            while True:
                ours, theirs, held = self.ours(), await self.theirs(), self.held()
                if ours == theirs == held:
                    return
                await trio.sleep(0.01)
        pytest.fail(f"here {ours}\nthere {theirs}\nheld {held}")

    def ours(self) -> Any:
        """Links, and monitors in both directions, as the processes here have them."""
        found: Counter[Any] = Counter()
        for pid in self.here:
            process = alive.get(pid)
            if process is None:
                continue
            found.update(("link", pid, far) for far in process.links or () if far in self.there)
            found.update(("monitor", pid, far) for far in (process.monitors or {}).values())
            found.update(("watch", far, pid) for far in process.watched_by() if far in self.there)
        return found

    async def theirs(self) -> Any:
        found: Counter[Any] = Counter()
        rows = await dist.erpc.call(self.beam.name, "walker", "tables", [self.there])
        for far, links, monitors, watchers in rows:
            found.update(("link", pid, far) for pid in links)
            found.update(("watch", far, pid) for pid in monitors)
            found.update(("monitor", pid, far) for pid in watchers)
        return found

    def held(self) -> Any:
        """The same as the tables of the peer have it; an unlink under way counts as a wrong row."""
        peer = distribution().peer(self.beam.name)
        found: Counter[Any] = Counter()
        for (pid, far), state in peer.ties.links.items():
            found["link" if state == 0 else f"unlink {state}", pid, far] += 1
        found.update(
            ("monitor", pid, far) for pid, far in peer.ties.monitors.values() if far in self.there
        )
        for ref, pid in peer.ties.watchers.items():
            process = alive.get(pid)
            watcher = None if process is None else (process.watchers or {}).get(ref)
            found["watch", watcher and watcher[0], pid] += 1
        return found

    async def end(self) -> None:
        for pid in (*self.here, *self.there):
            exit(pid, "kill")


async def test_both_sides_agree_at_rest(runtime: None, join: Join, beam: Beam) -> None:
    async with join():
        for seed in range(SEED, SEED + WALKS):
            with trio.fail_after(LIMIT):
                await one_walk(Walk(beam, random.Random(seed)))


async def one_walk(walk: Walk) -> None:
    await walk.start()
    for _ in range(STEPS):
        await walk.step()
    await dist.ping(walk.beam.name)
    await walk.check()
    await walk.end()
