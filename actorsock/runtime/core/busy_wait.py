"""Looking out for a moment before trio's loop goes to sleep, as Erlang's schedulers do.

Falling asleep and being woken costs a processor some tens of microseconds, and a peer that has
just been answered often asks again within that time. So whoever has had something to do keeps
looking for a little while. Where it is in vain (the peer is far away, or needs this very
processor to answer) it is tried less and less often, until it costs nothing; one success, and
it is worth while again.
"""

import os
from collections.abc import Callable
from time import perf_counter
from typing import Final

__all__ = ["BusyWait", "enabled"]

# Seconds: about what a sleep would cost.
_LONGEST: Final = 50e-6

# In vain ten times running, and it is left out a thousand times before it is tried again.
_MOST: Final = 10


def enabled() -> bool:
    """Whether the environment allows it: `ACTORSOCK_BUSY_WAIT=none` does not, as `+sbwt none`."""
    return os.environ.get("ACTORSOCK_BUSY_WAIT") != "none"


class BusyWait:
    """Decides whether it is worth while to look, and looks."""

    __slots__ = ("_clock", "_in_vain", "_left_out")

    def __init__(self, clock: Callable[[], float] = perf_counter) -> None:
        self._clock = clock
        self._in_vain = 0
        self._left_out = 0

    def look(self, peek: Callable[[], object], at_most: float) -> None:
        """Return when `peek()` is true, or after a moment, of `at_most` so many seconds."""
        if self._left_out:
            self._left_out -= 1
            return
        clock = self._clock
        until = clock() + min(_LONGEST, at_most)
        while True:
            if peek():
                self._in_vain = 0
                return
            if clock() >= until:
                break
        self._in_vain = min(self._in_vain + 1, _MOST)
        self._left_out = 2**self._in_vain
