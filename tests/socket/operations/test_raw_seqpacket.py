"""Raw sockets, on the loopback interface; and sequenced packets: messages over a connection."""

import os
import socket as stdlib
import struct
import sys
from pathlib import Path
from typing import Any

import pytest

from actorsock import Error, Ok, Select, ok, receive, socket
from actorsock.socket import (
    Msg,
    SelectMessage,
    SockAddrIn,
    SockAddrIn6,
    SockAddrUnspec,
    Socket,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the details are Linux's")

EXPERIMENT = 253
"""A protocol number that is free for experiments (RFC 3692)."""

HERE = "127.9.{}.{}".format(*os.getpid().to_bytes(4, "big")[-2:])
"""An address that no other program on this machine is likely to use."""


# --- raw -------------------------------------------------------------------------------------


def raw(domain: str, protocol: Any) -> Socket:
    match socket.open(domain, "raw", protocol):
        case Error("eperm" | "eafnosupport" as reason):
            pytest.skip(f"no raw socket here: {reason}")
        case result:
            return ok(result)


def checksum(data: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def echo_request(kind: int, number: int, data: bytes) -> bytes:
    """An ICMP echo request; `data` is of even length."""
    blank = struct.pack("!BBHHH", kind, 0, 0, number, 1) + data
    return struct.pack("!BBHHH", kind, 0, checksum(blank), number, 1) + data


async def test_an_echo_over_ipv4(runtime: None) -> None:
    sock = raw("inet", "icmp")
    assert socket.info(sock).protocol == "icmp"
    number = os.getpid() & 0xFFFF
    ok(await socket.sendto(sock, echo_request(8, number, b"hello!"), ("127.0.0.1", 0)))
    while True:
        # The request comes by too, and whatever else this machine has to say.
        source, packet = ok(await socket.recvfrom(sock))
        header, message = packet[:20], packet[20:]
        kind, _, _, about, sequence = struct.unpack_from("!BBHHH", message)
        if (kind, about) == (0, number):
            break
    assert source == SockAddrIn("127.0.0.1", 0)
    assert (header[9], header[12:16]) == (1, bytes([127, 0, 0, 1]))
    assert (sequence, message[8:]) == (1, b"hello!")


async def test_an_echo_over_ipv6(runtime: None) -> None:
    sock = raw("inet6", "ipv6-icmp")
    number = os.getpid() & 0xFFFF
    ok(await socket.sendto(sock, echo_request(128, number, b"hello!"), ("::1", 0)))
    while True:
        # Here the kernel keeps the header to itself.
        source, message = ok(await socket.recvfrom(sock))
        kind, _, _, about, _ = struct.unpack_from("!BBHHH", message)
        if (kind, about) == (129, number):
            break
    assert isinstance(source, SockAddrIn6)
    assert (source.addr, message[8:]) == ("::1", b"hello!")


async def test_a_header_of_our_own(runtime: None) -> None:
    sender, receiver = raw("inet", EXPERIMENT), raw("inet", EXPERIMENT)
    assert socket.setopt(sender, "ip", "hdrincl", True) == Ok()
    assert socket.getopt(sender, "ip", "hdrincl") == Ok(True)
    ok(socket.bind(receiver, (HERE, 0)))
    addresses = bytes([127, 0, 0, 7]), stdlib.inet_aton(HERE)
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 25, 1, 0, 5, EXPERIMENT, 0, *addresses)
    ok(await socket.sendto(sender, header + b"hello", (HERE, 0)))
    source, packet = ok(await socket.recvfrom(receiver))
    assert source == SockAddrIn("127.0.0.7", 0)
    assert (packet[8], packet[9], packet[20:]) == (5, EXPERIMENT, b"hello")


async def test_a_raw_socket_is_one_of_messages(runtime: None) -> None:
    sock = raw("inet", EXPERIMENT)
    ok(socket.bind(sock, (HERE, 0)))
    ok(await socket.connect(sock, (HERE, 0)))
    assert isinstance(socket.recv_nowait(sock), Select)
    for data in (b"one", b"two", b"", b"three"):
        ok(await socket.send(sock, data))
    assert isinstance(await receive(), SelectMessage)
    assert ok(await socket.recv(sock, 1000))[20:] == b"one"
    msg = ok(await socket.recvmsg(sock, 21))
    assert (msg.iov[0][20:], msg.flags) == (b"t", ("trunc",))
    assert len(ok(await socket.recv(sock))) == 20
    assert ok(await socket.recvfrom(sock, 22))[1][20:] == b"th"
    assert await socket.recv(sock, timeout=0) == Error("timeout")


async def test_the_names_and_numbers_of_raw_protocols(runtime: None) -> None:
    for given, told in (
        (EXPERIMENT, EXPERIMENT),
        (("raw", EXPERIMENT), EXPERIMENT),
        (255, 255),
        ("icmp", "icmp"),
        ("ICMP", "icmp"),
        (1, "icmp"),
    ):
        sock = raw("inet", given)
        info = socket.info(sock)
        assert (info.type, info.protocol) == ("raw", told)
        assert socket.getopt(sock, "socket", "protocol") == Ok(told)
        assert socket.getopt(sock, "socket", "type") == Ok("raw")
        # Of the protocols only those with a counter are counted.
        counters = {name for name, count in socket.info().counters.items() if count}
        assert counters == {"num_cnt_bits", "num_sockets", "num_dinet"}
        ok(await socket.close(sock))


async def test_a_raw_socket_without_a_protocol(runtime: None) -> None:
    assert socket.open("inet", "raw") == Error("eprotonosupport")
    assert socket.open("inet", "raw", "ip") == Error("eprotonosupport")


async def test_a_raw_socket_neither_listens_nor_accepts(runtime: None) -> None:
    sock = raw("inet", EXPERIMENT)
    assert socket.listen(sock) == Error("enotsup")
    assert await socket.accept(sock) in (Error("enotsup"), Error("einval"))
    assert await socket.send(sock, b"x") == Error("edestaddrreq")
    assert await socket.sendfile(sock, 0) in (Error("edestaddrreq"), Error("einval"))


# --- sequenced packets -----------------------------------------------------------------------


async def seqpacket_pair(path: Path) -> tuple[Socket, Socket]:
    listener, client = (ok(socket.open("local", "seqpacket")) for _ in range(2))
    ok(socket.bind(listener, path))
    ok(socket.listen(listener))
    ok(await socket.connect(client, path))
    server = ok(await socket.accept(listener))
    ok(await socket.close(listener))
    return client, server


@pytest.mark.parametrize("how", ["close", "shutdown"])
async def test_the_end_looks_like_an_empty_message(how: str, tmp_path: Path, runtime: None) -> None:
    client, server = await seqpacket_pair(tmp_path / "server")
    match socket.recv_nowait(server):
        case Select(info):
            pass
    ok(await socket.send(client, b"last"))
    assert await receive() == SelectMessage(server, "recv", info.ref)
    ok(await socket.close(client) if how == "close" else socket.shutdown(client, "write"))
    assert await socket.recv(server) == Ok(b"last")
    for _ in range(3):
        assert await socket.recv(server) == Ok(b"")
        assert await socket.recv(server, 10) == Ok(b"")
        assert await socket.recv(server, timeout=0) == Ok(b"")
        assert socket.recv_nowait(server) == Ok(b"")
        assert await socket.recvfrom(server) == Ok((SockAddrUnspec(), b""))
        assert await socket.recvmsg(server) == Ok(Msg(None, (b"",), (), ()))
    if how == "close":
        assert await socket.send(server, b"x") == Error("epipe")
    else:
        ok(await socket.send(server, b"x"))


async def test_a_peer_that_leaves_messages_unread(tmp_path: Path, runtime: None) -> None:
    client, server = await seqpacket_pair(tmp_path / "server")
    ok(await socket.send(client, b"never read"))
    ok(await socket.close(server))
    assert await socket.recv(client) == Error("econnreset")
    assert await socket.recv(client) == Ok(b"")
    assert await socket.send(client, b"x") == Error("epipe")


async def test_sequenced_packets_over_sctp(runtime: None) -> None:
    if not socket.is_supported("sctp"):
        pytest.skip("this kernel has no sctp")
    server, client = (ok(socket.open("inet", "seqpacket", "sctp")) for _ in range(2))
    ok(socket.bind(server, "loopback"))
    ok(socket.listen(server))
    there = ok(socket.sockname(server))
    ok(await socket.sendto(client, b"hello", there))
    _, data = ok(await socket.recvfrom(server))
    assert data == b"hello"
