"""info: the record, the counters of `sendfile`, and those of a runtime.

The states of a socket and the counters of its other operations are told in the scenarios
(`tests/conformance/scenarios/info.txt` and `counting.txt`).
"""

import os
import socket as stdlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from trio.testing import wait_all_tasks_blocked

from actorsock import Error, Ok, Select, current_pid, ok, receive, socket, spawn
from actorsock.socket import SelectMessage, Socket, SocketInfo, SocketsInfo

from ...sockets import fill
from ..support_data import data_of, local_pair, result_of, tcp_pair, waiting_in, waits_in

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the listing is Linux's")

PARTS = ("tries", "byte", "pkg", "pkg_max", "fails", "waits")
COUNTERS = (
    *(f"{lane}_{part}" for lane in ("read", "write") for part in PARTS),
    *("acc_tries", "acc_success", "acc_waits", "acc_fails"),
)
SENDFILE = ("sendfile", *(f"sendfile_{part}" for part in (*PARTS, "max")))
SIZE = 1_000_000


def counted(sock: Socket) -> dict[str, int]:
    """The counters that are not 0."""
    return {name: value for name, value in socket.info(sock).counters.items() if value}


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
        counters=dict.fromkeys(COUNTERS, 0),
    )


@pytest.mark.parametrize("type", [stdlib.SOCK_STREAM, stdlib.SOCK_DGRAM])
async def test_peeked_bytes_are_not_counted(type: stdlib.SocketKind, runtime: None) -> None:
    left, right = local_pair(type)
    ok(await socket.send(left, b"abc"))
    for receives in (socket.recv_nowait, socket.recvfrom_nowait, socket.recvmsg_nowait):
        assert data_of(receives(right, flags=["peek"])) == b"abc"
    assert counted(right) == {"read_tries": 3}
    assert data_of(socket.recvmsg_nowait(right)) == b"abc"
    assert counted(right) == {"read_tries": 4, "read_byte": 3, "read_pkg": 1, "read_pkg_max": 3}


async def test_a_send_in_pieces_is_one_package_and_every_byte_counts_once(runtime: None) -> None:
    left, right = local_pair()
    sender = await waiting_in(socket.send, left, bytes(SIZE))
    counters = counted(left)
    assert 0 < counters["write_byte"] < SIZE
    assert counters["write_waits"] == 1
    assert "write_pkg" not in counters
    assert len(ok(await socket.recv(right, SIZE))) == SIZE
    assert await result_of(sender) == Ok()
    counters = counted(left)
    assert counters["write_byte"] == counters["write_pkg_max"] == SIZE
    assert counters["write_pkg"] == 1
    # Every try either hands over something or waits; reads of a part of it do not count.
    assert counters["write_tries"] > counters["write_waits"] > 0
    assert counted(right)["read_byte"] == SIZE


async def test_a_send_that_is_continued_counts_every_byte_once(runtime: None) -> None:
    left, right = local_pair()
    reader = waits_in(socket.recv, right, SIZE)
    result = socket.send_nowait(left, bytes(SIZE))
    while isinstance(result, Select):
        await receive(SelectMessage)
        result = socket.send_nowait(left, result.data, result.info)
    assert result == Ok()
    assert (counted(left)["write_byte"], counted(left)["write_pkg"]) == (SIZE, 1)
    ok(await result_of(reader))


# --- sendfile --------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path: Path) -> Iterator[int]:
    path = tmp_path / "file"
    path.write_bytes(bytes(SIZE))
    fd = os.open(path, os.O_RDONLY)
    yield fd
    os.close(fd)


