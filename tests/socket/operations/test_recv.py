"""Receiving in turn: all receives share a queue, and no byte is lost when a reader leaves."""

from collections.abc import Callable
from typing import Any

import pytest
from trio.testing import MockClock

from actorsock import (
    Error,
    Exit,
    Ok,
    Timeout,
    current_pid,
    exit,
    ok,
    receive,
    send,
    socket,
    spawn_handler,
    trap_exit,
)
from actorsock.socket import SelectMessage

from ...stories import in_runtime, until
from ..support import (
    Scoped,
    aborted,
    arrives,
    at_rest,
    connected,
    datagrams,
    every_body,
    every_ending,
    info_of,
    readers,
    received,
    selected,
    workers,
)
from ..support_data import data_of

NOWAIT = [socket.recv_nowait, socket.recvfrom_nowait, socket.recvmsg_nowait]
BLOCKING = [socket.recv, socket.recvfrom, socket.recvmsg]

every_receive = pytest.mark.parametrize("call", NOWAIT, ids=lambda call: call.__name__)


# --- one queue ------------------------------------------------------------------------------------


@every_body
@in_runtime
async def test_all_receives_wait_in_one_queue(body: str) -> None:
    sock, peer = await connected()
    told = workers(3)
    infos = [
        info_of(await worker.ask(call, sock)) for worker, call in zip(told, NOWAIT, strict=True)
    ]
    assert [info.tag for info in infos] == ["recv", "recvfrom", "recvmsg"]
    jobs = []
    for number, (worker, call) in enumerate(zip(workers(3, body), BLOCKING, strict=True)):
        jobs.append(worker.tell(call, sock, 1))
        await readers(sock, 4 + number)
    peer.sendall(b"abcdef")
    # The select has the name of the call that waited, and any other call may follow it.
    others = [*NOWAIT[1:], NOWAIT[0]]
    for worker, info, call, byte in zip(told, infos, others, (b"a", b"b", b"c"), strict=True):
        await until(worker.mail)
        assert await worker.ask(receive, SelectMessage) == selected(sock, info)
        assert data_of(await worker.ask(call, sock, 1)) == byte
    assert [data_of(await job.answer()) for job in jobs] == [b"d", b"e", b"f"]
    assert socket.info(sock).num_readers == 0


@every_body
@in_runtime
async def test_neither_mail_nor_a_trapped_exit_signal_ends_the_wait(body: str) -> None:
    sock, peer = await connected()
    [a] = workers(1, body)
    assert await a.ask(trap_exit, True) is False
    job = a.tell(socket.recv, sock)
    await readers(sock, 1)
    send(a.pid, "mail")
    exit(a.pid, "shutdown")
    await at_rest()
    assert not job.done
    assert a.mail() == ["mail", Exit(current_pid(), "shutdown")]
    peer.sendall(b"x")
    assert await job.answer() == Ok(b"x")
    assert len(a.mail()) == 2


@in_runtime
async def test_a_call_that_is_served_before_its_select_gets_none() -> None:
    sock, peer = await connected()
    info_of(socket.recv_nowait(sock))
    peer.sendall(b"abc")
    arrives(sock)
    assert socket.recv_nowait(sock, 3) == Ok(b"abc")
    await at_rest()
    assert await receive(after=0) == Timeout()


@every_ending
@in_runtime
async def test_when_a_handler_dies_the_next_is_selected(how: str) -> None:
    sock, peer = await connected()

    def handle(message: object) -> None:
        match message:
            case "begin":
                socket.recv_nowait(sock)
            case "normal":
                exit("normal")
            case "crash":
                raise ValueError(message)

    pid = spawn_handler(handle)
    send(pid, "begin")
    [a] = workers(1)
    info = info_of(await a.ask(socket.recv_nowait, sock))
    peer.sendall(b"abc")
    arrives(sock)
    await at_rest()
    if how in ("kill", "shutdown"):
        exit(pid, how)
    else:
        send(pid, how)
    assert a.mail() == [selected(sock, info)]
    peer.close()  # the report of a crash goes on holding it


# --- what ends it for everybody -------------------------------------------------------------------


@every_receive
@in_runtime
async def test_any_receive_that_meets_the_end_aborts_the_others(call: Callable[..., Any]) -> None:
    sock, peer = await connected()
    a, b = workers(2)
    first = info_of(await a.ask(socket.recv_nowait, sock))
    info = info_of(await b.ask(call, sock))
    peer.close()
    await until(a.mail)
    assert a.mail() == [selected(sock, first)]
    assert await a.ask(call, sock) == Error("closed")
    assert b.mail() == [aborted(sock, info, "closed")]
    assert await b.ask(call, sock) == Error("closed")
    assert await b.ask(socket.send, sock, b"still open") == Ok()


