"""recvmsg and sendmsg: control messages both ways, flags, and what does not fit."""

import array
import os
import socket as stdlib
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from actorsock import Error, Ok, ok, socket
from actorsock.socket import (
    ControlMessage,
    Credentials,
    Ip6PktInfo,
    IpPktInfo,
    Msg,
    SockAddrIn,
    SockAddrIn6,
    Socket,
    TimeVal,
)
from actorsock.socket.values.control import encode_control, space

from ..support_data import local_pair, tcp_pair

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the messages are Linux's")

LO = stdlib.if_nametoindex("lo") if sys.platform == "linux" else 1


def udp(domain: str = "inet") -> tuple[Socket, Any]:
    """A socket on the loopback interface, and its address."""
    sock = ok(socket.open(domain, "dgram"))
    ok(socket.bind(sock, "loopback"))
    return sock, ok(socket.sockname(sock))


def values(msg: Msg) -> dict[tuple[Any, Any], Any]:
    """The control messages of a message, in order: level and type to value."""
    return {(message.level, message.type): message.value for message in control(msg)}


def control(msg: Msg) -> list[ControlMessage]:
    messages = [message for message in msg.ctrl if isinstance(message, ControlMessage)]
    assert len(messages) == len(msg.ctrl)
    return messages


# --- what is received with a datagram --------------------------------------------------------


async def test_everything_about_an_ipv4_datagram(runtime: None) -> None:
    sender, _ = udp()
    receiver, there = udp()
    for name in ("recvttl", "recvtos", "pktinfo", "recvorigdstaddr"):
        ok(socket.setopt(receiver, "ip", name, True))
    ok(socket.setopt(receiver, "socket", "timestamp", True))
    ctrl = [ControlMessage("ip", "ttl", value=9), ControlMessage("ip", "tos", value="lowdelay")]
    ok(await socket.sendmsg(sender, Msg(there, [b"ab", b"cd"], ctrl)))
    msg = ok(await socket.recvmsg(receiver))
    assert (msg.addr, msg.iov, msg.flags) == (ok(socket.sockname(sender)), (b"abcd",), ())
    got = values(msg)
    timestamp = got.pop(("socket", "timestamp"))
    assert isinstance(timestamp, TimeVal)
    assert 0 <= timestamp.usec < 1_000_000
    assert list(got.items()) == [
        (("ip", "pktinfo"), IpPktInfo(LO, "127.0.0.1", "127.0.0.1")),
        (("ip", "ttl"), 9),
        (("ip", "tos"), "lowdelay"),
        (("ip", "origdstaddr"), there),
    ]
    by_type = {message.type: message.data for message in control(msg)}
    assert by_type["ttl"] == struct.pack("@i", 9)
    assert by_type["tos"] == b"\x10"
    assert by_type["timestamp"] == struct.pack("@ll", timestamp.sec, timestamp.usec)
    assert by_type["pktinfo"] == struct.pack("@i4B4B", LO, 127, 0, 0, 1, 127, 0, 0, 1)
    assert abs(timestamp.sec + timestamp.usec / 1e6 - time.time()) < 60


async def test_a_message_without_a_name_has_numbers(runtime: None) -> None:
    receiver, there = udp()
    ok(socket.setopt(receiver, "socket", 35, True))  # SO_TIMESTAMPNS
    ok(await socket.sendto(receiver, b"x", there))
    (message,) = control(ok(await socket.recvmsg(receiver)))
    assert (message.level, message.type, message.value) == ("socket", 35, None)
    assert isinstance(message.data, bytes)
    assert len(message.data) == 16


# --- what goes with a datagram ---------------------------------------------------------------


async def test_the_source_of_a_datagram_is_chosen_by_pktinfo(runtime: None) -> None:
    receiver, there = udp()
    sender = ok(socket.open("inet", "dgram"))
    raw = struct.pack("@i4s4s", 0, bytes([127, 0, 0, 7]), bytes(4))
    for chosen in (
        {"value": IpPktInfo(0, "127.0.0.7", "any")},
        {"value": {"ifindex": LO, "spec_dst": (127, 0, 0, 7), "addr": "any"}},
        {"data": raw},
    ):
        message = {"level": "ip", "type": "pktinfo", **chosen}
        ok(await socket.sendmsg(sender, {"addr": there, "iov": [b"x"], "ctrl": [message]}))
        source, _ = ok(await socket.recvfrom(receiver))
        assert isinstance(source, SockAddrIn)
        assert source.addr == "127.0.0.7"


async def test_and_of_an_ipv6_datagram(runtime: None) -> None:
    receiver, there = udp("inet6")
    sender = ok(socket.open("inet6", "dgram"))
    message = ControlMessage("ipv6", "pktinfo", value=Ip6PktInfo("::1", LO))
    ok(await socket.sendmsg(sender, Msg(there, [b"x"], [message])))
    source, _ = ok(await socket.recvfrom(receiver))
    assert isinstance(source, SockAddrIn6)
    assert source.addr == "::1"


