"""The external term format: known bytes, round trips, other programs' opinions, hostile bytes."""

import math
import random
import tracemalloc
import zlib
from collections import OrderedDict
from contextlib import suppress
from enum import IntEnum
from typing import Any, NamedTuple

import erlang
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actorsock.dist.terms import (
    Atom,
    BadTerm,
    BitString,
    Export,
    ExternalPid,
    ExternalRef,
    ImproperList,
    ListKey,
    PairsMap,
    Port,
    decode,
    encode,
)

from .samples import A_FUN, OLD_FORMS, SAMPLES

VERSION = b"\x83"


def same(one: Any, other: Any) -> bool:
    """Equality that tells 1, 1.0 and True apart, at any depth, and -0.0 from 0.0."""
    return one == other and encode(one) == encode(other)


@pytest.mark.parametrize(
    ("value", "data"), [row[1:] for row in SAMPLES], ids=[r[0] for r in SAMPLES]
)
def test_known_bytes(value: Any, data: bytes) -> None:
    assert encode(value) == VERSION + data
    assert same(decode(VERSION + data), value)


@pytest.mark.parametrize(("data", "value"), OLD_FORMS, ids=[repr(row[0]) for row in OLD_FORMS])
def test_older_forms_are_read(data: bytes, value: Any) -> None:
    assert same(decode(VERSION + data), value)


def test_a_fun_can_be_passed_on() -> None:
    assert decode(encode(A_FUN)) == A_FUN


class Pair(NamedTuple):
    left: int
    right: bytes


class Level(IntEnum):
    HIGH = 3


@pytest.mark.parametrize(
    ("value", "decoded"),
    [
        ("grün", "grün".encode()),
        (bytearray(b"ab"), b"ab"),
        (Pair(1, b"2"), (1, b"2")),
        (Level.HIGH, 3),
        (OrderedDict(a=1), {b"a": 1}),
        (BitString(b"ab", 8), b"ab"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_other_python_values(value: Any, decoded: Any) -> None:
    assert same(decode(encode(value)), decoded)


def test_the_words_of_elixir_and_of_pure_ports() -> None:
    assert encode(None, none="nil") == VERSION + b"w\x03nil"
    assert decode(VERSION + b"w\x03nil", none="nil") is None
    assert decode(VERSION + b"w\x09undefined", none="nil") == Atom("undefined")
    assert encode("get", text="atom") == VERSION + b"w\x03get"
    with pytest.raises(ValueError, match="none: expected one of 'undefined', 'nil'"):
        encode(None, none="null")


NO_TERMS: list[Any] = [
    object(),
    math.inf,
    math.nan,
    "\ud800",
    {1, 2},
    1j,
    [[object()]],
    {object(): 1},
    ImproperList([1], []),
]


@pytest.mark.parametrize("value", NO_TERMS, ids=range(len(NO_TERMS)))
def test_what_is_no_term_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        encode(value)


def test_nesting_has_a_limit_both_ways() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(TypeError, match="nested too deeply"):
        encode(deep)
    with pytest.raises(BadTerm, match="nested too deeply"):
        decode(VERSION + b"h\x01" * 100_000 + b"j")


ATOMS = st.text(st.characters(exclude_categories=("Cs",)), max_size=255).filter(
    lambda text: text not in ("true", "false", "undefined")
)
U32 = st.integers(0, 2**32 - 1)
NODES = st.sampled_from(["a@b", "node@host.example"])
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**2100), 2**2100),
    st.floats(allow_nan=False, allow_infinity=False),
    st.binary(),
    ATOMS.map(Atom),
    st.builds(
        lambda body, bits: BitString(body + bytes((256 - (1 << (8 - bits)),)), bits),
        st.binary(),
        st.integers(1, 7),
    ),
    st.builds(Export, ATOMS, ATOMS, st.integers(0, 255)),
    st.builds(ExternalPid, NODES, U32, U32, U32),
    st.builds(ExternalRef, NODES, U32, st.lists(U32, min_size=1, max_size=5).map(tuple)),
    st.builds(Port, NODES, st.integers(0, 2**64 - 1), U32),
)


def _map(pairs: list[tuple[Any, Any]]) -> Any:
    pairs = [(ListKey(key) if type(key) is list else key, value) for key, value in pairs]
    try:
        found = dict(pairs)
    except TypeError:
        return PairsMap(pairs)
    return found if len(found) == len(pairs) else PairsMap(pairs)


def _improper(items: list[Any], tail: Any) -> Any:
    if isinstance(tail, list):
        return items + tail
    if isinstance(tail, ImproperList):
        return ImproperList((*items, *tail.items), tail.tail)
    return ImproperList(items, tail)


TERMS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.lists(inner, max_size=5).map(tuple),
        st.lists(st.tuples(inner, inner), max_size=4).map(_map),
        st.builds(_improper, st.lists(inner, min_size=1, max_size=3), inner),
    ),
    max_leaves=20,
)


@given(TERMS, st.booleans())
def test_what_is_written_is_read(term: Any, compressed: bool) -> None:
    assert same(decode(encode(term, compressed=compressed)), term)


@given(st.recursive(
    st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.booleans()),
    lambda inner: st.one_of(st.lists(inner), st.lists(inner, max_size=300).map(tuple)),
    max_leaves=10,
))  # fmt: skip
def test_a_second_opinion(term: Any) -> None:
    assert same(erlang.binary_to_term(encode(term)), _as_their_lists(term))
    assert same(decode(erlang.term_to_binary(term)), term)


