"""The options of level otp that tell more: select_read, iow (counters that wrap), and debug."""

import logging
import os
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from actorsock import (
    Error,
    Ok,
    Pid,
    Select,
    Timeout,
    current_pid,
    make_ref,
    ok,
    receive,
    send,
    socket,
    spawn,
)
from actorsock.socket import (
    AbortMessage,
    CounterWrap,
    Msg,
    SelectInfo,
    SelectMessage,
    SelectRead,
    Socket,
)
from actorsock.socket.core.actor import actor_of

from ..support_data import local_pair, result_of, waits_in

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the listing is Linux's")

LAST = 2**64 - 1


def listening() -> tuple[Socket, Any]:
    sock = ok(socket.open("inet", "stream"))
    ok(socket.bind(sock, "loopback"))
    ok(socket.listen(sock))
    return sock, ok(socket.sockname(sock))


# --- select_read: a receive that is complete waits for the next one already ------------------


def selecting() -> tuple[Socket, Socket]:
    """A local connection; the second end has the option."""
    left, right = local_pair()
    ok(socket.setopt(right, "otp", "select_read", True))
    return left, right


async def test_the_next_receive_waits_already(runtime: None) -> None:
    left, right = selecting()
    ok(await socket.send(left, b"abc"))
    match socket.recv_nowait(right):
        case SelectRead(SelectInfo("recv", ref) as info, data):
            assert data == b"abc"
    assert socket.info(right).num_readers == 1
    assert await receive(after=0) == Timeout()
    ok(await socket.send(left, b"def"))
    assert await receive() == SelectMessage(right, "recv", ref)
    match socket.recv_nowait(right):
        case SelectRead(again, b"def"):
            assert again.ref is not info.ref
    # Nothing there: as ever.
    assert isinstance(socket.recv_nowait(right), Select)


async def test_the_handle_may_be_given(runtime: None) -> None:
    left, right = selecting()
    ref = make_ref()
    ok(await socket.send(left, b"abc"))
    assert socket.recv_nowait(right, ref=ref) == SelectRead(SelectInfo("recv", ref), b"abc")
    ok(await socket.send(left, b"def"))
    assert await receive(ref) == SelectMessage(right, "recv", ref)


async def test_data_that_is_there_is_reported_at_once(runtime: None) -> None:
    left, right = selecting()
    ok(await socket.send(left, b"abcdef"))
    match socket.recv_nowait(right, 3):
        case SelectRead(info, b"abc"):
            assert await receive() == SelectMessage(right, "recv", info.ref)
    match socket.recv_nowait(right, 3):
        case SelectRead(info, b"def"):
            assert await receive(after=0) == Timeout()


async def test_bytes_of_an_interrupted_read_are_reported_at_once(runtime: None) -> None:
    left, right = selecting()
    ok(await socket.send(left, b"abcdef"))
    with trio.move_on_after(0.001):
        await socket.recv(right, 10)
    match socket.recv_nowait(right, 3):
        case SelectRead(info, b"abc"):
            assert await receive() == SelectMessage(right, "recv", info.ref)


async def test_a_part_is_a_select_with_data(runtime: None) -> None:
    left, right = selecting()
    ok(await socket.send(left, b"abc"))
    match socket.recv_nowait(right, 5):
        case Select(info, b"abc"):
            pass
    ok(await socket.send(left, b"de"))
    assert await receive() == SelectMessage(right, "recv", info.ref)
    assert isinstance(socket.recv_nowait(right, 2), SelectRead)


async def test_every_function_that_receives(runtime: None) -> None:
    left, right = selecting()
    for tag, function in (
        ("recv", socket.recv_nowait),
        ("recvfrom", socket.recvfrom_nowait),
        ("recvmsg", socket.recvmsg_nowait),
    ):
        ok(await socket.send(left, b"abc"))
        result: Any = function(right)
        assert isinstance(result, SelectRead)
        assert result.info.tag == tag
    assert result.data == Msg(None, (b"abc",), (), ())