@every_body
@pytest.mark.parametrize("ends", ["times out", "meets the end", "finds it closed"])
@in_runtime
async def test_a_blocked_reader_that_ends_gets_the_part_that_had_come(
    mock_clock: MockClock, body: str, ends: str
) -> None:
    sock, peer = await connected()
    a, b, c = workers(3, body)
    first = a.tell(socket.recv, sock, 10, timeout=1)
    await readers(sock, 1)
    second = b.tell(socket.recv, sock, 3)
    await readers(sock, 2)
    info = info_of(await c.ask(socket.recvmsg_nowait, sock))
    peer.sendall(b"part")
    await received(sock, 4)
    match ends:
        case "times out":
            mock_clock.jump(1)
            assert await first.answer() == Error("timeout", b"part")
            assert socket.info(sock).num_readers == 2
            peer.sendall(b"abcdef")
            assert await second.answer() == Ok(b"abc")
            assert c.mail() == [selected(sock, info)]
            return
        case "meets the end":
            peer.close()
        case "finds it closed":
            ok(await socket.close(sock))
    assert await first.answer() == Error("closed", b"part")
    assert await second.answer() == Error("closed")
    assert c.mail() == [aborted(sock, info, "closed")]


@in_runtime
async def test_a_refused_datagram_is_an_error_for_every_reader() -> None:
    sock, peer = datagrams()
    ok(await socket.connect(sock, peer.getsockname()))
    a, b, c = workers(3)
    info_of(await a.ask(socket.recv_nowait, sock))
    info = info_of(await b.ask(socket.recvfrom_nowait, sock))
    job = c.tell(socket.recvmsg, sock)
    await readers(sock, 3)
    peer.close()
    assert await a.ask(socket.send, sock, b"to nobody") == Ok()
    await until(a.mail)
    assert await a.ask(socket.recv_nowait, sock) == Error("econnrefused")
    assert b.mail() == [aborted(sock, info, "econnrefused")]
    assert await job.answer() == Error("econnrefused")
    # It is over: the next one waits as if nothing had been.
    info_of(await b.ask(socket.recv_nowait, sock))


# --- what was taken is not lost -------------------------------------------------------------------


@in_runtime
async def test_the_next_readers_get_the_part_of_a_cancelled_one() -> None:
    sock, peer = await connected()
    a, b, c = workers(3)
    scoped = Scoped()
    first = a.tell(scoped.call, socket.recv, sock, 10)
    await readers(sock, 1)
    info = info_of(await b.ask(socket.recv_nowait, sock))
    second = c.tell(socket.recv, sock, 3)
    await readers(sock, 3)
    peer.sendall(b"abcd")
    await received(sock, 4)
    await at_rest()
    assert b.mail() == []
    scoped.cancel()
    assert await first.answer() == "cancelled"
    # Nothing new has come from the peer, but something is there.
    assert b.mail() == [selected(sock, info)]
    assert await b.ask(socket.recv_nowait, sock, 1) == Ok(b"a")
    assert await second.answer() == Ok(b"bcd")
    # The cancelled process can go on.
    peer.sendall(b"ef")
    assert await a.ask(socket.recv, sock, 2) == Ok(b"ef")


@every_receive
@in_runtime
async def test_any_receive_finds_the_parts_of_cancelled_readers_in_order(
    call: Callable[..., Any],
) -> None:
    sock, peer = await connected()
    a, b = workers(2)
    for number, part in enumerate((b"ab", b"cd", b"ef")):
        scoped = Scoped()
        job = a.tell(scoped.call, socket.recv, sock, 10)
        peer.sendall(part)
        await received(sock, 2 * (number + 1))
        await readers(sock, 1)
        scoped.cancel()
        assert await job.answer() == "cancelled"
    assert data_of(await b.ask(call, sock, 6)) == b"abcdef"


@pytest.mark.parametrize("when", ["before it has begun to wait", "as its turn comes"])
@in_runtime
async def test_a_cancelled_reader_is_served_or_takes_nothing(when: str) -> None:
    sock, peer = await connected()
    [a] = workers(1)
    scoped = Scoped()
    if when == "as its turn comes":
        mine = info_of(socket.recv_nowait(sock))
        job = a.tell(scoped.call, socket.recv, sock, 4)
        await readers(sock, 2)
        peer.sendall(b"abcd")
        await receive(SelectMessage)
        # It is woken for its turn, and has no time to act.
        assert socket.cancel(sock, mine) == Ok()
        scoped.cancel()
    else:
        peer.sendall(b"abcd")
        scoped.cancel()
        job = a.tell(scoped.call, socket.recv, sock, 4)
        assert await job.answer() == "cancelled"
    answer = await job.answer()
    assert socket.info(sock).num_readers == 0
    if answer == "cancelled":
        answer = await socket.recv(sock, 4)
    assert answer == Ok(b"abcd")
