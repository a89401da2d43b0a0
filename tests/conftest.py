"""The fixture that all tests share."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import settings

from actorsock import open_runtime

# A busy machine may take longer for an example than hypothesis allows by default.
settings.register_profile("without a deadline", deadline=None)
settings.load_profile("without a deadline")


@pytest.fixture
async def runtime() -> AsyncIterator[None]:
    """Open a runtime around the test, whose own task becomes a process with its first call."""
    async with open_runtime():
        yield
