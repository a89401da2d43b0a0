"""setopt and getopt on real sockets: the options of the operating system, and native mode."""

import os
import socket as stdlib
import struct
import sys
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import attrs
import pytest

from actorsock import Error, Ok, ok, socket
from actorsock.socket import (
    ControlMessage,
    Credentials,
    IpPktInfo,
    Linger,
    Membership,
    Membership6,
    MsgFilter,
    SctpInitMsg,
    Socket,
    SourceMembership,
    TcpInfo,
    TimeVal,
)
from actorsock.socket.options import LEVELS, Option, find, options

from ..support_data import local_pair, tcp_pair
from .sockets import closed, in_another_process, opened

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the options are Linux's")

LACKING = Error("enoprotoopt")
INT_MAX = 2**31 - 1
LO = stdlib.if_nametoindex("lo") if sys.platform == "linux" else 1

# The kinds of socket to try for a level, in this order.
HOMES = {
    "socket": ("tcp", "udp", "local"),
    "ip": ("udp", "tcp", "raw"),
    "ipv6": ("udp6", "tcp6", "raw6", "router6"),
    "tcp": ("tcp",),
    "udp": ("udp",),
    "sctp": ("sctp",),
}

ALL = [option for level in LEVELS for option in options(level)]


def key(option: Option) -> str:
    return f"{option.level}/{option.name}"


every_option = pytest.mark.parametrize("option", ALL, ids=key)

# --- what is set is read back ---------------------------------------------------------------------


@attrs.frozen
class Becomes:
    """A value that is read back as another one."""

    given: Any
    read: Any


NOT_READ: Any = object()
"""Instead of a default that depends on the machine, or that another row has."""


def flags(kind: str, level: str, names: str) -> list[tuple[str, str, Any, list[Any]]]:
    """Rows of options that are off until they are set."""
    return [(kind, f"{level}/{name}", False, [True]) for name in names.split()]


