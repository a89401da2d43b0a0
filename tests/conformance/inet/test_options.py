"""Every row of the option table against Erlang: who takes an option, what it sets, who inherits."""

import math
import re
import subprocess
from pathlib import Path
from typing import Any, Final, get_args

import pytest

from actorsock import Error, Ok, gen_tcp, gen_udp, inet, ok, run
from actorsock.inet.options.table import OPTIONS, Family, Transport

from ..sides.erlang_programs import run_in_erlang

_LOOPBACK: Final = "{127,0,0,1}"
_GROUP: Final = f"{{{{224,1,1,1}},{_LOOPBACK}}}"
_OVER_INDEX: Final = f"{{{{224,1,1,1}},{_LOOPBACK},1}}"
_BOOLEANS: Final = (
    "nodelay", "keepalive", "delay_send", "send_timeout_close", "exit_on_close", "show_econnreset",
    "reuseaddr", "recvtos", "recvttl", "recvtclass", "dontroute", "nopush", "broadcast",
    "multicast_loop", "ipv6_v6only", "reuseport", "reuseport_lb", "exclusiveaddruse",
)  # fmt: skip
_NUMBERS: Final = (
    "recbuf", "sndbuf", "priority", "tos", "ttl", "tclass", "read_packets", "multicast_ttl",
    "keepidle", "keepintvl", "keepcnt", "user_timeout",
)  # fmt: skip
_VALUES: Final[dict[str, list[tuple[str, Any]]]] = {
    "active": [("once", "once"), ("5", 5), ("40000", 40000), ("foo", "foo")],
    "mode": [("list", "list"), ("foo", "foo")],
    "packet": [("line", "line"), ("ssl_tls", "ssl_tls"), ("raw", "raw"), ("3", 3), ("foo", "foo")],
    "packet_size": [("7", 7), ("4294967296", 2**32), ("-1", -1)],
    "line_delimiter": [("300", 300), ("foo", None)],
    "header": [("2", 2), ("-1", -1)],
    "deliver": [("port", "port"), ("foo", "foo")],
    "buffer": [("1000", 1000), ("-1", -1), ("foo", "foo")],
    "linger": [("{true,1}", (True, 1)), ("{false,9}", (False, 9)), ("1", 1), ("{1,1}", (1, 1))],
    "send_timeout": [("1", 0.001), ("infinity", math.inf), ("-1", -0.001)],
    "high_watermark": [("9000", 9000), ("-1", -1), ("foo", "foo")],
    "low_watermark": [("1", 1), ("10000", 10000)],
    "high_msgq_watermark": [("9000", 9000), ("0", 0)],
    "low_msgq_watermark": [("1", 1), ("-1", -1)],
    "bind_to_device": [('<<"lo">>', "lo"), ("<<>>", ""), ("foo", 1)],
    "netns": [('"/proc/self/ns/net"', "/proc/self/ns/net")],
    "debug": [("false", False), ("1", 1)],
    "raw": [("6,1,<<1:32/native>>", (6, 1, (1).to_bytes(4, "little"))), ("6,1,1", (6, 1, 1))],
    "ip": [(_LOOPBACK, "127.0.0.1"), ("any", "any"), ("{1,2,3}", (1, 2, 3))],
    "ifaddr": [(_LOOPBACK, "127.0.0.1"), ("loopback", "loopback")],
    "port": [("0", 0), ("65536", 65536)],
    "fd": [("9999", 9999)],
    "backlog": [("3", 3)],
    "inet_backend": [("inet", "inet")],
    "pktoptions": [("true", True)],
    "multicast_if": [(_LOOPBACK, "127.0.0.1"), ("foo", "foo")],
    "add_membership": [
        (_GROUP, ("224.1.1.1", "127.0.0.1")),
        (_OVER_INDEX, ("224.1.1.1", "127.0.0.1", 1)),
        ("foo", "foo"),
    ],
    "drop_membership": [(_GROUP, ("224.1.1.1", "127.0.0.1"))],
    "foo": [("1", 1)],
    **{name: [("true", True), ("1", 1)] for name in _BOOLEANS},
    **{name: [("3", 3), ("foo", "foo")] for name in _NUMBERS},
}  # fmt: skip

_ONLY_HERE: Final = {"add_source_membership", "drop_source_membership"}
_REFUSED_HERE: Final = {"tcp_module", "udp_module"}
_SINCE_28: Final = {
    "reuseport", "reuseport_lb", "exclusiveaddruse", "keepidle", "keepintvl", "keepcnt",
    "user_timeout",
}  # fmt: skip
_OTHER_DEFAULT: Final = {"mode", "buffer", "recbuf"}
"""Not compared before they are set: the default of 25 is another, or Erlang's always."""
_NO_MEANING: Final = {"multicast_if"}
"""Erlang gives an address of no meaning, and takes one of another family."""
_REFUSES: Final = {"pktoptions"}
"""Erlang refuses to give it of a local socket; here it is left out."""

Row = list[str]


def test_every_option_is_compared() -> None:
    assert set(OPTIONS) - _ONLY_HERE - _REFUSED_HERE == set(_VALUES) - {"foo"}


