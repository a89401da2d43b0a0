"""What an actor tells its poller, and what it knows of its descriptor without asking the kernel."""

import pytest

from actorsock import Error, Ok, Select, ok, receive, socket
from actorsock.socket import SelectMessage, Socket
from actorsock.socket.core import epoll_poller
from actorsock.socket.core.actor import actor_of

from ...stories import in_runtime
from ..support import (
    NOWHERE_NEAR,
    arrives,
    at_rest,
    connected,
    info_of,
    readers,
    received,
    workers,
)
from ..support_data import arrived, ended


def awaited(sock: Socket) -> list[bool]:
    """Whether processes wait for reports about the lanes."""
    actor = actor_of(sock)
    return [actor.awaits("read"), actor.awaits("write")]


def done(sock: Socket) -> list[int]:
    """The work done in the lanes."""
    actor = actor_of(sock)
    return [actor.work_done("read"), actor.work_done("write")]


@in_runtime
async def test_a_lane_is_awaited_until_its_user_is_told() -> None:
    sock, peer = await connected()
    assert awaited(sock) == [False, False]
    info = info_of(socket.recv_nowait(sock))
    assert awaited(sock) == [True, False]
    peer.sendall(b"x")
    await receive(info.ref)
    assert awaited(sock) == [False, False]
    assert socket.recv_nowait(sock) == Ok(b"x")
    assert awaited(sock) == [False, False]
    info_of(socket.send_nowait(sock, bytes(NOWHERE_NEAR)))
    assert awaited(sock) == [False, True]
    peer.close()


@in_runtime
async def test_work_is_counted_in_its_own_lane() -> None:
    sock, peer = await connected()
    reads, writes = done(sock)
    peer.sendall(b"abc")
    assert ok(await socket.recv(sock, 3)) == b"abc"
    assert done(sock)[0] > reads
    assert done(sock)[1] == writes
    reads = done(sock)[0]
    ok(await socket.send(sock, b"abc"))
    assert done(sock)[0] == reads
    assert done(sock)[1] > writes
    peer.close()


@in_runtime
async def test_bytes_that_were_given_back_are_no_room_for_a_writer() -> None:
    sock, peer = await connected()
    [reader] = workers(1)
    reader.tell(socket.recv, sock, 4)
    await readers(sock)
    peer.sendall(b"ab")
    await received(sock, 2)
    await reader.dies("kill")
    first = info_of(socket.send_nowait(sock, bytes(NOWHERE_NEAR)))
    [second] = workers(1)
    info_of(await second.ask(socket.send_nowait, sock, b"x"))
    assert socket.cancel(sock, first) == Ok()
    await at_rest()
    assert second.mail() == []
    assert socket.recv_nowait(sock) == Ok(b"ab")
    peer.close()


@in_runtime
async def test_an_answer_without_an_attempt_is_the_same() -> None:
    sock, peer = await connected()
    tries: list[int] = []
    for _ in range(3):  # from the second time on, the poller reports all changes
        info = info_of(socket.recv_nowait(sock))
        tries.append(socket.info(sock).counters["read_tries"])
        assert socket.cancel(sock, info) == Ok()
    assert tries == [1, 2, 3]
    peer.sendall(b"x")
    arrives(sock)
    # The poller has not looked meanwhile.
    assert socket.recv_nowait(sock) == Ok(b"x")
    peer.close()


@in_runtime
async def test_an_end_that_came_with_data_is_found_behind_it() -> None:
    sock, peer = await connected()
    assert isinstance(select := socket.recv_nowait(sock), Select)
    peer.sendall(b"x")
    peer.close()
    await receive(SelectMessage)
    await ended(sock)
    await at_rest()
    assert socket.recv_nowait(sock, ref=select.info.ref) == Ok(b"x")
    assert (await socket.recv(sock, timeout=20)).reason == "closed"


@in_runtime
async def test_a_caller_that_asks_for_what_is_not_there_is_told_of_what_is() -> None:
    sock, peer = await connected()
    waited = info_of(socket.recv_nowait(sock))
    peer.sendall(b"x")
    await receive(waited.ref)
    ok(await socket.recv(sock))
    peer.sendall(b"y")
    arrives(sock)
    await at_rest()  # the change has been reported, while no process waited
    info = info_of(socket.recvmsg_nowait(sock, flags=["errqueue"]))
    assert (await receive(info.ref, after=20)).ref is info.ref
    assert socket.recv_nowait(sock) == Ok(b"y")
    peer.close()


@pytest.mark.parametrize("asks", ["for what is there", "for as much"])
@in_runtime
async def test_a_read_that_fills_its_buffer_may_have_left_something(
    monkeypatch: pytest.MonkeyPatch, asks: str
) -> None:
    monkeypatch.setattr(epoll_poller, "_SWEEP_PERIOD", 3600)
    sock, peer = await connected()
    assert await socket.recv(sock, timeout=0.01) == Error("timeout")
    size = actor_of(sock).settings.read_size
    peer.sendall(bytes(2 * size))
    await arrived(sock, 2 * size)
    await at_rest()  # the report comes while no process waits, and there is no other
    for _ in range(2):
        got = await (socket.recv(sock, size) if asks == "for as much" else socket.recv(sock))
        assert len(ok(got)) == size
    peer.close()
