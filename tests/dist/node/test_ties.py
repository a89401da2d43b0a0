"""Links and monitors of two nodes whose frames cross in every way: at rest both sides agree.

Both nodes are in this program, and a frame arrives when the test takes it from its queue.
"""

import random
from collections import deque
from typing import Any

import pytest

from actorsock import Pid, demonitor, exit, link, monitor, send, spawn_handler, trap_exit, unlink
from actorsock.dist.node import peer
from actorsock.dist.node.distribution import Distribution, Settings
from actorsock.dist.node.peer import Peer
from actorsock.dist.terms.reading import Reader
from actorsock.dist.wire.control import OPERATIONS
from actorsock.dist.wire.frames import FrameReader, framed
from actorsock.dist.wire.handshake import Agreed
from actorsock.runtime.bodies.current import current_process
from actorsock.runtime.core.process import alive

UNUSED: Any = None
"""In place of `Services`: nothing is spawned for another node here."""


class Queue:
    """A connection's one direction."""

    def __init__(self) -> None:
        self.frames: deque[bytes] = deque()

    on_room = None

    def write(self, body: bytearray, sender: Any, short: bool = False, soon: bool = True) -> bool:
        self.frames.append(framed(body))
        return False

    def close(self, why: str) -> None:
        self.frames.clear()


class Side:
    """One node, its process, and how it sees the other node."""

    def __init__(self, name: str, other: str) -> None:
        self.node = Distribution(current_process().node, Settings(name, "x"), 7, UNUSED)
        self.peer: Peer = self.node.peer(other)
        self.out = Queue()
        self.peer.attempts.begun(self.out)
        identities = self.node.identities
        self.reader = FrameReader(Reader("undefined", identities.pid, identities.ref))
        self.refs: list[Any] = []
        self.begin()
        self.peer.established(self.out, Agreed(other, 7, 0))

    def begin(self) -> None:
        def doll(order: Any) -> None:
            if callable(order):
                order()

        self.doll = spawn_handler(doll)
        self.node.identities.pid_as_bytes(self.doll)
        send(self.doll, lambda: trap_exit(True))

    def read(self, frame: bytes) -> None:
        for message in self.reader.feed(frame):
            self.peer.heard(*message)


def far(side: Side, other: Side) -> Any:
    return side.node.identities.pid(other.node.name, other.doll.number, 0, 7)


def tables(one: Side, other: Side) -> Any:
    """What one side keeps about the two dolls: is there a link, and which monitors."""
    process, pid = alive.get(one.doll), far(one, other)
    links = set((process and process.links) or ())
    state = one.peer.ties.links.get((one.doll, pid))
    assert (state == 0) is (pid in links)
    assert state in (None, 0), "an unlink is still under way"
    return pid in links, len((process and process.monitors) or ()), len(one.peer.ties.monitors)


def act(chance: random.Random, side: Side, other: Side) -> None:
    target = far(side, other)
    match chance.choice(
        ["link", "unlink", "link", "unlink", "monitor", "demonitor", "signal", "end"]
    ):
        case "link":
            send(side.doll, lambda: link(target))
        case "unlink":
            send(side.doll, lambda: unlink(target))
        case "monitor":
            send(side.doll, lambda: side.refs.append(monitor(target)))
        case "demonitor" if side.refs:
            send(side.doll, lambda: demonitor(side.refs.pop()))
        case "signal":
            send(side.doll, lambda: exit(target, "please"))
        case "end" if chance.random() < 0.1:
            exit(side.doll, "kill")
            side.refs.clear()
            side.begin()


@pytest.mark.parametrize("seed", range(10))
async def test_every_crossing(runtime: None, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(60):
        sides = [Side("a@h", "b@h"), Side("b@h", "a@h")]
        for _ in range(40):
            one, other = chance.sample(sides, 2)
            if one.out.frames and chance.random() < 0.5:
                other.read(one.out.frames.popleft())
            else:
                act(chance, one, other)
        while any(side.out.frames for side in sides):
            one, other = chance.sample(sides, 2)
            if one.out.frames:
                other.read(one.out.frames.popleft())
        one, other = sides
        linked, ours, held = tables(one, other)
        assert (linked, ours, held) == (tables(other, one)[0], ours, ours)
        for side, opposite in ((one, other), (other, one)):
            watchers = alive[side.doll].watchers or {}
            assert len(watchers) == len(side.peer.ties.watchers) == tables(opposite, side)[1]
        # The connection ends: nothing is left on either side.
        for side in sides:
            side.peer.carry_out(side.peer.attempts.ended(side.out))
            process = alive[side.doll]
            assert not process.links
            assert not process.watchers
            assert not process.monitors
            assert [side.peer.ties.links, side.peer.ties.monitors, side.peer.ties.watchers] == [
                {},
                {},
                {},
            ]
            exit(side.doll, "kill")


async def test_a_link_to_who_has_ended(runtime: None) -> None:
    one, other = Side("a@h", "b@h"), Side("b@h", "a@h")
    got: list[Any] = []

    def keep(message: Any) -> None:
        if callable(message):
            message()
        else:
            got.append(message)

    pid: Pid = spawn_handler(keep)
    send(pid, lambda: trap_exit(True))
    target = far(one, other)
    exit(other.doll, "kill")
    send(pid, lambda: link(target))
    other.read(one.out.frames.popleft())
    one.read(other.out.frames.popleft())
    assert [(exit.pid, exit.reason) for exit in got] == [(target, "noproc")]
    assert not one.peer.ties.links
    exit(pid, "kill")
    exit(one.doll, "kill")


def test_every_operation_has_its_method() -> None:
    operations = {row.name for row in OPERATIONS.values()}
    assert {*peer._OWN, *peer._OF_TIES} == operations
