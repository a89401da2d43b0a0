"""Who may receive: one process at a time, the others in the order in which they asked.

It does not matter which of recv, recvfrom and recvmsg they ask for: it is one queue.
"""

from collections.abc import Callable
from typing import Any

import attrs
import pytest
from trio.testing import MockClock

from actorsock import (
    Error,
    Exit,
    Ok,
    Select,
    Timeout,
    current_pid,
    exit,
    monitor,
    ok,
    receive,
    send,
    socket,
    spawn_handler,
    trap_exit,
)
from actorsock.socket import Msg, SelectInfo, SelectMessage, SockAddrUnspec, Socket

from ..stories import in_runtime, until
from .support import (
    NOWHERE_NEAR,
    Peer,
    Scoped,
    Worker,
    aborted,
    arrives,
    at_rest,
    connected,
    datagrams,
    dial,
    every_body,
    every_ending,
    every_violent_ending,
    info_of,
    listening,
    readers,
    received,
    reset,
    selected,
    tcp,
    workers,
)

NOWAIT = [socket.recv_nowait, socket.recvfrom_nowait, socket.recvmsg_nowait]
BLOCKING = [socket.recv, socket.recvfrom, socket.recvmsg]

every_receive = pytest.mark.parametrize("call", NOWAIT)
every_blocking_receive = pytest.mark.parametrize("call", BLOCKING)


def data_of(answer: Any) -> bytes:
    """The bytes in the answer of any receive from a stream."""
    value = ok(answer)
    if isinstance(value, bytes):
        return value
    if isinstance(value, Msg):
        return b"".join(map(bytes, value.iov))
    source, data = value
    assert source == SockAddrUnspec()
    return bytes(data)


@attrs.frozen
class Line:
    """A connection on which processes wait to receive, in this order, without blocking."""

    sock: Socket
    peer: Peer
    workers: list[Worker]
    infos: list[SelectInfo]

    async def sends(self, data: bytes, to: int = 0) -> None:
        """The peer sends, and the select has reached the one that is current."""
        self.peer.sendall(data)
        await until(self.workers[to].mail)

    async def receives(self, number: int, length: int = 0) -> Any:
        """One of the processes takes its select and receives."""
        worker = self.workers[number]
        assert await worker.ask(receive, SelectMessage) == self.select(number)
        return await worker.ask(socket.recv_nowait, self.sock, length)

    async def are_served(self, *numbers: int) -> None:
        """These, in this order, are told and served; nobody else is."""
        self.peer.sendall(bytes(numbers))
        for number in numbers:
            await until(self.workers[number].mail)
            assert await self.receives(number, 1) == Ok(bytes([number]))
        await at_rest()
        assert not any(self.mails())
        assert socket.info(self.sock).num_readers == 0

    def select(self, number: int) -> SelectMessage:
        return selected(self.sock, self.infos[number])

    def mails(self) -> list[list[Any]]:
        return [worker.mail() for worker in self.workers]


async def line(count: int, calls: list[Callable[..., Any]] = NOWAIT) -> Line:
    """So many processes, the first of them current; each asks in its own way."""
    sock, peer = await connected()
    waiting = workers(count)
    infos = [
        info_of(await worker.ask(calls[number % len(calls)], sock))
        for number, worker in enumerate(waiting)
    ]
    assert socket.info(sock).num_readers == count
    return Line(sock, peer, waiting, infos)


# --- one queue ------------------------------------------------------------------------------------


@in_runtime
async def test_each_is_told_in_its_turn_by_the_name_of_its_own_call() -> None:
    here = await line(3)
    assert [info.tag for info in here.infos] == ["recv", "recvfrom", "recvmsg"]
    await here.sends(b"abc")
    assert here.mails() == [[here.select(0)], [], []]
    assert await here.receives(0, 1) == Ok(b"a")
    assert here.mails() == [[], [here.select(1)], []]
    assert await here.receives(1, 1) == Ok(b"b")
    assert here.mails() == [[], [], [here.select(2)]]
    assert await here.receives(2, 1) == Ok(b"c")
    assert socket.info(here.sock).num_readers == 0


