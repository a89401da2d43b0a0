"""setopt and getopt: every option of every level, by name and in native mode, on real sockets.

What a name means and which values it takes is tested with the tables (`test_options`); here
the functions and the socket around them are: what is set is in force, and every refusal has its
documented form.
"""

import os
import socket as stdlib
import struct
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import trio

from actorsock import Error, Ok, Pid, current_pid, ok, receive, send, socket, spawn
from actorsock.socket import ControlMessage, Linger, Membership, Membership6, Msg, Socket, TimeVal
from actorsock.socket.options import LEVELS, OTP_OPTIONS, Option, find, options

from .support_data import local_pair, tcp_pair

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the options are Linux's")

LACKING = Error("enoprotoopt")

# Where each level's options are at home: the kinds of socket to try, in this order.
KINDS: dict[str, tuple[Any, ...]] = {
    "tcp": ("inet", "stream", "tcp"),
    "udp": ("inet", "dgram", "udp"),
    "raw": ("inet", "raw", 253),
    "tcp6": ("inet6", "stream", "tcp"),
    "udp6": ("inet6", "dgram", "udp"),
    "raw6": ("inet6", "raw", 253),
    "router6": ("inet6", "raw", 255),
    "local": ("local", "stream"),
    "sctp": ("inet", "stream", "sctp"),
}
HOMES = {
    "socket": ("tcp", "udp", "local"),
    "ip": ("udp", "tcp", "raw"),
    "ipv6": ("udp6", "tcp6", "raw6", "router6"),
    "tcp": ("tcp",),
    "udp": ("udp",),
    "sctp": ("sctp",),
}

ALL = [option for level in LEVELS for option in options(level)]
GETTABLE = [option for option in ALL if option.decode and option.number is not None]
LACKED = [option for option in ALL if option.number is None or not (option.encode or option.decode)]
GET_ONLY = [option for option in ALL if option.decode and not option.encode]
SET_ONLY = [option for option in ALL if option.encode and not option.decode]


def key(option: Option) -> str:
    return f"{option.level}/{option.name}"


def opened(kind: str) -> Socket:
    match socket.open(*KINDS[kind]):
        case Ok(sock):
            return sock
        case Error("eperm" | "eafnosupport" | "eprotonosupport" | "esocktnosupport" as reason):
            pytest.skip(f"no {kind} socket here: {reason}")
        case result:
            raise AssertionError(result)


async def closed(kind: str) -> Socket:
    sock = opened(kind)
    ok(await socket.close(sock))
    return sock


async def in_another_process(function: Callable[[], Any]) -> Any:
    async def process(dest: Pid) -> None:
        send(dest, (current_pid(), function()))

    pid = spawn(process, current_pid())
    _, result = await receive(lambda message: isinstance(message, tuple) and message[0] is pid)
    return result


# --- the levels of the operating system ------------------------------------------------------


@pytest.mark.parametrize("option", GETTABLE, ids=key)
async def test_what_is_got_can_be_set_and_got_again(option: Option, runtime: None) -> None:
    # The kernel refuses some on every kind of socket that does nothing yet, and a few for good.
    for kind in HOMES[option.level]:
        sock = opened(kind)
        match socket.getopt(sock, option.level, option.name):
            case Ok(value):
                break
            case Error(reason):
                assert reason in ("enoprotoopt", "enotsup", "enotconn", "einval")
    else:
        return
    result = socket.setopt(sock, option.level, option.name, value)
    if option.encode is None:
        assert result == LACKING
    elif result == Ok():
        again = ok(socket.getopt(sock, option.level, option.name))
        doubled = option.name in ("rcvbuf", "sndbuf")
        assert again == (min(2 * value, again) if doubled else value)
    else:
        assert isinstance(result, Error)
        assert result.reason in ("einval", "eperm", "enoprotoopt", "enobufs")


