"""A descriptor that is ready for ever with nothing to do does not keep the processor busy."""

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from actorsock import Error, Ok, ok, open_runtime, sleep, socket
from actorsock.socket import Socket

from ...sockets import ANYWHERE
from ...stories import until
from ..support import without_room, workers


@pytest.fixture(params=["epoll", "trio"], autouse=True)
def poller(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Choose the poller of the runtimes that a test opens."""
    monkeypatch.setenv("ACTORSOCK_POLLER", request.param)


def bound() -> tuple[Socket, tuple[str, int]]:
    """Open a UDP socket; return it and its address."""
    sock = ok(socket.open("inet", "dgram"))
    return sock, ("127.0.0.1", ok(socket.bind(sock, ANYWHERE["inet"])))


async def test_reading_is_shut_down() -> None:
    async with open_runtime():
        sock, address = bound()
        ok(await socket.connect(sock, address))
        ok(socket.shutdown(sock, "read"))
        assert await socket.recv(sock, timeout=0.3) == Error("timeout")
        assert socket.info(sock).counters["read_tries"] < 100


async def test_reading_is_shut_down_again_and_again() -> None:
    async with open_runtime():
        sock = ok(socket.open("local", "dgram"))
        [worker] = workers(1)
        job = worker.tell(socket.recv, sock)
        await until(lambda: socket.info(sock).num_readers == 1)
        for _ in range(10):
            ok(socket.shutdown(sock, "read"))
            await sleep(0)
        await sleep(0.2)
        assert socket.info(sock).counters["read_tries"] < 100
        ok(await socket.close(sock))
        assert await job.answer() == Error("closed")


async def test_wakeups_that_lead_to_work_are_not_delayed() -> None:
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


async def test_waiting_for_an_error_while_there_is_data() -> None:
    async with open_runtime():
        sock, address = bound()
        ok(await socket.sendto(sock, b"data", address))
        answer = await socket.recvmsg(sock, flags=["errqueue"], timeout=0.3)
        assert answer == Error("timeout")
        assert socket.info(sock).counters["read_tries"] < 100
        assert await socket.recv(sock) == Ok(b"data")


async def test_a_wait_with_nothing_to_do_is_at_rest_until_something_happens() -> None:
    async with open_runtime():
        sock, address = bound()
        gone, nobody = bound()
        ok(await socket.close(gone))
        ok(socket.setopt(sock, "ip", "recverr", True))
        ok(await socket.sendto(sock, b"data", address))
        [worker] = workers(1)
        job = worker.tell(socket.recvmsg, sock, flags=["errqueue"])
        with trio.fail_after(20):
            await wait_all_tasks_blocked(0.3)
            assert socket.info(sock).num_readers == 1
            ok(await socket.sendto(sock, b"lost", nobody))
            assert ok(await job.answer()).flags == ("errqueue",)
        assert await socket.recv(sock) == Ok(b"data")


async def test_waiting_for_room_at_a_receiver_that_is_full() -> None:
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