@every_receive
@every_body
@in_runtime
async def test_who_asks_while_another_is_current_waits_though_data_is_there(
    call: Callable[..., Any], body: str
) -> None:
    here = await line(1)
    await here.sends(b"abc")
    [late, later] = workers(2, body)
    info = info_of(await late.ask(call, here.sock))
    job = later.tell(socket.recv, here.sock)
    await readers(here.sock, 3)
    await at_rest()
    # The select is one-shot, and until its receiver calls nobody else is served.
    here.peer.sendall(b"def")
    await at_rest()
    assert here.mails() == [[here.select(0)]]
    assert late.mail() == []
    assert not job.done
    assert await here.receives(0, 2) == Ok(b"ab")
    assert late.mail() == [selected(here.sock, info)]
    assert data_of(await late.ask(call, here.sock, 2)) == b"cd"
    assert await job.answer() == Ok(b"ef")


@every_blocking_receive
@every_body
@in_runtime
async def test_blocked_processes_are_served_in_order(call: Callable[..., Any], body: str) -> None:
    sock, peer = await connected()
    jobs = []
    for number, worker in enumerate(workers(3, body)):
        jobs.append(worker.tell(call, sock, 2))
        await readers(sock, number + 1)
    peer.sendall(b"aabbcc")
    assert [data_of(await job.answer()) for job in jobs] == [b"aa", b"bb", b"cc"]


@every_body
@in_runtime
async def test_a_blocked_process_and_one_that_is_told_take_turns(body: str) -> None:
    here = await line(2)
    [blocked] = workers(1, body)
    job = blocked.tell(socket.recv, here.sock, 1)
    await readers(here.sock, 3)
    [last] = workers(1)
    info = info_of(await last.ask(socket.recv_nowait, here.sock))
    await here.sends(b"abcd")
    assert await here.receives(0, 1) == Ok(b"a")
    assert await here.receives(1, 1) == Ok(b"b")
    assert await job.answer() == Ok(b"c")
    assert last.mail() == [selected(here.sock, info)]


@in_runtime
async def test_the_next_waits_for_new_data_when_the_first_has_taken_all() -> None:
    here = await line(2)
    await here.sends(b"abc")
    assert await here.receives(0) == Ok(b"abc")
    await at_rest()
    assert here.mails() == [[], []]
    await here.sends(b"def", to=1)
    assert here.mails() == [[], [here.select(1)]]


@in_runtime
async def test_part_of_what_was_asked_for_keeps_the_turn() -> None:
    sock, peer = await connected()
    a, b = workers(2)
    first = info_of(await a.ask(socket.recv_nowait, sock, 6))
    info = info_of(await b.ask(socket.recv_nowait, sock))
    peer.sendall(b"abcd")
    await until(a.mail)
    assert await a.ask(receive, SelectMessage) == selected(sock, first)
    part = await a.ask(socket.recv_nowait, sock, 6)
    assert part == Select(part.info, b"abcd")
    assert part.info != first
    await at_rest()
    assert b.mail() == []
    peer.sendall(b"efgh")
    await until(a.mail)
    assert a.mail() == [selected(sock, part.info)]
    assert await a.ask(socket.recv_nowait, sock, 2) == Ok(b"ef")
    assert b.mail() == [selected(sock, info)]


@every_body
@in_runtime
async def test_a_blocked_receive_keeps_the_turn_until_it_has_all(body: str) -> None:
    sock, peer = await connected()
    a, b = workers(2, body)
    first = a.tell(socket.recv, sock, 4)
    await readers(sock, 1)
    second = b.tell(socket.recv, sock, 4)
    await readers(sock, 2)
    peer.sendall(b"ab")
    await received(sock, 2)
    await at_rest()
    assert not first.done
    peer.sendall(b"cdef")
    assert await first.answer() == Ok(b"abcd")
    await received(sock, 6)
    assert not second.done
    peer.sendall(b"gh")
    assert await second.answer() == Ok(b"efgh")


@every_receive
@in_runtime
async def test_who_was_queued_by_one_call_may_go_on_with_another(call: Callable[..., Any]) -> None:
    here = await line(2, [socket.recvfrom_nowait])
    await here.sends(b"abc")
    assert await here.receives(0, 1) == Ok(b"a")
    assert data_of(await here.workers[1].ask(call, here.sock)) == b"bc"
    assert socket.info(here.sock).num_readers == 0