# The kind of socket, the option, its default, and values to set one after the other.
WALK: list[tuple[str, str, Any, list[Any]]] = [
    *flags("udp", "socket", "broadcast dontroute rxq_ovfl timestamp"),
    *flags("tcp", "socket", "keepalive oobinline reuseaddr reuseport"),
    *flags("local", "socket", "passcred"),
    *flags(
        "udp",
        "ip",
        "freebind pktinfo recverr recvopts recvorigdstaddr recvtos recvttl retopts transparent",
    ),
    *flags("udp6", "ipv6", "flowinfo recverr recvhoplimit recvpktinfo recvtclass"),
    *flags("tcp", "tcp", "cork nodelay"),
    *flags("udp", "udp", "cork"),
    ("tcp", "socket/acceptconn", False, []),
    ("tcp", "socket/bindtodevice", "", []),
    ("udp", "socket/bindtodevice", "", ["lo", Becomes(b"lo", "lo"), ""]),
    ("udp", "socket/busy_poll", NOT_READ, [50]),
    ("tcp", "socket/debug", 0, []),
    ("udp", "socket/debug", 0, [1]),
    ("tcp", "socket/domain", "inet", []),
    ("udp6", "socket/domain", "inet6", []),
    ("local", "socket/domain", "local", []),
    ("tcp", "socket/dontroute", False, []),
    ("tcp", "socket/error", 0, []),
    (
        *("tcp", "socket/linger", Linger(False, 0)),
        [
            Linger(True, 5),
            Becomes("abort", Linger(True, 0)),
            Becomes({"onoff": True, "linger": 7, "more": 1}, Linger(True, 7)),
        ],
    ),
    ("tcp", "socket/linger", Linger(False, 0), [Becomes(Linger(False, 5), Linger(False, 0))]),
    ("tcp", "socket/mark", 0, []),
    ("udp", "socket/mark", 0, [0x8000_0001]),
    ("udp", "socket/peek_off", -1, [5]),
    ("tcp", "socket/peercred", Credentials(0, 2**32 - 1, 2**32 - 1), []),
    ("tcp", "socket/priority", 0, []),
    ("udp", "socket/priority", 0, [5]),
    ("tcp", "socket/protocol", "tcp", []),
    ("udp6", "socket/protocol", "udp", []),
    ("local", "socket/protocol", "default", []),
    ("raw", "socket/protocol", 253, []),
    ("udp", "socket/rcvbuf", NOT_READ, [Becomes(4096, 8192)]),
    ("tcp", "socket/rcvlowat", 1, [5, Becomes(0, 1)]),
    ("tcp", "socket/rcvtimeo", TimeVal(0, 0), []),
    (
        *("udp", "socket/rcvtimeo", TimeVal(0, 0)),
        [TimeVal(1, 500_000), Becomes({"sec": 2, "usec": 0}, TimeVal(2, 0))],
    ),
    ("udp", "socket/sndbuf", NOT_READ, [Becomes(8192, 16384)]),
    ("tcp", "socket/sndlowat", 1, []),
    ("udp", "socket/sndtimeo", NOT_READ, [TimeVal(1, 500_000)]),
    ("tcp", "socket/timestamp", False, []),
    ("tcp", "socket/type", "stream", []),
    ("udp", "socket/type", "dgram", []),
    ("raw", "socket/type", "raw", []),
    ("raw", "ip/hdrincl", NOT_READ, [True]),
    ("udp", "ip/minttl", 0, []),
    ("tcp", "ip/minttl", NOT_READ, [255]),
    ("udp", "ip/mtu_discover", "want", ["dont", "do", "probe", "want", Becomes(0, "dont"), 4, 5]),
    ("udp", "ip/multicast_all", True, [False]),
    (
        *("udp", "ip/multicast_if", "0.0.0.0"),
        [
            *(Becomes(a, "127.0.0.1") for a in ("loopback", IPv4Address("127.0.0.1"))),
            *[Becomes((127, 0, 0, 1), "127.0.0.1"), Becomes("any", "0.0.0.0")],
        ],
    ),
    ("udp", "ip/multicast_loop", True, [False]),
    ("udp", "ip/multicast_ttl", 1, [0, 255, Becomes(-1, 1)]),
    ("raw", "ip/nodefrag", NOT_READ, [True]),
    ("tcp", "ip/pktoptions", [], []),
    ("raw", "ip/router_alert", NOT_READ, [1]),
    (
        *("udp", "ip/tos", 0),
        [
            *("lowdelay", "throughput", "reliability", "mincost", 0),
            *(Becomes(0x30, "lowdelay"), Becomes(0x50, "lowdelay"), 0xB8),
        ],
    ),
    ("tcp", "ip/tos", NOT_READ, [Becomes(3, 0)]),
    ("udp", "ip/ttl", 64, [1, 255]),
    ("raw6", "ipv6/checksum", NOT_READ, [4, -1]),
    ("udp6", "ipv6/dstopts", False, []),
    ("udp6", "ipv6/hopopts", False, []),
    ("udp6", "ipv6/rthdr", False, []),
    ("udp6", "ipv6/mtu_discover", "want", ["dont", "do", "probe", "want", 5]),
    ("udp6", "ipv6/multicast_hops", 1, [0, 255, Becomes("default", 1)]),
    ("udp6", "ipv6/multicast_if", 0, [LO]),
    ("udp6", "ipv6/multicast_loop", True, [False]),
    ("tcp6", "ipv6/pktoptions", [], []),
    ("router6", "ipv6/router_alert", NOT_READ, [1]),
    ("udp6", "ipv6/tclass", 0, [255, Becomes(-1, 0)]),
    ("udp6", "ipv6/unicast_hops", 64, [0, 255]),
    ("udp6", "ipv6/v6only", NOT_READ, [True]),
    ("tcp", "tcp/congestion", NOT_READ, ["reno", Becomes(b"reno", "reno")]),
    ("tcp", "tcp/keepcnt", 9, [3]),
    ("tcp", "tcp/keepidle", 7200, [60]),
    ("tcp", "tcp/keepintvl", 75, [10]),
    ("tcp", "tcp/maxseg", NOT_READ, [1000]),
    ("tcp", "tcp/syncnt", NOT_READ, [3]),
    ("tcp", "tcp/user_timeout", 0, [1234]),
    ("sctp", "sctp/nodelay", NOT_READ, [True]),
    ("sctp", "sctp/disable_fragments", NOT_READ, [True]),
    ("sctp", "sctp/i_want_mapped_v4_addr", NOT_READ, [False]),
    ("sctp", "sctp/initmsg", NOT_READ, [SctpInitMsg(10, 20, 3, 500)]),
    ("sctps", "sctp/autoclose", NOT_READ, [5]),
]
PRIVILEGED = {
    **dict.fromkeys(("socket/busy_poll", "socket/mark", "ip/transparent"), Error("eperm")),
    "socket/debug": Error("eacces"),
}
# These have tests of their own.
ELSEWHERE = {f"ipv6/{name}" for name in ("authhdr", "hoplimit", "mtu")}


