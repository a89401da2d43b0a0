"""Stories that a process tells, once with a task body and once as a light process."""

from collections.abc import Awaitable, Callable

import pytest

from actorsock import receive, spawn_monitor

each_body = pytest.mark.parametrize("light", [False, True], ids=["task", "light"])


async def asked_in(light: bool, function: Callable[[], Awaitable[None]]) -> None:
    """Run `function` in a process of its own, which must return."""
    _, ref = spawn_monitor(function, light=light)
    assert (await receive(ref)).reason == "normal"
