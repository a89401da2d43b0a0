"""The tables of a process: dicts, which in their native form keep one entry in themselves."""

import gc
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actorsock import Ref, make_ref, native
from actorsock.runtime.core.table import Table

Step = tuple[str, int]
steps = st.lists(
    st.tuples(st.sampled_from(["set", "pop", "delete", "get", "subscript"]), st.integers(0, 2))
)


def do(table: Any, step: str, ref: Ref, value: int) -> Any:
    try:
        match step:
            case "set":
                table[ref] = value
            case "pop":
                return table.pop(ref, "none")
            case "delete":
                del table[ref]
            case "get":
                return table.get(ref), table.get(ref, "none")
            case "subscript":
                return table[ref], table.pop(ref)
    except KeyError as exc:
        return exc.args


@settings(deadline=None)
@given(steps)
def test_a_table_is_a_dict(steps: list[Step]) -> None:
    refs = [make_ref() for _ in range(3)]
    table: Table[Ref, int] = Table()
    expected: dict[Ref, int] = {}
    for value, (step, which) in enumerate(steps):
        assert do(table, step, refs[which], value) == do(expected, step, refs[which], value)
        assert (len(table), bool(table)) == (len(expected), bool(expected))
        assert [*table] == [*table.keys()] == [*expected]
        assert [*table.items()] == [*expected.items()]
        assert [*table.values()] == [*expected.values()]
        assert [ref in table for ref in refs] == [ref in expected for ref in refs]
        assert repr(table) == repr(expected)


def test_a_missing_key_is_named() -> None:
    table: Table[Ref, int] = Table()
    ref = make_ref()
    with pytest.raises(KeyError) as info:
        table.pop(ref)
    assert info.value.args == (ref,)


@pytest.mark.parametrize("number", [0, 3])
def test_calls_with_a_wrong_number_of_arguments_are_refused(number: int) -> None:
    table: Any = Table()
    for method in (table.get, table.pop):
        with pytest.raises(TypeError, match="argument"):
            method(*[make_ref()] * number)


@pytest.mark.parametrize("entries", [1, 2])
def test_a_table_in_a_circle_is_collected(entries: int) -> None:
    class Value:
        table: Any

    table: Table[Ref, Value] = Table()
    value = Value()
    value.table = table
    for _ in range(entries):
        table[make_ref()] = value
    del table, value
    gc.collect()
    assert not [thing for thing in gc.get_objects() if type(thing) is Value]


@pytest.mark.skipif(not native, reason="the native form is the one that is small")
def test_one_entry_takes_little_memory() -> None:
    table: Table[Ref, int] = Table()
    table[make_ref()] = 1
    assert sys.getsizeof(table) < 64
    table[make_ref()] = 2
    assert sys.getsizeof(table) > sys.getsizeof({make_ref(): 1})


def test_an_entry_may_be_taken_while_it_is_shown() -> None:
    class Value:
        """Shown only while it is there."""

        def __repr__(self) -> str:
            return "a value"

    class Key:
        def __repr__(self) -> str:
            del table[self]
            gc.collect()
            return "a key"

    table: Table[Any, Value] = Table()
    table[Key()] = Value()
    assert repr(table) == "{a key: a value}"
    assert len(table) == 0