async def test_the_counters_of_sendfile_show_once_it_is_used(file: int, runtime: None) -> None:
    left, _ = local_pair()
    assert tuple(socket.info(left).counters) == COUNTERS
    ok(socket.sendfile_nowait(left, file, 0, 100))
    ok(socket.sendfile_nowait(left, file, 10, 20))
    assert socket.sendfile_nowait(left, file, -1, 20) == Error("einval")
    assert set(socket.info(left).counters) == {*COUNTERS, *SENDFILE}
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
    await waiting_in(socket.send, left, bytes(SIZE))
    sender = await waiting_in(socket.sendfile, left, file)
    assert "sendfile" not in counted(left)
    ok(await socket.recv(right, 2 * SIZE))
    assert await result_of(sender) == Ok(SIZE)
    counters = counted(left)
    assert (counters["sendfile"], counters["sendfile_pkg"]) == (1, 1)
    assert counters["sendfile_byte"] == counters["sendfile_pkg_max"] == SIZE
    assert 0 < counters["sendfile_max"] < SIZE
    assert counters["sendfile_tries"] > counters["sendfile_waits"] > 0
    assert counters["write_byte"] == SIZE


async def test_a_file_that_waits_for_room_is_counted_once(file: int, runtime: None) -> None:
    left, right = local_pair()
    await fill(left)
    assert await socket.sendfile(left, file, 0, 10, timeout=0.01) == Error("timeout", 0)
    assert counted(left)["sendfile"] == 1
    sender = await waiting_in(socket.sendfile, left, file, 0, 10)
    ok(await socket.recv(right, 1))
    await wait_all_tasks_blocked()
    while await socket.recv(right, 0, (), 0) != Error("timeout"):
        pass
    assert await result_of(sender) == Ok(10)
    assert counted(left)["sendfile"] == 2


# --- info without a socket -------------------------------------------------------------------

OF_A_RUNTIME = [
    *("num_sockets", "num_dinet", "num_dinet6", "num_dlocal"),
    *("num_tstreams", "num_tdgrams", "num_tseqpkgs"),
    *("num_pip", "num_ptcp", "num_pudp", "num_psctp"),
]
EMPTY = {"num_cnt_bits": 64}


def open_sockets() -> dict[str, int]:
    return {name: value for name, value in socket.info().counters.items() if value}


async def test_nothing_is_open_at_first(runtime: None) -> None:
    counters = {**EMPTY, **dict.fromkeys(OF_A_RUNTIME, 0)}
    assert socket.info() == SocketsInfo(
        debug=False, use_registry=True, iov_max=1024, counters=counters
    )


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        (("inet", "stream"), ("num_dinet", "num_tstreams", "num_ptcp")),
        (("inet", "stream", "tcp"), ("num_dinet", "num_tstreams", "num_ptcp")),
        (("inet6", "dgram"), ("num_dinet6", "num_tdgrams", "num_pudp")),
        (("local", "stream"), ("num_dlocal", "num_tstreams", "num_pip")),
        (("local", "seqpacket"), ("num_dlocal", "num_tseqpkgs", "num_pip")),
        ((16, 3), ("num_pip",)),  # netlink has no name here
    ],
)
async def test_sockets_are_counted_up_and_down(
    asked: tuple[Any, ...], names: tuple[str, ...], runtime: None
) -> None:
    one = {**EMPTY, "num_sockets": 1, **dict.fromkeys(names, 1)}
    first = ok(socket.open(*asked))
    assert open_sockets() == one
    second = ok(socket.open(*asked))
    assert open_sockets() == {**dict.fromkeys(one, 2), **EMPTY}
    ok(await socket.close(first))
    assert open_sockets() == one
    assert await socket.close(first) == Error("closed")
    ok(await socket.close(second))
    assert open_sockets() == EMPTY


async def test_every_way_to_a_socket_counts_but_one_that_fails(runtime: None) -> None:
    assert isinstance(socket.open("inet", "dgram", "tcp"), Error)
    assert open_sockets() == EMPTY
    client, server = await tcp_pair()
    assert open_sockets()["num_sockets"] == open_sockets()["num_ptcp"] == 2
    left, _ = local_pair()
    assert (open_sockets()["num_sockets"], open_sockets()["num_dlocal"]) == (4, 2)
    for sock in (client, server, left):
        ok(await socket.close(sock))
    assert open_sockets()["num_sockets"] == 1


async def test_sockets_of_the_dead_are_counted_no_more(runtime: None) -> None:
    async def owner() -> None:
        for _ in range(10):
            ok(socket.open("inet", "stream"))

    spawn(owner)
    await wait_all_tasks_blocked()
    assert open_sockets() == EMPTY
