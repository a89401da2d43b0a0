"""supports and is_supported: what this platform has, in every documented form."""

import socket as stdlib
import sys
from typing import Any

import pytest

from actorsock import Error, Ok, ok, socket
from actorsock.socket.options import LEVELS, options, protocol_names

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="the answers are Linux's")

FEATURES = ("sctp", "ipv6", "local", "netns", "sendfile")
LISTS = ("ioctl_requests", "ioctl_flags", "options", "msg_flags", "protocols")

FLAGS = {
    "cmsg_cloexec",
    "confirm",
    "ctrunc",
    "dontroute",
    "eor",
    "errqueue",
    "more",
    "nosignal",
    "oob",
    "peek",
    "trunc",
}
REQUESTS = {
    *("gifaddr", "gifbrdaddr", "gifconf", "gifdstaddr", "gifflags", "gifhwaddr", "gifindex"),
    *("gifmap", "gifmtu", "gifname", "gifnetmask", "giftxqlen", "sifaddr", "sifbrdaddr"),
    *("sifdstaddr", "sifflags", "sifmtu", "sifnetmask", "siftxqlen", "nread", "atmark"),
}
INTERFACE_FLAGS = {
    **dict.fromkeys(("allmulti", "automedia", "broadcast", "debug", "dynamic", "loopback"), True),
    **dict.fromkeys(("master", "multicast", "noarp", "notrailers", "pointopoint"), True),
    **dict.fromkeys(("portsel", "promisc", "running", "slave", "up"), True),
    **dict.fromkeys(("cantconfig", "dying", "knowsepoch", "link0", "link1", "link2"), False),
    **dict.fromkeys(("monitor", "nogroup", "oactive", "ppromisc", "renaming"), False),
    **dict.fromkeys(("simplex", "staticarp", "private", "dhcprunning"), False),
    # They do not fit the 16 bits that a request has for flags.
    **dict.fromkeys(("dormant", "echo", "lower_up"), False),
}


# --- supports --------------------------------------------------------------------------------


def test_everything() -> None:
    everything = socket.supports()
    assert list(everything) == [*LISTS, *FEATURES]
    assert {key: socket.supports(key) for key in LISTS} == {key: everything[key] for key in LISTS}
    assert all(isinstance(everything[feature], bool) for feature in FEATURES)


@on_linux
def test_the_features_of_linux() -> None:
    everything = socket.supports()
    assert everything["local"]
    assert everything["netns"]
    assert everything["sendfile"]
    assert everything["ipv6"] is stdlib.has_ipv6


@on_linux
def test_message_flags() -> None:
    assert socket.supports("msg_flags") == dict.fromkeys(FLAGS, True)


@on_linux
def test_requests() -> None:
    assert socket.supports("ioctl_requests") == dict.fromkeys(REQUESTS, True)


@on_linux
def test_flags_of_interfaces() -> None:
    assert socket.supports("ioctl_flags") == INTERFACE_FLAGS


def test_protocols() -> None:
    protocols = socket.supports("protocols")
    assert protocols == dict.fromkeys(protocol_names(), True)
    assert {"ip", "ipv6", "icmp", "tcp", "udp", "sctp"} <= protocols.keys()


def test_options_of_every_level() -> None:
    everything = socket.supports("options")
    assert {level for level, _ in everything} == set(LEVELS)
    for level in LEVELS:
        of_level = socket.supports("options", level)
        assert list(of_level) == [option.name for option in options(level)]
        assert of_level == {name: has for (lvl, name), has in everything.items() if lvl == level}


@on_linux
@pytest.mark.parametrize(
    ("level", "name", "has"),
    [
        ("socket", "keepalive", True),
        ("socket", "type", True),
        ("socket", "acceptfilter", False),
        ("socket", "setfib", False),
        ("socket", "peek_off", False),
        ("ip", "add_membership", True),
        ("ip", "ttl", True),
        ("ip", "options", False),
        ("ip", "recvif", False),
        ("ipv6", "v6only", True),
        ("ipv6", "use_min_mtu", False),
        ("tcp", "keepidle", True),
        ("tcp", "md5sig", False),
        ("udp", "cork", True),
    ],
)
def test_an_option(level: str, name: str, has: bool) -> None:
    assert socket.supports("options", level)[name] is has
    assert socket.supports("options")[level, name] is has
    assert socket.is_supported("options", level, name) is has
    assert socket.is_supported("options", (level, name)) is has


