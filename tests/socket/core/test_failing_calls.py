"""Every system call may fail with every errno: an `Error` is returned, and the socket goes on."""

import errno
import gc
import os
import select
import socket as stdlib
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import isawaitable
from typing import Any

import pytest
import trio

from actorsock import Error, Ok, ok, open_runtime, socket
from actorsock.socket import Socket
from actorsock.socket.core import epoll_poller
from actorsock.socket.core.actor import SocketActor
from actorsock.socket.core.epoll_poller import EpollPoller

from ...sockets import listening
from ...stories import LIMIT, in_runtime, until
from ..support import (
    CASES,
    arrives,
    at_rest,
    connected,
    dial,
    info_of,
    readers,
    selected,
    waiting,
    workers,
)
from ..support_data import local_pair

ERRNOS = {
    "eio": errno.EIO,
    "enomem": errno.ENOMEM,
    "enobufs": errno.ENOBUFS,
    "ebadf": errno.EBADF,
    "eintr": errno.EINTR,
    "errno_9999": 9999,
}
every_errno = pytest.mark.parametrize("reason", ERRNOS)
needs_epoll = pytest.mark.skipif(
    not hasattr(select, "epoll") or os.environ.get("ACTORSOCK_POLLER") == "trio",
    reason="the portable poller has no epoll",
)


class Failing:
    """A socket or an epoll object, one method of which behaves otherwise for some calls."""

    def __init__(self, real: Any, method: str, behave: Callable[..., Any], times: int) -> None:
        self._real, self._method, self._behave, self._left = real, method, behave, times

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        if name != self._method or not self._left:
            return real

        def behave(*args: Any) -> Any:
            if not self._left:
                return real(*args)
            self._left -= 1
            return self._behave(real, *args)

        return behave


def fails(number: int) -> Callable[..., Any]:
    """Return a function that takes any arguments and raises the `OSError`."""

    def fail(*args: Any, **kwargs: Any) -> Any:
        raise OSError(number, "injected")

    return fail


@contextmanager
def failing(
    sock: Socket, method: str, behave: Callable[..., Any], times: int = -1
) -> Iterator[None]:
    """Let calls of one method of the descriptor go wrong meanwhile."""
    actor = sock._actor
    real = actor.sock
    actor.sock = Failing(real, method, behave, times)
    try:
        yield
    finally:
        actor.sock = real


NAME = ("127.0.0.1", 9)
MSG = {"iov": [b"x"]}
CALLS: dict[str, tuple[str, Callable[[Socket], Any]]] = {
    "recv": ("recv", socket.recv),
    "recv of a length": ("recv", lambda sock: socket.recv(sock, 5)),
    "recv, peek": ("recv", lambda sock: socket.recv(sock, 0, ["peek"])),
    "recv_nowait": ("recv", lambda sock: socket.recv_nowait(sock, 5)),
    "recvfrom": ("recv", socket.recvfrom),
    "recvmsg": ("recvmsg", socket.recvmsg),
    "send": ("send", lambda sock: socket.send(sock, b"x")),
    "send with flags": ("send", lambda sock: socket.send(sock, b"x", ["oob"])),
    "send_nowait": ("send", lambda sock: socket.send_nowait(sock, b"x")),
    "sendto": ("sendto", lambda sock: socket.sendto(sock, b"x", NAME)),
    "sendmsg": ("sendmsg", lambda sock: socket.sendmsg(sock, MSG)),
    "sendv": ("sendmsg", lambda sock: socket.sendv(sock, [b"x"])),
    "accept": ("accept", socket.accept),
    "accept_nowait": ("accept", socket.accept_nowait),
    "bind": ("bind", lambda sock: socket.bind(sock, NAME)),
    "listen": ("listen", socket.listen),
    "sockname": ("getsockname", socket.sockname),
    "peername": ("getpeername", socket.peername),
    "shutdown": ("shutdown", lambda sock: socket.shutdown(sock, "write")),
    "setopt": ("setsockopt", lambda sock: socket.setopt(sock, "socket", "keepalive", True)),
    "getopt": ("getsockopt", lambda sock: socket.getopt(sock, "socket", "keepalive")),
}


@every_errno
@pytest.mark.parametrize("name", CALLS)
@in_runtime
async def test_a_failing_call_is_an_error(name: str, reason: str) -> None:
    method, call = CALLS[name]
    sock, peer = await connected()
    peer.sendall(b"data")
    with failing(sock, method, fails(ERRNOS[reason])):
        result = call(sock)
        assert (await result if isawaitable(result) else result) == Error(reason)
    assert await socket.recv(sock, 4) == Ok(b"data")
    assert await socket.send(sock, b"more") == Ok()
    assert await peer.read_exactly(4) == b"more"


