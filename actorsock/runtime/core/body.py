"""The interface between a process and what runs its code, and the one way to wait.

A process is the same whatever runs it; only its body differs. A body can suspend the code, resume
it, and stop it when an exit signal ends the process. `park` and `wake` are the waiting primitive:
receive, sleep and every blocking socket call park here and are woken from here, so that time-outs,
cancellation and exit signals are handled in one place.

The most frequent waits, a receive of any message and a call of a socket, do without `park` and its
coroutine where they have no time-out. They follow the same protocol: `check()`, set `parked`, await
`waiting`, `check()`.
"""

import abc
from collections.abc import Awaitable, Callable
from math import inf
from typing import Any, Final, Protocol

from ..._native import twin
from .reductions import GIVE_WAY_FIRST
from .timers import Timers

__all__ = ["TIMED_OUT", "Body", "Debt", "owing"]

TIMED_OUT: Final = object()
"""The result of `park` when the deadline came first."""


class Debt(Protocol):
    """What a process has to wait for at its next wait, such as a slow node that it floods."""

    async def settle(self, body: "Body") -> None:
        """Wait until the debt is settled."""
        ...

    def postpone(self, body: "Body", step: Callable[[], None]) -> None:
        """Have `step` of a handler, which can't wait, taken when the debt is settled."""
        ...

    def forgive(self, body: "Body") -> None:
        """Let go of a process that ends."""
        ...


owing: Final[dict["Body", Debt]] = {}
"""The processes that have a debt. It is looked at where one gives way, and is usually empty."""


@twin
class Account:
    """What a process has spent, and may spend until it gives way."""

    __slots__ = ("budget", "floor")

    budget: int
    """Falls by the cost of each operation and never rises: less than 0, it is a total."""

    floor: int
    """The process gives way when its budget has come down to this; set lower then."""


class Body(Account, abc.ABC):
    """The part of a process that runs its code."""

    __slots__ = ("outcome", "parked", "timers")

    kind: str
    """`"task"`, `"light"` or `"handler"`, as `process_info` shows it."""

    parked: object
    """Why the code is suspended, until the first `wake`; None while it is not.

    True in a receive without a pattern, otherwise the pattern; the `SocketActor` in a call of a
    socket; `"sleep"`; else an object of the caller. Compare with None: a pattern may be false.
    """

    outcome: Any
    """The argument of `wake`, until the woken code takes it; None at any other time."""

    def __init__(self, timers: Timers, full: int) -> None:
        self.timers = timers
        self.parked = None
        self.outcome = None
        self.budget = 0
        self.floor = -full

    @property
    def reductions(self) -> int:
        """All that the process has spent since it began."""
        return -self.budget

    def give_way_first(self) -> None:
        """Have the next operation give way before it begins, as with a budget that is used up.

        Nothing is charged: a process that does this often has not done more for that.
        """
        self.floor = self.budget + GIVE_WAY_FIRST

    @property
    @abc.abstractmethod
    def function(self) -> object:
        """The function that the process runs; of an adopted task its name."""

    @property
    def code(self) -> object:
        """The coroutine that runs the code; None before it has begun, and for a handler."""
        return None

    @property
    def adopted(self) -> bool:
        """True if the runtime did not start the code and does not see it return or raise."""
        return False

    @property
    def cancelled(self) -> bool:
        """True if a trio scope around the running code is cancelled; False outside trio's tasks."""
        return False

    async def park(self, reason: object, deadline: float = inf) -> Any:
        """Wait for `wake`; return its argument, or `TIMED_OUT` at `deadline`.

        `reason` is kept in `parked`, for tools that show what the process waits for. `deadline` is
        a time on trio's clock. Raises `trio.Cancelled`, or `ExitSignal` when an exit signal ends
        the process. A caller that has asked others to wake it must withdraw that in a `finally`
        clause.
        """
        # Twice, because an exit signal may come at any time: before this wait, when there is none
        # to interrupt; and after a wake, when the process is not parked any more and has not run.
        self.check()
        if deadline == inf:
            self.parked = reason
            await self.waiting
        else:
            # An entry of the runtime's own heap: a cancel scope would double the price of a call.
            entry = self.timers.add(deadline, self.wake, TIMED_OUT)
            self.parked = reason
            try:
                await self.waiting
            finally:
                self.timers.cancel(entry)
        self.check()
        return self.take()

    @property
    @abc.abstractmethod
    def waiting(self) -> Awaitable[object]:
        """The awaitable that suspends a parked process; to be awaited at once.

        Whatever resumes the process (a wake, a cancellation, an exit signal) has set `parked` to
        None before.
        """

    @abc.abstractmethod
    def check(self) -> None:
        """Raise `ExitSignal` if an exit signal ends the process and only an exception can stop it.

        A task with a cancel scope of its own is stopped by trio instead.
        """

    def take(self) -> Any:
        """Return the argument of `wake` and forget it."""
        outcome = self.outcome
        self.outcome = None
        return outcome

    @abc.abstractmethod
    def wake(self, outcome: Any = None) -> bool:
        """Resume a parked process with `outcome`; the first of several wakes wins.

        Returns False, without effect, if the process is not parked (any more).
        """

    @abc.abstractmethod
    def spend(self, cost: int) -> Awaitable[None] | None:
        """Charge `cost` reductions for an operation that could block.

        Returns an awaitable that the caller must await before the operation, or None. So a process
        whose operations all complete at once gives way as regularly as one that waits.
        """

    @abc.abstractmethod
    def checkpoint(self) -> Awaitable[None]:
        """Return an awaitable that honours cancellation, and gives way if the budget is used up."""

    @abc.abstractmethod
    def stop(self, reason: Any, ended_by: object) -> bool:
        """Make the code end, because an exit signal ends the process with `reason`.

        `ended_by` is the text of a note that says where the signal came from, or None.

        Returns True if the body will not report the end of the code, as with an adopted task; the
        process then ends at once. Otherwise the body calls `Process.end` when the code has unwound.
        """

    def release(self) -> None:  # most bodies refer to nothing
        """Drop references back to the ended process, so that no garbage collector is needed."""

    @abc.abstractmethod
    def describe(self) -> str:
        """Return the name of the function that the process runs, for logs and `process_info`."""