@in_runtime
async def test_reading_and_writing_do_not_affect_each_other() -> None:
    sock, peer = await connected()
    a, b = workers(2)
    reading = info_of(await a.ask(socket.recv_nowait, sock))
    assert await a.ask(socket.send_nowait, sock, b"hello") == Ok()
    writing = info_of(await a.ask(socket.send_nowait, sock, bytes(NOWHERE_NEAR)))
    assert socket.info(sock).num_readers == socket.info(sock).num_writers == 1
    peer.sendall(b"abc")
    await until(a.mail)
    await at_rest()
    assert a.mail() == [selected(sock, reading)]
    info_of(await b.ask(socket.recv_nowait, sock))
    assert await a.ask(socket.cancel, sock, writing) == Ok()
    assert a.mail() == [selected(sock, reading)]
    assert b.mail() == []


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


# --- the current process leaves -------------------------------------------------------------------


@every_body
@pytest.mark.parametrize("after", ["nothing", "a part"])
@in_runtime
async def test_when_the_current_times_out_the_next_is_current(
    mock_clock: MockClock, body: str, after: str
) -> None:
    sock, peer = await connected()
    a, b, c = workers(3, body)
    first = a.tell(socket.recv, sock, 9, timeout=1)
    await readers(sock, 1)
    second = b.tell(socket.recv, sock, 3)
    await readers(sock, 2)
    info = info_of(await c.ask(socket.recv_nowait, sock))
    if after == "a part":
        peer.sendall(b"part")
        await received(sock, 4)
    mock_clock.jump(1)
    assert await first.answer() == Error("timeout", b"part" if after == "a part" else None)
    assert socket.info(sock).num_readers == 2
    peer.sendall(b"abcdef")
    assert await second.answer() == Ok(b"abc")
    assert c.mail() == [selected(sock, info)]


@every_violent_ending
@every_body
@in_runtime
async def test_when_the_current_dies_in_a_blocking_call_the_next_is_current(
    body: str, how: str
) -> None:
    sock, peer = await connected()
    a, b = workers(2, body)
    a.tell(socket.recv, sock)
    await readers(sock, 1)
    job = b.tell(socket.recv, sock)
    await readers(sock, 2)
    await a.dies(how)
    assert socket.info(sock).num_readers == 1
    peer.sendall(b"abc")
    assert await job.answer() == Ok(b"abc")


# --- the same process asks again ------------------------------------------------------------------


@every_receive
@in_runtime
async def test_the_current_replaces_its_handle_in_silence(call: Callable[..., Any]) -> None:
    here = await line(2)
    first, second = here.workers
    new = info_of(await first.ask(call, here.sock))
    assert new.ref is not here.infos[0].ref
    assert first.mail() == []
    assert await first.ask(socket.cancel, here.sock, here.infos[0]) == Error("select_info")
    await here.sends(b"abc")
    await at_rest()
    assert first.mail() == [selected(here.sock, new)]
    assert second.mail() == []
    assert await first.ask(socket.cancel, here.sock, new) == Ok()
    assert first.mail() == []
    assert second.mail() == [here.select(1)]


@in_runtime
async def test_close_aborts_the_new_handle_of_the_current_only() -> None:
    here = await line(1)
    new = info_of(await here.workers[0].ask(socket.recv_nowait, here.sock))
    ok(await socket.close(here.sock))
    assert here.mails() == [[aborted(here.sock, new, "closed")]]


@in_runtime
async def test_a_call_that_is_served_early_leaves_its_select_behind() -> None:
    here = await line(2)
    await here.sends(b"abc")
    assert await here.workers[0].ask(socket.recv_nowait, here.sock, 2) == Ok(b"ab")
    assert here.mails() == [[here.select(0)], [here.select(1)]]


@in_runtime
async def test_a_call_that_is_served_before_its_select_gets_none() -> None:
    sock, peer = await connected()
    info_of(socket.recv_nowait(sock))
    peer.sendall(b"abc")
    arrives(sock)
    assert socket.recv_nowait(sock, 3) == Ok(b"abc")
    await at_rest()
    assert await receive(after=0) == Timeout()


@every_body
@in_runtime
async def test_a_blocking_call_takes_over_from_a_pending_one(body: str) -> None:
    sock, peer = await connected()
    a, b = workers(2, body)
    info_of(await a.ask(socket.recv_nowait, sock))
    behind = info_of(await b.ask(socket.recv_nowait, sock))
    job = a.tell(socket.recv, sock, 2)
    await at_rest()
    assert socket.info(sock).num_readers == 2
    peer.sendall(b"abc")
    assert await job.answer() == Ok(b"ab")
    await at_rest()
    assert a.mail() == []
    assert b.mail() == [selected(sock, behind)]


