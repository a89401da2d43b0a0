"""Everything that happens at a set time: one heap on trio's clock, one trio task that sleeps.

Time-outs of blocking calls and the timers of `send_after` and `start_timer` are entries of the
same heap. A cancel scope for each call was rejected: it doubles the price of the call (24
microseconds instead of 11). The times are those of trio's clock, so a MockClock drives all of them.
"""

import heapq
from collections.abc import Callable
from itertools import count
from math import inf
from typing import Any, Final

import attrs
import trio
from trio.lowlevel import enable_ki_protection

from .reductions import TIMER_QUANTUM

__all__ = ["Entry", "Timers"]

# Cancelled entries that a heap may keep before it is rebuilt without them.
_CANCELLED_KEPT: Final = 64


@attrs.define(eq=False)
class Entry:
    """An action that is due at `deadline` (seconds on trio's clock)."""

    deadline: float
    action: Callable[..., object] | None
    """The function to call; None once it has been called or cancelled."""
    args: tuple[Any, ...]


class Timers:
    """The timers of one runtime."""

    def __init__(self) -> None:
        # Deadline, number (first added, first called), entry. Tuples, since comparing them runs no
        # Python code: a signal handler or a finalizer, which may run between any two instructions,
        # would call `send_after` in the middle of a heap operation.
        self._heap: list[tuple[float, int, Entry]] = []
        self._cancelled = 0
        self._numbers = count()
        self._sleep: trio.CancelScope | None = None

    def __len__(self) -> int:
        return len(self._heap) - self._cancelled

    def add(self, deadline: float, action: Callable[..., object], *args: Any) -> Entry:
        """Call `action(*args)` at `deadline`; it must not raise."""
        entry = Entry(deadline, action, args)
        heapq.heappush(self._heap, (deadline, next(self._numbers), entry))
        if self._sleep is not None and deadline < self._sleep.deadline:
            self._sleep.deadline = deadline
        return entry

    def cancel(self, entry: Entry) -> bool:
        """Cancel `entry`; return False if it has already been called or cancelled."""
        if entry.action is None:
            return False
        entry.action = None
        entry.args = ()
        self._cancelled += 1
        # Removing an entry from the middle of a heap takes linear time, so it stays until it is
        # due. A program whose calls all have long time-outs and all succeed would pile them up:
        # rebuild the heap when more than half of it is cancelled, which is amortized over these.
        if self._cancelled > _CANCELLED_KEPT and self._cancelled > len(self._heap) // 2:
            self._rebuild()
        return True

    def _rebuild(self) -> None:
        # The list is exchanged first: what a finalizer adds meanwhile goes to the new one.
        old, self._heap = self._heap, []
        self._cancelled = 0
        kept = [item for item in old if item[2].action is not None]
        heapq.heapify(kept)
        added, self._heap = self._heap, kept
        for item in added:
            heapq.heappush(self._heap, item)

    @enable_ki_protection
    async def run(self) -> None:
        """Call the actions as they fall due; never returns."""
        while True:
            # `add` moves the deadline of this scope when an earlier entry comes.
            with trio.CancelScope(deadline=self._next_deadline()) as self._sleep:
                await trio.sleep_forever()
            self._sleep = None
            # Entries added from here on wait for the next round: a timer that renews itself with a
            # delay of 0 must not keep this round from ending.
            now, newest = trio.current_time(), next(self._numbers)
            while self._fire(now, newest):
                await trio.lowlevel.checkpoint()

    def _next_deadline(self) -> float:
        heap = self._heap
        while heap and heap[0][2].action is None:
            heapq.heappop(heap)
            self._cancelled -= 1
        return heap[0][0] if heap else inf

    def _fire(self, now: float, newest: int) -> bool:
        """Call the actions of entries that are due and older than `newest`, up to a quantum.

        Returns True if some may be left.
        """
        for _ in range(TIMER_QUANTUM):
            if self._next_deadline() > now or self._heap[0][1] > newest:
                return False
            _, _, entry = heapq.heappop(self._heap)
            action, args = entry.action, entry.args
            entry.action = None
            entry.args = ()
            if action is None:  # cancelled just now, by a signal handler or a finalizer
                self._cancelled -= 1
            else:
                action(*args)
        return True
