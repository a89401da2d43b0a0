"""The values of options: what an encoder makes of them, refuses, and gets back."""

import socket
import struct
from ipaddress import IPv4Address, IPv6Address

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorsock.socket.options import (
    LEVELS,
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
    TimeVal,
    find,
    options,
)

from .junk import IN6_ADDRS, IN_ADDRS, JUNK, outcome

ALL = [option for level in LEVELS for option in options(level)]
INT_MAX = 2**31 - 1
UINT_MAX = 2**32 - 1
INTEGERS = st.integers(-INT_MAX - 1, INT_MAX)
NATURALS = st.integers(0, INT_MAX)
UNSIGNED = st.integers(0, UINT_MAX)
UINT16 = st.integers(0, 0xFFFF)


def key(option):
    return f"{option.level}/{option.name}"


def as_written(encoded):
    """The bytes that the kernel sees: the standard library passes an integer as a C int."""
    return struct.pack("@i", encoded) if isinstance(encoded, int) else encoded


# --- wrong values ---------------------------------------------------------------------------------

GROUP = {"multiaddr": "any", "interface": "any"}
WRONG = {
    "socket/keepalive": [(wrong, TypeError) for wrong in (1, 0, None, "true")],
    "tcp/nodelay": [("true", TypeError)],
    "socket/rcvbuf": [
        *[(True, TypeError), (1.0, TypeError), (INT_MAX + 1, ValueError), (10**5000, ValueError)]
    ],
    "socket/mark": [(-1, ValueError), (UINT_MAX + 1, ValueError)],
    "socket/linger": [
        ("abort!", ValueError),
        ((True, 3), TypeError),
        ({"onoff": True}, ValueError),
        ({"onoff": 1, "linger": 0}, TypeError),
        ({"onoff": True, "linger": -1}, ValueError),
        ({"onoff": True, "linger": True}, TypeError),
    ],
    "socket/bindtodevice": [
        *((name, ValueError) for name in ("a" * 16, "é" * 8, "l\0o", "\ud800")),
        (3, TypeError),
    ],
    "socket/rcvtimeo": [(1.5, TypeError), (TimeVal, TypeError)],
    "ip/tos": [("cheap", ValueError), (None, TypeError)],
    "ip/mtu_discover": [("maybe", ValueError)],
    "ip/multicast_if": [
        *[("lo", ValueError), (1, TypeError), ((1, 2, 3), ValueError)],
        *[((1, 2, 3, 256), ValueError), ((1, 2, 3, True), TypeError)],
    ],
    "ip/add_membership": [
        ({"multiaddr": "224.1.2.3"}, ValueError),
        ({"multiaddr": "224.1.2.3", "interface": 1}, TypeError),
        (("224.1.2.3", "any"), TypeError),
        (SourceMembership("1.1.1.1", "any", "any"), TypeError),
    ],
    "ip/msfilter": [
        ({**GROUP, "mode": "in", "slist": []}, ValueError),
        ({**GROUP, "mode": "include", "slist": "any"}, TypeError),
        ({**GROUP, "mode": "include", "slist": ["::"]}, ValueError),
    ],
    "ipv6/add_membership": [
        ({"multiaddr": "ff02::1", "interface": -1}, ValueError),
        ({"multiaddr": "ff02::1", "interface": "any"}, TypeError),
        ({"multiaddr": "ff02::1%1", "interface": 1}, ValueError),
        ({"multiaddr": (1,) * 4, "interface": 1}, ValueError),
    ],
    "ipv6/multicast_hops": [(256, ValueError), (-1, ValueError)],
    "ipv6/unicast_hops": [("many", ValueError), (False, TypeError)],
    "ipv6/addrform": [("foo", ValueError)],
    "tcp/congestion": [("re\0no", ValueError), (["r"], TypeError)],
    "sctp/initmsg": [({"num_ostreams": 0}, ValueError)],
    "sctp/rtoinfo": [({"assoc_id": 0, "initial": -1, "max": 2, "min": 1}, ValueError)],
    "sctp/events": [({"data_io": True}, ValueError)],
    "sctp/auth_chunk": [(256, ValueError)],
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_value_is_named_with_what_is_accepted(what):
    option = find(*what.split("/"))
    for value, error in WRONG[what]:
        with pytest.raises(error) as caught:
            option.encode(value)
        message = str(caught.value)
        assert type(caught.value) is error
        assert message.startswith(f"option {what}: ")
        assert message.endswith(f"; accepted: {option.value}")
        assert message.count(option.value) == 1
        assert len(message) < 600


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: Linger(1, 0), TypeError, "onoff must be True or False, not 1"),
        (lambda: Linger(True, -1), ValueError, rf"linger must be in 0\.\.{INT_MAX}, not -1"),
        (
            lambda: Membership("any", "eth0"),
            *(ValueError, r"interface must be an IPv4 address .* got 'eth0'"),
        ),
        (
            lambda: SourceMembership("any", "any", IPv6Address("::")),
            *(TypeError, r"sourceaddr must be an IPv4 address .* got IPv6"),
        ),
        (
            lambda: MsgFilter("any", "any", "include", ["any", "none"]),
            *(ValueError, r"slist\[1\] must be an IPv4 address"),
        ),
        (
            lambda: MsgFilter("any", "any", None, []),
            *(TypeError, "mode must be 'include' or 'exclude', not None"),
        ),
        (
            lambda: Membership6(IPv6Address("fe80::1%1"), 1),
            *(ValueError, r"multiaddr must be an IPv6 address .* zone"),
        ),
        (lambda: SctpInitMsg(0, 0, 0x10000, 0), ValueError, "max_attempts must be in 0"),
    ],
)
def test_the_field_of_a_record_that_is_wrong_is_named(make, error, says):
    with pytest.raises(error, match=says):
        make()


# --- records --------------------------------------------------------------------------------------


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


@pytest.mark.parametrize(
    ("what", "number", "read"),
    [
        ("socket/type", 4, "rdm"),
        ("socket/type", 5, "seqpacket"),
        ("socket/type", 77, 77),
        ("socket/domain", 16, 16),
        ("socket/protocol", 0, "default"),
        ("socket/protocol", 58, "ipv6-icmp"),
        ("socket/protocol", 255, 255),
        ("ip/mtu_discover", 9, 9),
    ],
)
def test_a_number_without_a_word_is_read_as_itself(what, number, read):
    assert find(*what.split("/")).decode(struct.pack("@i", number)) == read


def test_a_boolean_is_true_by_any_of_its_bytes():
    for name in ("hopopts", "dstopts"):
        decode = find("ipv6", name).decode
        assert [decode(data) for data in (b"", bytes(4), b"\0\1", bytes(7) + b"\1")] == [
            *[False, False, True, True]
        ]


def test_a_linger_beyond_all_bounds_is_read_as_the_longest():
    assert find("socket", "linger").decode(struct.pack("@ii", 1, -1)) == Linger(True, INT_MAX)


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
        ("partial_delivery_point", UINT_MAX, "=I", (UINT_MAX,)),
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


# --- codecs in general ----------------------------------------------------------------------------

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


@given(JUNK)
def test_any_value_is_encoded_or_refused_with_the_name_of_the_option(value):
    for option in ALL:
        if option.encode:
            encoded, refusal = outcome(option.encode, value)
            if refusal is not None:
                assert refusal.startswith(f"option {key(option)}: ")
            else:
                assert type(encoded) in (int, bytes)
                assert type(encoded) is bytes or -INT_MAX - 1 <= encoded <= INT_MAX


@given(st.binary(max_size=200))
def test_any_bytes_are_decoded(data):
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