def _as_their_lists(term: Any) -> Any:
    """Their STRING_EXT is bytes; ours, like Erlang's, a list."""
    if isinstance(term, tuple):
        return tuple(map(_as_their_lists, term))
    if isinstance(term, list):
        if term and all(type(item) is int and 0 <= item < 256 for item in term):
            return bytes(term)
        return list(map(_as_their_lists, term))
    return term


WHOLE = [encode(row[1]) for row in SAMPLES] + [VERSION + row[0] for row in OLD_FORMS]
WHOLE += [encode(A_FUN), encode([row[1] for row in SAMPLES], compressed=True)]


def _only_bad_term(data: bytes) -> None:
    with suppress(BadTerm):
        decode(data)


@pytest.mark.parametrize("data", WHOLE, ids=range(len(WHOLE)))
def test_every_beginning_of_a_term_is_refused(data: bytes) -> None:
    for length in range(len(data)):
        with pytest.raises(BadTerm):
            decode(data[:length])
    with pytest.raises(BadTerm, match="bytes follow"):
        decode(data + b"j")


def test_mutants_raise_nothing_else() -> None:
    chance = random.Random(1)
    for _ in range(20_000):
        data = bytearray(chance.choice(WHOLE))
        for _ in range(chance.randint(1, 3)):
            place = chance.randrange(1, len(data))
            data[place] = chance.choice((0, 1, 255, 127, chance.randrange(256)))
        _only_bad_term(bytes(data))


@settings(max_examples=300)
@given(st.binary(max_size=60))
def test_any_bytes_raise_nothing_else(data: bytes) -> None:
    _only_bad_term(VERSION + data)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "version byte"),
        (b"\x82a\x01", "version byte"),
        (VERSION + b"i\xff\xff\xff\xffa\x01", "4294967295 elements in 2 bytes"),
        (VERSION + b"l\xff\xff\xff\xffa\x01", "4294967295 elements in 2 bytes"),
        (VERSION + b"t\xff\xff\xff\xffa\x01", "4294967295 associations in 2 bytes"),
        (VERSION + b"o\xff\xff\xff\xff\x00", "end in the middle"),
        (VERSION + b"m\xff\xff\xff\xff", "end in the middle"),
        (VERSION + b"\x01", "no term begins with the byte 1"),
        (VERSION + b"w\x02\xff\xff", "not UTF-8"),
        (VERSION + b"v\x04\x00" + b"a" * 1024, "an atom of 1024 characters"),
        (VERSION + b"n\x01\x02\x05", "2 as the sign"),
        (VERSION + b"F\x7f\xf0" + bytes(6), "a float that is no number"),
        (VERSION + b"c" + b"inf".ljust(31, b"\0"), "a float that is no number"),
        (VERSION + b"c" + b"x".ljust(31, b"\0"), "text of a float"),
        (VERSION + b"M\x00\x00\x00\x00\x00", "0 bits in the last of 0 bytes"),
        (VERSION + b"M\x00\x00\x00\x01\x09a", "9 bits in the last of 1 bytes"),
        (VERSION + b"Z\x00\x06w\x01n" + bytes(28), "a reference of 6 words"),
        (VERSION + b"Xa\x01" + bytes(12), "a name that is no atom"),
        (VERSION + b"qw\x01mw\x01fw\x01a", "a number that is no integer"),
        (VERSION + b"R\x00", "end in the middle"),
        (VERSION + b"P\xff\xff\xff\xff", "more than 67108864"),
        (VERSION + b"P\x00\x00\x00\x09" + zlib.compress(b"j"), "not of 9 bytes"),
        (VERSION + b"P\x00\x00\x00\x01" + zlib.compress(b"j" * 9), "not of 1 bytes"),
        (VERSION + b"P\x00\x00\x00\x02" + zlib.compress(b"jj"), "follow the compressed term"),
        (VERSION + b"P\x00\x00\x00\x02zz", "can't be inflated"),
    ],
    ids=range(25),
)  # fmt: skip
def test_what_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(BadTerm, match=says):
        decode(data)


def test_a_bomb_is_not_inflated() -> None:
    bomb = VERSION + b"P" + (1 << 20).to_bytes(4, "big") + zlib.compress(bytes(1 << 24))
    with pytest.raises(BadTerm, match="not of 1048576 bytes"):
        decode(bomb)


@pytest.mark.parametrize("head", [b"i", b"l"], ids=["tuples", "lists"])
def test_lengths_inside_each_other_take_no_more_memory_than_the_bytes(head: bytes) -> None:
    """Each of them is borne out by the bytes that are left, but not all of them."""
    size = 1 << 18
    data = VERSION + (head + (size - 1000).to_bytes(4, "big")) * 100 + bytes(size)
    tracemalloc.start()
    with pytest.raises(BadTerm):
        decode(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * len(data)


def test_atoms_are_forgotten() -> None:
    for number in range(20_000):
        assert decode(VERSION + b"w\x05" + b"%05d" % number) == f"{number:05}"


def test_bytes_are_wanted() -> None:
    with pytest.raises(TypeError, match="data: expected bytes, got 'text'"):
        decode("text")
    assert decode(bytearray(VERSION + b"j")) == decode(memoryview(VERSION + b"j")) == []
