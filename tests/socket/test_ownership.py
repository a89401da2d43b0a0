"""Whose socket it is: who may give it away, and what the end of its owner does."""

from itertools import pairwise
from typing import Any

import pytest

from actorsock import (
    Error,
    Ok,
    Select,
    current_pid,
    exit,
    monitor,
    ok,
    process_info,
    processes,
    receive,
    send,
    socket,
    spawn_handler,
)
from actorsock.socket import SelectMessage, Socket

from ..stories import in_runtime, until
from .support import (
    STUCK,
    VIOLENT,
    Case,
    Worker,
    aborted,
    acceptors,
    at_rest,
    connected,
    dial,
    every_body,
    every_ending,
    every_kind,
    every_violent_ending,
    give,
    info_of,
    listening,
    owner,
    readers,
    selected,
    tcp,
    waiting,
    workers,
)


def is_closed(sock: Socket) -> bool:
    """Whether the socket is closed, by all that can be asked of it."""
    info = socket.info(sock)
    if info.owner is not None:
        return False
    assert info.rstates[-2:] == info.wstates[-2:] == ("closing", "closed")
    assert sock not in socket.which_sockets()
    assert socket.recv_nowait(sock) == Error("closed")
    return True


# --- becoming the owner ---------------------------------------------------------------------------


@every_body
@in_runtime
async def test_who_opens_a_socket_owns_it(body: str) -> None:
    [a] = workers(1, body)
    sock = await a.ask(tcp)
    assert owner(sock) is a.pid
    # Anybody may ask.
    assert socket.getopt(sock, "otp", "controlling_process") == Ok(a.pid)


@every_body
@pytest.mark.parametrize("call", [socket.accept, socket.accept_nowait])
@in_runtime
async def test_who_accepts_a_connection_owns_it(body: str, call: Any) -> None:
    listener, address = listening()
    caller = dial(address)
    [a] = workers(1, body)
    sock = ok(await a.ask(call, listener))
    assert owner(sock) is a.pid
    assert owner(listener) is current_pid()
    caller.close()


@in_runtime
async def test_who_is_queued_and_then_accepts_owns_the_connection() -> None:
    listener, address = listening()
    a, b = workers(2)
    jobs = []
    for number, worker in enumerate((a, b)):
        jobs.append(worker.tell(socket.accept, listener))
        await acceptors(listener, number + 1)
    callers = [dial(address), dial(address)]
    socks = [ok(await job.answer()) for job in jobs]
    assert [owner(sock) for sock in socks] == [a.pid, b.pid]
    assert len(callers) == 2


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


# --- giving it away -------------------------------------------------------------------------------


@every_body
@in_runtime
async def test_the_owner_gives_it_to_another_process(body: str) -> None:
    a, b = workers(2, body)
    sock = await a.ask(tcp)
    assert await a.ask(give, sock, b.pid) == Ok()
    assert owner(sock) is b.pid
    assert await a.ask(give, sock, a.pid) == Error("not_owner")
    assert await b.ask(give, sock, a.pid) == Ok()
    assert owner(sock) is a.pid


@in_runtime
async def test_the_owner_may_give_it_to_itself() -> None:
    [a] = workers(1)
    sock = await a.ask(tcp)
    assert await a.ask(give, sock, a.pid) == Ok()
    assert owner(sock) is a.pid
    await a.dies("normal")
    assert is_closed(sock)


@in_runtime
async def test_nobody_else_gives_it_away_to_whomever() -> None:
    a, b, dead = workers(3)
    await dead.dies("normal")
    sock = await a.ask(tcp)
    for to in (a.pid, b.pid, dead.pid, current_pid()):
        assert await b.ask(give, sock, to) == Error("not_owner")
        assert give(sock, to) == Error("not_owner")
    assert owner(sock) is a.pid


