"""Control messages by name and value: their bytes, and the bytes of the kernel.

Their way through the kernel is tested with `sendmsg` and `recvmsg`.
"""

import socket
import struct
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorsock.socket.values import control
from actorsock.socket.values.address import (
    SockAddrIn,
    SockAddrNative,
    SockAddrUnspec,
    to_bytes,
)
from actorsock.socket.values.control import ControlMessage, decode_control, encode_control, space
from actorsock.socket.values.control_types import ControlType, ExtendedError, Ip6PktInfo, IpPktInfo
from actorsock.socket.values.records import Credentials, TimeVal

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the numbers are Linux's")

RECVERR, RECVTTL, RECVTOS, RECVORIGDSTADDR = 11, 12, 13, 20
PKTINFO, SO_TIMESTAMP, RECVPKTINFO6, RECVERR6 = 8, 29, 49, 25

V4_INFO = {"ifindex": 0, "spec_dst": "any", "addr": "any"}


def one(*args, **kwargs):
    """A single control message, encoded."""
    (encoded,) = encode_control([ControlMessage(*args, **kwargs)])
    return encoded


class TestEncoding:
    def test_nothing_is_nothing(self):
        assert encode_control(()) == encode_control([]) == []
        assert space([]) == 0

    @pytest.mark.parametrize(
        ("message", "encoded"),
        [
            (("ip", "tos", None, "lowdelay"), (0, 1, struct.pack("=i", 0x10))),
            (("ip", "tos", None, 3), (0, 1, struct.pack("=i", 3))),
            (("ip", "ttl", 5), (0, 2, struct.pack("=i", 5))),
            (("ip", "tos", True), (0, 1, struct.pack("=i", 1))),
            (("ip", "ttl", -1), (0, 2, struct.pack("=i", -1))),
            ((0, 2, bytearray(b"abcd")), (0, 2, b"abcd")),
            (("ip", "recvtos", b""), (0, 13, b"")),
            (("tcp", 7, memoryview(b"x")), (6, 7, b"x")),
            ((-1, -2, b"x"), (-1, -2, b"x")),
            (("socket", "rights", None, (3, 4)), (1, 1, struct.pack("=ii", 3, 4))),
            (
                ("socket", "credentials", None, Credentials(1, 2, 3)),
                (1, 2, struct.pack("=iII", 1, 2, 3)),
            ),
            (
                ("socket", "credentials", None, {"pid": 1, "uid": 2, "gid": 3}),
                (1, 2, struct.pack("=iII", 1, 2, 3)),
            ),
            (("socket", "timestamp", None, TimeVal(5, 6)), (1, 29, struct.pack("ll", 5, 6))),
            (
                ("ip", "pktinfo", None, IpPktInfo(2, "127.0.0.1", "any")),
                (0, 8, b"\2\0\0\0\x7f\0\0\1" + bytes(4)),
            ),
            (("ipv6", "pktinfo", None, Ip6PktInfo("::1", 2)), (41, 50, bytes(15) + b"\1\2\0\0\0")),
            (
                ("ipv6", "pktinfo", None, {"addr": "loopback", "ifindex": 2}),
                (41, 50, bytes(15) + b"\1\2\0\0\0"),
            ),
        ],
    )
    def test_a_message_and_its_map_give_the_same_bytes(self, message, encoded):
        level, type_, data, value = (*message, None)[:4]
        if sys.byteorder == "big":
            pytest.skip("the expected bytes are little-endian")
        assert encode_control([ControlMessage(level, type_, data, value)]) == [encoded]
        keys = {"level": level, "type": type_}
        keys |= {"value": value} if data is None else {"data": data}
        assert encode_control(({**keys, "more": "ignored"},)) == [encoded]

    @pytest.mark.parametrize(
        ("wrong", "error", "says"),
        [
            (None, TypeError, "None is not a list"),
            (ControlMessage("ip", "ttl", 5), TypeError, "is not a list"),
            ({"level": "ip", "type": "ttl", "data": 5}, TypeError, "is not a list"),
            ("ttl", TypeError, "'ttl' is not a list"),
        ],
    )
    def test_messages_must_be_a_list(self, wrong, error, says):
        with pytest.raises(error, match=says) as raised:
            encode_control(wrong)
        assert str(raised.value).startswith("ctrl: ")

    @pytest.mark.parametrize(
        ("wrong", "error", "says"),
        [
            ("foo", TypeError, "'foo' is not a control message"),
            ((0, 2, b"abcd"), TypeError, "is not a control message; accepted are"),
            ({}, ValueError, 'has no "level"'),
            ({"level": "ip", "value": 5}, ValueError, 'has no "type"'),
            (
                ("foo", "rights", 5),
                ValueError,
                r"level: 'foo' .*accepted.* \"socket\" or the name of a protocol",
            ),
            (("otp", "debug", 5), ValueError, "level: 'otp'"),
            ((None, "ttl", 5), TypeError, "level: None"),
            ((True, "ttl", 5), TypeError, "level: True"),
            ((2**32, 2, 5), ValueError, "level: 4294967296"),
            (("ip", "foo", 5), ValueError, "type 'foo' is unknown to level 'ip'; accepted are tos"),
            (("tcp", "ttl", 5), ValueError, "unknown to level 'tcp'; accepted are integers"),
            (("ip", None, 5), TypeError, "type: expected a word or a C int, got None"),
            (("ip", 2**31, 5), ValueError, "type: expected .* got 2147483648"),
            (("ip", "ttl"), ValueError, "neither data nor value"),
            (("ip", "ttl", 5, 5), ValueError, "both data and value"),
            (("ip", "recvtos", None, 5), ValueError, "cannot be sent by value.* ip/tos, ip/ttl"),
            (("ip", 2, None, 5), ValueError, "type 2 of level 'ip' cannot be sent by value"),
            (("ip", "ttl", "abcd"), TypeError, "data 'abcd' is not bytes-like"),
            (("ip", "ttl", 2**31), ValueError, "data: expected .* C int, got 2147483648"),
            (
                ("ip", "ttl", -(2**80)),
                ValueError,
                "data: expected .* got -1208925819614629174706176",
            ),
            (("ip", "ttl", None, True), TypeError, "value True: .*accepted: an integer"),
            (("ip", "ttl", None, "1"), TypeError, "value '1': .*accepted: an integer"),
            (("ip", "ttl", None, 5_000_000_000), ValueError, "value 5000000000: "),
            (("ip", "tos", None, "fast"), ValueError, "value 'fast': .*accepted: .* lowdelay, "),
            (("ipv6", "tclass", None, "lowdelay"), TypeError, "value 'lowdelay': "),
            (
                ("ip", "pktinfo", None, 5),
                TypeError,
                "value 5: .* a IpPktInfo, or a dict .* ifindex, sp",
            ),
            (("ip", "pktinfo", None, {"dst": 1}), ValueError, "'ifindex' is missing"),
            (("ip", "pktinfo", None, V4_INFO | {"spec_dst": "::1"}), ValueError, "spec_dst must"),
            (
                ("ip", "pktinfo", None, V4_INFO | {"ifindex": -1}),
                ValueError,
                "ifindex must be in 0",
            ),
            (("ipv6", "pktinfo", None, IpPktInfo(**V4_INFO)), TypeError, "a Ip6PktInfo, or a dict"),
            (
                ("socket", "rights", None, 5),
                TypeError,
                "value 5: .*accepted: a list or tuple of file desc",
            ),
            (
                ("socket", "rights", None, [-1]),
                ValueError,
                "an element: expected .* got -1",
            ),
            (
                ("socket", "rights", None, ["x"]),
                TypeError,
                "an element: expected .* got 'x'",
            ),
            (("socket", "credentials", None, {"pid": 1}), ValueError, "'uid' is missing"),
            (("socket", "timestamp", None, 1.5), TypeError, "value 1.5: .* keys sec, usec"),
        ],
    )
    def test_a_wrong_message_is_named_with_its_place(self, wrong, error, says):
        message = wrong
        if isinstance(wrong, tuple) and not isinstance(wrong[-1], bytes):
            message = ControlMessage(*wrong)
        with pytest.raises(error, match=says) as raised:
            encode_control([{"level": "ip", "type": "ttl", "data": 1}, message])
        assert str(raised.value).startswith("ctrl: element 2: ")

    def test_a_type_that_the_platform_lacks_is_told_from_an_unknown_one(self, monkeypatch):
        lacking = ControlType("ip", "ttl", None, None)
        monkeypatch.setitem(control.BY_WORD, (0, "ttl"), lacking)
        with pytest.raises(ValueError, match="this platform lacks type 'ttl' of level 'ip'"):
            one("ip", "ttl", 5)


