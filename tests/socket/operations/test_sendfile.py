"""sendfile: files, or parts of them, to a connection."""

import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from actorsock import (
    Error,
    Ok,
    Pid,
    Select,
    current_pid,
    make_ref,
    ok,
    receive,
    send,
    socket,
    spawn,
)
from actorsock.socket import AbortMessage, SelectInfo, SelectMessage

from ..support_data import everything, local_pair, result_of, tcp_pair, waits_in

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the reasons are Linux's")

SIZE = 3_000_000
CONTENT = os.urandom(SIZE)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def file(path: Path) -> Iterator[int]:
    fd = os.open(path, os.O_RDONLY)
    yield fd
    os.close(fd)


# --- a file and parts of it ------------------------------------------------------------------


@pytest.mark.parametrize("domain", ["tcp", "local"])
async def test_a_whole_file(domain: str, file: int, runtime: None) -> None:
    left, right = await tcp_pair() if domain == "tcp" else local_pair()
    pid = waits_in(socket.sendfile, left, file)
    assert await socket.recv(right, SIZE) == Ok(CONTENT)
    assert await result_of(pid) == Ok(SIZE)


@pytest.mark.parametrize(
    ("offset", "count", "part"),
    [
        (0, 10, slice(0, 10)),
        (100, 10, slice(100, 110)),
        (SIZE - 10, 0, slice(SIZE - 10, SIZE)),
        (SIZE - 10, 10, slice(SIZE - 10, SIZE)),
        (SIZE - 10, 11, slice(SIZE - 10, SIZE)),
        (SIZE - 10, 2**62, slice(SIZE - 10, SIZE)),
        (SIZE, 0, slice(0, 0)),
        (SIZE, 10, slice(0, 0)),
        (SIZE + 1000, 10, slice(0, 0)),
    ],
)
async def test_parts_and_beyond_the_end(
    offset: int, count: int, part: slice, file: int, runtime: None
) -> None:
    left, right = local_pair()
    expected = CONTENT[part]
    assert await socket.sendfile(left, file, offset, count) == Ok(len(expected))
    assert await everything(right) == expected
    assert socket.sendfile_nowait(left, file, offset, count) == Ok(len(expected))
    assert await everything(right) == expected
    assert await socket.sendfile(left, file, offset, count, 0) == Ok(len(expected))
    assert await everything(right) == expected


async def test_an_empty_file(tmp_path: Path, runtime: None) -> None:
    left, right = local_pair()
    fd = os.open(tmp_path / "empty", os.O_RDONLY | os.O_CREAT)
    assert await socket.sendfile(left, fd) == Ok(0)
    assert await everything(right) == b""
    os.close(fd)


@pytest.mark.parametrize("mode", [{"mode": "rb"}, {"mode": "rb", "buffering": 0}, {"mode": "r"}])
async def test_an_open_file_and_its_position(
    mode: dict[str, Any], path: Path, runtime: None
) -> None:
    left, right = local_pair()
    async with await trio.open_file(path, **mode) as opened:
        await opened.seek(7)
        assert await socket.sendfile(left, opened.wrapped, 5, 10) == Ok(10)
        assert await socket.sendfile(left, opened, 5, 10) == Ok(10)
        assert await socket.sendfile(left, opened.fileno(), 5, 10) == Ok(10)
        assert await opened.tell() == 7
    assert await everything(right) == CONTENT[5:15] * 3


async def test_data_and_files_stay_in_order(file: int, runtime: None) -> None:
    left, right = local_pair()
    ok(await socket.send(left, b"before"))
    first = waits_in(socket.sendfile, left, file)
    await wait_all_tasks_blocked()
    second = waits_in(socket.send, left, b"after")
    await wait_all_tasks_blocked()
    third = waits_in(socket.sendfile, left, file, 0, 10)
    await wait_all_tasks_blocked()
    assert socket.info(left).num_writers == 3
    whole = b"before" + CONTENT + b"after" + CONTENT[:10]
    assert await socket.recv(right, len(whole)) == Ok(whole)
    assert await result_of(first) == Ok(SIZE)
    assert await result_of(second) == Ok()
    assert await result_of(third) == Ok(10)


# --- what can not be sent at once ------------------------------------------------------------


async def test_a_select_tells_how_much_has_gone(file: int, runtime: None) -> None:
    left, right = local_pair()
    ref = make_ref()
    match socket.sendfile_nowait(left, file, ref=ref):
        case Select(SelectInfo("sendfile", handle), sent):
            assert handle is ref
    assert 0 < sent < SIZE
    assert await everything(right) == CONTENT[:sent]
    assert await receive() == SelectMessage(left, "sendfile", ref)


@pytest.mark.parametrize("count", [0, SIZE, SIZE - 5])
async def test_going_on_with_the_info(count: int, file: int, runtime: None) -> None:
    left, right = local_pair()
    end = count or SIZE
    reader = waits_in(socket.recv, right, end)
    sent, parts = 0, 0
    result: Any = socket.sendfile_nowait(left, file, 0, count)
    while isinstance(result, Select):
        sent += result.data or 0
        await receive(SelectMessage)
        result = socket.sendfile_nowait(left, result.info, sent, end - sent)
        parts += 1
    assert result == Ok(end - sent)
    assert parts > 1
    assert await result_of(reader) == Ok(CONTENT[:end])


