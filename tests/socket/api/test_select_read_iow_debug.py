"""The options of level otp that tell more: select_read, iow (counters that wrap), and debug."""

import logging
import os
import socket as stdlib
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import trio

from actorsock import Error, Ok, Pid, Select, Timeout, current_pid, ok, receive, send, socket, spawn
from actorsock.socket import CounterWrap, SelectMessage, SelectRead, Socket
from actorsock.socket.core.actor import actor_of

from ...sockets import listening, tcp
from ..support_data import local_pair, result_of, waiting_in

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the listing is Linux's")

LAST = 2**64 - 1


# --- select_read: a receive that is complete waits for the next one already ------------------


def selecting() -> tuple[Socket, Socket]:
    """A local connection; the second end has the option."""
    left, right = local_pair()
    ok(socket.setopt(right, "otp", "select_read", True))
    return left, right


async def test_bytes_of_an_interrupted_read_are_reported_at_once(runtime: None) -> None:
    left, right = selecting()
    ok(await socket.send(left, b"abcdef"))
    with trio.move_on_after(0.001):
        await socket.recv(right, 10)
    match socket.recv_nowait(right, 3):
        case SelectRead(info, b"abc"):
            assert await receive() == SelectMessage(right, "recv", info.ref)


async def test_the_turn_stays_with_who_has_it(runtime: None) -> None:
    left, right = selecting()
    assert isinstance(socket.recv_nowait(right), Select)
    other = await waiting_in(socket.recv, right)
    ok(await socket.send(left, b"abc"))
    await receive(SelectMessage)
    match socket.recv_nowait(right):
        case SelectRead(info, b"abc"):
            pass
    assert socket.info(right).num_readers == 2
    ok(await socket.send(left, b"def"))
    assert await receive() == SelectMessage(right, "recv", info.ref)
    assert socket.cancel(right, info) == Ok()
    assert await result_of(other) == Ok(b"def")


# --- iow: whoever owns a socket is told when a counter begins anew ---------------------------


def nearly_full(sock: Socket, **room: int) -> None:
    """Let the counters of a socket have room for so many more."""
    counters = actor_of(sock).counters
    for name, left in room.items():
        setattr(counters, name, LAST - left)


def counter(sock: Socket, name: str) -> int:
    return socket.info(sock).counters[name]


async def test_a_counter_that_wraps_is_told(runtime: None) -> None:
    left, right = local_pair()
    ok(socket.setopt(right, "otp", "iow", True))
    nearly_full(right, read_byte=2)
    ok(await socket.send(left, b"abc"))
    assert await socket.recv(right, 2) == Ok(b"ab")
    assert counter(right, "read_byte") == LAST
    assert await receive(after=0) == Timeout()
    assert await socket.recv(right, 1) == Ok(b"c")
    assert counter(right, "read_byte") == 0
    assert await receive(after=0) == CounterWrap(right, "read_byte")
    ok(await socket.send(left, b"de"))
    assert await socket.recv(right, 2) == Ok(b"de")
    assert counter(right, "read_byte") == 2
    assert await receive(after=0) == Timeout()
    # Without the option there is no message.
    ok(socket.setopt(right, "otp", "iow", False))
    nearly_full(right, read_byte=0)
    ok(await socket.send(left, b"abc"))
    assert await socket.recv(right, 3) == Ok(b"abc")
    assert counter(right, "read_byte") == 2
    assert await receive(after=0) == Timeout()


async def test_several_counters_wrap_at_once(runtime: None) -> None:
    left, _ = local_pair()
    ok(socket.setopt(left, "otp", "iow", True))
    nearly_full(left, write_byte=0, write_tries=0, write_pkg=0)
    assert socket.send_nowait(left, b"abc") == Ok()
    messages = [await receive(after=0) for _ in range(4)]
    assert messages == [
        CounterWrap(left, "write_tries"),
        CounterWrap(left, "write_byte"),
        CounterWrap(left, "write_pkg"),
        Timeout(),
    ]
    assert [counter(left, name) for name in ("write_tries", "write_byte", "write_pkg")] == [0, 2, 0]


async def test_a_refused_call_is_told_of_too(runtime: None) -> None:
    sock = ok(socket.open("inet", "stream"))
    ok(socket.setopt(sock, "otp", "iow", True))
    nearly_full(sock, write_fails=0)
    assert await socket.send(sock, b"x") == Error("epipe")
    assert await receive(after=0) == CounterWrap(sock, "write_fails")


async def test_the_owner_is_told_whoever_has_called(runtime: None) -> None:
    left, right = local_pair()
    ok(socket.setopt(right, "otp", "iow", True))
    nearly_full(right, read_byte=2)
    reader = await waiting_in(socket.recv, right, 3)
    ok(await socket.send(left, b"abc"))
    assert await result_of(reader) == Ok(b"abc")
    assert await receive(after=0) == CounterWrap(right, "read_byte")


async def test_a_new_owner_is_told(runtime: None) -> None:
    left, right = local_pair()
    ok(socket.setopt(right, "otp", "iow", True))
    nearly_full(right, read_byte=0)

    async def heir(dest: Pid) -> None:
        send(dest, await receive(CounterWrap))

    pid = spawn(heir, current_pid())
    ok(socket.setopt(right, "otp", "controlling_process", pid))
    ok(await socket.send(left, b"a"))
    assert await socket.recv(right, 1) == Ok(b"a")
    assert await receive() == CounterWrap(right, "read_byte")