@pytest.mark.parametrize(
    ("kind", "level", "name", "value", "native"),
    [
        ("tcp", "socket", "keepalive", True, 1),
        ("tcp", "socket", "linger", Linger(True, 5), struct.pack("@ii", 1, 5)),
        ("tcp", "socket", "linger", {"onoff": True, "linger": 5}, struct.pack("@ii", 1, 5)),
        ("tcp", "socket", "linger", "abort", struct.pack("@ii", 1, 0)),
        ("udp", "socket", "rcvtimeo", TimeVal(1, 500_000), struct.pack("@ll", 1, 500_000)),
        ("udp", "socket", "rcvtimeo", {"sec": 2, "usec": 0}, struct.pack("@ll", 2, 0)),
        ("udp", "socket", "bindtodevice", "lo", b"lo\0"),
        ("udp", "ip", "tos", "lowdelay", 0x10),
        ("udp", "ip", "mtu_discover", "do", 2),
        ("udp", "ip", "multicast_if", "loopback", bytes([127, 0, 0, 1])),
        ("udp6", "ipv6", "unicast_hops", 7, 7),
        ("udp6", "ipv6", "v6only", True, 1),
        ("tcp", "tcp", "nodelay", True, 1),
        ("tcp", "tcp", "keepidle", 60, 60),
        ("tcp", "tcp", "congestion", "reno", b"reno"),
        ("udp", "udp", "cork", True, 1),
    ],
)
async def test_both_modes_speak_of_the_same_option(
    kind: str, level: str, name: str, value: Any, native: int | bytes, runtime: None
) -> None:
    numbers = find(level, name)
    assert numbers.number is not None
    spec: Any = "integer" if isinstance(native, int) else 64
    by_name, by_number = opened(kind), opened(kind)
    ok(socket.setopt(by_name, level, name, value))
    ok(socket.setopt(by_number, numbers.level_number, numbers.number, native))
    named = ok(socket.getopt(by_name, level, name))
    assert ok(socket.getopt(by_number, level, name)) == named
    for sock in (by_name, by_number):
        for lvl, opt in (
            (numbers.level_number, numbers.number),
            (level, numbers.number),
            (level, name),
        ):
            raw = ok(socket.getopt(sock, lvl, (opt, spec)))
            if isinstance(raw, bytes):
                assert isinstance(native, bytes)
                assert raw.startswith(native)
            else:
                assert raw == native


async def test_a_value_is_read_as_it_is_asked_for(runtime: None) -> None:
    sock = opened("tcp")
    ok(socket.setopt(sock, "socket", 9, True))
    assert socket.getopt(sock, "socket", (9, "integer")) == Ok(1)
    assert socket.getopt(sock, "socket", ("keepalive", int)) == Ok(1)
    assert socket.getopt(sock, 1, (9, "boolean")) == Ok(True)
    assert socket.getopt(sock, 1, (9, bool)) == Ok(True)
    assert socket.getopt(sock, 1, (9, 4)) == Ok(struct.pack("@i", 1))
    assert socket.getopt(sock, 1, (9, 1)) == Ok(b"\1")
    assert socket.getopt(sock, 1, (9, 2000)) == Ok(struct.pack("@i", 1))
    assert socket.getopt(sock, 1, (9, bytes(4))) == Ok(struct.pack("@i", 1))
    assert socket.getopt(sock, 1, (9, b"")) == Ok(b"")
    assert socket.getopt(sock, 1, (9, 0)) == Error("efault")
    assert socket.getopt(sock, 1, (9, -1)) == Error("einval")


async def test_the_native_mode_has_what_names_do_not_announce(runtime: None) -> None:
    left, _ = local_pair()
    pid, uid, gid = struct.unpack("@iII", ok(socket.getopt(left, "socket", (17, 12))))
    assert (pid, uid, gid) == (os.getpid(), os.getuid(), os.getgid())
    assert ok(socket.getopt(left, "socket", ("peek_off", "integer"))) == -1
    sock = opened("tcp")
    assert ok(socket.getopt(sock, "TCP", ("nodelay", "boolean"))) is False
    ok(socket.setopt(sock, "tcp", 1, True))
    assert ok(socket.getopt(sock, "tcp", (1, "integer"))) == 1


