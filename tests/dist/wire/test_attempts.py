"""Two nodes that connect at once: every order of steps, with the real handshake, without I/O."""

import random
from collections import deque
from collections.abc import Iterator
from typing import Any

import attrs
import pytest

from actorsock.dist.wire.attempts import Attempts, Drop, GiveUp, Up
from actorsock.dist.wire.flags import offered
from actorsock.dist.wire.handshake import Accepting, Connecting, HandshakeError, Self, Status


@attrs.define(eq=False)
class Wire:
    """A connection: what each side has still to read, and who has closed it."""

    opened_by: str
    unread: dict[str, deque[Any]]
    closed: set[str] = attrs.field(factory=set)


class Node:
    """One side, which has messages for the other one from the beginning."""

    def __init__(self, world: "World", name: str, other: str, messages: int) -> None:
        self.world = world
        self.name, self.other = name, other
        self.myself = Self(name, 7, offered(True), "cookie", lambda: 5)
        self.attempts = Attempts(name, other)
        self.machines: dict[Wire, Any] = {}
        self.waiting = [(name, number) for number in range(messages)]
        self.received: list[Any] = []
        self.line: Wire | None = None
        self.lost = False

    def begin(self) -> None:
        wire = Wire(self.name, {self.name: deque(), self.other: deque()})
        self.world.wires.append(wire)
        self.attempts.begun(wire)
        machine = Connecting(self.myself, self.other, self.attempts.may_replace)
        self.machines[wire] = machine
        self.write(wire, machine.begin())

    def write(self, wire: Wire, messages: list[Any]) -> None:
        if self.other not in wire.closed:
            wire.unread[self.other].extend(messages)

    def read(self, wire: Wire) -> None:
        """Take the next message of the connection, or its end."""
        if not wire.unread[self.name]:
            self.end(wire)
        elif wire is self.line:
            self.received.append(wire.unread[self.name].popleft())
        else:
            self.shake(wire, wire.unread[self.name].popleft())

    def shake(self, wire: Wire, message: bytes) -> None:
        machine = self.machines.get(wire)
        if machine is None:
            machine = self.machines[wire] = Accepting(self.myself, lambda _: self.decide(wire))
        try:
            self.write(wire, machine.receive(message))
        except HandshakeError as refusal:
            self.write(wire, list(refusal.answers))
            if isinstance(machine, Connecting):
                self.do(self.attempts.refused(wire, refusal.status))
            self.end(wire)
            return
        if machine.agreed is not None:
            self.do(self.attempts.completed(wire))

    def decide(self, wire: Wire) -> Status:
        status, decisions = self.attempts.begun_by_them(wire)
        self.do(decisions)
        return status

    def end(self, wire: Wire) -> None:
        wire.closed.add(self.name)
        wire.unread[self.name].clear()
        if wire is self.line:
            self.line = None
        self.do(self.attempts.ended(wire))

    def do(self, decisions: list[Any]) -> None:
        for decision in decisions:
            match decision:
                case Drop(wire):
                    if wire is self.line:
                        self.line = None
                    wire.closed.add(self.name)
                    wire.unread[self.name].clear()
                case Up(wire):
                    self.line = wire
                    self.write(wire, self.waiting)
                    self.waiting = []
                case GiveUp():
                    self.lost = bool(self.waiting)
                    self.waiting = []


class World:
    """Both nodes; a step is named by what it does."""

    def __init__(self, names: tuple[str, str], messages: tuple[int, int] = (3, 3)) -> None:
        one, other = names
        self.wires: list[Wire] = []
        self.nodes = [Node(self, one, other, messages[0]), Node(self, other, one, messages[1])]

    def steps(self) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = []
        for node in self.nodes:
            if node.waiting and node.attempts.idle:
                found.append((node.begin,))
            for wire in self.wires:
                if node.name not in wire.closed and (
                    wire.unread[node.name] or (node.other in wire.closed)
                ):
                    found.append((node.read, wire))
        return found

    def check(self) -> None:
        """Nothing moves any more: one connection is up for both, and nothing was lost."""
        one, other = self.nodes
        assert one.line is other.line is not None
        for node, peer in ((one, other), (other, one)):
            assert not node.lost
            assert not node.waiting
            assert node.received == [(peer.name, number) for number in range(3)]
            rest = node.attempts
            assert (rest.ours, rest.theirs, rest.awaiting) == (None, None, False)
            assert rest.up is node.line


NAMES = [("a@h", "b@h"), ("b@h", "a@h")]


