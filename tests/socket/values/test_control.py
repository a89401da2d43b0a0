"""Control messages: by name and value, and through the kernel of this machine."""

import os
import select
import socket
import struct
import sys
import time
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorsock.socket.values import control
from actorsock.socket.values.address import (
    SockAddrIn,
    SockAddrIn6,
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


def arrived(sock, event=select.POLLIN):
    poll = select.poll()
    poll.register(sock, event)
    assert poll.poll(5_000), "nothing arrived"


def received(sock, ctrlsize=1024, flags=0):
    arrived(sock, select.POLLERR if flags & socket.MSG_ERRQUEUE else select.POLLIN)
    data, ancdata, bits, addr = sock.recvmsg(100, ctrlsize, flags)
    return data, decode_control(ancdata), bits, addr


@contextmanager
def udp(family=socket.AF_INET, host="127.0.0.1"):
    with (
        socket.socket(family, socket.SOCK_DGRAM) as ours,
        socket.socket(family, socket.SOCK_DGRAM) as peer,
    ):
        try:
            ours.bind((host, 0))
            peer.bind((host, 0))
        except OSError as problem:
            if family == socket.AF_INET:
                raise
            pytest.skip(f"no IPv6 on this machine: {problem}")
        yield ours, peer


@pytest.fixture
def local():
    ours, peer = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ours, peer:
        yield ours, peer


class TestThroughTheKernel:
    def test_a_datagram_tells_when_and_where_it_came_in_in_the_documented_order(self):
        with udp() as (ours, peer):
            for level, option in [
                (socket.SOL_SOCKET, SO_TIMESTAMP),
                (0, RECVTTL),
                (0, RECVTOS),
                (0, PKTINFO),
                (0, RECVORIGDSTADDR),
            ]:
                ours.setsockopt(level, option, 1)
            peer.setsockopt(0, socket.IP_TOS, 0x30)
            peer.setsockopt(0, socket.IP_TTL, 33)
            before = time.time()
            peer.sendto(b"hello", ours.getsockname())
            data, ctrl, _, _ = received(ours)
            port = ours.getsockname()[1]

        assert data == b"hello"
        timestamp, pktinfo, ttl, tos, origdstaddr = ctrl
        assert (timestamp.level, timestamp.type) == ("socket", "timestamp")
        assert timestamp.data == struct.pack("ll", timestamp.value.sec, timestamp.value.usec)
        assert isinstance(timestamp.value, TimeVal)
        assert abs(timestamp.value.sec + timestamp.value.usec / 1e6 - before) < 60
        loopback = socket.if_nametoindex("lo")
        assert pktinfo == ControlMessage(
            "ip",
            "pktinfo",
            struct.pack("=i4B4B", loopback, 127, 0, 0, 1, 127, 0, 0, 1),
            IpPktInfo(ifindex=loopback, spec_dst="127.0.0.1", addr="127.0.0.1"),
        )
        assert ttl == ControlMessage("ip", "ttl", struct.pack("=i", 33), 33)
        assert tos == ControlMessage("ip", "tos", b"\x30", "lowdelay")
        assert (origdstaddr.level, origdstaddr.type) == ("ip", "origdstaddr")
        assert origdstaddr.value == SockAddrIn("loopback", port)

    def test_an_ipv6_datagram_likewise(self):
        with udp(socket.AF_INET6, "::1") as (ours, peer):
            ours.setsockopt(41, socket.IPV6_RECVHOPLIMIT, 1)
            ours.setsockopt(41, socket.IPV6_RECVTCLASS, 1)
            ours.setsockopt(41, RECVPKTINFO6, 1)
            ctrl = encode_control(
                [
                    {"level": "ipv6", "type": "hoplimit", "value": 7},
                    {"level": "ipv6", "type": "tclass", "value": 0xB8},
                ]
            )
            peer.sendmsg([b"hello"], ctrl, 0, ours.getsockname())
            _, ctrl, _, _ = received(ours)
        values = {(message.level, message.type): message.value for message in ctrl}
        assert values == {
            ("ipv6", "hoplimit"): 7,
            ("ipv6", "tclass"): 0xB8,
            ("ipv6", "pktinfo"): Ip6PktInfo("loopback", socket.if_nametoindex("lo")),
        }

    def test_type_of_service_and_ttl_are_set_for_one_datagram(self):
        with udp() as (ours, peer):
            ours.setsockopt(0, RECVTTL, 1)
            ours.setsockopt(0, RECVTOS, 1)
            ctrl = [ControlMessage("ip", "tos", value="throughput"), ControlMessage(0, "ttl", 9)]
            peer.sendmsg([b"hello"], encode_control(ctrl), 0, ours.getsockname())
            _, ctrl, _, _ = received(ours)
        assert [(message.type, message.value) for message in ctrl] == [
            ("ttl", 9),
            ("tos", "throughput"),
        ]

    def test_the_kernel_judges_numbers(self):
        with udp() as (ours, peer):
            ctrl = encode_control([ControlMessage("ip", "ttl", value=300)])
            with pytest.raises(OSError, match="Invalid argument"):
                peer.sendmsg([b"hello"], ctrl, 0, ours.getsockname())

    @pytest.mark.parametrize(
        "value",
        [
            IpPktInfo(0, "127.0.0.2", "any"),
            {"ifindex": 0, "spec_dst": "127.0.0.2", "addr": (0, 0, 0, 0)},
        ],
    )
    def test_packet_info_sets_the_source_of_one_datagram(self, value):
        with udp() as (ours, _), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            ctrl = encode_control([ControlMessage("ip", "pktinfo", value=value)])
            sender.sendmsg([b"hello"], ctrl, 0, ours.getsockname())
            _, _, _, addr = received(ours)
        assert addr[0] == "127.0.0.2"

    def test_the_error_queue_says_who_refused_a_datagram(self):
        with udp() as (ours, peer):
            port = peer.getsockname()[1]
            peer.close()
            ours.setsockopt(0, RECVERR, 1)
            ours.sendto(b"hello", ("127.0.0.1", port))
            data, ctrl, bits, addr = received(ours, flags=socket.MSG_ERRQUEUE)
        assert (data, addr) == (b"hello", ("127.0.0.1", port))
        assert bits & socket.MSG_ERRQUEUE
        (message,) = ctrl
        assert (message.level, message.type, len(message.data)) == ("ip", "recverr", 32)
        assert message.value == ExtendedError(
            error="econnrefused",
            origin="icmp",
            type="dest_unreach",
            code="port_unreach",
            info=0,
            data=0,
            offender=SockAddrIn("127.0.0.1", 0),
        )

    def test_the_error_queue_of_ipv6_likewise(self):
        with udp(socket.AF_INET6, "::1") as (ours, peer):
            port = peer.getsockname()[1]
            peer.close()
            ours.setsockopt(41, RECVERR6, 1)
            ours.sendto(b"hello", ("::1", port))
            _, ctrl, _, _ = received(ours, flags=socket.MSG_ERRQUEUE)
        (message,) = ctrl
        assert (message.level, message.type) == ("ipv6", "recverr")
        assert message.value == ExtendedError(
            "econnrefused", "icmp6", "dest_unreach", "port_unreach", 0, 0, SockAddrIn6("::1", 0)
        )

    def test_file_descriptors_travel_through_a_local_socket(self, local):
        ours, peer = local
        reader, writer = os.pipe()
        peer.sendmsg(
            [b"take"], encode_control([ControlMessage("socket", "rights", value=[writer])])
        )
        os.close(writer)
        data, (message,), _, _ = received(ours)
        (copy,) = message.value
        assert (data, message.level, message.type) == (b"take", "socket", "rights")
        assert message.data == struct.pack("=i", copy)
        os.write(copy, b"hello")
        os.close(copy)
        assert os.read(reader, 10) == b"hello"
        os.close(reader)

    def test_credentials_travel_through_a_local_socket(self, local):
        ours, peer = local
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        me = Credentials(os.getpid(), os.getuid(), os.getgid())
        for sent in [(), [ControlMessage("socket", "credentials", value=me)]]:
            peer.sendmsg([b"me"], encode_control(sent))
            _, (message,), _, _ = received(ours)
            assert message == ControlMessage(
                "socket", "credentials", struct.pack("=iII", me.pid, me.uid, me.gid), me
            )

    def test_a_message_cut_by_a_small_buffer_has_data_but_no_value(self):
        with udp() as (ours, peer):
            ours.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMP, 1)
            peer.sendto(b"hello", ours.getsockname())
            _, (message,), bits, _ = received(ours, ctrlsize=20)
        assert bits & socket.MSG_CTRUNC
        assert (message.level, message.type, message.value) == ("socket", "timestamp", None)
        assert len(message.data) == 4

    def test_a_received_message_is_sent_on_by_its_data(self):
        with udp() as (ours, peer):
            ours.setsockopt(0, RECVTTL, 1)
            peer.sendmsg([b"a"], [one("ip", "ttl", value=44)], 0, ours.getsockname())
            _, (message,), _, _ = received(ours)
            with pytest.raises(ValueError, match="both data and value"):
                encode_control([message])
            again = one(message.level, message.type, message.data)
            peer.sendmsg([b"b"], [again], 0, ours.getsockname())
            _, (echo,), _, _ = received(ours)
        assert echo == message

    def test_space_is_what_the_kernel_needs(self, local):
        ours, peer = local
        fds = [ours.fileno()] * 3
        encoded = encode_control([ControlMessage("socket", "rights", value=fds)])
        peer.sendmsg([b"x"], encoded)
        _, (message,), bits, _ = received(ours, ctrlsize=space(encoded))
        for fd in message.value:
            os.close(fd)
        assert not bits & socket.MSG_CTRUNC
        assert len(message.value) == 3


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
