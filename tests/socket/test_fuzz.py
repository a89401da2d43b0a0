"""Whatever is called with whatever arguments: nothing is raised but for a wrong argument, nothing
leaks, and nobody waits for ever.

Some processes share a set of sockets. Each step of an example has one of them make a call of the
library, or kills it, or cancels the call that it is waiting in, or lets time pass. Arguments are
drawn partly sensible, partly from anything that Python has. In the end everything is closed, and
nothing may be left: no process that waits, no descriptor, no entry of any table.

`ACTORSOCK_FUZZ=20000` runs as many examples, different ones each time (pytest's option
`--hypothesis-seed` chooses which); without it a few, always the same.

Everything stays on this machine: see `stays_here`.
"""

import array
import collections
import contextlib
import decimal
import enum
import errno
import fractions
import functools
import inspect
import io
import ipaddress
import itertools
import logging
import os
import pathlib
import re
import socket as stdlib
import sys
import tempfile
import time
import traceback
from math import inf

import attrs
import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import actorsock
from actorsock import Error, Ok, Pid, Ref, Select, ok, socket
from actorsock.runtime.bodies.running import by_task, local
from actorsock.runtime.core.process import aliased, alive
from actorsock.socket.core.poller import ready_now
from actorsock.socket.core.service import service_of
from actorsock.socket.options import LEVELS, OTP_OPTIONS, find, options, protocol_number
from actorsock.socket.values.address import (
    SockAddrIn,
    SockAddrIn6,
    SockAddrNative,
    SockAddrUn,
    SockAddrUnspec,
    from_bytes,
    parse,
    to_bytes,
)
from actorsock.socket.values.flags import encode_flags

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="counts descriptors in /proc")

EXAMPLES = int(os.environ.get("ACTORSOCK_FUZZ", "0"))
WORKERS = 3
LIGHT = 2  # which of them has a light body

fuzzed = settings(
    max_examples=EXAMPLES or 100,
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    print_blob=False,
    suppress_health_check=list(HealthCheck),
)

# ---- arguments -------------------------------------------------------------------------------
# They are drawn as descriptions, which can be printed and shrunk; the call makes the values.


@attrs.frozen
class One:
    """Something that exists when the call is made: number so and so of its kind."""

    kind: str
    number: int


@attrs.frozen
class Odd:
    """An object of `ODDITIES`."""

    name: str


@attrs.frozen
class Made:
    """A record of the socket module, made of any arguments."""

    name: str
    args: tuple


@attrs.frozen
class Bytes:
    """So many bytes."""

    count: int


def words(line):
    return line.split()


def one(kind):
    return st.builds(One, st.just(kind), st.integers(0, 20))


def made(name, *args):
    return st.builds(Made, st.just(name), st.tuples(*args))


class Refusal(Exception):
    """An object has been asked for something that it does not do."""


class Raises:
    """Refuses to do what its name says."""

    def __init__(self, *names):
        self.names = names

    def _refuse(self, name):
        if name in self.names:
            raise Refusal(name)

    def __repr__(self):
        self._refuse("repr")
        return "Raises()"

    def __eq__(self, other):
        self._refuse("eq")
        return self is other

    def __hash__(self):
        self._refuse("hash")
        return id(self)

    def __bool__(self):
        self._refuse("bool")
        return True

    def __len__(self):
        self._refuse("len")
        return 3

    def __iter__(self):
        self._refuse("iter")
        return iter((1, 2, 3))

    @property
    def ref(self):
        self._refuse("ref")
        return Ref()

    @property
    def __class__(self):
        self._refuse("class")
        return Raises


class Text(str):
    __hash__ = None


class Number(int):
    def __repr__(self):
        raise Refusal("repr")


class Blob(bytes):
    pass


class Pretends:
    """Can be taken for a number, or for a path."""

    def __index__(self):
        return 1

    def __int__(self):
        return 1

    def __float__(self):
        return 1.0

    def __fspath__(self):
        return "no such file"


class File:
    def __init__(self, fd):
        self.fd = fd

    def fileno(self):
        return self.fd


class Word(enum.StrEnum):
    READ = "read"
    INET = "inet"


class Few(enum.IntEnum):
    ONE = 1


def released():
    view = memoryview(b"gone")
    view.release()
    return view


def endless():
    nested = []
    nested.append(nested)
    return nested


def endless_dict():
    nested = {"family": "inet"}
    nested["addr"] = nested
    return nested


def deep():
    nested = b"deep"
    for _ in range(5000):
        nested = [nested]
    return nested


