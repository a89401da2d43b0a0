"""Socket options: the tables against the documentation, and every row against the kernel.

The walk sets and reads options of real sockets of the standard library; nothing of the library
but the tables takes part. Where the kernel refuses, the expected error is part of the case.
"""

import errno
import os
import socket
import struct
import sys
from contextlib import ExitStack
from ipaddress import IPv4Address, IPv6Address

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorsock.results import Error
from actorsock.socket.options import (
    LEVELS,
    OTP_OPTIONS,
    Credentials,
    Linger,
    Membership,
    Membership6,
    MsgFilter,
    SctpAssocParams,
    SctpAssocValue,
    SctpAuthKeyId,
    SctpDelayedAck,
    SctpEventSubscribe,
    SctpInitMsg,
    SctpRtoInfo,
    SctpSendParams,
    SourceMembership,
    TcpInfo,
    TimeVal,
    encode_native,
    find,
    find_otp,
    native_level,
    native_option,
    native_spec,
    options,
    protocol_name,
    protocol_number,
    supported,
)
from actorsock.socket.values.control import ControlMessage
from actorsock.socket.values.control_types import IpPktInfo

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="the numbers are Linux's")

ALL = [option for level in LEVELS for option in options(level)]
INT_MAX = 2**31 - 1
UINT_MAX = 2**32 - 1
INTEGERS = st.integers(-INT_MAX - 1, INT_MAX)
NATURALS = st.integers(0, INT_MAX)
UNSIGNED = st.integers(0, UINT_MAX)
UINT16 = st.integers(0, 0xFFFF)
IN_ADDRS = st.ip_addresses(v=4)
IN6_ADDRS = st.ip_addresses(v=6)


def key(option):
    return f"{option.level}/{option.name}"


def as_written(encoded):
    """The bytes that the kernel sees: the standard library passes an integer as a C int."""
    return struct.pack("@i", encoded) if isinstance(encoded, int) else encoded


# ---- the tables ------------------------------------------------------------------------------

# Section by section: the rows of the documented tables, those that only exist by name included.
DOCUMENTED = {
    "socket": """acceptconn acceptfilter bindtodevice broadcast bsp_state busy_poll debug domain
        dontroute error exclusiveaddruse keepalive linger mark max_msg_size maxdg oobinline
        passcred peek_off peercred priority protocol rcvbuf rcvbufforce rcvlowat rcvtimeo reuseaddr
        reuseport rxq_ovfl setfib sndbuf sndbufforce sndlowat sndtimeo timestamp type""",
    "ip": """add_membership add_source_membership block_source dontfrag drop_membership
        drop_source_membership freebind hdrincl minttl msfilter mtu mtu_discover multicast_all
        multicast_if multicast_loop multicast_ttl nodefrag options pktinfo pktoptions recvdstaddr
        recverr recvif recvopts recvorigdstaddr recvtos recvttl retopts router_alert sendsrcaddr
        tos transparent ttl unblock_source""",
    "ipv6": """add_membership addrform auth_level authhdr checksum drop_membership dstopts
        esp_network_level esp_trans_level faith flowinfo hoplimit hopopts ipcomp_level join_group
        leave_group mtu mtu_discover multicast_hops multicast_if multicast_loop pktoptions
        portrange recverr recvhoplimit recvpktinfo recvtclass router_alert rthdr tclass
        unicast_hops use_min_mtu v6only""",
    "tcp": """congestion cork info keepcnt keepidle keepintvl maxseg md5sig nodelay noopt nopush
        syncnt user_timeout""",
    "udp": "cork",
    "sctp": """adaption_layer associnfo auth_active_key auth_asconf auth_chunk auth_delete_key
        auth_key autoclose context default_send_params delayed_ack_time disable_fragments events
        explicit_eor fragment_interleave get_peer_addr_info hmac_ident i_want_mapped_v4_addr
        initmsg local_auth_chunks maxburst maxseg nodelay partial_delivery_point peer_addr_params
        peer_auth_chunks primary_addr reset_streams rtoinfo set_peer_primary_addr status
        use_ext_recvinfo""",
}


def rows(text):
    """The keys of rows given as lines of a level and names."""
    lines = (line.split() for line in text.strip().splitlines())
    return {f"{level}/{name}" for level, *names in lines for name in names}


SET_ONLY = rows("""
    ip add_membership drop_membership add_source_membership drop_source_membership
    ip block_source unblock_source msfilter
    ipv6 add_membership drop_membership join_group leave_group addrform
    socket rcvbufforce sndbufforce
    sctp events auth_chunk auth_delete_key
""")
GET_ONLY = rows("""
    socket acceptconn domain error peercred protocol sndlowat type
    ip mtu pktoptions
    ipv6 pktoptions
    tcp info
""")
NAME_ONLY = rows("""
    socket acceptfilter bsp_state max_msg_size maxdg setfib
    ip options
    ipv6 auth_level esp_network_level esp_trans_level faith ipcomp_level portrange
    tcp md5sig
    sctp auth_key get_peer_addr_info hmac_ident local_auth_chunks peer_addr_params
    sctp peer_auth_chunks primary_addr reset_streams set_peer_primary_addr status
""")
NOT_LINUX = rows("""
    socket acceptfilter bsp_state exclusiveaddruse max_msg_size maxdg setfib
    ip dontfrag recvdstaddr recvif sendsrcaddr
    ipv6 auth_level esp_network_level esp_trans_level faith ipcomp_level portrange use_min_mtu
    tcp noopt nopush
    sctp explicit_eor use_ext_recvinfo
""")


@pytest.mark.parametrize("level", DOCUMENTED)
def test_every_documented_name_has_a_row(level):
    assert [option.name for option in options(level)] == DOCUMENTED[level].split()


def test_the_levels_have_their_numbers():
    numbers = {option.level: option.level_number for option in ALL}
    assert numbers == {
        "socket": socket.SOL_SOCKET,
        "ip": socket.IPPROTO_IP,
        "ipv6": socket.IPPROTO_IPV6,
        "tcp": socket.IPPROTO_TCP,
        "udp": socket.IPPROTO_UDP,
        "sctp": 132,
    }


def test_what_may_be_set_and_got_is_as_documented():
    assert {key(o) for o in ALL if o.encode and not o.decode} == SET_ONLY
    assert {key(o) for o in ALL if o.decode and not o.encode} == GET_ONLY
    assert {key(o) for o in ALL if not o.decode and not o.encode} == NAME_ONLY


@on_linux
def test_what_linux_lacks_has_no_number():
    assert {key(o) for o in ALL if o.number is None} == NOT_LINUX


