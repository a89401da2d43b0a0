"""ioctl: every request, against what the system tells of its interfaces elsewhere."""

import socket as stdlib
import sys
from pathlib import Path
from typing import Any

import pytest
import trio

from actorsock import Error, Ok, ok, socket
from actorsock.socket import Interface, InterfaceMap, SockAddrIn, SockAddrNative, Socket

from ..support_data import local_pair, tcp_pair
from .sockets import arrived

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the requests are Linux's"),
    # Later tests find the interfaces of their namespace as earlier ones have left them.
    pytest.mark.xdist_group("interfaces"),
]

OF_AN_INTERFACE = (
    "gifindex",
    "gifaddr",
    "gifdstaddr",
    "gifbrdaddr",
    "gifnetmask",
    "gifhwaddr",
    "gifmtu",
    "giftxqlen",
    "gifflags",
    "gifmap",
)
SETTING = {
    "sifaddr": ("127.0.0.1", 0),
    "sifdstaddr": ("127.0.0.1", 0),
    "sifbrdaddr": ("127.0.0.1", 0),
    "sifnetmask": ("255.0.0.0", 0),
    "sifmtu": 1500,
    "siftxqlen": 10,
    "sifflags": {"up": True},
}
NAMES = [name for _, name in stdlib.if_nameindex()]


def udp() -> Socket:
    return ok(socket.open("inet", "dgram"))


def told(name: str, what: str) -> str:
    """Return the value in a file of the system about an interface."""
    return Path("/sys/class/net", name, what).read_text().strip()


# --- what there is to know of interfaces -----------------------------------------------------


async def test_the_interfaces_that_have_an_address(runtime: None) -> None:
    for kind in (("inet", "dgram"), ("inet6", "dgram"), ("inet", "stream")):
        interfaces = ok(socket.ioctl(ok(socket.open(*kind)), "gifconf"))
        assert Interface("lo", SockAddrIn("127.0.0.1", 0)) in interfaces
        assert {interface.name.partition(":")[0] for interface in interfaces} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
async def test_names_and_numbers_of_interfaces(name: str, runtime: None) -> None:
    sock = udp()
    index = stdlib.if_nametoindex(name)
    assert socket.ioctl(sock, "gifindex", name) == Ok(index)
    assert socket.ioctl(sock, "gifname", index) == Ok(name)


@pytest.mark.parametrize("name", NAMES)
async def test_sizes_of_interfaces(name: str, runtime: None) -> None:
    sock = udp()
    assert socket.ioctl(sock, "gifmtu", name) == Ok(int(told(name, "mtu")))
    assert socket.ioctl(sock, "giftxqlen", name) == Ok(int(told(name, "tx_queue_len")))


@pytest.mark.parametrize("name", NAMES)
async def test_the_hardware_address_of_an_interface(name: str, runtime: None) -> None:
    match ok(socket.ioctl(udp(), "gifhwaddr", name)):
        case SockAddrNative(family, addr):
            assert family == int(told(name, "type"))
            expected = bytes.fromhex(told(name, "address").replace(":", ""))[:14]
            assert addr[: len(expected)] == expected
        case other:
            raise AssertionError(other)


FLAGS = {
    0x1: "up",
    0x2: "broadcast",
    0x8: "loopback",
    0x10: "pointopoint",
    0x80: "noarp",
    0x1000: "multicast",
}


@pytest.mark.parametrize("name", NAMES)
async def test_the_flags_of_an_interface(name: str, runtime: None) -> None:
    flags = ok(socket.ioctl(udp(), "gifflags", name))
    bits = int(told(name, "flags"), 16)
    assert [word for word in flags if word in FLAGS.values()] == [
        word for bit, word in FLAGS.items() if bits & bit
    ]


