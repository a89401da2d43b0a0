"""recvmsg and sendmsg: control messages both ways, flags, and what does not fit."""

import array
import os
import socket as stdlib
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from actorsock import Error, Ok, Pid, Select, current_pid, ok, receive, send, socket, spawn
from actorsock.socket import (
    ControlMessage,
    Credentials,
    ExtendedError,
    Ip6PktInfo,
    IpPktInfo,
    Msg,
    SelectMessage,
    SockAddrIn,
    SockAddrIn6,
    SockAddrUn,
    Socket,
    TimeVal,
)
from actorsock.socket.values.address import SockAddr
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


def taken(result: Any) -> Any:
    """Return the value of a receive that did not have to wait."""
    return ok(result)


async def nobody(domain: str = "inet") -> Any:
    """An address where nobody listens."""
    sock, address = udp(domain)
    ok(await socket.close(sock))
    return address


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


async def test_everything_about_an_ipv6_datagram(runtime: None) -> None:
    sender, _ = udp("inet6")
    receiver, there = udp("inet6")
    for name in ("recvhoplimit", "recvtclass", "recvpktinfo"):
        ok(socket.setopt(receiver, "ipv6", name, True))
    ctrl = [
        {"level": "ipv6", "type": "hoplimit", "value": 7},
        {"level": "ipv6", "type": "tclass", "value": 0x20},
    ]
    ok(await socket.sendmsg(sender, {"addr": there, "iov": [b"x"], "ctrl": ctrl}))
    msg = ok(await socket.recvmsg(receiver))
    assert msg.addr == ok(socket.sockname(sender))
    assert values(msg) == {
        ("ipv6", "pktinfo"): Ip6PktInfo("::1", LO),
        ("ipv6", "hoplimit"): 7,
        ("ipv6", "tclass"): 0x20,
    }


async def test_nothing_is_told_that_was_not_asked_for(runtime: None) -> None:
    sock, here = udp()
    ok(await socket.sendto(sock, b"x", here))
    assert await socket.recvmsg(sock) == Ok(Msg(here, (b"x",), (), ()))


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


@pytest.mark.parametrize(
    ("value", "told"), [("mincost", "mincost"), (0xB8, 0xB8), (0x30, "lowdelay"), (0, 0)]
)
async def test_a_word_or_a_number_for_tos(value: Any, told: Any, runtime: None) -> None:
    sock, here = udp()
    ok(socket.setopt(sock, "ip", "recvtos", True))
    message = ControlMessage("ip", "tos", value=value)
    ok(await socket.sendmsg(sock, Msg(here, [b"x"], [message])))
    assert values(ok(await socket.recvmsg(sock))) == {("ip", "tos"): told}


async def test_by_data_and_by_number(runtime: None) -> None:
    sock, here = udp()
    ok(socket.setopt(sock, "ip", "recvttl", True))
    for level, type, data in (("ip", "ttl", 5), (0, 2, struct.pack("@i", 5)), ("IP", 2, 5)):
        message = {"level": level, "type": type, "data": data}
        ok(await socket.sendmsg(sock, {"addr": here, "iov": [b"x"], "ctrl": [message]}))
        assert values(ok(await socket.recvmsg(sock))) == {("ip", "ttl"): 5}


async def test_the_kernel_refuses_a_control_message(runtime: None) -> None:
    sock, here = udp()
    for message in (
        ControlMessage("ip", "ttl", value=300),
        ControlMessage("socket", "timestamp", value=TimeVal(1, 2)),
        ControlMessage("ip", 99, data=b"what?"),
    ):
        assert await socket.sendmsg(sock, Msg(here, [b"x"], [message])) == Error("einval")
    # A level that it does not know is none of its business.
    ok(await socket.sendmsg(sock, Msg(here, [b"x"], [ControlMessage(12345, 1, data=b"x")])))


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


