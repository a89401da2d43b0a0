"""Making connections: the cases that only accept and connect have.

Over loopback a connection is made at once, but it is pending until the process that has begun
it finishes it. One that stays unfinished is made to a host that takes no more.
"""

from typing import Any

import pytest
from trio.testing import MockClock

from actorsock import Error, Ok, Select, make_ref, ok, receive, send, socket, spawn_handler
from actorsock.socket import SelectInfo, SelectMessage, Socket
from actorsock.socket.core.poller import ready_now
from actorsock.socket.core.turns import LaneName

from ...stories import in_runtime, until
from ..support import (
    ENDINGS,
    VIOLENT,
    Peer,
    Scoped,
    Worker,
    arrives,
    at_rest,
    busy_host,
    connected,
    connector,
    dial,
    every_body,
    host,
    info_of,
    listening,
    selected,
    tcp,
    workers,
)

# --- accepting ------------------------------------------------------------------------------------


@pytest.mark.parametrize("blocked", [True, False], ids=["blocked", "nowait"])
@every_body
@in_runtime
async def test_a_connection_that_comes_as_an_acceptor_begins_to_wait_is_noticed(
    monkeypatch: pytest.MonkeyPatch, body: str, blocked: bool
) -> None:
    listener, address = listening()
    [a] = workers(1, body)
    info = info_of(await a.ask(socket.accept_nowait, listener))
    await at_rest()
    assert await a.ask(socket.cancel, listener, info) == Ok()
    callers: list[Peer] = []

    def comes_now(fd: int, lane: LaneName) -> bool:
        if not callers:
            callers.append(dial(address))
            arrives(listener)
        return ready_now(fd, lane)

    # The kernel has said that nobody is there; it is asked once more before the wait.
    monkeypatch.setattr("actorsock.socket.core.readiness.ready_now", comes_now)
    job = a.tell(socket.accept if blocked else socket.accept_nowait, listener)
    await at_rest()
    if not callers:  # this poller needs no asking
        callers.append(dial(address))
    if not blocked:
        info = info_of(await job.answer())
        assert await a.ask(receive, SelectMessage) == selected(listener, info)
        job = a.tell(socket.accept_nowait, listener)
    sock = ok(await job.answer())
    assert ok(socket.peername(sock)).port == callers[0].getsockname()[1]


@in_runtime
async def test_a_second_accept_with_the_same_handle_cancels_nothing() -> None:
    listener, address = listening()
    ref = make_ref()
    [a] = workers(1)
    first = info_of(await a.ask(socket.accept_nowait, listener, ref))
    assert info_of(await a.ask(socket.accept_nowait, listener, ref)) == first
    assert a.mail() == []
    caller = dial(address)
    await until(a.mail)
    await at_rest()
    assert a.mail() == [selected(listener, first)]
    caller.close()


# --- connecting -----------------------------------------------------------------------------------


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


@pytest.mark.parametrize("call", [socket.connect_nowait, socket.connect])
@pytest.mark.parametrize("selects", [False, True], ids=["before the select", "after it"])
@in_runtime
async def test_a_connection_is_finished_by_naming_any_address(call: Any, selects: bool) -> None:
    target, elsewhere = host(), host()
    sock, a, info = await begun(target)
    if selects:
        await until(a.mail)
        assert a.mail() == [selected(sock, info)]
    assert await a.ask(call, sock, elsewhere.getsockname()) == Ok()
    assert not is_connecting(sock)
    assert ok(socket.peername(sock)).port == target.getsockname()[1]
    assert await a.ask(socket.cancel, sock, info) == Error("select_info")


@in_runtime
async def test_a_connection_may_be_called_finished_before_it_is() -> None:
    target, _waiting = busy_host()
    sock, a, _ = await begun(target)
    assert await a.ask(socket.connect_nowait, sock) == Ok()
    assert "connected" in socket.info(sock).wstates
    assert socket.peername(sock) == Error("enotconn")


@in_runtime
async def test_a_connection_that_takes_its_time_is_selected_when_it_is_made() -> None:
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
@pytest.mark.parametrize("blocks", [False, True], ids=["nowait", "blocked"])
@in_runtime
async def test_no_other_process_connects_meanwhile(body: str, blocks: bool) -> None:
    target, _waiting = busy_host()
    address = target.getsockname()
    sock = tcp()
    a, b = workers(2, body)
    job = a.tell(socket.connect if blocks else socket.connect_nowait, sock, address)
    await connector(sock)
    for _ in range(2):
        assert await b.ask(socket.connect_nowait, sock, address) == Error("already")
        assert await b.ask(socket.connect, sock, address) == Error("already")
        assert await b.ask(socket.connect, sock, address, 0) == Error("already")
        assert await b.ask(socket.connect_nowait, sock) == Error("state")
        await at_rest()
    assert job.done != blocks
    assert b.mail() == []


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


@in_runtime
async def test_a_connected_socket_connects_once_more_and_then_is_refused() -> None:
    sock, _peer = await connected()
    _, address = listening()
    # The kernel answers: the first time it tells of the connection that was made before.
    assert socket.connect_nowait(sock, address) == Ok()
    assert socket.connect_nowait(sock, address) == Error("eisconn")


@pytest.mark.parametrize("leaves", ["cancels", *ENDINGS])
@pytest.mark.parametrize("stage", ["pending", "selected"])
@in_runtime
async def test_the_connecting_process_leaves_and_the_kernel_goes_on(
    stage: str, leaves: str
) -> None:
    target, _waiting = busy_host() if stage == "pending" else (host(), None)
    sock, a, info = await begun(target)
    if stage == "selected":
        await until(a.mail)
    if leaves == "cancels":
        assert await a.ask(socket.cancel, sock, info) == Ok()
        assert a.mail() == []
    else:
        await a.dies(leaves)
    assert not is_connecting(sock)
    [b] = workers(1)
    assert await b.ask(socket.connect_nowait, sock) == Error("state")
    answer = await b.ask(socket.connect_nowait, sock, target.getsockname())
    if stage == "pending":
        assert answer == Error("ealready")
    else:  # the connection is there for the first that asks
        assert answer == Ok()
        assert await b.ask(socket.send, sock, b"x") == Ok()
        assert await b.ask(socket.connect, sock, target.getsockname()) == Error("eisconn")


@pytest.mark.parametrize(
    ("body", "leaves"),
    [
        *((body, how) for body in ("task", "light") for how in ("times out", *VIOLENT)),
        ("task", "is cancelled"),
    ],
)
@in_runtime
async def test_a_blocked_connecting_process_leaves_and_others_may_try(
    mock_clock: MockClock, body: str, leaves: str
) -> None:
    target, _waiting = busy_host()
    sock = tcp()
    a, b = workers(2, body)
    scoped = Scoped()
    call = (scoped.call, socket.connect) if leaves == "is cancelled" else (socket.connect,)
    job = a.tell(*call, sock, target.getsockname(), 1)
    await connector(sock)
    if leaves == "times out":
        mock_clock.jump(1)
        assert await job.answer() == Error("timeout")
    elif leaves == "is cancelled":
        scoped.cancel()
        assert await job.answer() == "cancelled"
    else:
        await a.dies(leaves)
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