@on_linux
@pytest.mark.parametrize(
    ("level", "numbers"),
    [
        (
            "socket",
            "acceptconn 30 bindtodevice 25 broadcast 6 busy_poll 46 debug 1 domain 39 dontroute 5 "
            "error 4 keepalive 9 linger 13 mark 36 oobinline 10 passcred 16 peek_off 42 "
            "peercred 17 priority 12 protocol 38 rcvbuf 8 rcvbufforce 33 rcvlowat 18 rcvtimeo 20 "
            "reuseaddr 2 reuseport 15 rxq_ovfl 40 sndbuf 7 sndbufforce 32 sndlowat 19 "
            "sndtimeo 21 timestamp 29 type 3",
        ),
        (
            "ip",
            "add_membership 35 drop_membership 36 add_source_membership 39 "
            "drop_source_membership 40 block_source 38 unblock_source 37 msfilter 41 freebind 15 "
            "hdrincl 3 minttl 21 mtu 14 mtu_discover 10 multicast_all 49 multicast_if 32 "
            "multicast_loop 34 multicast_ttl 33 nodefrag 22 options 4 pktinfo 8 pktoptions 9 "
            "recverr 11 recvopts 6 recvorigdstaddr 20 recvtos 13 recvttl 12 retopts 7 "
            "transparent 19 router_alert 5 tos 1 ttl 2",
        ),
        (
            "ipv6",
            "add_membership 20 drop_membership 21 join_group 20 leave_group 21 addrform 1 "
            "authhdr 10 checksum 7 hoplimit 52 dstopts 59 hopopts 54 rthdr 57 flowinfo 11 mtu 24 "
            "mtu_discover 23 multicast_hops 18 unicast_hops 16 multicast_if 17 multicast_loop 19 "
            "pktoptions 6 recverr 25 recvhoplimit 51 recvpktinfo 49 recvtclass 66 "
            "router_alert 22 tclass 67 v6only 26",
        ),
        (
            "tcp",
            "congestion 13 cork 3 info 11 keepcnt 6 keepidle 4 keepintvl 5 maxseg 2 md5sig 14 "
            "nodelay 1 syncnt 7 user_timeout 18",
        ),
        ("udp", "cork 1"),
    ],
)
def test_the_numbers_are_those_of_linux(level, numbers):
    words = numbers.split()
    expected = dict(zip(words[::2], map(int, words[1::2]), strict=True))
    assert {o.name: o.number for o in options(level) if o.number is not None} == expected


def test_every_option_says_what_it_takes_and_what_buffer_it_needs():
    for option in ALL:
        assert option.value
        assert (option.size > 0) == (option.decode is not None)
        assert option.request in (b"", bytes(option.size))


def test_find_names_what_it_does_not_know():
    assert find("socket", "keepalive").name == "keepalive"
    with pytest.raises(ValueError, match=r"level: 'foo' is unknown; accepted are otp, socket, ip"):
        find("foo", "keepalive")
    with pytest.raises(ValueError, match=r"option: 'foo' is unknown to level 'udp'; .* cork"):
        find("udp", "foo")
    with pytest.raises(ValueError, match="'pktinfo' is unknown to level 'ipv6'"):
        find("ipv6", "pktinfo")
    with pytest.raises(TypeError, match="level: 1 is not a str"):
        find(1, "keepalive")
    with pytest.raises(TypeError, match="option: None is not a str"):
        find("socket", None)


@on_linux
def test_supported_tells_what_may_be_used_here():
    words = supported("socket")
    assert list(words) == DOCUMENTED["socket"].split()
    assert words["keepalive"]
    assert words["peercred"]
    assert not words["setfib"]
    assert not words["exclusiveaddruse"]
    assert not words["peek_off"]  # works, and is not announced, as documented
    assert not supported("ip")["options"]
    assert supported("tcp")["keepidle"]
    assert supported("udp") == {"cork": True}
    for unknown in ("otp", "foo", 1, None, []):
        assert supported(unknown) == {}


# ---- the walk: every row against the kernel --------------------------------------------------

OPENED = {
    "tcp": (socket.AF_INET, socket.SOCK_STREAM, 0),
    "udp": (socket.AF_INET, socket.SOCK_DGRAM, 0),
    "raw": (socket.AF_INET, socket.SOCK_RAW, 253),
    "tcp6": (socket.AF_INET6, socket.SOCK_STREAM, 0),
    "udp6": (socket.AF_INET6, socket.SOCK_DGRAM, 0),
    "raw6": (socket.AF_INET6, socket.SOCK_RAW, 253),
    "router6": (socket.AF_INET6, socket.SOCK_RAW, 255),
    "local": (getattr(socket, "AF_UNIX", 1), socket.SOCK_STREAM, 0),
    "sctp": (socket.AF_INET, socket.SOCK_STREAM, 132),
    "sctps": (socket.AF_INET, socket.SOCK_SEQPACKET, 132),
}
# Raw sockets are for the privileged; IPv6 may be switched off; few kernels have sctp loaded.
NOT_HERE = {
    errno.EPERM,
    errno.EAFNOSUPPORT,
    errno.EPROTONOSUPPORT,
    errno.ESOCKTNOSUPPORT,
}


@pytest.fixture
def opened():
    with ExitStack() as stack:

        def open_one(kind):
            try:
                return stack.enter_context(socket.socket(*OPENED[kind]))
            except OSError as problem:
                if problem.errno not in NOT_HERE:
                    raise
                pytest.skip(f"no {kind} socket here: {problem.strerror}")

        yield open_one


def set_option(sock, level, name, value):
    option = find(level, name)
    sock.setsockopt(option.level_number, option.number, option.encode(value))


def get_option(sock, level, name):
    option = find(level, name)
    return option.decode(sock.getsockopt(option.level_number, option.number, option.size))


def refused(code):
    return pytest.raises(OSError, match=rf"\[Errno {code}\]")


def permitted(sock, level, name, value, *, else_errno):
    """Whether the process is privileged enough to set the option."""
    try:
        set_option(sock, level, name, value)
    except PermissionError as problem:
        if problem.errno != else_errno:
            raise
        return False
    return True


@attrs.frozen
class Case:
    """Set `value` on a socket of `kind`, read `read` back; `errno` if the kernel may refuse."""

    level: str
    name: str
    kind: str
    value: object
    read: object
    may_refuse: int = 0

    def __str__(self):
        return f"{self.level}/{self.name}={self.value}"


def case(what, kind, value, read=..., may_refuse=0):
    level, name = what.split("/")
    return Case(level, name, kind, value, value if read is ... else read, may_refuse)


