"""Datagrams and sequenced packets: one call is one message, whole, cut or empty."""

import socket as stdlib
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any

import pytest
import trio

from actorsock import Error, Ok, Select, Timeout, ok, receive, socket
from actorsock.socket import (
    ControlMessage,
    ExtendedError,
    Msg,
    SelectMessage,
    SockAddrIn,
    SockAddrIn6,
    SockAddrUnspec,
    Socket,
)

from ..support import readers, writers
from ..support_data import (
    Outcome,
    address,
    connected,
    datagrams,
    ended,
    every_domain,
    in_runtime,
    is_select_of,
    over_ip,
    pattern,
    readable,
    until,
)

NOTHING_YET = Error("timeout")


def name_of(domain: str, peer: stdlib.socket) -> Any:
    """The address of a peer as a record; a local one has no name."""
    match domain:
        case "inet":
            return SockAddrIn(*peer.getsockname())
        case "inet6":
            return SockAddrIn6(*peer.getsockname())
        case _:
            return socket.SockAddrUn(peer.getsockname())


async def given(sock: Socket, peer: stdlib.socket, *messages: bytes) -> None:
    """Have the peer send messages, and wait until there is something to receive."""
    for message in messages:
        peer.sendto(message, address(sock))
    await readable(sock)


# --- receiving: one call, one message -----------------------------------------------------------


@every_domain
@in_runtime
async def test_one_call_receives_one_message(domain: str) -> None:
    with datagrams(domain) as (sock, peer):
        await given(sock, peer, b"one", b"two", b"three", b"four", b"five")
        assert await socket.recv(sock) == Ok(b"one")
        assert await socket.recv(sock, 100) == Ok(b"two")
        assert socket.recv_nowait(sock, 100) == Ok(b"three")
        assert ok(await socket.recvfrom(sock))[1] == b"four"
        assert ok(await socket.recvmsg(sock)).iov == (b"five",)
        assert await socket.recv(sock, timeout=0) == NOTHING_YET


@every_domain
@in_runtime
async def test_a_message_that_is_too_long_is_cut(domain: str) -> None:
    with datagrams(domain) as (sock, peer):
        await given(sock, peer, b"abcdef", b"ghijkl", b"mnopqr", b"stuvwx", b"rest")
        name = name_of(domain, peer)
        assert await socket.recv(sock, 2) == Ok(b"ab")
        assert socket.recv_nowait(sock, 2) == Ok(b"gh")
        assert await socket.recvfrom(sock, 2) == Ok((name, b"mn"))
        assert await socket.recvmsg(sock, 2) == Ok(Msg(name, (b"st",), (), ("trunc",)))
        assert await socket.recvmsg(sock, 4) == Ok(Msg(name, (b"rest",), (), ()))


@every_domain
@in_runtime
async def test_the_flag_trunc_adds_nothing_to_the_data(domain: str) -> None:
    with datagrams(domain) as (sock, peer):
        await given(sock, peer, b"abcdef", b"ghijkl", b"mnopqr")
        assert await socket.recv(sock, 2, ["trunc"]) == Ok(b"ab")
        assert ok(await socket.recvfrom(sock, 2, ["trunc"]))[1] == b"gh"
        assert ok(await socket.recvmsg(sock, 2, flags=["trunc"])).iov == (b"mn",)


@every_domain
@pytest.mark.parametrize(
    ("rcvbuf", "size"), [(10, 10), ((3, 10), 10), ((5, "default"), 8192), ("default", 8192)]
)
@in_runtime
async def test_the_receive_buffer_is_for_one_message(domain: str, rcvbuf: Any, size: int) -> None:
    with datagrams(domain) as (sock, peer):
        ok(socket.setopt(sock, "otp", "rcvbuf", rcvbuf))
        data = pattern(10_000)
        for receives in (socket.recv, socket.recvfrom, socket.recvmsg):
            await given(sock, peer, data)
            answer: Any = ok(await receives(sock))
            if receives is socket.recv:
                assert answer == data[:size]
            elif receives is socket.recvfrom:
                assert answer[1] == data[:size]
            else:
                assert answer.iov == (data[:size],)
                assert answer.flags == ("trunc",)
        await given(sock, peer, data)
        assert await socket.recv(sock, 20_000) == Ok(data)


@every_domain
@in_runtime
async def test_an_empty_message_is_a_message(domain: str) -> None:
    with datagrams(domain) as (sock, peer):
        name = name_of(domain, peer)
        await given(sock, peer, b"", b"", b"", b"", b"full")
        assert await socket.recv(sock) == Ok(b"")
        assert socket.recv_nowait(sock, 10) == Ok(b"")
        assert await socket.recvfrom(sock) == Ok((name, b""))
        assert await socket.recvmsg(sock) == Ok(Msg(name, (b"",), (), ()))
        assert await socket.recv(sock) == Ok(b"full")


