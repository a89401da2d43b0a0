"""The fixture that all tests share."""

from collections.abc import AsyncIterator

import pytest

from actorsock import open_runtime


@pytest.fixture
async def runtime() -> AsyncIterator[None]:
    """Open a runtime around the test, whose own task becomes a process with its first call."""
    async with open_runtime():
        yield
