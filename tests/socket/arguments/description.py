"""One description of every argument: sensible values, an accepted one, and wrong ones.

The tests of wrong arguments and those of random calls both use it. A function's arguments are
those of its signature; an argument means the same in every function, unless `IN` says otherwise.
"""

import inspect
import math
from math import inf
from typing import Any

import attrs
from hypothesis import strategies as st

import actorsock
from actorsock import socket
from actorsock.socket import Msg, SelectInfo, Socket
from actorsock.socket.options import LEVELS

from .values import JUNK, NUMBERS, ODD_MESSAGES, WORDS, Bytes, Odd, made, mostly, one, words

__all__ = [
    "ARGUMENTS",
    "CALLS",
    "HERE",
    "IN",
    "INFO_OF_A_WAITING_CALL",
    "NO_SECONDS",
    "SPEC",
    "VALUE",
    "Argument",
    "Shape",
    "accepted",
    "argument",
    "parameters",
    "public_functions",
]

# --- sensible values ------------------------------------------------------------------------------

SOCK = st.one_of(one("peer"), one("peer"), one("socket"))
LISTENER = st.one_of(one("listener"), one("listener"), SOCK)
REF = st.one_of(st.none(), one("ref"))
TIMEOUT = st.sampled_from([0, 0.0, 0.001, 0.05, 1, 1000, inf])
LENGTH = st.sampled_from([0, 0, 1, 2, 5, 100, 4096, 2**16, 2**20])
FLAG_WORDS = st.sampled_from(
    words("peek peek dontroute oob errqueue trunc ctrunc eor more nosignal confirm cmsg_cloexec")
)
FLAGS = st.one_of(
    st.just(()),
    st.just([]),
    st.lists(FLAG_WORDS, max_size=2),
    st.lists(st.sampled_from([0, 2, 0x40, 0x10000, 2**31 - 1]), max_size=1),
)
DATA = st.one_of(
    st.sampled_from([0, 1, 3, 1000, 2**16, 300_000, 2**20]).map(Bytes),
    st.lists(st.sampled_from([0, 1, 70_000]).map(Bytes), max_size=4),
    st.sampled_from(["bytearray", "memoryview", "array", "strided", "deep"]).map(Odd),
)
PIECES = st.lists(mostly(st.sampled_from([0, 1, 5, 100_000]).map(Bytes)), max_size=4)
HOST = st.sampled_from(
    [
        *("127.0.0.1", "127.0.0.2", "any", "loopback", "::1", "::", "::ffff:127.0.0.1", "nowhere"),
        *("", (127, 0, 0, 1), (0, 0, 0, 0, 0, 0, 0, 1)),
    ]
)
PORT = st.sampled_from([0, 1, 9, 65535, 65536, -1])
PATH = st.sampled_from(["", "here", "there", b"\0abstract", b"\0other", "x" * 107, "x" * 108, "."])
ADDRESS = st.one_of(
    one("address"),
    one("address"),
    one("address"),
    st.tuples(HOST, PORT),
    st.tuples(HOST, PORT, st.just(0), st.just(0)),
    made("SockAddrIn", HOST, PORT),
    made("SockAddrIn6", HOST, PORT),
    made("SockAddrUn", PATH),
    made("SockAddrUnspec", st.sampled_from([b"", bytes(14)])),
    made("SockAddrNative", st.sampled_from([0, 1, 2, 10]), st.sampled_from([b"", bytes(14)])),
    st.fixed_dictionaries({"family": st.just("inet"), "addr": HOST}, optional={"port": PORT}),
    st.fixed_dictionaries({"family": st.just("inet6")}, optional={"addr": HOST, "port": PORT}),
    st.fixed_dictionaries({"family": st.just("local"), "path": PATH}),
    st.fixed_dictionaries({"family": st.sampled_from(["unspec", 0, 1, 2])}),
    PATH,
)
TARGET = st.one_of(one("target"), ADDRESS)
CONTROL = st.lists(
    mostly(
        st.one_of(
            made(
                "ControlMessage",
                st.sampled_from(["socket", "ip", "ipv6", 1, 0, 41]),
                st.sampled_from(["rights", "credentials", "timestamp", "tos", "ttl", "pktinfo", 1]),
                st.one_of(st.none(), st.binary(max_size=12), st.integers(0, 3)),
                st.one_of(st.none(), st.integers(0, 3), st.lists(one("fd"), max_size=2)),
            ),
            st.fixed_dictionaries(
                {"level": st.just("socket"), "type": st.just("rights")},
                optional={"value": st.lists(one("fd"), max_size=3)},
            ),
        )
    ),
    max_size=2,
)
MSG = st.one_of(
    made("Msg", mostly(st.one_of(st.none(), ADDRESS)), mostly(PIECES), mostly(CONTROL)),
    st.fixed_dictionaries(
        {"iov": mostly(PIECES)}, optional={"addr": mostly(ADDRESS), "ctrl": mostly(CONTROL)}
    ),
)
TAG = st.sampled_from(words("accept connect recv recvfrom recvmsg send sendfile sendmsg sendto"))
INFO = st.one_of(
    one("own info"),
    one("own info"),
    one("info"),
    made("SelectInfo", mostly(TAG), mostly(one("ref"))),
    made("SelectInfo", TAG, one("ref"), st.one_of(JUNK, st.tuples(JUNK, JUNK), NUMBERS)),
)
FLAGS_OR_INFO = st.integers(0, 5).flatmap(lambda n: INFO if n == 5 else FLAGS)
DEST = st.integers(0, 9).flatmap(lambda n: INFO if n == 9 else ADDRESS)
FILE = st.integers(0, 9).flatmap(lambda n: INFO if n == 9 else one("file"))
LEVEL = st.sampled_from(["otp", *LEVELS, 0, 1, 6, 41, "TCP"])
VALUE = st.one_of(
    st.booleans(),
    st.sampled_from([0, 1, 2, 64, 4096, -1, 100_000]),
    st.sampled_from(["default", "abort", "lo", "reno", "nonsense", "want", "lowdelay", "inet"]),
    st.tuples(st.integers(0, 3), st.sampled_from([1, 100, "default"])),
    st.sampled_from(["lo", b"lo", b"", b"\1\0\0\0", bytes(8)]),
    made("Linger", st.booleans(), st.just(0)),
    made("TimeVal", st.integers(0, 2), st.just(0)),
    made("Membership", st.sampled_from(["239.1.2.3", "127.0.0.1"]), st.just("127.0.0.1")),
    made("Membership6", st.sampled_from(["ff02::5", "::1"]), st.just(1)),
    st.fixed_dictionaries({"onoff": st.booleans(), "linger": st.just(0)}),
    one("pid"),
)
SPEC = st.sampled_from(["integer", "boolean", int, bool, 4, 1, 0, -1, 1000, 5000, b"", b"\0" * 4])
QUESTION = st.sampled_from(
    words(
        "gifconf gifname gifindex gifmtu gifaddr gifflags gifmap gifhwaddr nread nread atmark "
        "sifmtu sifflags sifaddr"
    )
)
FILTER = st.sampled_from(["inet", "inet6", "local", "stream", "tcp", "udp", "sctp", Odd("lambda")])
KEY = st.sampled_from(["options", "msg_flags", "ipv6", "protocols", "tcp", "nodelay", "peek"])
DURATION = st.sampled_from([0, 0.0, 0.01, 1, 5])
DEST_PROCESS = st.one_of(one("pid"), one("name"))
REASON = st.sampled_from(["normal", "kill", "killed", "shutdown", None, 3, Odd("exception")])
MESSAGE = st.one_of(st.sampled_from(["hello", 1, None, *map(Odd, ODD_MESSAGES)]), JUNK)
PATTERN = st.one_of(
    st.none(),
    st.sampled_from([str, int, (int, str), int | str, actorsock.Down, Odd("predicate")]),
    one("ref"),
)


