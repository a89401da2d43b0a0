"""open_fd: sockets on descriptors that somebody else has opened, with and without a copy."""

import os
import resource
import socket as stdlib
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from actorsock import (
    Error,
    Ok,
    Pid,
    Select,
    current_pid,
    ok,
    open_runtime,
    receive,
    send,
    socket,
    spawn,
)
from actorsock.socket import AbortMessage, SelectMessage, Socket

from ..support import busy_host, tcp

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what is told is Linux's")


Foreign = tuple[stdlib.socket, stdlib.socket]


@pytest.fixture
def stream() -> Iterator[Foreign]:
    """Both ends of a local stream, opened by somebody else."""
    left, right = stdlib.socketpair()
    with left, right:
        yield left, right


@pytest.fixture
def packets() -> Iterator[Foreign]:
    """The same with messages."""
    left, right = stdlib.socketpair(stdlib.AF_UNIX, stdlib.SOCK_DGRAM)
    with left, right:
        yield left, right


def kind(sock: Socket) -> tuple[Any, Any, Any]:
    info = socket.info(sock)
    return info.domain, info.type, info.protocol


def is_open(fd: int) -> bool:
    with suppress(OSError):
        os.fstat(fd)
        return True
    return False


def receiver(sock: Socket, length: int = 0) -> Pid:
    """A process that receives once and tells the result."""

    async def process(dest: Pid) -> None:
        send(dest, await socket.recv(sock, length))

    return spawn(process, current_pid())


# --- with a duplicate ------------------------------------------------------------------------


async def test_a_duplicate_is_closed_and_the_original_lives(stream: Foreign, runtime: None) -> None:
    left, right = stream
    sock = ok(socket.open_fd(left.fileno()))
    fd = ok(socket.getopt(sock, "otp", "fd"))
    assert fd != left.fileno()
    assert not os.get_inheritable(fd)
    ok(await socket.send(sock, b"one"))
    assert right.recv(10) == b"one"
    ok(await socket.close(sock))
    assert not is_open(fd)
    left.send(b"two")
    assert right.recv(10) == b"two"


async def test_the_original_may_be_closed_before(stream: Foreign, runtime: None) -> None:
    left, right = stream
    sock = ok(socket.open_fd(left.fileno()))
    receiver(sock)
    await wait_all_tasks_blocked()
    left.close()
    right.send(b"still there")
    assert await receive() == Ok(b"still there")
    right.close()
    assert await socket.recv(sock) == Error("closed")


async def test_the_duplicate_closes_with_its_owner(stream: Foreign, runtime: None) -> None:
    left, right = stream

    async def owner() -> None:
        ok(socket.open_fd(left.fileno()))

    spawn(owner)
    await wait_all_tasks_blocked()
    assert socket.number_of() == 0
    left.send(b"mine")
    assert right.recv(10) == b"mine"


# --- without ---------------------------------------------------------------------------------


async def test_the_descriptor_itself_outlives_the_socket(stream: Foreign, runtime: None) -> None:
    left, right = stream
    sock = ok(socket.open_fd(left.fileno(), dup=False))
    assert socket.getopt(sock, "otp", "fd") == Ok(left.fileno())
    receiver(sock)
    await wait_all_tasks_blocked()
    right.send(b"hello")
    assert await receive() == Ok(b"hello")
    receiver(sock)
    await wait_all_tasks_blocked()
    ok(await socket.close(sock))
    assert await receive() == Error("closed")
    left.send(b"mine")
    assert right.recv(10) == b"mine"
    again = ok(socket.open_fd(left.fileno(), dup=False))
    right.send(b"again")
    assert await socket.recv(again) == Ok(b"again")


async def test_a_shared_descriptor_outlives_owner_and_runtime(stream: Foreign) -> None:
    left, right = stream
    async with open_runtime():
        sock = ok(socket.open_fd(left.fileno(), dup=False))
        assert isinstance(socket.recv_nowait(sock), Select)
    left.send(b"mine")
    assert right.recv(10) == b"mine"


async def test_closed_by_its_other_owner(stream: Foreign, runtime: None) -> None:
    left, _ = stream
    sock = ok(socket.open_fd(left.fileno(), dup=False))
    left.close()
    assert await socket.recv(sock) == Error("ebadf")
    assert await socket.send(sock, b"x") == Error("ebadf")
    assert await socket.sendmsg(sock, {"iov": [b"x"]}) == Error("ebadf")
    assert await socket.accept(sock) == Error("ebadf")
    assert await socket.connect(sock, "/somewhere") == Error("ebadf")
    assert socket.bind(sock, "") == Error("ebadf")
    assert socket.listen(sock) == Error("ebadf")
    assert socket.sockname(sock) == Error("ebadf")
    assert socket.peername(sock) == Error("ebadf")
    assert socket.shutdown(sock, "write") == Error("ebadf")
    assert socket.setopt(sock, "socket", "keepalive", True) == Error("ebadf")
    assert socket.getopt(sock, "socket", "keepalive") == Error("ebadf")
    assert socket.ioctl(sock, "nread") == Error("ebadf")
    assert socket.ioctl(sock, "gifconf") == Error("ebadf")
    assert socket.info(sock).rstates == ()
    assert await socket.close(sock) == Ok()