@pytest.mark.parametrize(
    ("domain", "level", "told"),
    [
        (
            "inet",
            "ip",
            ExtendedError(
                error="econnrefused",
                origin="icmp",
                type="dest_unreach",
                code="port_unreach",
                info=0,
                data=0,
                offender=SockAddrIn("127.0.0.1", 0),
            ),
        ),
        (
            "inet6",
            "ipv6",
            ExtendedError(
                error="econnrefused",
                origin="icmp6",
                type="dest_unreach",
                code="port_unreach",
                info=0,
                data=0,
                offender=SockAddrIn6("::1", 0),
            ),
        ),
    ],
)
async def test_why_a_datagram_was_not_delivered(
    domain: str, level: str, told: ExtendedError, runtime: None
) -> None:
    sock, _ = udp(domain)
    there = await nobody(domain)
    ok(socket.setopt(sock, level, "recverr", True))
    ok(await socket.sendto(sock, b"hello?", there))
    msg = ok(await socket.recvmsg(sock, flags=["errqueue"]))
    assert (msg.addr, msg.iov, msg.flags) == (there, (b"hello?",), ("errqueue",))
    assert values(msg) == {(level, "recverr"): told}
    assert len(control(msg)[0].data) == {"ip": 16 + 16, "ipv6": 16 + 28}[level]
    assert await socket.recvmsg(sock, flags=["errqueue"], timeout=0) == Error("timeout")


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


async def test_waiting_for_an_error_while_data_is_there(runtime: None) -> None:
    sock, here = udp()
    there = await nobody()
    ok(socket.setopt(sock, "ip", "recverr", True))
    ok(await socket.sendto(sock, b"data", here))
    ok(await socket.recv(sock, 0, ["peek"]))
    assert await socket.recvmsg(sock, flags=["errqueue"], timeout=0.01) == Error("timeout")

    async def waits(dest: Pid) -> None:
        send(dest, await socket.recvmsg(sock, flags=["errqueue"]))

    spawn(waits, current_pid())
    while not socket.info(sock).num_readers:
        await trio.lowlevel.checkpoint()
    ok(await socket.sendto(sock, b"lost", there))
    msg: Any = await receive(Ok)
    assert msg.value.iov == (b"lost",)
    assert await socket.recv(sock) == Ok(b"data")


async def test_an_error_wakes_who_waits_for_data(runtime: None) -> None:
    sock, _ = udp()
    ok(socket.setopt(sock, "ip", "recverr", True))
    ok(await socket.connect(sock, await nobody()))
    match socket.recvmsg_nowait(sock):
        case Select(info):
            pass
    ok(await socket.send(sock, b"lost"))
    assert await receive() == SelectMessage(sock, "recvmsg", info.ref)
    assert socket.recvmsg_nowait(sock) == Error("econnrefused")
    msg = ok(await socket.recvmsg(sock, flags=["errqueue"]))
    assert msg.iov == (b"lost",)


async def test_after_an_empty_error_queue_data_is_found_as_ever(runtime: None) -> None:
    sock, here = udp()
    assert await socket.recv(sock, timeout=0.001) == Error("timeout")
    ok(await socket.sendto(sock, b"data", here))
    assert await socket.recvmsg(sock, flags=["errqueue"], timeout=0) == Error("timeout")
    assert await socket.recv(sock) == Ok(b"data")
    match socket.recvmsg_nowait(sock, flags=["errqueue"]):
        case Select(info):
            ok(await socket.sendto(sock, b"data", here))
            ok(socket.cancel(sock, info))
    assert await socket.recv(sock) == Ok(b"data")


# --- what does not fit -----------------------------------------------------------------------


async def test_a_message_that_is_cut(runtime: None) -> None:
    sock, here = udp()
    for size, iov, flags in (
        (3, b"abc", ("trunc",)),
        (6, b"abcdef", ()),
        (7, b"abcdef", ()),
    ):
        ok(await socket.sendto(sock, b"abcdef", here))
        msg = ok(await socket.recvmsg(sock, size))
        assert (msg.addr, msg.iov, msg.flags) == (here, (iov,), flags)
    # Asking the kernel for the whole length changes nothing: there is no room for the rest.
    ok(await socket.sendto(sock, b"abcdef", here))
    msg = ok(await socket.recvmsg(sock, 3, 0, ["trunc"]))
    assert (msg.iov, msg.flags) == ((b"abc",), ("trunc",))


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


