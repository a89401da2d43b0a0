"""Fixtures that all tests share."""

from collections.abc import AsyncIterator

import pytest

from actorsock import open_runtime


@pytest.fixture
async def runtime() -> AsyncIterator[None]:
    """A runtime around the test; the test's own task is adopted as a process of it."""
    async with open_runtime():
        yield