async def test_the_loopback_interface(runtime: None) -> None:
    sock = udp()
    assert socket.ioctl(sock, "gifaddr", "lo") == Ok(SockAddrIn("127.0.0.1", 0))
    assert socket.ioctl(sock, "gifdstaddr", "lo") == Ok(SockAddrIn("127.0.0.1", 0))
    assert socket.ioctl(sock, "gifnetmask", "lo") == Ok(SockAddrIn("255.0.0.0", 0))
    assert socket.ioctl(sock, "gifbrdaddr", "lo") == Ok(SockAddrIn("0.0.0.0", 0))
    assert socket.ioctl(sock, "gifflags", "lo") == Ok(["up", "loopback", "running"])
    assert socket.ioctl(sock, "gifmap", "lo") == Ok(InterfaceMap(0, 0, 0, 0, 0, 0))
    match socket.ioctl(sock, "gifhwaddr", "lo"):
        case Ok(SockAddrNative(772, addr)):
            assert addr[:6] == bytes(6)
        case other:
            raise AssertionError(other)


@pytest.mark.parametrize("request_", [*OF_AN_INTERFACE, *SETTING])
async def test_an_interface_that_does_not_exist(request_: str, runtime: None) -> None:
    sock = udp()
    for name in ("nosuch", "", "fifteen-letters"):
        arguments = (name, SETTING[request_]) if request_ in SETTING else (name,)
        result = socket.ioctl(sock, request_, *arguments)
        # Who may not change interfaces is told so first.
        assert result in (Error("enodev"), Error("eperm"))
        if request_ not in SETTING:
            assert result == Error("enodev")


@pytest.mark.parametrize("index", [0, -1, 2**31 - 1, -(2**31)])
async def test_a_number_that_no_interface_has(index: int, runtime: None) -> None:
    assert socket.ioctl(udp(), "gifname", index) == Error("enodev")


async def test_some_requests_are_of_one_domain(runtime: None) -> None:
    six, local = ok(socket.open("inet6", "dgram")), ok(socket.open("local", "dgram"))
    for sock in (six, local):
        assert socket.ioctl(sock, "gifindex", "lo") == Ok(1)
        assert socket.ioctl(sock, "gifaddr", "lo") == Error("enotty")


# --- what waits in the socket ----------------------------------------------------------------


async def test_how_much_can_be_read_from_a_stream(runtime: None) -> None:
    for left, right in (local_pair(), await tcp_pair()):
        assert socket.ioctl(right, "nread") == Ok(0)
        ok(await socket.send(left, bytes(3)))
        ok(await socket.send(left, bytes(5)))
        await arrived(right, 8)
        assert socket.ioctl(right, "nread") == Ok(8)
        ok(await socket.recv(right, 2))
        assert socket.ioctl(right, "nread") == Ok(6)
        ok(await socket.recv(right, 6))
        assert socket.ioctl(right, "nread") == Ok(0)


async def test_bytes_of_an_interrupted_read_count_as_readable(runtime: None) -> None:
    left, right = local_pair()
    ok(await socket.send(left, b"abc"))
    with trio.move_on_after(0.001):
        await socket.recv(right, 10)
    assert socket.ioctl(right, "nread") == Ok(3)
    ok(await socket.send(left, b"de"))
    assert socket.ioctl(right, "nread") == Ok(5)
    assert await socket.recv(right, 5) == Ok(b"abcde")
    assert socket.ioctl(right, "nread") == Ok(0)


async def test_how_much_can_be_read_of_the_next_message(runtime: None) -> None:
    sock = udp()
    ok(socket.bind(sock, "loopback"))
    there = ok(socket.sockname(sock))
    assert socket.ioctl(sock, "nread") == Ok(0)
    ok(await socket.sendto(sock, b"abc", there))
    ok(await socket.sendto(sock, b"defgh", there))
    ok(await socket.recv(sock, 0, ["peek"]))
    assert socket.ioctl(sock, "nread") == Ok(3)
    ok(await socket.recv(sock))
    ok(await socket.recv(sock, 0, ["peek"]))
    assert socket.ioctl(sock, "nread") == Ok(5)


