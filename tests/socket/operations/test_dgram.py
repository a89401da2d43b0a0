"""Datagrams: their sources and destinations, refusals, and control messages."""

import socket as stdlib
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any

import pytest
import trio

from actorsock import Error, Ok, Select, ok, receive, socket
from actorsock.socket import (
    ControlMessage,
    ExtendedError,
    Msg,
    SockAddrUnspec,
    Socket,
)

from ..support import readers, writers
from ..support_data import (
    Outcome,
    address,
    data_of,
    datagrams,
    every_domain,
    in_runtime,
    is_select_of,
    over_ip,
    readable,
)
from .transports import RECEIVES, every_receive, name_of

NOTHING_YET = Error("timeout")


async def given(sock: Socket, peer: stdlib.socket, *messages: bytes) -> None:
    """Have the peer send messages, and wait until there is something to receive."""
    for message in messages:
        peer.sendto(message, address(sock))
    await readable(sock)


# --- receiving: one call, one message -----------------------------------------------------------


@in_runtime
async def test_a_local_sender_without_a_name() -> None:
    with (
        datagrams("local") as (sock, _),
        closing(stdlib.socket(stdlib.AF_UNIX, stdlib.SOCK_DGRAM)) as nobody,
    ):
        await given(sock, nobody, b"guess", b"guess")
        assert await socket.recvfrom(sock) == Ok((SockAddrUnspec(), b"guess"))
        assert await socket.recvmsg(sock) == Ok(Msg(None, (b"guess",), (), ()))


@in_runtime
async def test_a_local_socket_that_nobody_can_reach() -> None:
    async with ok(socket.open("local", "dgram")) as sock:
        assert await socket.recv(sock, timeout=0.01) == NOTHING_YET
        assert isinstance(socket.recv_nowait(sock), Select)


# --- receiving: errors --------------------------------------------------------------------------


def closed_port(domain: str) -> Any:
    """An address of this machine where nobody listens, kept free by whoever holds the socket."""
    family = {"inet": stdlib.AF_INET, "inet6": stdlib.AF_INET6}[domain]
    # A port that is bound for TCP only.
    holder = stdlib.socket(family, stdlib.SOCK_STREAM)
    while True:
        holder.bind(("127.0.0.1" if domain == "inet" else "::1", 0))
        with closing(stdlib.socket(family, stdlib.SOCK_DGRAM)) as probe:
            try:
                probe.bind(holder.getsockname())
            except OSError:
                holder.close()
                holder = stdlib.socket(family, stdlib.SOCK_STREAM)
            else:
                return holder


@over_ip
@every_receive
@in_runtime
async def test_a_refusal_is_told_once(domain: str, name: str) -> None:
    function: Callable[..., Any] = RECEIVES[name]
    with closing(closed_port(domain)) as holder:
        async with ok(socket.open(domain, "dgram")) as sock, trio.open_nursery() as nursery:
            ok(await socket.connect(sock, holder.getsockname()))
            outcome = Outcome(nursery, function, sock)
            await readers(sock)
            ok(await socket.send(sock, b"anybody there?"))
            assert await outcome.get() == Error("econnrefused")
            assert await function(sock, timeout=0) == NOTHING_YET


@over_ip
@in_runtime
async def test_a_refusal_selects_whoever_does_not_block(domain: str) -> None:
    with closing(closed_port(domain)) as holder:
        async with ok(socket.open(domain, "dgram")) as sock:
            ok(await socket.connect(sock, holder.getsockname()))
            selected = socket.recv_nowait(sock)
            assert isinstance(selected, Select)
            ok(await socket.send(sock, b"anybody there?"))
            await receive(is_select_of(selected.info, sock))
            assert socket.recv_nowait(sock) == Error("econnrefused")
            assert isinstance(socket.recv_nowait(sock), Select)


@over_ip
@in_runtime
async def test_sends_that_are_refused_fail_by_turns(domain: str) -> None:
    with closing(closed_port(domain)) as holder:
        async with ok(socket.open(domain, "dgram")) as sock:
            ok(await socket.connect(sock, holder.getsockname()))
            for _ in range(3):
                assert await socket.send(sock, b"anybody there?") == Ok()
                await readable(sock)
                assert socket.send_nowait(sock, b"anybody there?") == Error("econnrefused")


