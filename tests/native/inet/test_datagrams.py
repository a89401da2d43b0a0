"""Both forms of what a socket of gen_udp does: messages, results and state are equal."""

import socket as stdlib
from contextlib import suppress
from typing import Any

import attrs
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from trio.testing import wait_all_tasks_blocked

from actorsock import exit, gen_udp, inet, ok, receive, send, spawn, spawn_handler
from actorsock.gen_udp import UdpSocket
from actorsock.inet import Udp, UdpPassive
from actorsock.inet.driver.datagram_actor import DatagramActor

from ...stories import in_runtime
from ..forms import both_ways, numbers_of, shown, slots_of

LOOPBACK = "127.0.0.1"


@attrs.define
class Given:
    """The socket of a story, and its owner."""

    owner: str
    active: Any
    options: dict[str, Any]


_OPTIONS = st.sampled_from(
    [
        {},
        {},
        {"mode": "list"},
        {"header": 1},
        {"buffer": 3},
        {"buffer": 70_000},
        {"deliver": "port"},
        {"recvttl": True},
        {"recvttl": False, "deliver": "term", "header": 0, "buffer": 9216, "mode": "binary"},
    ]
)
_GIVEN = st.builds(
    Given,
    owner=st.sampled_from(["light", "light", "task", "in place"]),
    active=st.sampled_from(["once", True, 2, False]),
    options=_OPTIONS,
)
_ACTIVE = st.sampled_from([True, False, "once", "once", 1, 2, 3, -1, 0, 32767, 32768, "twice"])
_SIZES = st.lists(st.sampled_from([0, 1, 64, 3000]), min_size=1, max_size=4)
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("arrive"), _SIZES),
        st.tuples(st.just("arrive"), st.just([5] * 70)),
        st.tuples(st.just("active"), _ACTIVE),
        st.tuples(st.just("active"), _ACTIVE),
        st.tuples(st.just("options"), _OPTIONS),
        st.tuples(
            st.sampled_from(["answer", "answer", "tuple", "inet", "peer", "nowhere"]),
            st.sampled_from([0, 1, 64, 3000, 65_000, 65_508, 65_537]),
        ),
        st.tuples(st.just("connect"), st.sampled_from(["there", "refuses"])),
        st.tuples(st.just("recv"), st.none()),
        st.tuples(st.just("reader"), st.sampled_from(["waits", "is killed"])),
        st.tuples(st.just("close"), st.none()),
    ),
    max_size=10,
)


async def _at_rest() -> None:
    await wait_all_tasks_blocked(0.002)


class _Story:
    """A socket, a peer, and all that is seen of them. Ports differ from run to run."""

    def __init__(self, given: Given) -> None:
        self.log: list[Any] = []
        self.read: list[Any] = []  # by others than the owner: trio chooses which of two runs first
        self.peer = stdlib.socket(stdlib.AF_INET, stdlib.SOCK_DGRAM)
        self.peer.bind((LOOPBACK, 0))
        self.peer.setblocking(False)
        with stdlib.socket(stdlib.AF_INET, stdlib.SOCK_DGRAM) as refusing:
            refusing.bind((LOOPBACK, 0))
            ports = self.peer.getsockname()[1], refusing.getsockname()[1]
        self.ports = dict(zip(("there", "refuses"), ports, strict=True))
        options = {"ip": LOOPBACK, "active": False, **given.options}
        self.sock: UdpSocket = ok(gen_udp.open(0, options))
        self.where = (LOOPBACK, ok(inet.port(self.sock)))
        self.again: Any = None

    def plain(self, value: Any) -> Any:
        """Return what two runs have in common: a port by its role."""
        if isinstance(value, tuple):
            return tuple(map(self.plain, value))
        return next((name for name, port in self.ports.items() if port == value), value)

    def note(self, message: Any) -> None:
        seen = [type(message).__name__]
        for name in ("address", "port", "ancillary", "reason", "data"):
            seen.append(self.plain(getattr(message, name, "unset")))
        self.log.append((seen, getattr(message, "socket", None) is self.sock))

    def handles(self, message: Any) -> None:
        """Handle a message in place."""
        self.note(message)
        if self.again in ("once", 2) and isinstance(message, Udp | UdpPassive):
            self.log.append(inet.setopts(self.sock, {"active": self.again}))

    async def does(self, what: str, detail: Any) -> None:
        """Do one step as the owner."""
        sock, there = self.sock, self.ports["there"]
        destinations: dict[str, tuple[Any, ...]] = {
            "answer": (LOOPBACK, there),
            "tuple": ((LOOPBACK, there),),
            "inet": (("inet", (LOOPBACK, there)),),
            "nowhere": (LOOPBACK, 0),
            "peer": (),
        }
        match what:
            case "active":
                self.again = detail
                self.log.append(inet.setopts(sock, {"active": detail}))
            case "options":
                self.log.append(inet.setopts(sock, detail))
            case "connect":
                self.log.append(await gen_udp.connect(sock, LOOPBACK, self.ports[detail]))
            case "recv":
                result = await gen_udp.recv(sock, timeout=0)
                self.log.append(self.plain(getattr(result, "value", result)))
            case "close":
                self.log.append(await gen_udp.close(sock))
            case _:
                self.log.append(await gen_udp.send(sock, *destinations[what], bytes(detail)))

    async def owns(self) -> None:
        while True:
            message = await receive()
            if isinstance(message, tuple):
                await self.does(*message)
            else:
                self.note(message)

    async def reads(self) -> None:
        result = await gen_udp.recv(self.sock)
        self.read.append(self.plain(getattr(result, "value", result)))

    def what_peer_has(self) -> list[bytes]:
        received = []
        with suppress(BlockingIOError):
            while True:
                received.append(self.peer.recv(2**17))
        return received

    def state(self, actor: Any) -> list[Any]:
        things = [actor, actor.mode]
        state = [shown(thing, slots_of(thing)) for thing in things]
        for name in ("fd", "pid"):
            state[0].pop(name, None)
        ancillary, unseen = sorted(actor.ancillary), [*map(self.plain, actor.unseen)]
        numbers = numbers_of(actor.statistics)
        return [*state, ancillary, unseen, numbers, actor.make.__qualname__]


