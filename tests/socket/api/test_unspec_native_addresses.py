"""Addresses of other families: no address at all, numbers and bytes, and the wrong family.

What a socket makes of them is the kernel's decision; the answers below are Linux's.
"""

import os
import socket as stdlib
import struct
import sys
from pathlib import Path
from typing import Any

import pytest

from actorsock import Ok, ok, socket
from actorsock.socket import (
    ControlMessage,
    Msg,
    SockAddrIn,
    SockAddrNative,
    SockAddrUn,
    Socket,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the answers are Linux's")


def bound(domain: str = "inet", type: str = "dgram") -> tuple[Socket, Any]:
    """A socket on the loopback interface, and its address."""
    sock = ok(socket.open(domain, type))
    ok(socket.bind(sock, "loopback"))
    return sock, ok(socket.sockname(sock))


def in_bytes(address: SockAddrIn) -> bytes:
    """Return the bytes that follow the family in an IPv4 address."""
    return struct.pack("!H4s8x", address.port, stdlib.inet_aton(address.addr))


# --- numbers and bytes -----------------------------------------------------------------------


async def test_a_native_address_is_as_good_as_a_named_one(runtime: None) -> None:
    receiver, there = bound()
    native = SockAddrNative(stdlib.AF_INET, in_bytes(there))
    as_dict = {"family": int(stdlib.AF_INET), "addr": in_bytes(there)}
    sock = ok(socket.open("inet", "dgram"))
    for form in (native, as_dict):
        ok(await socket.sendto(sock, b"x", form))
        assert await socket.recv(receiver) == Ok(b"x")
        ok(await socket.sendmsg(sock, {"addr": form, "iov": [b"a", b"b"]}))
        assert await socket.recv(receiver) == Ok(b"ab")
        ok(await socket.connect(sock, form))
        assert socket.peername(sock) == Ok(there)
        ok(await socket.connect(sock, {"family": "unspec"}))
    ok(await socket.close(receiver))
    again = ok(socket.open("inet", "dgram"))
    assert socket.bind(again, native) == Ok(there.port)
    assert socket.sockname(again) == Ok(there)


async def test_control_messages_go_to_a_native_address_too(runtime: None) -> None:
    receiver, there = bound()
    ok(socket.setopt(receiver, "ip", "recvttl", True))
    sender = ok(socket.open("inet", "dgram"))
    native = SockAddrNative(stdlib.AF_INET, in_bytes(there))
    ttl = ControlMessage("ip", "ttl", value=9)
    ok(await socket.sendmsg(sender, Msg(native, [b"a", b"b"], [ttl])))
    msg = ok(await socket.recvmsg(receiver))
    assert msg.iov == (b"ab",)
    assert msg.ctrl == (ControlMessage("ip", "ttl", struct.pack("@i", 9), 9),)


async def test_local_names_by_numbers(tmp_path: Path, runtime: None) -> None:
    receiver, sender = ok(socket.open("local", "dgram")), ok(socket.open("local", "dgram"))
    path = bytes(tmp_path / "receiver")
    ok(socket.bind(receiver, {"family": 1, "addr": path + b"\0"}))
    assert socket.sockname(receiver) == Ok(SockAddrUn(path))
    ok(await socket.sendto(sender, b"x", SockAddrNative(1, path)))
    assert await socket.recv(receiver) == Ok(b"x")


@pytest.mark.parametrize("nameless", ["", b"", SockAddrUn(""), SockAddrNative(1, b"")], ids=repr)
async def test_a_local_socket_without_a_name_gets_one(nameless: Any, runtime: None) -> None:
    sock = ok(socket.open("local", "stream"))
    assert socket.bind(sock, nameless) == Ok(0)
    match socket.sockname(sock):
        case Ok(SockAddrUn(bytes(path))):
            assert (path[0], len(path)) == (0, 6)
            int(path[1:], 16)
        case other:
            raise AssertionError(other)


# --- families that the standard library takes apart ----------------------------------------------

NETLINK = 16
PACKET = 17
ETH_P_IP = 0x0800
IN_NETWORK_ORDER = stdlib.htons(ETH_P_IP)


async def test_the_name_of_a_netlink_socket(runtime: None) -> None:
    sock = ok(socket.open(NETLINK, "raw"))
    assert socket.sockname(sock) == Ok(SockAddrNative(NETLINK, bytes(10)))
    assert socket.getopt(sock, "socket", "domain") == Ok(NETLINK)
    info = socket.info(sock)
    assert (info.domain, info.type, info.protocol) == (NETLINK, "raw", "ip")
    ok(await socket.close(sock))


async def test_a_question_to_the_kernel_by_netlink(runtime: None) -> None:
    """RTM_GETLINK lists the network interfaces: the answers are netlink messages."""
    sock = ok(socket.open(NETLINK, "raw"))
    dump, get_link = 0x301, 18
    question = struct.pack("=IHHIIB15x", 32, get_link, dump, 1, 0, 0)
    kernel = SockAddrNative(NETLINK, bytes(10))
    assert await socket.sendto(sock, question, kernel) == Ok()
    source, answer = ok(await socket.recvfrom(sock, 2**16))
    assert source == kernel
    assert struct.unpack_from("=IHHI", answer)[3] == 1
    msg = ok(await socket.recvmsg(sock, 2**16))
    assert msg.addr == kernel
    assert struct.unpack_from("=IHHI", msg.iov[0])[3] == 1
    ok(await socket.close(sock))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may listen to packets")
async def test_the_source_of_a_packet(runtime: None) -> None:
    try:
        sock = ok(socket.open(PACKET, "raw", IN_NETWORK_ORDER))
    except Exception:
        pytest.skip("not even root may listen to packets here")
    sender, address = bound()
    for receives in (socket.recvfrom, socket.recvmsg):
        ok(await socket.sendto(sender, b"to myself", address))
        answer = ok(await receives(sock, timeout=60))
        source = answer[0] if isinstance(answer, tuple) else answer.addr
        assert isinstance(source, SockAddrNative)
        # sockaddr_ll: protocol, interface, hardware type, packet type, size of the address.
        assert source.family == PACKET
        assert struct.unpack_from("=Hi", source.addr)[0] == IN_NETWORK_ORDER
        assert len(source.addr) == 18
    ok(await socket.close(sock))


async def test_control_messages_to_an_address_of_another_family(runtime: None) -> None:
    receiver, address = bound()
    ok(socket.setopt(receiver, "ip", "recvttl", True))
    sender = ok(socket.open("inet6", "dgram"))
    ok(socket.setopt(sender, "ipv6", "v6only", False))
    msg = Msg(address, (b"with ", b"a ttl"), (ControlMessage("ip", "ttl", value=7),))
    assert await socket.sendmsg(sender, msg) == Ok()
    got = ok(await socket.recvmsg(receiver))
    assert got.iov == (b"with a ttl",)
    assert [(control.type, control.value) for control in got.ctrl] == [("ttl", 7)]
    ok(await socket.close(sender))
