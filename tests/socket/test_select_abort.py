"""Select and abort messages: the documented sequences one by one, each as observed in Erlang."""

from trio.testing import MockClock

from actorsock import Error, Ok, Select, current_pid, is_alive, ok, receive, socket
from actorsock.socket import Msg, SelectMessage, Socket

from ..stories import in_runtime, until
from .support import (
    NOWHERE_NEAR,
    Peer,
    Worker,
    aborted,
    at_rest,
    connected,
    datagrams,
    deaf,
    dial,
    every_body,
    give,
    info_of,
    listening,
    owner,
    readers,
    received,
    selected,
    tcp,
    workers,
    writers,
)


async def current_and_queued(
    sock: Socket,
) -> tuple[Worker, socket.SelectInfo, Worker, socket.SelectInfo]:
    """Two processes that wait to receive, in that order."""
    a, b = workers(2)
    ia = info_of(await a.ask(socket.recv_nowait, sock))
    ib = info_of(await b.ask(socket.recv_nowait, sock))
    return a, ia, b, ib


async def arrived(peer: Peer, data: bytes, a: Worker) -> None:
    """The peer sends, and the current reader has been told."""
    peer.sendall(data)
    await until(a.mail)
    await at_rest()


# --- 1 to 7: select and abort ---------------------------------------------------------------------


@in_runtime
async def test_data_selects_the_current_reader_only() -> None:
    sock, peer = await connected()
    a, ia, b, _ = await current_and_queued(sock)
    await arrived(peer, b"abcdef", a)
    assert a.mail() == [selected(sock, ia)]
    assert b.mail() == []


@in_runtime
async def test_when_the_current_reader_is_served_the_next_is_selected_at_once() -> None:
    sock, peer = await connected()
    a, _, b, ib = await current_and_queued(sock)
    await arrived(peer, b"abcdef", a)
    assert await a.ask(socket.recv_nowait, sock, 2) == Ok(b"ab")
    assert b.mail() == [selected(sock, ib)]
    assert await b.ask(socket.recv_nowait, sock) == Ok(b"cdef")


@in_runtime
async def test_a_cancel_takes_back_the_select_and_selects_the_next() -> None:
    sock, peer = await connected()
    a, ia, b, ib = await current_and_queued(sock)
    await arrived(peer, b"abcdef", a)
    assert await a.ask(socket.cancel, sock, ia) == Ok()
    assert a.mail() == []
    assert b.mail() == [selected(sock, ib)]


@in_runtime
async def test_when_a_selected_reader_is_killed_the_next_is_selected() -> None:
    sock, peer = await connected()
    a, _, b, ib = await current_and_queued(sock)
    await arrived(peer, b"abcdef", a)
    await a.dies("kill")
    assert b.mail() == [selected(sock, ib)]


@in_runtime
async def test_close_aborts_those_who_have_had_no_select() -> None:
    sock, peer = await connected()
    a, ia, b, ib = await current_and_queued(sock)
    await arrived(peer, b"abcdef", a)
    ok(await socket.close(sock))
    assert a.mail() == [selected(sock, ia)]
    assert b.mail() == [aborted(sock, ib, "closed")]
    # And the one who had its select finds out by calling.
    assert await a.ask(socket.recv_nowait, sock) == Error("closed")


@in_runtime
async def test_close_aborts_everybody_before_it_returns() -> None:
    sock, _peer = await connected()
    a, ia, b, ib = await current_and_queued(sock)
    ok(await socket.close(sock))
    assert a.mail() == [aborted(sock, ia, "closed")]
    assert b.mail() == [aborted(sock, ib, "closed")]


