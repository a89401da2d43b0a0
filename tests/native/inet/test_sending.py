"""gen_tcp.send and gen_udp.send are coroutine functions, also where native twins stand for them."""

import socket as stdlib
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
import trio

from actorsock import Error, Ok, current_pid, gen_tcp, gen_udp, inet, ok, receive, spawn_monitor
from actorsock.runtime.core.process import alive

from ..bodies import asked_in, each_body


class Pair:
    """A socket, what it sends with, and its peer."""

    def __init__(self, kind: str) -> None:
        if kind == "stream":
            here, self.peer = stdlib.socketpair()
            self.sock: Any = ok(gen_tcp.fdopen(here.detach(), {"active": False}))
            self.module: Any = gen_tcp
            self.to: tuple[Any, ...] = ()
        else:
            self.peer = stdlib.socket(stdlib.AF_INET, stdlib.SOCK_DGRAM)
            self.peer.bind(("127.0.0.1", 0))
            self.sock = ok(gen_udp.open(0, {"ip": "127.0.0.1", "active": False}))
            self.module = gen_udp
            self.to = self.peer.getsockname()
        self.peer.settimeout(5)

    def sends(self, data: Any) -> Any:
        return self.module.send(self.sock, *self.to, data)

    def has_nothing(self) -> bool:
        self.peer.setblocking(False)
        try:
            self.peer.recv(1)
        except BlockingIOError:
            return True
        finally:
            self.peer.settimeout(5)
        return False


each_kind = pytest.mark.parametrize("kind", ["stream", "datagrams"])


@contextmanager
def a_pair(kind: str) -> Iterator[Pair]:
    pair = Pair(kind)
    with pair.peer:
        yield pair
    pair.module.close_nowait(pair.sock)


@each_body
@each_kind
async def test_nothing_is_sent_before_it_is_awaited(light: bool, kind: str, runtime: None) -> None:
    async def story() -> None:
        with a_pair(kind) as pair:
            sending = pair.sends(b"data")
            assert pair.has_nothing()
            assert await sending == Ok()
            assert pair.peer.recv(10) == b"data"
            with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
                await sending

    await asked_in(light, story)


@each_kind
async def test_a_send_that_nobody_awaits_is_warned_of(kind: str, runtime: None) -> None:
    with a_pair(kind) as pair:
        for _ in range(2):
            with pytest.warns(RuntimeWarning, match="coroutine 'send' was never awaited"):
                pair.sends(b"data")
        pair.sends(b"data").close()
        with pytest.raises(KeyError):
            pair.sends(b"data").throw(KeyError("thrown"))
        assert pair.has_nothing()


@each_kind
async def test_a_cancelled_task_sends_nothing(kind: str, runtime: None) -> None:
    seen: list[str] = []
    with a_pair(kind) as pair:
        with trio.CancelScope() as scope:
            scope.cancel()
            try:
                await pair.sends(b"data")
            except trio.Cancelled as exc:
                seen.extend(frame.name for frame in traceback.extract_tb(exc.__traceback__))
                raise
        assert "send" in seen[1:3]
        assert pair.has_nothing()


@each_body
@each_kind
async def test_what_is_not_plain_is_sent_too(light: bool, kind: str, runtime: None) -> None:
    async def story() -> None:
        with a_pair(kind) as pair:
            for data in (bytearray(b"data"), [b"da", [116, b"a"]], b"data"):
                alive[current_pid()].body.give_way_first()
                assert await pair.sends(data) == Ok()
                assert pair.peer.recv(10) == b"data"
            with pytest.raises(TypeError, match="data: expected bytes-like"):
                await pair.sends(3.5)
            pair.module.close_nowait(pair.sock)
            assert await pair.sends(b"data") == Error("closed")

    await asked_in(light, story)


@each_body
@each_kind
@pytest.mark.parametrize("step", ["send", "close", "throw"])
async def test_a_send_is_not_stepped_while_it_runs(
    light: bool, kind: str, step: str, runtime: None
) -> None:
    class Data(list[bytes]):
        def __iter__(self) -> Iterator[bytes]:
            arguments = {"send": [None], "close": [], "throw": [KeyError("thrown")]}[step]
            with pytest.raises(ValueError, match="coroutine already executing"):
                getattr(sending, step)(*arguments)
            stepped.append(step)
            return super().__iter__()

    async def story() -> None:
        nonlocal sending
        with a_pair(kind) as pair:
            sending = pair.sends(Data([b"data"]))
            assert await sending == Ok()
            assert pair.peer.recv(10) == b"data"

    sending: Any = None
    stepped: list[str] = []
    await asked_in(light, story)
    assert stepped


@each_body
async def test_a_send_waits_while_the_queue_is_busy(light: bool, runtime: None) -> None:
    here, peer = stdlib.socketpair()
    size = 2**20
    sock = ok(gen_tcp.fdopen(here.detach(), {"active": False, "high_watermark": 1000}))

    async def story() -> None:
        assert await gen_tcp.send(sock, bytes(size)) == Ok()
        ok(inet.setopts(sock, {"send_timeout": 0.01}))
        assert await gen_tcp.send(sock, b"late") == Error("timeout", b"late")
        ok(inet.setopts(sock, {"send_timeout": 60}))
        assert await gen_tcp.send(sock, b"end") == Ok()

    _, ref = spawn_monitor(story, light=light)
    with peer:
        peer.setblocking(False)
        got = 0
        with trio.fail_after(5):
            while got < size + 3:
                await trio.sleep(0.02)
                with suppress(BlockingIOError):
                    got += len(peer.recv(size))
        assert (await receive(ref)).reason == "normal"
    await gen_tcp.close(sock)
