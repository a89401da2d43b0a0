"""Who may connect: the process that has begun to. There is no queue behind it.

Over loopback a connection is made at once, but it is pending until the process that has begun
it finishes it. One that stays unfinished is made to a host that takes no more.
"""

from typing import Any

import pytest
from trio.testing import MockClock

from actorsock import Error, Ok, Select, current_pid, ok, send, socket, spawn_handler
from actorsock.socket import SelectInfo, SelectMessage, Socket

from ..stories import in_runtime, until
from .support import (
    Peer,
    Scoped,
    Worker,
    aborted,
    at_rest,
    busy_host,
    connector,
    datagrams,
    deaf,
    every_body,
    every_ending,
    every_violent_ending,
    host,
    info_of,
    owner,
    selected,
    tcp,
    workers,
)

Address = tuple[str, int]


def is_connecting(sock: Socket) -> bool:
    return "connecting" in socket.info(sock).wstates


async def begun(to: Peer) -> tuple[Socket, Worker, SelectInfo]:
    """A socket on which a process has begun to connect."""
    sock = tcp()
    [a] = workers(1)
    info = info_of(await a.ask(socket.connect_nowait, sock, to.getsockname()))
    assert info.tag == "connect"
    assert is_connecting(sock)
    return sock, a, info


# --- begin and finish -----------------------------------------------------------------------------


@in_runtime
async def test_who_began_to_connect_is_told_and_finishes() -> None:
    target = host()
    sock, a, info = await begun(target)
    await until(a.mail)
    assert a.mail() == [selected(sock, info)]
    assert is_connecting(sock)
    assert await a.ask(socket.connect_nowait, sock) == Ok()
    assert not is_connecting(sock)
    assert "connected" in socket.info(sock).wstates
    assert ok(socket.peername(sock)).port == target.getsockname()[1]
    # The select is left where it is, and there is nothing more to finish.
    assert a.mail() == [selected(sock, info)]
    assert await a.ask(socket.connect_nowait, sock) == Error("state")


@pytest.mark.parametrize("call", [socket.connect_nowait, socket.connect])
@in_runtime
async def test_who_began_may_finish_by_naming_any_address(call: Any) -> None:
    target, elsewhere = host(), host()
    sock, a, _ = await begun(target)
    await until(a.mail)
    assert await a.ask(call, sock, elsewhere.getsockname()) == Ok()
    assert ok(socket.peername(sock)).port == target.getsockname()[1]


@in_runtime
async def test_a_connection_may_be_called_finished_before_it_is() -> None:
    target, _waiting = busy_host()
    sock, a, _ = await begun(target)
    assert await a.ask(socket.connect_nowait, sock) == Ok()
    assert "connected" in socket.info(sock).wstates
    assert socket.peername(sock) == Error("enotconn")


@in_runtime
async def test_a_connection_that_takes_its_time_is_told_when_it_is_made() -> None:
    target, waiting = busy_host()
    sock, a, info = await begun(target)
    await at_rest()
    assert a.mail() == []
    # Now there is room, and the system tries again within a second or so.
    accepted, _ = target.accept()
    await until(a.mail)
    assert a.mail() == [selected(sock, info)]
    assert await a.ask(socket.connect_nowait, sock) == Ok()
    accepted.close()
    waiting.close()


@every_body
@in_runtime
async def test_a_blocking_connect_finishes_by_itself(body: str) -> None:
    target = host()
    sock = tcp()
    [a] = workers(1, body)
    assert await a.ask(socket.connect, sock, target.getsockname()) == Ok()
    assert a.mail() == []
    assert not is_connecting(sock)
    assert owner(sock) is current_pid()


@in_runtime
async def test_connecting_a_datagram_socket_takes_no_time() -> None:
    sock, peer = datagrams()
    [a] = workers(1)
    assert await a.ask(socket.connect_nowait, sock, peer.getsockname()) == Ok()
    assert await a.ask(socket.connect_nowait, sock, peer.getsockname()) == Ok()
    assert a.mail() == []


@in_runtime
async def test_there_is_nothing_to_finish_where_nothing_was_begun() -> None:
    sock = tcp()
    [a] = workers(1)
    assert await a.ask(socket.connect_nowait, sock) == Error("state")
    ok(await socket.close(sock))
    assert await a.ask(socket.connect_nowait, sock) == Error("closed")


@every_body
@in_runtime
async def test_a_refusal_is_told_once_and_once_more_by_the_system(body: str) -> None:
    target = deaf()
    sock = tcp()
    [a] = workers(1, body)
    answers = [await a.ask(socket.connect, sock, target.getsockname()) for _ in range(3)]
    assert answers == [Error("econnrefused"), Error("econnaborted"), Error("econnrefused")]
    assert not is_connecting(sock)


# --- another process ------------------------------------------------------------------------------


