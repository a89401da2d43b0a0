"""A process whose calls all complete at once gives way to the others, and can be cancelled."""

import math
import socket as stdlib
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from itertools import count
from typing import Any

import pytest
import trio

from actorsock import (
    Down,
    Error,
    Ok,
    current_pid,
    exit,
    ok,
    receive,
    send,
    socket,
    spawn,
    spawn_monitor,
)
from actorsock.socket import Socket
from actorsock.socket.operations import recv as receiving
from actorsock.socket.operations import send as sending

from ..support_data import arrived, connected, every_domain, in_runtime, pair, until

Flood = Callable[[Socket, Socket], Awaitable[None]]
"""One round of calls on two connected local sockets, none of which ever has to wait."""

LIMIT = 1000
"""Rounds that a flood may get in between two turns of anybody else: some hundreds are meant."""


async def flood_recv(here: Socket, there: Socket) -> None:
    assert await socket.send(here, b"x") == Ok()
    assert await socket.recv(there, 1) == Ok(b"x")


async def flood_recv_at_once(here: Socket, there: Socket) -> None:
    assert socket.send_nowait(here, b"x") == Ok()
    assert await socket.recv(there, 1, timeout=0) == Ok(b"x")


async def flood_send(here: Socket, there: Socket) -> None:
    assert await socket.send(here, b"x") == Ok()
    assert socket.recv_nowait(there, 1) == Ok(b"x")


async def flood_messages(here: Socket, there: Socket) -> None:
    assert await socket.sendmsg(here, {"iov": [b"x", b"y"]}) == Ok()
    assert ok(await socket.recvmsg(there, 2)).iov == (b"xy",)
    assert await socket.sendv(there, [b"z"]) == Ok()
    assert ok(await socket.recvfrom(here, 1))[1] == b"z"


async def flood_timeouts(here: Socket, there: Socket) -> None:
    # Nothing is ever there, and nobody waits for it.
    await socket.recv(here, timeout=0)


async def flood_errors(here: Socket, there: Socket) -> None:
    assert await socket.accept(here) == Error("einval")  # it does not listen


FLOODS = [
    flood_recv,
    flood_recv_at_once,
    flood_send,
    flood_messages,
    flood_timeouts,
    flood_errors,
]
every_flood = pytest.mark.parametrize("flood", FLOODS)


class Gauge:
    """A counter, and the most that it has grown between two looks at it."""

    def __init__(self) -> None:
        self.count = 0
        self.most = 0
        self._looked = 0

    def __iadd__(self, more: int) -> "Gauge":
        self.count += more
        return self

    def look(self) -> None:
        self.most = max(self.most, self.count - self._looked)
        self._looked = self.count


@every_flood
@in_runtime
async def test_a_plain_trio_task_goes_on_beside_a_flood(flood: Flood) -> None:
    async with pair("local") as (here, there), trio.open_nursery() as nursery:
        rounds = Gauge()
        spawn(_forever, flood, here, there, rounds)
        for _ in range(50):
            await trio.lowlevel.checkpoint()
            rounds.look()
        while rounds.count < LIMIT:
            await trio.lowlevel.checkpoint()
            rounds.look()
        assert rounds.most <= LIMIT
        nursery.cancel_scope.cancel()


async def _forever(flood: Flood, here: Socket, there: Socket, rounds: Gauge) -> None:
    while True:
        await flood(here, there)
        rounds += 1


@every_flood
@in_runtime
async def test_another_connection_goes_on_beside_a_flood(flood: Flood) -> None:
    async with pair("local") as (here, there), pair() as (client, server):
        rounds = Gauge()
        spawn(_forever, flood, here, there, rounds)
        spawn(_echo, server)
        for n in range(100):
            assert await socket.send(client, b"%4d" % n) == Ok()
            assert await socket.recv(client, 4) == Ok(b"%4d" % n)
            rounds.look()
        # An echo is a handful of turns, and a flood gets no more between two of them than a turn.
        assert rounds.most <= 10 * LIMIT
        await until(lambda: rounds.count > 100)


async def _echo(sock: Socket) -> None:
    while isinstance(answer := await socket.recv(sock), Ok):
        ok(await socket.send(sock, answer.value))


@in_runtime
async def test_two_floods_share() -> None:
    async with pair("local") as (a, b), pair("local") as (c, d):
        first, second = Gauge(), Gauge()
        spawn(_forever, flood_recv, a, b, first)
        spawn(_forever, flood_recv, c, d, second)
        await until(lambda: first.count + second.count > 5000)
        assert min(first.count, second.count) > 1000


@in_runtime
async def test_messages_arrive_beside_a_flood() -> None:
    async with pair("local") as (here, there):
        rounds = Gauge()
        spawn(_forever, flood_recv, here, there, rounds)
        parent = current_pid()

        async def answering() -> None:
            while True:
                send(parent, await receive())

        other = spawn(answering)
        for n in range(100):
            send(other, n)
            assert await receive() == n
            rounds.look()
        assert rounds.most <= LIMIT


@every_flood
@in_runtime
async def test_a_flood_can_be_cancelled(flood: Flood) -> None:
    async with pair("local") as (here, there):
        with trio.move_on_after(0.01) as scope:
            while True:
                await flood(here, there)
        assert scope.cancelled_caught
        with pytest.raises(trio.TooSlowError), trio.fail_after(0.01):
            await _forever(flood, here, there, Gauge())
        with trio.CancelScope() as scope:
            for n in count():
                assert n < 10, "it goes on although it is cancelled"
                await flood(here, there)
                if n == 3:
                    scope.cancel()
        assert scope.cancelled_caught
        assert n == 4