WALK = [
    case("socket/bindtodevice", "udp", "lo"),
    case("socket/bindtodevice", "udp", b"lo", "lo"),
    case("socket/bindtodevice", "udp", "", ""),
    case("socket/broadcast", "udp", True),
    case("socket/busy_poll", "udp", 50, may_refuse=errno.EPERM),
    case("socket/debug", "udp", 1, may_refuse=errno.EACCES),
    case("socket/dontroute", "udp", True),
    case("socket/keepalive", "tcp", True),
    case("socket/linger", "tcp", Linger(True, 5)),
    case("socket/linger", "tcp", "abort", Linger(True, 0)),
    case("socket/linger", "tcp", {"onoff": True, "linger": 7, "more": 1}, Linger(True, 7)),
    case("socket/linger", "tcp", Linger(False, 5), Linger(False, 0)),
    case("socket/mark", "udp", 0x8000_0001, may_refuse=errno.EPERM),
    case("socket/oobinline", "tcp", True),
    case("socket/passcred", "local", True),
    case("socket/peek_off", "udp", 5),
    case("socket/priority", "udp", 5),
    case("socket/rcvbuf", "udp", 4096, 8192),
    case("socket/rcvlowat", "tcp", 5),
    case("socket/rcvlowat", "tcp", 0, 1),
    case("socket/rcvtimeo", "udp", TimeVal(1, 500_000)),
    case("socket/rcvtimeo", "udp", {"sec": 2, "usec": 0}, TimeVal(2, 0)),
    case("socket/reuseaddr", "tcp", True),
    case("socket/reuseport", "tcp", True),
    case("socket/rxq_ovfl", "udp", True),
    case("socket/sndbuf", "udp", 8192, 16384),
    case("socket/sndtimeo", "udp", TimeVal(1, 500_000)),
    case("socket/timestamp", "udp", True),
    case("ip/freebind", "udp", True),
    case("ip/hdrincl", "raw", True),
    case("ip/minttl", "tcp", 255),
    case("ip/mtu_discover", "udp", "want"),
    case("ip/mtu_discover", "udp", "dont"),
    case("ip/mtu_discover", "udp", "do"),
    case("ip/mtu_discover", "udp", "probe"),
    case("ip/mtu_discover", "udp", 0, "dont"),
    case("ip/mtu_discover", "udp", 4),
    case("ip/mtu_discover", "udp", 5),
    case("ip/multicast_all", "udp", False),
    case("ip/multicast_if", "udp", "loopback", "127.0.0.1"),
    case("ip/multicast_if", "udp", IPv4Address("127.0.0.1"), "127.0.0.1"),
    case("ip/multicast_if", "udp", (127, 0, 0, 1), "127.0.0.1"),
    case("ip/multicast_if", "udp", "any", "0.0.0.0"),
    case("ip/multicast_loop", "udp", False),
    case("ip/multicast_ttl", "udp", 0),
    case("ip/multicast_ttl", "udp", 255),
    case("ip/multicast_ttl", "udp", -1, 1),
    case("ip/nodefrag", "raw", True),
    case("ip/pktinfo", "udp", True),
    case("ip/recverr", "udp", True),
    case("ip/recvopts", "udp", True),
    case("ip/recvorigdstaddr", "udp", True),
    case("ip/recvtos", "udp", True),
    case("ip/recvttl", "udp", True),
    case("ip/retopts", "udp", True),
    case("ip/router_alert", "raw", 1),
    case("ip/tos", "udp", "lowdelay"),
    case("ip/tos", "udp", "throughput"),
    case("ip/tos", "udp", "reliability"),
    case("ip/tos", "udp", "mincost"),
    case("ip/tos", "udp", 0),
    case("ip/tos", "udp", 0x30, "lowdelay"),
    case("ip/tos", "udp", 0x50, "lowdelay"),
    case("ip/tos", "udp", 0xB8),
    case("ip/tos", "tcp", 3, 0),
    case("ip/transparent", "udp", True, may_refuse=errno.EPERM),
    case("ip/ttl", "udp", 1),
    case("ip/ttl", "udp", 255),
    case("ipv6/checksum", "raw6", 4),
    case("ipv6/checksum", "raw6", -1),
    case("ipv6/flowinfo", "udp6", True),
    case("ipv6/mtu_discover", "udp6", "want"),
    case("ipv6/mtu_discover", "udp6", "dont"),
    case("ipv6/mtu_discover", "udp6", "do"),
    case("ipv6/mtu_discover", "udp6", "probe"),
    case("ipv6/mtu_discover", "udp6", 5),
    case("ipv6/multicast_hops", "udp6", 0),
    case("ipv6/multicast_hops", "udp6", 255),
    case("ipv6/multicast_hops", "udp6", "default", 1),
    case(
        "ipv6/multicast_if", "udp6", socket.if_nametoindex("lo") if sys.platform == "linux" else 1
    ),
    case("ipv6/multicast_loop", "udp6", False),
    case("ipv6/recverr", "udp6", True),
    case("ipv6/recvhoplimit", "udp6", True),
    case("ipv6/recvpktinfo", "udp6", True),
    case("ipv6/recvtclass", "udp6", True),
    case("ipv6/router_alert", "router6", 1),
    case("ipv6/tclass", "udp6", 255),
    case("ipv6/tclass", "udp6", -1, 0),
    case("ipv6/unicast_hops", "udp6", 0),
    case("ipv6/unicast_hops", "udp6", 255),
    case("ipv6/v6only", "udp6", True),
    case("tcp/congestion", "tcp", "reno"),
    case("tcp/congestion", "tcp", b"reno", "reno"),
    case("tcp/cork", "tcp", True),
    case("tcp/keepcnt", "tcp", 3),
    case("tcp/keepidle", "tcp", 60),
    case("tcp/keepintvl", "tcp", 10),
    case("tcp/maxseg", "tcp", 1000),
    case("tcp/nodelay", "tcp", True),
    case("tcp/syncnt", "tcp", 3),
    case("tcp/user_timeout", "tcp", 1234),
    case("udp/cork", "udp", True),
    case("sctp/nodelay", "sctp", True),
    case("sctp/disable_fragments", "sctp", True),
    case("sctp/i_want_mapped_v4_addr", "sctp", False),
    case("sctp/initmsg", "sctp", SctpInitMsg(10, 20, 3, 500)),
    case("sctp/autoclose", "sctps", 5),
]
# These have tests of their own, or no socket to be had in most kernels.
ELSEWHERE = {
    "ipv6/authhdr",
    "ipv6/hoplimit",
    "ipv6/dstopts",
    "ipv6/hopopts",
    "ipv6/rthdr",
    "ipv6/mtu",
}


def test_the_walk_passes_every_row():
    walked = {f"{case.level}/{case.name}" for case in WALK} | ELSEWHERE
    for option in ALL:
        if option.encode and option.decode and option.level != "sctp" and option.number is not None:
            assert key(option) in walked


@on_linux
@pytest.mark.parametrize("case", WALK, ids=str)
def test_what_is_set_is_read_back(opened, case):
    sock = opened(case.kind)
    if not permitted(sock, case.level, case.name, case.value, else_errno=case.may_refuse):
        return
    read = get_option(sock, case.level, case.name)
    assert read == case.read
    assert type(read) is type(case.read)