DOMAIN = st.sampled_from(["inet", "inet", "inet6", "local", "unspec", 2, 999, -1])
TYPE = st.sampled_from(["stream", "stream", "dgram", "seqpacket", 1, 2, 999, 1 | 0o4000])
PROTOCOL = st.sampled_from(["default", "tcp", "udp", 0, 6, ("raw", 17), "sctp", 132, -1])
NETNS = st.sampled_from([None, None, "/no/such/namespace", "", "a\0b"])
HOW = st.sampled_from(["read", "write", "read_write"])
BACKLOG = st.sampled_from([0, 1, 5, -1, 2**31])
FUNCTION = st.one_of(
    one("function"), one("function"), st.sampled_from([Odd("lambda"), Odd("type")])
)
MAYBE_NAME = st.one_of(st.none(), one("name"))

# --- wrong values ---------------------------------------------------------------------------------

HERE = ("127.0.0.1", 9)
MAP = {"family": "inet", "addr": "loopback", "port": 9}
INFO_OF_A_WAITING_CALL: Any = object()
"""Stands for the select info of an operation that waits."""

NO_SIZE = [-1, 2**31, 2**63, 1.0, "1", b"1", ["peek"], None, True]
NO_SECONDS = [-1, -0.001, -math.inf, math.nan, "1", None, True, 1j]
NO_REF = [5, "ref", object(), True]
NO_FLAGS = ["peek", 5, None, ["foo"], [-1], [2**31], [1.0], [True], [None], [["peek"]]]
NO_DATA = ["text", 5, None, ["text"], [1], [b"x", [None]], object(), {}, 1.0]
NO_ADDRESS = [
    5,
    "name",
    b"name",
    (),
    ("127.0.0.1",),
    ("127.0.0.1", "80"),
    ("127.0.0.1", None),
    ("127.0.0.1", -1),
    ("127.0.0.1", 65_536),
    ("127.0.0.1", 9, 0, 0),
    ("nowhere.example", 80),
    ("1.2.3", 80),
    (None, 80),
    ["127.0.0.1", 80],
    {},
    {"addr": "loopback", "port": 9},
    {"family": "foo"},
    {"family": None},
    {**MAP, "extra": 1},
    {**MAP, "flowinfo": 0},
    {**MAP, "port": "http"},
    {**MAP, "port": 70_000},
    {**MAP, "addr": "::1"},
    {**MAP, "addr": (127, 0, 0)},
    {**MAP, "addr": (127, 0, 0, 256)},
    {"family": "inet6", "addr": "broadcast"},
    {"family": "inet6", "addr": "::1", "scope_id": -1},
    {"family": "local"},
    {"family": "local", "path": 5},
    {"family": "local", "path": "x" * 108},
    {"family": "local", "path": b"\0" + b"x" * 108},
    {"family": "unspec", "addr": "text"},
    {"family": 2, "addr": None},
]
NO_DOMAIN = ["foo", "INET", b"inet", 1.0, None, True, 2**31]
NO_TYPE = ["foo", "rdm", b"stream", 1.0, None, True, 2**31]
NO_PROTOCOL = ["foo", 1.0, b"tcp", ("raw", "tcp"), ("foo", 1), [], True, 2**31]
NO_OPTION = ["foo", None, 1.0, b"type", ("type",), ("type", 1, 2)]
NO_BACKLOG = ["5", None, 1.0, True, 2**31, -(2**31) - 1]
NO_PIECES = [None, 5, b"bytes", "text", ["text"], [5], [[b"x"]], {}]
NO_MESSAGE = [
    None,
    5,
    b"bytes",
    [b"bytes"],
    {},
    {"addr": HERE},
    *({"iov": iov} for iov in NO_PIECES),
    Msg(iov=[5]),
    {"iov": [b"x"], "addr": 5},
    {"iov": [b"x"], "addr": {}},
    {"iov": [b"x"], "ctrl": 5},
    {"iov": [b"x"], "ctrl": [5]},
    {"iov": [b"x"], "ctrl": [{}]},
    {"iov": [b"x"], "ctrl": [{"level": "ip", "type": "ttl"}]},
    {"iov": [b"x"], "ctrl": [{"level": "ip", "type": "ttl", "value": 1, "data": b"x"}]},
    {"iov": [b"x"], "ctrl": [{"level": "ip", "type": "foo", "value": 1}]},
    {"iov": [b"x"], "ctrl": [{"level": "foo", "type": "ttl", "value": 1}]},
    {"iov": [b"x"], "ctrl": [{"level": "ip", "type": "ttl", "value": "many"}]},
    {"iov": [b"x"], "ctrl": [{"level": 0, "type": 2, "data": bytes(5000)}]},
]


