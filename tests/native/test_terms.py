"""Terms in both forms: the same bytes, the same values, the same refusals; no reference is kept."""

import gc
import os
import random
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actorsock.dist.terms import Atom, BadTerm, BitString, ImproperList, ListKey, PairsMap
from actorsock.dist.terms.reading import Reader
from actorsock.dist.terms.writing import Writer

from ..dist.terms.samples import OLD_FORMS, SAMPLES
from .forms import in_python

quickly = settings(deadline=None, max_examples=200)

LEAVES = st.one_of(
    st.integers(), st.integers(-(2**66), 2**66), st.sampled_from([0, 255, 256, -(2**31) - 1]),
    st.floats(), st.booleans(), st.none(), st.binary(max_size=300), st.text(max_size=70),
    st.text(max_size=70).map(Atom), st.characters(categories=["Cs"]).map(Atom),
    st.sampled_from([BitString(b"a", 3), ImproperList([1], 2), object, {1}]),
)  # fmt: skip
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.lists(st.integers(-1, 256), max_size=300),
        st.lists(inner, max_size=5).map(tuple),
        st.lists(inner, min_size=256, max_size=257).map(tuple),
        st.dictionaries(LEAVES.filter(lambda leaf: leaf != {1}), inner, max_size=5),
        st.tuples(inner, inner).map(lambda pair: PairsMap([pair, pair])),
        st.tuples(inner, inner).map(lambda pair: PairsMap([([1], pair), ({}, 1)])),
    ),
    max_leaves=20,
)


def outcome(call: Callable[[], Any]) -> Any:
    """The result of a call, or its exception, in a form that can be compared."""
    try:
        result = call()
    except (BadTerm, TypeError) as exc:
        return type(exc), str(exc)
    return repr(result)  # tells 1, 1.0 and True apart


def both(call: Callable[[], Any]) -> Any:
    """Return the outcome of a call, which must be the same in both forms."""
    native = outcome(call)
    with in_python():
        assert outcome(call) == native
    return native


@given(VALUES, st.sampled_from(["binary", "atom"]))
@quickly
def test_the_same_bytes_and_back(value: Any, text: str) -> None:
    both(lambda: Writer(text=text).versioned(value))
    try:
        data = Writer(text=text).versioned(value)
    except TypeError:
        return
    both(lambda: Reader().whole(data))


BYTES = [*(row[2] for row in SAMPLES), *(row[0] for row in OLD_FORMS)]


def test_the_same_of_every_beginning_and_of_mutants() -> None:
    chance = random.Random(2)
    deep = b"h\x02l\x00\x00\x00\x01t\x00\x00\x00\x01"
    pids = [b"Xw\x03a@b" + bytes(11) + b"\x01", b"Xw\x04true" + bytes(12), b"Xa\x01" + bytes(12)]
    for data in [
        *BYTES,
        *pids,
        b"h\x02" + pids[0] * 2,
        deep + b"a\x01a\x02ja\x03",
        b"R\x00",
        b"R\x05",
    ]:
        for end in range(min(len(data), 40)):
            both(lambda data=data[:end]: Reader().term(data, 0))
        for _ in range(20):
            mutant = bytearray(data)
            mutant[chance.randrange(len(mutant))] = chance.randrange(256)
            both(lambda data=bytes(mutant): Reader().term(data, 0))


@given(st.binary(max_size=60))
@quickly
def test_the_same_of_any_bytes(data: bytes) -> None:
    for tag in (
        b"",
        b"h",
        b"l\x00\x00\x00",
        b"t\x00\x00\x00",
        b"n",
        b"w",
        b"k\x00",
        b"m\x00\x00\x00",
    ):
        both(lambda data=tag + data: Reader().term(data, 0))


def test_what_is_not_plain_goes_the_python_way() -> None:
    data = bytearray(Writer().versioned((1, [Atom("a")])))
    both(lambda: Reader().term(data, 1))
    both(lambda: Reader().term(bytes(data), 2**70))
    reader = Reader()
    reader.cached = (Atom("x"),)
    both(lambda: reader.term(b"h\x02R\x00R\x00", 0))


class Odd:
    """Its writer changes what it is written with."""


@pytest.mark.parametrize("form", [nullcontext, in_python], ids=["C", "python"])
@pytest.mark.parametrize("make", [lambda: [Odd(), *range(300)], lambda: {Odd(): 1, 2: 3}])
def test_what_changes_while_it_is_written_is_refused(form: Any, make: Callable[[], Any]) -> None:
    changing = make()

    def changes(writer: Writer, out: bytearray, value: Any) -> None:
        changing.pop(*[2] * isinstance(changing, dict))

    with form(), pytest.raises(RuntimeError, match="changed"):
        Writer(more={Odd: changes}).write(bytearray(), changing)


def test_no_reference_is_kept() -> None:
    values = [row[1] for row in SAMPLES]
    kept = [Atom, ListKey, PairsMap, None, True, *values]

    def play() -> None:
        writer, reader = Writer(), Reader()
        for value in [*values, tuple(values), [values], {b"a": values}, object()]:
            outcome(lambda value=value: writer.versioned(value))
        for data in BYTES:
            outcome(lambda data=data: reader.term(data, 0))
            outcome(lambda data=data: reader.term(b"h\x02" + data, 0))

    for _ in range(5):
        play()
    gc.collect()
    before = [sys.getrefcount(thing) for thing in kept], sys.getallocatedblocks()
    for _ in range(100):
        play()
    gc.collect()
    after = [sys.getrefcount(thing) for thing in kept], sys.getallocatedblocks()
    assert max(now - then for now, then in zip(after[0], before[0], strict=True)) < 25
    assert after[1] - before[1] < 200


WITHOUT_MEMORY = """
import _testcapi, gc, sys
from actorsock.dist.terms import Atom, encode
from actorsock.dist.terms.reading import Reader
from actorsock.dist.terms.writing import Writer

value = (1, 2**40, 1.5, [1, 2], [Atom("a"), 300], {b"key": (), Atom("b"): "text"}, None)
value = (value, {(1, 2): [value, {1: 2}]})
data = encode(value)
odd = b"t" + bytes(3) + b"\\x02a\\x01a\\x02a\\x01a\\x03"
writer, reader = Writer(), Reader()
gc.disable()
reader.whole(data)
failures = 0
for call in (lambda: writer.write(bytearray(), value), lambda: reader.whole(data),
             lambda: reader.term(odd, 0)):
    for first in range(1, 150):
        _testcapi.set_nomemory(first, 0)
        try:
            call()
        except MemoryError:
            failures += 1
        finally:
            _testcapi.remove_mem_hooks()
assert failures > 30, failures
assert reader.whole(data) == reader.whole(data)
print("survived")
"""


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="uses a module of CPython's tests")
def test_a_lack_of_memory_is_a_memory_error() -> None:
    pytest.importorskip("_testcapi")
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", WITHOUT_MEMORY],
        env={**os.environ, "PYTHONMALLOC": "pymalloc"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "survived\n"), done.stderr
