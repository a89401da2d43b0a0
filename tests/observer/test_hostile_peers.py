"""What a peer may do to the port: it is refused, nothing leaks, and the program goes on."""

import json
import random

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock, memory_stream_pair

from actorsock import is_alive, ok, open_tcp_stream, otp, processes, socket, spawn
from actorsock.observer.web.connection import Answer, Answering, Ask, serve_connection
from actorsock.observer.web.gate import Head, Refusal

from ..stories import in_runtime, until
from .support import Client, observed


async def raw(client: Client, data: bytes) -> bytes:
    """Send bytes that need not be HTTP; return all that comes until the connection is closed."""
    async with await open_tcp_stream("127.0.0.1", client.at.port) as stream:
        await stream.send_all(data)
        return b"".join([piece async for piece in stream])


def lines(client: Client, *headers: bytes) -> bytes:
    host = b"Host: 127.0.0.1:%d" % client.at.port
    return b"GET / HTTP/1.1\r\n" + b"\r\n".join([host, *headers]) + b"\r\n\r\n"


@in_runtime
async def test_every_answer_has_the_headers_that_protect_it() -> None:
    async with observed() as client:
        page = await client.send("GET", "/", client.headers())
        wrong = await client.send("GET", "/", [("Host", "evil.example")])
        assert (page.status, wrong.status) == (200, 421)
        for reply in (page, wrong):
            assert reply.headers[b"content-security-policy"].startswith(b"default-src 'none';")
            assert reply.headers[b"cache-control"] == b"no-store"
            assert not any(name.startswith(b"access-control") for name in reply.headers)
        assert client.token.encode() not in page.body + wrong.body


