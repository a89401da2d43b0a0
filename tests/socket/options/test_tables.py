"""The tables of options and of native mode, without a socket."""

import re
import socket
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorsock.results import Error
from actorsock.socket.options import (
    LEVELS,
    OTP_OPTIONS,
    encode_native,
    find,
    native_level,
    native_option,
    native_spec,
    options,
    supported,
)

from .junk import JUNK, outcome

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="the numbers are Linux's")

ALL = [option for level in LEVELS for option in options(level)]

# Each option of Erlang's documentation, in its order, with its number on Linux ("-": Linux lacks
# it) and, unless it can be set and read, its access.
TABLES = {
    "socket": """
        acceptconn=30/get acceptfilter=-/- bindtodevice=25 broadcast=6 bsp_state=-/-
        busy_poll=46 debug=1 domain=39/get dontroute=5 error=4/get exclusiveaddruse=-
        keepalive=9 linger=13 mark=36 max_msg_size=-/- maxdg=-/- oobinline=10 passcred=16
        peek_off=42 peercred=17/get priority=12 protocol=38/get rcvbuf=8 rcvbufforce=33/set
        rcvlowat=18 rcvtimeo=20 reuseaddr=2 reuseport=15 rxq_ovfl=40 setfib=-/- sndbuf=7
        sndbufforce=32/set sndlowat=19/get sndtimeo=21 timestamp=29 type=3/get
    """,
    "ip": """
        add_membership=35/set add_source_membership=39/set block_source=38/set dontfrag=-
        drop_membership=36/set drop_source_membership=40/set freebind=15 hdrincl=3 minttl=21
        msfilter=41/set mtu=14/get mtu_discover=10 multicast_all=49 multicast_if=32
        multicast_loop=34 multicast_ttl=33 nodefrag=22 options=4/- pktinfo=8
        pktoptions=9/get recvdstaddr=- recverr=11 recvif=- recvopts=6 recvorigdstaddr=20
        recvtos=13 recvttl=12 retopts=7 router_alert=5 sendsrcaddr=- tos=1 transparent=19
        ttl=2 unblock_source=37/set
    """,
    "ipv6": """
        add_membership=20/set addrform=1/set auth_level=-/- authhdr=10 checksum=7
        drop_membership=21/set dstopts=59 esp_network_level=-/- esp_trans_level=-/-
        faith=-/- flowinfo=11 hoplimit=52 hopopts=54 ipcomp_level=-/- join_group=20/set
        leave_group=21/set mtu=24 mtu_discover=23 multicast_hops=18 multicast_if=17
        multicast_loop=19 pktoptions=6/get portrange=-/- recverr=25 recvhoplimit=51
        recvpktinfo=49 recvtclass=66 router_alert=22 rthdr=57 tclass=67 unicast_hops=16
        use_min_mtu=- v6only=26
    """,
    "tcp": """
        congestion=13 cork=3 info=11/get keepcnt=6 keepidle=4 keepintvl=5 maxseg=2
        md5sig=14/- nodelay=1 noopt=- nopush=- syncnt=7 user_timeout=18
    """,
    "udp": """
        cork=1
    """,
    "sctp": """
        adaption_layer=7 associnfo=1 auth_active_key=24 auth_asconf=30 auth_chunk=21/set
        auth_delete_key=25/set auth_key=23/- autoclose=4 context=17 default_send_params=10
        delayed_ack_time=16 disable_fragments=8 events=11/set explicit_eor=-
        fragment_interleave=18 get_peer_addr_info=15/- hmac_ident=22/-
        i_want_mapped_v4_addr=12 initmsg=2 local_auth_chunks=27/- maxburst=20 maxseg=13
        nodelay=3 partial_delivery_point=19 peer_addr_params=9/- peer_auth_chunks=26/-
        primary_addr=6/- reset_streams=119/- rtoinfo=0 set_peer_primary_addr=5/- status=14/-
        use_ext_recvinfo=-
    """,
}


def rows(level: str) -> list[tuple[str, str, str]]:
    """Name, number and access of each option."""
    found = (re.fullmatch(r"(\w+)=(\d+|-)/?(.*)", word) for word in TABLES[level].split())
    return [match.groups() for match in found if match]  # type: ignore[misc]


@pytest.mark.parametrize("level", TABLES)
def test_every_documented_option_has_a_row_with_its_access(level: str) -> None:
    def access(can_set: bool, can_get: bool) -> str:
        return {(1, 1): "", (1, 0): "set", (0, 1): "get", (0, 0): "-"}[can_set, can_get]

    assert [
        (o.name, access(o.encode is not None, o.decode is not None)) for o in options(level)
    ] == [(name, access) for name, _, access in rows(level)]


@on_linux
@pytest.mark.parametrize("level", TABLES)
def test_the_numbers_are_those_of_linux(level: str) -> None:
    numbers = [(name, None if n == "-" else int(n)) for name, n, _ in rows(level)]
    assert [(o.name, o.number) for o in options(level)] == numbers


def test_the_levels_have_their_numbers() -> None:
    assert {option.level: option.level_number for option in ALL} == {
        "socket": socket.SOL_SOCKET,
        "ip": socket.IPPROTO_IP,
        "ipv6": socket.IPPROTO_IPV6,
        "tcp": socket.IPPROTO_TCP,
        "udp": socket.IPPROTO_UDP,
        "sctp": 132,
    }
    assert list(TABLES) == list(LEVELS)