@pytest.mark.parametrize(("kind", "what", "default", "values"), WALK)
async def test_an_option_has_its_default_and_is_read_back_as_set(
    kind: str, what: str, default: Any, values: list[Any], runtime: None
) -> None:
    sock, (level, name) = opened(kind), what.split("/")
    if default is not NOT_READ:
        assert socket.getopt(sock, level, name) == Ok(default)
    for value in values:
        case = value if isinstance(value, Becomes) else Becomes(value, value)
        result = socket.setopt(sock, level, name, case.given)
        if result == PRIVILEGED.get(what):
            continue
        assert result == Ok()
        read = ok(socket.getopt(sock, level, name))
        assert read == case.read
        assert type(read) is type(case.read)


def test_the_walk_passes_every_row() -> None:
    walked = {what for _, what, _, _ in WALK} | ELSEWHERE
    for option in ALL:
        if option.encode and option.decode and option.level != "sctp" and option.number is not None:
            assert key(option) in walked


@every_option
async def test_a_value_that_is_read_can_be_set_and_read_again(
    option: Option, runtime: None
) -> None:
    if option.decode is None or option.number is None:
        return
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


# --- refusals of the kernel -----------------------------------------------------------------------

REFUSED: list[tuple[str, str, Any, str]] = [
    ("udp", "socket/bindtodevice", "no-such-device", "enodev"),
    ("udp", "socket/rcvtimeo", TimeVal(0, 2_000_000), "edom"),
    ("tcp", "tcp/congestion", "no-such-algo", "enoent"),
    ("tcp", "tcp/congestion", "", "einval"),
    ("tcp", "udp/cork", True, "enoprotoopt enotsup"),
    ("local", "ip/ttl", 64, "enotsup"),
    ("udp", "ipv6/unicast_hops", 4, "enoprotoopt enotsup"),
    ("udp", "ip/hdrincl", True, "enoprotoopt"),
    ("udp", "ip/ttl", 0, "einval"),
    ("udp", "ip/ttl", 256, "einval"),
    ("tcp", "ip/minttl", 256, "einval"),
    ("udp", "ip/multicast_ttl", 256, "einval"),
    ("udp", "ip/mtu_discover", 6, "einval"),
    ("udp", "ip/multicast_if", "broadcast", "eaddrnotavail"),
    ("udp", "ip/msfilter", None, "einval"),
    ("udp", "ip/add_membership", Membership("1.2.3.4", "any"), "einval"),
    ("udp6", "ipv6/mtu", 1279, "einval"),
    ("udp6", "ipv6/tclass", 256, "einval"),
    ("udp6", "ipv6/multicast_if", INT_MAX, "enodev"),
    ("udp6", "ipv6/add_membership", Membership6("ff02::fb", INT_MAX), "enodev"),
    ("udp6", "ipv6/rthdr", True, "einval"),
    ("udp6", "ipv6/authhdr", True, "enoprotoopt"),
    ("udp6", "ipv6/hoplimit", True, "enoprotoopt"),
    # The kernel looks at the privilege first, then at the header, which a boolean is not.
    ("udp6", "ipv6/dstopts", True, "eperm einval"),
    ("udp6", "ipv6/hopopts", True, "eperm einval"),
    ("tcp6", "ipv6/addrform", "inet", "enotconn"),
    ("tcp6", "ipv6/addrform", "inet6", "einval"),
]
UNREADABLE = [
    ("udp", "ip/mtu", "enotconn"),
    ("udp6", "ipv6/mtu", "enotconn"),
    ("udp6", "ipv6/authhdr", "enoprotoopt"),
    ("udp6", "ipv6/hoplimit", "enoprotoopt"),
    ("udp", "ip/pktoptions", "enoprotoopt"),
    ("udp", "ipv6/v6only", "enotsup"),
    ("local", "ip/ttl", "enotsup"),
]


