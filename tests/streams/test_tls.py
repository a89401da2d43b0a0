"""TLS over the streams: with trio at both ends, with the standard library at either end."""

import logging
import socket as stdlib
import ssl
from functools import partial

import pytest
import trio
from trio.testing import check_two_way_stream

from actorsock import SocketStream, ok, open_tcp_stream, serve_tcp, socket

from ..certificates import NAME, client_context, server_context, strangers_context
from ..stories import in_runtime
from .support import every_domain, every_poller, listen, pair, port_of, serving

Secure = trio.SSLStream[SocketStream]

MUCH = bytes(range(256)) * 2**12


def over(here: SocketStream, there: SocketStream) -> tuple[Secure, Secure]:
    """A client at one end and a server at the other."""
    return (
        trio.SSLStream(here, client_context(), server_hostname=NAME),
        trio.SSLStream(there, server_context(), server_side=True),
    )


async def secure_pair(domain: str) -> tuple[Secure, Secure]:
    client, server = over(*await pair(domain))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(client.do_handshake)
        nursery.start_soon(server.do_handshake)
    return client, server


async def echo(stream: trio.abc.Stream) -> None:
    async for data in stream:
        await stream.send_all(data)


async def receive_exactly(stream: trio.abc.Stream, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        part = await stream.receive_some(size - len(data))
        assert part
        data += part
    return bytes(data)


@every_poller
@every_domain
@in_runtime
async def test_trio_at_both_ends(domain: str) -> None:
    client, server = over(*await pair(domain))

    async def serves() -> None:
        await echo(server)
        await server.aclose()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(serves)
        nursery.start_soon(client.send_all, MUCH)
        assert await receive_exactly(client, len(MUCH)) == MUCH
        await client.aclose()


@every_domain
@in_runtime
async def test_the_checks_of_trio(domain: str) -> None:
    await check_two_way_stream(partial(secure_pair, domain), None)


@in_runtime
async def test_unwrapping_leaves_the_connection_open() -> None:
    client, server = await secure_pair("inet")
    plain: list[SocketStream] = []

    async def unwraps(stream: Secure) -> None:
        transport, rest = await stream.unwrap()
        assert rest == b""
        plain.append(transport)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(unwraps, client)
        nursery.start_soon(unwraps, server)
    await plain[0].send_all(b"in clear")
    assert await plain[1].receive_some() == b"in clear"


async def serve_tls(stream: SocketStream) -> None:
    """A handler whose handshake affects only its own connection."""
    async with trio.SSLStream(stream, server_context(), server_side=True) as secure:
        await echo(secure)


@every_poller
@in_runtime
async def test_a_client_of_the_standard_library() -> None:
    def client(port: int) -> bytes:
        with (
            stdlib.create_connection(("127.0.0.1", port), timeout=30) as sock,
            client_context().wrap_socket(sock, server_hostname=NAME) as secure,
        ):
            secure.sendall(MUCH[:100_000])
            got = b""
            while len(got) < 100_000:
                got += secure.recv(2**16)
            secure.unwrap().close()
            return got

    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(serve_tcp, host="127.0.0.1"), serve_tls, 0)
        async with trio.open_nursery() as clients:
            for _ in range(3):

                @clients.start_soon
                async def _asks() -> None:
                    got = await trio.to_thread.run_sync(client, port_of(listener))
                    assert got == MUCH[:100_000]

        nursery.cancel_scope.cancel()


@every_poller
@in_runtime
async def test_a_server_of_the_standard_library() -> None:
    def server(listening: stdlib.socket) -> None:
        sock, _ = listening.accept()
        sock.settimeout(30)
        with sock, server_context().wrap_socket(sock, server_side=True) as secure:
            while data := secure.recv(2**16):
                secure.sendall(data.upper())
            secure.unwrap().close()

    async with trio.open_nursery() as nursery:
        with stdlib.create_server(("127.0.0.1", 0)) as listening:
            listening.settimeout(30)
            nursery.start_soon(trio.to_thread.run_sync, server, listening)
            port = listening.getsockname()[1]
            stream = await open_tcp_stream("127.0.0.1", port)
            async with trio.SSLStream(stream, client_context(), server_hostname=NAME) as secure:
                for word in (b"one", b"two"):
                    await secure.send_all(word)
                    assert await receive_exactly(secure, 3) == word.upper()


@in_runtime
async def test_a_failed_handshake_ends_only_its_connection(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serving(serve_tls) as listener:
        stream = await open_tcp_stream("127.0.0.1", port_of(listener))
        stranger = trio.SSLStream(stream, strangers_context(), server_hostname=NAME)
        with pytest.raises(trio.BrokenResourceError) as caught:
            await stranger.do_handshake()
        assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)
        await trio.aclose_forcefully(stranger)
        stream = await open_tcp_stream("127.0.0.1", port_of(listener))
        async with trio.SSLStream(stream, client_context(), server_hostname=NAME) as secure:
            await secure.send_all(b"hello")
            assert await receive_exactly(secure, 5) == b"hello"
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("actorsock.streams", logging.WARNING)
    assert "serve_tls" in record.getMessage()


@in_runtime
async def test_a_listener_inside_of_an_ssl_listener() -> None:
    secure = trio.SSLListener(listen(), server_context())
    name = ok(socket.sockname(secure.transport_listener.socket))
    assert isinstance(name, socket.SockAddrIn)

    async def serves(stream: trio.SSLStream[SocketStream]) -> None:
        await echo(stream)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, serves, [secure])
        stream = await open_tcp_stream("127.0.0.1", name.port)
        async with trio.SSLStream(stream, client_context(), server_hostname=NAME) as client:
            await client.send_all(b"hello")
            assert await receive_exactly(client, 5) == b"hello"
        nursery.cancel_scope.cancel()
