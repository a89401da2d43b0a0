"""info: the states of a socket in their order, who waits on it, and what the counters count."""

import os
import socket as stdlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from actorsock import Error, Ok, Pid, Select, current_pid, ok, receive, send, socket, spawn
from actorsock.socket import SelectMessage, SockAddrUnspec, Socket, SocketInfo, SocketsInfo
from actorsock.socket.values.address import SockAddr

from ..support_data import local_pair, result_of, tcp_pair, waits_in

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the listing is Linux's")

READ = ("read_tries", "read_byte", "read_pkg", "read_pkg_max", "read_fails", "read_waits")
WRITE = ("write_tries", "write_byte", "write_pkg", "write_pkg_max", "write_fails", "write_waits")
ACC = ("acc_tries", "acc_success", "acc_waits", "acc_fails")
SENDFILE = tuple(
    f"sendfile{part}"
    for part in ("", "_tries", "_byte", "_pkg", "_pkg_max", "_fails", "_waits", "_max")
)


def listener() -> tuple[Socket, SockAddr]:
    sock = ok(socket.open("inet", "stream"))
    ok(socket.bind(sock, "loopback"))
    ok(socket.listen(sock))
    return sock, ok(socket.sockname(sock))


def counted(sock: Socket) -> dict[str, int]:
    """The counters that are not 0."""
    return {name: value for name, value in socket.info(sock).counters.items() if value}


def taken(result: Any) -> Any:
    """Return the value of a receive that did not have to wait."""
    return ok(result)


def states(sock: Socket) -> tuple[tuple[str, ...], tuple[str, ...]]:
    info = socket.info(sock)
    return info.rstates, info.wstates


def waiting(sock: Socket) -> tuple[int, int, int]:
    info = socket.info(sock)
    return info.num_readers, info.num_writers, info.num_acceptors


async def waiting_in(function: Any, *args: Any) -> Pid:
    """A process that waits in the call, by now."""

    pid = waits_in(function, *args)
    await wait_all_tasks_blocked()
    return pid


# --- the record ------------------------------------------------------------------------------


async def test_a_new_socket(runtime: None) -> None:
    sock = ok(socket.open("inet", "stream"))
    assert socket.info(sock) == SocketInfo(
        domain="inet",
        type="stream",
        protocol="tcp",
        owner=current_pid(),
        ctype="normal",
        rstates=(),
        wstates=(),
        num_readers=0,
        num_writers=0,
        num_acceptors=0,
        counters=dict.fromkeys((*READ, *WRITE, *ACC), 0),
    )


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (("inet", "dgram"), ("inet", "dgram", "udp")),
        (("inet6", "stream"), ("inet6", "stream", "tcp")),
        (("inet", "stream", "ip"), ("inet", "stream", "tcp")),
        (("local", "stream"), ("local", "stream", "ip")),
        (("local", "seqpacket"), ("local", "seqpacket", "ip")),
        ((16, 3), (16, "raw", "ip")),  # netlink has no name here
    ],
)
async def test_domain_type_and_protocol(
    asked: tuple[Any, ...], told: tuple[Any, ...], runtime: None
) -> None:
    info = socket.info(ok(socket.open(*asked)))
    assert (info.domain, info.type, info.protocol) == told


async def test_the_ctype_of_a_socket(runtime: None) -> None:
    left, right = stdlib.socketpair()
    with left, right:
        copied = ok(socket.open_fd(left.fileno()))
        shared = ok(socket.open_fd(right.fileno(), dup=False))
        ctypes = ("fromfd", left.fileno()), "fromfd"
        assert (socket.info(copied).ctype, socket.info(shared).ctype) == ctypes
        assert states(copied) == states(shared) == ((), ("connected",))
        ok(await socket.close(shared))
        ok(await socket.close(copied))
    assert (socket.info(copied).ctype, socket.info(shared).ctype) == ctypes


async def test_the_owner_is_told_and_a_closed_socket_has_none(runtime: None) -> None:
    sock = ok(socket.open("inet", "stream"))

    async def heir() -> None:
        await receive()

    pid = spawn(heir)
    ok(socket.setopt(sock, "otp", "controlling_process", pid))
    assert socket.info(sock).owner is pid
    monitor = socket.monitor(sock)
    send(pid, "end")
    await receive(monitor)
    assert socket.info(sock).owner is None
    assert states(sock) == (("closing", "closed"), ("closing", "closed"))