@every_domain
@in_runtime
async def test_peeking_at_a_message(domain: str) -> None:
    with datagrams(domain) as (sock, peer):
        name = name_of(domain, peer)
        await given(sock, peer, b"abcdef", b"next")
        for _ in range(2):
            assert await socket.recv(sock, 0, ["peek"]) == Ok(b"abcdef")
            assert socket.recv_nowait(sock, 3, ["peek"]) == Ok(b"abc")
            assert await socket.recvfrom(sock, 2, ["peek"]) == Ok((name, b"ab"))
            assert await socket.recvmsg(sock, 1, flags=["peek"]) == Ok(
                Msg(name, (b"a",), (), ("trunc",))
            )
        assert await socket.recv(sock) == Ok(b"abcdef")
        assert await socket.recv(sock) == Ok(b"next")


RECEIVES = {"recv": socket.recv, "recvfrom": socket.recvfrom, "recvmsg": socket.recvmsg}
every_receive = pytest.mark.parametrize("name", RECEIVES)


def message_of(answer: Any) -> bytes:
    """The data in what a receive of any name has answered."""
    match ok(answer):
        case bytes(data) | (_, bytes(data)) | Msg(iov=(data,)):
            return data
        case other:
            raise AssertionError(other)


@every_domain
@every_receive
@in_runtime
async def test_a_receive_waits_and_gives_up(domain: str, name: str) -> None:
    function: Callable[..., Any] = RECEIVES[name]
    with datagrams(domain) as (sock, peer):
        async with trio.open_nursery() as nursery:
            assert await function(sock, timeout=0) == NOTHING_YET
            assert await function(sock, timeout=0.01) == NOTHING_YET
            assert await function(sock, 1, timeout=0.01) == NOTHING_YET
            outcome = Outcome(nursery, function, sock, 100)
            await readers(sock)
            peer.sendto(b"data", address(sock))
            assert message_of(await outcome.get()) == b"data"


@every_domain
@every_receive
@in_runtime
async def test_a_receive_without_blocking(domain: str, name: str) -> None:
    function = getattr(socket, f"{name}_nowait")
    with datagrams(domain) as (sock, peer):
        selected = function(sock, 100)
        assert isinstance(selected, Select)
        assert (selected.info.tag, selected.data) == (name, None)
        peer.sendto(b"data", address(sock))
        assert await receive(selected.info.ref) == SelectMessage(sock, name, selected.info.ref)
        peer.sendto(b"more", address(sock))
        assert message_of(function(sock, 100)) == b"data"
        assert message_of(await RECEIVES[name](sock)) == b"more"
        assert await receive(after=0) == Timeout()


@every_domain
@in_runtime
async def test_who_has_sent_it(domain: str) -> None:
    with datagrams(domain) as (sock, peer):
        await given(sock, peer, b"named", b"named")
        name = name_of(domain, peer)
        assert await socket.recvfrom(sock) == Ok((name, b"named"))
        assert await socket.recvmsg(sock) == Ok(Msg(name, (b"named",), (), ()))
        # What was told can be answered to.
        assert await socket.sendto(sock, b"answer", name) == Ok()
        assert peer.recvfrom(10)[0] == b"answer"


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
            assert message_of(await outcome.get()) == b"lost"
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


@over_ip
@in_runtime
async def test_control_messages_go_with_the_message(domain: str) -> None:
    level, type_, number, option, wire = {
        "inet": ("ip", "ttl", 0, 12, 2),
        "inet6": ("ipv6", "hoplimit", 41, 51, 52),
    }[domain]
    with datagrams(domain) as (sock, peer):
        peer.setsockopt(number, option, 1)
        message = {
            "addr": peer.getsockname()[:2],
            "iov": [b"a", b"", b"bc"],
            "ctrl": [{"level": level, "type": type_, "value": 7}],
        }
        assert await socket.sendmsg(sock, message) == Ok()
        data, [(*which, raw)], _, _ = peer.recvmsg(10, 100)
        assert data == b"abc"
        assert (which, int.from_bytes(raw, "little")) == ([number, wire], 7)
        message["ctrl"] = [{"level": level, "type": type_, "value": 300}]
        assert await socket.sendmsg(sock, message) == Error("einval")


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


@every_domain
@in_runtime
async def test_sending_to_nobody_in_particular(domain: str) -> None:
    expected = Error("enotconn" if domain == "local" else "edestaddrreq")
    async with ok(socket.open(domain, "dgram")) as sock:
        assert await socket.send(sock, b"x") == expected
        assert socket.send_nowait(sock, b"x") == expected
        assert await socket.sendmsg(sock, {"iov": [b"x"]}) == expected
        assert await socket.sendv(sock, [b"x"]) == expected