@pytest.mark.parametrize("wrong", [None, 1, "a name", object()])
@in_runtime
async def test_it_is_given_to_processes_only(wrong: Any) -> None:
    sock = tcp()
    with pytest.raises(TypeError, match="value"):
        give(sock, wrong)
    assert owner(sock) is current_pid()


@in_runtime
async def test_a_closed_socket_is_nobodys_to_give() -> None:
    sock = tcp()
    ok(await socket.close(sock))
    assert give(sock, current_pid()) == Error("closed")


@in_runtime
async def test_only_the_owner_sets_meta() -> None:
    [a] = workers(1)
    sock = tcp()
    assert await a.ask(socket.setopt, sock, "otp", "meta", "theirs") == Error("not_owner")
    assert socket.setopt(sock, "otp", "meta", "mine") == Ok()
    assert await a.ask(socket.getopt, sock, "otp", "meta") == Ok("mine")


@every_body
@in_runtime
async def test_everything_else_is_for_everybody(body: str) -> None:
    sock, peer = await connected()
    [a] = workers(1, body)
    peer.sendall(b"hello")
    assert await a.ask(socket.recv, sock, 5) == Ok(b"hello")
    assert await a.ask(socket.send, sock, b"hello") == Ok()
    assert await a.ask(socket.setopt, sock, "socket", "keepalive", True) == Ok()
    assert await a.ask(socket.shutdown, sock, "write") == Ok()
    assert await a.ask(socket.close, sock) == Ok()


# --- to somebody who is no more -------------------------------------------------------------------


@every_kind
@in_runtime
async def test_giving_it_to_a_dead_process_closes_it_at_once(kind: str) -> None:
    it = await STUCK[kind]()
    a, dead = workers(2)
    await dead.dies("kill")
    info = info_of(await a.ask(it.nowait))
    assert give(it.sock, dead.pid) == Ok()
    assert a.mail() == [aborted(it.sock, info, "closed")]
    assert is_closed(it.sock)


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


async def case_of(owner: Worker, kind: str) -> Case:
    """An operation of that kind on a socket that `owner` owns."""
    it = await owner.ask(STUCK[kind])
    assert isinstance(it, Case)
    return it


@every_ending
@every_body
@in_runtime
async def test_a_socket_that_nobody_uses_closes_with_its_owner(body: str, how: str) -> None:
    [a] = workers(1, body)
    sock, peer = await a.ask(connected)
    await a.dies(how)
    assert is_closed(sock)
    await until(lambda: peer.recv(1) == b"")


@every_ending
@every_kind
@in_runtime
async def test_who_waits_on_it_is_told(kind: str, how: str) -> None:
    a, b = workers(2)
    it = await case_of(a, kind)
    info = info_of(await b.ask(it.nowait))
    await a.dies(how)
    assert b.mail() == [aborted(it.sock, info, "closed")]
    assert is_closed(it.sock)


@every_ending
@pytest.mark.parametrize("kind", ["recv", "accept", "send"])
@in_runtime
async def test_who_has_had_its_select_finds_out_by_calling(kind: str, how: str) -> None:
    a, b, c = workers(3)
    it = await case_of(a, kind)
    info = info_of(await b.ask(it.nowait))
    queued = info_of(await c.ask(it.nowait))
    await it.ready(b.mail)
    await a.dies(how)
    assert b.mail() == [selected(it.sock, info)]
    assert c.mail() == [aborted(it.sock, queued, "closed")]
    assert await b.ask(it.again) == Error("closed")


@every_body
@every_ending
@every_kind
@in_runtime
async def test_who_is_blocked_on_it_is_answered(kind: str, how: str, body: str) -> None:
    [a] = workers(1)
    [b] = workers(1, body)
    it = await case_of(a, kind)
    job = b.tell(it.blocking)
    await until(lambda: waiting(it.sock) == 1)
    await a.dies(how)
    answer = await job.answer()
    assert answer == Error("closed", answer.data)
    assert (answer.data is None) == (kind != "send")


