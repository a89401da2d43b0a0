"""A descriptor that is ready for ever with nothing to do keeps nobody busy, on either poller."""

import pytest

from actorsock import Error, Ok, ok, open_runtime, socket

from .support import LOOPBACK, until, workers

every_poller = pytest.mark.parametrize("poller", ["epoll", "trio"])


@every_poller
async def test_reading_that_is_shut_down(poller: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACTORSOCK_POLLER", poller)
    async with open_runtime():
        sock = ok(socket.open("inet", "dgram"))
        port = ok(socket.bind(sock, LOOPBACK))
        ok(await socket.connect(sock, ("127.0.0.1", port)))
        ok(socket.shutdown(sock, "read"))
        assert await socket.recv(sock, timeout=0.3) == Error("timeout")
        assert socket.info(sock).counters["read_tries"] < 100


@every_poller
async def test_what_is_told_for_good_reason_is_told_at_once(
    poller: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACTORSOCK_POLLER", poller)
    async with open_runtime():
        sock = ok(socket.open("inet", "dgram"))
        port = ok(socket.bind(sock, LOOPBACK))
        peer = ok(socket.open("inet", "dgram"))
        [worker] = workers(1)
        job = worker.tell(socket.recv, sock)
        for number in range(20):
            await until(lambda: socket.info(sock).num_readers == 1)
            ok(await socket.sendto(peer, b"%d" % number, ("127.0.0.1", port)))
            assert await job.answer() == Ok(b"%d" % number)
            job = worker.tell(socket.recv, sock)
        ok(await socket.close(sock))
        assert await job.answer() == Error("closed")
