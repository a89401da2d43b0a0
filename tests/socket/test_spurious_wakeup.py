"""A descriptor that is ready for ever with nothing to do keeps nobody busy, on either poller."""

import pytest

from actorsock import Error, Ok, ok, open_runtime, socket
from actorsock.socket import Socket

from ..stories import until
from .support import LOOPBACK, without_room, workers

every_poller = pytest.mark.parametrize("poller", ["epoll", "trio"])


def bound() -> tuple[Socket, tuple[str, int]]:
    """A UDP socket, and where it is."""
    sock = ok(socket.open("inet", "dgram"))
    return sock, ("127.0.0.1", ok(socket.bind(sock, LOOPBACK)))


@every_poller
async def test_reading_that_is_shut_down(poller: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACTORSOCK_POLLER", poller)
    async with open_runtime():
        sock, address = bound()
        ok(await socket.connect(sock, address))
        ok(socket.shutdown(sock, "read"))
        assert await socket.recv(sock, timeout=0.3) == Error("timeout")
        assert socket.info(sock).counters["read_tries"] < 100


@every_poller
async def test_what_is_told_for_good_reason_is_told_at_once(
    poller: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACTORSOCK_POLLER", poller)
    async with open_runtime():
        sock, address = bound()
        peer = ok(socket.open("inet", "dgram"))
        [worker] = workers(1)
        job = worker.tell(socket.recv, sock)
        for number in range(20):
            await until(lambda: socket.info(sock).num_readers == 1)
            ok(await socket.sendto(peer, b"%d" % number, address))
            assert await job.answer() == Ok(b"%d" % number)
            job = worker.tell(socket.recv, sock)
        ok(await socket.close(sock))
        assert await job.answer() == Error("closed")


@every_poller
async def test_waiting_for_an_error_while_there_is_data_that_nobody_reads(
    poller: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACTORSOCK_POLLER", poller)
    async with open_runtime():
        sock, address = bound()
        ok(await socket.sendto(sock, b"data", address))
        answer = await socket.recvmsg(sock, flags=["errqueue"], timeout=0.3)
        assert answer == Error("timeout")
        assert socket.info(sock).counters["read_tries"] < 100
        assert await socket.recv(sock) == Ok(b"data")


@every_poller
async def test_waiting_for_room_where_others_have_taken_it(
    poller: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACTORSOCK_POLLER", poller)
    with without_room() as (there, count):
        async with open_runtime():
            sock = ok(socket.open("local", "dgram"))
            late = (sock, b"late", there.getsockname())
            assert await socket.sendto(*late, timeout=0.3) == Error("timeout")
            assert socket.info(sock).counters["write_tries"] < 100
            [worker] = workers(1)
            job = worker.tell(socket.sendto, *late)
            await until(lambda: socket.info(sock).num_writers == 1)
            assert {there.recv(9) for _ in range(count)} == {b"early"}
            assert await job.answer() == Ok()
            assert there.recv(9) == b"late"
