"""Libraries written for trio's own streams and listeners take those of this package."""

import errno
import socket as stdlib

import pytest
import trio
import trio.testing

from actorsock import SocketListener, SocketStream, ok, open_tcp_listeners, socket

from ..stories import in_runtime
from .support import dial, every_domain, listen, pair, receive_all, serving


@in_runtime
async def test_trio_connects_to_a_listener() -> None:
    (listener,) = await open_tcp_listeners(0, host="127.0.0.1")
    async with await trio.testing.open_stream_to_socket_listener(listener) as client:  # type: ignore[arg-type]
        await client.send_all(b"hello")
        assert await (await listener.accept()).receive_some() == b"hello"


@every_domain
@in_runtime
async def test_sockets_have_the_attributes_of_pythons(domain: str) -> None:
    listener = listen(domain)
    stream = await dial(listener)
    accepted = await listener.accept()
    for sock in listener.socket, stream.socket, accepted.socket:
        assert sock.family == (stdlib.AF_INET if domain == "inet" else stdlib.AF_UNIX)
        assert sock.type == stdlib.SOCK_STREAM
        assert sock.fileno() == ok(socket.getopt(sock, "otp", "fd"))
        assert sock.proto in (0, stdlib.IPPROTO_TCP)
    assert stream.socket.getpeername() == listener.socket.getsockname()
    assert accepted.socket.getpeername() == stream.socket.getsockname()
    await stream.aclose()
    assert stream.socket.fileno() == -1
    for call in stream.socket.getsockname, stream.socket.getpeername:
        with pytest.raises(OSError, match="Bad file descriptor") as caught:
            call()
        assert caught.value.errno == errno.EBADF


@in_runtime
async def test_options_by_numbers() -> None:
    here, there = await pair()
    for target in here, here.socket:
        target.setsockopt(stdlib.SOL_SOCKET, stdlib.SO_KEEPALIVE, True)
        assert target.getsockopt(stdlib.SOL_SOCKET, stdlib.SO_KEEPALIVE) == 1
        target.setsockopt(stdlib.SOL_SOCKET, stdlib.SO_KEEPALIVE, bytes(4))
        assert target.getsockopt(stdlib.SOL_SOCKET, stdlib.SO_KEEPALIVE, 4) == bytes(4)
        with pytest.raises(OSError):  # noqa: PT011  # Linux knows no option by which this works
            target.setsockopt(stdlib.SOL_SOCKET, -1, None, 4)
    # A low-water mark: the poller must not be relied on any more.
    here.setsockopt(stdlib.SOL_SOCKET, stdlib.SO_RCVLOWAT, 100)
    await there.send_all(b"x")
    assert await here.receive_some() == b"x"


@in_runtime
async def test_ports() -> None:
    listener = listen()
    assert listener.port == ok(socket.sockname(listener.socket)).port
    await listener.aclose()
    with pytest.raises(OSError, match="Bad file descriptor"):
        _ = listener.port
    with pytest.raises(ValueError, match="'local' has no port"):
        _ = listen("local").port


@in_runtime
async def test_trios_classes_are_virtual_base_classes() -> None:
    here, _ = await pair()
    assert isinstance(here, trio.SocketStream)
    assert isinstance(listen(), trio.SocketListener)
    assert not isinstance(here, trio.SocketListener)
    for ours, trios in [(SocketStream, trio.SocketStream), (SocketListener, trio.SocketListener)]:
        assert {name for name in dir(trios) if name[0] != "_"} - {"socket"} <= set(dir(ours))


@in_runtime
async def test_a_websocket_server() -> None:
    trio_websocket = pytest.importorskip("trio_websocket")

    async def shouts(request: trio_websocket.WebSocketRequest) -> None:  # type: ignore[name-defined]
        connection = await request.accept()
        await connection.send_message((await connection.get_message()).upper())

    (listener,) = await open_tcp_listeners(0, host="127.0.0.1")
    server = trio_websocket.WebSocketServer(shouts, [listener])
    async with trio.open_nursery() as nursery:
        await nursery.start(server.run)
        assert server.port == listener.port
        async with trio_websocket.open_websocket_url(f"ws://127.0.0.1:{server.port}") as client:
            assert client.remote.port == server.port
            await client.send_message("hello")
            assert await client.get_message() == "HELLO"
        nursery.cancel_scope.cancel()


@in_runtime
async def test_a_web_server() -> None:
    pytest.importorskip("hypercorn")
    from hypercorn.app_wrappers import ASGIWrapper
    from hypercorn.config import Config
    from hypercorn.trio.tcp_server import TCPServer
    from hypercorn.trio.worker_context import WorkerContext

    async def app(scope, receive, send):  # type: ignore[no-untyped-def]
        body = repr((scope["client"], scope["server"])).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    async def serves(stream: SocketStream) -> None:
        await TCPServer(ASGIWrapper(app), Config(), WorkerContext(None), {}, stream)  # type: ignore[arg-type]

    async with serving(serves) as listener, await dial(listener) as client:
        await client.send_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        response = await receive_all(client)
        own, peer = client.socket.getsockname(), client.socket.getpeername()
    assert response.startswith(b"HTTP/1.1 200")
    assert repr((own, peer)).encode() in response
