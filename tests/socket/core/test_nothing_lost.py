"""Nothing is lost: readers that are cancelled, timed out or killed put nothing on the floor.

One half of this is races, with seeds: many readers of every kind share a socket while data
keeps coming, and what all of them got, put together, must be what was sent. The other half is
stories without a race, written by hypothesis. Both in the end also say what cancellation means
for every call that blocks.
"""

import os
import random
import socket as stdlib
from collections.abc import Awaitable, Callable
from contextlib import closing
from math import inf
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import wait_all_tasks_blocked

from actorsock import (
    Down,
    Error,
    ExitSignal,
    Ok,
    Pid,
    Select,
    Timeout,
    current_pid,
    exit,
    is_alive,
    ok,
    receive,
    send,
    socket,
    spawn,
    spawn_handler,
    spawn_monitor,
)
from actorsock.socket import SelectMessage, Socket

from ..support import fd_of, info_of, readers, took, waiting, writers
from ..support_data import (
    FAMILIES,
    Outcome,
    address,
    arrived,
    connected,
    data_of,
    datagrams,
    every_domain,
    in_runtime,
    listener,
    over_ip,
    pattern,
    until,
    waiting_bytes,
)

BIG = 10 * 2**20
SEEDS = range(8)
AT_ONCE = 4
"""Readers that share a socket."""

MOMENT = 0.003
"""The longest that a reader is left in peace, in seconds: a few deliveries."""


# --- races: readers of every kind ---------------------------------------------------------------

Take = Callable[[Any], None]
"""A function that a reader calls at once with its data."""


async def _cancelled(rng: random.Random, sock: Socket, length: int, take: Take) -> Any:
    with trio.move_on_after(rng.random() * MOMENT):
        return await socket.recv(sock, length)


async def _timed_out(rng: random.Random, sock: Socket, length: int, take: Take) -> Any:
    return await socket.recv(sock, length, timeout=rng.choice([0, rng.random() * MOMENT]))


async def _killed(rng: random.Random, sock: Socket, length: int, take: Take) -> Any:
    async def victim() -> None:
        take(await socket.recv(sock, length))

    pid, ref = spawn_monitor(victim, light=rng.random() < 0.5)
    await trio.sleep(rng.random() * MOMENT)
    exit(pid, rng.choice(["kill", "shutdown"]))
    assert isinstance(await receive(ref), Down)


async def _polling(rng: random.Random, sock: Socket, length: int, take: Take) -> Any:
    answer = socket.recv_nowait(sock, length)
    if not isinstance(answer, Select):
        return answer
    take(answer)
    if await receive(answer.info.ref, after=rng.random() * MOMENT) == Timeout():
        socket.cancel(sock, answer.info)
        return None
    return socket.recv_nowait(sock, length) if rng.random() < 0.5 else _give_up(sock, answer)


def _give_up(sock: Socket, answer: Select) -> None:
    # Told that it is its turn, and not interested any more.
    socket.cancel(sock, answer.info)


async def _with_source(rng: random.Random, sock: Socket, length: int, take: Take) -> Any:
    with trio.move_on_after(rng.random() * MOMENT):
        return await rng.choice([socket.recvfrom, socket.recvmsg])(sock, length)


READERS = [_cancelled, _timed_out, _killed, _polling, _with_source]


async def read_in_turns(
    rng: random.Random, sock: Socket, lengths: list[int], take: Take, done: Callable[[], bool]
) -> None:
    """Be one reader after the other, until everything has come."""
    while not done():
        answer = await rng.choice(READERS)(rng, sock, rng.choice(lengths), take)
        if isinstance(answer, Select):  # told, and short of its length all the same
            socket.cancel(sock, answer.info)
        take(answer)