ODDITIES = {
    **{f"{name} raises": functools.partial(Raises, name) for name in ("repr", "eq", "hash")},
    **{f"{name} raises": functools.partial(Raises, name) for name in ("bool", "len", "iter")},
    "ref raises": functools.partial(Raises, "ref"),
    "everything raises": functools.partial(Raises, "repr", "eq", "hash", "bool", "len", "iter"),
    "unhashable str": lambda: Text("inet"),
    "surrogate": lambda: "\ud800",
    "str with NUL": lambda: "a\0b",
    "long str": lambda: "x" * 5000,
    "int without repr": lambda: Number(3),
    "bytes subclass": lambda: Blob(b"ab"),
    "huge": lambda: 10**5000,
    "minus huge": lambda: -(10**5000),
    "pretender": Pretends,
    "word": lambda: Word.READ,
    "other word": lambda: Word.INET,
    "enum": lambda: Few.ONE,
    "decimal": lambda: decimal.Decimal("1.5"),
    "fraction": lambda: fractions.Fraction(1, 3),
    "IPv4Address": lambda: ipaddress.IPv4Address("127.0.0.1"),
    "IPv6Address": lambda: ipaddress.IPv6Address("::1"),
    "scoped IPv6Address": lambda: ipaddress.IPv6Address("fe80::1%lo"),
    "path": lambda: pathlib.PurePath("no such file"),
    "bytearray": lambda: bytearray(b"some"),
    "array": lambda: array.array("I", [1, 2]),
    "memoryview": lambda: memoryview(b"some"),
    "strided": lambda: memoryview(b"something")[::2],
    "released": released,
    "StringIO": io.StringIO,
    "file -1": lambda: File(-1),
    "file None": lambda: File(None),
    "file huge": lambda: File(2**70),
    "contains itself": endless,
    "dict contains itself": endless_dict,
    "deep": deep,
    "generator": lambda: (n for n in range(3)),
    "range": lambda: range(3),
    "set": lambda: {1, 2},
    "object": object,
    "type": lambda: Raises,
    "lambda": lambda: lambda *args: None,
    "predicate": lambda: lambda *args: True,
    "builtin": lambda: len,
    "generic": lambda: list[int],
    "exception": lambda: OSError(errno.EIO, "made up"),
    "error": lambda: Error("made up"),
    "select": lambda: Select(None),
}

ODD_MESSAGES = {"class raises": functools.partial(Raises, "class")}
"""Whether these are of a type can't be asked, which every function does of its arguments."""

NUMBERS = st.one_of(
    st.integers(-3, 300),
    st.sampled_from([n + d for n in (2**15, 2**16, 2**31, 2**32, 2**63, 2**64) for d in (-1, 0)]),
    st.sampled_from([-(2**31), -(2**31) - 1, -(2**63), -(2**64)]),
)
WORDS = st.sampled_from(
    words(
        "any loopback broadcast default infinity nowait inet local stream tcp read otp socket "
        "closed normal kill family addr port path iov ctrl level type data value lo"
    )
)
PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    NUMBERS,
    st.floats(),
    st.text(max_size=5),
    st.binary(max_size=5),
    WORDS,
    st.sampled_from(sorted(ODDITIES)).map(Odd),
    st.sampled_from(words("socket info pid ref fd file name address")).flatmap(one),
    st.just(1j),
    st.just(...),
)
KEYS = st.one_of(WORDS, st.integers(0, 5), st.none())
JUNK = st.recursive(
    PLAIN,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(KEYS, inner, max_size=3),
    ),
    max_leaves=6,
)


def mostly(sensible, rarely=11):
    """`sensible`, or now and then anything."""
    return st.integers(0, rarely).flatmap(lambda n: JUNK if n == rarely else sensible)


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
LEVEL_AND_OPTION = st.sampled_from(
    [("otp", name) for name in (*OTP_OPTIONS, *["controlling_process", "select_read"] * 3)] * 3
    + [(level, option.name) for level in LEVELS for option in options(level)]
    + [(1, 7), (1, 2), (6, 1), (0, 2), ("socket", 9), ("tcp", 1), (41, 26), (1, 999)]
)
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


@attrs.frozen
class Shape:
    """How a function is called: what its arguments are, and how many of them it must have."""

    needed: int
    args: tuple
    keywords: dict


def shape(*args, needed=None, **keywords):
    return Shape(len(args) if needed is None else needed, args, keywords)