async def test_sockets_without_anything_to_read(runtime: None) -> None:
    listener = ok(socket.open("inet", "stream"))
    ok(socket.listen(listener))
    assert socket.ioctl(listener, "nread") == Error("einval")
    assert socket.ioctl(listener, "atmark") == Ok(False)
    fresh = ok(socket.open("inet", "stream"))
    assert socket.ioctl(fresh, "nread") == Ok(0)
    assert socket.ioctl(fresh, "atmark") == Ok(False)
    assert socket.ioctl(udp(), "atmark") == Error("enotty")


async def test_the_mark_of_urgent_data(runtime: None) -> None:
    client, server = await tcp_pair()
    ok(await socket.send(client, b"abc"))
    ok(await socket.send(client, b"!", ["oob"]))
    await arrived(server, 4)
    assert socket.ioctl(server, "atmark") == Ok(False)
    assert await socket.recv(server, 3) == Ok(b"abc")
    assert socket.ioctl(server, "atmark") == Ok(True)


# --- setting, in a namespace that is nobody else's -------------------------------------------


@pytest.fixture
def elsewhere(netns: str, runtime: None) -> Socket:
    """A socket in a namespace of its own, where interfaces may be changed."""
    match socket.open("inet", "dgram", netns=netns):
        case Error("eperm" as reason):
            pytest.skip(f"namespaces can't be entered: {reason}")
        case result:
            sock = ok(result)
    if socket.ioctl(sock, "sifflags", "lo", {"up": True}) == Error("eperm"):
        pytest.skip("interfaces can't be changed: eperm")
    return sock


async def test_changing_numbers(elsewhere: Socket) -> None:
    for request_, value in (("mtu", 1500), ("mtu", 65536), ("txqlen", 7), ("txqlen", 1000)):
        assert socket.ioctl(elsewhere, f"sif{request_}", "lo", value) == Ok()
        assert socket.ioctl(elsewhere, f"gif{request_}", "lo") == Ok(value)
    assert socket.ioctl(elsewhere, "sifmtu", "lo", -1) == Error("einval")


async def test_changing_addresses(elsewhere: Socket) -> None:
    form: Any
    for form in (
        SockAddrIn("127.0.0.5", 0),
        {"family": "inet", "addr": (127, 0, 0, 5)},
        ("127.0.0.5", 0),
    ):
        assert socket.ioctl(elsewhere, "sifaddr", "lo", form) == Ok()
        assert socket.ioctl(elsewhere, "gifaddr", "lo") == Ok(SockAddrIn("127.0.0.5", 0))
        assert socket.ioctl(elsewhere, "sifaddr", "lo", "loopback") == Ok()
        assert socket.ioctl(elsewhere, "gifaddr", "lo") == Ok(SockAddrIn("127.0.0.1", 0))
    for what, value in (("netmask", "255.255.0.0"), ("brdaddr", "127.0.255.255")):
        assert socket.ioctl(elsewhere, f"sif{what}", "lo", (value, 0)) == Ok()
        assert socket.ioctl(elsewhere, f"gif{what}", "lo") == Ok(SockAddrIn(value, 0))
    assert socket.ioctl(elsewhere, "sifdstaddr", "lo", ("127.0.0.1", 0)) == Ok()


async def test_changing_flags(elsewhere: Socket) -> None:
    def flags() -> list[str]:
        return list(ok(socket.ioctl(elsewhere, "gifflags", "lo")))

    assert flags() == ["up", "loopback", "running"]
    assert socket.ioctl(elsewhere, "sifflags", "lo", {}) == Ok()
    assert flags() == ["up", "loopback", "running"]
    assert socket.ioctl(elsewhere, "sifflags", "lo", {"up": False, "allmulti": True}) == Ok()
    assert flags() == ["loopback", "allmulti"]
    assert socket.ioctl(elsewhere, "sifflags", "lo", {"up": True, "allmulti": False}) == Ok()
    assert flags() == ["up", "loopback", "running"]


