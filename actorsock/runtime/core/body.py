"""What runs a process's code, and the one way in which a process waits.

A process is the same whatever runs it: only its body differs. A body knows how to suspend the
code, how to let it go on, and how to stop it when an exit signal ends the process. `park` and
`wake` are the waiting primitive made of these: receive, every blocking socket call and sleep
park here and are woken from here; time-outs, cancellation and exit signals are handled here,
once, for all of them.

What `park` does without a deadline the calls that are made most often do themselves, which saves
them a coroutine: `check`, set `parked`, await `waiting`, `check`, take the `outcome`.
"""

import abc
from collections.abc import Awaitable
from math import inf
from typing import Any, Final

from .timers import Timers

__all__ = ["TIMED_OUT", "Body"]

TIMED_OUT: Final = object()
"""What `park` returns when the deadline came first."""


class Body(abc.ABC):
    """The running part of one process."""

    __slots__ = ("budget", "outcome", "parked", "timers")

    kind: str
    """The word for it in `process_info`."""

    parked: bool
    """True while the code is suspended in `park`, until something wakes it."""

    outcome: Any
    """What it was woken with, until it takes that: None at any other time."""

    budget: int
    """The reductions that are left until it has to give way to others."""

    def __init__(self, timers: Timers, budget: int) -> None:
        self.timers = timers
        self.parked = False
        self.outcome = None
        self.budget = budget

    @property
    def adopted(self) -> bool:
        """Whether somebody else made what runs the code: nobody says how it ended."""
        return False

    async def park(self, deadline: float = inf) -> Any:
        """Wait to be woken; return what `wake` was given, or `TIMED_OUT` at `deadline`.

        `deadline` is a time on trio's clock. Raises what ends the wait from outside:
        `trio.Cancelled`, or `ExitSignal` when an exit signal ends the process. Whoever parks
        undoes on the way out what it asked others to wake it for.
        """
        self.check()
        if deadline == inf:
            self.parked = True
            await self.waiting
        else:
            entry = self.timers.add(deadline, self.wake, TIMED_OUT)
            self.parked = True
            try:
                await self.waiting
            finally:
                self.timers.cancel(entry)
        self.check()
        return self.take()

    @property
    @abc.abstractmethod
    def waiting(self) -> Awaitable[object]:
        """What a process that is parked awaits, at once.

        Whatever ends it has set `parked` to False by then: a wake, a cancellation, a signal.
        """

    @abc.abstractmethod
    def check(self) -> None:
        """Raise `ExitSignal` when an exit signal ends the process, and nothing else will."""

    def take(self) -> Any:
        """What `wake` was given; once."""
        outcome = self.outcome
        self.outcome = None
        return outcome

    @abc.abstractmethod
    def wake(self, outcome: Any = None) -> bool:
        """Let a parked process go on with `outcome`; the first to wake it wins.

        False, and nothing happens, unless it was parked; now it is not.
        """

    @abc.abstractmethod
    def spend(self, cost: int) -> Awaitable[None] | None:
        """Charge for an operation that could block: what has to be awaited first, if anything.

        `cost` is its price in reductions (1 for a message, more where a system call is made), so
        that a process whose operations all complete at once gives way as regularly as one that
        waits.
        """

    @abc.abstractmethod
    def checkpoint(self) -> Awaitable[None]:
        """To be awaited at once: honours cancellation, and gives way when the budget is used up."""

    @abc.abstractmethod
    def stop(self, reason: Any) -> bool:
        """An exit signal ends the process with `reason`: make its code end.

        True when nobody is going to say that it has: the process is over at once.
        """

    def release(self) -> None:  # noqa: B027  # most have nothing to let go
        """The process has ended: let go of what leads back to it, and need no collector."""

    @abc.abstractmethod
    def describe(self) -> str:
        """The function that it runs, for people."""
