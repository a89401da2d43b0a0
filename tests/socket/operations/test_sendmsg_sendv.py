"""sendmsg and sendv: data in pieces; and how a send that had to stop is continued."""

import array
import os
import socket as stdlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from trio.testing import wait_all_tasks_blocked

from actorsock import Error, Ok, Select, Timeout, make_ref, ok, receive, socket
from actorsock.socket import AbortMessage, ControlMessage, Msg, SelectInfo, SelectMessage, Socket

from ..support_data import everything, local_pair, result_of, tcp_pair, waits_in

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the listing is Linux's")

IOV_MAX = 1024


@pytest.fixture
def file(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "file").write_bytes(b"content")
    fd = os.open(tmp_path / "file", os.O_RDONLY)
    yield fd
    os.close(fd)


def tcp() -> Socket:
    return ok(socket.open("inet", "stream"))


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


@pytest.mark.parametrize("count", [IOV_MAX, IOV_MAX + 1, 5 * IOV_MAX + 7])
async def test_a_stream_takes_any_number_of_pieces(count: int, runtime: None) -> None:
    for left, right in (local_pair(), await tcp_pair()):
        iov = pieces(count, 3)
        whole = b"".join(iov)
        for function, argument in ((socket.sendmsg, {"iov": iov}), (socket.sendv, iov)):
            pid = waits_in(function, left, argument)
            assert await socket.recv(right, len(whole)) == Ok(whole)
            assert await result_of(pid) == Ok()


async def test_among_empty_ones_too(runtime: None) -> None:
    left, right = local_pair()
    iov = [b""] * 2000 + [b"a"] + [b""] * 2000 + [b"b"] + [b""] * 2000
    assert await socket.sendmsg(left, {"iov": iov}) == Ok()
    assert await socket.recv(right, 2) == Ok(b"ab")


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
    ("msg", "error", "says"),
    [
        (b"hello", TypeError, "msg: b'hello' is not a message"),
        ([b"hello"], TypeError, r"msg: \[b'hello'\] is not a message"),
        (None, TypeError, "msg: None is not a message"),
        ({}, ValueError, 'msg: {} has no "iov"'),
        ({"addr": "x"}, ValueError, 'has no "iov"'),
        ({"iov": b"hello"}, TypeError, "msg: its iov is b'hello'"),
        ({"iov": [b"a", "b"]}, TypeError, "msg: element 2 of its iov is 'b'"),
        ({"iov": [[b"a"]]}, TypeError, "msg: element 1 of its iov"),
        ({"iov": [b"a"], "addr": 3}, TypeError, "addr"),
        ({"iov": [b"a"], "addr": {"family": "foo"}}, ValueError, "addr"),
    ],
)
async def test_a_malformed_message(
    msg: Any, error: type[Exception], says: str, runtime: None
) -> None:
    left, _ = local_pair()
    ok(await socket.close(left))  # found out before anything else
    with pytest.raises(error, match=says):
        await socket.sendmsg(left, msg)
    with pytest.raises(error, match=says):
        socket.sendmsg_nowait(left, msg)


@pytest.mark.parametrize("iov", [b"hello", None, 3, [3], ["x"], [[b"x"]], {"iov": []}])
async def test_malformed_pieces(iov: Any, runtime: None) -> None:
    left, _ = local_pair()
    ok(await socket.close(left))
    with pytest.raises(TypeError, match="iov"):
        await socket.sendv(left, iov)
    with pytest.raises(TypeError, match="iov"):
        socket.sendv_nowait(left, iov)


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
@pytest.mark.parametrize("domain", ["tcp", "local"])
async def test_a_blocking_send_waits_until_all_of_it_is_out(
    sender: Sender, domain: str, runtime: None
) -> None:
    function, _, form = sender
    left, right = await tcp_pair() if domain == "tcp" else local_pair()
    iov = pieces(3000, 3000)
    whole = b"".join(iov)
    pid = waits_in(function, left, form(iov))
    assert await socket.recv(right, len(whole)) == Ok(whole)
    assert await result_of(pid) == Ok()


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
async def test_a_timeout_hands_over_the_pieces_left(sender: Sender, runtime: None) -> None:
    function, _, form = sender
    left, right = local_pair()
    iov = pieces(3000, 3000)
    result = await function(left, form(iov), timeout=0.01)
    assert isinstance(result, Error)
    assert result.reason == "timeout"
    assert await everything(right) + joined(result.data) == b"".join(iov)
    result = await function(left, form(iov), timeout=0)
    assert isinstance(result, Error)
    assert result.reason == "timeout"
    assert await everything(right) + joined(result.data) == b"".join(iov)


@every_sender
async def test_a_close_hands_over_the_pieces_left(sender: Sender, runtime: None) -> None:
    function, nowait, form = sender
    left, right = local_pair()
    iov = pieces(3000, 3000)
    pid = waits_in(function, left, form(iov))
    await wait_all_tasks_blocked()
    match nowait(left, form(iov)):
        case Select(info, None):
            pass
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
    pid = waits_in(function, left, form(iov))
    await wait_all_tasks_blocked()
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


async def reads_all(sock: Socket, count: int) -> Any:
    return await socket.recv(sock, count)