async def test_the_number_may_be_reused_by_another_socket(stream: Foreign, runtime: None) -> None:
    left, _ = stream
    fd = left.fileno()
    old = ok(socket.open_fd(fd, dup=False))
    assert await socket.recv(old, timeout=0.001) == Error("timeout")
    left.close()
    new = ok(socket.open("inet", "dgram"))
    assert socket.getopt(new, "otp", "fd") == Ok(fd)
    ok(socket.bind(new, "loopback"))
    match socket.recv_nowait(new):
        case Select(info):
            pass
    ok(await socket.close(old))
    ok(await socket.sendto(new, b"hello", ok(socket.sockname(new))))
    assert await receive() == SelectMessage(new, "recv", info.ref)
    assert socket.recv_nowait(new) == Ok(b"hello")


# --- several on one --------------------------------------------------------------------------


@pytest.mark.parametrize("dups", [(False, False), (True, False), (True, True)])
async def test_two_sockets_on_one_descriptor_wait_at_once(
    dups: tuple[bool, bool], packets: Foreign, runtime: None
) -> None:
    left, right = packets
    first, second = (ok(socket.open_fd(left.fileno(), dup=dup)) for dup in dups)
    receiver(first)
    receiver(second)
    await wait_all_tasks_blocked()
    right.send(b"hello")
    right.send(b"hello")
    assert [await receive(), await receive()] == [Ok(b"hello"), Ok(b"hello")]
    # One of them leaves; the other's readiness is not the worse for it.
    receiver(second)
    assert isinstance(socket.recv_nowait(first), Select)
    await wait_all_tasks_blocked()
    ok(await socket.close(first))
    assert isinstance(await receive(), AbortMessage)
    right.send(b"hello")
    assert await receive() == Ok(b"hello")
    ok(await socket.close(second))
    left.send(b"mine")
    assert right.recv(10) == b"mine"


async def test_one_reads_while_the_other_writes(stream: Foreign, runtime: None) -> None:
    left, right = stream
    reader, writer = (ok(socket.open_fd(left.fileno(), dup=False)) for _ in range(2))
    theirs = ok(socket.open_fd(right.fileno(), dup=False))
    data = os.urandom(1_000_000)

    async def writes(dest: Pid) -> None:
        send(dest, await socket.send(writer, data))

    spawn(writes, current_pid())
    receiver(reader, 5)
    await wait_all_tasks_blocked()
    assert await socket.recv(theirs, len(data)) == Ok(data)
    assert await receive() == Ok()
    ok(await socket.send(theirs, b"hello"))
    assert await receive() == Ok(b"hello")


# --- what is known of it ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("opened", "told"),
    [
        ((stdlib.AF_INET, stdlib.SOCK_STREAM), ("inet", "stream", "tcp")),
        ((stdlib.AF_INET6, stdlib.SOCK_DGRAM), ("inet6", "dgram", "udp")),
        ((stdlib.AF_UNIX, stdlib.SOCK_SEQPACKET), ("local", "seqpacket", "ip")),
    ],
)
async def test_the_kernel_tells_what_it_is(opened: Any, told: Any, runtime: None) -> None:
    elsewhere: dict[str, Any] = {"domain": "local", "type": "raw", "protocol": "icmp"}
    with stdlib.socket(*opened) as foreign:
        for given in ({}, elsewhere):
            sock = ok(socket.open_fd(foreign.fileno(), **given))
            assert kind(sock) == told
            assert socket.info(sock).wstates == ()
            ok(await socket.close(sock))


async def test_a_connected_one_is_connected(stream: Foreign, runtime: None) -> None:
    sock = ok(socket.open_fd(stream[0].fileno()))
    assert socket.info(sock).wstates == ("connected",)
    assert socket.peername(sock) == Ok(socket.SockAddrUn(""))
    assert await socket.send(sock, b"hello") == Ok()


async def test_a_listening_one_accepts(runtime: None) -> None:
    with stdlib.create_server(("127.0.0.1", 0)) as foreign:
        listener = ok(socket.open_fd(foreign.fileno()))
        assert socket.sockname(listener) == Ok(socket.SockAddrIn(*foreign.getsockname()))
        assert isinstance(socket.accept_nowait(listener), Select)
        with stdlib.create_connection(foreign.getsockname()) as client:
            await receive(SelectMessage)
            accepted = ok(socket.accept_nowait(listener))
            client.send(b"hello")
            assert await socket.recv(accepted, 5) == Ok(b"hello")