DEFAULTS = [
    ("tcp", "socket/acceptconn", False),
    ("tcp", "socket/bindtodevice", ""),
    ("udp", "socket/broadcast", False),
    ("tcp", "socket/debug", 0),
    ("tcp", "socket/domain", "inet"),
    ("udp6", "socket/domain", "inet6"),
    ("local", "socket/domain", "local"),
    ("tcp", "socket/dontroute", False),
    ("tcp", "socket/error", 0),
    ("tcp", "socket/keepalive", False),
    ("tcp", "socket/linger", Linger(False, 0)),
    ("tcp", "socket/mark", 0),
    ("tcp", "socket/oobinline", False),
    ("local", "socket/passcred", False),
    ("udp", "socket/peek_off", -1),
    ("tcp", "socket/peercred", Credentials(0, UINT_MAX, UINT_MAX)),
    ("tcp", "socket/priority", 0),
    ("tcp", "socket/protocol", "tcp"),
    ("udp6", "socket/protocol", "udp"),
    ("local", "socket/protocol", "default"),
    ("raw", "socket/protocol", 253),
    ("tcp", "socket/rcvlowat", 1),
    ("tcp", "socket/rcvtimeo", TimeVal(0, 0)),
    ("tcp", "socket/reuseaddr", False),
    ("tcp", "socket/reuseport", False),
    ("udp", "socket/rxq_ovfl", False),
    ("tcp", "socket/sndlowat", 1),
    ("tcp", "socket/timestamp", False),
    ("tcp", "socket/type", "stream"),
    ("udp", "socket/type", "dgram"),
    ("raw", "socket/type", "raw"),
    ("udp", "ip/freebind", False),
    ("udp", "ip/minttl", 0),
    ("udp", "ip/mtu_discover", "want"),
    ("udp", "ip/multicast_all", True),
    ("udp", "ip/multicast_if", "0.0.0.0"),
    ("udp", "ip/multicast_loop", True),
    ("udp", "ip/multicast_ttl", 1),
    ("udp", "ip/pktinfo", False),
    ("tcp", "ip/pktoptions", []),
    ("udp", "ip/recverr", False),
    ("udp", "ip/recvopts", False),
    ("udp", "ip/recvorigdstaddr", False),
    ("udp", "ip/recvtos", False),
    ("udp", "ip/recvttl", False),
    ("udp", "ip/retopts", False),
    ("udp", "ip/tos", 0),
    ("udp", "ip/transparent", False),
    ("udp", "ip/ttl", 64),
    ("udp6", "ipv6/dstopts", False),
    ("udp6", "ipv6/hopopts", False),
    ("udp6", "ipv6/rthdr", False),
    ("udp6", "ipv6/flowinfo", False),
    ("udp6", "ipv6/mtu_discover", "want"),
    ("udp6", "ipv6/multicast_hops", 1),
    ("udp6", "ipv6/multicast_if", 0),
    ("udp6", "ipv6/multicast_loop", True),
    ("tcp6", "ipv6/pktoptions", []),
    ("udp6", "ipv6/recverr", False),
    ("udp6", "ipv6/recvhoplimit", False),
    ("udp6", "ipv6/recvpktinfo", False),
    ("udp6", "ipv6/recvtclass", False),
    ("udp6", "ipv6/tclass", 0),
    ("udp6", "ipv6/unicast_hops", 64),
    ("tcp", "tcp/cork", False),
    ("tcp", "tcp/keepcnt", 9),
    ("tcp", "tcp/keepidle", 7200),
    ("tcp", "tcp/keepintvl", 75),
    ("tcp", "tcp/nodelay", False),
    ("tcp", "tcp/user_timeout", 0),
    ("udp", "udp/cork", False),
]


@on_linux
@pytest.mark.parametrize(("kind", "what", "value"), DEFAULTS)
def test_a_fresh_socket_has_the_documented_defaults(opened, kind, what, value):
    assert get_option(opened(kind), *what.split("/")) == value


@on_linux
@pytest.mark.parametrize(
    ("kind", "what", "value", "code"),
    [
        ("udp", "socket/bindtodevice", "no-such-device", errno.ENODEV),
        ("tcp", "tcp/congestion", "no-such-algo", errno.ENOENT),
        ("tcp", "tcp/congestion", "", errno.EINVAL),
        ("udp", "socket/rcvtimeo", TimeVal(0, 2_000_000), errno.EDOM),
        ("udp", "ip/hdrincl", True, errno.ENOPROTOOPT),
        ("udp", "ip/ttl", 0, errno.EINVAL),
        ("udp", "ip/ttl", 256, errno.EINVAL),
        ("tcp", "ip/minttl", 256, errno.EINVAL),
        ("udp", "ip/multicast_ttl", 256, errno.EINVAL),
        ("udp", "ip/mtu_discover", 6, errno.EINVAL),
        ("udp", "ip/multicast_if", "broadcast", errno.EADDRNOTAVAIL),
        ("udp", "ip/msfilter", None, errno.EINVAL),
        ("udp", "ip/add_membership", Membership("1.2.3.4", "any"), errno.EINVAL),
        ("udp6", "ipv6/mtu", 1279, errno.EINVAL),
        ("udp6", "ipv6/tclass", 256, errno.EINVAL),
        ("udp6", "ipv6/multicast_if", INT_MAX, errno.ENODEV),
        ("udp6", "ipv6/add_membership", Membership6("ff02::fb", INT_MAX), errno.ENODEV),
        ("udp6", "ipv6/rthdr", True, errno.EINVAL),
        ("udp6", "ipv6/authhdr", True, errno.ENOPROTOOPT),
        ("udp6", "ipv6/hoplimit", True, errno.ENOPROTOOPT),
        ("tcp6", "ipv6/addrform", "inet", errno.ENOTCONN),
        ("tcp6", "ipv6/addrform", "inet6", errno.EINVAL),
    ],
)
def test_what_the_kernel_refuses_is_its_own_answer(opened, kind, what, value, code):
    with refused(code):
        set_option(opened(kind), *what.split("/"), value)


@on_linux
@pytest.mark.parametrize(
    ("kind", "what", "code"),
    [
        ("udp", "ip/mtu", errno.ENOTCONN),
        ("udp6", "ipv6/mtu", errno.ENOTCONN),
        ("udp6", "ipv6/authhdr", errno.ENOPROTOOPT),
        ("udp6", "ipv6/hoplimit", errno.ENOPROTOOPT),
        ("udp", "ip/pktoptions", errno.ENOPROTOOPT),
        ("udp", "ipv6/v6only", errno.EOPNOTSUPP),
        ("local", "ip/ttl", errno.EOPNOTSUPP),
    ],
)
def test_what_cannot_be_read_is_the_kernels_answer(opened, kind, what, code):
    with refused(code):
        get_option(opened(kind), *what.split("/"))


@on_linux
@pytest.mark.parametrize("name", ["dstopts", "hopopts"])
def test_extension_headers_are_not_set_by_a_boolean(opened, name):
    # The kernel looks at the privilege first, then at the header, which a boolean is not.
    with pytest.raises(OSError, match="Errno") as caught:
        set_option(opened("udp6"), "ipv6", name, True)
    assert caught.value.errno in (errno.EPERM, errno.EINVAL)


@on_linux
def test_buffers_can_be_forced_beyond_the_limit_by_the_privileged(opened):
    sock = opened("udp")
    for name, read in (("rcvbufforce", "rcvbuf"), ("sndbufforce", "sndbuf")):
        if permitted(sock, "socket", name, 50_000_000, else_errno=errno.EPERM):
            assert get_option(sock, "socket", read) == 100_000_000


@on_linux
def test_a_connected_socket_tells_its_mtu(opened):
    for kind, level, host in (("udp", "ip", "127.0.0.1"), ("udp6", "ipv6", "::1")):
        sock = opened(kind)
        sock.connect((host, 9))
        assert get_option(sock, level, "mtu") >= 1280
    set_option(sock, "ipv6", "mtu", 1280)


@pytest.fixture
def tcp_pair():
    with socket.socket() as listener, socket.socket() as client:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        assert get_option(listener, "socket", "acceptconn") is True
        assert get_option(listener, "tcp", "info").state == "listen"
        client.connect(listener.getsockname())
        server, _ = listener.accept()
        with server:
            yield client, server


