"""Streams and messages alike: waiting, giving up, being refused; and what all messages share."""

import os
from collections.abc import Callable
from ipaddress import IPv6Address
from pathlib import Path
from typing import Any

import pytest
import trio

from actorsock import Error, Ok, Select, Timeout, ok, receive, socket
from actorsock.socket import Msg, SelectMessage, SockAddrIn6, SockAddrUn, Socket

from ..support import readers, writers
from ..support_data import Outcome, data_of, in_runtime, is_select_of, listener, pattern
from .transports import (
    RECEIVES,
    channel,
    every_connected_transport,
    every_message_transport,
    every_receive,
    every_transport,
)

NOTHING_YET = Error("timeout")


# --- addresses ------------------------------------------------------------------------------------

IP6_FORMS: dict[str, Callable[[int], Any]] = {
    "pair": lambda port: ("::1", port),
    "four": lambda port: ("::1", port, 0, 0),
    "pair of a record": lambda port: (IPv6Address("::1"), port),
    "record": lambda port: SockAddrIn6("loopback", port),
    "map": lambda port: {"family": "inet6", "addr": "::1", "port": port},
    "map of a word": lambda port: {"family": "inet6", "addr": "loopback", "port": port},
    "map of numbers": lambda port: {
        "family": "inet6",
        "addr": (0, 0, 0, 0, 0, 0, 0, 1),
        "port": port,
        "flowinfo": 0,
        "scope_id": 0,
    },
}
PATH_FORMS: dict[str, Callable[[Path], Any]] = {
    "str": str,
    "bytes": os.fsencode,
    "path": lambda path: path,
    "record": lambda path: SockAddrUn(str(path)),
    "map": lambda path: {"family": "local", "path": str(path)},
    "map of bytes": lambda path: {"family": "local", "path": os.fsencode(path)},
}


@pytest.mark.parametrize(
    ("domain", "form"),
    [*(("inet6", form) for form in IP6_FORMS), *(("local", form) for form in PATH_FORMS)],
)
@in_runtime
async def test_every_form_of_an_address_is_taken(domain: str, form: str, tmp_path: Path) -> None:
    path = tmp_path / "söcket"
    async with ok(socket.open(domain, "stream")) as listening:
        first = IP6_FORMS[form](0) if domain == "inet6" else PATH_FORMS[form](path)
        port = ok(socket.bind(listening, first))
        assert bool(port) == (domain == "inet6")
        assert path.is_socket() == (domain == "local")
        ok(socket.listen(listening))
        there = IP6_FORMS[form](port) if domain == "inet6" else first
        name = SockAddrIn6("::1", port) if domain == "inet6" else SockAddrUn(str(path))
        assert socket.sockname(listening) == Ok(name)
        async with ok(socket.open(domain, "stream")) as client:
            assert await socket.connect(client, there) == Ok()
            async with ok(await socket.accept(listening)) as server:
                assert socket.peername(client) == socket.sockname(server) == Ok(name)
                assert socket.peername(server) == socket.sockname(client)
                if domain == "local":
                    assert socket.sockname(client) == Ok(SockAddrUn(""))
                for one, other in ((client, server), (server, client)):
                    assert await socket.send(one, b"ping") == Ok()
                    assert await socket.recv(other) == Ok(b"ping")
        async with ok(socket.open(domain, "dgram")) as sock:
            expected = Ok() if domain == "inet6" else Error("eprototype")
            assert await socket.sendto(sock, b"x", there) == expected


# --- receiving ------------------------------------------------------------------------------------


@every_transport
@every_receive
@in_runtime
async def test_a_receive_waits_and_gives_up(transport: str, name: str) -> None:
    function = RECEIVES[name]
    async with channel(transport) as here, trio.open_nursery() as nursery:
        for _ in range(2):
            assert await function(here.sock, timeout=0) == NOTHING_YET
            assert await function(here.sock, timeout=0.01) == NOTHING_YET
            assert await function(here.sock, 1, timeout=0.01) == NOTHING_YET
            outcome = Outcome(nursery, function, here.sock)
            await readers(here.sock)
            here.send(b"data")
            assert data_of(await outcome.get()) == b"data"
            assert socket.info(here.sock).num_readers == 0
        await here.give(b"late")
        assert data_of(await function(here.sock, timeout=0)) == b"late"