def test_every_option_says_what_it_takes_and_what_buffer_it_needs() -> None:
    for option in ALL:
        assert option.value
        assert (option.size > 0) == (option.decode is not None)
        assert option.request in (b"", bytes(option.size))


def test_options_that_are_picked_by_association_ask_with_a_cleared_buffer() -> None:
    assert " ".join(option.name for option in ALL if option.request) == (
        "associnfo auth_active_key context default_send_params delayed_ack_time maxburst rtoinfo"
    )


def test_names_and_levels_are_strings() -> None:
    with pytest.raises(TypeError, match="level: 1 is not a str"):
        find(1, "keepalive")
    with pytest.raises(TypeError, match="option: None is not a str"):
        find("socket", None)


def test_a_known_option_is_found() -> None:
    assert find("socket", "keepalive").name == "keepalive"


@on_linux
def test_supported_tells_what_may_be_used_here() -> None:
    for level in LEVELS:
        assert supported(level) == {
            name: number != "-" and access != "-" and name != "peek_off"  # not announced
            for name, number, access in rows(level)
        }
    for unknown in ("otp", "foo", 1, None, []):
        assert supported(unknown) == {}


# --- level otp ------------------------------------------------------------------------------------


def test_the_otp_level_has_the_documented_options() -> None:
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


@given(JUNK)
def test_any_value_of_level_otp_is_kept_or_refused_with_its_name(value: Any) -> None:
    for option in OTP_OPTIONS.values():
        if option.check:
            _, refusal = outcome(option.check, value)
            assert refusal is None or refusal.startswith(f"option otp/{option.name}: ")


# --- native mode ----------------------------------------------------------------------------------


def test_a_native_level_is_a_number_socket_or_a_protocol() -> None:
    assert native_level(17) == 17
    assert native_level("socket") == socket.SOL_SOCKET
    assert native_level("tcp") == native_level("TCP") == 6
    assert native_level("ipv6-icmp") == native_level("IPv6-ICMP") == 58
    assert native_level("ospfigp") == 89


@on_linux
def test_a_native_option_is_a_number_or_a_name_of_the_level() -> None:
    assert native_option(6, 1) == 1
    assert native_option("socket", "keepalive") == socket.SO_KEEPALIVE
    assert native_option("socket", "peek_off") == 42
    assert native_option("TCP", "nodelay") == socket.TCP_NODELAY
    assert native_option("ip", "options") == socket.IP_OPTIONS
    assert native_option("socket", "setfib") is None  # known, but not here


def test_a_native_value_goes_as_it_is() -> None:
    assert encode_native(-1) == -1
    assert encode_native(True) == 1
    assert type(encode_native(False)) is int
    assert encode_native(b"raw") == b"raw"
    assert encode_native(bytearray(b"raw")) == b"raw"
    assert encode_native(memoryview(b"raw")[1:]) == b"aw"
    assert encode_native(b"") == b""


def test_a_native_buffer_brings_its_content() -> None:
    for spec in (b"abc", memoryview(b"abc")):
        read = native_spec(spec)
        assert not isinstance(read, Error)
        assert (read.request, read.size) == (b"abc", 3)
    read = native_spec(12)
    assert not isinstance(read, Error)
    assert read.request == b""


NO_INTEGER = [(wrong, TypeError) for wrong in (True, None, 1.0)]
REFUSED = {
    native_level: [
        *((w, ValueError) for w in ("otp", "default", "no-such-protocol", "", "a\0b", "\ud800")),
        *[(2**31, ValueError), (b"tcp", TypeError), *NO_INTEGER],
    ],
    encode_native: [(2**31, ValueError), *((w, TypeError) for w in (None, 1.0, "raw", [1]))],
    native_spec: [
        *[("foo", ValueError), (2**31, ValueError), (3.0, TypeError), (str, TypeError)],
        *[([4], TypeError), (True, TypeError), (None, TypeError)],
    ],
}
NAMED = {native_level: "level", encode_native: "value", native_spec: "value spec"}


@pytest.mark.parametrize("function", REFUSED, ids=NAMED.get)
def test_a_wrong_native_argument_is_named(function: Any) -> None:
    for wrong, error in REFUSED[function]:
        with pytest.raises(error, match=rf"^{NAMED[function]}: .* accepted: "):
            function(wrong)


@pytest.mark.parametrize(
    ("level", "wrong", "error"),
    [
        *[("tcp", "foo", ValueError), (1, "keepalive", ValueError), ("icmp", "x", ValueError)],
        *[("tcp", 2**31, ValueError), *(("tcp", wrong, error) for wrong, error in NO_INTEGER)],
    ],
)
def test_a_wrong_native_option_is_named(level: Any, wrong: Any, error: Any) -> None:
    with pytest.raises(error, match=r"^(option|level): .* accepted"):
        native_option(level, wrong)


@given(JUNK)
def test_any_argument_of_native_mode_is_taken_or_refused(value: Any) -> None:
    for function in REFUSED:
        _, refusal = outcome(function, value)
        assert refusal is None or "accepted" in refusal


@given(st.integers(-(2**31), 2**31 - 1))
def test_a_size_is_impossible_as_the_kernel_says(size: int) -> None:
    answer = native_spec(size)
    if size > 0:
        assert not isinstance(answer, Error)
    else:
        assert answer == Error("einval" if size else "efault")