@pytest.mark.parametrize("option", LACKED, ids=key)
async def test_what_this_platform_lacks(option: Option, runtime: None) -> None:
    sock = opened("tcp")
    assert socket.getopt(sock, option.level, option.name) == LACKING
    assert socket.setopt(sock, option.level, option.name, True) == LACKING


@pytest.mark.parametrize("option", GET_ONLY, ids=key)
async def test_what_can_only_be_got(option: Option, runtime: None) -> None:
    sock = opened("tcp")
    assert socket.setopt(sock, option.level, option.name, 1) == LACKING


@pytest.mark.parametrize("option", SET_ONLY, ids=key)
async def test_what_can_only_be_set(option: Option, runtime: None) -> None:
    sock = opened("tcp")
    assert socket.getopt(sock, option.level, option.name) == LACKING


@pytest.mark.parametrize("option", ALL, ids=key)
async def test_on_a_closed_socket_every_option_is_closed(option: Option, runtime: None) -> None:
    sock = await closed("tcp")
    assert socket.getopt(sock, option.level, option.name) == Error("closed")
    if option.encode is None:
        assert socket.setopt(sock, option.level, option.name, 1) == Error("closed")


@pytest.mark.parametrize("option", [o for o in ALL if o.encode], ids=key)
async def test_a_wrong_value_is_refused_before_anything_else(option: Option, runtime: None) -> None:
    sock = opened("tcp")
    gone = await closed("tcp")
    for where in (sock, gone):
        for wrong in (3.5, object(), ["x"]):
            with pytest.raises(TypeError, match=f"option {key(option)}: .* accepted: "):
                socket.setopt(where, option.level, option.name, wrong)


async def test_booleans_are_booleans_and_numbers_fit(runtime: None) -> None:
    sock = opened("tcp")
    for wrong in (1, 0, None, "true"):
        with pytest.raises(TypeError, match="socket/keepalive"):
            socket.setopt(sock, "socket", "keepalive", wrong)
    with pytest.raises(TypeError, match="socket/rcvbuf"):
        socket.setopt(sock, "socket", "rcvbuf", True)
    with pytest.raises(ValueError, match="C int"):
        socket.setopt(sock, "socket", "rcvbuf", 2**31)
    with pytest.raises(ValueError, match="C int"):
        socket.setopt(sock, "socket", 8, 2**31)
    with pytest.raises(ValueError, match="'linger' is missing"):
        socket.setopt(sock, "socket", "linger", {"onoff": True})


@pytest.mark.parametrize(
    ("level", "option", "kind", "says"),
    [
        ("foo", "keepalive", ValueError, "level: 'foo'"),
        ("socket", "foo", ValueError, "option: 'foo' is unknown"),
        ("ipv6", "pktinfo", ValueError, "option: 'pktinfo' is unknown"),
        ("otp", "foo", ValueError, "option: 'foo' is unknown"),
        ("otp", "assoc_id", ValueError, "option: 'assoc_id' is unknown"),
        ("otp", "sndbuf", ValueError, "option: 'sndbuf' is unknown"),
        ("otp", 1, TypeError, "option: 1 is not a str"),
        (1, "keepalive", Exception, "option"),
        (None, "keepalive", TypeError, "level|option"),
        ("socket", None, TypeError, "option"),
    ],
)
async def test_an_unknown_option_is_a_mistake(
    level: Any, option: Any, kind: type[Exception], says: str, runtime: None
) -> None:
    for sock in (opened("tcp"), await closed("tcp")):
        with pytest.raises(kind, match=says):
            socket.setopt(sock, level, option, 1)
        with pytest.raises(kind, match=says):
            socket.getopt(sock, level, option)