@on_linux
def test_tcp_info_is_the_state_of_the_connection(tcp_pair):
    client, server = tcp_pair
    info = get_option(client, "tcp", "info")
    assert isinstance(info, TcpInfo)
    assert info.state == "established"
    assert info.ca_state == "open"
    assert info.pmtu > 1000
    assert info.snd_cwnd > 0
    assert info.rtt > 0
    assert info.total_retrans == 0
    server.close()
    assert get_option(client, "tcp", "info").state == "close_wait"


@on_linux
def test_packet_options_are_control_messages(tcp_pair):
    _, server = tcp_pair
    for name in ("pktinfo", "recvttl", "recvtos"):
        set_option(server, "ip", name, True)
    pktinfo, ttl, tos = get_option(server, "ip", "pktoptions")
    lo = socket.if_nametoindex("lo")
    assert (pktinfo.level, pktinfo.type) == ("ip", "pktinfo")
    assert pktinfo.value == IpPktInfo(lo, "127.0.0.1", "127.0.0.1")
    assert ttl == ControlMessage("ip", "ttl", struct.pack("@i", 64), 64)
    assert tos == ControlMessage("ip", "tos", struct.pack("@i", 0), 0)


@on_linux
def test_peer_credentials_are_those_of_the_process():
    left, right = socket.socketpair()
    with left, right:
        expected = Credentials(os.getpid(), os.getuid(), os.getgid())
        assert get_option(left, "socket", "peercred") == expected
        assert get_option(left, "socket", "type") == "stream"


@on_linux
def test_the_pending_error_is_read_once(opened):
    sock = opened("udp")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        nobody = free.getsockname()
    sock.connect(nobody)
    sock.send(b"x")
    assert get_option(sock, "socket", "error") == errno.ECONNREFUSED
    assert get_option(sock, "socket", "error") == 0


# ---- multicast -------------------------------------------------------------------------------


@on_linux
@pytest.mark.parametrize(
    "group",
    [
        Membership("224.1.2.3", "loopback"),
        {"multiaddr": (224, 1, 2, 3), "interface": IPv4Address("127.0.0.1"), "more": 1},
    ],
)
def test_an_ipv4_group_is_joined_and_left_once(opened, group):
    sock = opened("udp")
    set_option(sock, "ip", "add_membership", group)
    with refused(errno.EADDRINUSE):
        set_option(sock, "ip", "add_membership", group)
    set_option(sock, "ip", "drop_membership", group)
    with refused(errno.EADDRNOTAVAIL):
        set_option(sock, "ip", "drop_membership", group)


@on_linux
def test_senders_of_a_group_are_blocked_and_filtered(opened):
    sock = opened("udp")
    group = Membership("224.1.2.3", "loopback")
    source = SourceMembership("224.1.2.3", "loopback", "10.1.1.1")
    set_option(sock, "ip", "add_membership", group)
    set_option(sock, "ip", "block_source", source)
    with refused(errno.EADDRNOTAVAIL):
        set_option(sock, "ip", "block_source", source)
    set_option(sock, "ip", "unblock_source", attrs.asdict(source))
    with refused(errno.EADDRNOTAVAIL):
        set_option(sock, "ip", "unblock_source", source)
    for chosen in (
        MsgFilter("224.1.2.3", "loopback", "exclude", ["1.2.3.4", (5, 6, 7, 8)]),
        MsgFilter("224.1.2.3", "loopback", "include", ()),
        {"multiaddr": "224.1.2.3", "interface": "loopback", "mode": "exclude", "slist": []},
    ):
        # A filter that hears nobody is the same as leaving the group, so it comes back in.
        set_option(sock, "ip", "msfilter", chosen)
        if chosen == MsgFilter("224.1.2.3", "loopback", "include", ()):
            set_option(sock, "ip", "add_membership", group)


@on_linux
def test_a_source_of_an_ipv4_group_is_joined_and_left(opened):
    sock = opened("udp")
    source = SourceMembership("232.1.1.1", "loopback", "10.1.1.1")
    set_option(sock, "ip", "add_source_membership", source)
    set_option(sock, "ip", "drop_source_membership", source)
    with refused(errno.EINVAL):
        set_option(sock, "ip", "drop_source_membership", source)


@on_linux
@pytest.mark.parametrize(
    ("join", "leave"), [("add_membership", "drop_membership"), ("join_group", "leave_group")]
)
def test_an_ipv6_group_is_joined_and_left_once(opened, join, leave):
    sock = opened("udp6")
    lo = socket.if_nametoindex("lo")
    group = Membership6(IPv6Address("ff02::fb"), lo)
    set_option(sock, "ipv6", join, group)
    with refused(errno.EADDRINUSE):
        set_option(sock, "ipv6", join, {"multiaddr": "ff02::fb", "interface": lo})
    set_option(sock, "ipv6", leave, group)
    with refused(errno.EADDRNOTAVAIL):
        set_option(sock, "ipv6", leave, group)


# ---- sctp ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "layout", "fields"),
    [
        ("initmsg", SctpInitMsg(1, 2, 3, 4), "=HHHH", (1, 2, 3, 4)),
        ("rtoinfo", SctpRtoInfo(1, 2, UINT_MAX, 4), "=iIII", (1, 2, UINT_MAX, 4)),
        ("associnfo", SctpAssocParams(-1, 2, 3, 4, 5, 6), "=iHHIII", (-1, 2, 3, 4, 5, 6)),
        ("context", SctpAssocValue(1, 2), "=iI", (1, 2)),
        ("maxburst", {"assoc_id": 1, "value": 2}, "=iI", (1, 2)),
        ("delayed_ack_time", SctpDelayedAck(1, 200, 2), "=iII", (1, 200, 2)),
        ("auth_active_key", SctpAuthKeyId(1, 2), "=iHxx", (1, 2)),
        ("auth_delete_key", SctpAuthKeyId(1, 2), "=iHxx", (1, 2)),
        ("auth_chunk", 15, "=B", (15,)),
        ("adaption_layer", UINT_MAX, "=I", (UINT_MAX,)),
        ("events", SctpEventSubscribe(*[True] * 7), "=10B", (*[1] * 7, 0, 0, 0)),
        (
            "default_send_params",
            SctpSendParams(stream=1, ppid=2, assoc_id=3),
            "=HHHxxIIIIIi",
            (1, 0, 0, 2, 0, 0, 0, 0, 3),
        ),
    ],
)
def test_sctp_records_are_the_structs_of_the_header(name, value, layout, fields):
    option = find("sctp", name)
    data = option.encode(value)
    assert data == struct.pack(layout, *fields)
    if option.decode:
        read = option.decode(data)
        assert (attrs.asdict(read) if isinstance(value, dict) else read) == value