@every_flood
@in_runtime
async def test_a_flood_can_be_killed(flood: Flood) -> None:
    async with pair("local") as (here, there):
        rounds = Gauge()
        pid, ref = spawn_monitor(_forever, flood, here, there, rounds)
        await until(lambda: rounds.count)
        exit(pid, "kill")
        assert await receive(ref) == Down(ref, pid, "killed")
        ended_at = rounds.count
        await trio.lowlevel.checkpoint()
        assert rounds.count == ended_at


# --- a peer in another thread, as fast as it can ------------------------------------------------


@contextmanager
def in_a_thread(function: Callable[..., Any], *args: Any) -> Iterator[None]:
    thread = threading.Thread(target=function, args=args)
    thread.start()
    try:
        yield
    finally:
        args[0].shutdown(stdlib.SHUT_RDWR)
        thread.join()


def pour(peer: stdlib.socket) -> None:
    """Send for as long as somebody receives."""
    data = bytes(2**20)
    try:
        while True:
            peer.sendall(data)
    except OSError:
        pass


def drain(peer: stdlib.socket) -> None:
    """Receive until the end."""
    buffer = bytearray(2**20)
    try:
        while peer.recv_into(buffer):
            pass
    except OSError:
        pass


@every_domain
@in_runtime
async def test_a_long_receive_gives_way(domain: str) -> None:
    async with connected(domain) as (sock, peer):
        with in_a_thread(pour, peer):
            turns = await _turns_during(lambda: socket.recv(sock, 64 * 2**20))
    assert turns > 30


@every_domain
@in_runtime
async def test_a_long_send_gives_way(domain: str) -> None:
    async with connected(domain) as (sock, peer):
        with in_a_thread(drain, peer):
            turns = await _turns_during(lambda: socket.send(sock, bytes(64 * 2**20)))
            assert turns > 5
            pieces = [bytes(2**20)] * 64
            turns = await _turns_during(lambda: socket.sendmsg(sock, {"iov": pieces}))
            assert turns > 5


async def _turns_during(call: Callable[[], Awaitable[Any]]) -> int:
    """Return how often another task runs before the call is complete."""
    turns = 0

    async def somebody_else() -> None:
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(somebody_else)
        ok(await call())
        nursery.cancel_scope.cancel()
    return turns


@every_domain
@in_runtime
async def test_a_receive_gives_way_also_when_everything_is_there(
    domain: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a small scale, since no kernel holds much.
    monkeypatch.setattr(receiving, "_PIECE", 1000)
    monkeypatch.setattr(receiving, "TRANSFER_QUANTUM", 5000)
    async with connected(domain) as (sock, peer):
        # One that has waited goes by what the poller says.
        assert await socket.recv(sock, timeout=0.01) == Error("timeout")
        for _ in range(2):
            peer.sendall(bytes(50_000))
            await arrived(sock, 50_000)
            assert await _turns_during(lambda: socket.recv(sock, 50_000)) >= 5
        # One that does not wait for more takes all of it in one go.
        peer.sendall(bytes(100_000))
        await arrived(sock, 100_000)
        assert await socket.recv(sock, 50_000, timeout=0) == Ok(bytes(50_000))
        assert socket.recv_nowait(sock, 50_000) == Ok(bytes(50_000))


@every_domain
@in_runtime
async def test_a_send_gives_way_also_when_there_is_room(
    domain: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "TRANSFER_QUANTUM", 1000)
    pieces = [b"x"] * 10_000  # the kernel takes a thousand at once
    async with connected(domain) as (sock, peer):
        turns = await _turns_during(lambda: socket.sendmsg(sock, {"iov": pieces}))
        assert turns >= 5
        assert await _turns_during(lambda: socket.sendv(sock, pieces)) >= 5
        assert socket.sendv_nowait(sock, pieces) == Ok()
        received = 0
        while received < 30_000:
            received += len(peer.recv(30_000))


@in_runtime
async def test_a_flood_of_datagrams_from_a_thread() -> None:
    async with ok(socket.open("inet", "dgram")) as sock, pair() as (client, server):
        port = ok(socket.bind(sock, "loopback"))
        stop = threading.Event()

        def shower() -> None:
            with closing(stdlib.socket(stdlib.AF_INET, stdlib.SOCK_DGRAM)) as peer:
                while not stop.is_set():
                    peer.sendto(b"x", ("127.0.0.1", port))

        received = Gauge()

        async def receiving() -> None:
            nonlocal received
            while True:
                ok(await socket.recv(sock))
                received += 1

        spawn(receiving)
        spawn(_echo, server)
        thread = threading.Thread(target=shower)
        thread.start()
        try:
            await until(lambda: received.count > 10)
            for n in range(50):
                assert await socket.send(client, b"%4d" % n) == Ok()
                assert await socket.recv(client, 4) == Ok(b"%4d" % n)
            at = received.count
            await until(lambda: received.count > at)
            with trio.move_on_after(0.01) as scope:
                await trio.sleep(math.inf)
            assert scope.cancelled_caught
        finally:
            stop.set()
            thread.join()