async def test_anything_but_a_socket(runtime: None) -> None:
    for wrong in ("sock", 3, current_pid()):
        with pytest.raises(TypeError, match="sock: expected a Socket"):
            socket.info(wrong)  # type: ignore[call-overload]


# --- the states, stage by stage --------------------------------------------------------------


async def test_the_life_of_a_listener(runtime: None) -> None:
    sock = ok(socket.open("inet", "stream"))
    assert states(sock) == ((), ())
    ok(socket.bind(sock, "loopback"))
    assert states(sock) == (("bound",), ())
    ok(socket.listen(sock))
    assert states(sock) == (("bound", "listening"), ())
    match socket.accept_nowait(sock):
        case Select(info):
            pass
    assert states(sock) == (("bound", "listening", "accepting", "selected"), ())
    ok(socket.cancel(sock, info))
    assert states(sock) == (("bound", "listening", "selected"), ())
    assert isinstance(socket.accept_nowait(sock), Select)
    client = ok(socket.open("inet", "stream"))
    ok(await socket.connect(client, ok(socket.sockname(sock))))
    await receive(SelectMessage)
    assert states(sock) == (("bound", "listening", "accepting", "selected"), ())
    accepted = ok(socket.accept_nowait(sock))
    assert states(sock) == (("bound", "listening", "selected"), ())
    assert states(accepted) == ((), ("connected",))
    ok(await socket.close(sock))
    assert states(sock) == (
        ("bound", "listening", "selected", "closing", "closed"),
        ("closing", "closed"),
    )


async def test_a_listener_that_was_not_bound(runtime: None) -> None:
    sock = ok(socket.open("inet", "stream"))
    ok(socket.listen(sock))
    assert states(sock) == (("listening",), ())


async def test_the_life_of_a_client(runtime: None) -> None:
    listening, there = listener()
    sock = ok(socket.open("inet", "stream"))
    assert isinstance(socket.connect_nowait(sock, there), Select)
    assert states(sock) == ((), ("connecting", "selected"))
    await receive(SelectMessage)
    assert states(sock) == ((), ("connecting", "selected"))
    ok(socket.connect_nowait(sock))
    assert states(sock) == ((), ("connected", "selected"))
    assert isinstance(socket.recv_nowait(sock), Select)
    assert states(sock) == (("selected",), ("connected", "selected"))
    ok(await socket.close(sock))
    assert states(sock) == (
        ("selected", "closing", "closed"),
        ("connected", "selected", "closing", "closed"),
    )
    ok(await socket.close(listening))


async def test_a_connect_that_fails_or_is_cancelled(runtime: None) -> None:
    free, nobody = listener()
    ok(await socket.close(free))
    sock = ok(socket.open("inet", "stream"))
    assert await socket.connect(sock, nobody) == Error("econnrefused")
    assert states(sock) == ((), ("selected",))
    _, there = listener()
    sock = ok(socket.open("inet", "stream"))
    match socket.connect_nowait(sock, there):
        case Select(info):
            ok(socket.cancel(sock, info))
    assert states(sock) == ((), ("selected",))


async def test_a_connect_that_need_not_wait(runtime: None) -> None:
    sock = ok(socket.open("inet", "dgram"))
    ok(await socket.connect(sock, ("127.0.0.1", 9)))
    assert states(sock) == ((), ("connected",))
    ok(await socket.connect(sock, {"family": "unspec"}))
    assert states(sock) == ((), ("connected",))


async def test_a_bind_or_listen_that_fails_changes_nothing(runtime: None) -> None:
    sock = ok(socket.open("inet", "dgram"))
    assert socket.bind(sock, ("203.0.113.1", 0)) == Error("eaddrnotavail")
    assert socket.listen(sock) == Error("enotsup")
    assert states(sock) == ((), ())


async def test_closing_by_the_death_of_the_owner(runtime: None) -> None:
    async def owner(dest: Pid) -> None:
        sock, _ = listener()
        send(dest, sock)
        await receive()

    pid = spawn(owner, current_pid())
    sock = await receive(Socket)
    monitor = socket.monitor(sock)
    send(pid, "end")
    await receive(monitor)
    assert states(sock) == (("bound", "listening", "closing", "closed"), ("closing", "closed"))


# --- who waits -------------------------------------------------------------------------------


