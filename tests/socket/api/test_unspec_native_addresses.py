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
from trio.testing import wait_all_tasks_blocked

from actorsock import Error, Ok, Pid, Select, current_pid, ok, receive, send, socket, spawn
from actorsock.socket import (
    ControlMessage,
    Msg,
    SelectMessage,
    SockAddrIn,
    SockAddrIn6,
    SockAddrNative,
    SockAddrUn,
    SockAddrUnspec,
    Socket,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the answers are Linux's")


def bound(domain: str = "inet", type: str = "dgram") -> tuple[Socket, Any]:
    """A socket on the loopback interface, and its address."""
    sock = ok(socket.open(domain, type))
    ok(socket.bind(sock, "loopback"))
    return sock, ok(socket.sockname(sock))


def listening() -> tuple[Socket, Any]:
    sock, address = bound("inet", "stream")
    ok(socket.listen(sock))
    return sock, address


def in_bytes(address: SockAddrIn) -> bytes:
    """Return the bytes that follow the family in an IPv4 address."""
    return struct.pack("!H4s8x", address.port, stdlib.inet_aton(address.addr))


# --- no address: an association is dissolved -------------------------------------------------


@pytest.mark.parametrize(
    "nothing",
    [
        {"family": "unspec"},
        {"family": "unspec", "addr": bytes(14)},
        SockAddrUnspec(),
        SockAddrUnspec(bytes(14)),
        {"family": 0, "addr": b""},
        SockAddrNative(0, bytes(14)),
    ],
    ids=repr,
)
@pytest.mark.parametrize("domain", ["inet", "inet6"])
async def test_udp_forgets_its_peer(domain: str, nothing: Any, runtime: None) -> None:
    sock, here = bound(domain)
    friend, there = bound(domain)
    stranger, _ = bound(domain)
    ok(await socket.connect(sock, there))
    assert socket.peername(sock) == Ok(there)
    ok(await socket.sendto(stranger, b"ignored", here))
    ok(await socket.sendto(friend, b"heard", here))
    assert await socket.recv(sock) == Ok(b"heard")
    assert await socket.connect(sock, nothing) == Ok()
    assert socket.peername(sock) == Error("enotconn")
    assert await socket.send(sock, b"x") == Error("edestaddrreq")
    ok(await socket.sendto(stranger, b"heard", ok(socket.sockname(sock))))
    assert await socket.recv(sock) == Ok(b"heard")
    ok(await socket.sendto(sock, b"x", there))
    # And finds another one.
    assert socket.connect_nowait(sock, there) == Ok()
    assert socket.peername(sock) == Ok(there)
    ok(await socket.send(sock, b"y"))
    assert [await socket.recv(friend), await socket.recv(friend)] == [Ok(b"x"), Ok(b"y")]


@pytest.mark.parametrize("nothing", [SockAddrUnspec(), {"family": "unspec", "addr": bytes(14)}])
async def test_tcp_hangs_up_and_calls_again(nothing: Any, runtime: None) -> None:
    sock = ok(socket.open("inet", "stream"))
    for _ in range(3):
        listener, there = listening()
        ok(await socket.connect(sock, there))
        server = ok(await socket.accept(listener))

        async def reads(dest: Pid) -> None:
            send(dest, await socket.recv(sock, 5))

        spawn(reads, current_pid())
        await wait_all_tasks_blocked()
        ok(await socket.send(server, b"hello"))
        assert await receive() == Ok(b"hello")
        ok(await socket.send(sock, b"world"))
        assert await socket.recv(server, 5) == Ok(b"world")
        assert await socket.connect(sock, nothing) == Ok()
        assert socket.peername(sock) == Error("enotconn")
        assert await socket.recv(server) == Error("econnreset")
        assert await socket.recv(sock) == Error("econnreset")
        assert await socket.recv(sock) == Error("enotconn")
        assert await socket.send(sock, b"x") == Error("epipe")
        ok(await socket.close(listener))


async def test_tcp_hangs_up_on_who_waits(runtime: None) -> None:
    sock = ok(socket.open("inet", "stream"))
    listener, there = listening()
    ok(await socket.connect(sock, there))
    ok(await socket.accept(listener))
    match socket.recv_nowait(sock):
        case Select(info):
            pass
    ok(await socket.connect(sock, {"family": "unspec"}))
    assert await receive() == SelectMessage(sock, "recv", info.ref)
    assert socket.recv_nowait(sock) == Error("econnreset")
    assert socket.recv_nowait(sock) == Error("enotconn")


async def test_a_connection_in_progress_is_not_hung_up(runtime: None) -> None:
    # Whoever started it finishes it, whatever address the call has.
    _, there = listening()
    sock = ok(socket.open("inet", "stream"))
    assert isinstance(socket.connect_nowait(sock, there), Select)
    await receive(SelectMessage)
    assert socket.connect_nowait(sock, {"family": "unspec"}) == Ok()
    assert socket.peername(sock) == Ok(there)


async def test_a_local_socket_forgets_its_peer(tmp_path: Path, runtime: None) -> None:
    receiver, sock = ok(socket.open("local", "dgram")), ok(socket.open("local", "dgram"))
    ok(socket.bind(receiver, tmp_path / "receiver"))
    ok(await socket.connect(sock, tmp_path / "receiver"))
    ok(await socket.send(sock, b"x"))
    assert await socket.connect(sock, {"family": "unspec"}) == Ok()
    assert socket.peername(sock) == Error("enotconn")
    assert await socket.send(sock, b"x") == Error("enotconn")


async def test_a_stream_has_no_source_address(runtime: None) -> None:
    listener, there = listening()
    client = ok(socket.open("inet", "stream"))
    ok(await socket.connect(client, there))
    server = ok(await socket.accept(listener))
    ok(await socket.send(client, b"x"))
    assert await socket.recvfrom(server) == Ok((SockAddrUnspec(), b"x"))


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


async def test_tcp_by_numbers(runtime: None) -> None:
    listener, there = listening()
    for domain in (2, "inet"):
        client = ok(socket.open(domain, 1, 6))
        ok(await socket.connect(client, {"family": 2, "addr": in_bytes(there)}))
        assert socket.peername(client) == Ok(there)
        ok(await socket.accept(listener))


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


async def test_a_family_that_has_no_name_here(runtime: None) -> None:
    netlink = ok(socket.open(16, 3))
    ok(socket.bind(netlink, SockAddrNative(16, struct.pack("@HII", 0, 0, 0))))
    match socket.sockname(netlink):
        case Ok(SockAddrNative(16, _)):
            pass
        case other:
            raise AssertionError(other)


async def test_an_ipv4_peer_of_an_ipv6_socket(runtime: None) -> None:
    sock = ok(socket.open("inet6", "dgram"))
    ok(socket.bind(sock, "any"))
    here = ok(socket.sockname(sock))
    assert isinstance(here, SockAddrIn6)
    sender, there = bound()
    ok(await socket.sendto(sender, b"x", ("127.0.0.1", here.port)))
    mapped = SockAddrIn6("::ffff:127.0.0.1", there.port)
    assert await socket.recvfrom(sock) == Ok((mapped, b"x"))
    ok(await socket.sendto(sock, b"y", mapped))
    ok(await socket.sendto(sock, b"z", there))  # the kernel knows what is meant
    assert [await socket.recv(sender), await socket.recv(sender)] == [Ok(b"y"), Ok(b"z")]


# --- the wrong family ------------------------------------------------------------------------

IN = {"family": "inet", "addr": "loopback", "port": 9}
IN6 = {"family": "inet6", "addr": "loopback", "port": 9}
LOCAL = {"family": "local", "path": "/no/such/directory"}
NONE = {"family": "unspec"}
ZEROS = {"family": "unspec", "addr": bytes(14)}
SHORT = {"family": 2, "addr": struct.pack("!H4s", 9, bytes([127, 0, 0, 1]))}
STRANGE = {"family": 999, "addr": bytes(14)}
ADDRESSES = {
    "in": IN,
    "in6": IN6,
    "local": LOCAL,
    "none": NONE,
    "zeros": ZEROS,
    "short": SHORT,
    "strange": STRANGE,
}

# What bind, connect, and sendto (or sendmsg) say.
ANSWERS = {
    ("inet", "dgram"): {
        "in6": "eafnosupport eafnosupport eafnosupport",
        "local": "eafnosupport eafnosupport eafnosupport",
        "none": "einval ok einval",
        "zeros": "ok ok einval",
        "short": "einval einval einval",
        "strange": "eafnosupport eafnosupport eafnosupport",
    },
    ("inet", "stream"): {
        "in6": "eafnosupport eafnosupport epipe",
        "local": "eafnosupport eafnosupport epipe",
        "none": "einval ok epipe",
        "zeros": "ok ok epipe",
        "short": "einval einval epipe",
        "strange": "eafnosupport eafnosupport epipe",
    },
    ("inet6", "dgram"): {
        "in": "einval ok ok",
        "local": "einval einval einval",
        "none": "einval ok edestaddrreq",
        "zeros": "einval ok edestaddrreq",
        "short": "einval einval einval",
        "strange": "einval einval einval",
    },
    ("inet6", "stream"): {
        "in": "einval einval epipe",
        "local": "einval einval epipe",
        "none": "einval ok epipe",
        "zeros": "einval ok epipe",
        "strange": "einval einval epipe",
    },
    ("local", "dgram"): {
        "in": "einval einval einval",
        "in6": "einval einval einval",
        "local": "enoent enoent enoent",
        "none": "einval ok einval",
        "zeros": "einval ok einval",
        "strange": "einval einval einval",
    },
    ("local", "stream"): {
        "in": "einval einval enotsup",
        "in6": "einval einval enotsup",
        "local": "enoent enoent enotsup",
        "none": "einval einval enotsup",
        "zeros": "einval einval enotsup",
        "strange": "einval einval enotsup",
    },
}
CASES = [
    pytest.param(kind, ADDRESSES[name], answers.split(), id=f"{kind[0]}-{kind[1]}-{name}")
    for kind, row in ANSWERS.items()
    for name, answers in row.items()
]


def answer(result: Any) -> str:
    return "ok" if isinstance(result, Ok) else str(result.reason)


@pytest.mark.parametrize(("kind", "address", "answers"), CASES)
async def test_addresses_of_a_wrong_family(
    kind: tuple[str, str], address: Any, answers: list[str], runtime: None
) -> None:
    to_bind, to_connect, to_send = answers
    assert answer(socket.bind(ok(socket.open(*kind)), address)) == to_bind
    assert answer(await socket.connect(ok(socket.open(*kind)), address)) == to_connect
    assert answer(await socket.sendto(ok(socket.open(*kind)), b"x", address)) == to_send
    msg = {"addr": address, "iov": [b"x"]}
    assert answer(await socket.sendmsg(ok(socket.open(*kind)), msg)) == to_send
    assert answer(socket.connect_nowait(ok(socket.open(*kind)), address)) == to_connect
    assert answer(socket.sendto_nowait(ok(socket.open(*kind)), b"x", address)) == to_send


@pytest.mark.parametrize("word", ["any", "loopback", "broadcast"])
async def test_a_word_is_no_name_of_a_local_socket(
    word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runtime: None
) -> None:
    monkeypatch.chdir(tmp_path)
    sock = ok(socket.open("local", "stream"))
    assert socket.bind(sock, word) == Error("eafnosupport")
    assert socket.bind(sock, SockAddrUn(word)) == Ok(0)


@pytest.mark.parametrize(
    ("address", "error"),
    [
        ({"family": "foo"}, ValueError),
        ({"addr": "loopback"}, ValueError),
        ({"family": "unspec", "addr": "text"}, TypeError),
        ({"family": "unspec", "port": 1}, ValueError),
        ({"family": 2, "addr": "127.0.0.1"}, TypeError),
        ({"family": 2, "port": 1}, ValueError),
        ({"family": -1}, ValueError),
        ({"family": 65536}, ValueError),
        ({"family": 2, "addr": bytes(127)}, ValueError),
        (3, TypeError),
        (None, TypeError),
    ],
)
async def test_a_malformed_address(address: Any, error: type[Exception], runtime: None) -> None:
    sock = ok(socket.open("inet", "dgram"))
    ok(await socket.close(sock))  # found out before anything else
    with pytest.raises(error, match="addr"):
        socket.bind(sock, address)
    with pytest.raises(error, match="addr"):
        await socket.connect(sock, address)
    with pytest.raises(error, match="dest"):
        await socket.sendto(sock, b"x", address)


# --- families that the standard library takes apart ----------------------------------------------

NETLINK = 16
PACKET = 17
ETH_P_IP = 0x0800
IN_NETWORK_ORDER = stdlib.htons(ETH_P_IP)


async def test_the_name_of_a_netlink_socket(runtime: None) -> None:
    sock = ok(socket.open(NETLINK, "raw"))
    assert socket.sockname(sock) == Ok(SockAddrNative(NETLINK, bytes(10)))
    assert socket.getopt(sock, "socket", "domain") == Ok(NETLINK)
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
