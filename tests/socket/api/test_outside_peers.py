"""Peers that are not ours: the standard library, asyncio, trio, another program.

The documentation's own client and server, ported line by line, are the first of them.
"""

import asyncio
import http.server
import socket as stdlib
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from actorsock import Error, Ok, Pid, current_pid, ok, receive, run, send, socket, spawn
from actorsock.socket import Socket

from ..support_data import address, in_runtime, listener, over_ip, pattern

MEGABYTE = 2**20


# --- the documentation's client and server ------------------------------------------------------


async def client(addr: str, server_addr: str, server_port: int) -> None:
    sock = ok(socket.open("inet", "stream", "tcp"))
    ok(socket.bind(sock, {"family": "inet", "addr": addr}))
    ok(await socket.connect(sock, {"family": "inet", "addr": server_addr, "port": server_port}))
    msg = b"hello"
    ok(await socket.send(sock, msg))
    ok(socket.shutdown(sock, "write"))
    assert ok(await socket.recv(sock)) == msg
    ok(await socket.close(sock))


async def server(addr: str, port: int, parent: Pid) -> None:
    listening = ok(socket.open("inet", "stream", "tcp"))
    bound = ok(socket.bind(listening, {"family": "inet", "port": port, "addr": addr}))
    ok(socket.listen(listening))
    send(parent, bound)  # port 0 was asked for, so that tests do not meet
    sock = ok(await socket.accept(listening))
    msg = ok(await socket.recv(sock))
    ok(await socket.send(sock, msg))
    ok(socket.shutdown(sock, "write"))
    ok(await socket.close(sock))
    ok(await socket.close(listening))
    send(parent, "served")


class Echo(socketserver.BaseRequestHandler):
    """Sends back what comes, until its end."""

    def handle(self) -> None:
        while data := self.request.recv(MEGABYTE):
            self.request.sendall(data)


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[Any]:
    """A server of the standard library, in a thread of its own."""
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.server_address
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Threading(socketserver.ThreadingTCPServer):
    request_queue_size = 100


@in_runtime
async def test_the_documented_client() -> None:
    with serving(Threading(("127.0.0.1", 0), Echo)) as (_, port):
        await client("127.0.0.1", "127.0.0.1", port)


@in_runtime
async def test_the_documented_server() -> None:
    spawn(server, "127.0.0.1", 0, current_pid())
    port = await receive(int)

    def plain_client() -> bytes:
        with stdlib.create_connection(("127.0.0.1", port)) as peer:
            peer.sendall(b"hello")
            peer.shutdown(stdlib.SHUT_WR)
            return b"".join(iter(lambda: peer.recv(100), b""))

    assert await trio.to_thread.run_sync(plain_client) == b"hello"
    assert await receive(str) == "served"


@in_runtime
async def test_the_documented_client_and_the_documented_server() -> None:
    spawn(server, "loopback", 0, current_pid())
    await client("any", "loopback", await receive(int))
    assert await receive(str) == "served"


def test_the_documented_pair_as_a_program() -> None:
    async def main() -> str:
        spawn(server, "127.0.0.1", 0, current_pid())
        await client("127.0.0.1", "127.0.0.1", await receive(int))
        return await receive(str)

    assert run(main) == "served"


# --- servers that are not ours ------------------------------------------------------------------


async def talk(sock: Socket) -> None:
    """Have an echo server send back lines, something long, and its end."""
    for n in range(200):
        line = b"line %d\n" % n
        assert await socket.send(sock, line) == Ok()
        assert await socket.recv(sock, len(line)) == Ok(line)
    data = pattern(2 * MEGABYTE)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_send_and_shut, sock, data)
        assert await socket.recv(sock, len(data)) == Ok(data)
    assert await socket.recv(sock) == Error("closed")


async def _send_and_shut(sock: Socket, data: bytes) -> None:
    assert await socket.send(sock, data) == Ok()
    assert socket.shutdown(sock, "write") == Ok()


@over_ip
@in_runtime
async def test_a_server_of_the_standard_library(domain: str) -> None:
    class Server(Threading):
        address_family = {"inet": stdlib.AF_INET, "inet6": stdlib.AF_INET6}[domain]

    host = {"inet": "127.0.0.1", "inet6": "::1"}[domain]
    with serving(Server((host, 0), Echo)) as where:
        async with trio.open_nursery() as nursery:
            for _ in range(10):
                nursery.start_soon(_connect_and_talk, domain, where[:2])