async def test_accepting_and_sending_files_count_too(tmp_path: Any, runtime: None) -> None:
    listener, there = listening()
    ok(socket.setopt(listener, "otp", "iow", True))
    client = tcp()
    ok(await socket.connect(client, there))
    nearly_full(listener, acc_success=0)
    accepted = ok(await socket.accept(listener))
    assert await receive(after=0) == CounterWrap(listener, "acc_success")
    # What it has accepted has the option, and counters of its own.
    assert socket.getopt(accepted, "otp", "iow") == Ok(True)
    nearly_full(accepted, sendfile_byte=2)
    fd = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    os.write(fd, b"content")
    assert await socket.sendfile(accepted, fd) == Ok(7)
    os.close(fd)
    assert await receive(after=0) == CounterWrap(accepted, "sendfile_byte")
    assert counter(accepted, "sendfile_byte") == 4


# --- debug: what a socket does is logged -----------------------------------------------------


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.DEBUG, logger="actorsock.socket"):
        yield caplog


def said(log: pytest.LogCaptureFixture, sock: Socket) -> list[str]:
    """Return the lines of the log about a socket, and clear them."""
    messages = log.messages
    assert {record.levelname for record in log.records} <= {"DEBUG"}
    log.clear()
    return [message for message in messages if repr(sock) in message]


async def test_operations_and_results_are_logged(
    log: pytest.LogCaptureFixture, runtime: None
) -> None:
    sock = ok(socket.open("inet", "dgram", debug=True))
    assert socket.getopt(sock, "otp", "debug") == Ok(True)
    ok(socket.bind(sock, "loopback"))
    address = ok(socket.sockname(sock))
    log.clear()
    ok(await socket.sendto(sock, b"hello", address))
    sent = said(log, sock)
    assert sent
    assert all("sendto" in line and repr(current_pid()) in line for line in sent)
    assert "Ok(" in sent[-1]
    ok(await socket.recvfrom(sock))
    received = said(log, sock)
    assert all("recvfrom" in line and repr(current_pid()) in line for line in received)
    assert "hello" in received[-1]
    assert await socket.recv(sock, timeout=0) == Error("timeout")
    assert any("recv" in line for line in said(log, sock))


async def test_a_waiting_operation_is_logged(log: pytest.LogCaptureFixture, runtime: None) -> None:
    listener, _ = listening()
    ok(socket.setopt(listener, "otp", "debug", True))
    assert isinstance(socket.accept_nowait(listener), Select)
    assert "Select(" in said(log, listener)[-1]
    pid = await waiting_in(socket.accept, listener)
    waiting = said(log, listener)
    assert "waits" in waiting[-1]
    assert repr(pid) in waiting[-1]
    ok(await socket.close(listener))
    assert await result_of(pid) == Error("closed")


async def test_nothing_is_logged_of_other_sockets(
    log: pytest.LogCaptureFixture, runtime: None
) -> None:
    left, right = local_pair()
    ok(await socket.send(left, b"x"))
    ok(await socket.recv(right))
    assert socket.recv_nowait(left) is not None
    assert log.messages == []
    ok(socket.setopt(right, "otp", "debug", True))
    ok(await socket.send(left, b"x"))
    assert log.messages == []
    ok(await socket.recv(right))
    assert said(log, right)
    ok(socket.setopt(right, "otp", "debug", False))
    ok(await socket.send(left, b"x"))
    ok(await socket.recv(right))
    assert log.messages == []


async def test_a_socket_accepted_by_a_logged_listener_is_logged(
    log: pytest.LogCaptureFixture, runtime: None
) -> None:
    listener, there = listening()
    ok(socket.setopt(listener, "otp", "debug", True))
    client = tcp()
    ok(await socket.connect(client, there))
    accepted = ok(await socket.accept(listener))
    assert said(log, listener)
    ok(await socket.send(accepted, b"x"))
    assert said(log, accepted)


async def test_calls_that_never_wait_and_the_close_are_logged(
    log: pytest.LogCaptureFixture, runtime: None
) -> None:
    sock = ok(socket.open("inet", "stream", debug=True))
    ok(socket.bind(sock, "loopback"))
    ok(socket.setopt(sock, "socket", "keepalive", True))
    assert socket.peername(sock) == Error("enotconn")
    bound, set_, peer = said(log, sock)
    assert f"bind by {current_pid()!r}: Ok(" in bound
    assert "setopt 'socket' 'keepalive' by" in set_
    assert "peername by" in peer
    assert "enotconn" in peer
    ok(await socket.close(sock))
    assert said(log, sock) == [f"{sock!r} is closed"]


async def test_all_sockets_are_logged(log: pytest.LogCaptureFixture, runtime: None) -> None:
    left, right = local_pair()
    socket.debug(True)
    assert socket.getopt(left, "otp", "debug") == Ok(False)
    ok(await socket.send(left, b"x"))
    ok(await socket.recv(right))
    later = tcp()
    assert said(log, later) == [
        f"open('inet', 'stream', 'tcp') by {current_pid()!r}: Ok(value={later!r})"
    ]
    ok(await socket.send(left, b"x"))
    ok(await socket.recv(right))
    assert isinstance(socket.open("inet", "stream", 255), Error)
    here, there = stdlib.socketpair()
    with here, there:
        fd = here.fileno()
        assert ok(socket.open_fd(fd))
    *calls, refused, from_fd = [message.partition(" by ")[0] for message in log.messages]
    assert calls == [f"{left!r} send", f"{right!r} recv"]
    assert refused == "open('inet', 'stream', 255)"
    assert from_fd == f"open_fd({fd}, 'local', 'stream', 'ip')"
    log.clear()
    socket.debug(False)
    ok(await socket.send(left, b"x"))
    ok(socket.bind(tcp(), "loopback"))
    assert log.messages == []
