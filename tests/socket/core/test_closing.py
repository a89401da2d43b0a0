"""Closing a socket: pending operations, lingering, cancellation, and `async with`."""

from contextlib import AsyncExitStack
from typing import Any

import pytest
import trio

from actorsock import (
    Error,
    Ok,
    current_pid,
    exit,
    monitor,
    ok,
    open_runtime,
    otp,
    processes,
    receive,
    send,
    sleep,
    socket,
    spawn,
    spawn_handler,
)
from actorsock.socket import SelectInfo, Socket, SocketDown

from ...stories import in_runtime, until
from ..support import (
    NOWHERE_NEAR,
    STUCK,
    Case,
    Job,
    Peer,
    Scoped,
    aborted,
    at_rest,
    connected,
    dial,
    every_body,
    every_violent_ending,
    host,
    info_of,
    listening,
    owner,
    readers,
    received,
    tcp,
    workers,
)

QUEUED = pytest.mark.parametrize("kind", ["recv", "accept", "send"])


def is_closed(sock: Socket) -> bool:
    info = socket.info(sock)
    return info.owner is None and "closed" in info.rstates


async def ended(peer: Peer) -> bytes:
    """Return the bytes before the peer's end."""
    data = bytearray()

    def at_the_end() -> bool:
        try:
            while part := peer.recv(2**20, trio.socket.MSG_DONTWAIT):
                data.extend(part)
        except BlockingIOError:
            return False
        return True

    await until(at_the_end)
    return bytes(data)


# --- who closes -----------------------------------------------------------------------------------


@every_body
@in_runtime
async def test_one_of_many_simultaneous_closes_closes(body: str) -> None:
    sock, _peer = await connected()
    jobs = [worker.tell(socket.close, sock) for worker in workers(5, body)]
    answers = [await job.answer() for job in jobs]
    assert answers.count(Ok()) == 1
    assert answers.count(Error("closed")) == 4


# --- while something waits ------------------------------------------------------------------------


@QUEUED
@in_runtime
async def test_waiting_handlers_receive_the_abort_within_the_close(kind: str) -> None:
    it = await STUCK[kind]()
    log: list[Any] = []
    infos: list[SelectInfo] = []

    def handle(message: Any) -> None:
        if message == "begin":
            infos.append(info_of(it.nowait()))
        else:
            log.append((message, it.nowait()))

    for _ in range(3):
        send(spawn_handler(handle), "begin")
    assert await socket.close(it.sock) == Ok()
    assert log == [(aborted(it.sock, info, "closed"), Error("closed")) for info in infos]


# --- what is left ---------------------------------------------------------------------------------


@in_runtime
async def test_unread_bytes_are_gone_after_a_close() -> None:
    sock, peer = await connected()
    [a] = workers(1)
    scoped = Scoped()
    job = a.tell(scoped.call, socket.recv, sock, 10)
    await readers(sock, 1)
    peer.sendall(b"four")
    await received(sock, 4)
    scoped.cancel()
    assert await job.answer() == "cancelled"
    ok(await socket.close(sock))
    assert await a.ask(socket.recv, sock, 4) == Error("closed")


@in_runtime
async def test_a_closed_listener_refuses_new_connections_and_keeps_the_accepted() -> None:
    listener, address = listening()
    caller = dial(address)
    sock = ok(await socket.accept(listener))
    waiting_caller = dial(address)
    ok(await socket.close(listener))
    with pytest.raises(ConnectionRefusedError):
        dial(address)
    with pytest.raises(ConnectionResetError):
        waiting_caller.recv(1)
    assert await socket.send(sock, b"x") == Ok()
    assert caller.recv(1) == b"x"


# --- lingering ------------------------------------------------------------------------------------


@every_body
@in_runtime
async def test_close_waits_until_all_is_sent_if_it_lingers(body: str) -> None:
    sock, peer = await lingering(60, NOWHERE_NEAR)
    a, b, c = workers(3, body)
    info = info_of(await c.ask(socket.recv_nowait, sock))
    job = a.tell(socket.close, sock)
    await until(lambda: is_closed(sock))
    # It is closed for everybody from the start.
    assert c.mail() == [aborted(sock, info, "closed")]
    assert await b.ask(socket.recv, sock) == Error("closed")
    assert await b.ask(socket.close, sock) == Error("closed")
    await at_rest()
    assert not job.done
    assert len(await ended(peer)) > 0
    assert await job.answer() == Ok()