async def test_a_select_read_can_be_cancelled(runtime: None) -> None:
    left, right = selecting()
    ok(await socket.send(left, b"abc"))
    match socket.recv_nowait(right):
        case SelectRead(info, _):
            assert socket.cancel(right, info) == Ok()
            assert socket.cancel(right, info) == Error("select_info")
    assert socket.info(right).num_readers == 0
    ok(await socket.send(left, b"def"))
    assert await receive(after=0.01) == Timeout()


async def test_the_turn_stays_with_who_has_it(runtime: None) -> None:
    left, right = selecting()
    assert isinstance(socket.recv_nowait(right), Select)
    other = waits_in(socket.recv, right)
    await wait_all_tasks_blocked()
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


async def test_closing_aborts_it(runtime: None) -> None:
    left, right = selecting()
    ok(await socket.send(left, b"abc"))
    match socket.recv_nowait(right):
        case SelectRead(info, _):
            ok(await socket.close(right))
            assert await receive() == AbortMessage(right, "recv", info.ref, "closed")


async def test_the_end_comes_as_ever(runtime: None) -> None:
    left, right = selecting()
    ok(await socket.send(left, b"abc"))
    match socket.recv_nowait(right):
        case SelectRead(info, _):
            ok(await socket.close(left))
            assert await receive() == SelectMessage(right, "recv", info.ref)
    assert socket.recv_nowait(right) == Error("closed")
    assert socket.info(right).num_readers == 0


async def test_the_reader_of_a_select_read_may_die(runtime: None) -> None:
    left, right = selecting()
    ok(await socket.send(left, b"abc"))

    async def reads_once(dest: Pid) -> None:
        send(dest, socket.recv_nowait(right))

    spawn(reads_once, current_pid())
    assert isinstance(await receive(), SelectRead)
    await wait_all_tasks_blocked()
    assert socket.info(right).num_readers == 0
    ok(await socket.send(left, b"def"))
    assert await socket.recv(right) == Ok(b"def")


async def test_blocking_calls_know_nothing_of_it(runtime: None) -> None:
    left, right = selecting()
    ok(await socket.send(left, b"abc"))
    assert await socket.recv(right) == Ok(b"abc")
    assert socket.info(right).num_readers == 0
    assert await socket.recv(right, timeout=0) == Error("timeout")


async def test_other_calls_know_nothing_of_it(runtime: None) -> None:
    _, right = selecting()
    assert socket.send_nowait(right, b"x") == Ok()
    listener, there = listening()
    ok(socket.setopt(listener, "otp", "select_read", True))
    client = ok(socket.open("inet", "stream"))
    ok(await socket.connect(client, there))
    accepted = ok(socket.accept_nowait(listener))
    # Whoever accepts has not asked for it.
    assert socket.getopt(accepted, "otp", "select_read") == Ok(False)


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


async def test_without_the_option_it_wraps_in_silence(runtime: None) -> None:
    left, right = local_pair()
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
    reader = waits_in(socket.recv, right, 3)
    await wait_all_tasks_blocked()
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
    client = ok(socket.open("inet", "stream"))
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
    log.clear()
    ok(await socket.sendto(sock, b"hello", ok(socket.sockname(sock))))
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
    pid = waits_in(socket.accept, listener)
    await wait_all_tasks_blocked()
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
    client = ok(socket.open("inet", "stream"))
    ok(await socket.connect(client, there))
    accepted = ok(await socket.accept(listener))
    assert said(log, listener)
    ok(await socket.send(accepted, b"x"))
    assert said(log, accepted)


async def test_debug_is_a_bool(runtime: None) -> None:
    for wrong in (1, None, "true"):
        with pytest.raises(TypeError, match="debug: expected a bool"):
            socket.open("inet", "stream", debug=wrong)  # type: ignore[arg-type]
