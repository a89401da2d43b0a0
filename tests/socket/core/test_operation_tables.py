"""The tag, activity and lane of each operation agree with the tables.

Each operation has the three as attributes of its own, since each request looks at them.
"""

import inspect
from typing import Any, get_args

import attrs
import pytest

from actorsock.results import Tag
from actorsock.socket.core.notifications import ACTIVITY_OF
from actorsock.socket.core.turns import LANE_OF, Activity
from actorsock.socket.operations import accept_connect, recv, send

OPERATIONS: list[Any] = [
    operation
    for module in (accept_connect, recv, send)
    for operation in vars(module).values()
    if inspect.isclass(operation)
    and operation.__module__ == module.__name__
    and hasattr(operation, "tag")  # the classes that several share have none
]


def tags_of(operation: Any) -> set[str]:
    """Return the tags that an operation may have: one, or those that its field may hold."""
    fields = attrs.fields_dict(operation) if attrs.has(operation) else {}
    return set(get_args(fields["tag"].type)) if "tag" in fields else {operation.tag}


def test_the_tables_have_every_word() -> None:
    assert set(ACTIVITY_OF) == set(get_args(Tag))
    assert set(LANE_OF) == set(get_args(Activity)) == set(ACTIVITY_OF.values())
    assert set.union(*map(tags_of, OPERATIONS)) == set(ACTIVITY_OF)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.__name__)
def test_an_operation_agrees_with_the_tables(operation: Any) -> None:
    activities = {ACTIVITY_OF[tag] for tag in tags_of(operation)}  # type: ignore[index]
    assert activities == {operation.activity}
    assert LANE_OF[operation.activity] == operation.lane