@pytest.mark.parametrize(
    "keys",
    [
        ("ipv6",),
        ("foo",),
        ("options", "otp"),
        ("options", "foo"),
        ("options", 1),
        ("options", None),
        ("options", ["socket"]),
        ("msg_flags", "peek"),
        ("foo", "bar"),
        (1,),
        (None,),
        (["options"],),
    ],
)
def test_unknown_keys_have_an_empty_dict(keys: tuple[Any, ...]) -> None:
    assert socket.supports(*keys) == {}


def test_two_keys_at_most() -> None:
    with pytest.raises(TypeError, match="supports: expected at most 2 keys, got 3"):
        socket.supports("options", "socket", "keepalive")


def test_an_answer_is_the_callers_own() -> None:
    socket.supports("msg_flags").clear()
    assert socket.supports("msg_flags")
    socket.supports("options", "socket").clear()
    assert socket.supports("options", "socket")
    socket.supports()["options"].clear()
    assert socket.supports()["options"]


# --- is_supported ----------------------------------------------------------------------------


def test_features_and_lists() -> None:
    everything = socket.supports()
    for feature in FEATURES:
        assert socket.is_supported(feature) is everything[feature]
    for key in LISTS:
        assert socket.is_supported(key) is True


def test_members_of_the_lists() -> None:
    for key in LISTS:
        for name, has in socket.supports(key).items():
            assert socket.is_supported(key, name) is has


@pytest.mark.parametrize(
    "keys",
    [
        ("foo",),
        ("msg_flags", "foo"),
        ("msg_flags", 2),
        ("protocols", 6),
        ("protocols", "foo"),
        ("ioctl_requests", "foo"),
        ("ioctl_flags", 1),
        ("options", "socket"),
        ("options", "otp", "rcvbuf"),
        ("options", ("otp", "rcvbuf")),
        ("options", "socket", "foo"),
        ("options", "foo", "keepalive"),
        ("options", 1, 9),
        ("options", ["socket", "keepalive"]),
        ("msg_flags", "peek", "oob"),
        ("ipv6", "foo"),
        ("sctp", "options", "nodelay"),
        (1,),
        (None,),
    ],
)
def test_an_unknown_feature_is_not_supported(keys: tuple[Any, ...]) -> None:
    assert socket.is_supported(*keys) is False


def test_one_to_three_keys() -> None:
    with pytest.raises(TypeError, match="is_supported: expected 1 to 3 keys, got 0"):
        socket.is_supported()
    with pytest.raises(TypeError, match="is_supported: expected 1 to 3 keys, got 4"):
        socket.is_supported("options", "socket", "keepalive", True)


# --- what it says holds ----------------------------------------------------------------------


async def test_features_work_where_they_are_supported(runtime: None) -> None:
    for feature, kind in (
        ("sctp", ("inet", "stream", "sctp")),
        ("ipv6", ("inet6", "dgram")),
        ("local", ("local", "stream")),
    ):
        match socket.open(*kind):
            case Ok(sock):
                assert socket.is_supported(feature)
                ok(await socket.close(sock))
            case Error(reason):
                # The program may be built for a domain that this kernel has switched off.
                assert feature == "ipv6" or not socket.is_supported(feature), reason


async def test_an_option_that_is_not_supported_is_lacking(runtime: None) -> None:
    sock = ok(socket.open("inet", "stream"))
    for (level, name), has in socket.supports("options").items():
        if not has and (level, name) != ("socket", "peek_off"):
            assert socket.getopt(sock, level, name) == Error("enoprotoopt")