@over_ip
@in_runtime
async def test_a_refusal_in_full(domain: str) -> None:
    level = {"inet": "ip", "inet6": "ipv6"}[domain]
    with closing(closed_port(domain)) as holder:
        async with ok(socket.open(domain, "dgram")) as sock, trio.open_nursery() as nursery:
            ok(socket.setopt(sock, level, "recverr", True))
            assert await socket.recvmsg(sock, flags=["errqueue"], timeout=0) == NOTHING_YET
            outcome = Outcome(nursery, lambda: socket.recvmsg(sock, flags=["errqueue"]))
            await readers(sock)
            ok(await socket.sendto(sock, b"anybody there?", holder.getsockname()))
            match await outcome.get():
                case Ok(Msg(addr, (b"anybody there?",), (ControlMessage() as said,), flags)):
                    assert addr == name_of(domain, holder)
                    assert flags == ("errqueue",)
                    assert (said.level, said.type) == (level, "recverr")
                    assert isinstance(said.value, ExtendedError)
                    assert (said.value.error, said.value.code) == ("econnrefused", "port_unreach")
                case other:
                    pytest.fail(f"not an extended error: {other}")


@in_runtime
async def test_looking_for_an_error_leaves_the_data_to_its_readers() -> None:
    with datagrams() as (sock, peer):
        ok(socket.setopt(sock, "ip", "recverr", True))
        # A reader that has waited knows of what comes only from the poller.
        assert await socket.recv(sock, timeout=0.01) == NOTHING_YET
        await given(sock, peer, b"data")
        for receives in (socket.recv, socket.recvfrom, socket.recvmsg):
            assert await receives(sock, flags=["errqueue"], timeout=0) == NOTHING_YET
            assert await receives(sock, flags=["errqueue"], timeout=0.01) == NOTHING_YET
        assert await socket.recv(sock) == Ok(b"data")


@in_runtime
async def test_an_error_is_told_past_data_that_nobody_reads() -> None:
    with datagrams() as (sock, peer), closing(closed_port("inet")) as holder:
        ok(socket.setopt(sock, "ip", "recverr", True))
        assert await socket.recv(sock, timeout=0.01) == NOTHING_YET
        await given(sock, peer, b"data")
        async with trio.open_nursery() as nursery:
            outcome = Outcome(nursery, lambda: socket.recvmsg(sock, flags=["errqueue"]))
            await readers(sock)
            ok(await socket.sendto(sock, b"lost", holder.getsockname()))
            assert data_of(await outcome.get()) == b"lost"
        assert await socket.recv(sock) == Ok(b"data")


@over_ip
@in_runtime
async def test_our_read_side_shut_down(domain: str) -> None:
    with datagrams(domain) as (sock, peer):
        ok(await socket.connect(sock, peer.getsockname()[:2]))
        selected = socket.recv_nowait(sock)
        assert isinstance(selected, Select)
        ok(socket.shutdown(sock, "read"))
        # Readiness is told, and there is nothing all the same.
        await receive(is_select_of(selected.info, sock))
        assert isinstance(socket.recv_nowait(sock), Select)
        assert await socket.recv(sock, timeout=0.01) == NOTHING_YET
        assert await socket.recv(sock, timeout=0) == NOTHING_YET


# --- control messages ---------------------------------------------------------------------------


@over_ip
@in_runtime
async def test_control_messages_come_with_the_message(domain: str) -> None:
    level, option, type_ = {
        "inet": ("ip", "recvttl", "ttl"),
        "inet6": ("ipv6", "recvhoplimit", "hoplimit"),
    }[domain]
    with datagrams(domain) as (sock, peer):
        ok(socket.setopt(sock, level, option, True))
        await given(sock, peer, b"abc", b"def", b"ghi")
        match await socket.recvmsg(sock):
            case Ok(Msg(addr, (b"abc",), (ControlMessage() as said,), ())):
                assert addr == name_of(domain, peer)
                assert (said.level, said.type, said.value) == (level, type_, 64)
                assert said.data == (64).to_bytes(4, "little")
            case other:
                pytest.fail(f"not what was sent: {other}")
        match await socket.recvmsg(sock, 2, 4):
            case Ok(Msg(_, (b"de",), (), flags)):
                assert set(flags) == {"trunc", "ctrunc"}
            case other:
                pytest.fail(f"not cut: {other}")
        ok(socket.setopt(sock, "otp", "rcvctrlbuf", 4))
        assert ok(await socket.recvmsg(sock)).flags == ("ctrunc",)


# --- sending ------------------------------------------------------------------------------------