MODULE_CALLS: dict[str, tuple[Any, str, Callable[[Socket, Any], Any]]] = {
    "open": (stdlib, "socket", lambda sock, file: socket.open("inet", "stream")),
    "dup": (os, "dup", lambda sock, file: socket.open_fd(file.fileno(), domain=2, type=1)),
    "sendfile": (os, "sendfile", socket.sendfile),
    "sendfile, dup": (os, "dup", socket.sendfile),
    "ioctl": (
        __import__("fcntl"),
        "ioctl",
        lambda sock, file: socket.ioctl(sock, "gifindex", "lo"),
    ),
}


@every_errno
@pytest.mark.parametrize("name", MODULE_CALLS)
@in_runtime
async def test_so_is_one_of_a_module(
    name: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, function, call = MODULE_CALLS[name]
    sock, peer = await connected()
    with tempfile.TemporaryFile() as file:
        file.write(b"data")
        file.flush()
        with monkeypatch.context() as patch:
            patch.setattr(module, function, fails(ERRNOS[reason]))
            result = call(sock, file)
            assert (await result if isawaitable(result) else result) == Error(reason)
        assert await socket.sendfile(sock, file) == Ok(4)
        assert await peer.read_exactly(4) == b"data"


@in_runtime
async def test_a_part_of_a_message_is_sent() -> None:
    """No known kernel does that. The caller is told what is left."""
    sock, other = local_pair(stdlib.SOCK_DGRAM)
    with failing(sock, "send", lambda real, data, flags: real(data[:2], flags)):
        assert socket.send_nowait(sock, b"data") == Ok(b"ta")
    assert socket.recv_nowait(other) == Ok(b"da")


@every_errno
@in_runtime
async def test_connecting_fails_at_each_step(reason: str) -> None:
    number = ERRNOS[reason]
    for method, behave in (
        ("connect_ex", lambda real, *args: number),
        ("connect_ex", fails(number)),
        ("getsockopt", lambda real, *args: number),
        ("getsockopt", fails(number)),
    ):
        case = await CASES["connect"]()
        with failing(case.sock, method, behave):
            assert await case.blocking() == Error(reason)
        assert "connecting" not in socket.info(case.sock).wstates


@every_errno
@in_runtime
async def test_an_accepted_connection_that_fails_is_closed(reason: str) -> None:
    listener, address = listening()
    peer = dial(address)

    def accept(real: Callable[[], Any]) -> Any:
        sock, name = real()
        return Failing(sock, "setblocking", fails(ERRNOS[reason]), -1), name

    with failing(listener, "accept", accept):
        assert await socket.accept(listener) == Error(reason)
    assert peer.recv(1) == b""
    other = dial(address)
    assert isinstance(await socket.accept(listener), Ok)
    other.close()


@every_errno
@in_runtime
async def test_closing_fails_and_the_socket_is_closed(reason: str) -> None:
    sock, peer = await connected()

    def close(real: Callable[[], None]) -> None:
        real()
        raise OSError(ERRNOS[reason], "injected")

    (reader,) = workers(1)
    job = reader.tell(socket.recv, sock)
    await readers(sock)
    with failing(sock, "close", close):
        assert await socket.close(sock) == Error(reason)
        sock._actor.sock = sock._actor.sock._real
    assert await job.answer() == Error("closed")
    assert peer.recv(1) == b""


@every_errno
@in_runtime
async def test_readers_that_wait_get_the_error_and_the_next_one_the_data(reason: str) -> None:
    sock, peer = await connected()
    jobs = [worker.tell(socket.recv, sock) for worker in workers(2)]
    await readers(sock, 2)
    with failing(sock, "recv", fails(ERRNOS[reason])):
        peer.sendall(b"data")
        assert [await job.answer() for job in jobs] == [Error(reason)] * 2
    assert await socket.recv(sock) == Ok(b"data")


@in_runtime
async def test_no_thread_for_a_namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        assert socket.open("inet", "stream", netns="/proc/self/ns/net") == Error("eagain")


# --- the poller -----------------------------------------------------------------------------------


@needs_epoll
@every_errno
@in_runtime
async def test_no_epoll_for_the_first_socket(reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(epoll_poller.select, "epoll", fails(ERRNOS[reason]))
        assert socket.open("inet", "stream") == Error(reason)
        assert socket.info().counters["num_sockets"] == 0
    assert isinstance(socket.open("inet", "stream"), Ok)


EPOLL_CALLS = ("register", "modify", "unregister", "poll")


@needs_epoll
@every_errno
@pytest.mark.parametrize("method", EPOLL_CALLS)
@pytest.mark.parametrize("times", [1, 20])
async def test_epoll_refuses(
    method: str, times: int, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = EpollPoller.__init__

    def init(self: EpollPoller, passes: Any) -> None:
        before(self, passes)
        self._epoll = Failing(self._epoll, method, fails(ERRNOS[reason]), times)
        if method == "poll":
            self._poll = lambda *args: self._epoll.poll(*args)  # type: ignore[method-assign]

    monkeypatch.setattr(EpollPoller, "__init__", init)
    with trio.fail_after(LIMIT):
        async with open_runtime():
            for kind in ("recv", "accept", "send", "connect"):
                await _serves(kind)


async def _serves(kind: str) -> None:
    """Assert that a blocking call is served, and one that waits for a message."""
    (worker,) = workers(1)
    case = await CASES[kind]()
    job = worker.tell(case.blocking)
    await until(lambda: job.done or waiting(case.sock))
    await case.ready(lambda: job.done)
    assert isinstance(await job.answer(), Ok)
    await socket.close(case.sock)
    case = await CASES[kind]()
    info = info_of(await worker.ask(case.nowait))
    await case.ready(worker.mail)
    assert worker.mail() == [selected(case.sock, info)]
    assert not isinstance(await worker.ask(case.again), Error)
    await socket.close(case.sock)


@in_runtime
async def test_trio_refuses_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(trio.lowlevel, "wait_readable", fails(errno.ENOSPC))
        await _serves("recv")
    await _serves("recv")


def nothing(real: Callable[..., Any], *args: Any) -> Any:
    raise BlockingIOError(errno.EAGAIN, "injected")


def a_part(real: Callable[..., bytes], size: int, *flags: int) -> bytes:
    return real(min(size, 2), *flags)


@pytest.fixture
def frequent_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(epoll_poller, "_SWEEP_PERIOD", 0.05)


async def _watched() -> tuple[Socket, Any]:
    """Return a connection whose poller reports all changes, and the peer."""
    sock, peer = await connected()
    (worker,) = workers(1)
    job = worker.tell(socket.recv, sock)
    await readers(sock)
    peer.sendall(b"first")
    assert await job.answer() == Ok(b"first")
    return sock, peer


@pytest.mark.usefixtures("frequent_looks")
@in_runtime
async def test_a_read_that_wrongly_finds_nothing_or_a_part_is_made_again() -> None:
    sock, peer = await _watched()
    for behave, expected in ((nothing, [b"data"]), (a_part, [b"da", b"ta"])):
        peer.sendall(b"data")
        arrives(sock)
        await at_rest()  # the report comes while no process waits
        with failing(sock, "recv", behave, 1):
            assert [ok(await socket.recv(sock)) for _ in expected] == expected


@in_runtime
async def test_a_report_that_is_on_its_way_is_not_missing() -> None:
    sock, peer = await _watched()
    actor = sock._actor
    if not isinstance(actor.poller, EpollPoller):
        pytest.skip("only the poller with epoll sweeps")
    (worker,) = workers(1)
    job = worker.tell(socket.recv, sock)
    await readers(sock)
    peer.sendall(b"data")
    arrives(sock)
    await actor.poller._sweeper._sweep_in_turns()
    assert await job.answer() == Ok(b"data")
    assert not actor.saw_end  # short reads of the descriptor are still believed


@pytest.mark.usefixtures("frequent_looks")
@in_runtime
async def test_a_send_that_wrongly_finds_no_room_is_made_again() -> None:
    sock, peer = await _watched()
    await at_rest()
    with failing(sock, "send", nothing, 2):
        assert await socket.send(sock, b"data") == Ok()
    assert await peer.read_exactly(4) == b"data"


@pytest.mark.usefixtures("frequent_looks")
@in_runtime
async def test_an_accept_that_wrongly_finds_nothing_is_made_again() -> None:
    listener, address = listening()
    first = dial(address)
    (worker,) = workers(1)
    assert isinstance(await worker.ask(socket.accept, listener), Ok)
    job = worker.tell(socket.accept, listener)
    await until(lambda: waiting(listener))
    second = dial(address)
    assert isinstance(await job.answer(), Ok)
    third = dial(address)
    await at_rest()
    with failing(listener, "accept", nothing, 1):
        assert isinstance(await socket.accept(listener), Ok)
    for peer in (first, second, third):
        peer.close()


@pytest.mark.usefixtures("frequent_looks")
@in_runtime
async def test_a_sweep_keeps_no_socket_alive() -> None:
    others = _actors()  # what earlier tests have left
    sock, peer = await connected()
    with failing(sock, "send", nothing, 2):
        assert await socket.send(sock, b"data") == Ok()  # a sweep has looked at the socket
    await at_rest()
    await socket.close(sock)
    peer.close()
    del sock, peer
    assert [actor for actor in _actors() if actor not in others] == []


def _actors() -> list[SocketActor]:
    gc.collect()
    return [each for each in gc.get_objects() if type(each) is SocketActor]