def test_options_are_taken_set_got_and_inherited_as_in_erlang(erlang: str, tmp_path: Path) -> None:
    unknown = set() if _release(erlang) >= 28 else _SINCE_28
    cases = [
        (name, *value)
        for name, values in _VALUES.items()
        for value in values
        if name not in unknown
    ]
    asked = [f"{{{name},{text}}}" for name, text, _ in cases]
    theirs = run_in_erlang(erlang, "options", asked, tmp_path)
    differ = []
    for (name, text, _), line, row in zip(cases, theirs, run(_all, cases), strict=True):
        mine = f"[{','.join(row)}]"
        if _shown(name, mine) != _shown(name, line):
            differ.append(f"{name} {text}:\n  {mine}\n  {line}")
    assert not differ, "\n".join(differ)


def _shown(name: str, line: str) -> str:
    """Return the outcomes without what is not compared of this option."""
    if name in _OTHER_DEFAULT:  # the first of three, and what is got after a failure
        line = re.sub(r"\{\{value,\w+\}(,einval,\{value,\w+\})?", "{default", line)
    if name in _NO_MEANING:
        line = re.sub(r"\{\{value.*|\{einval.*|\{left_out.*", "", line)
    if name in _REFUSES:
        line = line.replace("{einval,einval,einval}", "{left_out,einval,left_out}")
    return line


async def _all(cases: list[tuple[str, str, Any]]) -> list[Row]:
    return [await _ours(name, value) for name, _, value in cases]


async def _ours(name: str, value: Any) -> Row:
    return [
        *[await _opened(function, name, value) for function in ("connect", "listen", "open")],
        *[
            await _set(name, value, transport, family)
            for transport in get_args(Transport)
            for family in get_args(Family)
        ],
        await _inherited(name, value),
    ]


async def _opened(function: str, name: str, value: Any) -> str:
    listener = ok(gen_tcp.listen(0, {"ip": "127.0.0.1"}))
    options = [(name, *value) if name == "raw" else (name, value)]
    try:
        match function:
            case "connect":
                port = ok(inet.port(listener))
                opened: Any = await gen_tcp.connect("127.0.0.1", port, options)
            case "listen":
                opened = gen_tcp.listen(0, options)
            case _:
                opened = gen_udp.open(0, options)
    except (TypeError, ValueError):
        return "refused"
    finally:
        await inet.close(listener)
    if isinstance(opened, Ok):
        await inet.close(opened.value)
    return "ok" if isinstance(opened, Ok) else "refused"


async def _set(name: str, value: Any, transport: Transport, family: Family) -> str:
    sock: Any
    if transport == "udp":
        sock = ok(gen_udp.open(0, [family]))
    else:
        where = [("ip", ("local", b"\0options-here"))] if family == "local" else [family]
        sock = ok(gen_tcp.listen(0, where))
    before = _got(sock, name, value)
    match inet.setopts(sock, [(name, *value) if name == "raw" else (name, value)]):
        case Error(reason):
            done = reason
        case _:
            done = "ok"
    after = _got(sock, name, value)
    await inet.close(sock)
    return f"{{{before},{done},{after}}}"


async def _inherited(name: str, value: Any) -> str:
    options = [("ip", "127.0.0.1"), (name, *value) if name == "raw" else (name, value)]
    try:
        listening = gen_tcp.listen(0, options)
    except (TypeError, ValueError):
        return "refused"
    if isinstance(listening, Error):
        return "refused"
    listener = listening.value
    client = ok(await gen_tcp.connect("127.0.0.1", ok(inet.port(listener)), {"active": False}))
    sock = ok(await gen_tcp.accept(listener))
    got = _got(sock, name, value)
    for each in (listener, client, sock):
        await inet.close(each)
    return got


def _got(sock: Any, name: str, value: Any) -> str:
    asked: Any = ("raw", *value[:2], 4) if name == "raw" else name
    match inet.getopts(sock, [asked]):
        case Error(reason):
            return reason
        case Ok(values):
            found = list(values.values())
            return f"{{value,{_term(name, found[0])}}}" if found else "left_out"


def _term(name: str, value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case math.inf:
            return "infinity"
        case float():
            return str(round(value * 1000))
        case bytes():
            return f"<<{','.join(map(str, value))}>>"
        case str() if name == "bind_to_device":
            return _term(name, value.encode())
        case str() if name == "netns":
            return f"[{','.join(str(byte) for byte in value.encode())}]"
        case "ssl_tls":
            return "ssl"
        case ():
            return "[]"
        case tuple():
            return f"{{{','.join(_term(name, part) for part in value)}}}"
    return str(value)


def _release(erlang: str) -> int:
    program = "io:put_chars(erlang:system_info(otp_release)), halt()."
    done = subprocess.run([erlang, "-noshell", "-eval", program], capture_output=True, check=True)
    return int(done.stdout)


@pytest.fixture(autouse=True)
def _needs_inet6() -> None:
    if not Path("/proc/net/if_inet6").exists():
        pytest.skip("there is no IPv6 here")