@every_body
@in_runtime
async def test_when_the_call_that_took_over_times_out_nothing_is_pending(
    mock_clock: MockClock, body: str
) -> None:
    sock, peer = await connected()
    [a] = workers(1, body)
    info = info_of(await a.ask(socket.recv_nowait, sock))
    job = a.tell(socket.recv, sock, timeout=1)
    await at_rest()
    mock_clock.jump(1)
    assert await job.answer() == Error("timeout")
    assert socket.info(sock).num_readers == 0
    peer.sendall(b"abc")
    await at_rest()
    assert a.mail() == []
    assert await a.ask(socket.cancel, sock, info) == Error("select_info")


@in_runtime
async def test_a_wrong_argument_disturbs_nobody() -> None:
    here = await line(2)
    for worker in here.workers:
        with pytest.raises(ValueError, match="flag"):
            await worker.ask(socket.recv_nowait, here.sock, 0, ["no such flag"])
        with pytest.raises(ValueError, match="timeout"):
            await worker.ask(socket.recv, here.sock, timeout=-1)
    await here.are_served(0, 1)


# --- a poll ---------------------------------------------------------------------------------------


@every_blocking_receive
@every_body
@in_runtime
async def test_a_poll_while_another_is_current_finds_nothing_and_touches_nothing(
    call: Callable[..., Any], body: str
) -> None:
    here = await line(2)
    [stranger] = workers(1, body)
    assert await stranger.ask(call, here.sock, timeout=0) == Error("timeout")
    await here.sends(b"ab")
    assert await stranger.ask(call, here.sock, timeout=0) == Error("timeout")
    assert socket.info(here.sock).num_readers == 2
    assert await here.receives(0, 1) == Ok(b"a")
    assert await stranger.ask(call, here.sock, timeout=0) == Error("timeout")
    assert await here.receives(1, 1) == Ok(b"b")
    assert await stranger.ask(call, here.sock, timeout=0) == Error("timeout")
    assert socket.info(here.sock).num_readers == 0


@in_runtime
async def test_a_poll_by_the_current_that_finds_nothing_gives_up_its_turn() -> None:
    here = await line(2)
    first, second = here.workers
    assert await first.ask(socket.recv, here.sock, timeout=0) == Error("timeout")
    assert socket.info(here.sock).num_readers == 1
    await here.sends(b"abc", to=1)
    await at_rest()
    assert first.mail() == []
    assert second.mail() == [here.select(1)]


@in_runtime
async def test_a_poll_by_the_current_that_finds_something_is_served() -> None:
    here = await line(2)
    await here.sends(b"abc")
    first, second = here.workers
    assert await first.ask(socket.recv, here.sock, 2, timeout=0) == Ok(b"ab")
    assert second.mail() == [here.select(1)]


# --- receive and accept exclude each other --------------------------------------------------------


@pytest.mark.parametrize("who", ["the same process", "another process"])
@in_runtime
async def test_nobody_receives_while_an_acceptor_waits(who: str) -> None:
    listener, address = listening()
    a, b = workers(2)
    info = info_of(await a.ask(socket.accept_nowait, listener))
    asks = a if who == "the same process" else b
    for call in NOWAIT:
        assert await asks.ask(call, listener) == Error("state")
    for call in BLOCKING:
        assert await asks.ask(call, listener) == Error("state")
        assert await asks.ask(call, listener, timeout=0) == Error("state")
    caller = dial(address)
    await until(a.mail)
    assert a.mail() == [selected(listener, info)]
    assert await b.ask(socket.recv_nowait, listener) == Error("state")
    ok(await a.ask(socket.accept_nowait, listener))
    assert await b.ask(socket.recv_nowait, listener) == Error("enotconn")
    caller.close()


@pytest.mark.parametrize("who", ["the current", "a queued process", "another process"])
@in_runtime
async def test_nobody_accepts_while_a_reader_waits(who: str) -> None:
    here = await line(2)
    [other] = workers(1)
    asks = {"the current": here.workers[0], "a queued process": here.workers[1]}.get(who, other)
    assert await asks.ask(socket.accept_nowait, here.sock) == Error("state")
    assert await asks.ask(socket.accept, here.sock) == Error("state")
    assert await asks.ask(socket.accept, here.sock, 0) == Error("state")
    await here.are_served(0, 1)
    assert await asks.ask(socket.accept_nowait, here.sock) == Error("einval")