async def test_readers_writers_and_acceptors_are_counted(runtime: None) -> None:
    left, right = local_pair()
    for number in (1, 2, 3):
        await waiting_in(socket.recv, right)
        assert waiting(right) == (number, 0, 0)
    await waiting_in(socket.send, right, bytes(10_000_000))
    await waiting_in(socket.sendmsg, right, {"iov": [b"x"]})
    assert waiting(right) == (3, 2, 0)
    assert waiting(left) == (0, 0, 0)
    listening, _ = listener()
    for number in (1, 2):
        await waiting_in(socket.accept, listening)
        assert waiting(listening) == (0, 0, number)
    for sock in (right, listening):
        ok(await socket.close(sock))
        assert waiting(sock) == (0, 0, 0)


async def test_a_reader_that_leaves_is_not_counted(runtime: None) -> None:
    left, right = local_pair()
    first = await waiting_in(socket.recv, right, 1)
    assert await socket.recv(right, timeout=0.01) == Error("timeout")
    assert waiting(right) == (1, 0, 0)
    ok(await socket.send(left, b"x"))
    assert await result_of(first) == Ok(b"x")
    assert waiting(right) == (0, 0, 0)
    match socket.recv_nowait(right):
        case Select(info):
            assert waiting(right) == (1, 0, 0)
            ok(socket.cancel(right, info))
    assert waiting(right) == (0, 0, 0)


async def test_a_connector_is_neither(runtime: None) -> None:
    _, there = listener()
    sock = ok(socket.open("inet", "stream"))
    assert isinstance(socket.connect_nowait(sock, there), Select)
    assert waiting(sock) == (0, 0, 0)


# --- reading ---------------------------------------------------------------------------------


async def test_reads_of_a_stream(runtime: None) -> None:
    left, right = local_pair()
    assert isinstance(socket.recv_nowait(right), Select)
    assert counted(right) == {"read_tries": 1}
    ok(await socket.send(left, b"abcdef"))
    await receive(SelectMessage)
    assert socket.recv_nowait(right, 2) == Ok(b"ab")
    assert counted(right) == {"read_tries": 2, "read_byte": 2, "read_pkg": 1, "read_pkg_max": 2}
    assert socket.recvfrom_nowait(right, 1) == Ok((SockAddrUnspec(), b"c"))
    assert taken(socket.recvmsg_nowait(right, 2)).iov == (b"de",)
    assert socket.recv_nowait(right) == Ok(b"f")
    assert counted(right) == {"read_tries": 5, "read_byte": 6, "read_pkg": 4, "read_pkg_max": 2}


async def test_a_message_in_parts_is_one_package_and_every_byte_counts_once(runtime: None) -> None:
    left, right = local_pair()
    ok(await socket.send(left, b"abc"))
    assert isinstance(socket.recv_nowait(right, 5), Select)
    assert counted(right)["read_byte"] == 3
    assert "read_pkg" not in counted(right)
    ok(await socket.send(left, b"de"))
    await receive(SelectMessage)
    assert socket.recv_nowait(right, 2) == Ok(b"de")
    assert (counted(right)["read_byte"], counted(right)["read_pkg"]) == (5, 1)

    reader = await waiting_in(socket.recv, right, 6)
    ok(await socket.send(left, b"abc"))
    await wait_all_tasks_blocked()
    ok(await socket.send(left, b"def"))
    assert await result_of(reader) == Ok(b"abcdef")
    counters = counted(right)
    assert (counters["read_byte"], counters["read_pkg"], counters["read_pkg_max"]) == (11, 2, 6)


async def test_bytes_that_come_back_from_a_reader_count_once(runtime: None) -> None:
    left, right = local_pair()
    ok(await socket.send(left, b"abc"))
    with trio.move_on_after(0.01):
        await socket.recv(right, 10)
    assert counted(right)["read_byte"] == 3
    ok(await socket.send(left, b"def"))
    assert await socket.recv(right, 6) == Ok(b"abcdef")
    counters = counted(right)
    assert (counters["read_byte"], counters["read_pkg"]) == (6, 1)


async def test_several_reads_of_one_recv_are_one_package(runtime: None) -> None:
    left, right = local_pair()
    ok(socket.setopt(right, "otp", "rcvbuf", (3, 10)))
    ok(await socket.send(left, bytes(25)))
    assert len(ok(await socket.recv(right))) == 25
    assert counted(right) == {"read_tries": 3, "read_byte": 25, "read_pkg": 1, "read_pkg_max": 25}