@every_ending
@pytest.mark.parametrize("kind", ["recv", "accept", "send"])
@in_runtime
async def test_an_owner_that_is_current_takes_the_queue_with_it(kind: str, how: str) -> None:
    a, b, c = workers(3)
    it = await case_of(a, kind)
    info_of(await a.ask(it.nowait))
    infos = [info_of(await worker.ask(it.nowait)) for worker in (b, c)]
    await a.dies(how)
    assert [worker.mail() for worker in (b, c)] == [
        [aborted(it.sock, info, "closed")] for info in infos
    ]


@every_ending
@pytest.mark.parametrize("kind", ["recv", "accept", "send"])
@in_runtime
async def test_an_owner_that_has_had_its_select_takes_the_queue_with_it(
    kind: str, how: str
) -> None:
    a, b = workers(2)
    it = await case_of(a, kind)
    info_of(await a.ask(it.nowait))
    info = info_of(await b.ask(it.nowait))
    await it.ready(a.mail)
    await a.dies(how)
    assert b.mail() == [aborted(it.sock, info, "closed")]


@every_ending
@pytest.mark.parametrize("kind", ["recv", "accept", "send"])
@in_runtime
async def test_an_owner_that_is_queued_takes_everybody_with_it(kind: str, how: str) -> None:
    a, b, c = workers(3)
    it = await case_of(a, kind)
    first = info_of(await b.ask(it.nowait))
    info_of(await a.ask(it.nowait))
    last = info_of(await c.ask(it.nowait))
    await a.dies(how)
    assert b.mail() == [aborted(it.sock, first, "closed")]
    assert c.mail() == [aborted(it.sock, last, "closed")]


@every_violent_ending
@every_body
@every_kind
@in_runtime
async def test_an_owner_that_is_blocked_takes_everybody_with_it(
    kind: str, body: str, how: str
) -> None:
    [a] = workers(1, body)
    [b] = workers(1)
    it = await case_of(a, kind)
    a.tell(it.blocking)
    await until(lambda: waiting(it.sock) == 1)
    if kind == "connect":
        await a.dies(how)
        assert is_closed(it.sock)
        return
    info = info_of(await b.ask(it.nowait))
    await a.dies(how)
    assert b.mail() == [aborted(it.sock, info, "closed")]
    assert is_closed(it.sock)


@in_runtime
async def test_all_the_sockets_of_a_process_close_with_it() -> None:
    [a] = workers(1)
    socks = [await a.ask(tcp) for _ in range(10)]
    kept = tcp()
    await a.dies("crash")
    assert all(map(is_closed, socks))
    assert socket.which_sockets() == [kept]


# --- after it has been given away -----------------------------------------------------------------


@every_ending
@in_runtime
async def test_the_former_owners_end_does_not_close_it(how: str) -> None:
    a, b = workers(2)
    sock, peer = await a.ask(connected)
    assert await a.ask(give, sock, b.pid) == Ok()
    await a.dies(how)
    peer.sendall(b"x")
    assert await b.ask(socket.recv, sock) == Ok(b"x")


@every_ending
@in_runtime
async def test_the_new_owners_end_closes_it(how: str) -> None:
    a, b, c = workers(3)
    sock, _peer = await a.ask(connected)
    assert await a.ask(give, sock, b.pid) == Ok()
    info = info_of(await c.ask(socket.recv_nowait, sock))
    await b.dies(how)
    assert c.mail() == [aborted(sock, info, "closed")]
    assert is_closed(sock)


