"""The options of level otp, and what rcvbuf and the control buffers do to receiving and sending."""

import os
import socket as stdlib
import sys
from functools import partial
from typing import Any

import pytest

from actorsock import Error, Ok, Pid, current_pid, ok, receive, send, socket, spawn
from actorsock.socket import ControlMessage, Msg
from actorsock.socket.options import OTP_OPTIONS, find_otp

from ..support_data import local_pair, tcp_pair
from .sockets import arrived, closed, in_another_process, opened

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

LACKING = Error("enoprotoopt")

OTP_DEFAULTS = {
    "debug": False,
    "iow": False,
    "rcvbuf": 8192,
    "rcvctrlbuf": 1024,
    "sndctrlbuf": 1024,
    "meta": None,
    "use_registry": True,
    "domain": "inet",
    "type": "stream",
    "protocol": "tcp",
    "select_read": False,
}


async def test_the_defaults_of_a_new_socket(runtime: None) -> None:
    sock = opened("tcp")
    got = {name: ok(socket.getopt(sock, "otp", name)) for name in OTP_OPTIONS}
    assert got.pop("controlling_process") is current_pid()
    fd = got.pop("fd")
    assert os.readlink(f"/proc/self/fd/{fd}").startswith("socket:")
    assert got == OTP_DEFAULTS


@pytest.mark.parametrize(
    ("name", "value", "reads"),
    [
        *((name, flag, flag) for name in ("debug", "iow", "select_read") for flag in (True, False)),
        ("rcvbuf", 1, 1),
        ("rcvbuf", "default", 8192),
        ("rcvbuf", (1, 100), (1, 100)),
        ("rcvbuf", (3, "default"), (3, 8192)),
        ("rcvctrlbuf", 1, 1),
        ("rcvctrlbuf", "default", 1024),
        ("sndctrlbuf", 4096, 4096),
        ("sndctrlbuf", "default", 1024),
        ("meta", None, None),
        ("meta", {"any": "thing"}, {"any": "thing"}),
        ("use_registry", True, True),
    ],
)
async def test_a_value_is_read_as_it_was_set(
    name: str, value: Any, reads: Any, runtime: None
) -> None:
    for kind in ("tcp", "udp"):
        sock = opened(kind)
        assert socket.setopt(sock, "otp", name, value) == Ok()
        assert socket.getopt(sock, "otp", name) == Ok(reads)


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("debug", 1, TypeError),
        ("iow", "true", TypeError),
        ("select_read", 0, TypeError),
        ("select_read", 1, TypeError),
        *(("rcvbuf", wrong, ValueError) for wrong in (0, -1, 2**31, "big")),
        *(("rcvbuf", wrong, ValueError) for wrong in ((0, 1), (1, 0), (1,))),
        *(("rcvbuf", wrong, TypeError) for wrong in (True, None, ("default", 1), [1, 100])),
        ("rcvctrlbuf", 0, ValueError),
        ("rcvctrlbuf", (1, 100), TypeError),
        ("sndctrlbuf", -1, ValueError),
        ("sndctrlbuf", (1, 2), TypeError),
        ("use_registry", False, ValueError),
        ("use_registry", 1, TypeError),
    ],
)
async def test_a_wrong_value_is_named_with_what_is_accepted(
    name: str, value: Any, error: type[Exception], runtime: None
) -> None:
    sock = opened("tcp")
    before = socket.getopt(sock, "otp", name)
    for where in (sock, await closed("tcp")):
        with pytest.raises(error) as caught:
            socket.setopt(where, "otp", name, value)
        assert str(caught.value).startswith(f"option otp/{name}: {value!r} is refused: ")
        assert str(caught.value).endswith(f"; accepted: {find_otp(name).value}")
    assert socket.getopt(sock, "otp", name) == before


@pytest.mark.parametrize("value", ["me", None])
async def test_a_socket_is_given_to_a_pid(value: Any, runtime: None) -> None:
    for where in (opened("tcp"), await closed("tcp")):
        with pytest.raises(TypeError, match="value"):
            socket.setopt(where, "otp", "controlling_process", value)


@pytest.mark.parametrize("name", ["fd", "domain", "type", "protocol"])
async def test_an_option_that_follows_from_the_socket_cannot_be_set(
    name: str, runtime: None
) -> None:
    assert socket.setopt(opened("tcp"), "otp", name, 1) == LACKING
    assert socket.setopt(await closed("tcp"), "otp", name, 1) == Error("closed")


async def test_level_otp_of_a_closed_socket(runtime: None) -> None:
    sock = await closed("tcp")
    for name in OTP_OPTIONS:
        expected = Ok(True) if name == "use_registry" else Error("closed")
        assert socket.getopt(sock, "otp", name) == expected
    assert socket.setopt(sock, "otp", "debug", True) == Error("closed")
    assert socket.setopt(sock, "otp", "meta", 1) == Error("closed")