async def _exchanged(given: Given, steps: list[tuple[str, Any]]) -> list[Any]:
    story = _Story(given)
    sock, log, actor = story.sock, story.log, story.sock._actor
    in_place, light = given.owner == "in place", given.owner == "light"
    owner = spawn_handler(story.handles) if in_place else spawn(story.owns, light=light)
    readers = []
    ok(gen_udp.controlling_process(sock, owner))
    await story.does("active", given.active)
    for what, detail in steps:
        if what == "arrive":
            with suppress(ConnectionRefusedError):  # it is closed
                for size in detail:
                    story.peer.sendto(bytes(size), story.where)
        elif what == "reader":
            readers.append(spawn(story.reads, light=light))
            await _at_rest()
            if detail == "is killed":
                with suppress(ConnectionRefusedError):
                    story.peer.sendto(b"for a reader", story.where)
                actor.on_ready(1, 0, 0)  # it has its result from here on, and has not run
                exit(readers[-1], "kill")
        elif in_place:
            await story.does(what, detail)
        else:
            send(owner, (what, detail))
        await _at_rest()
        log.extend([what, *story.read, story.state(actor), story.what_peer_has()])
        story.read.clear()
    story.peer.close()
    await gen_udp.close(sock)
    for pid in (owner, *readers):
        exit(pid, "kill")
    await _at_rest()
    return log


_PLAIN = Given("light", True, {})
_ONE = ("arrive", [5])


@settings(deadline=None, max_examples=100)
@given(_GIVEN, _STEPS)
@example(_PLAIN, [("arrive", [5] * 70), ("answer", 64), ("connect", "there"), ("peer", 64)])
@example(_PLAIN, [("connect", "refuses"), ("peer", 1), ("peer", 1), _ONE])
@example(attrs.evolve(_PLAIN, active=2), [("arrive", [5, 0, 6]), ("active", 2), _ONE])
@example(attrs.evolve(_PLAIN, active=32767), [("active", 1), ("active", -1), _ONE])
@example(attrs.evolve(_PLAIN, active=False), [("reader", "is killed"), ("active", "once")])
@example(attrs.evolve(_PLAIN, owner="in place", active="once"), [("arrive", [1, 2, 3])])
@example(attrs.evolve(_PLAIN, active="once"), [("close", None), ("answer", 1), ("active", 1)])
def test_a_socket_and_its_owner(given: Given, steps: list[tuple[str, Any]]) -> None:
    both_ways(_exchanged, given, steps)


@pytest.mark.parametrize("light", [True, False], ids=["light", "task"])
@in_runtime
async def test_the_plain_case_is_native(light: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[str] = []
    story = _Story(_PLAIN)

    async def answers() -> None:
        ok(inet.setopts(story.sock, {"active": True}))
        while True:
            message = await receive(Udp)
            ok(await gen_udp.send(story.sock, message.address, message.port, message.data))

    owner = spawn(answers, light=light)
    ok(gen_udp.controlling_process(story.sock, owner))
    await _at_rest()
    for name in ("deliver_arrived", "_read", "send"):
        monkeypatch.setattr(DatagramActor, name, lambda self, *_, name=name: used.append(name))
    for _ in range(3):
        story.peer.sendto(b"one", story.where)
    await _at_rest()
    monkeypatch.undo()
    assert story.what_peer_has() == [b"one"] * 3
    assert not used
    exit(owner, "kill")
    story.peer.close()
