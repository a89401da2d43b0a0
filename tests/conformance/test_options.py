"""The option table against Erlang: where each option may be given, and where it is set and got."""

from pathlib import Path
from typing import Any, Final, get_args

import pytest

from actorsock import Error
from actorsock.inet.options.lists import (
    Function,
    opening_options,
    options_to_get,
    options_to_set,
)
from actorsock.inet.options.table import OPTIONS, Family, Transport

from .erlang_programs import run_in_erlang

_LOOPBACK: Final = "{127,0,0,1}"
_GROUP: Final = f"{{{{224,1,1,1}},{_LOOPBACK}}}"
_VALUES: Final[dict[str, list[tuple[str, Any]]]] = {
    "active": [("once", "once"), ("5", 5), ("40000", 40000), ("foo", "foo")],
    "mode": [("list", "list"), ("foo", "foo")],
    "packet": [("line", "line"), ("ssl_tls", "ssl_tls"), ("3", 3), ("foo", "foo")],
    "packet_size": [("0", 0), ("4294967296", 2**32), ("-1", -1)],
    "line_delimiter": [("300", 300), ("foo", None)],
    "header": [("2", 2), ("-1", -1)],
    "deliver": [("term", "term"), ("foo", "foo")],
    "buffer": [("-1", -1), ("foo", "foo")],
    "linger": [("{true,1}", (True, 1)), ("1", 1), ("{1,1}", (1, 1))],
    "send_timeout": [("1", 0.001), ("infinity", float("inf")), ("-1", -0.001)],
    "high_watermark": [("-1", -1), ("foo", "foo")],
    "low_watermark": [("1", 1)],
    "high_msgq_watermark": [("1", 1), ("0", 0)],
    "low_msgq_watermark": [("1", 1), ("-1", -1)],
    "bind_to_device": [('<<"lo">>', "lo"), ("foo", 1)],
    "netns": [('"/proc/self/ns/net"', "/proc/self/ns/net")],
    "backlog": [("3", 3)],
    "pktoptions": [("true", True)],
    "multicast_if": [(_LOOPBACK, "127.0.0.1"), ("foo", "foo")],
    "add_membership": [(_GROUP, ("224.1.1.1", "127.0.0.1")), ("foo", "foo")],
    "drop_membership": [(_GROUP, ("224.1.1.1", "127.0.0.1"))],
    "foo": [("1", 1)],
    **{
        name: [("true", True), ("1", 1)]
        for name in ("nodelay", "keepalive", "delay_send", "send_timeout_close", "exit_on_close",
                     "show_econnreset", "reuseaddr", "recvtos", "recvttl", "recvtclass",
                     "dontroute", "nopush", "broadcast", "multicast_loop")
    },
    **{
        name: [("3", 3), ("foo", "foo")]
        for name in ("recbuf", "sndbuf", "priority", "tos", "ttl", "tclass", "read_packets",
                     "multicast_ttl")
    },
}  # fmt: skip


def test_options_are_taken_set_and_got_as_in_erlang(erlang: str, tmp_path: Path) -> None:
    cases = [(name, *value) for name, values in _VALUES.items() for value in values]
    theirs = run_in_erlang(
        erlang, "options", [f"{{{name},{text}}}" for name, text, _ in cases], tmp_path
    )
    differ = [
        (case[0], case[1], mine, other)
        for case, other in zip(cases, theirs, strict=True)
        if (mine := f"[{','.join(_ours(case[0], case[2]))}]") != other
    ]
    assert not differ, "\n".join(map(str, differ))


def _ours(name: str, value: Any) -> list[str]:
    opened = [_opened(function, name, value) for function in get_args(Function)]
    kinds = [
        (transport, family) for transport in get_args(Transport) for family in get_args(Family)
    ]
    return opened + [f"{{{_set(name, value, *kind)},{_got(name, *kind)}}}" for kind in kinds]


def _opened(function: Function, name: str, value: Any) -> str:
    try:
        opening_options(function, [(name, value)])
    except (TypeError, ValueError):
        return "refused"
    return "ok"


def _set(name: str, value: Any, transport: Transport, family: Family) -> str:
    settings = options_to_set({name: value})
    if isinstance(settings, Error):
        return "einval"
    ((option, _),) = settings
    effect = option.effect(transport, family)
    other_family = option.name.endswith("membership") and family != "inet"
    return "einval" if effect == "einval" or other_family else "ok"


def _got(name: str, transport: Transport, family: Family) -> str:
    refuses = name in ("pktoptions", "multicast_if") and family == "local"  # here left out
    if refuses or isinstance(options_to_get([name]), Error):
        return "einval"
    return "given" if OPTIONS[name].is_given(transport, family) else "left_out"


@pytest.fixture(autouse=True)
def _needs_inet6() -> None:
    if not Path("/proc/net/if_inet6").exists():
        pytest.skip("there is no IPv6 here")
