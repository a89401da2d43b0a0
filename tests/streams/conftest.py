"""What every test of streams is held to: no socket is left."""

from collections.abc import Iterator

import pytest

from .support import descriptors


@pytest.fixture(autouse=True)
def _nothing_is_left_open() -> Iterator[None]:
    before = descriptors()
    yield
    assert descriptors() - before == set()