@pytest.mark.parametrize("stage", ["before its select", "after its select", "queued"])
@every_ending
@in_runtime
async def test_the_former_owners_end_drops_what_it_waits_for(how: str, stage: str) -> None:
    a, b, c = workers(3)
    sock, peer = await a.ask(connected)
    first, second = (b, a) if stage == "queued" else (a, b)
    info_of(await first.ask(socket.recv_nowait, sock))
    info = info_of(await second.ask(socket.recv_nowait, sock))
    last = info_of(await c.ask(socket.recv_nowait, sock))
    assert await a.ask(give, sock, current_pid()) == Ok()
    if stage == "after its select":
        peer.sendall(b"abc")
        await until(a.mail)
    await a.dies(how)
    assert socket.info(sock).num_readers == 2
    if stage == "after its select":
        assert b.mail() == [selected(sock, info)]
    else:
        peer.sendall(b"abc")
        await until(b.mail)
    assert await b.ask(socket.recv_nowait, sock, 1) == Ok(b"a")
    assert c.mail() == [selected(sock, last)]


@in_runtime
async def test_giving_it_away_moves_neither_operations_nor_messages() -> None:
    a, b = workers(2)
    sock, peer = await a.ask(connected)
    info = info_of(await a.ask(socket.recv_nowait, sock))
    assert await a.ask(give, sock, b.pid) == Ok()
    peer.sendall(b"x")
    await until(a.mail)
    await at_rest()
    assert a.mail() == [selected(sock, info)]
    assert b.mail() == []
    assert await b.ask(socket.cancel, sock, info) == Error("select_info")
    assert await a.ask(socket.recv_nowait, sock) == Ok(b"x")


@in_runtime
async def test_a_former_owner_that_waits_no_more_is_not_watched() -> None:
    a, b = workers(2)
    sock, _peer = await a.ask(connected)
    assert await a.ask(give, sock, b.pid) == Ok()
    info = process_info(a.pid)
    assert info is not None
    assert info.monitored_by == []


@every_body
@in_runtime
async def test_a_blocked_process_may_be_made_the_owner(body: str) -> None:
    sock, peer = await connected()
    a, b = workers(2, body)
    a.tell(socket.recv, sock)
    await readers(sock, 1)
    assert give(sock, a.pid) == Ok()
    job = b.tell(socket.recv, sock)
    await readers(sock, 2)
    await a.dies("kill")
    assert await job.answer() == Error("closed")
    await until(lambda: peer.recv(1) == b"")


@in_runtime
async def test_a_socket_goes_through_many_hands() -> None:
    sock, peer = await connected()
    hands = workers(5)
    assert give(sock, hands[0].pid) == Ok()
    for one, other in pairwise(hands):
        assert await one.ask(give, sock, other.pid) == Ok()
        await one.dies("normal")
        peer.sendall(b"x")
        assert await socket.recv(sock) == Ok(b"x")
    await hands[-1].dies("normal")
    assert is_closed(sock)


# --- accepted sockets -----------------------------------------------------------------------------


@in_runtime
async def test_an_accepted_socket_survives_its_listener() -> None:
    listener, address = listening()
    caller = dial(address)
    [a] = workers(1)
    sock = ok(await a.ask(socket.accept, listener))
    ok(await socket.close(listener))
    caller.sendall(b"x")
    assert await a.ask(socket.recv, sock) == Ok(b"x")
    assert owner(sock) is a.pid


@every_ending
@in_runtime
async def test_an_accepted_socket_survives_the_owner_of_its_listener(how: str) -> None:
    a, b = workers(2)
    listener, address = await a.ask(listening)
    caller = dial(address)
    sock = ok(await b.ask(socket.accept, listener))
    await a.dies(how)
    assert is_closed(listener)
    caller.sendall(b"x")
    assert await b.ask(socket.recv, sock) == Ok(b"x")


@every_ending
@in_runtime
async def test_an_accepted_socket_closes_with_its_acceptor(how: str) -> None:
    listener, address = listening()
    caller = dial(address)
    [a] = workers(1)
    sock = ok(await a.ask(socket.accept, listener))
    await a.dies(how)
    assert is_closed(sock)
    assert not is_closed_listener(listener)
    assert caller.recv(1) == b""


def is_closed_listener(listener: Socket) -> bool:
    return owner(listener) is None


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