# --- the description ------------------------------------------------------------------------------

NONE: Any = object()
"""There is no accepted value, or it is made by the test."""


@attrs.frozen
class Argument:
    """An argument of the socket functions.

    Attributes:
        sensible: draws values that a program would give.
        accepted: a value that is accepted by every function.
        wrong: values that every function refuses with an exception.
    """

    sensible: st.SearchStrategy[Any]
    accepted: Any = NONE
    wrong: list[Any] = attrs.field(factory=list)


ARGUMENTS: dict[str, Argument] = {
    "addr": Argument(ADDRESS, "loopback", NO_ADDRESS),
    "backlog": Argument(BACKLOG, 5, NO_BACKLOG),
    "bufsize": Argument(LENGTH, 0, NO_SIZE),
    "count": Argument(LENGTH, 0, [-1, 1.0, "1", None, True, 2**63]),
    "ctrlsize": Argument(LENGTH, 0, NO_SIZE),
    "data": Argument(DATA, b"x", NO_DATA),
    "debug": Argument(st.booleans(), False, [1, None, "yes"]),
    "dest": Argument(DEST, HERE, [None, *NO_ADDRESS]),
    "domain": Argument(DOMAIN, "inet", NO_DOMAIN),
    "dup": Argument(st.booleans(), True, [1, None, "yes"]),
    "fd": Argument(one("fd"), 0, ["3", None, 1.0, True, -1, 2**31]),
    "file": Argument(FILE, 0, [None, "name", b"name", 1.0, True, -1, 2**31, object()]),
    "filter": Argument(st.one_of(st.none(), FILTER, one("pid")), None, ["raw", "foo", 5, b"inet"]),
    "flag": Argument(st.booleans(), True, [1, None, "yes"]),
    "flags": Argument(FLAGS, [], NO_FLAGS),
    "how": Argument(HOW, "read_write", ["both", "", None, 5, b"read"]),
    "info": Argument(INFO, INFO_OF_A_WAITING_CALL, [None, 5, "info", object(), SelectInfo]),
    "iov": Argument(PIECES, [b"x"], NO_PIECES),
    "length": Argument(LENGTH, 0, NO_SIZE),
    "level": Argument(LEVEL, "socket", ["foo", None, 1.0, b"socket", True]),
    "msg": Argument(MSG, {"iov": [b"x"]}, NO_MESSAGE),
    "netns": Argument(NETNS, None, [5, b"/proc/self/ns/net"]),
    "offset": Argument(LENGTH, 0, [1.0, "1", None, True, 2**63]),
    "option": Argument(st.text(max_size=3), "type", NO_OPTION),
    "pid": Argument(one("pid"), None, [5, "pid", object()]),
    "protocol": Argument(PROTOCOL, "tcp", NO_PROTOCOL),
    "ref": Argument(REF, None, NO_REF),
    "sock": Argument(SOCK, NONE, [None, 5, "sock", object(), Socket]),
    "timeout": Argument(TIMEOUT, 0, NO_SECONDS),
    "type": Argument(TYPE, "stream", NO_TYPE),
    "use_registry": Argument(st.sampled_from([None, True, False]), None, [0, 1, "yes"]),
    "value": Argument(VALUE, True, [1, 0, None, "yes", [], b"\1"]),
    "request": Argument(QUESTION, "nread"),
    "who": Argument(st.one_of(one("pid"), SOCK)),
    "after": Argument(st.one_of(DURATION, st.just(inf))),
    "alias": Argument(st.sampled_from([None, "explicit_unalias", "demonitor", "reply_demonitor"])),
    "delay": Argument(DURATION),
    "flush": Argument(st.booleans()),
    "fn": Argument(FUNCTION),
    "handler": Argument(st.one_of(one("handler"), st.just(Odd("lambda")))),
    "items": Argument(st.sampled_from([None, [], ["status", "waits_for"], ["messages"], ["none"]])),
    "label": Argument(MESSAGE),
    "light": Argument(st.booleans()),
    "limit": Argument(st.sampled_from([None, actorsock.Limit(10_000, "drop_new")])),
    "max_mailbox": Argument(st.sampled_from([None, actorsock.Limit(3, "drop_old")])),
    "message": Argument(MESSAGE),
    "mode": Argument(st.sampled_from(["explicit_unalias", "reply"])),
    "name": Argument(one("name")),
    "pattern": Argument(PATTERN),
    "pid_or_reason": Argument(st.one_of(one("pid"), REASON)),
    "reason": Argument(REASON),
    "seconds": Argument(DURATION),
    "terminate": Argument(st.one_of(st.none(), one("handler"))),
}


