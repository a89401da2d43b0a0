"""The owner of a socket: only it gives the socket away, and its end closes it."""

from typing import Any

import pytest

from actorsock import (
    Error,
    Ok,
    Select,
    current_pid,
    exit,
    monitor,
    process_info,
    processes,
    receive,
    send,
    socket,
    spawn_handler,
)
from actorsock.socket import SelectMessage, Socket

from ...stories import in_runtime
from ..support import (
    VIOLENT,
    aborted,
    at_rest,
    connected,
    every_body,
    every_violent_ending,
    give,
    info_of,
    owner,
    tcp,
    workers,
)


def is_closed(sock: Socket) -> bool:
    """Return whether the socket is closed, and assert that all functions agree."""
    info = socket.info(sock)
    if info.owner is not None:
        return False
    assert info.rstates[-2:] == info.wstates[-2:] == ("closing", "closed")
    assert sock not in socket.which_sockets()
    assert socket.recv_nowait(sock) == Error("closed")
    return True


# --- becoming the owner ---------------------------------------------------------------------------


@in_runtime
async def test_a_handler_owns_what_it_opens_until_it_ends() -> None:
    opened: list[Socket] = []

    def handle(message: object) -> None:
        opened.append(tcp())

    pid = spawn_handler(handle)
    send(pid, "open")
    assert owner(opened[0]) is pid
    exit(pid, "shutdown")
    assert is_closed(opened[0])


# --- to somebody who is no more -------------------------------------------------------------------


@every_violent_ending
@every_body
@in_runtime
async def test_giving_it_to_a_dying_process_closes_it_at_once(body: str, how: str) -> None:
    sock, _peer = await connected()
    [dying] = workers(1, body)
    down = monitor(dying.pid)
    await at_rest()
    exit(dying.pid, how)
    # It has not had the time to unwind.
    assert give(sock, dying.pid) == Ok()
    assert is_closed(sock)
    await receive(down)


# --- the owner's end ------------------------------------------------------------------------------


@in_runtime
async def test_all_the_sockets_of_a_process_close_with_it() -> None:
    [a] = workers(1)
    socks = [await a.ask(tcp) for _ in range(10)]
    kept = tcp()
    await a.dies("crash")
    assert all(map(is_closed, socks))
    assert socket.which_sockets() == [kept]


# --- after it has been given away -----------------------------------------------------------------


@in_runtime
async def test_a_former_owner_that_waits_no_more_is_not_watched() -> None:
    a, b = workers(2)
    sock, _peer = await a.ask(connected)
    assert await a.ask(give, sock, b.pid) == Ok()
    info = process_info(a.pid)
    assert info is not None
    assert info.monitored_by == []


# --- nothing is left behind -----------------------------------------------------------------------


@pytest.mark.parametrize("how", [*VIOLENT, "normal"])
@in_runtime
async def test_the_socket_is_a_process_that_ends_with_it(how: str) -> None:
    before = set(processes())
    [a] = workers(1)
    sock = await a.ask(tcp)
    assert len(set(processes()) - before) == 2
    await a.dies(how)
    assert is_closed(sock)
    assert set(processes()) == before


@in_runtime
async def test_users_that_come_and_go_leave_nothing_behind() -> None:
    sock, _peer = await connected()
    [pid] = [p for p in processes() if p is not current_pid()]
    for how in ("kill", "normal", "crash") * 5:
        for worker in workers(3):
            info_of(await worker.ask(socket.recv_nowait, sock))
            await worker.dies(how)
    info = process_info(pid)
    assert info is not None
    assert info.monitors == [current_pid()]
    assert socket.info(sock).num_readers == 0


@in_runtime
async def test_a_killed_socket_process_closes_the_socket() -> None:
    sock, peer = await connected()
    [a] = workers(1)
    info = info_of(await a.ask(socket.recv_nowait, sock))
    [pid] = [p for p in processes() if p not in (current_pid(), a.pid)]
    exit(pid, "kill")
    assert a.mail() == [aborted(sock, info, "closed")]
    assert is_closed(sock)
    assert peer.recv(1) == b""


@in_runtime
async def test_a_handler_that_asks_again_when_it_is_told_of_the_close_is_told_so() -> None:
    sock, _peer = await connected()
    log: list[Any] = []

    def handle(message: object) -> None:
        if not isinstance(message, SelectMessage):
            log.append(socket.recv_nowait(sock))

    pids = [spawn_handler(handle) for _ in range(3)]
    for pid in pids:
        send(pid, "begin")
    assert all(isinstance(answer, Select) for answer in log)
    del log[:]
    [a] = workers(1)
    assert give(sock, a.pid) == Ok()
    await a.dies("kill")
    assert log == [Error("closed")] * 3