@in_runtime
@pytest.mark.parametrize(
    ("request_of", "status"),
    [
        (lambda client: b"nonsense\r\n\r\n", b"400"),
        (lambda client: b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (lambda client: b"\x16\x03\x01\x02\x00\x01\x00", b"400"),
        (lambda client: lines(client, b"X: " + b"x" * 60_000), b"431"),
        (lambda client: lines(client, *[b"X: y"] * 5000), b"431"),
        (lambda client: lines(client, b"Host: evil.example"), b"400"),
        (lambda client: lines(client, b"Content-Length: 5", b"Content-Length: 6"), b"400"),
        (lambda client: lines(client, b"Transfer-Encoding: gzip"), b"501"),
        (lambda client: lines(client, b"Content-Length: 70000") + bytes(70_000), b"413"),
        (
            lambda client: (
                lines(client, b"Transfer-Encoding: chunked")
                + b"11171\r\n"
                + bytes(70_001)
                + b"\r\n0\r\n\r\n"
            ),
            b"413",
        ),
        (lambda client: lines(client, b"Content-Length: x"), b"400"),
    ],
    ids=[
        "no HTTP",
        "no host",
        "TLS",
        "a giant header",
        "very many headers",
        "two hosts",
        "two lengths",
        "an unknown encoding",
        "a large body",
        "a large body in chunks",
        "no length",
    ],
)
async def test_a_wrong_request_is_refused(request_of, status) -> None:  # type: ignore[no-untyped-def]
    async with observed() as client:
        answer = await raw(client, request_of(client))
        assert answer.startswith(b"HTTP/1.1 " + status + b" ")
        assert (await client.get("/api/system"))["now"]["processes"] > 0


@in_runtime
async def test_a_request_may_come_byte_by_byte_and_the_next_one_over_the_same_connection() -> None:
    async with observed() as client, await open_tcp_stream("127.0.0.1", client.at.port) as stream:
        for byte in lines(client):
            await stream.send_all(bytes([byte]))
        got = b""
        while b"</html>" not in got:
            got += await stream.receive_some()
        await stream.send_all(lines(client) * 2)
        while got.count(b"</html>") < 3:
            got += await stream.receive_some()


class Silent(Answering):
    """Lets all through, and has an answer of the given size."""

    def __init__(self, size: int) -> None:
        self.size = size

    def refusal(self, head: Head) -> Refusal | None:
        return None

    async def answer(self, ask: Ask) -> Answer:
        return Answer(200, "text/plain", bytes(self.size))


@pytest.mark.parametrize(
    ("sent", "seconds", "answer"),
    [
        (b"", 75, b""),
        (b"GET / HT", 10, b"HTTP/1.1 408"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc", 10, b"HTTP/1.1 408"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 75, b"HTTP/1.1 200"),
    ],
    ids=["nothing", "half a head", "half a body", "no second request"],
)
async def test_a_slow_peer_is_let_go(
    sent: bytes, seconds: float, answer: bytes, autojump_clock: MockClock
) -> None:
    here, there = memory_stream_pair()
    await there.send_all(sent)
    began = trio.current_time()
    await serve_connection(here, Silent(5))
    assert trio.current_time() - began == pytest.approx(seconds + 1)  # and one for its farewell
    await here.aclose()
    assert b"".join([piece async for piece in there]).startswith(answer)


@in_runtime
async def test_a_peer_that_does_not_read_holds_up_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("actorsock.observer.web.connection._PATIENCE", 0.05)
    monkeypatch.setattr("actorsock.observer.web.connection._FAREWELL", 0.05)
    left, right = trio.socket.socketpair()
    async with observed() as client:
        deaf = spawn(serve_connection, trio.SocketStream(left), Silent(50_000_000))
        await right.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await client.get("/api/system")
        await until(lambda: not is_alive(deaf))
    left.close()
    right.close()


@in_runtime
async def test_a_thousand_connections_are_served_some_at_a_time() -> None:
    async with observed() as client:
        before = len(processes())
        idle = []
        for _ in range(200):
            sock = ok(socket.open("inet", "stream", "tcp"))
            ok(await socket.connect(sock, ("127.0.0.1", client.at.port)))
            idle.append(sock)
        # Each socket here has an actor; the observer serves no more than its limit.
        assert len(processes()) - before - len(idle) <= 2 * 40
        for sock in idle:
            ok(await socket.close(sock))
        assert (await client.get("/api/system"))["sockets"] > 0


@in_runtime
async def test_only_who_may_acts(caplog: pytest.LogCaptureFixture) -> None:
    server = ok(await otp.start(Plain))
    async with observed() as client:
        refused = await client.post("/api/kill", {"pid": repr(server)})
        assert refused.status == 403
        assert is_alive(server)
    async with observed(control=True) as client:
        assert (await client.post("/api/suspend", {"pid": repr(server)})).json == {"done": True}
        assert otp.sys is not None
        assert (await otp.sys.get_status(server)).status == "suspended"
        assert (await client.post("/api/resume", {"pid": repr(server)})).json == {"done": True}
        assert (await client.post("/api/gc", {})).json["done"]
        for wrong in ({}, [], "x", {"pid": 5}, {"pid": "<0.0.0>"}):
            assert (await client.post("/api/kill", wrong)).status == 400
        assert (await client.post("/api/kill", {"pid": repr(server)})).json == {"done": True}
        await until(lambda: not is_alive(server))
    assert "kill: {'pid': " + repr(repr(server)) in caplog.text


class Plain(otp.GenServer):
    def init(self) -> None:
        pass


@given(st.binary(max_size=300), st.randoms(use_true_random=False))
def test_bytes_of_any_kind_end_in_an_answer_or_nothing(data: bytes, chance: random.Random) -> None:
    async def story() -> None:
        here, there = memory_stream_pair()
        pieces = [
            b"GET /",
            b" HTTP/1.1\r\n",
            b"Host: x\r\n",
            b"\r\n",
            data,
            b"Content-Length: 3\r\n",
        ]
        chance.shuffle(pieces)
        await there.send_all(b"".join(pieces))
        await there.send_eof()
        await serve_connection(here, Silent(1))
        await here.aclose()
        answer = b"".join([piece async for piece in there])
        assert answer == b"" or answer.startswith(b"HTTP/1.1 ")

    trio.run(story)


@in_runtime
async def test_deep_json_is_no_crash() -> None:
    async with observed(control=True) as client:
        headers = [*client.headers(), ("Content-Type", "application/json")]
        reply = await client.send("POST", "/api/kill", headers, b"[" * 60_000)
        assert (reply.status, json.loads(reply.body)) == (400, {"error": "the body: expected JSON"})
