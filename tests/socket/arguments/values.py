"""Values to call functions with: odd objects, and things that exist when a call is made.

Arguments are drawn as descriptions, which can be printed and shrunk; `World.value` makes the value
when the call is made.
"""

import array
import decimal
import enum
import errno
import fractions
import functools
import io
import ipaddress
import pathlib

import attrs
from hypothesis import strategies as st

from actorsock import Error, Ref, Select

__all__ = [
    "JUNK",
    "NUMBERS",
    "ODDITIES",
    "ODD_MESSAGES",
    "WORDS",
    "Bytes",
    "Made",
    "Odd",
    "One",
    "Refusal",
    "made",
    "mostly",
    "one",
    "words",
]


@attrs.frozen
class One:
    """Something that exists when the call is made: the kind, and a number among those."""

    kind: str
    number: int


@attrs.frozen
class Odd:
    """An object of `ODDITIES`."""

    name: str


@attrs.frozen
class Made:
    """A record of the socket module, made from any arguments."""

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
    """The exception of an object whose methods raise."""


class Raises:
    """An object of which the methods with the given names raise."""

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
    """An object that converts to a number, and to a path."""

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
"""`isinstance` raises for these, so they can be messages only, not arguments."""

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