@pytest.mark.parametrize("blocks", [False, True], ids=["nowait", "blocking"])
async def test_send_goes_on_with_its_info(blocks: bool, runtime: None) -> None:
    left, right = local_pair()
    data = os.urandom(3_000_000)
    reader = waits_in(reads_all, right, len(data))
    result: Any = socket.send_nowait(left, data, ["nosignal"])
    while isinstance(result, Select):
        await receive(SelectMessage)
        if blocks:
            result = await socket.send(left, [result.data[:10], result.data[10:]], result.info)
        else:
            result = socket.send_nowait(left, result.data, result.info)
    assert result == Ok()
    assert await result_of(reader) == Ok(data)


def full(name: bytes) -> tuple[Socket, Socket, Any]:
    """A sender, and a local receiver that takes no more messages, and its address."""
    receiver, sender = ok(socket.open("local", "dgram")), ok(socket.open("local", "dgram"))
    address = {"family": "local", "path": name}
    ok(socket.bind(receiver, address))
    while isinstance(result := socket.sendto_nowait(sender, b"filler", address), Ok):
        pass
    assert isinstance(result, Select)
    ok(socket.cancel(sender, result.info))
    return sender, receiver, address


async def drained(sock: Socket) -> None:
    while await socket.recv(sock, timeout=0) == Ok(b"filler"):
        pass


async def test_sendto_goes_on_to_where_it_was_going(runtime: None) -> None:
    sender, receiver, address = full(f"\0sendto-{os.getpid()}".encode())
    match socket.sendto_nowait(sender, b"hello", address):
        case Select(info, None):
            pass
    await drained(receiver)
    await receive(SelectMessage)
    assert socket.sendto_nowait(sender, b"hello", info) == Ok()
    assert await socket.recv(receiver) == Ok(b"hello")
    assert await socket.sendto(sender, b"again", info) == Ok()
    assert await socket.recv(receiver) == Ok(b"again")


async def test_sendmsg_goes_on_to_where_it_was_going(runtime: None) -> None:
    sender, receiver, address = full(f"\0sendmsg-{os.getpid()}".encode())
    match socket.sendmsg_nowait(sender, {"addr": address, "iov": [b"hello"]}):
        case Select(info, None):
            pass
    await drained(receiver)
    await receive(SelectMessage)
    assert socket.sendmsg_nowait(sender, {"iov": [b"hello"]}, info) == Ok()
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
    reader = waits_in(reads_all, right, 3_000_000)
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
    sender, receiver, address = full(f"\0later-{os.getpid()}".encode())
    rights = ControlMessage("socket", "rights", value=[file])
    msg = Msg(address, [b"a file"], [rights])
    match socket.sendmsg_nowait(sender, msg):
        case Select(info, None):
            pass
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
    first = waits_in(socket.send, left, bytes(3_000_000))
    await wait_all_tasks_blocked()
    rights = ControlMessage("socket", "rights", value=[file])
    match socket.sendmsg_nowait(left, Msg(iov=[b"a file"], ctrl=[rights])):
        case Select(info, None):
            pass
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
    listener, server, (stream, _) = tcp(), tcp(), local_pair()
    sender, _, address = full(f"\0infos-{os.getpid()}".encode())
    for sock in (listener, server):
        ok(socket.bind(sock, "loopback"))
        ok(socket.listen(sock))
    results: list[Any] = [
        socket.accept_nowait(listener),
        socket.connect_nowait(tcp(), ok(socket.sockname(server))),
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
}


@pytest.mark.parametrize("function", CONTINUED)
async def test_the_info_of_another_function(function: str, file: int, runtime: None) -> None:
    found = await infos(file)
    assert len(found) == 10
    del found[function]
    left, right = local_pair()
    closed, _ = local_pair()
    ok(await socket.close(closed))
    for info in found.values():
        assert CONTINUED[function](left, info) == Error("select_info")
        # Found out before anything else.
        assert CONTINUED[function](closed, info) == Error("select_info")
    assert await socket.recv(right, timeout=0) == Error("timeout")


async def test_a_blocking_call_with_the_info_of_another_function(file: int, runtime: None) -> None:
    info = (await infos(file))["recv"]
    left, _ = local_pair()
    assert await socket.send(left, b"x", info) == Error("select_info")
    assert await socket.sendto(left, b"x", info, timeout=0) == Error("select_info")
    assert await socket.sendmsg(left, {"iov": [b"x"]}, info) == Error("select_info")
    assert await socket.sendfile(left, info) == Error("select_info")


async def test_an_info_in_the_wrong_place(file: int, runtime: None) -> None:
    info = (await infos(file))["sendto"]
    left, _ = local_pair()
    with pytest.raises(TypeError, match="flags"):
        await socket.sendto(left, b"x", "/somewhere", info)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="ref"):
        socket.send_nowait(left, b"x", ref=info)  # type: ignore[arg-type]


# --- what send takes -------------------------------------------------------------------------


@pytest.mark.parametrize("data", ["text", None, 3, [b"a", "b"], [3], {"iov": []}, object()])
async def test_anything_but_data_is_refused(data: Any, runtime: None) -> None:
    left, _ = local_pair()
    ok(await socket.close(left))
    with pytest.raises(TypeError, match="data: "):
        await socket.send(left, data)
    with pytest.raises(TypeError, match="data: "):
        socket.sendto_nowait(left, data, "/somewhere")
