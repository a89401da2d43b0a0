"""The fixture that all tests share."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, settings

from actorsock import open_runtime
from actorsock.socket.core import epoll_poller

# A busy machine may take longer, for one example or for all, than hypothesis allows by default.
settings.register_profile(
    "at any speed", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("at any speed")

# A test hangs if readiness is not reported: the sweep, which would find it after a few seconds,
# comes in its own tests alone.
epoll_poller._SWEEP_PERIOD = 3600


@pytest.fixture
async def runtime() -> AsyncIterator[None]:
    """Open a runtime around the test, whose own task becomes a process with its first call."""
    async with open_runtime():
        yield
