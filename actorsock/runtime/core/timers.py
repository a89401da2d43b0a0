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

__all__ = ["Entry", "Timers"]

# Cancelled entries that a heap may keep before it is rebuilt without them.
_CANCELLED_KEPT: Final = 64


@attrs.define(order=True, eq=True)
class Entry:
    """An action that is due at `deadline` (seconds on trio's clock)."""

    deadline: float
    number: int
    """Orders entries of the same deadline: first added, first called."""
    action: Callable[..., object] | None = attrs.field(eq=False, order=False)
    """The function to call; None once it has been called or cancelled."""
    args: tuple[Any, ...] = attrs.field(eq=False, order=False)


class Timers:
    """The timers of one runtime."""

    def __init__(self) -> None:
        self._heap: list[Entry] = []
        self._cancelled = 0
        self._numbers = count()
        self._sleep: trio.CancelScope | None = None

    def __len__(self) -> int:
        return len(self._heap) - self._cancelled

    def add(self, deadline: float, action: Callable[..., object], *args: Any) -> Entry:
        """Call `action(*args)` at `deadline`; it must not raise."""
        entry = Entry(deadline, next(self._numbers), action, args)
        heapq.heappush(self._heap, entry)
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
            self._heap = [kept for kept in self._heap if kept.action is not None]
            heapq.heapify(self._heap)
            self._cancelled = 0
        return True

    @enable_ki_protection
    async def run(self) -> None:
        """Call the actions as they fall due; never returns."""
        while True:
            # `add` moves the deadline of this scope when an earlier entry comes.
            with trio.CancelScope(deadline=self._next_deadline()) as self._sleep:
                await trio.sleep_forever()
            self._sleep = None
            self._fire(trio.current_time())

    def _next_deadline(self) -> float:
        heap = self._heap
        while heap and heap[0].action is None:
            heapq.heappop(heap)
            self._cancelled -= 1
        return heap[0].deadline if heap else inf

    def _fire(self, now: float) -> None:
        # Entries added by an action wait for the next round: a timer that renews itself with a
        # delay of 0 must not keep the loop from running anything else.
        newest = next(self._numbers)
        while self._next_deadline() <= now and self._heap[0].number < newest:
            entry = heapq.heappop(self._heap)
            action, args = entry.action, entry.args
            entry.action = None
            entry.args = ()
            assert action is not None
            action(*args)