async def test_peeked_bytes_are_not_counted(runtime: None) -> None:
    left, right = local_pair()
    ok(await socket.send(left, b"abc"))
    assert socket.recv_nowait(right, 0, ["peek"]) == Ok(b"abc")
    assert socket.recvfrom_nowait(right, 0, ["peek"]) == Ok((SockAddrUnspec(), b"abc"))
    assert taken(socket.recvmsg_nowait(right, 0, 0, ["peek"])).iov == (b"abc",)
    assert counted(right) == {"read_tries": 3}
    assert socket.recv_nowait(right) == Ok(b"abc")
    assert counted(right) == {"read_tries": 4, "read_byte": 3, "read_pkg": 1, "read_pkg_max": 3}


async def test_a_message_that_is_peeked_at(runtime: None) -> None:
    left, right = local_pair(stdlib.SOCK_DGRAM)
    ok(await socket.send(left, b"abc"))
    assert socket.recv_nowait(right, 0, ["peek"]) == Ok(b"abc")
    assert taken(socket.recvfrom_nowait(right, 0, ["peek"]))[1] == b"abc"
    assert taken(socket.recvmsg_nowait(right, 0, 0, ["peek"])).iov == (b"abc",)
    assert counted(right) == {"read_tries": 3}
    assert taken(socket.recvmsg_nowait(right)).iov == (b"abc",)
    assert counted(right) == {"read_tries": 4, "read_byte": 3, "read_pkg": 1, "read_pkg_max": 3}


async def test_reads_of_messages(runtime: None) -> None:
    left, right = local_pair(stdlib.SOCK_DGRAM)
    for data in (b"abc", b"abcdef", b""):
        ok(await socket.send(left, data))
    assert taken(socket.recv_nowait(right)) == b"abc"
    assert taken(socket.recvfrom_nowait(right, 4))[1] == b"abcd"
    assert taken(socket.recvmsg_nowait(right)).iov == (b"",)
    assert counted(right) == {"read_tries": 3, "read_byte": 7, "read_pkg": 3, "read_pkg_max": 4}


async def test_the_end_and_errors_are_fails(runtime: None) -> None:
    left, right = local_pair()
    ok(await socket.close(left))
    assert socket.recv_nowait(right) == Error("closed")
    assert socket.recvfrom_nowait(right) == Error("closed")
    assert socket.recvmsg_nowait(right) == Error("closed")
    assert counted(right) == {"read_tries": 3, "read_fails": 3}
    sock = ok(socket.open("inet", "stream"))
    assert socket.recv_nowait(sock) == Error("enotconn")
    assert counted(sock) == {"read_tries": 1, "read_fails": 1}


async def test_a_queued_or_refused_call_is_no_try(runtime: None) -> None:
    left, right = local_pair()
    await waiting_in(socket.recv, right)
    before = counted(right)
    assert isinstance(socket.recv_nowait(right), Select)
    assert socket.recv_nowait(right) == Error("state")
    assert socket.accept_nowait(right) == Error("state")
    assert counted(right) == before
    ok(await socket.close(left))


# --- writing ---------------------------------------------------------------------------------


async def test_writes_of_a_stream(runtime: None) -> None:
    left, _ = local_pair()
    ok(socket.send_nowait(left, b"abc"))
    ok(socket.sendmsg_nowait(left, {"iov": [b"ab", b"cd"]}))
    ok(socket.sendv_nowait(left, [b"e"]))
    ok(socket.send_nowait(left, b""))
    assert counted(left) == {
        "write_tries": 4,
        "write_byte": 8,
        "write_pkg": 4,
        "write_pkg_max": 4,
    }


async def test_a_send_in_pieces_counts_every_byte_once(runtime: None) -> None:
    left, right = local_pair()
    data = bytes(1_000_000)
    sender = await waiting_in(socket.send, left, data)
    counters = counted(left)
    assert 0 < counters["write_byte"] < len(data)
    assert counters["write_waits"] == 1
    assert "write_pkg" not in counters
    assert len(ok(await socket.recv(right, len(data)))) == len(data)
    assert await result_of(sender) == Ok()
    counters = counted(left)
    assert counters["write_byte"] == counters["write_pkg_max"] == len(data)
    assert counters["write_pkg"] == 1
    # Every try either hands over something or waits; reads of a part of it do not count.
    assert counters["write_tries"] > counters["write_waits"] > 0
    assert counted(right)["read_byte"] == len(data)