class TestDecoding:
    @pytest.mark.parametrize(
        ("byte", "value"),
        [
            (0x10, "lowdelay"),
            (0x30, "lowdelay"),
            (0x50, "lowdelay"),
            (0x08, "throughput"),
            (0x04, "reliability"),
            (0x02, "mincost"),
            (0x03, "mincost"),
            (0xB8, 0xB8),
            (0x00, 0),
            (0x01, 1),
        ],
    )
    def test_a_type_of_service_is_a_word_by_four_of_its_bits(self, byte, value):
        (message,) = decode_control([(0, socket.IP_TOS, bytes([byte]))])
        assert message == ControlMessage("ip", "tos", bytes([byte]), value)

    def test_a_type_without_a_name_stays_a_number(self):
        assert decode_control([(6, 99, b"x"), (4711, 5, b""), (1, 999, b"y")]) == [
            ControlMessage("tcp", 99, b"x"),
            ControlMessage(4711, 5, b""),
            ControlMessage("socket", 999, b"y"),
        ]

    @pytest.mark.parametrize(
        ("origin", "type_", "code", "words"),
        [
            (2, 3, 0, ("icmp", "dest_unreach", "net_unreach")),
            (2, 3, 1, ("icmp", "dest_unreach", "host_unreach")),
            (2, 3, 4, ("icmp", "dest_unreach", "frag_needed")),
            (2, 3, 6, ("icmp", "dest_unreach", "net_unknown")),
            (2, 3, 7, ("icmp", "dest_unreach", "host_unknown")),
            (2, 3, 13, ("icmp", "dest_unreach", 13)),
            (2, 11, 0, ("icmp", "time_exceeded", 0)),
            (2, 5, 1, ("icmp", 5, 1)),
            (3, 1, 0, ("icmp6", "dest_unreach", "noroute")),
            (3, 1, 1, ("icmp6", "dest_unreach", "adm_prohibited")),
            (3, 1, 2, ("icmp6", "dest_unreach", "not_neighbour")),
            (3, 1, 3, ("icmp6", "dest_unreach", "addr_unreach")),
            (3, 1, 5, ("icmp6", "dest_unreach", "policy_fail")),
            (3, 1, 6, ("icmp6", "dest_unreach", "reject_route")),
            (3, 2, 0, ("icmp6", "pkt_toobig", 0)),
            (3, 3, 0, ("icmp6", "time_exceeded", 0)),
            (0, 3, 1, ("none", 3, 1)),
            (1, 3, 1, ("local", 3, 1)),
            (5, 3, 1, (5, 3, 1)),
        ],
    )
    def test_an_extended_error_has_words_where_the_documentation_has(
        self, origin, type_, code, words
    ):
        payload = struct.pack("=IBBBxII", 113, origin, type_, code, 7, 8)
        payload += to_bytes(SockAddrIn("192.0.2.1", 0))
        (message,) = decode_control([(0, RECVERR, payload)])
        assert message.value == ExtendedError(
            "ehostunreach", *words, info=7, data=8, offender=SockAddrIn("192.0.2.1", 0)
        )

    def test_a_local_error_has_numbers_the_mtu_and_no_address_of_an_offender(self):
        # What Linux queues for a datagram that is too long for the MTU of its interface.
        payload = struct.pack("=IBBBxII", 90, 1, 0, 0, 1400, 0) + bytes(16)
        (message,) = decode_control([(0, RECVERR, payload)])
        assert message.value == ExtendedError(
            "emsgsize", "local", 0, 0, 1400, 0, SockAddrUnspec(bytes(14))
        )

    def test_an_extended_error_without_a_known_errno_keeps_the_number(self):
        (message,) = decode_control([(0, RECVERR, bytes(16))])
        assert message.value == ExtendedError(0, "none", 0, 0, 0, 0, None)

    def test_an_offender_that_was_cut_is_what_is_left_of_it(self):
        payload = bytes(16) + to_bytes(SockAddrIn("192.0.2.1", 0))[:6]
        (message,) = decode_control([(0, RECVERR, payload)])
        assert message.value.offender == SockAddrNative(socket.AF_INET, b"\0\0\xc0\0")

    def test_every_descriptor_of_a_cut_payload_is_told(self):
        (message,) = decode_control([(1, 1, struct.pack("=ii", 8, 9) + b"\0")])
        assert message.value == (8, 9)