async def test_a_received_message_is_sent_on_by_its_data(runtime: None) -> None:
    sock, here = udp()
    ok(socket.setopt(sock, "ip", "recvttl", True))
    ok(await socket.sendmsg(sock, Msg(here, [b"a"], [ControlMessage("ip", "ttl", value=44)])))
    (message,) = control(ok(await socket.recvmsg(sock)))
    with pytest.raises(ValueError, match="both data and value"):
        await socket.sendmsg(sock, Msg(here, [b"b"], [message]))
    again = ControlMessage(message.level, message.type, message.data)
    ok(await socket.sendmsg(sock, Msg(here, [b"b"], [again])))
    assert control(ok(await socket.recvmsg(sock))) == [message]


async def test_the_space_of_messages_is_enough_to_receive_them(runtime: None) -> None:
    left, right = local_pair()
    with files(b"one", b"two", b"three") as fds:
        ok(await socket.sendmsg(left, Msg(iov=[b"x"], ctrl=[rights(fds)])))
        room = space(encode_control([rights(fds)]))
    msg = ok(await socket.recvmsg(right, 0, room))
    assert msg.flags == ()
    assert read_and_close(control(msg)[0].value) == [b"one", b"two", b"three"]


# --- file descriptors ------------------------------------------------------------------------


@contextmanager
def files(*contents: bytes) -> Iterator[list[int]]:
    """Descriptors of which each can be read once."""
    with ExitStack() as stack:
        fds = []
        for content in contents:
            reading, writing = os.pipe()
            stack.callback(os.close, reading)
            os.write(writing, content)
            os.close(writing)
            fds.append(reading)
        yield fds


def read_and_close(fds: tuple[int, ...]) -> list[bytes]:
    contents = []
    for fd in fds:
        contents.append(os.read(fd, 100))
        os.close(fd)
    return contents


def rights(fds: list[int]) -> ControlMessage:
    return ControlMessage("socket", "rights", value=fds)


@pytest.mark.parametrize(
    "type", [stdlib.SOCK_STREAM, stdlib.SOCK_DGRAM, stdlib.SOCK_SEQPACKET], ids=lambda t: t.name
)
async def test_descriptors_travel(type: stdlib.SocketKind, runtime: None) -> None:
    left, right = local_pair(type)
    with files(b"one", b"two") as fds:
        ok(await socket.sendmsg(left, Msg(iov=[b"two files"], ctrl=[rights(fds)])))
    msg = ok(await socket.recvmsg(right))
    (message,) = control(msg)
    assert (msg.iov, msg.flags) == ((b"two files",), ())
    assert (message.level, message.type) == ("socket", "rights")
    assert message.data == array.array("i", message.value).tobytes()
    assert not any(os.get_inheritable(fd) for fd in message.value)
    assert read_and_close(message.value) == [b"one", b"two"]


async def test_by_raw_data_too(runtime: None) -> None:
    left, right = local_pair()
    with files(b"one") as (fd,):
        message = {"level": "socket", "type": "rights", "data": fd}
        ok(await socket.sendmsg(left, {"iov": [b"x"], "ctrl": [message]}))
    (message_,) = control(ok(await socket.recvmsg(right)))
    assert read_and_close(message_.value) == [b"one"]


async def test_a_bad_descriptor_is_the_kernels_answer(runtime: None) -> None:
    left, _ = local_pair()
    with files(b"gone") as fds:
        pass
    assert await socket.sendmsg(left, Msg(iov=[b"x"], ctrl=[rights(fds)])) == Error("ebadf")


async def test_descriptors_that_find_no_room_are_closed(runtime: None) -> None:
    left, right = local_pair(stdlib.SOCK_SEQPACKET)
    one = stdlib.CMSG_LEN(4)
    # What is left of the message tells which of them are open here.
    for room, open_here in ((one, [b"one"]), (one + 3, [b"one"]), (one - 1, []), (1, [])):
        with files(b"one", b"two") as fds:
            ok(await socket.sendmsg(left, Msg(iov=[b"x"], ctrl=[rights(fds)])))
        msg = ok(await socket.recvmsg(right, 0, room))
        assert msg.flags == ("ctrunc",)
        assert [read_and_close(message.value) for message in control(msg)] == (
            [open_here] if open_here else []
        )


async def test_descriptors_that_nobody_asks_for_are_closed(runtime: None) -> None:
    left, right = local_pair(stdlib.SOCK_SEQPACKET)
    for _ in range(3):
        with files(b"one") as fds:
            ok(await socket.sendmsg(left, Msg(iov=[b"x"], ctrl=[rights(fds)])))
    ok(await socket.recv(right))
    ok(await socket.recvfrom(right))
    ok(await socket.close(right))  # the last one has never been received