@every_domain
@in_runtime
async def test_a_message_that_is_too_big(domain: str) -> None:
    data = bytes(2**20 * 8)
    with datagrams(domain) as (sock, peer):
        name = name_of(domain, peer)
        assert await socket.sendto(sock, data, name) == Error("emsgsize")
        assert socket.sendto_nowait(sock, data, name) == Error("emsgsize")
        assert await socket.sendmsg(sock, Msg(name, [data])) == Error("emsgsize")
        assert await socket.sendto(sock, b"small", name) == Ok()
        assert peer.recv(100) == b"small"


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


@over_ip
@in_runtime
async def test_our_write_side_shut_down(domain: str) -> None:
    with datagrams(domain) as (sock, peer):
        ok(await socket.connect(sock, peer.getsockname()[:2]))
        ok(socket.shutdown(sock, "write"))
        assert await socket.send(sock, b"x") == Error("epipe")


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


def crowd(sock: Socket) -> int:
    """Send numbers to a connected receiver until it has no room; how many went."""
    count = 0
    while not isinstance(answer := socket.send_nowait(sock, b"%d" % count), Select):
        assert answer == Ok()
        count += 1
    ok(socket.cancel(sock, answer.info))
    return count


@in_runtime
async def test_a_send_waits_for_room_and_keeps_its_place() -> None:
    with datagrams("local") as (sock, peer):
        ok(await socket.connect(sock, peer.getsockname()))
        count = crowd(sock)
        assert await socket.send(sock, b"late", timeout=0) == NOTHING_YET
        assert await socket.send(sock, b"late", timeout=0.01) == NOTHING_YET
        async with trio.open_nursery() as nursery:
            outcomes = []
            for n in range(3):
                outcomes.append(Outcome(nursery, socket.send, sock, b"%d" % (count + n)))
                await writers(sock, n + 1)
            received = [await trio.to_thread.run_sync(peer.recv, 100) for _ in range(count + 3)]
            assert [await outcome.get() for outcome in outcomes] == [Ok()] * 3
        assert received == [b"%d" % n for n in range(count + 3)]


@in_runtime
async def test_a_send_without_blocking_is_told_of_room() -> None:
    with datagrams("local") as (sock, peer):
        ok(await socket.connect(sock, peer.getsockname()))
        count = crowd(sock)
        selected = socket.send_nowait(sock, b"%d" % count)
        assert isinstance(selected, Select)
        assert selected.data is None
        received = [peer.recv(100) for _ in range(count)]
        await receive(is_select_of(selected.info, sock))
        assert socket.send_nowait(sock, b"%d" % count, selected.info) == Ok()
        received.append(peer.recv(100))
        assert received == [b"%d" % n for n in range(count + 1)]


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


@in_runtime
async def test_packets_keep_their_bounds() -> None:
    async with connected("local", "seqpacket") as (sock, peer):
        for data in (b"one", b"", b"three", b"four"):
            peer.sendall(data) if data else peer.send(data)
        await readable(sock)
        assert await socket.recv(sock, 100) == Ok(b"one")
        assert await socket.recv(sock, 100) == Ok(b"")
        assert await socket.recvfrom(sock, 2) == Ok((SockAddrUnspec(), b"th"))
        assert ok(await socket.recvmsg(sock, 2)).flags == ("trunc",)
        assert await socket.send(sock, b"answer") == Ok()
        assert await socket.sendmsg(sock, {"iov": [b"two ", b"pieces"]}) == Ok()
        assert peer.recv(100) == b"answer"
        assert peer.recv(100) == b"two pieces"


@in_runtime
async def test_the_end_of_packets_looks_like_an_empty_one() -> None:
    async with connected("local", "seqpacket") as (sock, peer):
        peer.send(b"last")
        peer.close()
        await ended(sock)
        assert await socket.recv(sock) == Ok(b"last")
        for _ in range(2):
            assert await socket.recv(sock) == Ok(b"")
            assert socket.recv_nowait(sock, 5) == Ok(b"")
            assert await socket.recvfrom(sock) == Ok((SockAddrUnspec(), b""))
            assert ok(await socket.recvmsg(sock)).iov == (b"",)
        assert await socket.send(sock, b"x") == Error("epipe")


@in_runtime
async def test_packets_wait_for_room() -> None:
    async with connected("local", "seqpacket") as (sock, peer), trio.open_nursery() as nursery:
        count = crowd(sock)
        assert count
        outcome = Outcome(nursery, socket.send, sock, b"%d" % (count))
        await writers(sock)
        received = []
        while not outcome.done:
            received.append(await trio.to_thread.run_sync(peer.recv, 100))
            await trio.lowlevel.checkpoint()
        assert await outcome.get() == Ok()
        peer.setblocking(False)
        await until(lambda: _drain(peer, received) and len(received) == count + 1)
        assert received == [b"%d" % n for n in range(count + 1)]


def _drain(peer: stdlib.socket, into: list[bytes]) -> bool:
    try:
        while True:
            into.append(peer.recv(100))
    except BlockingIOError:
        return True
