"""Lists of options: which are taken, in which order they count, and what is refused."""

import math
import sys
from typing import Any

import pytest

from actorsock import Error, socket
from actorsock.inet.options.lists import (
    RawRead,
    opening_options,
    options_to_get,
    options_to_set,
)
from actorsock.inet.options.table import OPTIONS


@pytest.mark.parametrize(
    "options",
    [
        ["binary", ("active", "once"), ("packet", "line"), ("send_timeout", 1.5)],
        {"mode": "binary", "active": "once", "packet": "line", "send_timeout": 1.5},
    ],
    ids=["list", "mapping"],
)
def test_options_come_as_a_list_or_as_a_mapping(options: Any) -> None:
    opening = opening_options("connect", options)
    values = {"mode": "binary", "active": "once", "packet": "line", "send_timeout": 1.5}
    assert (opening.family, opening.values, opening.repeated) == ("inet", values, ())


def test_the_last_counts_in_opening_and_the_first_in_setopts() -> None:
    twice = [("packet", 1), ("nodelay", True), ("packet", 2)]
    assert opening_options("listen", twice).values == {"packet": 2, "nodelay": True}
    settings = options_to_set(twice)
    assert not isinstance(settings, Error)
    assert [(option.name, value) for option, value in settings] == [
        ("packet", 2), ("nodelay", True), ("packet", 1),
    ]  # fmt: skip


def test_each_raw_option_and_membership_counts() -> None:
    opening = opening_options(
        "open",
        [("raw", 1, 9, b"1"), ("add_membership", ("224.1.1.1", "any")), ("raw", (1, 9, b"2"))],
    )
    assert [(option.name, value) for option, value in opening.repeated] == [
        ("raw", (1, 9, b"1")),
        ("add_membership", ("224.1.1.1", "0.0.0.0")),
        ("raw", (1, 9, b"2")),
    ]


@pytest.mark.parametrize(
    ("options", "peer", "family"),
    [
        ([], None, "inet"),
        (["inet6"], None, "inet6"),
        ([("ip", "::1")], None, "inet6"),
        ([("ip", (127, 0, 0, 1))], None, "inet"),
        ([("ifaddr", "loopback"), "inet6"], None, "inet6"),
        ([("ip", ("local", "/tmp/s"))], None, "local"),
        ([("ipv6_v6only", True)], "inet6", "inet6"),
    ],
)
def test_the_family_follows_the_options_and_the_addresses(
    options: Any, peer: Any, family: str
) -> None:
    assert opening_options("connect", options, peer).family == family


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ("binary", TypeError),
        (None, TypeError),
        (["foo"], ValueError),
        (["active"], ValueError),
        ([("foo", 1)], ValueError),
        ([(1, 2)], ValueError),
        ([("packet", 3)], ValueError),
        ([("active", 40000)], ValueError),
        ([("nodelay", 1)], TypeError),
        ([("dontroute", True)], ValueError),
        ([("broadcast", True)], ValueError),
        ([("backlog", 5)], ValueError),
        ([("tcp_module", math)], ValueError),
        ([("ip", "name")], ValueError),
        ([("ip", (1, 2, 3))], ValueError),
        ([("ip", "127.0.0.1"), "inet6"], ValueError),
        ([("ip", ("local", 5))], TypeError),
        ([("tclass", 4)], ValueError),
        ([("port", 65536)], ValueError),
        ([("netns", "/a\0b")], ValueError),
        (["binary", ("inet_backend", "socket")], ValueError),
    ],
)
def test_wrong_options_raise_where_a_socket_is_opened(options: Any, error: Any) -> None:
    with pytest.raises(error):
        opening_options("connect", options)


def test_a_wrong_value_is_named_with_what_is_accepted() -> None:
    with pytest.raises(ValueError, match=r"option deliver: 'x' is refused.*\"term\" or \"port\""):
        opening_options("connect", [("deliver", "x")])


@pytest.mark.parametrize(
    "options", [["foo"], ["inet"], [("port", 5)], [("nodelay", 1)], [("a", 1, 2)], [{}]]
)
def test_wrong_options_are_einval_in_setopts(options: Any) -> None:
    assert options_to_set([("active", True), *options]) == Error("einval")


def test_names_are_got_in_their_order_with_netns_last() -> None:
    names = ["netns", "active", ("raw", 6, 1, 4), ("raw", 6, 1, b"12"), "active"]
    active, netns = OPTIONS["active"], OPTIONS["netns"]
    assert options_to_get(names) == [active, RawRead(6, 1, 4), RawRead(6, 1, 2), active, netns]
    assert options_to_get([]) == []