@pytest.mark.parametrize("domain", ["inet", "local"])
@pytest.mark.parametrize("seed", SEEDS)
@in_runtime
async def test_a_stream_through_many_hands(domain: str, seed: int) -> None:
    rng = random.Random(seed)
    data = pattern(200_000)
    received = bytearray()

    def take(answer: Any) -> None:
        match answer:
            case Ok():
                received.extend(data_of(answer))
            case Select(_, bytes(part)) | Error(_, bytes(part)):
                received.extend(part)
            case Select(_, None) | Error("timeout", None) | None:
                pass
            case other:
                raise AssertionError(other)

    async with connected(domain) as (sock, peer), trio.open_nursery() as nursery:
        nursery.start_soon(_stream, random.Random(seed + 1), peer, data)
        for n in range(AT_ONCE):
            nursery.start_soon(
                read_in_turns,
                random.Random(seed + 100 * n),
                sock,
                [0, 0, 1, 7, 1000, rng.randrange(1, 10_000)],
                take,
                lambda: len(received) >= len(data),
            )
    assert received == data


async def _stream(rng: random.Random, peer: stdlib.socket, data: bytes) -> None:
    stream = trio.SocketStream(trio.socket.from_stdlib_socket(_copy(peer)))
    async with stream:
        while data:
            size = rng.choice([1, 10, rng.randrange(1, 5000)])
            await stream.send_all(data[:size])
            data = data[size:]
            if rng.random() < 0.3:
                await trio.sleep(rng.random() * 0.002)
        # The peer stays open: the end is no part of this.


def _copy(peer: stdlib.socket) -> stdlib.socket:
    return stdlib.socket(fileno=os.dup(peer.fileno()))


@pytest.mark.parametrize("domain", ["inet", "local"])
@pytest.mark.parametrize("seed", SEEDS)
@in_runtime
async def test_datagrams_through_many_hands(domain: str, seed: int) -> None:
    count = 600
    received: list[int] = []

    def take(answer: Any) -> None:
        match answer:
            case Ok():
                received.append(int(data_of(answer)))
            case Select(_, None) | Error("timeout", None) | None:
                pass
            case other:
                raise AssertionError(other)

    with datagrams(domain) as (sock, peer):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(
                _shower, random.Random(seed), peer, address(sock), count, lambda: len(received)
            )
            for n in range(AT_ONCE):
                nursery.start_soon(
                    read_in_turns,
                    random.Random(seed + 100 * n),
                    sock,
                    [0, 0, 10, 1000],
                    take,
                    lambda: len(received) >= count,
                )
    assert received == list(range(count))


async def _shower(
    rng: random.Random, peer: stdlib.socket, dest: Any, count: int, received: Callable[[], int]
) -> None:
    for n in range(count):
        # What the kernel has no room for it drops (UDP) or refuses (local).
        await until(lambda: n - received() < 8)  # noqa: B023 - called before the next n
        peer.sendto(b"%d" % n, dest)
        if rng.random() < 0.1:
            await trio.sleep(rng.random() * 0.002)


