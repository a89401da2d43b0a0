"""sendmsg and sendv: data in pieces; and how a send that had to stop is continued."""

import array
import os
import socket as stdlib
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from trio.testing import wait_all_tasks_blocked

from actorsock import Error, Ok, Select, Timeout, make_ref, ok, receive, socket
from actorsock.socket import AbortMessage, ControlMessage, Msg, SelectInfo, SelectMessage, Socket

from ...sockets import fill
from ..support import info_of, listening, tcp
from ..support_data import everything, local_pair, result_of, tcp_pair, waiting_in, waits_in

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the listing is Linux's")

IOV_MAX = 1024


@pytest.fixture
def file(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "file").write_bytes(b"content")
    fd = os.open(tmp_path / "file", os.O_RDONLY)
    yield fd
    os.close(fd)


def pieces(count: int, size: int) -> list[bytes]:
    return [os.urandom(size) for _ in range(count)]


# --- pieces ----------------------------------------------------------------------------------


async def test_pieces_arrive_in_order(runtime: None) -> None:
    for left, right in (local_pair(), await tcp_pair(), local_pair(stdlib.SOCK_DGRAM)):
        iov = [
            b"ab",
            bytearray(b"cd"),
            memoryview(b"e-f-")[::2],
            array.array("B", b"gh"),
            b"",
            b"i",
        ]
        assert await socket.sendmsg(left, {"iov": iov}) == Ok()
        assert await socket.recv(right, 9) == Ok(b"abcdefghi")
        assert await socket.sendmsg(left, Msg(iov=tuple(iov))) == Ok()
        assert await socket.recv(right, 9) == Ok(b"abcdefghi")
        assert await socket.sendv(left, iov) == Ok()
        assert await socket.recv(right, 9) == Ok(b"abcdefghi")
        assert socket.sendv_nowait(left, iov) == Ok()
        assert await socket.recv(right, 9) == Ok(b"abcdefghi")


async def test_no_pieces(runtime: None) -> None:
    left, right = local_pair()
    for iov in ([], [b""], [b""] * 3000):
        assert await socket.sendmsg(left, {"iov": iov}) == Ok()
        assert await socket.sendv(left, iov) == Ok()
    assert await socket.recv(right, timeout=0) == Error("timeout")
    left, right = local_pair(stdlib.SOCK_DGRAM)
    assert await socket.sendmsg(left, {"iov": []}) == Ok()
    assert await socket.sendv(left, [b"", b""]) == Ok()
    assert [await socket.recv(right) for _ in range(2)] == [Ok(b""), Ok(b"")]


EMPTY = [b""] * 2000


@pytest.mark.parametrize(
    "iov",
    [
        *(pieces(count, 3) for count in (IOV_MAX, IOV_MAX + 1, 5 * IOV_MAX + 7)),
        [*EMPTY, b"a", *EMPTY, b"b", *EMPTY],
    ],
    ids=["as many as one call takes", "one more", "many more", "among empty ones"],
)
async def test_a_stream_takes_any_number_of_pieces(iov: list[bytes], runtime: None) -> None:
    for left, right in (local_pair(), await tcp_pair()):
        whole = b"".join(iov)
        for function, argument in ((socket.sendmsg, {"iov": iov}), (socket.sendv, iov)):
            pid = waits_in(function, left, argument)
            assert await socket.recv(right, len(whole)) == Ok(whole)
            assert await result_of(pid) == Ok()


async def test_a_message_takes_as_many_as_one_call_does(runtime: None) -> None:
    assert socket.info().iov_max == IOV_MAX
    left, right = local_pair(stdlib.SOCK_DGRAM)
    iov = pieces(IOV_MAX, 2)
    assert await socket.sendmsg(left, {"iov": iov}) == Ok()
    assert await socket.recv(right, 5000) == Ok(b"".join(iov))
    assert await socket.sendv(left, iov) == Ok()
    assert await socket.recv(right, 5000) == Ok(b"".join(iov))
    with pytest.raises(ValueError, match="iov: a message has at most 1024 pieces here, got 1025"):
        await socket.sendmsg(left, {"iov": [*iov, b"x"]})
    with pytest.raises(ValueError, match="iov: a message has at most 1024 pieces here, got 1025"):
        await socket.sendv(left, [*iov, b"x"])
    assert await socket.recv(right, timeout=0) == Error("timeout")


