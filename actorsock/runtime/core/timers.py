"""Everything that happens at a time: one heap on trio's clock, one trio task that sleeps.

Time-outs of blocking calls and the timers of `send_after` and `start_timer` are entries of the
same heap, so none of them costs a cancel scope or a task. trio's clock decides what "now" is,
hence a MockClock drives them all.
"""

import heapq
from collections.abc import Callable
from itertools import count
from math import inf
from typing import Any

import attrs
import trio
from trio.lowlevel import enable_ki_protection

__all__ = ["Entry", "Timers"]


@attrs.define(order=True, eq=True)
class Entry:
    """One thing that is due at `deadline` (seconds on trio's clock)."""

    deadline: float
    number: int
    """Breaks ties: what was asked for first happens first."""
    action: Callable[..., object] | None = attrs.field(eq=False, order=False)
    """What to call; None once it has been called or was cancelled."""
    args: tuple[Any, ...] = attrs.field(eq=False, order=False)


class Timers:
    """The heap of one runtime."""

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
        """Make sure that `entry` does not happen; False if it already has, or was cancelled."""
        if entry.action is None:
            return False
        entry.action = None
        entry.args = ()
        self._cancelled += 1
        # Cancelled entries stay in the heap until they are due; a program whose calls all
        # have long time-outs and all succeed must not pile them up.
        if self._cancelled > 64 and self._cancelled > len(self._heap) // 2:
            self._heap = [kept for kept in self._heap if kept.action is not None]
            heapq.heapify(self._heap)
            self._cancelled = 0
        return True

    @enable_ki_protection
    async def run(self) -> None:
        """Fire entries as they fall due, for ever."""
        while True:
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
        # What an action adds is for the next round, so that a timer that renews itself with a
        # delay of 0 does not keep everybody else from running.
        newest = next(self._numbers)
        while self._next_deadline() <= now and self._heap[0].number < newest:
            entry = heapq.heappop(self._heap)
            action, args = entry.action, entry.args
            entry.action = None
            entry.args = ()
            assert action is not None
            action(*args)