@every_body
@in_runtime
async def test_nobody_else_connects_meanwhile(body: str) -> None:
    target = host()
    sock, a, info = await begun(target)
    elsewhere = host().getsockname()
    [b] = workers(1, body)

    async def is_kept_out() -> None:
        assert await b.ask(socket.connect_nowait, sock, elsewhere) == Error("already")
        assert await b.ask(socket.connect, sock, elsewhere) == Error("already")
        assert await b.ask(socket.connect, sock, elsewhere, 0) == Error("already")
        assert await b.ask(socket.connect_nowait, sock) == Error("state")

    await is_kept_out()
    await until(a.mail)
    await is_kept_out()
    assert a.mail() == [selected(sock, info)]
    assert await a.ask(socket.connect_nowait, sock) == Ok()
    assert b.mail() == []


@every_body
@in_runtime
async def test_nobody_else_connects_while_a_process_is_blocked(body: str) -> None:
    target, _waiting = busy_host()
    sock = tcp()
    a, b = workers(2, body)
    job = a.tell(socket.connect, sock, target.getsockname())
    await connector(sock)
    assert await b.ask(socket.connect, sock, target.getsockname()) == Error("already")
    assert await b.ask(socket.connect_nowait, sock) == Error("state")
    await at_rest()
    assert not job.done


@pytest.mark.parametrize("who", ["the same process", "another process"])
@in_runtime
async def test_nobody_sends_while_a_connection_is_being_made(who: str) -> None:
    target = host()
    sock, a, _ = await begun(target)
    [b] = workers(1)
    asks = a if who == "the same process" else b

    async def is_kept_out() -> None:
        assert await asks.ask(socket.send_nowait, sock, b"x") == Error("state")
        assert await asks.ask(socket.sendmsg_nowait, sock, {"iov": [b"x"]}) == Error("state")
        assert await asks.ask(socket.send, sock, b"x") == Error("state")
        assert await asks.ask(socket.send, sock, b"x", timeout=0) == Error("state")

    await is_kept_out()
    await until(a.mail)
    # The connection is there, but nobody has finished it.
    await is_kept_out()
    assert await a.ask(socket.connect_nowait, sock) == Ok()
    assert await asks.ask(socket.send, sock, b"x") == Ok()


@in_runtime
async def test_a_process_may_wait_to_receive_while_a_connection_is_being_made() -> None:
    target, _waiting = busy_host()
    sock, a, connecting = await begun(target)
    [b] = workers(1)
    receiving = info_of(await b.ask(socket.recv_nowait, sock))
    assert await a.ask(socket.cancel, sock, connecting) == Ok()
    await at_rest()
    assert b.mail() == []
    assert await b.ask(socket.cancel, sock, receiving) == Ok()


# --- the connector leaves -------------------------------------------------------------------------


@in_runtime
async def test_after_a_cancel_in_time_the_systems_own_attempt_goes_on() -> None:
    target, _waiting = busy_host()
    sock, a, info = await begun(target)
    assert await a.ask(socket.cancel, sock, info) == Ok()
    assert not is_connecting(sock)
    [b] = workers(1)
    assert await b.ask(socket.connect_nowait, sock, target.getsockname()) == Error("ealready")
    assert await a.ask(socket.connect, sock, target.getsockname()) == Error("ealready")
    assert await a.ask(socket.connect_nowait, sock) == Error("state")


@in_runtime
async def test_after_a_late_cancel_the_connection_is_there_for_whoever_asks() -> None:
    target = host()
    sock, a, info = await begun(target)
    await until(a.mail)
    assert await a.ask(socket.cancel, sock, info) == Ok()
    assert a.mail() == []
    [b] = workers(1)
    assert await b.ask(socket.connect_nowait, sock, target.getsockname()) == Ok()
    assert await b.ask(socket.connect_nowait, sock, target.getsockname()) == Error("eisconn")


@every_body
@in_runtime
async def test_a_connect_that_times_out_lets_others_try(mock_clock: MockClock, body: str) -> None:
    target, _waiting = busy_host()
    sock = tcp()
    a, b = workers(2, body)
    job = a.tell(socket.connect, sock, target.getsockname(), 1)
    await connector(sock)
    mock_clock.jump(1)
    assert await job.answer() == Error("timeout")
    assert not is_connecting(sock)
    assert await b.ask(socket.connect, sock, target.getsockname()) == Error("ealready")


@every_body
@in_runtime
async def test_a_connect_without_time_leaves_the_connection_to_the_next(body: str) -> None:
    target = host()
    sock = tcp()
    a, b = workers(2, body)
    assert await a.ask(socket.connect, sock, target.getsockname(), 0) == Error("timeout")
    assert await b.ask(socket.connect, sock, target.getsockname()) == Ok()
    assert await a.ask(socket.connect, sock, target.getsockname()) == Error("eisconn")
    assert a.mail() == b.mail() == []