@every_body
@in_runtime
async def test_a_receive_from_a_listener_is_refused_also_when_an_acceptor_has_waited(
    body: str,
) -> None:
    listener, _ = listening()
    [a] = workers(1, body)
    info = info_of(await a.ask(socket.accept_nowait, listener))
    await at_rest()
    for _ in range(2):
        assert await a.ask(socket.cancel, listener, info) == Ok()
        assert await a.ask(socket.recv, listener) == Error("enotconn")
        info = info_of(await a.ask(socket.accept_nowait, listener))


@every_body
@in_runtime
async def test_an_accept_on_a_connection_is_refused_also_when_a_reader_has_waited(
    body: str,
) -> None:
    sock, _peer = await connected()
    [a] = workers(1, body)
    info = info_of(await a.ask(socket.recv_nowait, sock))
    await at_rest()
    for _ in range(2):
        assert await a.ask(socket.cancel, sock, info) == Ok()
        assert await a.ask(socket.accept, sock) == Error("einval")
        info = info_of(await a.ask(socket.recv_nowait, sock))


# --- what ends it for everybody -------------------------------------------------------------------


@every_body
@every_receive
@in_runtime
async def test_the_end_of_the_stream_is_told_to_everybody_who_waits(
    call: Callable[..., Any], body: str
) -> None:
    here = await line(3)
    [blocked] = workers(1, body)
    job = blocked.tell(socket.recv, here.sock)
    await readers(here.sock, 4)
    here.peer.close()
    await until(here.workers[0].mail)
    await at_rest()
    assert here.mails() == [[here.select(0)], [], []]
    assert await here.workers[0].ask(call, here.sock) == Error("closed")
    assert here.mails()[1:] == [[aborted(here.sock, info, "closed")] for info in here.infos[1:]]
    assert await job.answer() == Error("closed")
    # Nobody waits any more, and the socket is not closed.
    assert socket.info(here.sock).num_readers == 0
    assert await here.workers[1].ask(call, here.sock) == Error("closed")
    assert await here.workers[1].ask(socket.send, here.sock, b"still open") == Ok()


@every_body
@in_runtime
async def test_a_blocked_reader_that_meets_the_end_has_it_told_to_the_others(body: str) -> None:
    sock, peer = await connected()
    a, b, c = workers(3, body)
    first = a.tell(socket.recv, sock, 10)
    await readers(sock, 1)
    second = b.tell(socket.recv, sock, 10)
    await readers(sock, 2)
    info = info_of(await c.ask(socket.recvmsg_nowait, sock))
    peer.sendall(b"part")
    peer.close()
    assert await first.answer() == Error("closed", b"part")
    assert await second.answer() == Error("closed")
    assert c.mail() == [aborted(sock, info, "closed")]


@every_body
@in_runtime
async def test_a_reset_is_told_to_everybody_who_waits(body: str) -> None:
    here = await line(2)
    [blocked] = workers(1, body)
    job = blocked.tell(socket.recv, here.sock)
    await readers(here.sock, 3)
    reset(here.peer)
    await until(here.workers[0].mail)
    assert await here.receives(0) == Error("econnreset")
    assert here.mails()[1] == [aborted(here.sock, here.infos[1], "econnreset")]
    assert await job.answer() == Error("econnreset")
    assert await here.workers[1].ask(socket.recv_nowait, here.sock) == Error("closed")


@in_runtime
async def test_a_datagram_that_was_refused_is_told_to_everybody_who_waits() -> None:
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


@in_runtime
async def test_a_refused_call_of_the_current_is_told_to_everybody_who_waits() -> None:
    here = await line(2)
    answer = await here.workers[0].ask(socket.recv_nowait, here.sock, 1, ["oob"])
    assert answer == Error("einval")
    assert here.mails() == [[], [aborted(here.sock, here.infos[1], "einval")]]
    assert socket.info(here.sock).num_readers == 0


@every_body
@in_runtime
async def test_urgent_data_that_is_not_there_is_refused_at_once(body: str) -> None:
    sock, _peer = await connected()
    [a] = workers(1, body)
    info = info_of(await a.ask(socket.recv_nowait, sock))
    await at_rest()
    for _ in range(2):
        assert await a.ask(socket.cancel, sock, info) == Ok()
        assert await a.ask(socket.recv, sock, 1, ["oob"]) == Error("einval")
        info = info_of(await a.ask(socket.recv_nowait, sock))