@pytest.mark.parametrize("domain", ["inet", "local"])
@pytest.mark.parametrize("seed", SEEDS)
@in_runtime
async def test_connections_through_many_hands(domain: str, seed: int) -> None:
    count = 150
    accepted = 0
    ended: list[bytes] = []

    async def serve(answer: Any) -> None:
        nonlocal accepted
        match answer:
            case Ok(sock):
                accepted += 1
                # Whoever is killed from here on takes the connection along.
                assert await socket.send(sock, b"hello") == Ok()
                assert await socket.close(sock) == Ok()
            case Select() | Error("timeout") | None:
                pass
            case other:
                raise AssertionError(other)

    async def accept_in_turns(rng: random.Random, listening: Socket) -> None:
        while accepted < count:
            moment = rng.random() * MOMENT
            match rng.choice(["cancelled", "timed out", "killed", "polling"]):
                case "cancelled":
                    answer: Any = None
                    with trio.move_on_after(moment):
                        answer = await socket.accept(listening)
                    await serve(answer)
                case "timed out":
                    await serve(await socket.accept(listening, timeout=moment))
                case "killed":

                    async def victim() -> None:
                        await serve(await socket.accept(listening))

                    pid, ref = spawn_monitor(victim, light=rng.random() < 0.5)
                    await trio.sleep(moment)
                    exit(pid, "kill")
                    await receive(ref)
                case "polling":
                    answer = socket.accept_nowait(listening)
                    if isinstance(answer, Select):
                        told = await receive(answer.info.ref, after=moment)
                        if told == Timeout() or rng.random() < 0.3:
                            socket.cancel(listening, answer.info)
                            continue
                        answer = socket.accept_nowait(listening)
                        if isinstance(answer, Select):
                            socket.cancel(listening, answer.info)
                    await serve(answer)

    async def connect_one_by_one(rng: random.Random, where: Any) -> None:
        async with trio.open_nursery() as clients:
            for n in range(count):
                await until(lambda: n - accepted < 20)  # noqa: B023 - called before the next n
                peer = stdlib.socket(FAMILIES[domain])
                peer.connect(where)
                clients.start_soon(read_to_the_end, peer)
                if rng.random() < 0.1:
                    await trio.sleep(rng.random() * 0.002)

    async def read_to_the_end(peer: stdlib.socket) -> None:
        with trio.socket.from_stdlib_socket(peer) as stream:
            greeting = b""
            while data := await stream.recv(100):
                greeting += data
            ended.append(greeting)

    async with listener(domain, backlog=100) as listening, trio.open_nursery() as nursery:
        nursery.start_soon(connect_one_by_one, random.Random(seed), address(listening))
        for n in range(AT_ONCE):
            nursery.start_soon(accept_in_turns, random.Random(seed + 100 * n), listening)
        await until(lambda: len(ended) == count)
        assert socket.number_of() == 1
    assert accepted == count
    assert set(ended) <= {b"hello", b""}


# --- stories: one reader after the other, each interrupted at a known place ---------------------

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["recv", "recvfrom", "recvmsg", "peek"]),
        st.sampled_from([0, 1, 3, 10, 40]),  # length
        st.integers(0, 30),  # bytes that come while it waits
        st.sampled_from(["cancelled", "killed", "shut down"]),
    ),
    max_size=12,
)


@every_domain
@settings(max_examples=25, deadline=None)
@given(steps=STEPS)
@in_runtime
async def test_a_stream_is_what_its_readers_got(domain: str, steps: list[Any]) -> None:
    sent, received = bytearray(), bytearray()
    async with connected(domain) as (sock, peer):
        for name, length, coming, ending in steps:
            answers: list[Any] = []
            scope = trio.CancelScope()
            pid, ref = spawn_monitor(_read, name, length, sock, answers, scope)
            await until(lambda: answers or socket.info(sock).num_readers)  # noqa: B023
            more = pattern(10_000)[len(sent) :][:coming]
            if more:
                taken = socket.info(sock).counters["read_byte"]
                peer.sendall(more)
                sent += more
                # Either it takes what comes, or it has ended already and the kernel keeps it.
                await until(lambda: answers or took(sock, taken + len(more))())  # noqa: B023
            match ending:
                case "cancelled":
                    scope.cancel()
                case "killed":
                    exit(pid, "kill")
                case _:
                    exit(pid, "shutdown")
            await receive(ref)
            for answer in answers:
                if name != "peek":
                    received += data_of(answer)
                else:
                    assert sent[len(received) :].startswith(data_of(answer))
        peer.shutdown(stdlib.SHUT_WR)
        while isinstance(answer := await socket.recv(sock), Ok):
            received += answer.value
        assert answer == Error("closed")
    assert received == sent


async def _read(
    name: str, length: int, sock: Socket, answers: list[Any], scope: trio.CancelScope
) -> None:
    function = socket.recv if name == "peek" else getattr(socket, name)
    with scope:
        answers.append(await function(sock, length, flags=["peek"] if name == "peek" else []))


@every_domain
@pytest.mark.parametrize("light", [False, True], ids=["task", "light"])
@pytest.mark.parametrize("signal", ["kill", "shutdown"])
@in_runtime
async def test_the_next_reader_gets_what_a_killed_one_had_taken(
    domain: str, light: bool, signal: str
) -> None:
    async with connected(domain) as (sock, peer), trio.open_nursery() as nursery:
        first, ref = spawn_monitor(socket.recv, sock, 10, light=light)
        await readers(sock, 1)
        second = Outcome(nursery, socket.recv, sock, 3)
        await readers(sock, 2)
        third = Outcome(nursery, socket.recv, sock, 3)
        await readers(sock, 3)
        peer.sendall(b"abcde")
        await until(took(sock, 5))
        assert not second.done
        exit(first, signal)
        await receive(ref)
        assert await second.get() == Ok(b"abc")
        peer.sendall(b"f")
        assert await third.get() == Ok(b"def")