@pytest.mark.parametrize(
    ("iov", "says"),
    [(b"x", r"^iov is b'x'; it must be a list"), ([b"x", 5], r"^iov: element 2 is 5")],
)
async def test_wrong_pieces_are_named(runtime: None, iov: Any, says: str) -> None:
    left, _ = local_pair()
    with pytest.raises(TypeError, match=says):
        await socket.sendv(left, iov)


# --- what can not be sent at once ------------------------------------------------------------

Sender = tuple[Callable[..., Any], Callable[..., Any], Callable[[list[bytes]], Any]]
SENDERS: dict[str, Sender] = {
    "send": (socket.send, socket.send_nowait, b"".join),
    "sendmsg": (socket.sendmsg, socket.sendmsg_nowait, lambda iov: {"iov": iov}),
    "sendv": (socket.sendv, socket.sendv_nowait, lambda iov: iov),
}
every_sender = pytest.mark.parametrize("sender", SENDERS.values(), ids=list(SENDERS))


def joined(rest: bytes | list[bytes] | None) -> bytes:
    if rest is None:
        return b""
    return rest if isinstance(rest, bytes) else b"".join(rest)


@every_sender
async def test_a_select_carries_what_is_left(sender: Sender, runtime: None) -> None:
    _, function, form = sender
    left, right = local_pair()
    iov = pieces(3000, 3000)
    whole = b"".join(iov)
    ref = make_ref()
    match function(left, form(iov), ref=ref):
        case Select(SelectInfo(tag, handle), rest):
            assert (tag in SENDERS, handle) == (True, ref)
    assert await receive(after=0) == Timeout()
    there = await everything(right)
    assert 0 < len(there) < len(whole)
    assert there + joined(rest) == whole
    if isinstance(rest, list):
        # All but the first are as they were.
        assert rest[1:] == iov[len(iov) - len(rest) + 1 :]
    assert await receive() == SelectMessage(left, tag, ref)


@every_sender
async def test_a_close_hands_over_the_pieces_left(sender: Sender, runtime: None) -> None:
    function, nowait, form = sender
    left, right = local_pair()
    iov = pieces(3000, 3000)
    pid = await waiting_in(function, left, form(iov))
    info = info_of(nowait(left, form(iov)), data=None)
    there = await everything(right)
    await wait_all_tasks_blocked()
    ok(await socket.close(left))
    assert await receive(AbortMessage) == AbortMessage(left, info.tag, info.ref, "closed")
    result = await result_of(pid)
    assert result.reason == "closed"
    there += await everything(right)
    assert there + joined(result.data) == b"".join(iov)
    assert await function(left, form(iov)) == Error("closed")
    assert nowait(left, form(iov)) == Error("closed")


@every_sender
async def test_a_lost_peer_leaves_the_pieces_that_had_not_gone(
    sender: Sender, runtime: None
) -> None:
    function, nowait, form = sender
    left, right = local_pair()
    iov = pieces(3000, 3000)
    pid = await waiting_in(function, left, form(iov))
    there = await everything(right)
    await wait_all_tasks_blocked()
    there += await everything(right)
    ok(await socket.close(right))
    result = await result_of(pid)
    assert result.reason in ("epipe", "econnreset")
    assert b"".join(iov).startswith(there)
    assert b"".join(iov).endswith(joined(result.data))
    assert await function(left, form(iov)) == Error("epipe")
    assert nowait(left, form(iov)) == Error("epipe")


# --- going on with the info of a select ------------------------------------------------------


async def test_a_blocking_send_goes_on_with_the_info_of_a_select(runtime: None) -> None:
    left, right = local_pair()
    data = os.urandom(3_000_000)
    reader = waits_in(socket.recv, right, len(data))
    select = socket.send_nowait(left, data, ["nosignal"])
    assert isinstance(select, Select)
    await receive(SelectMessage)
    rest = [select.data[:10], select.data[10:]]
    assert await socket.send(left, rest, select.info) == Ok()
    assert await result_of(reader) == Ok(data)