def orders() -> Iterator[World]:
    """Every order of steps, by playing each beginning again and taking another step at its end."""
    left: list[list[int]] = [[]]
    while left:
        choices = left.pop()
        world = World(("a@h", "b@h"))
        for choice in choices:
            step, *args = world.steps()[choice]
            step(*args)
        while steps := world.steps():
            # The first step now; the others when their turn comes.
            left.extend([*choices, other] for other in range(1, len(steps)))
            choices = [*choices, 0]
            step, *args = steps[0]
            step(*args)
        yield world


def test_every_order_of_steps() -> None:
    seen = 0
    for world in orders():
        world.check()
        seen += 1
    assert seen > 1000


@pytest.mark.parametrize("names", NAMES, ids=["lesser first", "greater first"])
def test_a_thousand_simultaneous_connects(names: tuple[str, str]) -> None:
    chance = random.Random(3)
    for _ in range(1000):
        world = World(names)
        for node in world.nodes:
            node.begin()
        while steps := world.steps():
            step, *args = chance.choice(steps)
            step(*args)
        world.check()


@pytest.mark.parametrize("first", [0, 1])
def test_one_that_has_lost_the_connection_gets_another(first: int) -> None:
    """The other side still takes the old one for alive: `alive`, `true`."""
    chance = random.Random(4)
    for _ in range(300):
        world = World(("a@h", "b@h"))
        node, other = world.nodes[first], world.nodes[1 - first]
        while steps := world.steps():
            step, *args = chance.choice(steps)
            step(*args)
        assert node.line is not None
        # It crashes, and begins again before the other one hears of that.
        broken = node.line
        node.line = None
        node.do(node.attempts.ended(broken))
        node.waiting = [(node.name, number) for number in range(3)]
        other.received.clear()
        node.begin()
        while steps := world.steps():
            step, *args = chance.choice(steps)
            step(*args)
        assert node.line is other.line is not broken
        assert other.received[-3:] == [(node.name, number) for number in range(3)]


def test_an_attempt_that_never_comes_is_given_up() -> None:
    attempts = Attempts("a@h", "b@h")
    attempts.begun("ours")
    assert attempts.refused("ours", "nok") == []
    assert attempts.awaiting
    assert not attempts.idle
    assert attempts.waited_long() == [GiveUp()]
    assert attempts.waited_long() == []
    assert attempts.idle


@pytest.mark.parametrize("status", ["not_allowed", None])
def test_a_refusal_is_the_end(status: str | None) -> None:
    attempts = Attempts("a@h", "b@h")
    attempts.begun("ours")
    assert attempts.refused("another", status) == []
    assert attempts.refused("ours", status) == [GiveUp()]


def test_a_second_attempt_of_theirs_replaces_the_first() -> None:
    attempts = Attempts("b@h", "a@h")
    assert attempts.begun_by_them("first") == ("ok", [])
    assert attempts.begun_by_them("second") == ("ok", [Drop("first")])
    assert attempts.completed("first") == [Drop("first")]
    assert attempts.completed("second") == [Up("second")]
    assert attempts.begun_by_them("third") == ("alive", [])
    assert not attempts.may_replace()
    assert attempts.completed("third") == [Drop("second"), Up("third")]
    assert attempts.ended("second") == []
    assert attempts.ended("third") == [GiveUp()]


def test_the_end_of_a_connection_is_no_secret_while_another_attempt_goes_on() -> None:
    attempts = Attempts("b@h", "a@h")
    attempts.begun_by_them("first")
    attempts.completed("first")
    assert attempts.begun_by_them("second") == ("alive", [])
    assert attempts.ended("first") == [GiveUp()]
    assert attempts.completed("second") == [Up("second")]


def test_an_attempt_that_breaks_is_the_end() -> None:
    attempts = Attempts("a@h", "b@h")
    attempts.begun("ours")
    assert attempts.ended("ours") == [GiveUp()]
    assert attempts.idle


def test_their_attempt_that_was_awaited_breaks_too() -> None:
    attempts = Attempts("a@h", "b@h")
    attempts.begun("ours")
    assert attempts.refused("ours", "nok") == []
    assert attempts.begun_by_them("theirs") == ("ok", [])
    assert attempts.ended("theirs") == [GiveUp()]
    assert attempts.idle


def test_an_attempt_that_was_given_up_replaces_nothing() -> None:
    """Its handshake may hear `alive` before it is ended."""
    attempts = Attempts("a@h", "b@h")
    attempts.begun("ours")
    assert attempts.may_replace()
    assert attempts.begun_by_them("theirs") == ("ok_simultaneous", [Drop("ours")])
    assert not attempts.may_replace()
    assert attempts.completed("theirs") == [Up("theirs")]
    assert not attempts.may_replace()
    assert attempts.ended("ours") == []