async def test_both_are_cut(runtime: None) -> None:
    sock, here = udp()
    ok(socket.setopt(sock, "ip", "recvttl", True))
    ok(await socket.sendto(sock, b"abcdef", here))
    msg = ok(await socket.recvmsg(sock, 3, 1))
    assert (msg.iov, msg.ctrl, msg.flags) == ((b"abc",), (), ("ctrunc", "trunc"))


# --- flags -----------------------------------------------------------------------------------


async def test_peeking_leaves_the_message(runtime: None) -> None:
    sock, here = udp()
    ok(socket.setopt(sock, "ip", "recvttl", True))
    ok(await socket.sendto(sock, b"abcdef", here))
    short = ok(await socket.recvmsg(sock, 3, flags=["peek"]))
    assert (short.iov, short.flags) == ((b"abc",), ("trunc",))
    whole = ok(await socket.recvmsg(sock, flags=["peek"]))
    assert ok(await socket.recvmsg(sock)) == whole
    assert await socket.recv(sock, timeout=0) == Error("timeout")


async def test_urgent_data(runtime: None) -> None:
    client, server = await tcp_pair()
    ok(await socket.sendmsg(client, {"iov": [b"xy"]}, ["oob"]))
    assert await socket.recvmsg(server) == Ok(Msg(None, (b"x",), (), ()))
    assert await socket.recvmsg(server, 1, 0, ["oob"]) == Ok(Msg(None, (b"y",), (), ("oob",)))
    assert await socket.recvmsg(server, 1, 0, ["oob"]) == Error("einval")
    ok(await socket.send(client, b"z"))
    assert await socket.recvmsg(server) == Ok(Msg(None, (b"z",), (), ()))


async def test_flags_are_words_and_numbers(runtime: None) -> None:
    sock, here = udp()
    ok(await socket.sendto(sock, b"abc", here))
    assert ok(await socket.recvmsg(sock, flags=[2])).iov == (b"abc",)
    assert ok(await socket.recvmsg(sock, flags=("peek", 0))).iov == (b"abc",)
    assert ok(await socket.recvmsg(sock, flags={"cmsg_cloexec"})).flags == ("cmsg_cloexec",)
    ok(
        await socket.sendmsg(
            sock, Msg(here, [b"x"], (), ["oob", "flags", "of", "msg"]), ["confirm"]
        )
    )
    for wrong, error in ((["foo"], ValueError), ("peek", TypeError), ([-1], ValueError)):
        with pytest.raises(error, match="flags"):
            await socket.recvmsg(sock, flags=wrong)
        with pytest.raises(error, match="flags"):
            await socket.sendmsg(sock, Msg(here, [b"x"]), wrong)


async def test_control_messages_that_the_kernel_does_not_send(runtime: None) -> None:
    sock, here = udp()
    assert await socket.sendmsg(sock, Msg(here, [b"x"]), ["oob"]) == Error("enotsup")


# --- who sent it -----------------------------------------------------------------------------


async def test_a_stream_names_no_sender(runtime: None) -> None:
    client, server = await tcp_pair()
    ok(await socket.sendmsg(client, {"iov": [b"hello"]}))
    assert await socket.recvmsg(server) == Ok(Msg(None, (b"hello",), (), ()))


async def test_a_local_sender_has_a_name_if_it_is_bound(tmp_path: Path, runtime: None) -> None:
    receiver, named, unnamed = (ok(socket.open("local", "dgram")) for _ in range(3))
    here, there = tmp_path / "receiver", tmp_path / "sender"
    ok(socket.bind(receiver, here))
    ok(socket.bind(named, there))
    ok(await socket.sendmsg(named, {"addr": here, "iov": [b"x"]}))
    ok(await socket.sendmsg(unnamed, {"addr": {"family": "local", "path": here}, "iov": [b"y"]}))
    first, second = ok(await socket.recvmsg(receiver)), ok(await socket.recvmsg(receiver))
    assert (first.addr, first.iov) == (SockAddrUn(there), (b"x",))
    assert (second.addr, second.iov) == (None, (b"y",))


