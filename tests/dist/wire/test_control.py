"""Control messages: every row of the table, and what is refused."""

from typing import Any

import pytest

from actorsock import Pid, Ref
from actorsock.dist.terms import Atom, BadTerm
from actorsock.dist.wire.control import OPERATIONS, parsed

PID, REF = Pid(), Ref()

SAMPLES: dict[type, Any] = {Pid: PID, Ref: REF, str: Atom("name"), int: 5, object: b"any"}


def sample(types: tuple[type, ...]) -> Any:
    return SAMPLES[types[-1]]


@pytest.mark.parametrize("number", OPERATIONS)
def test_each_operation(number: int) -> None:
    row = OPERATIONS[number]
    control = (number, *(sample(types) for _, types in row.fields))
    operation = parsed(control, "payload" if row.payload else None, row.payload is not None)
    assert operation.name == row.name
    expected = {name: sample(types) for name, types in row.fields if name not in ("_", "token")}
    if row.payload is not None:
        expected[row.payload] = "payload"
    assert operation.fields == expected
    with pytest.raises(BadTerm, match="has other fields"):
        parsed((*control, 1), None, row.payload is not None)
    with pytest.raises(BadTerm, match="has other fields"):
        parsed(control, None, row.payload is None)
    for place, (name, types) in enumerate(row.fields, 1):
        if types != (object,):
            wrong = (*control[:place], 1.5, *control[place + 1 :])
            with pytest.raises(BadTerm, match=f"{name} of operation {number} is something else"):
                parsed(wrong, None, row.payload is not None)


@pytest.mark.parametrize("control", [5, (), (Atom("x"),), (True, 1), (99, 1), (4, PID, PID), []])
def test_what_is_no_control_message(control: Any) -> None:
    with pytest.raises(BadTerm):
        parsed(control, None, False)


@pytest.mark.parametrize(
    ("word", "name"), [(True, "true"), (False, "false"), (None, "undefined")], ids=str
)
def test_names_that_are_other_values_in_python(word: Any, name: str) -> None:
    assert parsed((6, PID, Atom(""), word), 1, True).fields["to"] == name
    assert parsed((19, PID, word, REF), None, False).fields["to"] == name
    with pytest.raises(BadTerm):
        parsed((1, PID, word), None, False)