@in_runtime
async def test_an_adopted_task_that_is_killed_gives_back_what_it_had_taken() -> None:
    async with connected() as (sock, peer), trio.open_nursery() as nursery:
        pids: list[Pid] = []

        async def victim() -> None:
            pids.append(current_pid())
            with pytest.raises(ExitSignal):
                await socket.recv(sock, 10)

        nursery.start_soon(victim)
        await readers(sock)
        peer.sendall(b"abcde")
        await until(took(sock, 5))
        exit(pids[0], "shutdown")
        await readers(sock, 0)
        assert await socket.recv(sock) == Ok(b"abcde")


@pytest.mark.parametrize("body", ["task", "light", "adopted"])
@pytest.mark.parametrize("kind", ["recv", "recvfrom", "accept"])
@in_runtime
async def test_a_process_that_is_killed_after_it_was_woken_takes_nothing(
    body: str, kind: str
) -> None:
    answers: list[Any] = []
    victims: list[Pid] = []

    async def victim(sock: Socket) -> None:
        victims.append(current_pid())
        try:
            answers.append(await getattr(socket, kind)(sock))
        except ExitSignal:
            if body != "adopted":
                raise

    def killer(message: Any) -> None:
        # A handler acts in place: what was woken before it in the same round has not run yet.
        if isinstance(message, SelectMessage):
            exit(victims[0], "kill")
        else:
            assert isinstance(socket.recv_nowait(message), Select)

    # What is sent over local sockets has arrived when the call returns.
    with datagrams("local") as (trigger, peer), datagrams("local") as (messages, _):
        async with listener("local") as listening, trio.open_nursery() as nursery:
            sock = listening if kind == "accept" else messages
            if body == "adopted":
                nursery.start_soon(victim, sock)
            else:
                spawn(victim, sock, light=body == "light")
            await until(lambda: waiting(sock))
            send(spawn_handler(killer), trigger)
            await wait_all_tasks_blocked()
            if kind == "accept":
                client = stdlib.socket(stdlib.AF_UNIX)
                client.connect(address(listening))
            else:
                client = peer
                peer.sendto(b"data", address(messages))
            peer.sendto(b"now", address(trigger))
            await until(lambda: not is_alive(victims[0]))
            await until(lambda: not waiting(sock))
            assert answers == []
            answer = await getattr(socket, kind)(sock)
            with closing(client):
                if kind == "accept":
                    client.sendall(b"data")
                    answer = await socket.recv(ok(answer), 4)
                assert data_of(answer) == b"data"


@in_runtime
async def test_the_part_of_an_adopted_task_comes_before_later_data() -> None:
    async def victim(sock: Socket, pids: list[Pid]) -> None:
        pids.append(current_pid())
        # The socket watches over those that have waited for messages from it.
        waiting = info_of(socket.recv_nowait(sock))
        ok(socket.cancel(sock, waiting))
        with pytest.raises(ExitSignal):
            await socket.recv(sock, 100)

    for _ in range(10):
        async with connected("local") as (sock, peer), trio.open_nursery() as nursery:
            pids: list[Pid] = []
            nursery.start_soon(victim, sock, pids)
            await readers(sock, 1)
            peer.sendall(b"first, ")
            await until(took(sock, 7))
            following = Outcome(nursery, socket.recv, sock, 13)
            await readers(sock, 2)
            peer.sendall(b"second")
            exit(pids[0], "shutdown")
            assert await following.get() == Ok(b"first, second")