@pytest.mark.parametrize(("kind", "what", "value", "reasons"), REFUSED)
async def test_a_value_that_the_kernel_refuses(
    kind: str, what: str, value: Any, reasons: str, runtime: None
) -> None:
    level, name = what.split("/")
    result = socket.setopt(opened(kind), level, name, value)
    assert isinstance(result, Error)
    assert result.reason in reasons.split()


@pytest.mark.parametrize(("kind", "what", "reason"), UNREADABLE)
async def test_an_option_that_the_kernel_does_not_give(
    kind: str, what: str, reason: str, runtime: None
) -> None:
    level, name = what.split("/")
    assert socket.getopt(opened(kind), level, name) == Error(reason)


# --- refusals of the library ----------------------------------------------------------------------


@every_option
async def test_a_direction_that_an_option_lacks(option: Option, runtime: None) -> None:
    sock = opened("tcp")
    if option.number is None or option.decode is None:
        assert socket.getopt(sock, option.level, option.name) == LACKING
    if option.encode is None:
        assert socket.setopt(sock, option.level, option.name, 1) == LACKING
    elif option.number is None:
        assert socket.setopt(sock, option.level, option.name, True) == LACKING


@every_option
async def test_a_closed_socket_has_no_options(option: Option, runtime: None) -> None:
    sock = await closed("tcp")
    assert socket.getopt(sock, option.level, option.name) == Error("closed")
    if option.encode is None:
        assert socket.setopt(sock, option.level, option.name, 1) == Error("closed")


@every_option
async def test_a_wrong_value_is_refused_before_anything_else(option: Option, runtime: None) -> None:
    if option.encode is None:
        return
    for where in (opened("tcp"), await closed("tcp")):
        for wrong in (3.5, object(), ["x"]):
            with pytest.raises(TypeError, match=f"option {key(option)}: .* accepted: "):
                socket.setopt(where, option.level, option.name, wrong)


async def test_a_wrong_native_value_is_named(runtime: None) -> None:
    sock = opened("tcp")
    for wrong in (None, "1", 1.0, [1]):
        with pytest.raises(TypeError, match=r"value: .* is refused"):
            socket.setopt(sock, 1, 9, wrong)
    with pytest.raises(ValueError, match="C int"):
        socket.setopt(sock, "socket", 8, 2**31)


UNKNOWN: list[tuple[Any, Any, type[Exception], str]] = [
    ("foo", "keepalive", ValueError, "level: 'foo' is unknown; accepted are otp, socket, ip"),
    ("socket", "foo", ValueError, "option: 'foo' is unknown"),
    ("ipv6", "pktinfo", ValueError, "option: 'pktinfo' is unknown"),
    ("udp", "foo", ValueError, "option: 'foo' is unknown to level 'udp'; .* cork"),
    ("otp", "foo", ValueError, "option: 'foo' is unknown to level 'otp'"),
    ("otp", "assoc_id", ValueError, "option: 'assoc_id' is unknown"),
    ("otp", "sndbuf", ValueError, "option: 'sndbuf' is unknown"),
    ("otp", 1, TypeError, "option: 1 is not a str"),
    (1, "keepalive", Exception, "option"),
    (None, "keepalive", TypeError, "level|option"),
    ("socket", None, TypeError, "option"),
]
MALFORMED: list[tuple[Any, Any, type[Exception], str]] = [
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
]