async def test_a_send_that_is_continued_counts_every_byte_once(runtime: None) -> None:
    left, right = local_pair()
    data = bytes(1_000_000)
    result = socket.send_nowait(left, data)
    while isinstance(result, Select):
        ok(await socket.recv(right, len(data) - len(result.data)))
        await receive(SelectMessage)
        data = result.data
        result = socket.send_nowait(left, data, result.info)
    assert result == Ok()
    assert counted(left)["write_byte"] == 1_000_000
    assert counted(left)["write_pkg"] == 1


async def test_refused_sends_are_fails(runtime: None) -> None:
    sock = ok(socket.open("inet", "stream"))
    assert socket.send_nowait(sock, b"abc") == Error("epipe")
    assert socket.sendmsg_nowait(sock, {"iov": [b"abc"]}) == Error("epipe")
    assert counted(sock) == {"write_tries": 2, "write_fails": 2}


async def test_messages_that_are_sent(runtime: None) -> None:
    sock = ok(socket.open("inet", "dgram"))
    ok(socket.bind(sock, "loopback"))
    there = ok(socket.sockname(sock))
    ok(socket.sendto_nowait(sock, b"abc", there))
    ok(socket.sendto_nowait(sock, b"", there))
    assert socket.sendto_nowait(sock, bytes(100_000), there) == Error("emsgsize")
    assert counted(sock) == {
        "write_tries": 3,
        "write_byte": 3,
        "write_pkg": 2,
        "write_pkg_max": 3,
        "write_fails": 1,
    }


async def test_connect_counts_nowhere(runtime: None) -> None:
    client, _ = await tcp_pair()
    assert counted(client) == {}


# --- accepting -------------------------------------------------------------------------------


async def test_accepts(runtime: None) -> None:
    sock, there = listener()
    assert isinstance(socket.accept_nowait(sock), Select)
    assert counted(sock) == {"acc_tries": 1}
    # Only who was current before is counted as waiting.
    assert isinstance(socket.accept_nowait(sock), Select)
    assert counted(sock) == {"acc_tries": 2, "acc_waits": 1}
    client = ok(socket.open("inet", "stream"))
    ok(await socket.connect(client, there))
    await receive(SelectMessage)
    ok(socket.accept_nowait(sock))
    assert counted(sock) == {"acc_tries": 3, "acc_waits": 1, "acc_success": 1}
    ok(socket.shutdown(sock, "read"))
    assert socket.accept_nowait(sock) == Error("einval")
    assert counted(sock) == {"acc_tries": 4, "acc_waits": 1, "acc_success": 1, "acc_fails": 1}


# --- sendfile --------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path: Path) -> Iterator[int]:
    path = tmp_path / "file"
    path.write_bytes(bytes(1_000_000))
    fd = os.open(path, os.O_RDONLY)
    yield fd
    os.close(fd)


async def test_the_counters_of_sendfile_show_once_it_is_used(file: int, runtime: None) -> None:
    left, _ = local_pair()
    assert not any(name.startswith("sendfile") for name in socket.info(left).counters)
    ok(socket.sendfile_nowait(left, file, 0, 100))
    ok(socket.sendfile_nowait(left, file, 10, 20))
    assert socket.sendfile_nowait(left, file, -1, 20) == Error("einval")
    assert tuple(socket.info(left).counters) == (*READ, *WRITE, *ACC, *SENDFILE)
    assert counted(left) == {
        "sendfile": 3,
        "sendfile_tries": 3,
        "sendfile_byte": 120,
        "sendfile_pkg": 2,
        "sendfile_pkg_max": 100,
        "sendfile_fails": 1,
        "sendfile_max": 100,
    }


async def test_a_file_in_pieces_is_one_package(file: int, runtime: None) -> None:
    left, right = local_pair()
    await waiting_in(socket.send, left, bytes(1_000_000))
    sender = await waiting_in(socket.sendfile, left, file)
    assert "sendfile" not in counted(left)
    ok(await socket.recv(right, 2_000_000))
    assert await result_of(sender) == Ok(1_000_000)
    counters = counted(left)
    assert (counters["sendfile"], counters["sendfile_pkg"]) == (1, 1)
    assert counters["sendfile_byte"] == counters["sendfile_pkg_max"] == 1_000_000
    assert 0 < counters["sendfile_max"] < 1_000_000
    assert counters["sendfile_tries"] > counters["sendfile_waits"] > 0
    assert counters["write_byte"] == 1_000_000


