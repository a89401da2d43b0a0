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
    ok,
    process_info,
    processes,
    receive,
    send,
    socket,
    spawn_handler,
)
from actorsock.socket import SelectMessage, Socket

from ...stories import in_runtime, until
from ..support import (
    STUCK,
    VIOLENT,
    Case,
    Worker,
    aborted,
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
    """Return whether the socket is closed, and assert that all functions agree."""
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
async def test_the_process_that_opens_a_socket_owns_it(body: str) -> None:
    [a] = workers(1, body)
    sock = await a.ask(tcp)
    assert owner(sock) is a.pid
    # Anybody may ask.
    assert socket.getopt(sock, "otp", "controlling_process") == Ok(a.pid)


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


@in_runtime
async def test_the_owner_may_give_it_to_itself() -> None:
    [a] = workers(1)
    sock = await a.ask(tcp)
    assert await a.ask(give, sock, a.pid) == Ok()
    assert owner(sock) is a.pid
    await a.dies("normal")
    assert is_closed(sock)


@in_runtime
async def test_only_the_owner_gives_a_socket_away() -> None:
    a, b, dead = workers(3)
    await dead.dies("normal")
    sock = await a.ask(tcp)
    for to in (a.pid, b.pid, dead.pid, current_pid()):
        assert await b.ask(give, sock, to) == Error("not_owner")
        assert give(sock, to) == Error("not_owner")
    assert owner(sock) is a.pid


@pytest.mark.parametrize("wrong", [None, 1, "a name", object()])
@in_runtime
async def test_a_socket_is_given_to_processes_only(wrong: Any) -> None:
    sock = tcp()
    with pytest.raises(TypeError, match="value"):
        give(sock, wrong)
    assert owner(sock) is current_pid()


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


ROLES = {
    "does not wait": "bc",
    "does not wait, another is selected": "bc",
    "is current": "abc",
    "is selected": "abc",
    "is queued": "bac",
}


@every_ending
@pytest.mark.parametrize(
    ("kind", "role"),
    [
        ("connect", "does not wait"),
        *((kind, role) for kind in ("recv", "accept", "send") for role in ROLES),
    ],
)
@in_runtime
async def test_the_end_of_the_owner_aborts_all_who_wait(kind: str, role: str, how: str) -> None:
    by_name = dict(zip("abc", workers(3), strict=True))
    owner = by_name["a"]
    it = await case_of(owner, kind)
    line = [by_name[name] for name in ("b" if kind == "connect" else ROLES[role])]
    infos = [info_of(await worker.ask(it.nowait)) for worker in line]
    if role.endswith("selected"):
        await it.ready(line[0].mail)
    await owner.dies(how)
    for worker, info in zip(line, infos, strict=True):
        if worker is not owner:
            is_selected = worker is line[0] and role.endswith("selected")
            message = selected(it.sock, info) if is_selected else aborted(it.sock, info, "closed")
            assert worker.mail() == [message]
    if line[0] is not owner:
        assert await line[0].ask(it.again) == Error("closed")
    assert is_closed(it.sock)


@every_violent_ending
@every_body
@every_kind
@in_runtime
async def test_the_end_of_a_blocked_owner_closes_its_socket(kind: str, body: str, how: str) -> None:
    [a] = workers(1, body)
    [b] = workers(1)
    it = await case_of(a, kind)
    a.tell(it.blocking)
    await until(lambda: waiting(it.sock) == 1)
    expected = []
    if kind != "connect":
        expected = [aborted(it.sock, info_of(await b.ask(it.nowait)), "closed")]
    await a.dies(how)
    assert b.mail() == expected
    assert is_closed(it.sock)


@every_body
@every_ending
@every_kind
@in_runtime
async def test_the_end_of_the_owner_answers_a_blocked_process(
    kind: str, how: str, body: str
) -> None:
    [a] = workers(1)
    [b] = workers(1, body)
    it = await case_of(a, kind)
    job = b.tell(it.blocking)
    await until(lambda: waiting(it.sock) == 1)
    await a.dies(how)
    answer = await job.answer()
    assert answer == Error("closed", answer.data)
    assert (answer.data is None) == (kind != "send")


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
async def test_the_socket_lives_as_long_as_its_new_owner(how: str) -> None:
    a, b, c = workers(3)
    sock, peer = await a.ask(connected)
    assert await a.ask(give, sock, b.pid) == Ok()
    await a.dies(how)
    peer.sendall(b"x")
    assert await b.ask(socket.recv, sock) == Ok(b"x")
    info = info_of(await c.ask(socket.recv_nowait, sock))
    await b.dies(how)
    assert c.mail() == [aborted(sock, info, "closed")]
    assert is_closed(sock)
    await until(lambda: peer.recv(1) == b"")


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


# --- accepted sockets -----------------------------------------------------------------------------


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
