"""Peers that are not ours: the standard library's sockets, and the program openssl."""

import shutil
import socket as stdlib
import ssl as tls
import subprocess
from pathlib import Path
from typing import Any

import pytest
import trio

from actorsock import Error, Ok, ok, receive, ssl
from actorsock.ssl import Ssl, SslClosed

from ...certificates import NAME, client_context, server_context, write_files
from ...stories import in_runtime
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


@pytest.fixture
def openssl() -> str:
    found = shutil.which("openssl")
    if found is None:
        pytest.skip("there is no program openssl")
    return found


@pytest.mark.parametrize(
    ("version", "commands"),
    [("-tls1_3", b"kK"), ("-tls1_2", b"")],
    ids=["new keys, TLS 1.3", "TLS 1.2"],
)
@in_runtime
async def test_a_client_of_openssl_that_changes_its_keys(
    openssl: str, tmp_path: Path, version: str, commands: bytes
) -> None:
    files = write_files(tmp_path)
    listener, port = listening()
    command = [openssl, "s_client", "-connect", f"{HERE}:{port}", version, "-servername", NAME,
               "-CAfile", files["cacertfile"], "-verify_return_error", "-nocommands"]  # fmt: skip
    if commands:
        command.pop()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(echo, listener)
        process = await trio.lowlevel.open_process(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        assert process.stdin is not None
        assert process.stdout is not None

        async def until_seen(text: bytes) -> None:
            seen = b""
            while text not in seen:
                part = await process.stdout.receive_some()
                assert part, seen
                seen += part

        for number, key in enumerate([b"", *(bytes((byte,)) for byte in commands)]):
            if key:
                await process.stdin.send_all(key + b"\n")
                await until_seen(b"KEYUPDATE")
            await process.stdin.send_all(b"word number %d\n" % number)
            await until_seen(b"word number %d\n" % number)
        await process.stdin.aclose()
        process.terminate()
        await process.wait()
    await process.stdout.aclose()
    ok(await ssl.close(listener))


@pytest.mark.parametrize("allowed", [False, True], ids=["refused", "allowed"])
@in_runtime
async def test_a_server_of_openssl_that_begins_another_handshake(
    openssl: str, tmp_path: Path, allowed: bool
) -> None:
    files = write_files(tmp_path)
    with stdlib.create_server((HERE, 0)) as free:
        port = free.getsockname()[1]
    command = [openssl, "s_server", "-accept", f"{HERE}:{port}", "-tls1_2",
               "-cert", files["certfile"], "-key", files["keyfile"]]  # fmt: skip
    process = await trio.lowlevel.open_process(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdin is not None
    assert process.stdout is not None
    seen = b""
    while b"ACCEPT" not in seen:
        seen += await process.stdout.receive_some()
    options: dict[str, Any] = TRUSTING
    if allowed:
        context = tls.create_default_context(cafile=files["cacertfile"])
        context.options &= ~tls.OP_NO_RENEGOTIATION
        options = {"context": context, "active": False}
    client = ok(await ssl.connect("localhost", port, options, 20))
    ok(await ssl.send(client, b"first\n"))
    while b"first" not in seen:
        seen += await process.stdout.receive_some()
    await process.stdin.send_all(b"r\n")
    await process.stdin.send_all(b"answer\n")
    got = await ssl.recv(client, 0, 20)
    if allowed:
        assert got == Ok(b"answer\n")
        ok(await ssl.send(client, b"second\n"))
        while b"second" not in seen:
            seen += await process.stdout.receive_some()
    else:
        assert alert(got) == "handshake_failure"
    ok(await ssl.close(client))
    process.terminate()
    await process.wait()
    await process.stdin.aclose()
    await process.stdout.aclose()