@every_domain
@in_runtime
async def test_every_send_is_one_message(domain: str) -> None:
    with datagrams(domain) as (sock, peer):
        name = peer.getsockname() if domain == "local" else peer.getsockname()[:2]
        assert await socket.sendto(sock, [b"pieces", [b" of ", b"one"]], name) == Ok()
        assert socket.sendto_nowait(sock, b"", name) == Ok()
        assert await socket.sendmsg(sock, Msg(name_of(domain, peer), (b"a", b"b"))) == Ok()
        assert socket.sendmsg_nowait(sock, {"addr": name_of(domain, peer), "iov": []}) == Ok()
        ok(await socket.connect(sock, name))
        assert await socket.send(sock, b"connected") == Ok()
        assert socket.send_nowait(sock, b"") == Ok()
        assert await socket.sendv(sock, [b"c", b"d"]) == Ok()
        assert socket.sendmsg_nowait(sock, {"iov": [b"e"]}) == Ok()
        assert [peer.recv(100) for _ in range(8)] == [
            b"pieces of one",
            b"",
            b"ab",
            b"",
            b"connected",
            b"",
            b"cd",
            b"e",
        ]


@over_ip
@in_runtime
async def test_the_destination_of_the_call_wins(domain: str) -> None:
    with datagrams(domain) as (sock, peer), datagrams(domain) as (_, other):
        ok(await socket.connect(sock, peer.getsockname()[:2]))
        assert await socket.sendto(sock, b"other", other.getsockname()[:2]) == Ok()
        assert await socket.send(sock, b"peer") == Ok()
        assert other.recv(10) == b"other"
        assert peer.recv(10) == b"peer"


@in_runtime
async def test_destinations_that_the_kernel_judges() -> None:
    with datagrams("inet") as (sock, peer), datagrams("inet6") as (sock6, _):
        port = peer.getsockname()[1]
        here = {"family": "inet", "addr": "loopback", "port": port}
        assert await socket.sendto(sock, b"any", {**here, "addr": "any"}) == Ok()
        assert peer.recv(10) == b"any"
        refused = [
            (sock, {**here, "port": 0}, "einval"),
            (sock, {"family": "unspec"}, "einval"),
            (sock, {"family": "inet6", "addr": "loopback", "port": port}, "eafnosupport"),
            (sock, {"family": "local", "path": "/nowhere"}, "einval"),
            (sock, {**here, "addr": "127.255.255.255"}, "eacces"),
            (sock6, {"family": "unspec"}, "edestaddrreq"),
            (sock6, {"family": "local", "path": "/nowhere"}, "einval"),
        ]
        for from_, dest, reason in refused:
            assert await socket.sendto(from_, b"x", dest) == Error(reason)
            assert socket.sendto_nowait(from_, b"x", dest) == Error(reason)
        ok(socket.setopt(sock, "socket", "broadcast", True))
        assert await socket.sendto(sock, b"x", {**here, "addr": "127.255.255.255"}) == Ok()


@in_runtime  # with IPv6 the kernel takes no notice of it
async def test_nothing_is_urgent_here() -> None:
    with datagrams() as (sock, peer):
        name = peer.getsockname()[:2]
        assert await socket.sendto(sock, b"x", name, ["oob"]) == Error("enotsup")
        ok(await socket.connect(sock, name))
        assert await socket.send(sock, b"x", ["oob"]) == Error("enotsup")


@every_domain
@in_runtime
async def test_more_pieces_than_a_message_can_have(domain: str) -> None:
    with datagrams(domain) as (sock, peer):
        name = name_of(domain, peer)
        assert await socket.sendmsg(sock, Msg(name, [b"x"] * 1024)) == Ok()
        assert peer.recv(2000) == b"x" * 1024
        # Empty ones don't count.
        assert await socket.sendmsg(sock, Msg(name, [b"x", b""] * 1024)) == Ok()
        assert peer.recv(2000) == b"x" * 1024
        with pytest.raises(ValueError, match="iov"):
            await socket.sendmsg(sock, Msg(name, [b"x"] * 1025))
        with pytest.raises(ValueError, match="iov"):
            socket.sendv_nowait(sock, [b"x"] * 1025)


# --- waiting for room: local sockets, whose receivers have a short queue ------------------------


@in_runtime
async def test_a_receiver_that_others_have_crowded() -> None:
    with (
        datagrams("local") as (sock, peer),
        closing(stdlib.socket(stdlib.AF_UNIX, stdlib.SOCK_DGRAM)) as other,
    ):
        other.setblocking(False)
        count = 0
        with suppress(BlockingIOError):
            while True:
                other.sendto(b"%d" % count, peer.getsockname())
                count += 1
        assert await socket.sendto(sock, b"late", peer.getsockname(), timeout=0.01) == NOTHING_YET
        async with trio.open_nursery() as nursery:
            outcome = Outcome(nursery, socket.sendto, sock, b"late", peer.getsockname())
            await writers(sock)
            received = [peer.recv(100) for _ in range(count)]
            assert await outcome.get() == Ok()
        assert [*received, peer.recv(100)] == [*(b"%d" % n for n in range(count)), b"late"]


# --- sequenced packets --------------------------------------------------------------------------