async def _connect_and_talk(domain: str, where: Any) -> None:
    async with ok(socket.open(domain, "stream")) as sock:
        assert await socket.connect(sock, where) == Ok()
        await talk(sock)


@in_runtime
async def test_a_local_server_of_the_standard_library(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    with serving(socketserver.ThreadingUnixStreamServer(path, Echo)):
        await _connect_and_talk("local", path)


@in_runtime
async def test_a_datagram_server_of_the_standard_library() -> None:
    class Shout(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            data, sock = self.request
            sock.sendto(data.upper(), self.client_address)

    with serving(socketserver.UDPServer(("127.0.0.1", 0), Shout)) as where:
        async with ok(socket.open("inet", "dgram")) as sock:
            for n in range(100):
                ok(await socket.sendto(sock, b"line %d" % n, where))
                source, data = ok(await socket.recvfrom(sock))
                assert (source.addr, source.port) == where  # type: ignore[union-attr]
                assert data == b"LINE %d" % n


@in_runtime
async def test_a_web_server(tmp_path: Path) -> None:
    (tmp_path / "page").write_bytes(pattern(MEGABYTE))

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(tmp_path))

        def log_message(self, *args: Any) -> None:
            pass

    with serving(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)) as where:
        async with ok(socket.open("inet", "stream", "tcp")) as sock:
            ok(await socket.connect(sock, where))
            ok(await socket.send(sock, [b"GET /page HTTP/1.0\r\n", b"Host: localhost\r\n\r\n"]))
            answer = bytearray()
            while isinstance(part := await socket.recv(sock), Ok):
                answer += part.value
            assert part == Error("closed")
    head, _, body = bytes(answer).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.0 200 ")
    assert body == pattern(MEGABYTE)


@in_runtime
async def test_an_asyncio_server() -> None:
    started: list[Any] = []
    ready = trio.Event()
    token = trio.lowlevel.current_trio_token()

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def main() -> None:
        done = asyncio.Event()
        async with await asyncio.start_server(echo, "127.0.0.1", 0) as serving:
            stop = asyncio.get_running_loop().call_soon_threadsafe
            started.extend((serving.sockets[0].getsockname(), lambda: stop(done.set)))
            token.run_sync_soon(ready.set)
            await done.wait()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.to_thread.run_sync, asyncio.run, main())
        await ready.wait()
        where, stop = started
        async with trio.open_nursery() as clients:
            for _ in range(10):
                clients.start_soon(_connect_and_talk, "inet", where)
        stop()


@in_runtime
async def test_a_trio_server() -> None:
    async def echo(stream: trio.SocketStream) -> None:
        async for data in stream:
            await stream.send_all(data)

    async with trio.open_nursery() as nursery:
        serve = trio.serve_tcp
        (listening,) = await nursery.start(lambda **rest: serve(echo, 0, host="127.0.0.1", **rest))
        where = listening.socket.getsockname()
        async with trio.open_nursery() as clients:
            for _ in range(10):
                clients.start_soon(_connect_and_talk, "inet", where)
        nursery.cancel_scope.cancel()


ECHO = """
import socket, sys
with socket.create_server(("127.0.0.1", 0)) as listening:
    print(listening.getsockname()[1], flush=True)
    sock, _ = listening.accept()
    with sock:
        while data := sock.recv(65536):
            sock.sendall(data)
"""


@in_runtime
async def test_another_program() -> None:
    program = await trio.lowlevel.open_process([sys.executable, "-c", ECHO], stdout=subprocess.PIPE)
    assert program.stdout is not None
    async with program.stdout:
        port = int(await program.stdout.receive_some(100))
        await _connect_and_talk("inet", ("127.0.0.1", port))
        assert await program.wait() == 0


# --- clients that are not ours ------------------------------------------------------------------


async def echo_server(parent: Pid, domain: str) -> None:
    async with listener(domain, backlog=100) as listening:
        send(parent, listening)
        while True:
            sock = ok(await socket.accept(listening))
            pid = spawn(echo_connection)
            ok(socket.setopt(sock, "otp", "controlling_process", pid))
            send(pid, sock)


