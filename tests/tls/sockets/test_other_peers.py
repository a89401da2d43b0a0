"""Peers that are not ours: the standard library's sockets, and the program openssl."""

import shutil
import socket as stdlib
import ssl as tls
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from actorsock import Error, Ok, ok, receive, ssl
from actorsock.ssl import Ssl, SslClosed

from ...certificates import NAME, client_context, server_context, write_files
from ...inet.sockets.support import at_rest
from ...stories import in_runtime, until
from .support import HERE, TRUSTING, alert, listening

MUCH = bytes(range(256)) * 2**10


async def echo(listener: Any, **options: Any) -> None:
    """Serve one connection; end with the peer."""
    accepted = ok(await ssl.transport_accept(listener))
    sock = ok(await ssl.handshake(accepted, {"active": "once", **options}, 20))
    while isinstance(message := await receive((Ssl, SslClosed)), Ssl):
        ok(await ssl.send(sock, message.data))
        ssl.setopts(sock, {"active": "once"})


@in_runtime
async def test_a_client_of_the_standard_library() -> None:
    listener, port = listening()

    def client() -> bytes:
        with (
            stdlib.create_connection((HERE, port), timeout=30) as sock,
            client_context().wrap_socket(sock, server_hostname=NAME) as secure,
        ):
            got = b""
            for start in range(0, len(MUCH), 50_000):
                secure.sendall(MUCH[start : start + 50_000])
                while len(got) < min(len(MUCH), start + 50_000):
                    got += secure.recv(2**16)
            secure.unwrap().close()  # waits for our announcement of the end
            return got

    async with trio.open_nursery() as nursery:
        nursery.start_soon(echo, listener)
        assert await trio.to_thread.run_sync(client) == MUCH
    ok(await ssl.close(listener))


@in_runtime
async def test_a_server_of_the_standard_library() -> None:
    """Its two tickets arrive with the first data, or while nobody reads."""

    def server(listening: stdlib.socket) -> None:
        sock, _ = listening.accept()
        sock.settimeout(30)
        with sock, server_context().wrap_socket(sock, server_side=True) as secure:
            while data := secure.recv(2**16):
                secure.sendall(data.upper())
            secure.unwrap().close()

    with stdlib.create_server((HERE, 0)) as listening:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.to_thread.run_sync, server, listening)
            client = ok(await ssl.connect("localhost", listening.getsockname()[1], TRUSTING, 20))
            for word in (b"one", b"two"):
                ok(await ssl.send(client, word))
                assert await ssl.recv(client, 3) == Ok(word.upper())
            ok(ssl.shutdown(client, "write"))
            assert await ssl.recv(client) == Error("closed")


class Program:
    """The program openssl: its commands and data go in as lines, what it shows is waited for."""

    def __init__(self, process: trio.Process) -> None:
        self.process = process
        self.seen = b""

    async def say(self, line: bytes) -> None:
        assert self.process.stdin is not None
        await self.process.stdin.send_all(line + b"\n")

    async def shows(self, text: bytes) -> None:
        """Wait until it has shown a text, after those that were waited for before."""
        assert self.process.stdout is not None
        while text not in self.seen:
            part = await self.process.stdout.receive_some()
            assert part, self.seen
            self.seen += part
        _, _, self.seen = self.seen.partition(text)


@asynccontextmanager
async def openssl(*arguments: str) -> AsyncIterator[Program]:
    """Run openssl during the block; the test is skipped without one."""
    found = shutil.which("openssl")
    if found is None:
        pytest.skip("there is no program openssl")
    process = await trio.lowlevel.open_process(
        [found, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        yield Program(process)
    finally:
        process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()
            for pipe in (process.stdin, process.stdout):
                assert pipe is not None
                await pipe.aclose()


@pytest.mark.parametrize(
    ("version", "changes"), [("-tls1_3", [b"k", b"K"]), ("-tls1_2", [])], ids=["1.3", "1.2"]
)
@in_runtime
async def test_a_client_of_openssl_that_changes_its_keys(
    tmp_path: Path, version: str, changes: list[bytes]
) -> None:
    files = write_files(tmp_path)
    listener, port = listening()
    arguments = ("-connect", f"{HERE}:{port}", "-servername", NAME, "-CAfile", files["cacertfile"])
    async with trio.open_nursery() as nursery:
        nursery.start_soon(echo, listener)
        async with openssl("s_client", version, "-verify_return_error", *arguments) as client:
            for number, change in enumerate([None, *changes]):
                if change is not None:
                    await client.say(change)
                    await client.shows(b"KEYUPDATE")
                await client.say(b"word number %d" % number)
                await client.shows(b"word number %d" % number)
    ok(await ssl.close(listener))


@pytest.mark.parametrize("allowed", [False, True], ids=["refused", "allowed"])
@in_runtime
async def test_a_server_of_openssl_that_begins_another_handshake(
    tmp_path: Path, allowed: bool
) -> None:
    files = write_files(tmp_path)
    with stdlib.create_server((HERE, 0)) as free:
        port = free.getsockname()[1]
    options: dict[str, Any] = TRUSTING
    if allowed:
        context = tls.create_default_context(cafile=files["cacertfile"])
        context.options &= ~tls.OP_NO_RENEGOTIATION
        options = {"context": context, "active": False}
    pem = ("-cert", files["certfile"], "-key", files["keyfile"])
    async with openssl("s_server", "-accept", f"{HERE}:{port}", "-tls1_2", *pem) as server:
        await server.shows(b"ACCEPT")
        client = ok(await ssl.connect("localhost", port, options, 20))
        ok(await ssl.send(client, b"first\n"))
        await server.shows(b"first")
        counters = client._actor.counters
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def _reads() -> None:
                got = await ssl.recv(client)
                while not allowed and isinstance(got, Ok):
                    got = await ssl.recv(client)
                assert got == Ok(b"answer\n") if allowed else alert(got) == "handshake_failure"

            await at_rest()
            before = counters.read_byte
            await server.say(b"r")
            await until(lambda: counters.read_byte > before)  # it takes one command at a time
            await server.say(b"answer")
        if allowed:
            ok(await ssl.send(client, b"second\n"))
            await server.shows(b"second")
        ok(await ssl.close(client))
