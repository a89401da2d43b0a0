"""A thousand connections at once, and descriptors whose numbers are used again."""

import os
import resource
import socket as stdlib
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import attrs
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from actorsock import (
    Down,
    Error,
    Ok,
    Pid,
    Select,
    current_pid,
    exit,
    monitor,
    ok,
    open_runtime,
    process_info,
    processes,
    receive,
    send,
    socket,
    spawn,
    spawn_handler,
    spawn_monitor,
)
from actorsock.socket import SelectMessage, SockAddrIn, Socket

from ...stories import open_descriptors
from ..support import fd_of
from ..support_data import (
    address,
    connected,
    datagrams,
    every_domain,
    in_runtime,
    is_select_of,
    listener,
    pair,
    until,
)

CONNECTIONS = 1000
LINES = 1000
BATCH = 100
"""Lines that are sent together."""

ENOUGH = 2 * CONNECTIONS + 200


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """Both ends of every connection are ours."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < ENOUGH:
        resource.setrlimit(resource.RLIMIT_NOFILE, (ENOUGH, max(ENOUGH, hard)))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# --- a thousand connections ---------------------------------------------------------------------


@attrs.frozen
class Yours:
    """The receiver owns the socket from now on."""

    sock: Socket


@attrs.frozen
class Listening:
    where: SockAddrIn


@attrs.frozen
class Connected:
    pid: Pid


@attrs.frozen
class Go:
    pass


@attrs.frozen
class Checked:
    lines: int


@attrs.frozen
class Served:
    size: int


async def server(main: Pid, light: bool) -> None:
    async with listener(backlog=CONNECTIONS) as listening:
        where = ok(socket.sockname(listening))
        assert isinstance(where, SockAddrIn)
        send(main, Listening(where))
        while True:
            sock = ok(await socket.accept(listening))
            pid = spawn(connection, main, light=light)
            ok(socket.setopt(sock, "otp", "controlling_process", pid))
            send(pid, Yours(sock))


async def connection(main: Pid) -> None:
    """Send back what comes, until the peer has finished."""
    sock = (await receive(Yours)).sock
    size = 0
    while isinstance(answer := await socket.recv(sock), Ok):
        assert await socket.send(sock, answer.value) == Ok()
        size += len(answer.value)
    assert answer == Error("closed")
    assert await socket.close(sock) == Ok()
    send(main, Served(size))


async def client(main: Pid, number: int, where: SockAddrIn) -> None:
    """Send lines, and check each of those that come back."""
    sock = ok(socket.open("inet", "stream", "tcp"))
    assert await socket.connect(sock, where) == Ok()
    send(main, Connected(current_pid()))
    await receive(Go)
    checked = 0
    for first in range(0, LINES, BATCH):
        lines = [line(number, n) for n in range(first, first + BATCH)]
        data = b"".join(lines)
        assert await socket.send(sock, data) == Ok()
        back = ok(await socket.recv(sock, len(data))).splitlines(keepends=True)
        assert back == lines
        checked += len(back)
    assert await socket.close(sock) == Ok()
    send(main, Checked(checked))


def line(connection: int, number: int) -> bytes:
    return b"%d:%d\n" % (connection, number)


@pytest.mark.parametrize("light", [False, True], ids=["tasks", "light processes"])
async def test_a_thousand_connections_at_once(light: bool, many_descriptors: None) -> None:
    before = open_descriptors()
    with trio.fail_after(300):
        async with open_runtime():
            await _thousand(light)
            assert socket.number_of() == 1
    assert open_descriptors() == before


async def _thousand(light: bool) -> None:
    main = current_pid()
    serving, ref = spawn_monitor(server, main, light)
    where = (await receive(Listening)).where
    clients = {spawn(client, main, n, where, light=light) for n in range(CONNECTIONS)}
    assert {(await receive(Connected)).pid for _ in clients} == clients
    await until(lambda: socket.number_of() == 2 * CONNECTIONS + 1)
    for pid in clients:
        send(pid, Go())
    assert [(await receive(Checked)).lines for _ in clients] == [LINES] * CONNECTIONS
    sizes = [(await receive(Served)).size for _ in clients]
    assert sum(sizes) == sum(len(line(c, n)) for c in range(CONNECTIONS) for n in range(LINES))
    exit(serving, "shutdown")
    assert await receive(ref) == Down(ref, serving, "shutdown")
    # The listener was the server's. This keeps one for the count of the caller.
    ok(socket.open("inet", "stream"))


@in_runtime
async def test_connections_that_come_and_go_leave_nothing() -> None:
    parent = current_pid()

    async def answer_once() -> None:
        sock = (await receive(Yours)).sock
        data = ok(await socket.recv(sock, 4))
        ok(await socket.send(sock, data))
        if data < b"0500":
            ok(await socket.close(sock))
        # Otherwise it ends, and the socket with it.

    async def serve(listening: Socket) -> None:
        while True:
            sock = ok(await socket.accept(listening))
            pid = spawn(answer_once)
            ok(socket.setopt(sock, "otp", "controlling_process", pid))
            send(pid, Yours(sock))

    async with listener() as listening:
        where = ok(socket.sockname(listening))
        pid = spawn(serve, listening)
        descriptors = open_descriptors()
        alive = len(processes())
        watched = len(process_info(parent).monitored_by)  # type: ignore[union-attr]
        for n in range(1000):
            async with ok(socket.open("inet", "stream")) as sock:
                ok(await socket.connect(sock, where))
                ok(await socket.send(sock, b"%04d" % n))
                assert await socket.recv(sock, 4) == Ok(b"%04d" % n)
                assert await socket.recv(sock) == Error("closed")
        await until(lambda: len(processes()) == alive)
        assert open_descriptors() == descriptors
        assert socket.number_of() == 1
        assert len(process_info(parent).monitored_by) == watched  # type: ignore[union-attr]
        exit(pid, "kill")


# --- descriptors and their numbers --------------------------------------------------------------


@in_runtime
async def test_a_number_that_is_used_again_at_once() -> None:
    for _ in range(20):
        with datagrams() as (first, _), ExitStack():
            number = fd_of(first)
            gone = socket.recv_nowait(first)
            assert isinstance(gone, Select)
            ok(await socket.close(first))
            with datagrams() as (second, peer):
                assert fd_of(second) in (number, number + 1)
                selected = socket.recv_nowait(second)
                assert isinstance(selected, Select)
                peer.sendto(b"x", address(second))
                await receive(is_select_of(selected.info, second))
                assert socket.recv_nowait(second) == Ok(b"x")
                ok(await socket.close(second))


@every_domain
@in_runtime
async def test_a_number_that_is_used_again_by_one_that_waits(domain: str) -> None:
    numbers = set()
    for n in range(50):
        async with pair(domain) as (here, there), trio.open_nursery() as nursery:
            numbers |= {fd_of(here), fd_of(there)}
            nursery.start_soon(socket.recv, here)
            await wait_all_tasks_blocked()
            if n % 2:
                assert await socket.send(there, b"x") == Ok()
            else:
                nursery.cancel_scope.cancel()
    assert len(numbers) < 10


@every_domain
@in_runtime
async def test_two_sockets_on_one_descriptor(domain: str) -> None:
    async with connected(domain) as (sock, peer):
        twin = ok(socket.open_fd(fd_of(sock), dup=False))
        async with trio.open_nursery() as nursery:
            answers: list[Any] = []

            async def read(which: Socket) -> None:
                answers.append(await socket.recv(which, 1))

            nursery.start_soon(read, sock)
            await wait_all_tasks_blocked()
            nursery.start_soon(read, twin)
            await wait_all_tasks_blocked()
            peer.sendall(b"ab")
        assert sorted(ok(answer) for answer in answers) == [b"a", b"b"]
        selected = socket.recv_nowait(twin)
        assert isinstance(selected, Select)
        ok(await socket.close(twin))
        # The other goes on.
        peer.sendall(b"c")
        assert await socket.recv(sock, 1) == Ok(b"c")


@in_runtime
async def test_a_number_that_passes_on_while_its_readiness_is_told() -> None:
    """The number of a socket that is closed in the middle of a round of the poller."""
    with ExitStack() as stack:
        full = stdlib.socket()
        stack.enter_context(closing(full))
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        peer = stack.enter_context(closing(stdlib.socket(stdlib.AF_UNIX, stdlib.SOCK_DGRAM)))
        # From now on nobody can connect.
        stack.enter_context(closing(stdlib.create_connection(full.getsockname())))
        sockets: list[Socket] = []
        heard: list[Any] = []

        def owner(message: Any) -> None:
            match message:
                case "open":
                    for _ in range(2):
                        sock = ok(socket.open("local", "dgram"))
                        ok(socket.bind(sock, ""))
                        assert isinstance(socket.recv_nowait(sock), Select)
                        sockets.append(sock)
                case SelectMessage():
                    exit("told")

        def heir(message: Any) -> None:
            match message:
                case ("watch", Pid() as pid):
                    monitor(pid)
                case Down(reason="told"):
                    for _ in range(2):
                        sock = ok(socket.open("inet", "stream"))
                        assert isinstance(socket.connect_nowait(sock, full.getsockname()), Select)
                        sockets.append(sock)
                case other:
                    heard.append(other)

        owning = spawn_handler(owner)
        send(owning, "open")
        send(spawn_handler(heir), ("watch", owning))  # so the sockets hear of its end first
        await wait_all_tasks_blocked()
        numbers = {fd_of(sock) for sock in sockets}
        # Both become ready for the same round.
        for sock in reversed(sockets[:2]):
            peer.sendto(b"x", address(sock))
        await until(lambda: len(sockets) == 4)
        await wait_all_tasks_blocked()
        assert {fd_of(sock) for sock in sockets[2:]} == numbers
        assert heard == []
        for sock in sockets[2:]:
            assert "connecting" in socket.info(sock).wstates


@in_runtime
async def test_a_file_can_be_opened_beside_all_that() -> None:
    async with pair() as (here, there):
        duplicate = os.dup(fd_of(here))
        ok(await socket.close(here))
        # The connection lives on in the duplicate, and the socket is closed all the same.
        assert await socket.recv(here) == Error("closed")
        with closing(stdlib.socket(fileno=duplicate)) as other:
            other.send(b"x")
            assert await socket.recv(there) == Ok(b"x")
        assert await socket.recv(there) == Error("closed")