@attrs.frozen
class Change:
    """A difference of an argument in one function.

    Attributes:
        sensible: draws other values.
        accepted: another accepted value.
        also: further wrong values.
        unless: wrong values that are right here.
        named: a regular expression for the name in the error text, if it is not the argument's:
            a part of the argument, or the option that it is for.
    """

    sensible: st.SearchStrategy[Any] | None = None
    accepted: Any = NONE
    also: list[Any] = attrs.field(factory=list)
    unless: list[Any] = attrs.field(factory=list)
    named: str = ""


_CONTINUES = Change(FLAGS_OR_INFO)
_MSG = Change(named="msg|addr|ctrl|iov")
IN: dict[tuple[str, str], Change] = {
    ("accept", "sock"): Change(LISTENER),
    ("accept_nowait", "sock"): Change(LISTENER),
    ("bind", "addr"): Change(
        st.one_of(ADDRESS, st.sampled_from(["any", "loopback"])),
        also=[None],
        unless=["any", "loopback", "broadcast"],
    ),
    ("cancel_monitor", "ref"): Change(one("ref"), also=[None]),
    ("connect", "addr"): Change(TARGET, HERE, also=[None, "loopback"]),
    ("connect_nowait", "addr"): Change(TARGET, HERE),
    ("getopt", "level"): Change(named="level|option"),
    ("open_fd", "domain"): Change(
        st.sampled_from([None, "inet", "local", 999]), None, unless=[None]
    ),
    ("open_fd", "type"): Change(
        st.sampled_from([None, "stream", "dgram", 999]), None, unless=[None]
    ),
    ("open_fd", "protocol"): Change(st.sampled_from([None, "tcp", 0]), None),
    ("send", "flags"): _CONTINUES,
    ("send_nowait", "flags"): _CONTINUES,
    ("sendmsg", "flags"): _CONTINUES,
    ("sendmsg_nowait", "flags"): _CONTINUES,
    ("sendmsg", "msg"): _MSG,
    ("sendmsg_nowait", "msg"): _MSG,
    ("setopt", "option"): Change(accepted="keepalive"),
    ("setopt", "value"): Change(named="value|option"),
    # Functions of processes.
    **{(name, "dest"): Change(DEST_PROCESS) for name in ("monitor", "send_after", "start_timer")},
    ("send", "dest"): Change(st.one_of(DEST_PROCESS, one("ref"))),
    **{
        (name, "ref"): Change(one("ref"))
        for name in ("cancel_timer", "demonitor", "read_timer", "unalias")
    },
    **{
        (name, "name"): Change(MAYBE_NAME)
        for name in ("spawn", "spawn_handler", "spawn_link", "spawn_monitor")
    },
}