async def test_going_on_with_a_blocking_call(file: int, runtime: None) -> None:
    left, right = local_pair()
    reader = waits_in(socket.recv, right, SIZE)
    match socket.sendfile_nowait(left, file):
        case Select(info, sent):
            assert await socket.sendfile(left, info, sent) == Ok(SIZE - sent)
    assert await result_of(reader) == Ok(CONTENT)


async def test_a_timeout_says_how_much_has_gone(file: int, runtime: None) -> None:
    left, right = local_pair()
    for timeout in (0.01, 0):
        result = await socket.sendfile(left, file, timeout=timeout)
        assert isinstance(result, Error)
        assert result.reason == "timeout"
        assert 0 < result.data < SIZE
        assert await everything(right) == CONTENT[: result.data]


async def test_nothing_could_be_sent(file: int, runtime: None) -> None:
    left, _ = local_pair()
    await socket.send(left, bytes(10_000_000), timeout=0)
    assert await socket.sendfile(left, file, timeout=0.001) == Error("timeout", 0)
    assert await socket.sendfile(left, file, timeout=0) == Error("timeout", 0)
    match socket.sendfile_nowait(left, file):
        case Select(info, 0):
            assert socket.cancel(left, info) == Ok()
        case other:
            pytest.fail(f"{other}")
    assert socket.info(left).num_writers == 0


async def test_a_queued_sendfile_times_out_without_a_count(file: int, runtime: None) -> None:
    left, _ = local_pair()
    first = waits_in(socket.sendfile, left, file)
    await wait_all_tasks_blocked()
    assert await socket.sendfile(left, file, timeout=0.001) == Error("timeout")
    ok(await socket.close(left))
    assert (await result_of(first)).reason == "closed"


async def test_closing_meanwhile(file: int, runtime: None) -> None:
    left, right = local_pair()
    first = waits_in(socket.sendfile, left, file)
    await wait_all_tasks_blocked()
    match socket.sendfile_nowait(left, file):
        case Select(info, None):
            pass
    ok(await socket.close(left))
    assert await receive(AbortMessage) == AbortMessage(left, "sendfile", info.ref, "closed")
    result = await result_of(first)
    assert result.reason == "closed"
    assert await socket.recv(right, result.data) == Ok(CONTENT[: result.data])
    assert await socket.recv(right) == Error("closed")


async def test_a_peer_that_goes_away(file: int, runtime: None) -> None:
    left, right = local_pair()
    pid = waits_in(socket.sendfile, left, file)
    await wait_all_tasks_blocked()
    ok(await socket.close(right))
    result = await result_of(pid)
    assert result.reason in ("epipe", "econnreset")
    assert 0 < result.data < SIZE
    assert await socket.sendfile(left, file) == Error("epipe")
    assert socket.sendfile_nowait(left, file) == Error("epipe")


async def test_a_cancelled_caller_leaves_the_lane(file: int, runtime: None) -> None:
    left, right = local_pair()
    with trio.move_on_after(0.01) as scope:
        await socket.sendfile(left, file)
    assert scope.cancelled_caught
    assert socket.info(left).num_writers == 0
    there = await everything(right)
    assert there == CONTENT[: len(there)]
    ok(await socket.send(left, b"next"))
    assert await everything(right) == b"next"


async def test_a_file_that_is_cut_meanwhile(path: Path, file: int, runtime: None) -> None:
    left, right = local_pair()
    pid = waits_in(socket.sendfile, left, file)
    await wait_all_tasks_blocked()
    there = await everything(right)
    os.truncate(path, len(there))
    await wait_all_tasks_blocked()
    there += await everything(right)
    result = await result_of(pid)
    assert result == Ok(len(there))
    assert CONTENT.startswith(there)


# --- what can not be sent at all -------------------------------------------------------------


async def test_a_socket_that_can_not_send(file: int, runtime: None) -> None:
    sock = ok(socket.open("inet", "stream"))
    assert await socket.sendfile(sock, file) == Error("epipe")
    left, _ = local_pair()
    ok(socket.shutdown(left, "write"))
    assert await socket.sendfile(left, file) == Error("epipe")
    ok(await socket.close(left))
    assert await socket.sendfile(left, file) == Error("closed")
    assert socket.sendfile_nowait(left, file) == Error("closed")


async def test_while_a_connect_is_pending(file: int, runtime: None) -> None:
    listener, client = ok(socket.open("inet", "stream")), ok(socket.open("inet", "stream"))
    ok(socket.bind(listener, "loopback"))
    ok(socket.listen(listener))
    assert isinstance(socket.connect_nowait(client, ok(socket.sockname(listener))), Select)
    assert await socket.sendfile(client, file) == Error("state")


