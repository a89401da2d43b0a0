"""IPv6: its addresses, its control messages, and its dealings with IPv4."""

import socket as stdlib
from contextlib import closing
from ipaddress import IPv6Address

import pytest

from actorsock import Error, Ok, ok, socket
from actorsock.socket import Msg, SockAddrIn, SockAddrIn6, Socket

from ..support_data import in_runtime


@pytest.mark.parametrize("word", ["any", "loopback"])
@in_runtime
async def test_words_for_addresses(word: str) -> None:
    async with ok(socket.open("inet6", "dgram")) as sock:
        port = ok(socket.bind(sock, word))
        assert socket.sockname(sock) == Ok(SockAddrIn6(word, port))


def mapped(sock: Socket) -> int:
    """Bind to any address, of IPv4 too; the port."""
    ok(socket.setopt(sock, "ipv6", "v6only", False))
    return ok(socket.bind(sock, "any"))


@in_runtime
async def test_a_client_with_an_ipv4_address() -> None:
    async with ok(socket.open("inet6", "stream")) as listening:
        port = mapped(listening)
        ok(socket.listen(listening))
        with closing(stdlib.create_connection(("127.0.0.1", port))) as peer:
            async with ok(await socket.accept(listening)) as sock:
                name = SockAddrIn6("::ffff:127.0.0.1", peer.getsockname()[1])
                assert socket.peername(sock) == Ok(name)
                ok(await socket.send(sock, b"hello"))
                assert peer.recv(10) == b"hello"


@in_runtime
async def test_ipv6_only() -> None:
    async with ok(socket.open("inet6", "stream")) as listening:
        ok(socket.setopt(listening, "ipv6", "v6only", True))
        port = ok(socket.bind(listening, "any"))
        ok(socket.listen(listening))
        assert socket.setopt(listening, "ipv6", "v6only", False) == Error("einval")
        async with ok(socket.open("inet", "stream")) as client:
            assert await socket.connect(client, ("127.0.0.1", port)) == Error("econnrefused")


@in_runtime
async def test_datagrams_to_and_from_ipv4() -> None:
    async with ok(socket.open("inet6", "dgram")) as sock:
        port = mapped(sock)
        with closing(stdlib.socket(stdlib.AF_INET, stdlib.SOCK_DGRAM)) as peer:
            peer.settimeout(10)
            peer.sendto(b"hello", ("127.0.0.1", port))
            (source, data) = ok(await socket.recvfrom(sock))
            assert data == b"hello"
            assert source == SockAddrIn6("::ffff:127.0.0.1", peer.getsockname()[1])
            # Either form of the address leads back.
            assert await socket.sendto(sock, b"mapped", source) == Ok()
            plain = SockAddrIn("127.0.0.1", peer.getsockname()[1])
            assert await socket.sendto(sock, b"plain", plain) == Ok()
            assert await socket.sendmsg(sock, Msg(plain, [b"message"])) == Ok()
            assert [peer.recv(10) for _ in range(3)] == [b"mapped", b"plain", b"message"]


@in_runtime
async def test_addresses_of_the_other_family() -> None:
    v4 = {"family": "inet", "addr": "loopback", "port": 9}
    v6 = {"family": "inet6", "addr": "loopback", "port": 9}
    for domain, type, other, reason in (
        ("inet6", "stream", v4, "einval"),
        ("inet", "stream", v6, "eafnosupport"),
        ("inet", "dgram", v6, "eafnosupport"),
    ):
        async with ok(socket.open(domain, type)) as sock:
            assert await socket.connect(sock, other) == Error(reason)
            assert socket.bind(sock, {**other, "port": 0}) == Error(reason)
    async with ok(socket.open("inet6", "dgram")) as sock:
        assert await socket.connect(sock, v4) == Ok()
    async with ok(socket.open("inet6", "stream")) as sock:
        assert socket.bind(sock, {**v4, "port": 0}) == Error("einval")


@in_runtime
async def test_the_interface_of_a_link_local_address() -> None:
    for addr, scope_id in link_local():
        async with ok(socket.open("inet6", "dgram")) as sock:
            port = ok(socket.bind(sock, SockAddrIn6(addr, 0, scope_id=scope_id)))
            assert socket.sockname(sock) == Ok(SockAddrIn6(addr, port, scope_id=scope_id))
        async with ok(socket.open("inet6", "dgram")) as sock:
            assert socket.bind(sock, (addr, 0)) == Error("einval")


def link_local() -> list[tuple[str, int]]:
    """The link-local addresses of this machine, each with the number of its interface."""
    with open("/proc/net/if_inet6") as lines:
        rows = [line.split() for line in lines]
    return [
        (str(IPv6Address(bytes.fromhex(row[0]))), int(row[1], 16))
        for row in rows
        if row[3] == "20"  # the scope of a link
    ]
