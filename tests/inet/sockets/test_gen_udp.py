"""Sockets of gen_udp: destinations, modes, ancillary data, multicast."""

import socket
from pathlib import Path
from typing import Any

import pytest

from actorsock import (
    Error,
    Ok,
    current_pid,
    exit,
    gen_udp,
    inet,
    ok,
    receive,
    spawn,
    spawn_handler,
)
from actorsock.gen_udp import UdpSocket
from actorsock.inet import Udp, UdpError, UdpPassive

from ...stories import in_runtime, until
from .support import LOOPBACK, at_rest, every_body, mail_of


def opened(**options: Any) -> tuple[UdpSocket, int]:
    """Open a socket; return it with its port."""
    sock = ok(gen_udp.open(0, {"ip": LOOPBACK, "active": False, **options}))
    return sock, ok(inet.port(sock))


@in_runtime
async def test_an_owner_that_handles_datagrams_in_place_sets_the_mode_anew() -> None:
    seen: list[Any] = []

    def handles(message: Any) -> None:
        seen.append(message.data if isinstance(message, Udp) else type(message))
        if len(seen) < 3:
            ok(inet.setopts(other, {"active": mode}))

    for mode, wanted in (
        ("once", [b"a", b"b", b"c"]),
        (1, [b"a", UdpPassive, b"b", b"c", UdpPassive]),
    ):
        one, _ = opened()
        other, there = opened()
        ok(gen_udp.controlling_process(other, spawn_handler(handles)))
        ok(inet.setopts(other, {"active": mode}))
        for data in (b"a", b"b", b"c"):
            ok(await gen_udp.send(one, LOOPBACK, there, data))
        await at_rest()
        assert seen == wanted
        seen.clear()
        await gen_udp.close(one)
        await gen_udp.close(other)


@every_body
@in_runtime
async def test_datagrams_come_as_messages_until_the_count_is_0(light: bool) -> None:
    async def owner() -> None:
        one, port = opened()
        other, there = opened(active=2)
        for data in (b"a", b"", b"b"):
            ok(await gen_udp.send(one, LOOPBACK, there, data))
        assert await receive() == Udp(other, LOOPBACK, port, b"a")
        assert await receive() == Udp(other, LOOPBACK, port, b"")
        assert await receive() == UdpPassive(other)
        assert await gen_udp.recv(other) == Ok((LOOPBACK, port, b"b"))
        send_to_self.append(current_pid())

    send_to_self: list[Any] = []
    spawn(owner, light=light)
    await until(lambda: send_to_self)


@in_runtime
async def test_every_form_of_send() -> None:
    one, port = opened()
    other, there = opened()
    forms: list[tuple[Any, ...]] = [
        ("localhost", there),
        ((LOOPBACK, there),),
        (("inet", ("loopback", there)),),
        ({"family": "inet", "addr": LOOPBACK, "port": there},),
        (LOOPBACK, there, [("ttl", 9)]),
        ((LOOPBACK, there), {"tos": 16}),
    ]
    for form in forms:
        ok(await gen_udp.send(one, *form, [b"da", b"ta"]))
        assert await gen_udp.recv(other, 0, 5) == Ok((LOOPBACK, port, b"data"))
    assert await gen_udp.send(one, b"data") == Error("einval")
    assert await gen_udp.send(one, LOOPBACK, there, [("what", 1)], b"data") == Error("einval")
    assert await gen_udp.send(one, ("inet6", ("::1", there)), b"data") == Error("eafnosupport")
    ok(await gen_udp.connect(one, LOOPBACK, there))
    ok(await gen_udp.send(one, b"data"))
    assert await gen_udp.recv(other, 0, 5) == Ok((LOOPBACK, port, b"data"))


@in_runtime
async def test_ancillary_data_comes_with_a_datagram() -> None:
    one, port = opened()
    other, there = opened(recvttl=True, recvtos=True)
    ok(await gen_udp.send(one, LOOPBACK, there, [("ttl", 9), ("tos", 16)], b"x"))
    extra = (("ttl", 9), ("tos", 16))
    assert await gen_udp.recv(other, 0, 5) == Ok((LOOPBACK, port, extra, b"x"))
    ok(inet.setopts(other, {"active": "once"}))
    ok(await gen_udp.send(one, LOOPBACK, there, b"y"))
    message = await receive(Udp)
    assert message == Udp(other, LOOPBACK, port, b"y", (("ttl", 64), ("tos", 0)))
    ok(inet.setopts(other, {"recvttl": False, "recvtos": False, "active": "once"}))
    ok(await gen_udp.send(one, LOOPBACK, there, b"z"))
    assert await receive(Udp) == Udp(other, LOOPBACK, port, b"z")