@every_transport
@every_receive
@in_runtime
async def test_a_receive_without_blocking_is_selected_once(transport: str, name: str) -> None:
    function = getattr(socket, f"{name}_nowait")
    async with channel(transport) as here:
        selected = function(here.sock, 4)
        assert isinstance(selected, Select)
        assert (selected.info.tag, selected.data) == (name, None)
        here.send(b"data")
        message = SelectMessage(here.sock, name, selected.info.ref)
        assert await receive(selected.info.ref) == message
        here.send(b"more")
        assert await receive(selected.info.ref, after=0.01) == Timeout()
        assert data_of(function(here.sock, 4)) == b"data"
        assert data_of(await RECEIVES[name](here.sock)) == b"more"
        assert await receive(after=0) == Timeout()


# Why a socket that is not connected neither receives nor sends; None where a receive just waits.
UNCONNECTED = {
    "inet stream": ("enotconn", "epipe"),
    "inet6 stream": ("enotconn", "epipe"),
    "local stream": ("einval", "enotconn"),
    "inet dgram": (None, "edestaddrreq"),
    "inet6 dgram": (None, "edestaddrreq"),
    "local dgram": (None, "enotconn"),
    "local seqpacket": ("enotconn", "enotconn"),
}


@pytest.mark.parametrize(
    ("transport", "listens"),
    [
        (transport, listens)
        for transport in UNCONNECTED
        for listens in (False, True)
        if not (listens and transport.endswith("dgram"))
    ],
)
@in_runtime
async def test_a_socket_without_a_connection_is_refused(transport: str, listens: bool) -> None:
    domain, type = transport.split()
    receiving, sending = UNCONNECTED[transport]
    async with listener(domain, type) if listens else ok(socket.open(domain, type)) as sock:
        if receiving is not None:
            for name, function in RECEIVES.items():
                assert await function(sock) == Error(receiving)
                assert getattr(socket, f"{name}_nowait")(sock) == Error(receiving)
        for answer in await sends(sock):
            assert answer == Error(sending)


async def sends(sock: Socket) -> list[Any]:
    """The answers of all ways to send something short without a destination."""
    return [
        await socket.send(sock, b"x"),
        socket.send_nowait(sock, b"x"),
        await socket.sendmsg(sock, {"iov": [b"x"]}),
        socket.sendmsg_nowait(sock, {"iov": [b"x"]}),
        await socket.sendv(sock, [b"x"]),
        socket.sendv_nowait(sock, [b"x"]),
    ]


# --- the end --------------------------------------------------------------------------------------


@every_transport
@in_runtime
async def test_nothing_is_sent_once_the_write_side_is_shut_down(transport: str) -> None:
    async with channel(transport) as here:
        ok(socket.shutdown(here.sock, "write"))
        for answer in await sends(here.sock):
            assert answer == Error("epipe")
        await here.give(b"received all the same")
        assert await socket.recv(here.sock) == Ok(b"received all the same")


@every_connected_transport
@every_receive
@pytest.mark.parametrize("ends", ["the peer closes", "reading is shut down"])
@in_runtime
async def test_the_end_of_a_connection_wakes_all_who_wait(
    transport: str, name: str, ends: str
) -> None:
    async with channel(transport) as here, trio.open_nursery() as nursery:
        selected = getattr(socket, f"{name}_nowait")(here.sock)
        assert isinstance(selected, Select)
        outcomes = []
        for number in range(2):
            outcomes.append(Outcome(nursery, RECEIVES[name], here.sock))
            await readers(here.sock, number + 2)
        if ends == "the peer closes":
            here.peer.close()
        else:
            ok(socket.shutdown(here.sock, "read"))
        await receive(is_select_of(selected.info, here.sock))
        answers = [getattr(socket, f"{name}_nowait")(here.sock)]
        answers += [await outcome.get() for outcome in outcomes]
        if transport.endswith("stream"):
            assert answers == [Error("closed")] * 3
        else:  # it looks like an empty message
            assert [data_of(answer) for answer in answers] == [b""] * 3


