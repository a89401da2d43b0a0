"""Every test of the runtime leaves the process tables as empty as it found them."""

from collections.abc import Iterator

import pytest

from actorsock.runtime.process import alive
from actorsock.runtime.running import by_task, turn


@pytest.fixture(autouse=True)
def nothing_is_left_behind() -> Iterator[None]:
    yield
    left = dict(alive), dict(by_task), turn.process
    alive.clear()
    by_task.clear()
    assert left == ({}, {}, None)