@in_runtime
async def test_who_is_queued_may_not_ask_again() -> None:
    sock, peer = await connected()
    a, _, b, ib = await current_and_queued(sock)
    for call in (socket.recv_nowait, socket.recvfrom_nowait, socket.recvmsg_nowait):
        assert await b.ask(call, sock) == Error("state")
    for call in (socket.recv, socket.recvfrom, socket.recvmsg):
        assert await b.ask(call, sock) == Error("state")
        assert await b.ask(call, sock, timeout=0) == Error("state")
    # It has lost nothing by that.
    await arrived(peer, b"abcdef", a)
    assert await a.ask(socket.recv_nowait, sock, 2) == Ok(b"ab")
    assert b.mail() == [selected(sock, ib)]


# --- 8 to 13: what a blocking call answers --------------------------------------------------------


@every_body
@in_runtime
async def test_a_receive_that_times_out_hands_over_what_has_come(
    body: str, mock_clock: MockClock
) -> None:
    sock, peer = await connected()
    [a] = workers(1, body)
    job = a.tell(socket.recv, sock, 10, timeout=0.1)
    await readers(sock, 1)
    peer.sendall(b"four")
    await received(sock, 4)
    mock_clock.jump(0.1)
    assert await job.answer() == Error("timeout", b"four")


@every_body
@in_runtime
async def test_a_receive_that_meets_the_end_hands_over_what_has_come(body: str) -> None:
    sock, peer = await connected()
    [a] = workers(1, body)
    job = a.tell(socket.recv, sock, 10)
    await readers(sock, 1)
    peer.sendall(b"four")
    await received(sock, 4)
    peer.close()
    assert await job.answer() == Error("closed", b"four")
    assert await a.ask(socket.recv, sock, 10) == Error("closed")