# --- sending --------------------------------------------------------------------------------------


@every_transport
@in_runtime
async def test_nothing_is_sent_as_an_empty_message_or_not_at_all(transport: str) -> None:
    async with channel(transport) as here:
        for data in (b"", [], [b"", []]):
            assert await socket.send(here.sock, data) == Ok()
            assert socket.send_nowait(here.sock, data) == Ok()
        assert await socket.sendmsg(here.sock, {"iov": []}) == Ok()
        assert await socket.sendv(here.sock, []) == Ok()
        assert socket.info(here.sock).counters["write_pkg"] == 8
        ok(await socket.send(here.sock, b"x"))
        empty = [] if transport.endswith("stream") else [b""] * 8
        assert [here.peer.recv(10) for _ in (*empty, "x")] == [*empty, b"x"]


def crowd(sock: Socket) -> int:
    """Send numbered messages until there is no room; return how many have gone."""
    count = 0
    while not isinstance(answer := socket.send_nowait(sock, b"%06d" % count), Select):
        assert answer == Ok()
        count += 1
    assert answer.data is None
    ok(socket.cancel(sock, answer.info))
    return count


@pytest.mark.parametrize("transport", ["local dgram", "local seqpacket"])
@in_runtime
async def test_a_message_waits_for_room_and_keeps_its_place(transport: str) -> None:
    async with channel(transport) as here, trio.open_nursery() as nursery:
        sock, peer = here.sock, here.peer
        count = crowd(sock)
        assert count
        assert await socket.send(sock, b"late", timeout=0) == NOTHING_YET
        assert await socket.send(sock, b"late", timeout=0.01) == NOTHING_YET
        outcomes = []
        for n in range(3):
            outcomes.append(Outcome(nursery, socket.send, sock, b"%06d" % (count + n)))
            await writers(sock, n + 1)
        selected = socket.send_nowait(sock, b"%06d" % (count + 3))
        assert isinstance(selected, Select)
        assert selected.data is None
        received = [await trio.to_thread.run_sync(peer.recv, 100) for _ in range(count + 3)]
        assert [await outcome.get() for outcome in outcomes] == [Ok()] * 3
        await receive(is_select_of(selected.info, sock))
        assert socket.send_nowait(sock, b"%06d" % (count + 3), selected.info) == Ok()
        received.append(peer.recv(100))
        assert received == [b"%06d" % n for n in range(count + 4)]


# --- messages: one call, one message --------------------------------------------------------------


@every_message_transport
@in_runtime
async def test_one_call_receives_one_message(transport: str) -> None:
    async with channel(transport) as here:
        sock = here.sock
        await here.give(b"one", b"two", b"three", b"four", b"five")
        assert await socket.recv(sock) == Ok(b"one")
        assert await socket.recv(sock, 100) == Ok(b"two")
        assert socket.recv_nowait(sock, 100) == Ok(b"three")
        assert await socket.recvfrom(sock) == Ok((here.source, b"four"))
        assert await socket.recvmsg(sock) == Ok(Msg(here.addr, (b"five",), (), ()))
        assert await socket.recv(sock, timeout=0) == NOTHING_YET
        if transport.endswith("dgram"):  # the source can be answered to
            assert await socket.sendto(sock, b"answer", here.source) == Ok()
            assert here.peer.recvfrom(10)[0] == b"answer"


@every_message_transport
@in_runtime
async def test_a_blocked_receive_takes_a_message_shorter_than_its_length(transport: str) -> None:
    async with channel(transport) as here, trio.open_nursery() as nursery:
        outcome = Outcome(nursery, socket.recv, here.sock, 1000)
        await readers(here.sock)
        here.send(b"short")
        assert await outcome.get() == Ok(b"short")