async def test_a_file_that_waits_for_room_is_counted_once(file: int, runtime: None) -> None:
    left, right = local_pair()
    while isinstance(socket.send_nowait(left, bytes(100_000)), Ok):
        pass
    assert await socket.sendfile(left, file, 0, 10, timeout=0.01) == Error("timeout", 0)
    assert counted(left)["sendfile"] == 1
    sender = await waiting_in(socket.sendfile, left, file, 0, 10)
    ok(await socket.recv(right, 1))
    await wait_all_tasks_blocked()
    while await socket.recv(right, 0, (), 0) != Error("timeout"):
        pass
    assert await result_of(sender) == Ok(10)
    assert counted(left)["sendfile"] == 2


# --- closed ----------------------------------------------------------------------------------


async def test_the_counters_of_a_closed_socket_can_still_be_read(runtime: None) -> None:
    left, right = local_pair()
    ok(socket.send_nowait(left, b"abc"))
    before = socket.info(left)
    ok(await socket.close(left))
    after = socket.info(left)
    assert after.counters == before.counters
    assert (after.domain, after.type, after.protocol) == ("local", "stream", "ip")
    assert socket.send_nowait(left, b"abc") == Error("closed")
    assert socket.info(left).counters == before.counters
    ok(await socket.close(right))


# --- info without a socket -------------------------------------------------------------------


def open_sockets() -> dict[str, int]:
    return {name: value for name, value in socket.info().counters.items() if value}


async def test_nothing_is_open_at_first(runtime: None) -> None:
    info = socket.info()
    assert info == SocketsInfo(
        use_registry=True,
        iov_max=1024,
        counters={
            "num_cnt_bits": 64,
            "num_sockets": 0,
            **dict.fromkeys(
                (
                    "num_dinet",
                    "num_dinet6",
                    "num_dlocal",
                    "num_tstreams",
                    "num_tdgrams",
                    "num_tseqpkgs",
                    "num_pip",
                    "num_ptcp",
                    "num_pudp",
                    "num_psctp",
                ),
                0,
            ),
        },
    )


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        (("inet", "stream"), ("num_dinet", "num_tstreams", "num_ptcp")),
        (("inet", "stream", "tcp"), ("num_dinet", "num_tstreams", "num_ptcp")),
        (("inet6", "dgram"), ("num_dinet6", "num_tdgrams", "num_pudp")),
        (("local", "stream"), ("num_dlocal", "num_tstreams", "num_pip")),
        (("local", "seqpacket"), ("num_dlocal", "num_tseqpkgs", "num_pip")),
        ((16, 3), ("num_pip",)),
    ],
)
async def test_sockets_are_counted_up_and_down(
    asked: tuple[Any, ...], names: tuple[str, ...], runtime: None
) -> None:
    one = {"num_cnt_bits": 64, "num_sockets": 1, **dict.fromkeys(names, 1)}
    first = ok(socket.open(*asked))
    assert open_sockets() == one
    second = ok(socket.open(*asked))
    assert open_sockets() == {**dict.fromkeys(one, 2), "num_cnt_bits": 64}
    ok(await socket.close(first))
    assert open_sockets() == one
    assert await socket.close(first) == Error("closed")
    ok(await socket.close(second))
    assert open_sockets() == {"num_cnt_bits": 64}


async def test_every_way_to_a_socket_counts(runtime: None) -> None:
    client, server = await tcp_pair()
    assert open_sockets()["num_sockets"] == open_sockets()["num_ptcp"] == 2
    left, _ = local_pair()
    assert open_sockets()["num_sockets"] == 4
    assert open_sockets()["num_dlocal"] == 2
    for sock in (client, server, left):
        ok(await socket.close(sock))
    assert open_sockets()["num_sockets"] == 1


async def test_a_failed_open_counts_nowhere(runtime: None) -> None:
    assert isinstance(socket.open("inet", "dgram", "tcp"), Error)
    assert open_sockets() == {"num_cnt_bits": 64}


async def test_sockets_of_the_dead_are_counted_no_more(runtime: None) -> None:
    async def owner() -> None:
        for _ in range(10):
            ok(socket.open("inet", "stream"))

    spawn(owner)
    await wait_all_tasks_blocked()
    assert open_sockets() == {"num_cnt_bits": 64}