@in_runtime
async def test_an_adopted_task_that_is_killed_while_it_gives_way_accepts_nothing() -> None:
    tries = 0

    async def accepting(listening: Socket) -> None:
        nonlocal tries
        while True:
            assert await socket.accept(listening, timeout=0) == Error("timeout")
            tries += 1

    async def victim(listening: Socket, pids: list[Pid]) -> None:
        pids.append(current_pid())
        with pytest.raises(ExitSignal):
            await accepting(listening)

    async with listener("local") as listening:
        with closing(stdlib.socket(stdlib.AF_UNIX)) as client:
            async with trio.open_nursery() as nursery:
                pids: list[Pid] = []
                nursery.start_soon(victim, listening, pids)
                await until(lambda: tries > 200)
                # It never waits: whenever somebody else runs, it has given way to them.
                client.connect(address(listening))
                exit(pids[0], "shutdown")
            async with ok(await socket.accept(listening, timeout=10)) as sock:
                client.sendall(b"data")
                assert await socket.recv(sock) == Ok(b"data")


@in_runtime
async def test_the_reader_dies_with_its_socket() -> None:
    async with connected() as (sock, peer):

        async def owner() -> None:
            mine = ok(socket.open_fd(os.dup(ok(socket.getopt(sock, "otp", "fd"))), dup=False))
            try:
                await socket.recv(mine, 10)
            finally:
                os.close(ok(socket.getopt(mine, "otp", "fd")))

        pid, ref = spawn_monitor(owner)
        await until(lambda: socket.number_of() == 2)
        exit(pid, "kill")
        await receive(ref)
        assert socket.number_of() == 1
        peer.sendall(b"abc")
        assert await socket.recv(sock) == Ok(b"abc")


# --- a sender that is interrupted ---------------------------------------------------------------


@every_domain
@pytest.mark.parametrize("how", ["cancel", "kill"])
@in_runtime
async def test_a_send_that_is_interrupted_leaves_a_beginning(domain: str, how: str) -> None:
    received = bytearray()
    async with connected(domain) as (sock, peer), trio.open_nursery() as nursery:
        if how == "kill":
            pid, ref = spawn_monitor(socket.send, sock, pattern(BIG))
            await writers(sock)
            exit(pid, "kill")
            await receive(ref)
        else:
            with trio.move_on_after(0.02) as scope:
                await socket.send(sock, pattern(BIG))
            assert scope.cancelled_caught
        nursery.start_soon(_read_all, peer, received)
        assert await socket.send(sock, b"next") == Ok()
        ok(socket.shutdown(sock, "write"))
    assert received.endswith(b"next")
    assert pattern(BIG).startswith(received[:-4])
    assert 4 < len(received) < BIG


async def _read_all(peer: stdlib.socket, into: bytearray) -> None:
    while data := await trio.to_thread.run_sync(peer.recv, 65_536):
        into += data


# --- cancellation, as trio has it ---------------------------------------------------------------

Call = Callable[[Socket], Awaitable[Any]]

RECEIVES: dict[str, Call] = {
    "recv": lambda sock: socket.recv(sock),
    "recv with a length": lambda sock: socket.recv(sock, 4),
    "recv with a timeout": lambda sock: socket.recv(sock, timeout=30),
    "recv with timeout 0": lambda sock: socket.recv(sock, timeout=0),
    "recvfrom": lambda sock: socket.recvfrom(sock),
    "recvmsg": lambda sock: socket.recvmsg(sock),
}
SENDS: dict[str, Callable[[Socket, bytes], Awaitable[Any]]] = {
    "send": lambda sock, data: socket.send(sock, data),
    "sendto": lambda sock, data: socket.sendto(sock, data, ("127.0.0.1", 9)),
    "sendmsg": lambda sock, data: socket.sendmsg(sock, {"iov": [data]}),
    "sendv": lambda sock, data: socket.sendv(sock, [data]),
}


async def in_a_cancelled_scope(call: Callable[[], Awaitable[Any]]) -> None:
    """The call must raise `Cancelled`, and before it does anything."""
    with trio.CancelScope() as scope:
        scope.cancel()
        await call()
        pytest.fail("it was not cancelled")
    assert scope.cancelled_caught