@pytest.mark.parametrize(
    ("level", "option", "kind", "says"),
    [
        ("otp", ("rcvbuf", 4), TypeError, "option"),
        ("foo", (1, "integer"), ValueError, "level: 'foo' is unknown"),
        ("socket", ("foo", "integer"), ValueError, "option: 'foo' is unknown"),
        ("socket", (1,), ValueError, "option: expected"),
        ("socket", 1, TypeError, "native mode takes"),
        (1, ("keepalive", "integer"), ValueError, "option: 'keepalive' is a name"),
        (1, (9, "word"), ValueError, "value spec: 'word' is refused"),
        (1, (9, None), TypeError, "value spec: None is refused"),
        (2**31, (9, 4), ValueError, "level"),
        (1, (2**31, 4), ValueError, "option"),
        (True, (9, 4), TypeError, "level"),
    ],
)
async def test_a_malformed_native_question_is_a_mistake(
    level: Any, option: Any, kind: type[Exception], says: str, runtime: None
) -> None:
    for sock in (opened("tcp"), await closed("tcp")):
        with pytest.raises(kind, match=says):
            socket.getopt(sock, level, option)


async def test_a_native_value_is_a_number_or_bytes(runtime: None) -> None:
    sock = opened("tcp")
    for wrong in (None, "1", 1.0, [1]):
        with pytest.raises(TypeError, match=r"value: .* is refused"):
            socket.setopt(sock, 1, 9, wrong)
    ok(socket.setopt(sock, 1, 9, bytearray(struct.pack("@i", 1))))
    ok(socket.setopt(sock, 1, 9, memoryview(struct.pack("@i", 1))))
    assert ok(socket.getopt(sock, "socket", "keepalive")) is True


async def test_only_a_socket_has_options(runtime: None) -> None:
    for wrong in (None, 3, "socket"):
        with pytest.raises(TypeError, match="sock: expected a Socket"):
            socket.setopt(wrong, "socket", "keepalive", True)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="sock: expected a Socket"):
            socket.getopt(wrong, "socket", "keepalive")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "level", "name", "value", "reason"),
    [
        ("tcp", "udp", "cork", True, ("enoprotoopt", "enotsup")),
        ("local", "ip", "ttl", 64, ("enotsup",)),
        ("udp", "ipv6", "unicast_hops", 4, ("enoprotoopt", "enotsup")),
        ("udp", "ip", "ttl", 256, ("einval",)),
        ("udp", "socket", "bindtodevice", "no-such-device", ("enodev",)),
        ("tcp", "tcp", "congestion", "no-such-one", ("enoent",)),
        ("udp", "ip", "hdrincl", True, ("enoprotoopt",)),
        ("udp6", "ipv6", "mtu", 1279, ("einval",)),
        ("udp", "ip", "add_membership", Membership("1.2.3.4", "any"), ("einval",)),
    ],
)
async def test_what_the_kernel_refuses(
    kind: str, level: str, name: str, value: Any, reason: tuple[str, ...], runtime: None
) -> None:
    result = socket.setopt(opened(kind), level, name, value)
    assert isinstance(result, Error)
    assert result.reason in reason


async def test_a_group_is_joined_by_record_or_dict(runtime: None) -> None:
    sock = opened("udp")
    group = {"multiaddr": (224, 1, 2, 3), "interface": "loopback", "more": "ignored"}
    assert socket.setopt(sock, "ip", "add_membership", group) == Ok()
    record = Membership("224.1.2.3", "127.0.0.1")
    assert socket.setopt(sock, "ip", "add_membership", record) == Error("eaddrinuse")
    assert socket.setopt(sock, "ip", "drop_membership", record) == Ok()
    assert socket.setopt(sock, "ip", "drop_membership", group) == Error("eaddrnotavail")
    six = opened("udp6")
    lo = stdlib.if_nametoindex("lo")
    assert socket.setopt(six, "ipv6", "join_group", Membership6("ff02::fb", lo)) == Ok()
    leave = {"multiaddr": "ff02::fb", "interface": lo}
    assert socket.setopt(six, "ipv6", "drop_membership", leave) == Ok()