@in_runtime
async def test_shutting_down_the_read_side_is_told_to_everybody_who_waits() -> None:
    here = await line(2)
    [blocked] = workers(1)
    job = blocked.tell(socket.recv, here.sock)
    await readers(here.sock, 3)
    assert socket.shutdown(here.sock, "read") == Ok()
    await until(here.workers[0].mail)
    await at_rest()
    assert here.mails() == [[here.select(0)], []]
    assert not job.done
    assert await here.receives(0) == Error("closed")
    assert here.mails()[1] == [aborted(here.sock, here.infos[1], "closed")]
    assert await job.answer() == Error("closed")


@every_receive
@in_runtime
async def test_a_socket_that_is_not_connected_makes_nobody_wait(call: Callable[..., Any]) -> None:
    sock = tcp()
    [a] = workers(1)
    assert await a.ask(call, sock) == Error("enotconn")
    assert socket.info(sock).num_readers == 0


# --- what was taken is not lost -------------------------------------------------------------------


@every_violent_ending
@every_body
@in_runtime
async def test_what_a_killed_reader_had_received_is_the_next_ones(body: str, how: str) -> None:
    sock, peer = await connected()
    a, b = workers(2, body)
    a.tell(socket.recv, sock, 10)
    await readers(sock, 1)
    job = b.tell(socket.recv, sock, 6)
    await readers(sock, 2)
    peer.sendall(b"abcd")
    await received(sock, 4)
    await a.dies(how)
    await at_rest()
    assert not job.done
    peer.sendall(b"efgh")
    assert await job.answer() == Ok(b"abcdef")
    assert await b.ask(socket.recv, sock, 2) == Ok(b"gh")


@in_runtime
async def test_what_a_cancelled_reader_had_received_is_the_next_ones() -> None:
    here = await line(0)
    a, b, c = workers(3)
    scoped = Scoped()
    first = a.tell(scoped.call, socket.recv, here.sock, 10)
    await readers(here.sock, 1)
    info = info_of(await b.ask(socket.recv_nowait, here.sock))
    second = c.tell(socket.recv, here.sock, 3)
    await readers(here.sock, 3)
    here.peer.sendall(b"abcd")
    await received(here.sock, 4)
    await at_rest()
    assert b.mail() == []
    scoped.cancel()
    assert await first.answer() == "cancelled"
    # Nothing new has come from the peer, but something is there.
    assert b.mail() == [selected(here.sock, info)]
    assert await b.ask(socket.recv_nowait, here.sock, 1) == Ok(b"a")
    assert await second.answer() == Ok(b"bcd")
    # Who was cancelled can go on.
    here.peer.sendall(b"ef")
    assert await a.ask(socket.recv, here.sock, 2) == Ok(b"ef")


@every_receive
@in_runtime
async def test_any_receive_finds_what_a_cancelled_reader_had_received(
    call: Callable[..., Any],
) -> None:
    sock, peer = await connected()
    a, b = workers(2)
    scoped = Scoped()
    first = a.tell(scoped.call, socket.recv, sock, 10)
    await readers(sock, 1)
    peer.sendall(b"abcd")
    await received(sock, 4)
    scoped.cancel()
    assert await first.answer() == "cancelled"
    assert data_of(await b.ask(call, sock, 4)) == b"abcd"


@in_runtime
async def test_a_reader_that_is_cancelled_twice_over_gives_all_back_in_order() -> None:
    sock, peer = await connected()
    [a] = workers(1)
    for number, part in enumerate((b"ab", b"cd", b"ef")):
        scoped = Scoped()
        job = a.tell(scoped.call, socket.recv, sock, 10)
        peer.sendall(part)
        await received(sock, 2 * (number + 1))
        await readers(sock, 1)
        scoped.cancel()
        assert await job.answer() == "cancelled"
    assert await a.ask(socket.recv, sock, 6) == Ok(b"abcdef")


@in_runtime
async def test_a_cancelled_call_that_has_not_begun_to_wait_takes_nothing() -> None:
    sock, peer = await connected()
    [a] = workers(1)
    peer.sendall(b"abcd")
    scoped = Scoped()
    scoped.cancel()
    assert await a.ask(scoped.call, socket.recv, sock) == "cancelled"
    assert await a.ask(socket.recv, sock, 4) == Ok(b"abcd")