@pytest.mark.parametrize(("level", "option", "error", "says"), [*UNKNOWN, *MALFORMED])
async def test_an_unknown_or_malformed_option_is_named(
    level: Any, option: Any, error: type[Exception], says: str, runtime: None
) -> None:
    for sock in (opened("tcp"), await closed("tcp")):
        with pytest.raises(error, match=says):
            socket.getopt(sock, level, option)
        if (level, option, error, says) in UNKNOWN:
            with pytest.raises(error, match=says):
                socket.setopt(sock, level, option, 1)


async def test_only_a_socket_has_options(runtime: None) -> None:
    for wrong in (None, 3, "socket"):
        with pytest.raises(TypeError, match="sock: expected a Socket"):
            socket.setopt(wrong, "socket", "keepalive", True)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="sock: expected a Socket"):
            socket.getopt(wrong, "socket", "keepalive")  # type: ignore[arg-type]


# --- native mode ----------------------------------------------------------------------------------

ON = struct.pack("@i", 1)


@pytest.mark.parametrize(
    ("kind", "what", "value", "native"),
    [
        ("tcp", "socket/keepalive", True, 1),
        ("tcp", "socket/linger", Linger(True, 5), struct.pack("@ii", 1, 5)),
        ("tcp", "socket/linger", {"onoff": True, "linger": 5}, struct.pack("@ii", 1, 5)),
        ("tcp", "socket/linger", "abort", struct.pack("@ii", 1, 0)),
        ("udp", "socket/rcvtimeo", TimeVal(1, 500_000), struct.pack("@ll", 1, 500_000)),
        ("udp", "socket/rcvtimeo", {"sec": 2, "usec": 0}, struct.pack("@ll", 2, 0)),
        ("udp", "socket/bindtodevice", "lo", b"lo\0"),
        ("udp", "ip/tos", "lowdelay", 0x10),
        ("udp", "ip/mtu_discover", "do", 2),
        ("udp", "ip/multicast_if", "loopback", bytes([127, 0, 0, 1])),
        ("udp6", "ipv6/unicast_hops", 7, 7),
        ("udp6", "ipv6/v6only", True, 1),
        ("tcp", "tcp/nodelay", True, 1),
        ("tcp", "tcp/keepidle", 60, 60),
        ("tcp", "tcp/congestion", "reno", b"reno"),
        ("udp", "udp/cork", True, 1),
    ],
)
async def test_both_modes_speak_of_the_same_option(
    kind: str, what: str, value: Any, native: int | bytes, runtime: None
) -> None:
    level, name = what.split("/")
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


@pytest.mark.parametrize(
    ("spec", "read"),
    [
        *(("integer", Ok(1)), ("int", Ok(1)), (int, Ok(1))),
        *(("boolean", Ok(True)), ("bool", Ok(True)), (bool, Ok(True))),
        *((4, Ok(ON)), (2000, Ok(ON)), (100_000, Ok(ON)), (2, Ok(ON[:2])), (1, Ok(ON[:1]))),
        *((bytes(4), Ok(ON)), (bytearray(8), Ok(ON)), (b"xyz", Ok(ON[:3])), (b"", Ok(b""))),
        *((0, Error("efault")), (-1, Error("einval"))),
    ],
)
async def test_a_native_value_is_read_as_asked_for(spec: Any, read: Any, runtime: None) -> None:
    sock = opened("tcp")
    ok(socket.setopt(sock, "socket", 9, True))
    for level, option in (("socket", 9), ("socket", "keepalive"), (1, 9)):
        result = socket.getopt(sock, level, (option, spec))
        assert result == read
        if isinstance(result, Ok):
            assert type(result.value) is type(read.value)


