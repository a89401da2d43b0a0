"""Every test of tracing leaves the tables of processes as empty as it found them, and plain."""

from collections.abc import Iterator

import pytest

from actorsock.otp.behaviour.engine import Engine
from actorsock.runtime.core.process import Process, alive

from ..stories import nothing_is_left_behind

__all__ = ["nothing_is_left_behind"]


def assert_plain() -> None:
    """Nothing is left of a trace."""
    for process in alive.values():
        assert type(process) is Process
        assert process.node.started is None
        assert not [key for key in process.node.services if "trace" in str(key)]
        assert not type(process.body).__name__.startswith("Recorded")
        engine = process.body.function
        assert not isinstance(engine, Engine) or not type(engine).__name__.startswith("Traced")


@pytest.fixture
async def plain(runtime: None) -> Iterator[None]:
    """A runtime, in which nothing of a trace is left after the test."""
    yield
    assert_plain()