@in_runtime
async def test_a_refusal_is_a_message_and_counts_for_nothing() -> None:
    one, _ = opened(active="once")
    other, there = opened()
    ok(await gen_udp.connect(one, LOOPBACK, there))
    ok(await gen_udp.close(other))
    ok(await gen_udp.send(one, b"x"))
    assert await receive() == UdpError(one, "econnrefused")
    assert inet.getopts(one, ["active"]) == Ok({"active": "once"})


@in_runtime
async def test_a_datagram_is_cut_to_the_buffer() -> None:
    one, port = opened()
    other, there = opened(buffer=3)
    ok(await gen_udp.send(one, LOOPBACK, there, b"abcdef"))
    assert await gen_udp.recv(other, 100) == Ok((LOOPBACK, port, b"abc"))
    assert await gen_udp.send(one, LOOPBACK, there, bytes(65508)) == Error("emsgsize")


_INDEX_OF_LO = socket.if_nametoindex("lo")


@pytest.mark.parametrize(
    ("joins", "leaves", "of"),
    [
        ("add_membership", "drop_membership", ("239.1.2.3", LOOPBACK)),
        ("add_membership", "drop_membership", ("239.1.2.3", "any", _INDEX_OF_LO)),
        ("add_source_membership", "drop_source_membership", ("232.1.2.3", LOOPBACK, LOOPBACK)),
    ],
    ids=["by address", "by index", "of one source"],
)
@in_runtime
async def test_members_of_a_multicast_group_receive(joins: str, leaves: str, of: Any) -> None:
    listening = ok(gen_udp.open(0, {joins: of, "active": False, "reuseaddr": True}))
    one, _ = opened(multicast_if=LOOPBACK)
    ok(await gen_udp.send(one, of[0], ok(inet.port(listening)), b"all"))
    match await gen_udp.recv(listening, 0, 5):
        case Ok((_, _, data)):
            assert data == b"all"
        case Error("timeout"):
            pytest.skip("no multicast over the loopback interface here")
    ok(inet.setopts(listening, {leaves: of}))


@in_runtime
async def test_what_has_not_been_joined_cannot_be_left() -> None:
    sock, _ = opened()
    source = ("232.1.2.3", LOOPBACK, LOOPBACK)
    assert inet.setopts(sock, {"drop_source_membership": source}) == Error("einval")
    assert inet.setopts(sock, {"drop_membership": ("239.1.2.3", LOOPBACK)}) == Ok()  # as in Erlang


@in_runtime
async def test_local_datagrams(tmp_path: Path) -> None:
    path = str(tmp_path / "u")
    other = ok(gen_udp.open(0, {"ip": ("local", path), "active": False}))
    one = ok(gen_udp.open(0, ["local"]))
    ok(await gen_udp.send(one, ("local", path), b"x"))
    assert await gen_udp.recv(other, 0, 5) == Ok((("unspec", b""), 0, b"x"))
    ok(await gen_udp.send(one, ("local", path), 0, b"y"))
    assert await gen_udp.recv(other, 0, 5) == Ok((("unspec", b""), 0, b"y"))


@every_body
@in_runtime
async def test_a_datagram_for_a_reader_that_is_killed_is_the_next_one(light: bool) -> None:
    one, port = opened()
    other, there = opened()
    pid = spawn(gen_udp.recv, other, light=light)
    await at_rest()
    for data in (b"first", b"second"):
        one._actor.send(data, (LOOPBACK, there))
    other._actor.on_ready(True, False, False)  # has a result from here on, and has not run
    exit(pid, "kill")
    for data in (b"first", b"second"):
        assert await gen_udp.recv(other, 0, 5) == Ok((LOOPBACK, port, data))


@pytest.mark.parametrize("asks", [True, False], ids=["later asked for", "asked for before"])
@in_runtime
async def test_a_datagram_given_back_keeps_its_ancillary_data(asks: bool) -> None:
    one, port = opened()
    other, there = opened(recvttl=not asks)
    pid = spawn(gen_udp.recv, other)
    await at_rest()
    one._actor.send(b"x", (LOOPBACK, there))
    other._actor.on_ready(True, False, False)
    exit(pid, "kill")
    await at_rest()
    ok(inet.setopts(other, {"recvttl": asks, "active": "once"}))
    extra = None if asks else (("ttl", 64),)
    assert await receive(Udp) == Udp(other, LOOPBACK, port, b"x", extra)


@in_runtime
async def test_datagrams_in_the_mailbox_go_with_the_socket() -> None:
    one, port = opened()
    other, there = opened(active=True)
    ok(await gen_udp.send(one, LOOPBACK, there, b"x"))
    await until(lambda: mail_of(current_pid()))
    heard: list[Any] = []

    async def heir() -> None:
        heard.append(await receive())

    assert gen_udp.controlling_process(other, spawn(heir)) == Ok()
    await until(lambda: heard)
    assert heard == [Udp(other, LOOPBACK, port, b"x")]
    await until(lambda: inet.info(other).states == ("closed",))
