"""Open sockets go on working when the system gives no more threads or descriptors."""

import socket as stdlib
from typing import Any, NoReturn

import pytest
import trio

from actorsock import Error, Ok, ok, open_runtime, sleep, socket

from ...stories import no_more_descriptors
from ..support import NOWHERE_NEAR, connected, without_room


@pytest.fixture
def no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """No thread can be started."""

    async def run_sync(*args: Any, **kwargs: Any) -> NoReturn:
        await trio.lowlevel.checkpoint()
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(trio.to_thread, "run_sync", run_sync)


@pytest.mark.parametrize("poller", ["epoll", "trio"])
async def test_spurious_wakeups_are_slowed_down_without_a_thread(
    poller: str, no_threads: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACTORSOCK_POLLER", poller)
    with without_room() as (there, _):
        async with open_runtime():
            sock = ok(socket.open("local", "dgram"))
            late = (sock, b"late", there.getsockname())
            assert await socket.sendto(*late, timeout=0.1) == Error("timeout")
            assert socket.info(sock).counters["write_tries"] < 100


async def test_close_does_not_linger_without_a_thread(runtime: None, no_threads: None) -> None:
    sock, peer = await connected()
    assert socket.setopt(sock, "socket", "linger", {"onoff": True, "linger": 60}) == Ok()
    select = socket.send_nowait(sock, bytes(NOWHERE_NEAR))
    assert select is not None
    descriptor = ok(socket.getopt(sock, "otp", "fd"))
    assert await socket.close(sock) == Ok()
    with pytest.raises(OSError, match="descriptor"):
        stdlib.socket(fileno=descriptor)
    assert peer is not None


async def test_open_sockets_work_where_no_more_may_be_opened(runtime: None) -> None:
    sock, peer = await connected()
    with no_more_descriptors():
        for _ in range(3):
            assert await socket.send(sock, b"ping") == Ok()
            peer.sendall(b"pong")
            assert await socket.recv(sock, 4) == Ok(b"pong")
            await sleep(0.001)
            assert socket.open("inet", "stream") == Error("emfile")
