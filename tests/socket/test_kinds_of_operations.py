"""What an operation is called, shares a queue with and takes its turn in: as the tables have it.

Each operation has the three as attributes of its own, since every call looks at them.
"""

from typing import Any, get_args

import attrs
import pytest

from actorsock.results import Tag
from actorsock.socket.core.notifications import KIND_OF
from actorsock.socket.core.turns import LANES, Kind
from actorsock.socket.operations import accept_connect as connecting
from actorsock.socket.operations import recv as receiving
from actorsock.socket.operations import room
from actorsock.socket.operations import send as sending

OPERATIONS: list[Any] = [
    operation
    for module in (connecting, receiving, room, sending)
    for operation in vars(module).values()
    if isinstance(operation, type)
    and operation.__module__ == module.__name__
    and hasattr(operation, "attempt")
]


def tags_of(operation: Any) -> set[str]:
    """The tags that an operation may have: one, or those that its field may hold."""
    fields = attrs.fields_dict(operation) if attrs.has(operation) else {}
    return set(get_args(fields["tag"].type)) if "tag" in fields else {operation.tag}


def test_the_tables_have_every_word() -> None:
    assert set(KIND_OF) == set(get_args(Tag))
    assert set(LANES) == set(get_args(Kind)) == set(KIND_OF.values())
    assert set.union(*map(tags_of, OPERATIONS)) == set(KIND_OF)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.__name__)
def test_an_operation_is_what_the_tables_say(operation: Any) -> None:
    assert {KIND_OF[tag] for tag in tags_of(operation)} == {operation.kind}  # type: ignore[index]
    assert LANES[operation.kind] == operation.lane