# The arguments in place of `*args` and `*keys`; how many of all a call must have.
REST: dict[str, tuple[list[st.SearchStrategy[Any]], int]] = {
    "ioctl": ([st.sampled_from(["lo", "none0", 1]), VALUE], 2),
    "is_supported": ([KEY, KEY, KEY], 0),
    "supports": ([KEY, KEY], 0),
    **{name: ([MESSAGE], 1) for name in ("in_trio", "spawn", "spawn_link", "spawn_monitor")},
}


def parameters(function: Any) -> list[inspect.Parameter]:
    """Return the parameters of a function but for `*args`."""
    found = inspect.signature(function).parameters.values()
    return [p for p in found if p.kind is not inspect.Parameter.VAR_POSITIONAL]


def argument(name: str, parameter: str) -> Argument:
    """Return the description of an argument of a function."""
    described, change = ARGUMENTS[parameter], IN.get((name, parameter), Change())
    return Argument(
        described.sensible if change.sensible is None else change.sensible,
        described.accepted if change.accepted is NONE else change.accepted,
        [
            value
            for value in described.wrong + change.also
            if not any(value is right or value == right for right in change.unless)
        ],
    )


def accepted(name: str) -> dict[str, Any]:
    """Return arguments that a socket function accepts, without `sock` and `request`."""
    return {
        p.name: argument(name, p.name).accepted
        for p in parameters(getattr(socket, name))
        if p.name not in ("sock", "request")
    }