async def full(name: bytes) -> tuple[Socket, Socket, Any]:
    """A sender, and a local receiver that takes no more messages, and its address."""
    receiver, sender = ok(socket.open("local", "dgram")), ok(socket.open("local", "dgram"))
    address = {"family": "local", "path": name}
    ok(socket.bind(receiver, address))
    await fill(sender, lambda number: socket.sendto_nowait(sender, b"filler", address))
    return sender, receiver, address


async def drained(sock: Socket) -> None:
    while await socket.recv(sock, timeout=0) == Ok(b"filler"):
        pass


async def test_sendto_and_sendmsg_go_on_to_where_they_were_going(runtime: None) -> None:
    sender, receiver, address = await full(f"\0sendto-{os.getpid()}".encode())
    info = info_of(socket.sendto_nowait(sender, b"hello", address), data=None)
    msg = info_of(socket.sendmsg_nowait(sender, {"addr": address, "iov": [b"hello"]}), data=None)
    await drained(receiver)
    await receive(SelectMessage)
    for answer in (
        socket.sendto_nowait(sender, b"hello", info),
        await socket.sendto(sender, b"hello", info),
        socket.sendmsg_nowait(sender, {"iov": [b"hello"]}, msg),
    ):
        assert answer == Ok()
        assert await socket.recv(receiver) == Ok(b"hello")


async def descriptors_in(sock: Socket, count: int) -> list[int]:
    """The descriptors that come with the next `count` bytes."""
    fds: list[int] = []
    while count:
        msg = ok(await socket.recvmsg(sock, 100_000))
        count -= len(msg.iov[0])
        for message in msg.ctrl:
            assert isinstance(message, ControlMessage)
            fds += message.value
    return fds


async def test_descriptors_go_with_the_first_part_only(file: int, runtime: None) -> None:
    left, right = local_pair()
    data = bytes(3_000_000)
    rights = ControlMessage("socket", "rights", value=[file])
    result: Any = socket.sendmsg_nowait(left, Msg(iov=[data], ctrl=[rights]))
    reader = waits_in(descriptors_in, right, len(data))
    while isinstance(result, Select):
        await receive(SelectMessage)
        result = socket.sendmsg_nowait(left, {"iov": result.data}, result.info)
    assert result == Ok()
    (fd,) = await result_of(reader)
    os.close(fd)
    # So they do when nobody need go on.
    sender = waits_in(socket.sendmsg, left, Msg(iov=[data], ctrl=[rights]))
    (fd,) = await descriptors_in(right, len(data))
    os.close(fd)
    assert await result_of(sender) == Ok()


async def test_the_pieces_left_are_a_message_too(runtime: None) -> None:
    left, right = local_pair()
    iov = pieces(1000, 3000)
    reader = waits_in(socket.recv, right, 3_000_000)
    result: Any = socket.sendmsg_nowait(left, {"iov": iov})
    while isinstance(result, Select):
        await receive(SelectMessage)
        result = socket.sendmsg_nowait(left, result.data, result.info)
    assert result == Ok()
    assert await result_of(reader) == Ok(b"".join(iov))
    with pytest.raises(TypeError, match="is not a message"):
        socket.sendmsg_nowait(left, iov)


@pytest.mark.parametrize("blocks", [False, True], ids=["nowait", "blocking"])
async def test_descriptors_that_have_not_gone_go_later(
    blocks: bool, file: int, runtime: None
) -> None:
    sender, receiver, address = await full(f"\0later-{os.getpid()}".encode())
    rights = ControlMessage("socket", "rights", value=[file])
    msg = Msg(address, [b"a file"], [rights])
    info = info_of(socket.sendmsg_nowait(sender, msg), data=None)
    await drained(receiver)
    await receive(SelectMessage)
    # What goes along is remembered; the data is all that counts of the message.
    if blocks:
        assert await socket.sendmsg(sender, {"iov": [b"a file"]}, info) == Ok()
    else:
        assert socket.sendmsg_nowait(sender, msg, info) == Ok()
    (fd,) = await descriptors_in(receiver, 6)
    os.close(fd)