async def test_a_file_that_can_not_be_sent(path: Path, tmp_path: Path, runtime: None) -> None:
    left, right = local_pair()
    writable = os.open(path, os.O_WRONLY)
    directory = os.open(tmp_path, os.O_RDONLY)
    assert await socket.sendfile(left, writable) == Error("ebadf")
    assert await socket.sendfile(left, directory) in (Error("einval"), Error("eisdir"))
    os.close(writable)
    os.close(directory)
    assert await socket.sendfile(left, directory) == Error("ebadf")
    assert await everything(right) == b""
    assert socket.info(left).num_writers == 0


async def test_a_negative_offset_is_the_systems_answer(file: int, runtime: None) -> None:
    left, _ = local_pair()
    assert await socket.sendfile(left, file, -1) == Error("einval")
    assert socket.sendfile_nowait(left, file, -1, 10) == Error("einval")


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        (("file",), TypeError, "file: expected an open file"),
        ((None,), TypeError, "file: expected an open file"),
        ((True,), TypeError, "file: expected an open file"),
        ((b"content",), TypeError, "file: expected an open file"),
        ((-1,), ValueError, "file: expected an open file"),
        ((2**31,), ValueError, "file: expected an open file"),
        ((0, "1"), TypeError, "offset: expected"),
        ((0, 1.0), TypeError, "offset: expected"),
        ((0, True), TypeError, "offset: expected"),
        ((0, 2**63), ValueError, "offset: expected"),
        ((0, 0, "1"), TypeError, "count: expected"),
        ((0, 0, -1), ValueError, "count: expected"),
        ((0, 0, 2**63), ValueError, "count: expected"),
        ((0, 0, None), TypeError, "count: expected"),
    ],
)
async def test_a_wrong_argument(
    arguments: tuple[Any, ...], error: type[Exception], says: str, runtime: None
) -> None:
    left, _ = local_pair()
    ok(await socket.close(left))  # found out before anything else
    with pytest.raises(error, match=says):
        await socket.sendfile(left, *arguments)
    with pytest.raises(error, match=says):
        socket.sendfile_nowait(left, *arguments)


async def test_files_that_are_none_to_the_system(path: Path, runtime: None) -> None:
    left, _ = local_pair()
    async with await trio.open_file(path, "rb") as closed:
        pass
    for wrong in (io.BytesIO(b"content"), closed):
        with pytest.raises(ValueError, match=r"^file: expected an open file or"):
            await socket.sendfile(left, wrong)


async def test_support_can_be_asked_for() -> None:
    assert socket.is_supported("sendfile") is True


@pytest.mark.parametrize("blocking", [True, False])
async def test_a_file_that_is_closed_meanwhile_is_sent_all_the_same(
    tmp_path: Path, runtime: None, blocking: bool
) -> None:
    """Also when another file gets its number."""
    size = 2**23
    for name in "AB":
        (tmp_path / name).write_bytes(name.encode() * size)
    left, right = local_pair()
    fd = os.open(tmp_path / "A", os.O_RDONLY)

    async def receives(main: Pid) -> None:
        send(main, ok(await socket.recv(right, size)))

    async with trio.open_nursery() as nursery:
        if blocking:
            nursery.start_soon(socket.sendfile, left, fd)
            await wait_all_tasks_blocked()
        else:
            select = socket.sendfile_nowait(left, fd)
            assert isinstance(select, Select)
        os.close(fd)
        other = os.open(tmp_path / "B", os.O_RDONLY)
        assert other == fd
        spawn(receives, current_pid())
        if not blocking:
            assert isinstance(await receive(select.info.ref), SelectMessage)
            rest = socket.sendfile(left, select.info, select.data)
            assert await rest == Ok(size - select.data)
            del select
        assert set(await receive(bytes)) == {ord("A")}
    os.close(other)


async def test_a_continuation_that_is_complete_is_not_gone_on_with(
    file: int, runtime: None
) -> None:
    left, right = local_pair()
    select = socket.sendfile_nowait(left, file)
    assert isinstance(select, Select)
    reader = spawn(socket.recv, right, SIZE)
    assert isinstance(await receive(select.info.ref), SelectMessage)
    assert await socket.sendfile(left, select.info, select.data) == Ok(SIZE - select.data)
    assert await socket.sendfile(left, select.info, 0) == Error("ebadf")
    assert reader is not None


async def test_a_continuation_that_times_out_can_be_gone_on_with(file: int, runtime: None) -> None:
    left, right = local_pair()
    select = socket.sendfile_nowait(left, file)
    assert isinstance(select, Select)
    for _ in range(2):
        later = socket.sendfile(left, select.info, select.data, timeout=0.001)
        assert await later == Error("timeout", 0)
    reader = socket.recv(right, SIZE)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(socket.sendfile, left, select.info, select.data)
        assert await reader == Ok(CONTENT)


async def test_a_cancelled_sendfile_holds_no_file(file: int, runtime: None) -> None:
    left, _ = local_pair()
    before = len(os.listdir("/proc/self/fd"))
    with trio.move_on_after(0.01):
        await socket.sendfile(left, file)
    assert len(os.listdir("/proc/self/fd")) == before