@in_runtime
async def test_a_send_that_must_wait_says_what_is_left_and_goes_on_with_it() -> None:
    sock, peer = await connected()
    data = bytes(range(256)) * (NOWHERE_NEAR // 256)
    [a] = workers(1)
    came = b""
    answer = await a.ask(socket.send_nowait, sock, data)
    assert isinstance(answer, Select)
    while isinstance(answer, Select):
        assert answer.data == data[-len(answer.data) :]
        came += await peer.read_until(a.mail)
        assert await a.ask(receive, SelectMessage) == selected(sock, answer.info)
        answer = await a.ask(socket.send_nowait, sock, answer.data, answer.info)
    assert answer == Ok()
    assert came + await peer.read_exactly(len(data) - len(came)) == data


@every_body
@in_runtime
async def test_a_send_that_times_out_says_what_is_left(body: str) -> None:
    sock, peer = await connected()
    data = bytes(range(256)) * (NOWHERE_NEAR // 256)
    [a] = workers(1, body)
    answer = await a.ask(socket.send, sock, data, timeout=0.05)
    assert answer == Error("timeout", answer.data)
    sent = len(data) - len(answer.data)
    assert 0 < sent < len(data)
    assert await peer.read_exactly(sent) + answer.data == data


@every_body
@in_runtime
async def test_a_send_that_meets_a_close_says_what_is_left(body: str) -> None:
    sock, peer = await connected()
    data = bytes(range(256)) * (NOWHERE_NEAR // 256)
    [a] = workers(1, body)
    job = a.tell(socket.send, sock, data)
    await writers(sock, 1)
    ok(await socket.close(sock))
    answer = await job.answer()
    assert answer == Error("closed", answer.data)
    sent = len(data) - len(answer.data)
    assert await peer.read_exactly(sent) + answer.data == data


@in_runtime
async def test_a_refused_connect_is_told_to_who_finishes_it() -> None:
    sock, target = tcp(), deaf()
    [a] = workers(1)
    info = info_of(await a.ask(socket.connect_nowait, sock, target.getsockname()))
    await until(a.mail)
    assert a.mail() == [selected(sock, info)]
    assert await a.ask(socket.connect_nowait, sock) == Error("econnrefused")


# --- 14 and 15: acceptors -------------------------------------------------------------------------


@in_runtime
async def test_of_two_acceptors_the_second_is_selected_when_the_first_has_accepted() -> None:
    listener, address = listening()
    a, b = workers(2)
    ia = info_of(await a.ask(socket.accept_nowait, listener))
    ib = info_of(await b.ask(socket.accept_nowait, listener))
    callers = [dial(address), dial(address)]
    await until(a.mail)
    await at_rest()
    assert a.mail() == [selected(listener, ia)]
    assert b.mail() == []
    first = ok(await a.ask(socket.accept_nowait, listener))
    assert b.mail() == [selected(listener, ib)]
    second = ok(await b.ask(socket.accept_nowait, listener))
    ports = [ok(socket.peername(sock)).port for sock in (first, second)]
    assert ports == [caller.getsockname()[1] for caller in callers]


@in_runtime
async def test_a_shut_down_listener_fails_the_current_acceptor_and_aborts_the_others() -> None:
    listener, _ = listening()
    a, b = workers(2)
    ia = info_of(await a.ask(socket.accept_nowait, listener))
    ib = info_of(await b.ask(socket.accept_nowait, listener))
    assert socket.shutdown(listener, "read") == Ok()
    await until(a.mail)
    await at_rest()
    assert a.mail() == [selected(listener, ia)]
    assert b.mail() == []
    assert await a.ask(socket.accept_nowait, listener) == Error("einval")
    assert b.mail() == [aborted(listener, ib, "einval")]
    assert socket.info(listener).num_acceptors == 0


# --- 16 to 20: ownership, datagrams, close --------------------------------------------------------


@in_runtime
async def test_who_does_not_own_a_socket_can_not_give_it_away() -> None:
    sock, _peer = await connected()
    [a] = workers(1)
    assert await a.ask(give, sock, a.pid) == Error("not_owner")
    assert owner(sock) is current_pid()


@in_runtime
async def test_a_socket_that_is_given_to_a_dead_process_closes() -> None:
    sock, _peer = await connected()
    [a] = workers(1)
    await a.dies("normal")
    assert not is_alive(a.pid)
    assert give(sock, a.pid) == Ok()
    assert socket.recv_nowait(sock) == Error("closed")
    assert owner(sock) is None


@in_runtime
async def test_an_empty_datagram_is_data() -> None:
    sock, peer = datagrams()
    peer.send(b"")
    assert await socket.recv(sock) == Ok(b"")


@in_runtime
async def test_a_datagram_longer_than_the_buffer_is_marked_as_cut() -> None:
    sock, peer = datagrams()
    peer.send(b"12345")
    message = ok(await socket.recvmsg(sock, 2))
    assert message == Msg(message.addr, (b"12",), (), ("trunc",))


@in_runtime
async def test_a_second_close_finds_it_closed() -> None:
    sock, _peer = await connected()
    assert await socket.close(sock) == Ok()
    assert await socket.close(sock) == Error("closed")


# --- 21 and 22: order -----------------------------------------------------------------------------


@every_body
@in_runtime
async def test_blocked_readers_are_served_in_the_order_of_their_calls(body: str) -> None:
    sock, peer = await connected()
    jobs = []
    for number, worker in enumerate(workers(5, body)):
        jobs.append(worker.tell(socket.recv, sock, 1))
        await readers(sock, number + 1)
    peer.sendall(b"abcde")
    assert [await job.answer() for job in jobs] == [Ok(bytes([byte])) for byte in b"abcde"]


@every_body
@in_runtime
async def test_the_bytes_of_two_senders_do_not_mix(body: str) -> None:
    sock, peer = await connected()
    a, b = workers(2, body)
    first = a.tell(socket.send, sock, b"A" * NOWHERE_NEAR)
    await writers(sock, 1)
    second = b.tell(socket.send, sock, b"B" * 1000)
    await writers(sock, 2)
    data = await peer.read_exactly(NOWHERE_NEAR + 1000)
    assert data == b"A" * NOWHERE_NEAR + b"B" * 1000
    assert await first.answer() == Ok()
    assert await second.answer() == Ok()