async def lingering(seconds: int, much: int) -> tuple[Socket, Peer]:
    """A connection that lingers when it is closed, and has sent what its peer has not taken."""
    sock, peer = await connected()
    assert socket.setopt(sock, "socket", "linger", {"onoff": True, "linger": seconds}) == Ok()
    if much:
        sent = socket.send_nowait(sock, bytes(much))
        assert socket.cancel(sock, info_of(sent)) == Ok()
    return sock, peer


@in_runtime
async def test_close_does_not_wait_without_linger() -> None:
    sock, peer = await connected()
    sent = socket.send_nowait(sock, bytes(NOWHERE_NEAR))
    assert socket.cancel(sock, info_of(sent)) == Ok()
    assert await socket.close(sock) == Ok()
    # The system goes on sending.
    assert len(await ended(peer)) == NOWHERE_NEAR - len(sent.data)


@every_violent_ending
@in_runtime
async def test_the_owners_end_does_not_linger(how: str) -> None:
    [a] = workers(1)
    sock, peer = await a.ask(lingering, 60, NOWHERE_NEAR)
    await a.dies(how)
    assert is_closed(sock)
    assert len(await ended(peer)) > 0


@in_runtime
async def test_a_connection_that_nobody_waited_for_lingers_as_well() -> None:
    """Others go on while it does."""
    listening = host()
    sock = tcp()
    assert socket.setopt(sock, "socket", "linger", {"onoff": True, "linger": 60}) == Ok()
    assert await socket.connect(sock, listening.getsockname(), timeout=0) == Error("timeout")
    peer, _ = listening.accept()
    with peer:
        await until(lambda: isinstance(socket.peername(sock), Ok))
        select = info_of(socket.send_nowait(sock, bytes(NOWHERE_NEAR)))
        assert socket.cancel(sock, select) == Ok()
        [a] = workers(1)
        job = a.tell(socket.close, sock)
        await until(lambda: is_closed(sock))
        assert not job.done
        peer.setblocking(False)
        peer = Peer(fileno=peer.detach())
        assert len(await ended(peer)) > 0
        assert await job.answer() == Ok()


@every_violent_ending
@every_body
@in_runtime
async def test_the_end_of_the_closer_does_not_end_the_close(body: str, how: str) -> None:
    sock, peer = await lingering(60, NOWHERE_NEAR)
    [a] = workers(1, body)
    a.tell(socket.close, sock)
    await until(lambda: is_closed(sock))
    down = monitor(a.pid)
    exit(a.pid, how)
    assert len(await ended(peer)) > 0
    assert (await receive(down)).reason == ("killed" if how == "kill" else how)
    assert await socket.close(sock) == Error("closed")


# --- without a wait -------------------------------------------------------------------------------


class Holder(otp.GenServer):
    """Closes its socket in `terminate`, and stays a server in place, without a task."""

    def init(self, sock: Socket) -> None:
        self.sock = sock

    def terminate(self, reason: Any) -> None:
        self.results = [socket.close_nowait(self.sock), socket.close_nowait(self.sock)]
        assert self.results == [Ok(), Error("closed")]


@every_body
@in_runtime
async def test_a_plain_function_closes_without_a_wait(body: str) -> None:
    sock, peer = await connected()
    reader, waiting, watcher = workers(3, body)
    job = reader.tell(socket.recv, sock)
    await readers(sock, 1)
    info = info_of(await waiting.ask(socket.recv_nowait, sock))
    ref = await watcher.ask(socket.monitor, sock)
    holder = ok(await otp.start(Holder, sock))
    await otp.stop(holder)  # raises, with the reason, if `terminate` has failed
    assert waiting.mail() == [aborted(sock, info, "closed")]
    assert watcher.mail() == [SocketDown(ref, sock)]
    assert await job.answer() == Error("closed")
    assert await ended(peer) == b""


@pytest.mark.parametrize("seconds", [60, 0])
@in_runtime
async def test_the_system_goes_on_sending_after_a_close_without_a_wait(seconds: int) -> None:
    """Unless the linger time is 0: then the connection is reset, as by `close`."""
    sock, peer = await lingering(seconds, NOWHERE_NEAR)
    sent = socket.info(sock).counters["write_byte"]
    assert socket.close_nowait(sock) == Ok()
    assert is_closed(sock)
    if seconds:
        assert len(await ended(peer)) == sent
    else:
        with pytest.raises(ConnectionResetError):
            await ended(peer)


# --- cancelled ------------------------------------------------------------------------------------