async def test_a_local_stream_names_its_server(tmp_path: Path, runtime: None) -> None:
    listener, client = ok(socket.open("local", "stream")), ok(socket.open("local", "stream"))
    ok(socket.bind(listener, tmp_path / "server"))
    ok(socket.listen(listener))
    ok(await socket.connect(client, tmp_path / "server"))
    server = ok(await socket.accept(listener))
    ok(await socket.send(server, b"hello"))
    ok(await socket.send(client, b"hello"))
    assert ok(await socket.recvmsg(client)).addr == SockAddrUn(tmp_path / "server")
    assert ok(await socket.recvmsg(server)).addr is None
    # The same for what a reader has left behind.
    ok(await socket.send(server, b"again"))
    with trio.move_on_after(0.001):
        await socket.recv(client, 10)
    msg = ok(await socket.recvmsg(client))
    assert (msg.addr, msg.iov) == (SockAddrUn(tmp_path / "server"), (b"again",))


# --- waiting and the end ---------------------------------------------------------------------


async def test_the_end_of_a_stream(runtime: None) -> None:
    client, server = await tcp_pair()
    ok(await socket.send(client, b"last"))
    ok(await socket.close(client))
    assert ok(await socket.recvmsg(server)).iov == (b"last",)
    assert await socket.recvmsg(server) == Error("closed")
    assert socket.recvmsg_nowait(server) == Error("closed")
    assert await socket.recvmsg(server, timeout=0) == Error("closed")


async def test_an_empty_message_is_not_the_end(runtime: None) -> None:
    sock, here = udp()
    ok(await socket.sendmsg(sock, {"addr": here, "iov": []}))
    ok(await socket.sendmsg(sock, {"addr": here, "iov": [b"", b""]}))
    assert await socket.recvmsg(sock) == Ok(Msg(here, (b"",), (), ()))
    assert await socket.recvmsg(sock) == Ok(Msg(here, (b"",), (), ()))


async def test_waiting_for_a_message(runtime: None) -> None:
    sock, here = udp()
    assert await socket.recvmsg(sock, timeout=0) == Error("timeout")
    assert await socket.recvmsg(sock, timeout=0.001) == Error("timeout")
    match socket.recvmsg_nowait(sock):
        case Select(info, None):
            assert info.tag == "recvmsg"
    ok(await socket.sendto(sock, b"x", here))
    assert await receive() == SelectMessage(sock, "recvmsg", info.ref)
    assert taken(socket.recvmsg_nowait(sock)).iov == (b"x",)

    async def waits(dest: Pid) -> None:
        send(dest, await socket.recvmsg(sock))

    spawn(waits, current_pid())
    await wait_all_tasks_blocked()
    ok(await socket.sendto(sock, b"y", here))
    assert await receive() == Ok(Msg(here, (b"y",), (), ()))


async def test_to_whom(runtime: None) -> None:
    receiver, there = udp()
    sender, _ = udp()
    port = there.port
    forms: list[SockAddr | Any] = [
        there,
        ("127.0.0.1", port),
        {"family": "inet", "addr": (127, 0, 0, 1), "port": port},
        {"family": "inet", "addr": "loopback", "port": port},
    ]
    for form in forms:
        ok(await socket.sendmsg(sender, {"addr": form, "iov": [b"x"]}))
        ok(await socket.sendmsg(sender, Msg(form, [b"x"])))
        assert [ok(await socket.recv(receiver)) for _ in range(2)] == [b"x", b"x"]
    assert await socket.sendmsg(sender, {"iov": [b"x"]}) == Error("edestaddrreq")
    # A connection has its peer, and no use for another.
    client, server = await tcp_pair()
    ok(await socket.sendmsg(client, Msg(there, [b"to the peer"])))
    assert await socket.recv(server, 11) == Ok(b"to the peer")
    ok(await socket.connect(sender, there))
    elsewhere, address = udp()
    ok(await socket.sendmsg(sender, Msg(address, [b"elsewhere"])))
    assert await socket.recv(elsewhere) == Ok(b"elsewhere")