@pytest.mark.parametrize(
    ("kind", "level", "name"), [("udp", "ip", "tos"), ("udp6", "ipv6", "tclass")]
)
async def test_the_priority_of_packets_survives_another_option(
    kind: str, level: str, name: str, runtime: None
) -> None:
    sock = opened(kind)
    ok(socket.setopt(sock, "socket", "priority", 5))
    ok(socket.setopt(sock, level, name, 0x10))
    assert socket.getopt(sock, "socket", "priority") == Ok(5)
    assert socket.getopt(sock, level, (name, "integer")) == Ok(0x10)


async def test_any_process_may_set_options_of_the_kernel(runtime: None) -> None:
    sock = opened("tcp")
    set_ = await in_another_process(lambda: socket.setopt(sock, "tcp", "nodelay", True))
    assert set_ == Ok()
    got = await in_another_process(lambda: socket.getopt(sock, "tcp", "nodelay"))
    assert got == Ok(True)


async def test_reading_the_pending_error_clears_it(runtime: None) -> None:
    free = opened("udp")
    ok(socket.bind(free, "loopback"))
    nobody = ok(socket.sockname(free))
    ok(await socket.close(free))
    sock = opened("udp")
    ok(await socket.connect(sock, nobody))
    ok(await socket.send(sock, b"x"))
    assert ok(socket.getopt(sock, "socket", (4, "integer"))) in (0, 111)
    assert socket.getopt(sock, "socket", "error") == Ok(0)


# --- level otp: the library's own ------------------------------------------------------------

OTP_DEFAULTS = {
    "debug": False,
    "iow": False,
    "rcvbuf": 8192,
    "rcvctrlbuf": 1024,
    "sndctrlbuf": 1024,
    "meta": None,
    "use_registry": True,
    "domain": "inet",
    "type": "stream",
    "protocol": "tcp",
    "select_read": False,
}


async def test_what_a_new_socket_has(runtime: None) -> None:
    sock = opened("tcp")
    got = {name: ok(socket.getopt(sock, "otp", name)) for name in OTP_OPTIONS}
    assert got.pop("controlling_process") is current_pid()
    fd = got.pop("fd")
    assert os.readlink(f"/proc/self/fd/{fd}").startswith("socket:")
    assert got == OTP_DEFAULTS


@pytest.mark.parametrize(
    ("name", "value", "reads"),
    [
        ("debug", True, True),
        ("iow", True, True),
        ("rcvbuf", 100, 100),
        ("rcvbuf", "default", 8192),
        ("rcvbuf", (1, 100), (1, 100)),
        ("rcvbuf", (3, "default"), (3, 8192)),
        ("rcvctrlbuf", 100, 100),
        ("rcvctrlbuf", "default", 1024),
        ("sndctrlbuf", 100, 100),
        ("sndctrlbuf", "default", 1024),
        ("meta", {"any": "thing"}, {"any": "thing"}),
        ("use_registry", True, True),
        ("select_read", True, True),
    ],
)
async def test_what_is_set_is_got(name: str, value: Any, reads: Any, runtime: None) -> None:
    for kind in ("tcp", "udp"):
        sock = opened(kind)
        assert socket.setopt(sock, "otp", name, value) == Ok()
        assert socket.getopt(sock, "otp", name) == Ok(reads)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("debug", 1),
        ("iow", "true"),
        ("rcvbuf", 0),
        ("rcvbuf", -1),
        ("rcvbuf", 2**31),
        ("rcvbuf", True),
        ("rcvbuf", "foo"),
        ("rcvbuf", (1,)),
        ("rcvbuf", (0, 100)),
        ("rcvbuf", (1, 0)),
        ("rcvbuf", ("default", 100)),
        ("rcvctrlbuf", 0),
        ("rcvctrlbuf", (1, 100)),
        ("sndctrlbuf", -1),
        ("use_registry", False),
        ("use_registry", 1),
        ("select_read", 1),
        ("controlling_process", "me"),
        ("controlling_process", None),
    ],
)
async def test_a_wrong_value_of_level_otp(name: str, value: Any, runtime: None) -> None:
    sock = opened("tcp")
    before = socket.getopt(sock, "otp", name)
    for where in (sock, await closed("tcp")):
        with pytest.raises((TypeError, ValueError), match=rf"{name}|value"):
            socket.setopt(where, "otp", name, value)
    assert socket.getopt(sock, "otp", name) == before