async def test_peeking_at_descriptors_makes_more_of_them(runtime: None) -> None:
    left, right = local_pair()
    with files(b"onetwo") as fds:
        ok(await socket.sendmsg(left, Msg(iov=[b"x"], ctrl=[rights(fds)])))
    (peeked,) = control(ok(await socket.recvmsg(right, flags=["peek"])))
    (taken,) = control(ok(await socket.recvmsg(right)))
    assert set(peeked.value).isdisjoint(taken.value)
    assert os.read(peeked.value[0], 3) + os.read(taken.value[0], 3) == b"onetwo"
    for fd in (*peeked.value, *taken.value):
        os.close(fd)


async def test_a_stream_is_not_read_past_descriptors(runtime: None) -> None:
    left, right = local_pair()
    for content in (b"one", b"two"):
        with files(content) as fds:
            ok(await socket.sendmsg(left, Msg(iov=[content], ctrl=[rights(fds)])))
    ok(await socket.send(left, b"after"))
    for content in (b"one", b"two"):
        msg = ok(await socket.recvmsg(right))
        (message,) = control(msg)
        assert (msg.iov, read_and_close(message.value)) == ((content,), [content])
    assert await socket.recvmsg(right) == Ok(Msg(None, (b"after",), (), ()))


async def test_a_whole_socket_travels(runtime: None) -> None:
    left, right = local_pair()
    client, server = await tcp_pair()
    fd = ok(socket.getopt(server, "otp", "fd"))
    ok(await socket.sendmsg(left, Msg(iov=[b"x"], ctrl=[rights([fd])])))
    ok(await socket.close(server))
    (message,) = control(ok(await socket.recvmsg(right)))
    again = ok(socket.open_fd(*message.value))
    os.close(*message.value)
    ok(await socket.send(client, b"hello"))
    assert await socket.recv(again, 5) == Ok(b"hello")


# --- credentials -----------------------------------------------------------------------------


async def test_credentials_come_with_every_message_that_is_asked_for(runtime: None) -> None:
    left, right = local_pair(stdlib.SOCK_DGRAM)
    ok(socket.setopt(right, "socket", "passcred", True))
    mine = Credentials(os.getpid(), os.getuid(), os.getgid())
    ok(await socket.send(left, b"x"))
    (message,) = control(ok(await socket.recvmsg(right)))
    assert message == ControlMessage(
        "socket", "credentials", struct.pack("@iII", mine.pid, mine.uid, mine.gid), mine
    )
    for given in (
        {"value": mine},
        {"value": {"pid": mine.pid, "uid": mine.uid, "gid": mine.gid}},
        {"data": struct.pack("@iII", mine.pid, mine.uid, mine.gid)},
    ):
        ctrl = [{"level": "socket", "type": "credentials", **given}]
        ok(await socket.sendmsg(left, {"iov": [b"x"], "ctrl": ctrl}))
        assert values(ok(await socket.recvmsg(right))) == {("socket", "credentials"): mine}


# --- the error queue -------------------------------------------------------------------------


async def test_a_datagram_that_is_too_big(runtime: None) -> None:
    sock, there = udp("inet6")
    ok(socket.setopt(sock, "ipv6", "recverr", True))
    ok(socket.setopt(sock, "ipv6", "mtu_discover", "do"))
    ok(socket.setopt(sock, "ipv6", "mtu", 1280))
    assert await socket.sendto(sock, bytes(2000), there) == Error("emsgsize")
    msg = ok(await socket.recvmsg(sock, flags=["errqueue"]))
    (message,) = control(msg)
    error = message.value
    assert (error.error, error.origin, error.info) == ("emsgsize", "local", 1280)
    assert msg.addr == there


# --- what does not fit -----------------------------------------------------------------------


async def test_control_messages_that_are_cut(runtime: None) -> None:
    sock, here = udp()
    ok(socket.setopt(sock, "socket", "timestamp", True))
    ok(socket.setopt(sock, "ip", "recvttl", True))
    for room, count, flags in (
        (stdlib.CMSG_SPACE(16) + stdlib.CMSG_SPACE(4), 2, ()),
        (stdlib.CMSG_SPACE(16), 1, ("ctrunc",)),
        (1, 0, ("ctrunc",)),
    ):
        ok(await socket.sendto(sock, b"x", here))
        msg = ok(await socket.recvmsg(sock, 0, room))
        assert (len(msg.ctrl), msg.flags) == (count, flags)
        assert all(message.value is not None for message in control(msg))
    ok(await socket.sendto(sock, b"x", here))
    msg = ok(await socket.recvmsg(sock, 0, stdlib.CMSG_LEN(4)))
    (message,) = control(msg)
    assert (message.level, message.type, message.value) == ("socket", "timestamp", None)
    assert msg.flags == ("ctrunc",)
    assert isinstance(message.data, bytes)
    assert len(message.data) == 4