async def test_meta_is_read_by_all_and_set_by_the_owner(runtime: None) -> None:
    sock = opened("tcp")
    ok(socket.setopt(sock, "otp", "meta", "mine"))
    assert await in_another_process(lambda: socket.getopt(sock, "otp", "meta")) == Ok("mine")
    refused = await in_another_process(lambda: socket.setopt(sock, "otp", "meta", "theirs"))
    assert refused == Error("not_owner")
    assert socket.getopt(sock, "otp", "meta") == Ok("mine")


async def test_everything_else_of_level_otp_is_for_any_process(runtime: None) -> None:
    sock = opened("tcp")
    for name, value in (("rcvbuf", 10), ("rcvctrlbuf", 10), ("iow", True), ("use_registry", True)):
        result = await in_another_process(partial(socket.setopt, sock, "otp", name, value))
        assert result == Ok()
        assert socket.getopt(sock, "otp", name) == Ok(value)


async def test_a_socket_is_given_away_by_its_owner_alone(runtime: None) -> None:
    sock = opened("tcp")
    me = current_pid()
    stranger = await in_another_process(
        lambda: socket.setopt(sock, "otp", "controlling_process", current_pid())
    )
    assert stranger == Error("not_owner")
    assert socket.setopt(sock, "otp", "controlling_process", me) == Ok()

    async def heir(dest: Pid) -> None:
        await receive("yours".__eq__)
        send(dest, socket.setopt(sock, "otp", "meta", "heir's"))
        send(dest, socket.setopt(sock, "otp", "controlling_process", dest))
        await receive()

    pid = spawn(heir, me)
    assert socket.setopt(sock, "otp", "controlling_process", pid) == Ok()
    assert socket.getopt(sock, "otp", "controlling_process") == Ok(pid)
    assert socket.setopt(sock, "otp", "meta", "mine") == Error("not_owner")
    send(pid, "yours")
    assert await receive() == Ok()
    assert await receive() == Ok()
    assert socket.getopt(sock, "otp", "controlling_process") == Ok(me)
    assert socket.getopt(sock, "otp", "meta") == Ok("heir's")
    send(pid, "end")


async def test_an_accepted_socket_inherits_all_but_meta_and_owner(runtime: None) -> None:
    listener = opened("tcp")
    inherited = {"rcvbuf": (2, 50), "rcvctrlbuf": 60, "sndctrlbuf": 70, "iow": True}
    for name, value in inherited.items():
        ok(socket.setopt(listener, "otp", name, value))
    ok(socket.setopt(listener, "otp", "meta", "the listener's"))
    ok(socket.bind(listener, "loopback"))
    ok(socket.listen(listener))
    client = opened("tcp")
    ok(await socket.connect(client, ok(socket.sockname(listener))))

    async def acceptor(dest: Pid) -> None:
        sock = ok(await socket.accept(listener))
        send(dest, ok(socket.getopt(sock, "otp", "controlling_process")) is current_pid())
        send(dest, sock)
        await receive()

    pid = spawn(acceptor, current_pid())
    assert await receive() is True
    accepted = await receive()
    assert {name: ok(socket.getopt(accepted, "otp", name)) for name in inherited} == inherited
    assert socket.getopt(accepted, "otp", "meta") == Ok(None)
    send(pid, "end")


# --- what rcvbuf does to recv ----------------------------------------------------------------


async def test_without_a_length_recv_reads_once_at_most_rcvbuf(runtime: None) -> None:
    left, right = local_pair()
    ok(await socket.send(left, bytes(20_000)))
    assert [len(ok(await socket.recv(right))) for _ in range(3)] == [8192, 8192, 3616]


@pytest.mark.parametrize(
    ("rcvbuf", "chunks"),
    [
        (1_000, [1_000, 1_000, 500]),
        ((2, 1_000), [2_000, 500]),
        ((3, 1_000), [2_500]),
        ((9, 1_000), [2_500]),
        ((1, 2_000), [2_000, 500]),
        ((5, 500), [2_500]),
    ],
)
async def test_a_pair_allows_several_reads(rcvbuf: Any, chunks: list[int], runtime: None) -> None:
    left, right = local_pair()
    ok(socket.setopt(right, "otp", "rcvbuf", rcvbuf))
    data = os.urandom(2_500)
    ok(await socket.send(left, data))
    got: Any = [socket.recv_nowait(right) for _ in chunks]
    assert [len(result.value) for result in got] == chunks
    assert b"".join(result.value for result in got) == data
    ok(await socket.send(left, data))
    got = [await socket.recv(right, timeout=0) for _ in chunks]
    assert [len(result.value) for result in got] == chunks
    assert b"".join(result.value for result in got) == data


