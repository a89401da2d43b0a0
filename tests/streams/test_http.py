"""HTTP over the streams: the server of the examples, and the standard library's clients."""

import http.client
import importlib.util
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import trio

from actorsock import SocketStream

from ..certificates import client_context, server_context
from ..stories import in_runtime
from .support import dial, every_poller, port_of, receive_all, serving

EXAMPLE = Path(__file__).parents[2] / "examples" / "http_server.py"


def example() -> Any:
    spec = importlib.util.spec_from_file_location("http_server_example", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


plain: Callable[[SocketStream], Awaitable[None]] = example().connection


async def secure(stream: SocketStream) -> None:
    tls = trio.SSLStream(stream, server_context(), server_side=True, https_compatible=True)
    await plain(tls)  # type: ignore[arg-type]
    await tls.aclose()


every_handler = pytest.mark.parametrize("handler", [plain, secure], ids=["plain", "tls"])


def connect(handler: object, port: int) -> http.client.HTTPConnection:
    if handler is secure:
        return http.client.HTTPSConnection("localhost", port, timeout=30, context=client_context())
    return http.client.HTTPConnection("127.0.0.1", port, timeout=30)


@every_poller
@every_handler
@in_runtime
async def test_many_requests_on_one_connection(handler: Any) -> None:
    def client(port: int) -> None:
        with closing(connect(handler, port)) as connection:
            connection.connect()
            sock = connection.sock
            for number in range(1, 21):
                connection.request("GET", f"/divide/{number}/2")
                response = connection.getresponse()
                assert (response.status, response.read()) == (200, f"{number / 2}\n".encode())
                connection.request("POST", "/count", bytes(number * 10_000))
                assert connection.getresponse().read() == f"{number * 10_000} bytes\n".encode()
            assert connection.sock is sock  # the same connection to the end

    async with serving(handler) as listener:
        await trio.to_thread.run_sync(client, port_of(listener))


@every_handler
@in_runtime
async def test_a_body_in_chunks(handler: Any) -> None:
    def parts() -> Iterator[bytes]:
        for size in (1, 10, 100_000, 1):
            yield bytes(size)

    def client(port: int) -> None:
        with closing(connect(handler, port)) as connection:
            for _ in range(3):
                connection.request("POST", "/count", parts(), encode_chunked=True)
                assert connection.getresponse().read() == b"100012 bytes\n"

    async with serving(handler) as listener:
        await trio.to_thread.run_sync(client, port_of(listener))


@every_handler
@in_runtime
async def test_many_clients_at_once(handler: Any) -> None:
    def client(port: int, number: int) -> None:
        with closing(connect(handler, port)) as connection:
            for _ in range(5):
                connection.request("GET", f"/divide/{number}/1")
                assert connection.getresponse().read() == f"{number / 1}\n".encode()

    async with serving(handler) as listener, trio.open_nursery() as clients:
        for number in range(10):
            clients.start_soon(trio.to_thread.run_sync, client, port_of(listener), number)


@every_handler
@in_runtime
async def test_urllib_closes_after_each_response(handler: Any) -> None:
    def client(port: int) -> list[bytes]:
        scheme = "https" if handler is secure else "http"
        handlers = [
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(context=client_context()),
        ]
        opener = urllib.request.build_opener(*handlers)
        answers = []
        for path in ("", "divide/3/4"):
            with opener.open(f"{scheme}://localhost:{port}/{path}", timeout=30) as response:
                answers.append(response.read())
        return answers

    async with serving(handler) as listener:
        assert await trio.to_thread.run_sync(client, port_of(listener)) == [b"hello\n", b"0.75\n"]


@in_runtime
async def test_a_crash_ends_only_its_connection(caplog: pytest.LogCaptureFixture) -> None:
    def client(port: int) -> None:
        with closing(connect(plain, port)) as good, closing(connect(plain, port)) as bad:
            good.connect()
            bad.request("GET", "/divide/1/0")
            with pytest.raises(http.client.RemoteDisconnected):
                bad.getresponse()
            good.request("GET", "/")
            assert good.getresponse().read() == b"hello\n"

    async with serving(plain) as listener:
        await trio.to_thread.run_sync(client, port_of(listener))
    assert "ZeroDivisionError" in caplog.text


@in_runtime
async def test_other_data_than_http_is_a_bad_request() -> None:
    async with serving(plain) as listener, await dial(listener) as stream:
        await stream.send_all(b"good morning\r\n\r\n")
        assert (await receive_all(stream)).startswith(b"HTTP/1.1 400 ")


@in_runtime
async def test_a_client_that_expects_100_continue() -> None:
    async with serving(plain) as listener, await dial(listener) as stream:
        await stream.send_all(
            b"POST /count HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\nexpect: 100-continue\r\n"
            b"connection: close\r\n\r\n"
        )
        assert (await stream.receive_some()).startswith(b"HTTP/1.1 100 ")
        await stream.send_all(b"1234")
        assert (await receive_all(stream)).endswith(b"\r\n\r\n4 bytes\n")