@pytest.mark.parametrize("dup", [True, False])
async def test_the_descriptor_does_not_block_from_then_on(
    dup: bool, stream: Foreign, runtime: None
) -> None:
    left, _ = stream
    ok(socket.open_fd(left.fileno(), dup=dup))
    assert os.get_blocking(left.fileno()) is False


# --- what is no socket -----------------------------------------------------------------------


@pytest.fixture
def pipe() -> Iterator[int]:
    reading, writing = os.pipe()
    yield reading
    os.close(reading)
    os.close(writing)


@pytest.mark.parametrize("dup", [True, False])
async def test_a_descriptor_that_is_no_socket_raises(dup: bool, pipe: int, runtime: None) -> None:
    closed = os.dup(pipe)
    os.close(closed)
    for fd in (pipe, closed):
        with pytest.raises(ValueError, match=f"fd: {fd} is no open socket"):
            socket.open_fd(fd, dup=dup)
        with pytest.raises(ValueError, match=f"fd: {fd} is no open socket"):
            socket.open_fd(fd, dup=dup, domain="inet")
    for fd in (-1, 2**31, 2**64):
        with pytest.raises(ValueError, match=f"fd: expected .* got {fd}"):
            socket.open_fd(fd, dup=dup, domain="inet", type="stream")
    assert is_open(pipe)


async def test_a_descriptor_that_is_no_socket_although_its_kind_was_given(
    pipe: int, runtime: None
) -> None:
    socket.info()  # what the runtime opens for itself is open by then
    closed = os.dup(pipe)
    os.close(closed)
    for dup in (True, False):
        result = socket.open_fd(pipe, dup=dup, domain="inet", type="stream", protocol="tcp")
        assert result == Error("enotsock")
        result = socket.open_fd(closed, dup=dup, domain="inet", type="stream")
        assert result == Error("ebadf")
    assert socket.info().counters["num_sockets"] == 0
    assert is_open(pipe)


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"fd": "1"}, TypeError, "fd: expected the number"),
        ({"fd": True}, TypeError, "fd: expected the number"),
        ({"fd": None}, TypeError, "fd: expected the number"),
        ({"dup": 1}, TypeError, "dup: expected a bool"),
        ({"domain": "foo"}, ValueError, "domain: expected one of"),
        ({"type": "rdm"}, ValueError, "type: expected one of"),
        ({"protocol": "bogus"}, ValueError, "protocol: expected"),
        ({"protocol": 2**31}, ValueError, "protocol: expected"),
    ],
)
async def test_a_wrong_argument(
    arguments: dict[str, Any], error: type[Exception], says: str, stream: Foreign, runtime: None
) -> None:
    with pytest.raises(error, match=says):
        socket.open_fd(**{"fd": stream[0].fileno(), **arguments})


async def test_when_there_are_no_descriptors_left(stream: Foreign, runtime: None) -> None:
    first = ok(socket.open_fd(stream[0].fileno()))
    ok(await socket.close(first))
    taken = []
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, before[1]))
    try:
        with suppress(OSError):
            while True:
                taken.append(os.dup(stream[0].fileno()))
        assert socket.open_fd(stream[0].fileno()) == Error("emfile")
        assert socket.open("inet", "stream") == Error("emfile")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        for fd in taken:
            os.close(fd)


async def test_two_on_a_descriptor_are_told_both_and_one_of_them_closes_it(
    runtime: None, stream: Foreign
) -> None:
    left, right = stream
    first = ok(socket.open_fd(left.fileno()))
    left.close()
    second = ok(socket.open_fd(ok(socket.getopt(first, "otp", "fd")), dup=False))
    selects = [socket.recv_nowait(sock) for sock in (first, second)]
    right.sendall(b"to whom?")
    for select in selects:
        assert isinstance(select, Select)
        assert isinstance(await receive(select.info.ref), SelectMessage)
    assert socket.recv_nowait(second) == Ok(b"to whom?")
    ok(await socket.close(first))
    right.settimeout(30)
    assert right.recv(1) == b""
    ok(await socket.close(second))


async def test_a_connect_is_not_over_because_another_socket_on_the_descriptor_is_closed(
    runtime: None,
) -> None:
    target, held = busy_host()
    with target, held:
        connecting = tcp()
        fd = ok(socket.getopt(connecting, "otp", "fd"))
        answers: list[object] = []

        async def connects() -> None:
            answers.append(await socket.connect(connecting, target.getsockname(), 0.1))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(connects)
            await wait_all_tasks_blocked()
            other = ok(socket.open_fd(fd, dup=False))
            assert isinstance(socket.recv_nowait(other), Select)
            ok(await socket.close(other))
        assert answers == [Error("timeout")]
        ok(await socket.close(connecting))