@pytest.mark.parametrize("stage", ["current", "queued"])
@in_runtime
async def test_a_cancelled_reader_leaves_the_queue(stage: str) -> None:
    here = await line(1 if stage == "queued" else 0)
    a, b = workers(2)
    scoped = Scoped()
    first = a.tell(scoped.call, socket.recv, here.sock)
    await until(lambda: socket.info(here.sock).num_readers == len(here.workers) + 1)
    second = b.tell(socket.recv, here.sock, 1)
    await until(lambda: socket.info(here.sock).num_readers == len(here.workers) + 2)
    scoped.cancel()
    assert await first.answer() == "cancelled"
    assert socket.info(here.sock).num_readers == len(here.workers) + 1
    here.peer.sendall(b"ab")
    if here.workers:
        await until(here.workers[0].mail)
        assert await here.receives(0, 1) == Ok(b"a")
    assert await second.answer() == Ok(b"b" if here.workers else b"a")


async def selected_and_not_yet_run(body: str = "task") -> tuple[Socket, Scoped, Worker, Any]:
    """A blocked process that has been told that it is its turn, and has had no time to act.

    The caller must go on without giving way.
    """
    sock, peer = await connected()
    mine = info_of(socket.recv_nowait(sock))
    scoped = Scoped()
    [a] = workers(1, body)
    call = (scoped.call, socket.recv) if body == "task" else (socket.recv,)
    job = a.tell(*call, sock, 4)
    await readers(sock, 2)
    peer.sendall(b"abcd")
    await receive(SelectMessage)
    assert socket.cancel(sock, mine) == Ok()
    return sock, scoped, a, (job, peer)


@every_violent_ending
@every_body
@in_runtime
async def test_who_is_killed_between_its_select_and_its_turn_takes_nothing(
    body: str, how: str
) -> None:
    sock, _, a, _ = await selected_and_not_yet_run(body)
    down = monitor(a.pid)
    exit(a.pid, how)
    await receive(down)
    assert socket.info(sock).num_readers == 0
    assert socket.info(sock).counters["read_byte"] == 0
    assert await socket.recv(sock, 4) == Ok(b"abcd")


@in_runtime
async def test_who_is_cancelled_between_its_select_and_its_turn_is_served_or_takes_nothing() -> (
    None
):
    sock, scoped, _, (job, _) = await selected_and_not_yet_run()
    scoped.cancel()
    answer = await job.answer()
    assert socket.info(sock).num_readers == 0
    if answer == "cancelled":
        assert await socket.recv(sock, 4) == Ok(b"abcd")
    else:
        assert answer == Ok(b"abcd")


@every_body
@in_runtime
async def test_data_that_comes_at_the_deadline_is_not_lost(
    mock_clock: MockClock, body: str
) -> None:
    sock, peer = await connected()
    a, b = workers(2, body)
    job = a.tell(socket.recv, sock, 4, timeout=1)
    await readers(sock, 1)
    peer.sendall(b"abcd")
    mock_clock.jump(1)
    answer = await job.answer()
    if answer == Error("timeout"):
        answer = await b.ask(socket.recv, sock, 4)
    assert answer == Ok(b"abcd")
    assert socket.info(sock).num_readers == 0


# --- handlers -------------------------------------------------------------------------------------


@in_runtime
async def test_handlers_wait_in_the_same_queue() -> None:
    sock, peer = await connected()
    log: list[tuple[str, bytes]] = []

    def reader(name: str) -> Callable[[object], None]:
        def handle(message: object) -> None:
            if isinstance(message, SelectMessage):
                log.append((name, ok(socket.recv_nowait(sock, 1))))
            # Behind all the others again.
            assert isinstance(socket.recv_nowait(sock, 1), Select)

        return handle

    for name in "ABC":
        send(spawn_handler(reader(name)), "begin")
    [blocked] = workers(1)
    job = blocked.tell(socket.recv, sock, 1)
    await readers(sock, 4)
    peer.sendall(b"abc")
    await until(lambda: len(log) == 3)
    assert log == [("A", b"a"), ("B", b"b"), ("C", b"c")]
    peer.sendall(b"defgh")
    assert await job.answer() == Ok(b"d")
    await until(lambda: len(log) == 7)
    assert log[3:] == [("A", b"e"), ("B", b"f"), ("C", b"g"), ("A", b"h")]


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