@on_linux
def test_sctp_numbers_are_those_of_the_header():
    numbers = {o.name: o.number for o in options("sctp") if o.encode and o.number is not None}
    assert numbers == {
        "adaption_layer": 7,
        "associnfo": 1,
        "auth_active_key": 24,
        "auth_asconf": 30,
        "auth_chunk": 21,
        "auth_delete_key": 25,
        "autoclose": 4,
        "context": 17,
        "default_send_params": 10,
        "delayed_ack_time": 16,
        "disable_fragments": 8,
        "events": 11,
        "fragment_interleave": 18,
        "i_want_mapped_v4_addr": 12,
        "initmsg": 2,
        "maxburst": 20,
        "maxseg": 13,
        "nodelay": 3,
        "partial_delivery_point": 19,
        "rtoinfo": 0,
    }


def test_options_that_are_picked_by_association_ask_with_a_cleared_buffer():
    picked = {option.name for option in ALL if option.request}
    assert picked == {
        "associnfo",
        "auth_active_key",
        "context",
        "default_send_params",
        "delayed_ack_time",
        "maxburst",
        "rtoinfo",
    }


# ---- values ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "value", "kind"),
    [
        ("socket/keepalive", 1, TypeError),
        ("socket/keepalive", None, TypeError),
        ("tcp/nodelay", "true", TypeError),
        ("socket/rcvbuf", True, TypeError),
        ("socket/rcvbuf", 1.0, TypeError),
        ("socket/rcvbuf", INT_MAX + 1, ValueError),
        pytest.param("socket/rcvbuf", 10**5000, ValueError, id="huge"),
        ("socket/mark", -1, ValueError),
        ("socket/mark", UINT_MAX + 1, ValueError),
        ("socket/linger", "abort!", ValueError),
        ("socket/linger", (True, 3), TypeError),
        ("socket/linger", {"onoff": True}, ValueError),
        ("socket/linger", {"onoff": 1, "linger": 0}, TypeError),
        ("socket/linger", {"onoff": True, "linger": -1}, ValueError),
        ("socket/linger", {"onoff": True, "linger": True}, TypeError),
        ("socket/bindtodevice", "a" * 16, ValueError),
        ("socket/bindtodevice", "é" * 8, ValueError),
        ("socket/bindtodevice", "l\0o", ValueError),
        ("socket/bindtodevice", "\ud800", ValueError),
        ("socket/bindtodevice", 3, TypeError),
        ("socket/rcvtimeo", 1.5, TypeError),
        ("socket/rcvtimeo", TimeVal, TypeError),
        ("ip/tos", "cheap", ValueError),
        ("ip/tos", None, TypeError),
        ("ip/mtu_discover", "maybe", ValueError),
        ("ip/multicast_if", "lo", ValueError),
        ("ip/multicast_if", 1, TypeError),
        ("ip/multicast_if", (1, 2, 3), ValueError),
        ("ip/multicast_if", (1, 2, 3, 256), ValueError),
        ("ip/multicast_if", (1, 2, 3, True), TypeError),
        ("ip/add_membership", {"multiaddr": "224.1.2.3"}, ValueError),
        ("ip/add_membership", {"multiaddr": "224.1.2.3", "interface": 1}, TypeError),
        ("ip/add_membership", ("224.1.2.3", "any"), TypeError),
        ("ip/add_membership", SourceMembership("1.1.1.1", "any", "any"), TypeError),
        (
            "ip/msfilter",
            {"multiaddr": "any", "interface": "any", "mode": "in", "slist": []},
            ValueError,
        ),
        (
            "ip/msfilter",
            {"multiaddr": "any", "interface": "any", "mode": "include", "slist": "any"},
            TypeError,
        ),
        (
            "ip/msfilter",
            {"multiaddr": "any", "interface": "any", "mode": "include", "slist": ["::"]},
            ValueError,
        ),
        ("ipv6/add_membership", {"multiaddr": "ff02::1", "interface": -1}, ValueError),
        ("ipv6/add_membership", {"multiaddr": "ff02::1", "interface": "any"}, TypeError),
        ("ipv6/add_membership", {"multiaddr": "ff02::1%1", "interface": 1}, ValueError),
        ("ipv6/add_membership", {"multiaddr": (1,) * 4, "interface": 1}, ValueError),
        ("ipv6/multicast_hops", 256, ValueError),
        ("ipv6/multicast_hops", -1, ValueError),
        ("ipv6/unicast_hops", "many", ValueError),
        ("ipv6/unicast_hops", False, TypeError),
        ("ipv6/addrform", "foo", ValueError),
        ("tcp/congestion", "re\0no", ValueError),
        ("tcp/congestion", ["r"], TypeError),
        ("sctp/initmsg", {"num_ostreams": 0}, ValueError),
        ("sctp/rtoinfo", {"assoc_id": 0, "initial": -1, "max": 2, "min": 1}, ValueError),
        ("sctp/events", {"data_io": True}, ValueError),
        ("sctp/auth_chunk", 256, ValueError),
    ],
)
def test_a_wrong_value_is_named_with_what_is_accepted(what, value, kind):
    option = find(*what.split("/"))
    with pytest.raises(kind) as caught:
        option.encode(value)
    message = str(caught.value)
    assert type(caught.value) is kind
    assert message.startswith(f"option {what}: ")
    assert message.endswith(f"; accepted: {option.value}")
    assert message.count(option.value) == 1
    assert len(message) < 600


def test_the_field_of_a_record_that_is_wrong_is_named():
    with pytest.raises(TypeError, match="onoff must be True or False, not 1"):
        Linger(1, 0)
    with pytest.raises(ValueError, match=rf"linger must be in 0\.\.{INT_MAX}, not -1"):
        Linger(True, -1)
    with pytest.raises(ValueError, match=r"interface must be an IPv4 address .* got 'eth0'"):
        Membership("any", "eth0")
    with pytest.raises(TypeError, match=r"sourceaddr must be an IPv4 address .* got IPv6"):
        SourceMembership("any", "any", IPv6Address("::"))
    with pytest.raises(ValueError, match=r"slist\[1\] must be an IPv4 address"):
        MsgFilter("any", "any", "include", ["any", "none"])
    with pytest.raises(TypeError, match="mode must be 'include' or 'exclude', not None"):
        MsgFilter("any", "any", None, [])
    with pytest.raises(ValueError, match=r"multiaddr must be an IPv6 address .* zone"):
        Membership6(IPv6Address("fe80::1%1"), 1)
    with pytest.raises(ValueError, match="max_attempts must be in 0"):
        SctpInitMsg(0, 0, 0x10000, 0)


def test_addresses_in_records_have_one_spelling():
    assert Membership((224, 0, 0, 1), IPv4Address("10.0.0.1")) == Membership(
        "224.0.0.1", "10.0.0.1"
    )
    assert Membership("any", "loopback").interface == "127.0.0.1"
    assert Membership6("FF02:0::FB", 1).multiaddr == "ff02::fb"
    assert Membership6((0xFF02, 0, 0, 0, 0, 0, 0, 0xFB), 1) == Membership6("ff02::fb", 1)
    assert Membership6("::ffff:1.2.3.4", 0).multiaddr == "::ffff:1.2.3.4"
    assert Membership6("any", 0).multiaddr == "::"
    assert Membership6("loopback", 0).multiaddr == "::1"


def test_records_travel_they_are_frozen_and_hashable():
    group = MsgFilter("224.1.2.3", "any", "exclude", ["1.2.3.4"])
    assert hash(group) == hash(attrs.evolve(group))
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        group.mode = "include"
    assert not hasattr(Linger(True, 0), "__dict__")