@every_ending
@in_runtime
async def test_when_the_connector_dies_in_time_the_systems_own_attempt_goes_on(how: str) -> None:
    target, _waiting = busy_host()
    sock, a, _ = await begun(target)
    await a.dies(how)
    assert not is_connecting(sock)
    [b] = workers(1)
    assert await b.ask(socket.connect_nowait, sock, target.getsockname()) == Error("ealready")


@every_ending
@in_runtime
async def test_when_the_connector_dies_late_the_connection_is_there_for_whoever_asks(
    how: str,
) -> None:
    target = host()
    sock, a, _ = await begun(target)
    await until(a.mail)
    await a.dies(how)
    [b] = workers(1)
    assert await b.ask(socket.connect, sock, target.getsockname()) == Ok()
    assert await b.ask(socket.send, sock, b"x") == Ok()


@every_violent_ending
@every_body
@in_runtime
async def test_when_a_blocked_connector_dies_others_may_try(body: str, how: str) -> None:
    target, _waiting = busy_host()
    sock = tcp()
    a, b = workers(2, body)
    a.tell(socket.connect, sock, target.getsockname())
    await connector(sock)
    await a.dies(how)
    assert not is_connecting(sock)
    assert await b.ask(socket.connect, sock, target.getsockname()) == Error("ealready")


@in_runtime
async def test_a_cancelled_connector_lets_others_try() -> None:
    target, _waiting = busy_host()
    sock = tcp()
    a, b = workers(2)
    scoped = Scoped()
    job = a.tell(scoped.call, socket.connect, sock, target.getsockname())
    await connector(sock)
    scoped.cancel()
    assert await job.answer() == "cancelled"
    assert not is_connecting(sock)
    assert await b.ask(socket.connect, sock, target.getsockname()) == Error("ealready")


# --- the same process asks again ------------------------------------------------------------------


@every_body
@in_runtime
async def test_a_blocking_call_on_top_of_a_pending_one_finishes_it(body: str) -> None:
    target = host()
    sock = tcp()
    [a] = workers(1, body)
    info = info_of(await a.ask(socket.connect_nowait, sock, target.getsockname()))
    assert await a.ask(socket.connect, sock, target.getsockname()) == Ok()
    assert not is_connecting(sock)
    assert await a.ask(socket.cancel, sock, info) == Error("select_info")


@in_runtime
async def test_a_second_call_of_the_connector_finishes_what_the_first_began() -> None:
    target = deaf()
    sock, a, _ = await begun(target)
    await until(a.mail)
    answer = await a.ask(socket.connect_nowait, sock, target.getsockname())
    assert answer == Error("econnrefused")
    assert not is_connecting(sock)


# --- what ends it ---------------------------------------------------------------------------------


@in_runtime
async def test_close_aborts_who_has_had_no_select() -> None:
    target, _waiting = busy_host()
    sock, a, info = await begun(target)
    ok(await socket.close(sock))
    assert a.mail() == [aborted(sock, info, "closed")]
    assert await a.ask(socket.connect_nowait, sock) == Error("closed")


@in_runtime
async def test_close_does_not_abort_who_has_had_its_select() -> None:
    target = host()
    sock, a, info = await begun(target)
    await until(a.mail)
    ok(await socket.close(sock))
    assert a.mail() == [selected(sock, info)]
    assert await a.ask(socket.connect_nowait, sock) == Error("closed")


@every_body
@in_runtime
async def test_close_ends_a_blocking_connect(body: str) -> None:
    target, _waiting = busy_host()
    sock = tcp()
    [a] = workers(1, body)
    job = a.tell(socket.connect, sock, target.getsockname())
    await connector(sock)
    ok(await socket.close(sock))
    assert await job.answer() == Error("closed")


@in_runtime
async def test_shutting_down_a_connection_that_is_being_made_ends_it() -> None:
    target, _waiting = busy_host()
    sock, a, info = await begun(target)
    assert socket.shutdown(sock, "write") == Ok()
    await until(a.mail)
    assert a.mail() == [selected(sock, info)]
    assert await a.ask(socket.connect_nowait, sock) == Error("econnreset")


# --- handlers -------------------------------------------------------------------------------------


@in_runtime
async def test_a_handler_connects_without_waiting() -> None:
    target = host()
    log: list[Any] = []

    def handle(message: Any) -> None:
        match message:
            case SelectMessage(socket=sock, tag="connect"):
                log.append(socket.connect_nowait(sock))
                log.append(socket.send_nowait(sock, b"hello"))
            case _:
                assert isinstance(socket.connect_nowait(tcp(), target.getsockname()), Select)

    send(spawn_handler(handle), "begin")
    await until(lambda: len(log) == 2)
    assert log == [Ok(), Ok()]
    accepted, _ = target.accept()
    with accepted:
        assert accepted.recv(5) == b"hello"
