"""Fixtures of the tests of streams: the two pollers, and the check for open descriptors."""

import pytest

from ..stories import no_descriptor_is_left

__all__ = ["no_descriptor_is_left", "poller"]


@pytest.fixture(params=["epoll", "trio"])
def poller(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a test once with each kind of poller."""
    monkeypatch.setenv("ACTORSOCK_POLLER", request.param)