@pytest.mark.parametrize("name", RECEIVES)
@in_runtime
async def test_a_receive_in_a_cancelled_scope_takes_nothing(name: str) -> None:
    async with connected() as (sock, peer):
        peer.sendall(b"data")
        await arrived(sock, 4)
        await in_a_cancelled_scope(lambda: RECEIVES[name](sock))
        assert waiting_bytes(sock) == 4
        assert socket.info(sock).counters["read_tries"] == 0
        assert data_of(await RECEIVES[name](sock)) == b"data"


@pytest.mark.parametrize("name", [*SENDS, "sendfile"])
@in_runtime
async def test_a_send_in_a_cancelled_scope_sends_nothing(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"data")
    async with connected() as (sock, peer):
        with (tmp_path / "file").open("rb") as file:
            calls = {**SENDS, "sendfile": lambda sock, _: socket.sendfile(sock, file)}
            await in_a_cancelled_scope(lambda: calls[name](sock, b"data"))
            assert socket.info(sock).counters["write_tries"] == 0
            ok(await calls[name](sock, b"data"))
        assert peer.recv(100) == b"data"


@in_runtime
async def test_connecting_in_a_cancelled_scope() -> None:
    async with listener() as listening, ok(socket.open("inet", "stream")) as client:
        name = ok(socket.sockname(listening))
        await in_a_cancelled_scope(lambda: socket.connect(client, name))
        assert await socket.accept(listening, timeout=0.01) == Error("timeout")
        assert await socket.connect(client, name) == Ok()
        await in_a_cancelled_scope(lambda: socket.accept(listening))
        async with ok(await socket.accept(listening)) as server:
            assert socket.peername(server) == socket.sockname(client)


async def is_moved_on_from(call: Callable[[], Awaitable[Any]]) -> None:
    """Make the call in a scope with a deadline; it must be cancelled then."""
    with trio.move_on_after(0.01) as scope:
        await call()
    assert scope.cancelled_caught
    with pytest.raises(trio.TooSlowError), trio.fail_after(0.01):
        await call()


@pytest.mark.parametrize("name", sorted(set(RECEIVES) - {"recv with timeout 0"}))
@in_runtime
async def test_a_receive_that_is_moved_on_from(name: str) -> None:
    async with connected() as (sock, peer):
        await is_moved_on_from(lambda: RECEIVES[name](sock))
        assert socket.info(sock).num_readers == 0
        peer.sendall(b"data")
        await arrived(sock, 4)
        with trio.fail_after(10):
            assert data_of(await RECEIVES[name](sock)) == b"data"


@pytest.mark.parametrize("name", SENDS)
@in_runtime
async def test_a_send_that_is_moved_on_from(name: str) -> None:
    async with connected() as (sock, _):
        await is_moved_on_from(lambda: SENDS[name](sock, bytes(BIG)))
        assert socket.info(sock).num_writers == 0


@in_runtime
async def test_an_accept_that_is_moved_on_from() -> None:
    async with listener() as listening:
        await is_moved_on_from(lambda: socket.accept(listening))
        assert socket.info(listening).num_acceptors == 0
        with closing(stdlib.create_connection(address(listening))):
            assert isinstance(await socket.accept(listening), Ok)


@over_ip
@in_runtime
async def test_a_connect_that_is_moved_on_from(domain: str) -> None:
    async with listener(domain, backlog=0) as listening:
        # A full backlog lets nobody in, and tells nobody so.
        name = ok(socket.sockname(listening))
        again: Any = None
        for _ in range(4):
            client = ok(socket.open(domain, "stream"))
            with trio.move_on_after(0.3) as scope:
                ok(await socket.connect(client, name))
            if scope.cancelled_caught:
                # What the kernel has begun goes on without us.
                assert socket.info(client).num_writers == 0
                again = await socket.connect(client, name, timeout=0)
                if again != Ok():  # or it was slow for another reason
                    break
        assert again == Error("ealready")