@every_message_transport
@in_runtime
async def test_a_message_that_is_too_long_is_cut(transport: str) -> None:
    async with channel(transport) as here:
        sock = here.sock
        await here.give(b"abcdef", b"ghijkl", b"mnopqr", b"stuvwx", b"rest")
        assert await socket.recv(sock, 2) == Ok(b"ab")
        assert socket.recv_nowait(sock, 2) == Ok(b"gh")
        assert await socket.recvfrom(sock, 2) == Ok((here.source, b"mn"))
        assert await socket.recvmsg(sock, 2) == Ok(Msg(here.addr, (b"st",), (), ("trunc",)))
        assert await socket.recvmsg(sock, 4) == Ok(Msg(here.addr, (b"rest",), (), ()))


@every_message_transport
@every_receive
@in_runtime
async def test_the_flag_trunc_adds_nothing_to_the_data(transport: str, name: str) -> None:
    async with channel(transport) as here:
        await here.give(b"abcdef")
        assert data_of(await RECEIVES[name](here.sock, 2, flags=["trunc"])) == b"ab"


@every_message_transport
@pytest.mark.parametrize(
    ("rcvbuf", "size"), [(10, 10), ((3, 10), 10), ((5, "default"), 8192), ("default", 8192)]
)
@in_runtime
async def test_the_receive_buffer_is_for_one_message(
    transport: str, rcvbuf: Any, size: int
) -> None:
    async with channel(transport) as here:
        ok(socket.setopt(here.sock, "otp", "rcvbuf", rcvbuf))
        data = pattern(10_000)
        for function in RECEIVES.values():
            await here.give(data)
            answer: Any = await function(here.sock)
            assert data_of(answer) == data[:size]
            assert getattr(ok(answer), "flags", ("trunc",)) == ("trunc",)
        await here.give(data)
        assert await socket.recv(here.sock, 20_000) == Ok(data)


@every_message_transport
@in_runtime
async def test_an_empty_message_is_a_message(transport: str) -> None:
    async with channel(transport) as here:
        sock = here.sock
        await here.give(b"", b"", b"", b"", b"full")
        assert await socket.recv(sock) == Ok(b"")
        assert socket.recv_nowait(sock, 10) == Ok(b"")
        assert await socket.recvfrom(sock) == Ok((here.source, b""))
        assert await socket.recvmsg(sock) == Ok(Msg(here.addr, (b"",), (), ()))
        assert await socket.recv(sock) == Ok(b"full")


@every_message_transport
@in_runtime
async def test_peeking_at_a_message_leaves_it_where_it_is(transport: str) -> None:
    async with channel(transport) as here:
        sock = here.sock
        await here.give(b"abcdef", b"next")
        for _ in range(2):
            assert await socket.recv(sock, 0, ["peek"]) == Ok(b"abcdef")
            assert socket.recv_nowait(sock, 3, ["peek"]) == Ok(b"abc")
            assert await socket.recvfrom(sock, 2, ["peek"]) == Ok((here.source, b"ab"))
            cut = Msg(here.addr, (b"a",), (), ("trunc",))
            assert await socket.recvmsg(sock, 1, flags=["peek"]) == Ok(cut)
        assert await socket.recv(sock) == Ok(b"abcdef")
        assert await socket.recv(sock) == Ok(b"next")


@every_message_transport
@in_runtime
async def test_a_message_that_is_too_big_is_refused(transport: str) -> None:
    data = bytes(2**20 * 8)
    async with channel(transport) as here:
        assert await socket.send(here.sock, data) == Error("emsgsize")
        assert socket.send_nowait(here.sock, data) == Error("emsgsize")
        assert await socket.sendmsg(here.sock, {"iov": [data]}) == Error("emsgsize")
        assert await socket.send(here.sock, b"small") == Ok()
        assert here.peer.recv(100) == b"small"
