"""Waiting at a socket: a process parks until the socket's actor wakes it with a result."""

from collections.abc import Callable
from math import inf
from typing import Any

import attrs
import trio

from ...results import Error, Ok
from ...runtime.core.body import TIMED_OUT
from ...runtime.core.process import Process

__all__ = ["Waiter", "deadline_of", "wait"]


@attrs.define(eq=False)
class Waiter:
    """One process that waits at a socket.

    Attributes:
        process: the process.
        asked: what it waits for: the length of a recv, the bytes of a send; None for others.
    """

    process: Process
    asked: Any = None

    def wake(self, result: Ok[Any] | Error) -> bool:
        """Resume the process with `result`; False if it does not wait any more."""
        return self.process.body.wake(result)

    @property
    def waits(self) -> bool:
        """True until the process was woken, has timed out, or was ended or cancelled."""
        return self.process.body.parked is not None and not self.process.ending


def deadline_of(timeout: float) -> float:
    """Return the time on trio's clock at which `timeout` seconds from now have passed."""
    return inf if timeout == inf else trio.current_time() + timeout


async def wait(waiter: Waiter, deadline: float, give_back: Callable[[Any], None]) -> Any:
    """Park until the waiter is woken; return the result, or None at `deadline`.

    If the call is cancelled or its process killed, `give_back` is called with the result that the
    waiter was woken with, if there is one: no caller will see it.
    """
    body = waiter.process.body
    outcome: Any = None
    try:
        outcome = await body.park(waiter, deadline)
        if waiter.process.ending:
            await body.checkpoint()  # killed before it resumed: raises
    except BaseException:
        # If `park` itself raised, a wake may have come first: its outcome is still in the body.
        outcome = body.take() if outcome is None else outcome
        if outcome is not None and outcome is not TIMED_OUT:
            give_back(outcome)
        raise
    return None if outcome is TIMED_OUT else outcome
