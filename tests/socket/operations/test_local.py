"""Local (Unix) sockets: paths, abstract names, peers without a name, descriptors in messages."""

import os
import socket as stdlib
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
import trio

from actorsock import Error, Ok, ok, socket
from actorsock.socket import ControlMessage, Msg, SockAddrUn, SockAddrUnspec

from ..support import readers, took
from ..support_data import (
    NUMBERS,
    Outcome,
    arrived,
    broken,
    connected,
    datagrams,
    in_runtime,
    pair,
    until,
)

# --- names --------------------------------------------------------------------------------------


@in_runtime
async def test_a_path_outlives_its_socket(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    async with ok(socket.open("local", "stream")) as first:
        ok(socket.bind(first, path))
        assert socket.bind(first, tmp_path / "another") == Error("einval")
    async with ok(socket.open("local", "stream")) as second:
        assert socket.bind(second, path) == Error("eaddrinuse")
        path.unlink()
        assert socket.bind(second, path) == Ok(0)


@in_runtime
async def test_abstract_names() -> None:
    name = b"\0actorsock test %d" % os.getpid()
    for abstract in (name, name.ljust(108, b"x")):
        async with ok(socket.open("local", "dgram")) as sock:
            ok(socket.bind(sock, abstract))
            assert socket.sockname(sock) == Ok(SockAddrUn(abstract))
            async with ok(socket.open("local", "dgram")) as other:
                assert socket.bind(other, abstract) == Error("eaddrinuse")
                assert await socket.sendto(other, b"hello", abstract) == Ok()
                assert await socket.recvfrom(sock) == Ok((SockAddrUnspec(), b"hello"))
        async with ok(socket.open("local", "dgram")) as other:
            assert await socket.sendto(other, b"hello", abstract) == Error("econnrefused")


@in_runtime
async def test_the_system_chooses_a_name() -> None:
    async with ok(socket.open("local", "stream")) as sock:
        assert socket.sockname(sock) == Ok(SockAddrUn(""))
        assert socket.bind(sock, "") == Ok(0)
        name = ok(socket.sockname(sock))
        assert isinstance(name, SockAddrUn)
        assert isinstance(name.path, bytes)
        assert len(name.path) == 6
        assert name.path[0] == 0


@in_runtime
async def test_names_that_lead_nowhere(tmp_path: Path) -> None:
    with closing(stdlib.socket(stdlib.AF_UNIX, stdlib.SOCK_DGRAM)) as dgram:
        dgram.bind(str(tmp_path / "dgram"))
        with closing(stdlib.socket(stdlib.AF_UNIX, stdlib.SOCK_STREAM)) as stream:
            stream.bind(str(tmp_path / "silent"))
            nowhere = {
                tmp_path / "missing": "enoent",
                tmp_path / "silent": "econnrefused",
                tmp_path / "dgram": "eprototype",
                b"\0nobody is here": "econnrefused",
                "": "einval",
            }
            for path, reason in nowhere.items():
                async with ok(socket.open("local", "stream")) as sock:
                    assert await socket.connect(sock, path) == Error(reason)
                    assert socket.connect_nowait(sock, path) == Error(reason)
            for path, reason in {
                tmp_path / "missing": "enoent",
                tmp_path / "silent": "eprototype",
            }.items():
                async with ok(socket.open("local", "dgram")) as sock:
                    assert await socket.sendto(sock, b"x", path) == Error(reason)
    async with ok(socket.open("local", "stream")) as sock:
        assert socket.bind(sock, tmp_path / "no" / "directory") == Error("enoent")
        for word in ("any", "loopback", "broadcast"):
            assert socket.bind(sock, word) == Error("eafnosupport")
        assert socket.bind(sock, {"family": "inet", "addr": "loopback"}) == Error("einval")
        to_inet = {"family": "inet", "addr": "loopback", "port": 9}
        assert await socket.connect(sock, to_inet) == Error("einval")


@in_runtime
async def test_a_full_backlog(tmp_path: Path) -> None:
    async with ok(socket.open("local", "stream")) as listening:
        ok(socket.bind(listening, tmp_path / "socket"))
        ok(socket.listen(listening, 0))
        answer: Any = Ok()
        clients = []
        while answer == Ok():
            clients.append(ok(socket.open("local", "stream")))
            answer = await socket.connect(clients[-1], tmp_path / "socket")
        assert answer == Error("eagain")
        assert len(clients) == 2
        ok(await socket.accept(listening))
        assert await socket.connect(clients[-1], tmp_path / "socket") == Ok()


# --- the name of the sender -----------------------------------------------------------------------


@pytest.mark.parametrize("type", ["stream", "seqpacket"])
@in_runtime
async def test_only_a_peer_with_a_path_gives_it_with_its_data(tmp_path: Path, type: str) -> None:
    path = tmp_path / "socket"
    async with named_pair(path, type) as (client, server):
        name = SockAddrUn(str(path))
        for sender, receiver, source in ((server, client, name), (client, server, None)):
            for data in (b"one", b"two"):
                ok(await socket.send(sender, data))
            expected = SockAddrUnspec() if source is None else source
            assert await socket.recvfrom(receiver, 3) == Ok((expected, b"one"))
            assert await socket.recvmsg(receiver, 3) == Ok(Msg(source, (b"two",), (), ()))


@in_runtime
async def test_held_data_comes_from_the_same_peer(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    async with named_pair(path, "stream") as (client, server):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(socket.recv, client, 100)
            await readers(client)
            ok(await socket.send(server, b"onetwo"))
            await until(took(client, 6))
            nursery.cancel_scope.cancel()
        name = SockAddrUn(str(path))
        assert await socket.recvfrom(client, 3) == Ok((name, b"one"))
        assert await socket.recvmsg(client) == Ok(Msg(name, (b"two",), (), ()))


@asynccontextmanager
async def named_pair(path: Path, type: str) -> AsyncIterator[tuple[socket.Socket, socket.Socket]]:
    """A client, and its server, which has a path."""
    async with ok(socket.open("local", type)) as listening:
        ok(socket.bind(listening, path))
        ok(socket.listen(listening))
        async with ok(socket.open("local", type)) as client:
            ok(await socket.connect(client, path))
            async with ok(await socket.accept(listening)) as server:
                yield client, server


# --- the end ------------------------------------------------------------------------------------


@in_runtime
async def test_a_peer_that_closes_without_having_read() -> None:
    async with connected("local") as (sock, peer):
        ok(await socket.send(sock, b"unread"))
        peer.sendall(b"data")
        await arrived(sock, 4)
        peer.close()
        await broken(sock)
        assert await socket.recv(sock) == Ok(b"data")
        assert await socket.recv(sock) == Error("econnreset")
        assert await socket.recv(sock) == Error("closed")
        assert await socket.send(sock, b"x") == Error("epipe")


@in_runtime
async def test_a_peer_that_closes_without_having_read_while_we_wait() -> None:
    async with connected("local") as (sock, peer), trio.open_nursery() as nursery:
        ok(await socket.send(sock, b"unread"))
        outcome = Outcome(nursery, socket.recv, sock, 10)
        await readers(sock)
        peer.sendall(b"part")
        await until(took(sock, 4))
        peer.close()
        assert await outcome.get() == Error("econnreset", b"part")


@in_runtime
async def test_sending_to_a_peer_that_has_closed() -> None:
    async with connected("local") as (sock, peer):
        peer.close()
        assert await socket.send(sock, b"x") == Error("epipe")
        assert await socket.recv(sock) == Error("closed")


@in_runtime
async def test_a_datagram_peer_that_has_closed() -> None:
    with datagrams("local") as (sock, peer):
        name = peer.getsockname()
        ok(await socket.connect(sock, name))
        peer.close()
        assert await socket.send(sock, b"x") == Error("econnrefused")
        assert await socket.send(sock, b"x") == Error("enotconn")
        assert await socket.recv(sock, timeout=0) == Error("timeout")
        assert await socket.sendto(sock, b"x", name) == Error("econnrefused")


# --- descriptors and credentials ----------------------------------------------------------------


@pytest.mark.parametrize("type", ["stream", "dgram", "seqpacket"])
@in_runtime
async def test_a_descriptor_travels_in_a_message(type: str) -> None:
    here, there = (
        ok(socket.open_fd(end.detach())) for end in stdlib.socketpair(stdlib.AF_UNIX, NUMBERS[type])
    )
    for end in (here, there):
        # The pair's own descriptors: the sockets have duplicates.
        os.close(_origin(end))
    reading, writing = os.pipe()
    message = {
        "iov": [b"take ", b"this"],
        "ctrl": [{"level": "socket", "type": "rights", "data": struct.pack("i", writing)}],
    }
    assert await socket.sendmsg(here, message) == Ok()
    os.close(writing)
    match await socket.recvmsg(there):
        case Ok(Msg(None, (b"take this",), (ControlMessage("socket", "rights", raw),), ())):
            (received,) = struct.unpack("i", raw)
        case other:
            pytest.fail(f"not what was sent: {other}")
    assert not os.get_inheritable(received)
    os.write(received, b"through the pipe")
    os.close(received)
    assert os.read(reading, 100) == b"through the pipe"
    assert os.read(reading, 100) == b""
    os.close(reading)


def _origin(sock: socket.Socket) -> int:
    match socket.info(sock).ctype:
        case ("fromfd", int(fd)):
            return fd
        case other:
            raise AssertionError(other)


@in_runtime
async def test_a_descriptor_goes_with_the_first_bytes_of_a_long_message() -> None:
    data = bytes(2**22)
    async with pair("local") as (here, there), trio.open_nursery() as nursery:
        reading, writing = os.pipe()
        ctrl = ControlMessage("socket", "rights", struct.pack("i", reading))
        outcome = Outcome(nursery, lambda: socket.sendmsg(here, Msg(iov=[data], ctrl=[ctrl])))
        first = ok(await socket.recvmsg(there))
        assert len(first.ctrl) == 1
        os.close(*struct.unpack("i", first.ctrl[0].data))
        left = len(data) - len(first.iov[0])
        while left:
            message = ok(await socket.recvmsg(there, 2**20))
            assert message.ctrl == ()
            left -= len(message.iov[0])
        assert await outcome.get() == Ok()
        os.close(reading)
        os.close(writing)


@in_runtime
async def test_no_room_for_a_descriptor() -> None:
    async with pair("local") as (here, there):
        before = set(os.listdir("/proc/self/fd"))
        ctrl = [{"level": "socket", "type": "rights", "data": struct.pack("ii", 0, 0)}]
        assert await socket.sendmsg(here, {"iov": [b"x"], "ctrl": ctrl}) == Ok()
        message = ok(await socket.recvmsg(there, 0, 4))
        assert (message.iov, message.ctrl, message.flags) == ((b"x",), (), ("ctrunc",))
        assert set(os.listdir("/proc/self/fd")) == before


@in_runtime
async def test_the_kernel_vouches_for_the_sender() -> None:
    async with pair("local") as (here, there):
        ok(socket.setopt(there, "socket", "passcred", True))
        ok(await socket.send(here, b"it is me"))
        match await socket.recvmsg(there):
            case Ok(Msg(_, (b"it is me",), (ControlMessage("socket", "credentials") as said,))):
                assert said.data == struct.pack("iII", os.getpid(), os.getuid(), os.getgid())
            case other:
                pytest.fail(f"no credentials: {other}")