@pytest.mark.parametrize("name", ["fd", "domain", "type", "protocol"])
async def test_what_follows_from_the_socket_cannot_be_set(name: str, runtime: None) -> None:
    assert socket.setopt(opened("tcp"), "otp", name, 1) == LACKING
    assert socket.setopt(await closed("tcp"), "otp", name, 1) == Error("closed")


async def test_level_otp_of_a_closed_socket(runtime: None) -> None:
    sock = await closed("tcp")
    for name in OTP_OPTIONS:
        expected = Ok(True) if name == "use_registry" else Error("closed")
        assert socket.getopt(sock, "otp", name) == expected
    assert socket.setopt(sock, "otp", "debug", True) == Error("closed")
    assert socket.setopt(sock, "otp", "meta", 1) == Error("closed")


async def test_meta_is_read_by_all_and_set_by_the_owner(runtime: None) -> None:
    sock = opened("tcp")
    ok(socket.setopt(sock, "otp", "meta", "mine"))
    assert await in_another_process(lambda: socket.getopt(sock, "otp", "meta")) == Ok("mine")
    refused = await in_another_process(lambda: socket.setopt(sock, "otp", "meta", "theirs"))
    assert refused == Error("not_owner")
    assert socket.getopt(sock, "otp", "meta") == Ok("mine")


async def test_everything_else_of_level_otp_is_for_any_process(runtime: None) -> None:
    sock = opened("tcp")
    for name, value in (("rcvbuf", 10), ("rcvctrlbuf", 10), ("iow", True), ("use_registry", True)):
        result = await in_another_process(partial(socket.setopt, sock, "otp", name, value))
        assert result == Ok()
        assert socket.getopt(sock, "otp", name) == Ok(value)


async def test_a_socket_is_given_away_by_its_owner_alone(runtime: None) -> None:
    sock = opened("tcp")
    me = current_pid()
    stranger = await in_another_process(
        lambda: socket.setopt(sock, "otp", "controlling_process", current_pid())
    )
    assert stranger == Error("not_owner")
    assert socket.setopt(sock, "otp", "controlling_process", me) == Ok()

    async def heir(dest: Pid) -> None:
        await receive("yours".__eq__)
        send(dest, socket.setopt(sock, "otp", "meta", "heir's"))
        send(dest, socket.setopt(sock, "otp", "controlling_process", dest))
        await receive()

    pid = spawn(heir, me)
    assert socket.setopt(sock, "otp", "controlling_process", pid) == Ok()
    assert socket.getopt(sock, "otp", "controlling_process") == Ok(pid)
    assert socket.setopt(sock, "otp", "meta", "mine") == Error("not_owner")
    send(pid, "yours")
    assert await receive() == Ok()
    assert await receive() == Ok()
    assert socket.getopt(sock, "otp", "controlling_process") == Ok(me)
    assert socket.getopt(sock, "otp", "meta") == Ok("heir's")
    send(pid, "end")


