"""Local (Unix) sockets: paths, abstract names, peers without a name, descriptors in messages."""

import os
import socket as stdlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path

import pytest
import trio

from actorsock import Error, Ok, ok, socket
from actorsock.socket import Msg, SockAddrUn, SockAddrUnspec

from ..support import readers, took, writers
from ..support_data import Outcome, datagrams, in_runtime, until

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


# --- room: receivers have a short queue ----------------------------------------------------------


@in_runtime
async def test_a_receiver_that_others_have_crowded() -> None:
    with (
        datagrams("local") as (sock, peer),
        closing(stdlib.socket(stdlib.AF_UNIX, stdlib.SOCK_DGRAM)) as other,
    ):
        other.setblocking(False)
        count = 0
        with suppress(BlockingIOError):
            while True:
                other.sendto(b"%d" % count, peer.getsockname())
                count += 1
        assert await socket.sendto(sock, b"late", peer.getsockname(), timeout=0.01) == Error(
            "timeout"
        )
        async with trio.open_nursery() as nursery:
            outcome = Outcome(nursery, socket.sendto, sock, b"late", peer.getsockname())
            await writers(sock)
            received = [peer.recv(100) for _ in range(count)]
            assert await outcome.get() == Ok()
        assert [*received, peer.recv(100)] == [*(b"%d" % n for n in range(count)), b"late"]