@in_runtime
async def test_a_shield_lets_a_receive_complete() -> None:
    async with connected() as (sock, peer):
        with trio.CancelScope() as outer:
            outer.cancel()
            with trio.CancelScope(shield=True):
                peer.sendall(b"data")
                assert await socket.recv(sock, 4) == Ok(b"data")
            assert await socket.recv(sock, timeout=0) == Error("timeout")
        assert outer.cancelled_caught


@in_runtime
async def test_the_timeout_and_the_scope_are_two_things() -> None:
    async with connected() as (sock, _):
        with trio.move_on_after(30) as scope:
            assert await socket.recv(sock, timeout=0.01) == Error("timeout")
        assert not scope.cancelled_caught
        with trio.move_on_after(0.01) as scope:
            await socket.recv(sock, timeout=30)
        assert scope.cancelled_caught


@in_runtime
async def test_a_nursery_that_is_cancelled_takes_its_readers_along() -> None:
    async with connected() as (sock, peer):
        async with trio.open_nursery() as nursery:
            for n in range(5):
                nursery.start_soon(socket.recv, sock, 10)
                await readers(sock, n + 1)
            peer.sendall(b"abcde")
            await until(took(sock, 5))
            nursery.cancel_scope.cancel()
        assert socket.info(sock).num_readers == 0
        assert await socket.recv(sock) == Ok(b"abcde")


@in_runtime
async def test_a_runtime_that_is_left_takes_its_readers_along() -> None:
    async with connected() as (sock, _):
        for n in range(3):
            spawn(socket.recv, sock)
            await readers(sock, n + 1)


# --- what the poller does not tell of -----------------------------------------------------------


@in_runtime
async def test_data_below_the_low_water_mark_is_there_for_who_asks() -> None:
    async with connected() as (sock, peer):
        assert await socket.recv(sock, timeout=0.01) == Error("timeout")
        ok(socket.setopt(sock, "socket", "rcvlowat", 100))
        for timeout in (0, 10, inf):
            peer.sendall(b"hello")
            await arrived(sock, 5)
            assert await socket.recv(sock, timeout=timeout) == Ok(b"hello")


@pytest.mark.parametrize("comes_by", ["accept", "open_fd"])
@in_runtime
async def test_a_low_water_mark_that_a_socket_comes_with(comes_by: str) -> None:
    listening = listener()
    ok(socket.setopt(listening, "socket", "rcvlowat", 100))
    with stdlib.create_connection(address(listening)) as peer:
        sock = ok(await socket.accept(listening))
        if comes_by == "open_fd":
            sock = ok(socket.open_fd(fd_of(sock)))
        assert await socket.recv(sock, timeout=0.01) == Error("timeout")
        for _ in range(2):
            info_of(socket.recv_nowait(sock))
            peer.sendall(b"hello")
            await arrived(sock, 5)
            assert socket.recv_nowait(sock) == Ok(b"hello")


@in_runtime
async def test_data_before_the_offset_of_a_peek_is_there_for_who_asks() -> None:
    async with connected("local") as (sock, peer):
        assert await socket.recv(sock, timeout=0.01) == Error("timeout")
        ok(socket.setopt(sock, "socket", "peek_off", 0))
        peer.sendall(b"hello")
        assert await socket.recv(sock, flags=["peek"]) == Ok(b"hello")
        assert await socket.recv(sock, flags=["peek"], timeout=0.01) == Error("timeout")
        assert await socket.recv(sock, timeout=10) == Ok(b"hello")


@pytest.mark.parametrize("light", [False, True], ids=["task", "light"])
@pytest.mark.parametrize("domain", ["inet", "local"])
@in_runtime
async def test_a_datagram_is_taken_by_its_reader_alone(domain: str, light: bool) -> None:
    # Who waits is told, and reads when it runs: a datagram that was read for a reader that is then
    # killed could not be given back. Also where it is known that there is nothing, without a look.
    async def reads(sock: Socket) -> None:
        await socket.recv(sock)

    with datagrams(domain) as (sock, _):
        lane = sock._actor.turns.read
        for _ in range(3):
            pid, ref = spawn_monitor(reads, sock, light=light)
            await until(lambda: lane.current is not None)
            assert lane.current.op is None
            exit(pid, "kill")
            await receive(ref)
