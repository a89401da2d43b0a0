"""Polling for a moment before trio's loop goes to sleep, as Erlang's schedulers do.

Falling asleep and being woken costs some tens of microseconds, and a peer that has just been
answered often asks again within that time. So a loop that has collected something polls a little
longer before it sleeps. Where that fails (the peer is far away, or needs this very processor to
answer) the number of sleeps without polling doubles with each failure; one success resets it.
"""

import os
from collections.abc import Callable
from time import perf_counter
from typing import Final

__all__ = ["BusyWait", "enabled"]

# Seconds. About the price of a sleep: polling longer could cost more than it saves.
_LONGEST: Final = 50e-6

# After ten failures in a row, 2**10 sleeps pass without polling: its cost is no longer measurable,
# and a program whose traffic changes still gets another attempt soon.
_MOST_DOUBLINGS: Final = 10


def enabled() -> bool:
    """Return False if the environment has `ACTORSOCK_BUSY_WAIT=none`, as Erlang's `+sbwt none`."""
    return os.environ.get("ACTORSOCK_BUSY_WAIT") != "none"


class BusyWait:
    """Decides before each sleep of the loop whether to poll first, and polls."""

    __slots__ = ("_clock", "_failures", "_to_skip")

    def __init__(self, clock: Callable[[], float] = perf_counter) -> None:
        self._clock = clock
        self._failures = 0
        self._to_skip = 0

    def look(self, peek: Callable[[], object], at_most: float) -> None:
        """Return when `peek()` is true, or after `_LONGEST` or `at_most` seconds.

        Returns at once, without a look, while earlier failures make success improbable.
        """
        if self._to_skip:
            self._to_skip -= 1
            return
        clock = self._clock
        until = clock() + min(_LONGEST, at_most)
        while True:
            if peek():
                self._failures = 0
                return
            if clock() >= until:
                break
        self._failures = min(self._failures + 1, _MOST_DOUBLINGS)
        self._to_skip = 2**self._failures