SOCKET_CALLS = {
    "accept": shape(LISTENER, TIMEOUT, needed=1),
    "accept_nowait": shape(LISTENER, REF, needed=1),
    "bind": shape(SOCK, st.one_of(ADDRESS, st.sampled_from(["any", "loopback"]))),
    "cancel": shape(SOCK, INFO),
    "cancel_monitor": shape(one("ref")),
    "close": shape(SOCK),
    "connect": shape(SOCK, TARGET, TIMEOUT, needed=2),
    "connect_nowait": shape(SOCK, TARGET, REF, needed=1),
    "getopt": shape(SOCK, LEVEL, st.text(max_size=3)),
    "info": shape(SOCK, needed=0),
    "ioctl": shape(SOCK, QUESTION, st.sampled_from(["lo", "none0", 1]), VALUE, needed=2),
    "is_supported": shape(KEY, KEY, KEY, needed=0),
    "listen": shape(SOCK, st.sampled_from([0, 1, 5, -1, 2**31]), needed=1),
    "monitor": shape(SOCK),
    "monitored_by": shape(SOCK),
    "number_of": shape(),
    "number_of_monitors": shape(one("pid"), needed=0),
    "open": shape(
        st.sampled_from(["inet", "inet", "inet6", "local", "unspec", 2, 999, -1]),
        st.sampled_from(["stream", "stream", "dgram", "seqpacket", 1, 2, 999, 1 | 0o4000]),
        st.sampled_from(["default", "tcp", "udp", 0, 6, ("raw", 17), "sctp", 132, -1]),
        needed=2,
        netns=st.sampled_from([None, None, "/no/such/namespace", "", "a\0b"]),
        debug=st.booleans(),
        use_registry=st.sampled_from([None, True, False]),
    ),
    "open_fd": shape(
        one("fd"),
        dup=st.booleans(),
        debug=st.booleans(),
        use_registry=st.sampled_from([None, True, False]),
        domain=st.sampled_from([None, "inet", "local", 999]),
        type=st.sampled_from([None, "stream", "dgram", 999]),
        protocol=st.sampled_from([None, "tcp", 0]),
    ),
    "peername": shape(SOCK),
    "recv": shape(SOCK, LENGTH, FLAGS, TIMEOUT, needed=1),
    "recv_nowait": shape(SOCK, LENGTH, FLAGS, REF, needed=1),
    "recvfrom": shape(SOCK, LENGTH, FLAGS, TIMEOUT, needed=1),
    "recvfrom_nowait": shape(SOCK, LENGTH, FLAGS, REF, needed=1),
    "recvmsg": shape(SOCK, LENGTH, LENGTH, FLAGS, TIMEOUT, needed=1),
    "recvmsg_nowait": shape(SOCK, LENGTH, LENGTH, FLAGS, REF, needed=1),
    "send": shape(SOCK, DATA, FLAGS_OR_INFO, TIMEOUT, needed=2),
    "send_nowait": shape(SOCK, DATA, FLAGS_OR_INFO, REF, needed=2),
    "sendfile": shape(SOCK, FILE, LENGTH, LENGTH, TIMEOUT, needed=2),
    "sendfile_nowait": shape(SOCK, FILE, LENGTH, LENGTH, REF, needed=2),
    "sendmsg": shape(SOCK, MSG, FLAGS_OR_INFO, TIMEOUT, needed=2),
    "sendmsg_nowait": shape(SOCK, MSG, FLAGS_OR_INFO, REF, needed=2),
    "sendto": shape(SOCK, DATA, DEST, FLAGS, TIMEOUT, needed=3),
    "sendto_nowait": shape(SOCK, DATA, DEST, FLAGS, REF, needed=3),
    "sendv": shape(SOCK, PIECES, TIMEOUT, needed=2),
    "sendv_nowait": shape(SOCK, PIECES, REF, needed=2),
    "setopt": shape(SOCK, LEVEL, st.text(max_size=3), VALUE),
    "shutdown": shape(SOCK, st.sampled_from(["read", "write", "read_write"])),
    "sockname": shape(SOCK),
    "supports": shape(KEY, KEY, needed=0),
    "use_registry": shape(st.booleans()),
    "which_monitors": shape(st.one_of(one("pid"), SOCK)),
    "which_sockets": shape(st.one_of(st.none(), FILTER, one("pid")), needed=0),
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
FUNCTION = st.one_of(
    one("function"), one("function"), st.sampled_from([Odd("lambda"), Odd("type")])
)
SPAWN = shape(
    FUNCTION, MESSAGE, needed=1, name=st.one_of(st.none(), one("name")), light=st.booleans()
)
PROCESS_CALLS = {
    "alias": shape(st.sampled_from(["explicit_unalias", "reply"]), needed=0),
    "cancel_timer": shape(one("ref")),
    "current_pid": shape(),
    "demonitor": shape(one("ref"), st.booleans(), needed=1),
    "exit": shape(st.one_of(one("pid"), REASON), REASON, needed=1),
    "in_trio": shape(FUNCTION, MESSAGE, needed=1),
    "is_alive": shape(one("pid")),
    "link": shape(one("pid")),
    "mailbox": shape(PATTERN, needed=0, after=st.one_of(DURATION, st.just(inf))),
    "make_ref": shape(),
    "monitor": shape(
        DEST_PROCESS,
        alias=st.sampled_from([None, "explicit_unalias", "demonitor", "reply_demonitor"]),
    ),
    "process_info": shape(one("pid")),
    "processes": shape(),
    "read_timer": shape(one("ref")),
    "receive": shape(PATTERN, needed=0, after=st.one_of(DURATION, st.just(inf))),
    "register": shape(one("name"), one("pid")),
    "registered": shape(),
    "send": shape(st.one_of(DEST_PROCESS, one("ref")), MESSAGE),
    "send_after": shape(DURATION, DEST_PROCESS, MESSAGE),
    "sleep": shape(DURATION),
    "spawn": SPAWN,
    "spawn_handler": shape(
        st.one_of(one("handler"), st.just(Odd("lambda"))),
        st.one_of(st.none(), one("handler")),
        needed=1,
        name=st.one_of(st.none(), one("name")),
    ),
    "spawn_link": SPAWN,
    "spawn_monitor": SPAWN,
    "start_timer": shape(DURATION, DEST_PROCESS, MESSAGE),
    "trap_exit": shape(st.booleans()),
    "unalias": shape(one("ref")),
    "unlink": shape(one("pid")),
    "unregister": shape(one("name")),
    "whereis": shape(one("name")),
}
TABLES = {"socket": SOCKET_CALLS, "record": RECORDS, "process": PROCESS_CALLS}

# ---- steps -----------------------------------------------------------------------------------


@attrs.frozen
class Call:
    """A process makes a call."""

    worker: int
    table: str
    name: str
    args: tuple
    keywords: dict


@attrs.frozen
class Kill:
    """A process is killed, wherever it is; another takes its place."""

    worker: int


@attrs.frozen
class Interrupt:
    """The call that a process waits in is cancelled."""

    worker: int


@attrs.frozen
class Wait:
    """Time passes."""

    seconds: float


def value_for(level, option):
    """Values of the kind that an option takes."""
    if level == "otp":
        return one("pid") if option == "controlling_process" else VALUE
    if not isinstance(level, str) or not isinstance(option, str):
        return VALUE
    accepts = find(level, option).value
    if "True or False" in accepts:
        return st.booleans()
    return st.integers(-1, 70_000) if "integer" in accepts else VALUE


@st.composite
def calls(draw, tables, rarely):
    table, name = draw(st.sampled_from(tables))
    form = TABLES[table][name]
    count = draw(st.integers(form.needed, len(form.args)))
    args = [draw(mostly(arg, rarely)) for arg in form.args[:count]]
    if name in ("setopt", "getopt") and len(args) >= 3 and draw(st.integers(0, 9)):
        level, option = draw(LEVEL_AND_OPTION)
        if name == "getopt" and not (isinstance(level, str) and isinstance(option, str)):
            option = (option, draw(mostly(SPEC)))
        args[1:3] = level, option
        if name == "setopt" and len(args) > 3 and draw(st.booleans()):
            args[3] = draw(value_for(level, option))
    match draw(st.integers(0, 5 * rarely)):
        case 0:
            args = args[:-1]
        case 1:
            args.append(draw(JUNK))
    keywords = {
        word: draw(mostly(value)) for word, value in form.keywords.items() if draw(st.booleans())
    }
    return Call(draw(st.integers(0, WORKERS - 1)), table, name, tuple(args), keywords)


OTHERS = st.one_of(
    st.builds(Wait, st.sampled_from([0.001, 0.06, 2])),
    st.builds(Interrupt, st.integers(0, WORKERS - 1)),
    st.builds(Kill, st.integers(0, WORKERS - 1)),
)


def steps_of(tables, rarely=11):
    """Steps, one after the other; those in a tuple are taken without letting anybody run."""
    one_step = st.integers(0, 9).flatmap(lambda n: OTHERS if n == 9 else calls(tables, rarely))
    together = st.lists(one_step, min_size=2, max_size=4).map(tuple)
    step = st.integers(0, 6).flatmap(lambda n: together if n == 6 else one_step)
    return st.one_of(st.lists(step, max_size=10), st.lists(step, min_size=15, max_size=40))


WAITING_CALLS = re.compile("(accept|connect|recv|send)[a-z]*$")
"""Those that wait."""
OFTEN = {
    **dict.fromkeys(("accept_nowait", "recv_nowait", "send_nowait", "recvfrom_nowait"), 4),
    **dict.fromkeys(("connect_nowait", "recvmsg_nowait", "sendmsg_nowait", "sendv_nowait"), 2),
    **dict.fromkeys(("close", "shutdown", "setopt"), 2),
    **dict.fromkeys(("open_fd", "monitor"), 1),
    "cancel": 12,
}
_USUAL = re.compile("recv|send|accept|connect|close|cancel$|open|setopt|getopt|shutdown|listen")
SOCKET_STEPS = steps_of(
    [("socket", name) for name in SOCKET_CALLS for _ in range(4 if _USUAL.match(name) else 1)]
    + [("record", name) for name in RECORDS]
)
WAITING_STEPS = steps_of(
    [
        ("socket", name)
        for name in SOCKET_CALLS
        for _ in range(6 if WAITING_CALLS.match(name) else OFTEN.get(name, 0))
    ],
    rarely=40,
)
PROCESS_STEPS = steps_of(
    [("process", name) for name in PROCESS_CALLS for _ in range(1 if name == "exit" else 4)]
    + [("socket", name) for name in SOCKET_CALLS]
)

# ---- the world that the calls are made in ----------------------------------------------------


@attrs.frozen
class Order:
    """What a worker is to do."""

    call: object


@attrs.define
class Worker:
    light: bool
    pid: Pid | None = None
    call: object = None
    """The call that it is making."""
    infos: list = attrs.field(factory=list)
    scope: trio.CancelScope | None = None


@attrs.define(eq=False)
class World:
    poller: str
    things: dict = attrs.field(factory=lambda: collections.defaultdict(list))
    """What calls are made with, by kind."""
    workers: list = attrs.field(
        factory=lambda: [Worker(number == LIGHT) for number in range(WORKERS)]
    )
    unclear: set = attrs.field(factory=set)
    """Sockets of which readiness does not say whether a call would find something to do."""
    problems: list = attrs.field(factory=list)

    def value(self, described, worker):
        match described:
            case One("own info", number):
                return worker.infos[number % len(worker.infos)] if worker.infos else None
            case One(kind, number):
                things = self.things[kind]
                return things[number % len(things)] if things else None
            case Odd(name):
                return {**ODDITIES, **ODD_MESSAGES}[name]()
            case Made(name, args):
                return getattr(socket, name)(*(self.value(arg, worker) for arg in args))
            case Bytes(count):
                return b"x" * count
            case list():
                return [self.value(item, worker) for item in described]
            case tuple():
                return tuple(self.value(item, worker) for item in described)
            case dict():
                return {key: self.value(item, worker) for key, item in described.items()}
        return described

    def keep(self, answer, worker):
        """Remember what later calls may be made with; close what nobody would."""
        things = self.things
        match answer:
            case Ok(value) | socket.SelectRead(_, value):
                self.keep(value, worker)
            case socket.Socket():
                things["socket"].append(answer)
            case Ref():
                things["ref"].append(answer)
            case Pid():
                things["pid"].append(answer)
            case (Pid() as pid, Ref() as ref):
                things["pid"].append(pid)
                things["ref"].append(ref)
            case socket.Msg():
                for message in answer.ctrl:
                    if message.type == "rights":
                        for fd in message.value:
                            os.close(fd)
        match answer:
            case Select(info) | socket.SelectRead(info):
                things["info"].append(info)
                worker.infos.append(info)
                things["ref"].append(info.ref)

    def lanes(self):
        """Who waits for what."""
        return {
            sock: (lane.current, lane.selected, tuple(lane.queue))
            for sock in self.things["socket"]
            for lane in (sock._actor.turns.read, sock._actor.turns.write)
        }


def function_of(table, name):
    return getattr(actorsock if table == "process" else socket, name)


async def work(world, worker):
    while True:
        order = await actorsock.receive(lambda message: type(message) is Order)
        worker.call = order.call
        try:
            if isinstance(order.call, Call):
                await make(world, worker, order.call)
            else:
                await order.call()
        finally:
            worker.call = worker.scope = None


async def make(world, worker, call):
    """Make a call and judge what comes of it."""
    try:
        args = [world.value(arg, worker) for arg in call.args]
        keywords = {word: world.value(value, worker) for word, value in call.keywords.items()}
    except (TypeError, ValueError):
        return  # a record refused what it was to be made of
    if not stays_here(world, call.name, args, keywords):
        return
    if makes_unclear(call.name, args, keywords):
        # Where a socket stays ready whatever is done, waiting for it is no rest.
        if world.poller == "trio" or WAITING_CALLS.match(call.name):
            return
        world.unclear.add(args[0])
    function = function_of(call.table, call.name)
    before = world.lanes()
    try:
        with contextlib.nullcontext() if worker.light else trio.CancelScope() as worker.scope:
            answer = function(*args, **keywords)
            if inspect.iscoroutinefunction(function):
                answer = await answer
            if call.table != "record" and call.name not in GIVE_MESSAGES:
                world.keep(answer, worker)
            if call.table == "socket" and call.name not in NOT_RESULTS:
                check_result(answer)
    except (TypeError, ValueError):
        # Refused: nothing has happened. (While a coroutine has run, so have others.)
        if not inspect.iscoroutinefunction(function) and world.lanes() != before:
            world.problems.append(f"{call} was refused and has changed whose turn it is")
    except (actorsock.NoProcessError, MadeUp, Refusal) as exc:
        if (call.name, type(exc)) not in DOCUMENTED:
            world.problems.append(f"{call} raised\n{traceback.format_exc()}")
    except Exception:
        world.problems.append(f"{call} raised\n{traceback.format_exc()}")


class MadeUp(Exception):
    """A mistake in what was given to the library to run."""


DOCUMENTED = {
    ("link", actorsock.NoProcessError),
    ("in_trio", MadeUp),
    ("receive", Refusal),  # of a message, when it is asked whether it is of a type
}
GIVE_MESSAGES = {"send", "receive"}
NOT_RESULTS = {
    *("cancel_monitor", "info", "is_supported", "monitor", "monitored_by", "number_of"),
    *("number_of_monitors", "supports", "use_registry", "which_monitors", "which_sockets"),
}
_REASON = re.compile("[a-z][a-z0-9_]*")


def check_result(answer):
    match answer:
        case Ok() | Select() | socket.SelectRead():
            pass
        case Error(str(reason)) if _REASON.fullmatch(reason) and not reason.startswith("errno"):
            pass
        case _:
            raise AssertionError(f"not a result: {answer!r}")


# ---- staying on this machine -----------------------------------------------------------------


def stays_here(world, name, args, keywords):
    """Whether a call does no harm to others, and is over in reasonable time.

    Addresses are of the loopback interface; paths are in the directory of the example; only
    descriptors of its own are used; no interface is changed; no group is joined elsewhere.
    """
    try:
        bound = inspect.signature(function_of("socket", name)).bind(*args, **keywords)
    except (AttributeError, TypeError, ValueError):
        return True  # the call is refused
    given = bound.arguments
    if name.startswith(("bind", "connect", "sendto")):
        return is_local(given.get("sock"), given.get("addr", given.get("dest")))
    if name.startswith("sendmsg"):
        msg = given["msg"]
        addr = msg.get("addr") if isinstance(msg, dict) else getattr(msg, "addr", None)
        return is_local(given["sock"], addr)
    if name == "open":
        netns = given.get("netns")
        return (
            # Not raw, and no families that reach the host or the network's settings.
            given["domain"] not in range(3, 100) or given["domain"] == 10
        ) and (
            given["type"] not in ("raw", *range(3, 11))
            and not (isinstance(netns, str) and os.path.exists(netns.replace("\0", "")) and netns)
        )
    if name == "open_fd":
        return is_ours(world, given["fd"])
    if name.startswith("sendfile"):
        return is_ours(world, given["file"])
    if name == "ioctl":
        changes = isinstance(given["request"], str) and given["request"].startswith("sif")
        return not changes or not is_interface(given.get("args", ()))
    if name == "setopt":
        return is_harmless(given["level"], given["option"], given["value"])
    if name == "getopt":
        option = given["option"]
        return not (
            isinstance(option, tuple)
            and option
            and isinstance(option[0], int)
            and not is_harmless(given["level"], option[0], 0)
        )
    return True


def is_local(sock, addr):
    if not isinstance(sock, socket.Socket):
        return True
    try:
        address = parse(sock._actor.kind.domain, addr, words=True)
        if isinstance(address, SockAddrUnspec):  # which UDP takes for one of its own
            address = SockAddrNative(2, address.addr)
        if isinstance(address, SockAddrNative):
            address = from_bytes(to_bytes(address))
    except Exception:
        return True
    match address:
        case SockAddrIn(host):
            return host == "0.0.0.0" or host.startswith("127.")
        case SockAddrIn6(host):
            return host in ("::", "::1") or host.startswith("::ffff:127.")
        case SockAddrUn(bytes()):
            return True
        case SockAddrUn(path):
            return "/" not in path
        case SockAddrNative(family, _):
            return family in (0, 1, 2, 10)  # too short to be of these
    return True


def is_ours(world, file):
    fd = getattr(file, "fd", file)
    if not isinstance(fd, int):
        return True
    try:
        os.fstat(fd)
    except (OSError, OverflowError):
        return True
    return fd in world.things["fd"] or file in world.things["file"]


def is_interface(args):
    names = [name for _, name in stdlib.if_nameindex()]
    return bool(args) and isinstance(args[0], str) and args[0].partition("\0")[0] in names


_HARMLESS = {(1, n) for n in (2, 3, 4, 6, 7, 8, 9, 15, 18, 29, 999)} | {(6, 1), (6, 3), (0, 1)}
_HARMLESS |= {(0, 2), (41, 26)}
_MULTICAST = ("membership", "source", "filter", "group")


def is_harmless(level, option, value):
    if isinstance(option, int):
        if isinstance(level, str):
            level = 1 if level == "socket" else protocol_number(level)
        return not isinstance(level, int) or (level, option) in _HARMLESS
    if not isinstance(option, str):
        return True
    if option == "linger":
        seconds = value.get("linger") if isinstance(value, dict) else getattr(value, "linger", 0)
        return not isinstance(seconds, int) or seconds <= 0
    if option == "bindtodevice":
        return value in ("lo", b"lo", "nonsense", "") or not isinstance(value, str | bytes)
    if option.endswith(_MULTICAST):
        where = value.get("interface") if isinstance(value, dict) else value
        return getattr(where, "interface", where) in ("127.0.0.1", 1)
    return True


# ---- judging ---------------------------------------------------------------------------------

_ASIDE = stdlib.MSG_OOB | stdlib.MSG_ERRQUEUE


CLEAR = [["sndbuf"], ["rcvbuf"], ["nodelay"], ["keepalive"], ["linger"], ["tos"], ["broadcast"]]


def makes_unclear(name, args, keywords):
    """Whether a call makes "readable" and "has something to read" two things."""
    if not args or not isinstance(args[0], socket.Socket):
        return False
    if name == "setopt":
        return args[1:2] != ["otp"] and args[2:3] not in CLEAR
    aside = name.startswith("recv") and any(map(_is_aside, [*args[1:], *keywords.values()]))
    return aside or name == "shutdown"


def _is_aside(flags):
    try:
        return isinstance(flags, list | tuple | set) and encode_flags(flags) & _ASIDE
    except (TypeError, ValueError):
        return False


async def check(world):
    """Everybody who waits is in a queue, once, and nobody waits for what is there."""
    for sock in world.things["socket"]:
        turns = sock._actor.turns
        for lane in (turns.read, turns.write):
            users = [user for user in (lane.current, *lane.queue) if user is not None]
            pids = [user.pid for user in users]
            assert len(set(pids)) == len(pids), "one process twice in a lane"
            assert len({user.kind for user in users}) <= 1, "two kinds in a lane"
            assert lane.current is not None or not lane.queue, "a queue without a current user"
            assert not (turns.closed and users), "somebody waits on a closed socket"
            for user in users:
                assert user.pid in alive, "the dead wait"
                if user.handle is None:
                    assert is_in_call(world, user.pid), f"{user} has left its call"
        if turns.closed:
            assert turns.owner is None
            assert sock not in sock._actor.service.registry.sockets
        else:
            assert turns.owner in alive
    for watchers in service_of(alive[actorsock.current_pid()].node).registry.watchers.values():
        assert all(pid in alive for pid in watchers.values()), "the dead watch"
    for worker in world.workers:
        if isinstance(worker.call, Call) and WAITING_CALLS.match(worker.call.name):
            assert [
                sock
                for sock, lane in lanes_of(world)
                for user in (lane.current, *lane.queue)
                if user is not None and user.handle is None and user.pid is worker.pid
            ], f"{worker.call} waits for nobody to wake it"
    for attempt in itertools.count():
        overlooked = [
            (sock, lane) for sock, lane in lanes_of(world) if is_overlooked(world, sock, lane)
        ]
        if not overlooked:
            break
        assert attempt < 20, f"ready, and nobody is told: {overlooked}"
        time.sleep(0.002)  # noqa: ASYNC251  # the kernel may have been about to tell
        await trio.testing.wait_all_tasks_blocked()


def lanes_of(world):
    for sock in world.things["socket"]:
        for lane in (sock._actor.turns.read, sock._actor.turns.write):
            yield sock, lane


def is_in_call(world, pid):
    return any(worker.pid is pid and worker.call is not None for worker in world.workers)


def is_overlooked(world, sock, lane):
    if lane.current is None or lane.selected or sock in world.unclear:
        return False
    if lane.current.kind == "send" and not sock._actor.kind.is_stream:
        return False  # writable says that there is room, not that there is enough
    return ready_now(sock._actor.fd, lane.name)


# ---- running ---------------------------------------------------------------------------------


async def settle():
    await trio.testing.wait_all_tasks_blocked()


def order(world, number, call):
    """Have a worker do something, unless it waits in another call."""
    worker = world.workers[number]
    if worker.call is None:
        actorsock.send(worker.pid, Order(call))


def revive(world):
    for worker in world.workers:
        if worker.pid is None or not actorsock.is_alive(worker.pid):
            worker.pid = actorsock.spawn(work, world, worker, light=worker.light)
            world.things["pid"].append(worker.pid)


async def take(world, step):
    match step:
        case tuple():
            for part in step:
                await take(world, part)
        case Call(worker):
            order(world, worker, step)
        case Kill(worker):
            actorsock.exit(world.workers[worker].pid, "kill")
        case Interrupt(worker):
            if world.workers[worker].scope is not None:
                world.workers[worker].scope.cancel()
        case Wait(seconds):
            await trio.sleep(seconds)


async def set_up(world, files):
    """Sockets of all kinds, some of each worker's, and what else calls are made with."""
    things = world.things

    def keep(sock, *settings):
        for level, option, value in settings:
            ok(socket.setopt(sock, level, option, value))
        things["socket"].append(sock)
        return sock

    small = ("socket", "sndbuf", 4096), ("socket", "rcvbuf", 4096)

    async def listen():
        sock = keep(ok(socket.open("inet", "stream")))
        ok(socket.bind(sock, "loopback"))
        ok(socket.listen(sock))
        things["listener"].append(sock)
        things["target"].append(ok(socket.sockname(sock)))

    async def connect():
        sock = keep(ok(socket.open("inet", "stream")), *small)
        ok(await socket.connect(sock, things["target"][0]))
        things["peer"].append(sock)

    async def accept():
        things["peer"].append(keep(ok(await socket.accept(things["socket"][0])), *small))

    async def datagrams():
        for _ in range(2):
            ok(socket.bind(keep(ok(socket.open("inet", "dgram"))), "loopback"))
        sock = keep(ok(socket.open("inet6", "dgram")))
        things["mapped"].append(sock)
        ok(
            await socket.connect(
                sock, ("::ffff:127.0.0.1", ok(socket.sockname(things["socket"][3])).port)
            )
        )

    async def local():
        for fd in things["fd"]:
            things["peer"].append(keep(ok(socket.open_fd(fd))))
        for _ in range(2):
            things["peer"].append(keep(ok(socket.open_fd(things["fd"][1], dup=False))))
        ok(socket.bind(keep(ok(socket.open("local", "dgram"))), SockAddrUn("here")))

    for type_ in (stdlib.SOCK_STREAM, stdlib.SOCK_DGRAM, stdlib.SOCK_SEQPACKET):
        for end in stdlib.socketpair(stdlib.AF_UNIX, type_):
            things["fd"].append(end.detach())
    things["file"] += files
    things["ref"].append(actorsock.make_ref())
    things["name"] = ["one", "other", "third"]
    things["function"] = [returns, waits, crashes, leaves]
    things["handler"] = [ignore, crash, leave]
    revive(world)
    for number, task in enumerate([listen, connect, accept, datagrams, local]):
        order(world, number % WORKERS, task)
        await settle()
    things["address"] = [ok(socket.sockname(sock)) for sock in things["socket"]]
    assert all(worker.call is None for worker in world.workers)


async def returns(*args):
    pass


async def waits(*args):
    await actorsock.receive()


async def crashes(*args):
    raise MadeUp


async def leaves(*args):
    actorsock.exit("made up")


def ignore(message):
    pass


def crash(message):
    raise MadeUp


def leave(message):
    actorsock.exit(message)


async def tear_down(world):
    """Close every socket: now every call that waits on one has its answer."""
    for sock in world.things["socket"]:
        await socket.close(sock)
    await settle()
    await check(world)
    for worker in world.workers:
        call = worker.call
        waits = call is not None and call.name in ("receive", "sleep", "in_trio")
        assert call is None or waits, f"{call} still waits"
        actorsock.exit(worker.pid, "kill")
    await settle()
    for pid in world.things["pid"]:
        actorsock.exit(pid, "kill")
    await settle()
    me = alive[actorsock.current_pid()]
    assert [process.body.describe() for process in alive.values()] == [me.body.describe()]
    assert not me.links
    assert not me.monitors
    assert not me.watchers
    assert not aliased
    node, service = me.node, service_of(me.node)
    registry = service.registry
    assert not registry.sockets
    assert not registry.monitored
    assert not registry.watchers
    assert not any(registry.counts().values())
    assert not node.names
    for ref in list(node.pending):  # to a name that nobody has
        actorsock.cancel_timer(ref)
    assert not node.pending
    assert not len(node.timers)
    for table in ("_actors", "_copies", "_waiting"):
        assert not getattr(service.poller, table, ())


FOCUS = {
    "all": None,
    "tcp": ("peer", (0, 1)),
    "stream": ("peer", (2, 3)),
    "dgram": ("peer", (4, 5)),
    "seqpacket": ("peer", (6, 7)),
    "one descriptor": ("peer", (2, 8, 9)),
    "listener": ("listener", (0,)),
}


def narrow(world, focus):
    """Have most calls made on few sockets, so that they meet there."""
    if focus is not None:
        kind, numbers = focus
        world.things["peer"] = [world.things[kind][number] for number in numbers]


async def play(steps, files, poller, focus):
    world = World(poller)
    try:
        async with actorsock.open_runtime():
            await set_up(world, files)
            await check(world)
            narrow(world, focus)
            for step in steps:
                await take(world, step)
                await settle()
                revive(world)
                await settle()
                assert not world.problems, world.problems[0]
                await check(world)
            await tear_down(world)
            assert not world.problems, world.problems[0]
    finally:
        for fd in world.things["fd"]:
            os.close(fd)


def run(steps, poller, focus=None):
    os.environ["ACTORSOCK_POLLER"] = poller
    with tempfile.TemporaryDirectory() as place, tempfile.TemporaryFile() as file:
        file.write(bytes(200_000))
        file.flush()
        before, here = descriptors(), os.getcwd()
        os.chdir(place)  # relative paths are harmless
        try:
            trio.run(
                play,
                steps,
                [file, file.fileno()],
                poller,
                focus,
                clock=trio.testing.MockClock(autojump_threshold=0),
            )
        finally:
            os.chdir(here)
        assert descriptors() == before, "descriptors are left"
    assert not alive
    assert not by_task
    assert local.step.process is None


def descriptors():
    names = {}
    for fd in os.listdir("/proc/self/fd"):
        try:
            names[fd] = os.readlink(f"/proc/self/fd/{fd}")
        except OSError:  # the one that lists
            continue
    return names


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    """Processes crash here by the dozen, which is no news."""
    monkeypatch.setenv("ACTORSOCK_POLLER", "")
    log = logging.getLogger("actorsock")
    before = log.level
    log.setLevel(logging.CRITICAL + 1)
    yield
    log.setLevel(before)


POLLERS = st.sampled_from(["epoll", "epoll", "trio"])


@fuzzed
@given(SOCKET_STEPS, POLLERS)
def test_socket_functions(steps, poller):
    run(steps, poller)


@fuzzed
@given(WAITING_STEPS, POLLERS, st.sampled_from(list(FOCUS)))
def test_waiting_functions(steps, poller, focus):
    run(steps, poller, FOCUS[focus])


@fuzzed
@given(PROCESS_STEPS, POLLERS)
def test_process_functions(steps, poller):
    run(steps, poller)


def call(table, name, *args):
    return Call(0, table, name, args, {})


# Each of these has raised something else, or worse.
FOUND = {
    "a tag that no select info has": [
        call("socket", "cancel", One("peer", 0), Made("SelectInfo", ("tag", One("ref", 0)))),
        call("socket", "cancel", One("peer", 0), Made("SelectInfo", ((), One("ref", 0)))),
    ],
    "a select info that continues nothing": [
        call("socket", name, One("peer", 0), *args, Made("SelectInfo", (name, One("ref", 0), junk)))
        for name, args in (("send", (b"",)), ("sendto", (b"",)), ("sendfile", ()))
        for junk in (2**70, (2**70, None), (0, "nowhere"), "junk")
    ],
    "more seconds than a float can hold": [
        call("socket", "recv", One("peer", 0), 1, (), Odd("huge")),
        call("process", "sleep", Odd("huge")),
        call("process", "send_after", Odd("huge"), One("pid", 0), None),
    ],
    "no repr to show": [
        call("socket", "recv", Odd("everything raises")),
        call("socket", "recv_nowait", One("peer", 0), 0, (), Odd("int without repr")),
        call("socket", "bind", One("peer", 0), (Odd("repr raises"), 1)),
        call("socket", "shutdown", One("peer", 0), Odd("deep")),
        call("process", "link", Odd("repr raises")),
        call("process", "receive", Odd("int without repr")),
    ],
    "an IPv6 socket that has become one of IPv4": [
        call("socket", "setopt", One("mapped", 0), "ipv6", "addrform", "inet"),
        call("socket", "sockname", One("mapped", 0)),
        call("socket", "peername", One("mapped", 0)),
    ],
    "exit in what trio runs for a light process": [
        Call(LIGHT, "process", "in_trio", (One("function", 3),), {}),
        Call(LIGHT, "process", "in_trio", (One("function", 1),), {}),
        Kill(LIGHT),
    ],
}


@pytest.mark.parametrize("found", FOUND)
@pytest.mark.parametrize("poller", ["epoll", "trio"])
def test_what_was_found(found, poller):
    run(FOUND[found], poller)


def test_every_public_function_is_among_them():
    def functions(module):
        return {name for name in module.__all__ if inspect.isfunction(getattr(module, name))}

    assert set(SOCKET_CALLS) == functions(socket)
    # `run` and `open_runtime` are around everything; to ok() an error is an exception. Streams are
    # made of the calls of sockets, and raise.
    others = {"run", "open_runtime", "ok"} | functions(actorsock.streams)
    assert set(PROCESS_CALLS) == functions(actorsock) - others