async def test_descriptors_of_who_is_queued_go_later(file: int, runtime: None) -> None:
    left, right = local_pair()
    first = await waiting_in(socket.send, left, bytes(3_000_000))
    rights = ControlMessage("socket", "rights", value=[file])
    info = info_of(socket.sendmsg_nowait(left, Msg(iov=[b"a file"], ctrl=[rights])), data=None)
    assert await socket.recv(right, 3_000_000) == Ok(bytes(3_000_000))
    assert await result_of(first) == Ok()
    await receive(SelectMessage)
    assert socket.sendmsg_nowait(left, [b"a file"], info) == Ok()
    (fd,) = await descriptors_in(right, 6)
    os.close(fd)


async def test_an_old_info_is_as_good_as_a_new_call(runtime: None) -> None:
    left, right = local_pair()
    match socket.send_nowait(left, bytes(10_000_000)):
        case Select(info):
            ok(socket.cancel(left, info))
    await everything(right)
    assert await socket.send(left, b"hello", info) == Ok()
    assert await socket.recv(right) == Ok(b"hello")
    # Whose it was does not matter.
    assert await socket.send(right, b"hello", info) == Ok()
    assert await socket.recv(left) == Ok(b"hello")


async def infos(file: int) -> dict[str, SelectInfo]:
    """An info of every operation that can wait."""
    (listener, _), (_, there), (stream, _) = listening(), listening(), local_pair()
    sender, _, address = await full(f"\0infos-{os.getpid()}".encode())
    results: list[Any] = [
        socket.accept_nowait(listener),
        socket.connect_nowait(tcp(), there),
        socket.recv_nowait(stream),
        socket.recvfrom_nowait(stream),
        socket.recvmsg_nowait(stream),
        socket.send_nowait(stream, bytes(10_000_000)),
        socket.sendmsg_nowait(stream, {"iov": [b"x"]}),
        socket.sendv_nowait(stream, [b"x"]),
        socket.sendfile_nowait(stream, file),
        socket.sendto_nowait(sender, b"x", address),
    ]
    return {result.info.tag: result.info for result in results}


CONTINUED: dict[str, Callable[[Socket, SelectInfo], Any]] = {
    "send": lambda sock, info: socket.send_nowait(sock, b"x", info),
    "sendto": lambda sock, info: socket.sendto_nowait(sock, b"x", info),
    "sendmsg": lambda sock, info: socket.sendmsg_nowait(sock, {"iov": [b"x"]}, info),
    "sendfile": lambda sock, info: socket.sendfile_nowait(sock, info),
    "send blocking": lambda sock, info: socket.send(sock, b"x", info),
    "sendto blocking": lambda sock, info: socket.sendto(sock, b"x", info, timeout=0),
    "sendmsg blocking": lambda sock, info: socket.sendmsg(sock, {"iov": [b"x"]}, info),
    "sendfile blocking": lambda sock, info: socket.sendfile(sock, info),
}


@pytest.mark.parametrize("function", CONTINUED)
async def test_the_info_of_another_function(function: str, file: int, runtime: None) -> None:
    found = await infos(file)
    assert len(found) == 10
    del found[function.removesuffix(" blocking")]
    left, right = local_pair()
    closed, _ = local_pair()
    ok(await socket.close(closed))
    for info in found.values():
        for sock in (left, closed):  # found out before anything else
            answer = CONTINUED[function](sock, info)
            answer = await answer if isinstance(answer, Awaitable) else answer
            assert answer == Error("select_info")
    assert await socket.recv(right, timeout=0) == Error("timeout")


async def test_an_info_in_the_wrong_place(file: int, runtime: None) -> None:
    info = (await infos(file))["sendto"]
    left, _ = local_pair()
    with pytest.raises(TypeError, match="flags"):
        await socket.sendto(left, b"x", "/somewhere", info)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="ref"):
        socket.send_nowait(left, b"x", ref=info)  # type: ignore[arg-type]