@pytest.mark.parametrize("linger", [False, True])
@in_runtime
async def test_a_cancelled_close_closes(linger: bool) -> None:
    sock, peer = await (lingering(60, NOWHERE_NEAR) if linger else connected())
    a, b = workers(2)
    info = info_of(await b.ask(socket.recv_nowait, sock))
    scoped = Scoped()
    scoped.cancel()
    assert await a.ask(scoped.call, socket.close, sock) == "cancelled"
    assert is_closed(sock)
    assert b.mail() == [aborted(sock, info, "closed")]
    await ended(peer)


@in_runtime
async def test_a_close_that_is_cancelled_while_it_lingers_has_closed() -> None:
    sock, peer = await lingering(60, NOWHERE_NEAR)
    [a] = workers(1)
    scoped = Scoped()
    job = a.tell(scoped.call, socket.close, sock)
    await until(lambda: is_closed(sock))
    scoped.cancel()
    assert len(await ended(peer)) > 0
    assert await job.answer() in (Ok(), "cancelled")
    assert await socket.close(sock) == Error("closed")


# --- async with -----------------------------------------------------------------------------------


class Mishap(Exception):
    pass


@in_runtime
async def test_a_block_closes_the_socket_on_the_way_out() -> None:
    a, b = workers(2)
    async with tcp() as sock:
        assert owner(sock) is current_pid()
    assert is_closed(sock)
    sock, peer = await connected()
    info = info_of(await a.ask(socket.recv_nowait, sock))
    with pytest.raises(Mishap):
        async with sock:
            raise Mishap
    assert a.mail() == [aborted(sock, info, "closed")]
    assert await ended(peer) == b""
    sock, peer = await connected()
    with trio.CancelScope() as scope:
        async with sock:
            job = b.tell(socket.recv, sock)
            await readers(sock, 1)
            scope.cancel()
            await socket.recv(sock)
    assert scope.cancelled_caught
    assert await job.answer() == Error("closed")
    assert await ended(peer) == b""


@in_runtime
async def test_a_block_may_close_its_socket_itself() -> None:
    async with tcp() as sock:
        assert await socket.close(sock) == Ok()
    assert await socket.close(sock) == Error("closed")


@every_body
@in_runtime
async def test_a_block_of_a_process_that_is_killed_closes_its_socket(body: str) -> None:
    sock, peer = await connected()

    async def reads() -> None:
        async with sock:
            await socket.recv(sock)

    pid = spawn(reads, light=body == "light")
    await readers(sock, 1)
    down = monitor(pid)
    exit(pid, "kill")
    await receive(down)
    # Although another process owns it.
    assert is_closed(sock)
    assert await ended(peer) == b""


@in_runtime
async def test_a_cancelled_block_does_not_linger() -> None:
    sock, peer = await lingering(60, NOWHERE_NEAR)
    with trio.CancelScope() as scope:
        async with sock:
            scope.cancel()
    assert is_closed(sock)
    assert len(await ended(peer)) > 0


@every_body
@in_runtime
async def test_blocks_one_after_another_give_way(body: str) -> None:
    left: list[Socket] = []

    async def opens_and_leaves() -> None:
        while True:
            async with tcp() as sock:
                left.append(sock)

    pid = spawn(opens_and_leaves, light=body == "light")
    while len(left) < 2:
        await sleep(0.001)
    down = monitor(pid)
    exit(pid, "enough")
    assert (await receive(down)).reason == "enough"
    assert all(is_closed(sock) for sock in left)


@in_runtime
async def test_blocks_one_after_another_hear_of_a_cancellation() -> None:
    with trio.CancelScope() as scope:
        while True:
            async with tcp() as sock:
                scope.cancel()
    assert scope.cancelled_caught
    assert is_closed(sock)


async def test_a_block_may_last_longer_than_the_runtime() -> None:
    async with AsyncExitStack() as stack, open_runtime():
        await stack.enter_async_context(tcp())


# --- leaving the runtime --------------------------------------------------------------------------


async def test_leaving_the_runtime_closes_every_socket_and_ends_who_waits() -> None:
    peers: list[Peer] = []
    jobs: list[Job] = []
    cases: list[Case] = []
    async with open_runtime():
        for build in STUCK.values():
            a, b = workers(2)
            it = await build()
            cases.append(it)
            info_of(await a.ask(it.nowait))
            if "connecting" not in socket.info(it.sock).wstates:
                jobs.append(b.tell(it.blocking))
        for _ in range(3):
            [a] = workers(1)
            sock, peer = await a.ask(connected)
            await a.ask(socket.send_nowait, sock, b"last words")
            peers.append(peer)
        await at_rest()
        assert len(processes()) > 10
    assert not any(job.done for job in jobs)
    assert [owner(it.sock) for it in cases] == [None] * len(cases)
    assert [await ended(peer) for peer in peers] == [b"last words"] * 3