async def test_an_accepted_socket_inherits_all_but_meta_and_owner(runtime: None) -> None:
    listener = opened("tcp")
    inherited = {"rcvbuf": (2, 50), "rcvctrlbuf": 60, "sndctrlbuf": 70, "iow": True}
    for name, value in inherited.items():
        ok(socket.setopt(listener, "otp", name, value))
    ok(socket.setopt(listener, "otp", "meta", "the listener's"))
    ok(socket.bind(listener, "loopback"))
    ok(socket.listen(listener))
    client = opened("tcp")
    ok(await socket.connect(client, ok(socket.sockname(listener))))

    async def acceptor(dest: Pid) -> None:
        sock = ok(await socket.accept(listener))
        send(dest, ok(socket.getopt(sock, "otp", "controlling_process")) is current_pid())
        send(dest, sock)
        await receive()

    pid = spawn(acceptor, current_pid())
    assert await receive() is True
    accepted = await receive()
    assert {name: ok(socket.getopt(accepted, "otp", name)) for name in inherited} == inherited
    assert socket.getopt(accepted, "otp", "meta") == Ok(None)
    send(pid, "end")


# --- what rcvbuf does to recv ----------------------------------------------------------------


async def all_there(sock: Socket, count: int) -> None:
    """Wait until `count` bytes have arrived."""
    ok(socket.setopt(sock, "socket", "rcvlowat", count))
    with stdlib.socket(fileno=os.dup(ok(socket.getopt(sock, "otp", "fd")))) as same:
        await trio.lowlevel.wait_readable(same)
    ok(socket.setopt(sock, "socket", "rcvlowat", 1))


async def test_without_a_length_recv_reads_once_at_most_rcvbuf(runtime: None) -> None:
    left, right = local_pair()
    ok(await socket.send(left, bytes(20_000)))
    assert [len(ok(await socket.recv(right))) for _ in range(3)] == [8192, 8192, 3616]


@pytest.mark.parametrize(
    ("rcvbuf", "chunks"),
    [
        (1_000, [1_000, 1_000, 500]),
        ((2, 1_000), [2_000, 500]),
        ((3, 1_000), [2_500]),
        ((9, 1_000), [2_500]),
        ((1, 2_000), [2_000, 500]),
        ((5, 500), [2_500]),
    ],
)
async def test_a_pair_allows_several_reads(rcvbuf: Any, chunks: list[int], runtime: None) -> None:
    left, right = local_pair()
    ok(socket.setopt(right, "otp", "rcvbuf", rcvbuf))
    data = os.urandom(2_500)
    ok(await socket.send(left, data))
    got: Any = [socket.recv_nowait(right) for _ in chunks]
    assert [len(result.value) for result in got] == chunks
    assert b"".join(result.value for result in got) == data
    ok(await socket.send(left, data))
    got = [await socket.recv(right, timeout=0) for _ in chunks]
    assert [len(result.value) for result in got] == chunks
    assert b"".join(result.value for result in got) == data


async def test_a_pair_and_nothing_more_after_a_full_read(runtime: None) -> None:
    left, right = local_pair()
    ok(socket.setopt(right, "otp", "rcvbuf", (4, 100)))
    ok(await socket.send(left, bytes(200)))
    assert len(ok(await socket.recv(right))) == 200


async def test_a_pair_that_meets_the_end(runtime: None) -> None:
    left, right = local_pair()
    ok(socket.setopt(right, "otp", "rcvbuf", (4, 100)))
    ok(await socket.send(left, bytes(200)))
    ok(socket.shutdown(left, "write"))
    assert await socket.recv(right) == Error("closed", bytes(200))
    assert await socket.recv(right) == Error("closed")


async def test_a_full_read_before_the_end_without_a_pair(runtime: None) -> None:
    left, right = local_pair()
    ok(socket.setopt(right, "otp", "rcvbuf", 200))
    ok(await socket.send(left, bytes(200)))
    ok(socket.shutdown(left, "write"))
    assert await socket.recv(right) == Ok(bytes(200))
    assert await socket.recv(right) == Error("closed")


async def test_rcvbuf_over_tcp(runtime: None) -> None:
    client, server = await tcp_pair()
    ok(socket.setopt(server, "otp", "rcvbuf", (3, 1_000)))
    ok(await socket.send(client, bytes(5_000)))
    await all_there(server, 5_000)
    assert [len(ok(await socket.recv(server))) for _ in range(2)] == [3_000, 2_000]


