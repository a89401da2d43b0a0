"""What every test of streams is held to: no socket is left."""

from collections.abc import Iterator

import pytest

from ..stories import open_descriptors


@pytest.fixture(autouse=True)
def _nothing_is_left_open() -> Iterator[None]:
    before = open_descriptors()
    yield
    assert open_descriptors() - before == set()