async def test_the_native_mode_has_what_names_do_not_announce(runtime: None) -> None:
    left, _ = local_pair()
    pid, uid, gid = struct.unpack("@iII", ok(socket.getopt(left, "socket", (17, 12))))
    assert (pid, uid, gid) == (os.getpid(), os.getuid(), os.getgid())
    assert ok(socket.getopt(left, "socket", ("peek_off", "integer"))) == -1
    sock = opened("tcp")
    assert ok(socket.getopt(sock, "TCP", ("nodelay", "boolean"))) is False
    ok(socket.setopt(sock, "tcp", 1, True))
    assert ok(socket.getopt(sock, "tcp", (1, "integer"))) == 1


async def test_a_native_value_is_any_bytes_like_object(runtime: None) -> None:
    for value in (bytearray(ON), memoryview(ON)):
        sock = opened("tcp")
        ok(socket.setopt(sock, 1, 9, value))
        assert ok(socket.getopt(sock, "socket", "keepalive")) is True


# --- single options -------------------------------------------------------------------------------


async def test_buffers_are_forced_beyond_the_limit_by_the_privileged(runtime: None) -> None:
    sock = opened("udp")
    for name, read in (("rcvbufforce", "rcvbuf"), ("sndbufforce", "sndbuf")):
        result = socket.setopt(sock, "socket", name, 50_000_000)
        if result != Error("eperm"):
            assert result == Ok()
            assert socket.getopt(sock, "socket", read) == Ok(100_000_000)


async def test_a_connected_socket_tells_its_mtu(runtime: None) -> None:
    for kind, level, host in (("udp", "ip", "127.0.0.1"), ("udp6", "ipv6", "::1")):
        sock = opened(kind)
        ok(await socket.connect(sock, (host, 9)))
        assert ok(socket.getopt(sock, level, "mtu")) >= 1280
    ok(socket.setopt(sock, "ipv6", "mtu", 1280))


async def test_tcp_info_is_the_state_of_the_connection(runtime: None) -> None:
    listener = opened("tcp")
    ok(socket.bind(listener, "loopback"))
    ok(socket.listen(listener))
    assert socket.getopt(listener, "socket", "acceptconn") == Ok(True)
    assert ok(socket.getopt(listener, "tcp", "info")).state == "listen"
    client, server = await tcp_pair()
    info = ok(socket.getopt(client, "tcp", "info"))
    assert isinstance(info, TcpInfo)
    assert (info.state, info.ca_state, info.total_retrans) == ("established", "open", 0)
    assert info.pmtu > 1000
    assert info.snd_cwnd > 0
    assert info.rtt > 0
    ok(await socket.close(server))
    assert ok(socket.getopt(client, "tcp", "info")).state == "close_wait"


async def test_packet_options_are_control_messages(runtime: None) -> None:
    _, server = await tcp_pair()
    for name in ("pktinfo", "recvttl", "recvtos"):
        ok(socket.setopt(server, "ip", name, True))
    pktinfo, ttl, tos = ok(socket.getopt(server, "ip", "pktoptions"))
    assert (pktinfo.level, pktinfo.type) == ("ip", "pktinfo")
    assert pktinfo.value == IpPktInfo(LO, "127.0.0.1", "127.0.0.1")
    assert ttl == ControlMessage("ip", "ttl", struct.pack("@i", 64), 64)
    assert tos == ControlMessage("ip", "tos", struct.pack("@i", 0), 0)


async def test_peer_credentials_are_those_of_the_process(runtime: None) -> None:
    left, _ = local_pair()
    expected = Credentials(os.getpid(), os.getuid(), os.getgid())
    assert socket.getopt(left, "socket", "peercred") == Ok(expected)
    assert socket.getopt(left, "socket", "type") == Ok("stream")


async def test_the_pending_error_is_read_once(runtime: None) -> None:
    for option in ("error", (4, "integer")):
        with stdlib.socket(stdlib.AF_INET, stdlib.SOCK_DGRAM) as free:
            free.bind(("127.0.0.1", 0))
            nobody = free.getsockname()
        sock = opened("udp")
        ok(await socket.connect(sock, nobody))
        ok(await socket.send(sock, b"x"))
        assert ok(socket.getopt(sock, "socket", option)) == 111
        assert socket.getopt(sock, "socket", "error") == Ok(0)


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