async def test_a_length_may_exceed_rcvbuf(runtime: None) -> None:
    left, right = local_pair()
    ok(socket.setopt(right, "otp", "rcvbuf", 10))
    ok(await socket.send(left, bytes(1_000)))
    assert len(ok(await socket.recv(right, 1_000))) == 1_000


async def test_rcvbuf_is_the_buffer_of_a_message(runtime: None) -> None:
    left, right = local_pair(stdlib.SOCK_DGRAM)
    for rcvbuf in (4, (3, 4)):
        ok(socket.setopt(right, "otp", "rcvbuf", rcvbuf))
        for _ in range(3):
            ok(await socket.send(left, b"abcdefgh"))
        assert ok(await socket.recv(right)) == b"abcd"
        assert ok(await socket.recvfrom(right))[1] == b"abcd"
        msg = ok(await socket.recvmsg(right))
        assert (msg.iov, msg.flags) == ((b"abcd",), ("trunc",))


# --- what the control buffers do -------------------------------------------------------------


def types_of(msg: Msg) -> list[str | int]:
    return [message.type for message in msg.ctrl if isinstance(message, ControlMessage)]


async def test_rcvctrlbuf_is_the_room_for_control_messages(runtime: None) -> None:
    sender, receiver = opened("udp"), opened("udp")
    ok(socket.bind(receiver, "loopback"))
    ok(socket.setopt(receiver, "ip", "recvttl", True))
    ok(socket.setopt(receiver, "ip", "recvtos", True))
    there = ok(socket.sockname(receiver))
    for rcvctrlbuf, types, flags in (
        ("default", ["ttl", "tos"], ()),
        (stdlib.CMSG_SPACE(4), ["ttl"], ("ctrunc",)),
        (1, [], ("ctrunc",)),
    ):
        ok(socket.setopt(receiver, "otp", "rcvctrlbuf", rcvctrlbuf))
        ok(await socket.sendto(sender, b"x", there))
        msg = ok(await socket.recvmsg(receiver))
        assert (types_of(msg), msg.flags) == (types, flags)
        # A size given with the call wins.
        ok(await socket.sendto(sender, b"x", there))
        msg = ok(await socket.recvmsg(receiver, 0, 100))
        assert (types_of(msg), msg.flags) == (["ttl", "tos"], ())


async def test_sndctrlbuf_is_the_room_for_those_that_are_sent(runtime: None) -> None:
    sender, receiver = opened("udp"), opened("udp")
    ok(socket.bind(receiver, "loopback"))
    there = ok(socket.sockname(receiver))
    ttl = {"level": "ip", "type": "ttl", "value": 9}
    msg = {"addr": there, "iov": [b"x"], "ctrl": [ttl, ttl]}
    ok(socket.setopt(sender, "otp", "sndctrlbuf", 2 * stdlib.CMSG_SPACE(4)))
    ok(await socket.sendmsg(sender, msg))
    ok(socket.setopt(sender, "otp", "sndctrlbuf", 2 * stdlib.CMSG_SPACE(4) - 1))
    with pytest.raises(ValueError, match=r"ctrl needs 48 bytes, and .* sndctrlbuf allows 47"):
        await socket.sendmsg(sender, msg)
    ok(socket.setopt(sender, "otp", "sndctrlbuf", "default"))
    ok(await socket.sendmsg(sender, msg))


# --- what linger does ------------------------------------------------------------------------


async def test_linger_abort_resets_the_connection(runtime: None) -> None:
    client, server = await tcp_pair()
    ok(socket.setopt(client, "socket", "linger", "abort"))
    assert socket.getopt(client, "socket", "linger") == Ok(Linger(True, 0))
    ok(await socket.close(client))
    assert await socket.recv(server) == Error("econnreset")
    assert await socket.recv(server) == Error("closed")