def public_functions(module: Any) -> list[str]:
    """Return the names of the functions that a module exports."""
    return [name for name in module.__all__ if inspect.isfunction(getattr(module, name))]


# --- calls ----------------------------------------------------------------------------------------


@attrs.frozen
class Shape:
    """The arguments of a function: sensible ones, and how many it must have."""

    needed: int
    args: tuple[st.SearchStrategy[Any], ...]
    keywords: dict[str, st.SearchStrategy[Any]]


def shape(*args: Any, needed: int | None = None, **keywords: Any) -> Shape:
    """Return a shape that was written down."""
    return Shape(len(args) if needed is None else needed, args, keywords)


def _shape_of(module: Any, name: str) -> Shape:
    found = parameters(getattr(module, name))
    keywords = [p for p in found if p.kind is inspect.Parameter.KEYWORD_ONLY]
    positional = [p for p in found if p not in keywords]
    rest, needed = REST.get(name, ([], sum(p.default is p.empty for p in positional)))
    return Shape(
        needed,
        (*(argument(name, p.name).sensible for p in positional), *rest),
        {p.name: argument(name, p.name).sensible for p in keywords},
    )


# `run` and `open_runtime` are around everything; to ok() an error is an exception. Streams are made
# of the calls of sockets, and raise. `receive_or` is refused in light processes. `system_monitor`
# goes on until it is closed.
_LEFT_OUT = {
    *("run", "open_runtime", "receive_or", "ok", "system_monitor"),
    *public_functions(actorsock.streams),
}
RECORDS = {
    "ControlMessage": shape(WORDS, WORDS, VALUE, VALUE, needed=2),
    "Linger": shape(st.booleans(), NUMBERS),
    "Membership": shape(HOST, HOST),
    "Membership6": shape(HOST, NUMBERS),
    "Msg": shape(ADDRESS, PIECES, CONTROL, FLAGS, needed=0),
    "MsgFilter": shape(HOST, HOST, st.just("include"), st.lists(HOST, max_size=2)),
    "SelectInfo": shape(TAG, REF),
    "SockAddrIn": shape(HOST, PORT, needed=0),
    "SockAddrIn6": shape(HOST, PORT, NUMBERS, NUMBERS, needed=0),
    "SockAddrNative": shape(NUMBERS, st.binary(max_size=5), needed=1),
    "SockAddrUn": shape(PATH),
    "SockAddrUnspec": shape(st.binary(max_size=5), needed=0),
    "SourceMembership": shape(HOST, HOST, HOST),
    "TimeVal": shape(NUMBERS, NUMBERS),
}
CALLS: dict[str, dict[str, Shape]] = {
    "socket": {name: _shape_of(socket, name) for name in public_functions(socket)},
    "record": RECORDS,
    "process": {
        name: _shape_of(actorsock, name)
        for name in public_functions(actorsock)
        if name not in _LEFT_OUT
    },
}
"""Every public function, by the table and the name."""