LEVELS = {"socket": 1, "ip": 0, "ipv6": 41}
# Every type with a name: its number and the bytes of its payload that make a value, if any do.
KNOWN = {
    ("socket", "timestamp"): (29, 16),
    ("socket", "rights"): (1, 0),
    ("socket", "credentials"): (2, 12),
    ("ip", "tos"): (1, 1),
    ("ip", "ttl"): (2, 4),
    ("ip", "pktinfo"): (8, 12),
    ("ip", "origdstaddr"): (20, 16),
    ("ip", "recverr"): (11, 16),
    ("ip", "recvttl"): (12, None),
    ("ip", "recvtos"): (13, None),
    ("ipv6", "pktinfo"): (50, 20),
    ("ipv6", "hoplimit"): (52, 4),
    ("ipv6", "tclass"): (67, 4),
    ("ipv6", "recvtclass"): (66, None),
    ("ipv6", "recverr"): (25, 16),
}


@given(st.sampled_from(sorted(KNOWN)), st.binary(max_size=200))
def test_any_payload_is_decoded_and_has_a_value_exactly_if_it_is_complete(name, payload):
    number, complete = KNOWN[name]
    raw = (LEVELS[name[0]], number, payload)
    (message,) = decode_control([raw])
    assert (message.level, message.type, message.data) == (*name, payload)
    assert (message.value is not None) == (complete is not None and len(payload) >= complete)
    assert one(message.level, message.type, message.data) == raw


