"""A process that sends more than a node takes waits for room at its next wait, in every body."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from actorsock import (
    Pid,
    current_pid,
    exit,
    monitor,
    process_info,
    receive,
    send,
    sleep,
    spawn,
    spawn_handler,
)
from actorsock.dist.node.distribution import Distribution, Settings
from actorsock.dist.node.peer import Peer
from actorsock.dist.wire.handshake import Agreed
from actorsock.runtime.bodies.current import current_process
from actorsock.runtime.core.body import owing

from ...stories import until

UNUSED: Any = None
"""In place of `Services`: nothing is spawned for another node here."""


class Slow:
    """A connection that says of every message that it is too much, while it is `full`."""

    def __init__(self) -> None:
        self.on_room: Callable[[], object] | None = None
        self.full = True
        self.written = 0

    def write(self, body: bytearray, sender: Any, short: bool = False, soon: bool = True) -> bool:
        self.written += 1
        return self.full

    def close(self, why: str) -> None:
        pass

    def make_room(self) -> None:
        self.full = False
        assert self.on_room is not None
        self.on_room()


@pytest.fixture
def node(runtime: None) -> Iterator[Distribution]:
    distribution = Distribution(current_process().node, Settings("a@h", "x"), 7, UNUSED)
    yield distribution
    assert not owing


def connect(node: Distribution, name: str = "b@h") -> tuple[Peer, Slow, Pid]:
    peer, line = node.peer(name), Slow()
    peer.attempts.begun(line)
    peer.established(line, Agreed(name, 7, 0))
    return peer, line, node.identities.pid(name, 1, 0, 7)


async def flood(dest: Pid, told: Pid) -> None:
    send(dest, 1)
    send(dest, 2)
    send(told, "sent")
    await sleep(0)
    send(told, "on")


@pytest.mark.parametrize("light", [False, True], ids=["task", "light"])
async def test_a_sender_waits_until_there_is_room(
    node: Distribution, light: bool, caplog: pytest.LogCaptureFixture
) -> None:
    _, line, dest = connect(node)
    with caplog.at_level(logging.INFO, "actorsock.dist"):
        pid = spawn(flood, dest, current_pid(), light=light)
        assert await receive() == "sent"
        await until(lambda: process_info(pid).status == "waiting")  # type: ignore[union-attr]
    assert line.written == 2  # a send never waits
    assert caplog.text.count(f"busy_dist_port: {pid!r} has to wait for b@h") == 1
    line.make_room()
    assert await receive() == "on"


@pytest.mark.parametrize("light", [False, True], ids=["task", "light"])
async def test_who_waits_can_be_killed(node: Distribution, light: bool) -> None:
    _, line, dest = connect(node)
    pid = spawn(flood, dest, current_pid(), light=light)
    ref = monitor(pid)
    assert await receive() == "sent"
    await until(lambda: process_info(pid).status == "waiting")  # type: ignore[union-attr]
    exit(pid, "kill")
    assert (await receive(ref)).reason == "killed"
    line.make_room()


async def test_room_before_the_next_wait_is_no_wait(node: Distribution) -> None:
    _, line, dest = connect(node)
    send(dest, 1)
    line.make_room()
    await sleep(0)


async def test_the_end_of_the_connection_lets_senders_go(node: Distribution) -> None:
    peer, line, dest = connect(node)
    pid = spawn(flood, dest, current_pid(), light=True)
    assert await receive() == "sent"
    await until(lambda: process_info(pid).status == "waiting")  # type: ignore[union-attr]
    peer.carry_out(peer.attempts.ended(line))
    assert await receive() == "on"


async def test_who_waits_for_one_node_may_have_to_wait_for_another(node: Distribution) -> None:
    _, first, one = connect(node)
    _, second, other = connect(node, "c@h")

    async def floods(told: Pid) -> None:
        send(one, 1)
        await sleep(0)
        send(other, 1)
        await sleep(0)
        send(told, "on")

    pid = spawn(floods, current_pid())
    await until(lambda: process_info(pid).status == "waiting")  # type: ignore[union-attr]
    first.make_room()
    await until(lambda: second.written == 1)
    assert process_info(pid) is not None
    second.make_room()
    assert await receive() == "on"


def handler(dest: Pid, told: Pid) -> Pid:
    def handle(message: Any) -> None:
        if message == "flood":
            send(dest, 1)
        send(told, ("handled", message))

    return spawn_handler(handle)


@pytest.mark.parametrize("queued", [False, True], ids=["idle", "with messages"])
async def test_a_handler_takes_no_message_until_there_is_room(
    node: Distribution, queued: bool
) -> None:
    _, line, dest = connect(node)
    pid = handler(dest, current_pid())

    def order(_: Any) -> None:  # both messages are there when the handler has its first step
        send(pid, "flood")
        send(pid, 1)

    if queued:
        ordering = spawn_handler(order)
        send(ordering, None)
        exit(ordering, "kill")
    else:
        send(pid, "flood")
        send(pid, 1)
    assert await receive() == ("handled", "flood")
    send(pid, 2)
    await sleep(0)
    assert process_info(current_pid()).message_queue_len == 0  # type: ignore[union-attr]
    line.make_room()
    assert [await receive(), await receive()] == [("handled", 1), ("handled", 2)]
    send(pid, 3)
    assert await receive() == ("handled", 3)
    exit(pid, "kill")


@pytest.mark.parametrize("waiting", [0, 1])
async def test_a_handler_that_waits_can_be_killed(node: Distribution, waiting: int) -> None:
    _, line, dest = connect(node)
    pid = handler(dest, current_pid())
    send(pid, "flood")
    for number in range(waiting):
        send(pid, number)
    ref = monitor(pid)
    exit(pid, "kill")
    assert (await receive(ref)).reason == "killed"
    assert await receive() == ("handled", "flood")
    line.make_room()


async def test_the_processes_of_connections_go_on(node: Distribution) -> None:
    _, _, dest = connect(node)
    node.serving.add(current_pid())
    send(dest, 1)
    await sleep(0)
    assert not owing