async def test_linger_abort_resets_the_connection(runtime: None) -> None:
    client, server = await tcp_pair()
    ok(socket.setopt(client, "socket", "linger", "abort"))
    assert socket.getopt(client, "socket", "linger") == Ok(Linger(True, 0))
    ok(await socket.close(client))
    assert await socket.recv(server) == Error("econnreset")
    assert await socket.recv(server) == Error("closed")


# --- multicast ------------------------------------------------------------------------------------

GROUP = Membership("224.1.2.3", "loopback")
GROUP_AS_DICT = {"multiaddr": (224, 1, 2, 3), "interface": IPv4Address("127.0.0.1"), "more": 1}
GROUP6 = Membership6(IPv6Address("ff02::fb"), LO)
GROUP6_AS_DICT = {"multiaddr": "ff02::fb", "interface": LO}
SOURCE = SourceMembership("224.1.2.3", "loopback", "10.1.1.1")
ONE_SOURCE = SourceMembership("232.1.1.1", "loopback", "10.1.1.1")


def set_twice(sock: Socket, level: str, name: str, record: Any, other: Any, reason: str) -> None:
    """Set an option by a record; by an equal value it is refused afterwards."""
    assert socket.setopt(sock, level, name, record) == Ok()
    assert socket.setopt(sock, level, name, other) == Error(reason)


@pytest.mark.parametrize(
    ("kind", "level", "join", "leave", "record", "same"),
    [
        ("udp", "ip", "add_membership", "drop_membership", GROUP, GROUP_AS_DICT),
        ("udp", "ip", "add_membership", "drop_membership", GROUP_AS_DICT, GROUP),
        ("udp6", "ipv6", "add_membership", "drop_membership", GROUP6, GROUP6_AS_DICT),
        ("udp6", "ipv6", "join_group", "leave_group", GROUP6, GROUP6_AS_DICT),
        ("udp6", "ipv6", "join_group", "drop_membership", GROUP6_AS_DICT, GROUP6),
    ],
)
async def test_a_group_is_joined_and_left_once(
    kind: str, level: str, join: str, leave: str, record: Any, same: Any, runtime: None
) -> None:
    sock = opened(kind)
    set_twice(sock, level, join, record, same, "eaddrinuse")
    set_twice(sock, level, leave, same, record, "eaddrnotavail")


async def test_a_source_of_a_group_is_joined_and_left_once(runtime: None) -> None:
    sock = opened("udp")
    ok(socket.setopt(sock, "ip", "add_source_membership", ONE_SOURCE))
    set_twice(sock, "ip", "drop_source_membership", ONE_SOURCE, ONE_SOURCE, "einval")


def filters() -> Iterator[Any]:
    yield MsgFilter("224.1.2.3", "loopback", "exclude", ["1.2.3.4", (5, 6, 7, 8)])
    yield MsgFilter("224.1.2.3", "loopback", "include", ())
    yield {"multiaddr": "224.1.2.3", "interface": "loopback", "mode": "exclude", "slist": []}


async def test_senders_of_a_group_are_blocked_and_filtered(runtime: None) -> None:
    sock = opened("udp")
    ok(socket.setopt(sock, "ip", "add_membership", GROUP))
    set_twice(sock, "ip", "block_source", SOURCE, SOURCE, "eaddrnotavail")
    set_twice(sock, "ip", "unblock_source", attrs.asdict(SOURCE), SOURCE, "eaddrnotavail")
    for wanted in filters():
        ok(socket.setopt(sock, "ip", "msfilter", wanted))
        if isinstance(wanted, MsgFilter) and wanted.mode == "include":
            # To accept no sender is to leave the group.
            ok(socket.setopt(sock, "ip", "add_membership", GROUP))