@pytest.mark.parametrize(
    "name", ["foo", "binary", "raw", "ip", "backlog", ("raw", 1, 2, -1), ("raw", 1, 2, 65536), 5]
)
def test_other_names_cannot_be_got(name: Any) -> None:
    assert options_to_get(["active", name]) == Error("einval")


@pytest.mark.parametrize("names", ["active", None])
def test_names_come_as_a_list(names: Any) -> None:
    with pytest.raises(TypeError):
        options_to_get(names)


@pytest.mark.parametrize(
    ("name", "given", "kept"),
    [
        ("buffer", -5, 1),
        ("high_watermark", -1, 0),
        ("linger", (False, 9), (False, 0)),
        ("tos", 511, 255),
        ("tos", 256, 0),
        ("packet", "raw", 0),
        ("packet_size", 2**32, 0),
        ("line_delimiter", 300, b","),
        ("send_timeout", math.inf, math.inf),
        ("bind_to_device", b"lo", "lo"),
        ("multicast_if", 2, 2),
        ("multicast_if", (127, 0, 0, 1), "127.0.0.1"),
        ("netns", b"/run/netns/a", "/run/netns/a"),
        ("add_membership", ("ff02::5", 1), ("ff02::5", 1)),
        ("ip", ("local", b"/tmp/s"), ("local", "/tmp/s")),
    ],
)
def test_values_are_kept_as_they_will_be_got(name: str, given: object, kept: object) -> None:
    assert OPTIONS[name].check(given) == kept


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("ttl", "64", TypeError),
        ("ttl", 2**31, ValueError),
        ("header", -1, ValueError),
        ("packet_size", 1.5, TypeError),
        ("packet_size", -1, ValueError),
        ("linger", 5, TypeError),
        ("linger", (True, -1), ValueError),
        ("send_timeout", -1, ValueError),
        ("bind_to_device", 5, TypeError),
        ("bind_to_device", "x" * 16, ValueError),
        ("netns", 5, TypeError),
        ("multicast_if", -1, ValueError),
        ("add_membership", "224.1.1.1", TypeError),
        ("add_membership", ("224.1.1.1", "eth0"), ValueError),
        ("raw", b"1", TypeError),
        ("raw", (1, 9, 1), TypeError),
        ("pktoptions", (), ValueError),
    ],
)
def test_other_values_are_refused(name: str, value: object, error: type[Exception]) -> None:
    with pytest.raises(error, match=f"option {name}: .* is refused: .*; accepted: "):
        OPTIONS[name].check(value)


def test_the_table_says_where_an_option_has_an_effect() -> None:
    nodelay, tclass, active = OPTIONS["nodelay"], OPTIONS["tclass"], OPTIONS["active"]
    assert [nodelay.effect("tcp", "inet"), nodelay.effect("udp", "inet")] == ["kernel", "ignored"]
    assert [tclass.effect("udp", "inet6"), tclass.effect("udp", "inet")] == ["kernel", "einval"]
    assert active.effect("tcp", "local") == "library"
    assert [nodelay.is_given("tcp", "inet"), nodelay.is_given("tcp", "local")] == [True, False]
    assert [active.inherited, tclass.inherited] == [True, False]


def test_every_kernel_option_is_one_of_the_socket_module() -> None:
    known = set(socket.supports("options"))
    kernels = [kernel for option in OPTIONS.values() for kernel in option.kernel.values()]
    assert {(kernel.level, kernel.name) for kernel in kernels} <= known


def test_values_go_to_the_socket_module_and_back() -> None:
    linger = OPTIONS["linger"].kernel["inet"]
    assert linger.give((True, 3)) == socket.Linger(True, 3)
    assert linger.take(socket.Linger(False, 3)) == (False, 0)
    join = OPTIONS["add_membership"].kernel
    assert join["inet"].give(("224.1.1.1", "0.0.0.0")) == socket.Membership("224.1.1.1", "any")
    by_index = bytes((224, 1, 1, 1, 0, 0, 0, 0)) + (1).to_bytes(4, sys.byteorder)
    assert join["inet"].give(("224.1.1.1", "0.0.0.0", 1)) == by_index
    source = OPTIONS["add_source_membership"].kernel["inet"]
    three = ("232.1.1.1", "127.0.0.1", "127.0.0.1")
    assert source.give(three) == socket.SourceMembership(*three)
    assert join["inet6"].give(("ff02::5", 1)) == socket.Membership6("ff02::5", 1)