async def test_a_pair_and_nothing_more_after_a_full_read(runtime: None) -> None:
    left, right = local_pair()
    ok(socket.setopt(right, "otp", "rcvbuf", (4, 100)))
    ok(await socket.send(left, bytes(200)))
    assert len(ok(await socket.recv(right))) == 200


async def test_a_pair_that_meets_the_end(runtime: None) -> None:
    left, right = local_pair()
    ok(socket.setopt(right, "otp", "rcvbuf", (4, 100)))
    ok(await socket.send(left, bytes(200)))
    ok(socket.shutdown(left, "write"))
    assert await socket.recv(right) == Error("closed", bytes(200))
    assert await socket.recv(right) == Error("closed")


async def test_a_full_read_before_the_end_without_a_pair(runtime: None) -> None:
    left, right = local_pair()
    ok(socket.setopt(right, "otp", "rcvbuf", 200))
    ok(await socket.send(left, bytes(200)))
    ok(socket.shutdown(left, "write"))
    assert await socket.recv(right) == Ok(bytes(200))
    assert await socket.recv(right) == Error("closed")


async def test_rcvbuf_over_tcp(runtime: None) -> None:
    client, server = await tcp_pair()
    ok(socket.setopt(server, "otp", "rcvbuf", (3, 1_000)))
    ok(await socket.send(client, bytes(5_000)))
    await arrived(server, 5_000)
    assert [len(ok(await socket.recv(server))) for _ in range(2)] == [3_000, 2_000]


async def test_a_length_may_exceed_rcvbuf(runtime: None) -> None:
    left, right = local_pair()
    ok(socket.setopt(right, "otp", "rcvbuf", 10))
    ok(await socket.send(left, bytes(1_000)))
    assert len(ok(await socket.recv(right, 1_000))) == 1_000


async def test_rcvbuf_is_the_buffer_of_a_message(runtime: None) -> None:
    left, right = local_pair(stdlib.SOCK_DGRAM)
    for rcvbuf in (4, (3, 4)):
        ok(socket.setopt(right, "otp", "rcvbuf", rcvbuf))
        for _ in range(3):
            ok(await socket.send(left, b"abcdefgh"))
        assert ok(await socket.recv(right)) == b"abcd"
        assert ok(await socket.recvfrom(right))[1] == b"abcd"
        msg = ok(await socket.recvmsg(right))
        assert (msg.iov, msg.flags) == ((b"abcd",), ("trunc",))


# --- what the control buffers do -------------------------------------------------------------


def types_of(msg: Msg) -> list[str | int]:
    return [message.type for message in msg.ctrl if isinstance(message, ControlMessage)]


async def test_rcvctrlbuf_is_the_room_for_control_messages(runtime: None) -> None:
    sender, receiver = opened("udp"), opened("udp")
    ok(socket.bind(receiver, "loopback"))
    ok(socket.setopt(receiver, "ip", "recvttl", True))
    ok(socket.setopt(receiver, "ip", "recvtos", True))
    there = ok(socket.sockname(receiver))
    for rcvctrlbuf, types, flags in (
        ("default", ["ttl", "tos"], ()),
        (stdlib.CMSG_SPACE(4), ["ttl"], ("ctrunc",)),
        (1, [], ("ctrunc",)),
    ):
        ok(socket.setopt(receiver, "otp", "rcvctrlbuf", rcvctrlbuf))
        ok(await socket.sendto(sender, b"x", there))
        msg = ok(await socket.recvmsg(receiver))
        assert (types_of(msg), msg.flags) == (types, flags)
        # A size given with the call wins.
        ok(await socket.sendto(sender, b"x", there))
        msg = ok(await socket.recvmsg(receiver, 0, 100))
        assert (types_of(msg), msg.flags) == (["ttl", "tos"], ())


async def test_sndctrlbuf_is_the_room_for_those_that_are_sent(runtime: None) -> None:
    sender, receiver = opened("udp"), opened("udp")
    ok(socket.bind(receiver, "loopback"))
    there = ok(socket.sockname(receiver))
    ttl = {"level": "ip", "type": "ttl", "value": 9}
    msg = {"addr": there, "iov": [b"x"], "ctrl": [ttl, ttl]}
    ok(socket.setopt(sender, "otp", "sndctrlbuf", 2 * stdlib.CMSG_SPACE(4)))
    ok(await socket.sendmsg(sender, msg))
    ok(socket.setopt(sender, "otp", "sndctrlbuf", 2 * stdlib.CMSG_SPACE(4) - 1))
    with pytest.raises(ValueError, match=r"ctrl needs 48 bytes, and .* sndctrlbuf allows 47"):
        await socket.sendmsg(sender, msg)
    ok(socket.setopt(sender, "otp", "sndctrlbuf", "default"))
    ok(await socket.sendmsg(sender, msg))