async def test_more_interfaces_than_anybody_thought_of(elsewhere: Socket) -> None:
    # An alias is listed like an interface of its own. The address of lo, which other tests change,
    # must be the first of the network: the kernel removes all others together with the first.
    ok(socket.ioctl(elsewhere, "sifaddr", "lo", ("127.0.0.1", 0)))
    ok(socket.ioctl(elsewhere, "sifnetmask", "lo", ("255.0.0.0", 0)))
    for number in range(1, 60):
        ok(socket.ioctl(elsewhere, "sifaddr", f"lo:{number}", (f"127.1.0.{number}", 0)))
    interfaces = ok(socket.ioctl(elsewhere, "gifconf"))
    assert {i.addr for i in interfaces if i.name.startswith("lo:")} == {
        SockAddrIn(f"127.1.0.{number}", 0) for number in range(1, 60)
    }
    for number in reversed(range(1, 60)):
        ok(socket.ioctl(elsewhere, "sifflags", f"lo:{number}", {"up": False}))
    assert {i.name for i in ok(socket.ioctl(elsewhere, "gifconf"))} == {"lo"}


# --- closed, and wrong -----------------------------------------------------------------------


async def test_of_a_closed_socket(runtime: None) -> None:
    sock = udp()
    ok(await socket.close(sock))
    for request_ in ("gifconf", "nread", "atmark"):
        assert socket.ioctl(sock, request_) == Error("closed")
    assert socket.ioctl(sock, "gifname", 1) == Error("closed")
    for request_ in OF_AN_INTERFACE:
        assert socket.ioctl(sock, request_, "lo") == Error("closed")
    for request_, value in SETTING.items():
        assert socket.ioctl(sock, request_, "lo", value) == Error("closed")


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        (("foo",), ValueError, "request: expected one of 'gifconf'"),
        (("GIFCONF",), ValueError, "request: expected one of"),
        ((0x8912,), TypeError, "request: expected a word"),
        ((None,), TypeError, "request: expected a word"),
        ((b"nread",), TypeError, "request: expected a word"),
        (("gifname",), TypeError, "'gifname' takes 1 argument"),
        (("gifmtu", "lo", 1), TypeError, "'gifmtu' takes 1 argument"),
        (("gifconf", "lo"), TypeError, "'gifconf' takes 0 arguments, got 1"),
        (("gifindex",), TypeError, "'gifindex' takes 1 argument"),
        (("sifmtu", "lo"), TypeError, "'sifmtu' takes 2 arguments, got 1"),
        (("nread", 1), TypeError, "'nread' takes 0 arguments"),
        (("gifname", "lo"), TypeError, "index: expected"),
        (("gifname", True), TypeError, "index: expected"),
        (("gifname", 2**31), ValueError, "index: expected"),
        (("gifindex", 1), TypeError, "name: expected"),
        (("gifindex", b"lo"), TypeError, "name: expected"),
        (("gifindex", "sixteen-letters!"), ValueError, "name: expected at most 15 bytes"),
        (("gifindex", "l\0o"), ValueError, "name: expected"),
        (("sifmtu", "lo", "1500"), TypeError, "value: expected an int"),
        (("sifmtu", "lo", True), TypeError, "value: expected an int"),
        (("siftxqlen", "lo", 2**31), ValueError, "value: expected an int"),
        (("sifaddr", "lo", 3), TypeError, "addr"),
        (("sifaddr", "lo", "foo"), ValueError, "addr"),
        (("sifaddr", "lo", {"family": "inet", "addr": "x"}), ValueError, "addr"),
        (("sifflags", "lo", ["up"]), TypeError, "flags: expected a dict"),
        (("sifflags", "lo", {"foo": True}), ValueError, "flags: 'foo' is no flag"),
        (("sifflags", "lo", {"link0": True}), ValueError, "flags: 'link0' is no flag"),
        (("sifflags", "lo", {"lower_up": True}), ValueError, "flags: 'lower_up' is no flag"),
        (("sifflags", "lo", {"up": 1}), TypeError, "flags: expected a bool for 'up'"),
    ],
)
async def test_a_wrong_argument(
    arguments: tuple[Any, ...], error: type[Exception], says: str, runtime: None
) -> None:
    sock, closed = udp(), udp()
    ok(await socket.close(closed))
    for where in (sock, closed):
        with pytest.raises(error, match=says):
            socket.ioctl(where, *arguments)