def test_what_has_no_word_is_read_as_an_integer():
    def read(what, number):
        return find(*what.split("/")).decode(struct.pack("@i", number))

    assert read("socket/type", 4) == "rdm"
    assert read("socket/type", 5) == "seqpacket"
    assert read("socket/type", 77) == 77
    assert read("socket/domain", 16) == 16
    assert read("socket/protocol", 0) == "default"
    assert read("socket/protocol", 58) == "ipv6-icmp"
    assert read("socket/protocol", 255) == 255
    assert read("ip/mtu_discover", 9) == 9


def test_a_linger_beyond_all_bounds_is_read_as_the_longest():
    assert find("socket", "linger").decode(struct.pack("@ii", 1, -1)) == Linger(True, INT_MAX)


# ---- codecs in general -----------------------------------------------------------------------

ROUND_TRIPS = {
    "socket/keepalive": st.booleans(),
    "socket/rcvbuf": INTEGERS,
    "socket/mark": UNSIGNED,
    "socket/linger": st.builds(Linger, st.booleans(), NATURALS),
    "socket/rcvtimeo": st.builds(
        TimeVal, st.integers(-(2**31), 2**31 - 1), st.integers(0, 999_999)
    ),
    "socket/bindtodevice": st.text("abcxyz0189-._", max_size=15),
    "ip/multicast_if": IN_ADDRS.map(str),
    "ip/mtu_discover": st.sampled_from(["want", "dont", "do", "probe"]) | st.integers(4, INT_MAX),
    "ip/tos": st.sampled_from(["lowdelay", "throughput", "reliability", "mincost"])
    | st.integers(0, 255).filter(lambda tos: tos & 0x1E not in (16, 8, 4, 2)),
    "ipv6/multicast_hops": st.integers(0, 255),
    "tcp/congestion": st.text("abcxyz_", min_size=1, max_size=15),
    "sctp/initmsg": st.builds(SctpInitMsg, UINT16, UINT16, UINT16, UINT16),
    "sctp/rtoinfo": st.builds(SctpRtoInfo, INTEGERS, UNSIGNED, UNSIGNED, UNSIGNED),
    "sctp/associnfo": st.builds(
        SctpAssocParams, INTEGERS, UINT16, UINT16, UNSIGNED, UNSIGNED, UNSIGNED
    ),
    "sctp/delayed_ack_time": st.builds(SctpDelayedAck, INTEGERS, UNSIGNED, UNSIGNED),
    "sctp/auth_active_key": st.builds(SctpAuthKeyId, INTEGERS, UINT16),
}


@given(st.data())
@pytest.mark.parametrize("what", ROUND_TRIPS)
def test_a_value_comes_back_as_it_was(what, data):
    option = find(*what.split("/"))
    value = data.draw(ROUND_TRIPS[what])
    read = option.decode(as_written(option.encode(value)))
    assert read == value
    assert type(read) is type(value)
    if attrs.has(type(value)):
        assert option.decode(option.encode(attrs.asdict(value))) == value


@given(IN_ADDRS, IN_ADDRS, IN_ADDRS, st.lists(IN_ADDRS), st.sampled_from(["include", "exclude"]))
def test_multicast_structs_hold_their_addresses(group, interface, source, sources, mode):
    def encode(name, value):
        return find("ip", name).encode(value)

    assert encode("add_membership", Membership(group, interface)) == (
        group.packed + interface.packed
    )
    assert set(
        struct.iter_unpack("4s", encode("block_source", SourceMembership(group, interface, source)))
    ) == {(group.packed,), (interface.packed,), (source.packed,)}
    assert encode("msfilter", MsgFilter(group, interface, mode, sources)) == (
        group.packed
        + interface.packed
        + struct.pack("@II", mode == "include", len(sources))
        + b"".join(address.packed for address in sources)
    )


@given(IN6_ADDRS, NATURALS)
def test_the_ipv6_membership_struct_holds_address_and_index(group, interface):
    encoded = find("ipv6", "add_membership").encode(Membership6(group, interface))
    assert encoded == group.packed + struct.pack("@I", interface)


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-5, 300)
    | st.floats()
    | st.text(max_size=20)
    | st.binary(max_size=20)
    | IN_ADDRS
    | IN6_ADDRS
    | st.sampled_from(["abort", "default", "any", "loopback", "want", "lowdelay", "inet"])
    | st.sampled_from([Linger(True, 1), TimeVal(1, 2), Membership("any", "any"), object(), int])
)
KEYS = st.sampled_from(
    sorted(
        {"onoff", "linger", "sec", "usec", "multiaddr", "interface", "sourceaddr", "mode", "slist"}
        | {field.name for field in attrs.fields(SctpRtoInfo)}
    )
)
JUNK = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.lists(inner, max_size=9).map(tuple)
        | st.dictionaries(KEYS | st.text(max_size=3), inner, max_size=6)
    ),
    max_leaves=8,
)


def outcome(function, value):
    """The result, or the text of a `TypeError` or `ValueError`; one of the two is `None`."""
    try:
        return function(value), None
    except (TypeError, ValueError) as problem:
        return None, str(problem)


@given(JUNK)
def test_whatever_is_given_is_encoded_or_refused_in_good_order(value):
    for option in ALL:
        if option.encode:
            encoded, refusal = outcome(option.encode, value)
            if refusal is not None:
                assert refusal.startswith(f"option {key(option)}: ")
            else:
                assert type(encoded) in (int, bytes)
                assert type(encoded) is bytes or -INT_MAX - 1 <= encoded <= INT_MAX


@given(st.binary(max_size=200))
def test_whatever_the_kernel_gives_is_decoded(data):
    for option in ALL:
        if option.decode:
            option.decode(data)


@given(st.lists(st.tuples(st.sampled_from([0, 41]), st.integers(0, 70), st.binary(max_size=30))))
def test_packet_options_are_taken_apart_at_their_seams(messages):
    data = b""
    for level, kind, payload in messages:
        data += struct.pack("@Nii", socket.CMSG_LEN(len(payload)), level, kind) + payload
        data += bytes(socket.CMSG_SPACE(len(payload)) - socket.CMSG_LEN(len(payload)))
    decoded = find("ip", "pktoptions").decode(data)
    assert [message.data for message in decoded] == [payload for _, _, payload in messages]


# ---- level otp -------------------------------------------------------------------------------