@given(st.integers(), st.integers(), st.binary(max_size=40))
def test_any_level_and_type_are_decoded(level, type_, payload):
    (message,) = decode_control([(level, type_, payload)])
    assert message.data == payload


C_INTS = st.integers(-(2**31), 2**31 - 1)
INDEXES = st.integers(0, 2**31 - 1)
IDS = st.integers(0, 2**32 - 1)
LONGS = st.integers(-(2**31), 2**31 - 1)
V4, V6 = st.ip_addresses(v=4).map(str), st.ip_addresses(v=6)
SENDABLE = st.one_of(
    st.tuples(st.just(("ip", "ttl")), C_INTS),
    st.tuples(st.just(("ipv6", "hoplimit")), C_INTS),
    st.tuples(st.just(("ipv6", "tclass")), C_INTS),
    st.tuples(st.just(("ip", "pktinfo")), st.builds(IpPktInfo, INDEXES, V4, V4)),
    st.tuples(st.just(("ipv6", "pktinfo")), st.builds(Ip6PktInfo, V6, INDEXES)),
    st.tuples(st.just(("socket", "timestamp")), st.builds(TimeVal, LONGS, st.integers(0, 999_999))),
    st.tuples(st.just(("socket", "credentials")), st.builds(Credentials, INDEXES, IDS, IDS)),
    st.tuples(st.just(("socket", "rights")), st.lists(INDEXES).map(tuple)),
)


@given(SENDABLE)
def test_a_value_survives_encoding_and_decoding(name_and_value):
    (level, type_), value = name_and_value
    encoded = one(level, type_, value=value)
    assert decode_control([encoded]) == [ControlMessage(level, type_, encoded[2], value)]


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
JUNK = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["level", "type", "data", "value", "sec", "pid", "addr"]), inner
        )
    ),
    max_leaves=6,
)
NAMES = st.sampled_from(sorted(KNOWN))
ALMOST = st.builds(lambda name, data, value: ControlMessage(*name, data, value), NAMES, JUNK, JUNK)


@given(JUNK | st.lists(ALMOST | JUNK, max_size=3))
def test_junk_is_accepted_or_refused_by_name(junk):
    refusal = None
    try:
        encode_control(junk)
    except (TypeError, ValueError) as problem:
        refusal = str(problem)
    assert refusal is None or refusal.startswith("ctrl: ")