async def echo_connection() -> None:
    sock = await receive(Socket)
    while isinstance(answer := await socket.recv(sock), Ok):
        if await socket.send(sock, answer.value) != Ok():
            break


async def an_echo_server(domain: str = "inet") -> Any:
    """Start an echo server of ours; its address."""
    spawn(echo_server, current_pid(), domain)
    return address(await receive(Socket))


def plain(family: int, where: Any) -> None:
    with stdlib.socket(family) as peer:
        peer.connect(where)
        with peer.makefile("rwb") as file:
            for n in range(200):
                file.write(b"line %d\n" % n)
                file.flush()
                assert file.readline() == b"line %d\n" % n
            data = pattern(MEGABYTE)
            writing = threading.Thread(target=peer.sendall, args=(data,))
            writing.start()
            assert file.read(len(data)) == data
            writing.join()
            peer.shutdown(stdlib.SHUT_WR)
            assert file.read() == b""


@pytest.mark.parametrize("domain", ["inet", "inet6", "local"])
@in_runtime
async def test_clients_of_the_standard_library(domain: str) -> None:
    where = await an_echo_server(domain)
    family = {"inet": stdlib.AF_INET, "inet6": stdlib.AF_INET6, "local": stdlib.AF_UNIX}[domain]
    async with trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(trio.to_thread.run_sync, plain, family, where)


@in_runtime
async def test_asyncio_clients() -> None:
    where = await an_echo_server()

    async def one() -> None:
        reader, writer = await asyncio.open_connection(*where)
        for n in range(100):
            writer.write(b"line %d\n" % n)
            assert await reader.readline() == b"line %d\n" % n
        writer.write(pattern(MEGABYTE))
        assert await reader.readexactly(MEGABYTE) == pattern(MEGABYTE)
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()

    async def many() -> None:
        await asyncio.gather(*(one() for _ in range(10)))

    await trio.to_thread.run_sync(asyncio.run, many())


@in_runtime
async def test_trio_clients() -> None:
    host, port = await an_echo_server()

    async def one() -> None:
        async with await trio.open_tcp_stream(host, port) as stream:
            for n in range(100):
                line = b"line %d\n" % n
                await stream.send_all(line)
                got = b""
                while len(got) < len(line):
                    got += await stream.receive_some()
                assert got == line
            await stream.send_eof()
            assert await stream.receive_some() == b""

    async with trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(one)


@in_runtime
async def test_a_client_that_is_rude() -> None:
    """Peers that vanish in every way disturb nobody but their own connection."""
    where = await an_echo_server()
    async with ok(socket.open("inet", "stream")) as sock:
        ok(await socket.connect(sock, where))
        for rude in (_vanish, _reset, _never_read, _say_nothing):
            await trio.to_thread.run_sync(rude, where)
            assert await socket.send(sock, b"still there?") == Ok()
            assert await socket.recv(sock, 12) == Ok(b"still there?")


def _vanish(where: Any) -> None:
    with stdlib.create_connection(where) as peer:
        peer.sendall(b"hello")


def _reset(where: Any) -> None:
    with stdlib.create_connection(where) as peer:
        peer.setsockopt(stdlib.SOL_SOCKET, stdlib.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        peer.sendall(b"hello")


def _never_read(where: Any) -> None:
    with stdlib.create_connection(where) as peer:
        peer.setblocking(False)
        try:
            while True:
                peer.send(bytes(65_536))
        except BlockingIOError:
            pass


def _say_nothing(where: Any) -> None:
    stdlib.create_connection(where).close()


@in_runtime
async def test_a_descriptor_of_somebody_else() -> None:
    ours, theirs = stdlib.socketpair()
    with closing(ours), closing(theirs):
        async with ok(socket.open_fd(ours.fileno())) as sock:
            assert await socket.send(sock, b"hello") == Ok()
            assert theirs.recv(100) == b"hello"
            theirs.sendall(b"and goodbye")
            assert await socket.recv(sock, 5) == Ok(b"and g")
        # What the socket has not taken is there for the next.
        assert ours.recv(100) == b"oodbye"