def test_the_otp_level_has_the_documented_options():
    assert " ".join(OTP_OPTIONS) == (
        "debug iow controlling_process rcvbuf rcvctrlbuf sndctrlbuf meta fd use_registry domain "
        "type protocol select_read"
    )
    get_only = {name for name, option in OTP_OPTIONS.items() if option.check is None}
    assert get_only == {"fd", "domain", "type", "protocol"}
    owner_only = {name for name, option in OTP_OPTIONS.items() if option.owner_only}
    assert owner_only == {"controlling_process", "meta"}
    assert {name: option.default for name, option in OTP_OPTIONS.items() if option.check} == {
        "debug": False,
        "iow": False,
        "controlling_process": None,
        "rcvbuf": 8192,
        "rcvctrlbuf": 1024,
        "sndctrlbuf": 1024,
        "meta": None,
        "use_registry": True,
        "select_read": False,
    }


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("debug", True, True),
        ("iow", False, False),
        ("select_read", True, True),
        ("rcvbuf", "default", 8192),
        ("rcvbuf", 1, 1),
        ("rcvbuf", (1, 100), (1, 100)),
        ("rcvbuf", (4, "default"), (4, 8192)),
        ("rcvctrlbuf", "default", 1024),
        ("rcvctrlbuf", 1, 1),
        ("sndctrlbuf", 4096, 4096),
        ("use_registry", True, True),
        ("meta", None, None),
        ("controlling_process", 17, 17),
    ],
)
def test_an_otp_value_is_kept_as_it_reads_back(name, value, kept):
    assert find_otp(name).check(value) == kept


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("debug", 1, TypeError),
        ("iow", "true", TypeError),
        ("select_read", 0, TypeError),
        ("rcvbuf", 0, ValueError),
        ("rcvbuf", -1, ValueError),
        ("rcvbuf", True, TypeError),
        ("rcvbuf", None, TypeError),
        ("rcvbuf", "big", ValueError),
        ("rcvbuf", INT_MAX + 1, ValueError),
        ("rcvbuf", (0, 1), ValueError),
        ("rcvbuf", (1, 0), ValueError),
        ("rcvbuf", (1,), ValueError),
        ("rcvbuf", ("default", 1), TypeError),
        ("rcvbuf", [1, 100], TypeError),
        ("rcvctrlbuf", 0, ValueError),
        ("sndctrlbuf", (1, 2), TypeError),
        ("use_registry", False, ValueError),
        ("use_registry", 1, TypeError),
    ],
)
def test_a_wrong_otp_value_is_named_with_what_is_accepted(name, value, kind):
    option = find_otp(name)
    with pytest.raises(kind) as caught:
        option.check(value)
    assert str(caught.value).startswith(f"option otp/{name}: {value!r} is refused: ")
    assert str(caught.value).endswith(f"; accepted: {option.value}")


@given(JUNK)
def test_whatever_is_given_to_otp_is_kept_or_refused_in_good_order(value):
    for option in OTP_OPTIONS.values():
        if option.check:
            _, refusal = outcome(option.check, value)
            assert refusal is None or refusal.startswith(f"option otp/{option.name}: ")


def test_an_unknown_otp_option_is_named():
    for name in ("sndbuf", "assoc_id"):
        with pytest.raises(ValueError, match=f"option: '{name}' is unknown to level 'otp'"):
            find_otp(name)
    with pytest.raises(TypeError, match="option: 3 is not a str"):
        find_otp(3)


# ---- native mode -----------------------------------------------------------------------------


def test_a_native_level_is_a_number_socket_or_a_protocol():
    assert native_level(17) == 17
    assert native_level("socket") == socket.SOL_SOCKET
    assert native_level("tcp") == native_level("TCP") == 6
    assert native_level("ipv6-icmp") == native_level("IPv6-ICMP") == 58
    assert native_level("ospfigp") == 89
    for unknown in ("otp", "default", "no-such-protocol", "", "a\0b", "\ud800", 2**31):
        with pytest.raises(ValueError, match=r"^level: .* accepted: "):
            native_level(unknown)
    for wrong in (True, None, 1.0, b"tcp"):
        with pytest.raises(TypeError, match=r"^level: .* accepted: "):
            native_level(wrong)


@on_linux
def test_a_native_option_is_a_number_or_a_name_of_the_level():
    assert native_option(6, 1) == 1
    assert native_option("socket", "keepalive") == socket.SO_KEEPALIVE
    assert native_option("socket", "peek_off") == 42
    assert native_option("TCP", "nodelay") == socket.TCP_NODELAY
    assert native_option("ip", "options") == socket.IP_OPTIONS
    assert native_option("socket", "setfib") is None  # known, but not here
    for level, unknown in (("tcp", "foo"), (1, "keepalive"), ("icmp", "x"), ("tcp", 2**31)):
        with pytest.raises(ValueError, match="accepted"):
            native_option(level, unknown)
    for wrong in (True, None, 1.0):
        with pytest.raises(TypeError, match=r"^option: .* accepted: "):
            native_option("tcp", wrong)


def test_a_native_value_goes_as_it_is():
    assert encode_native(-1) == -1
    assert encode_native(True) == 1
    assert type(encode_native(False)) is int
    assert encode_native(b"raw") == b"raw"
    assert encode_native(bytearray(b"raw")) == b"raw"
    assert encode_native(memoryview(b"raw")[1:]) == b"aw"
    assert encode_native(b"") == b""
    for wrong in (None, 1.0, "raw", [1]):
        with pytest.raises(TypeError, match=r"^value: .* accepted: "):
            encode_native(wrong)
    with pytest.raises(ValueError, match="does not fit a C int"):
        encode_native(2**31)


@pytest.mark.parametrize(
    ("spec", "read"),
    [
        ("integer", 1),
        ("int", 1),
        (int, 1),
        ("boolean", True),
        ("bool", True),
        (bool, True),
        (4, struct.pack("@i", 1)),
        (100_000, struct.pack("@i", 1)),
        (2, struct.pack("@i", 1)[:2]),
        (b"xyz", struct.pack("@i", 1)[:3]),
        (bytearray(8), struct.pack("@i", 1)),
        (b"", b""),
    ],
)
def test_a_native_value_is_read_as_told(opened, spec, read):
    sock = opened("tcp")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, encode_native(True))
    how = native_spec(spec)
    data = sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, how.size)
    assert how.decode(data) == read


def test_a_native_buffer_brings_its_content():
    assert native_spec(b"abc").request == b"abc"
    assert native_spec(memoryview(b"abc")).size == 3
    assert native_spec(12).request == b""


def test_an_impossible_native_size_is_answered_as_the_kernel_does():
    assert native_spec(0) == Error("efault")
    assert native_spec(-1) == Error("einval")


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        ("foo", ValueError),
        (2**31, ValueError),
        (True, TypeError),
        (None, TypeError),
        (3.0, TypeError),
        (str, TypeError),
        ([4], TypeError),
    ],
)
def test_another_native_spec_is_refused(spec, kind):
    with pytest.raises(kind, match=r"^value spec: .* accepted: "):
        native_spec(spec)


@given(JUNK)
def test_whatever_is_given_to_the_native_mode_is_taken_or_refused_in_good_order(value):
    for function in (native_level, encode_native, native_spec):
        _, refusal = outcome(function, value)
        assert refusal is None or "accepted" in refusal


# ---- protocols -------------------------------------------------------------------------------


def test_protocols_have_the_names_of_the_system():
    for name, number in (("tcp", 6), ("udp", 17), ("icmp", 1), ("ip", 0), ("sctp", 132)):
        assert protocol_number(name) == number
        assert protocol_name(number) == name
    assert protocol_number("MPLS-in-IP") == 137
    assert protocol_number("ipsec-esp") == 50
    assert protocol_name(50) == "esp"
    assert protocol_name(255) == 255
    assert protocol_number("default") is None
