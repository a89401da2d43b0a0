"""What happens in each pass of trio's loop, between waiting for I/O and running tasks.

trio calls an instrument there. No trio task is current at that moment, which is what makes it
the place to step light processes: code of theirs that would wait through trio fails at once
and touches nobody else. Readiness is collected there too, so that whatever it wakes runs in
the same pass.
"""

from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

import trio
from trio.lowlevel import Abort, enable_ki_protection

__all__ = ["Passes", "Steppable"]

# What light processes may do in one pass before trio's own tasks run: some milliseconds.
_BUDGET: Final = 4000


class Steppable(Protocol):
    """A light process that can go on."""

    def step(self) -> int:
        """Run it until it waits, or has used its budget; what it used, in reductions."""


class Passes(trio.abc.Instrument):
    """The ready light processes of one runtime, and what wants to be called in every pass."""

    def __init__(self, interrupt: Callable[[BaseException], None]) -> None:
        self._interrupt = interrupt
        self._ready: deque[Steppable] = deque()
        self._collect: Callable[[], None] | None = None
        self._keeper: trio.lowlevel.Task | None = None
        self._stepping = False

    def collect(self, collect: Callable[[], None] | None) -> None:
        """Call `collect` at the beginning of every pass (None: nothing)."""
        self._collect = collect

    def step_soon(self, steppable: Steppable) -> None:
        """Step it in this pass, if one is under way, or else in the next."""
        self._ready.append(steppable)
        # While steps are taken nothing sleeps, and the end of it looks after what is left.
        if self._keeper is not None and not self._stepping:
            self._wake_keeper()

    async def keep(self) -> None:
        """Keep trio's loop from sleeping while light processes are ready, for ever."""
        while True:
            if self._ready:
                await trio.lowlevel.checkpoint()
            else:
                self._keeper = trio.lowlevel.current_task()
                await trio.lowlevel.wait_task_rescheduled(self._abort)

    @enable_ki_protection
    def after_io_wait(self, timeout: float) -> None:
        """Collect readiness, then step what is ready; called by trio."""
        ready = self._ready
        budget = _BUDGET
        self._stepping = True
        try:
            if self._collect is not None:
                self._collect()
            while ready and budget > 0:
                budget -= ready.popleft().step()
        except BaseException as exc:
            # An instrument that raises is removed by trio; this one must not be. And what a
            # light process raises (Ctrl-C, `sys.exit`) concerns the whole program.
            self._interrupt(exc)
        self._stepping = False
        if ready and self._keeper is not None:
            self._wake_keeper()

    def _wake_keeper(self) -> None:
        keeper, self._keeper = self._keeper, None
        assert keeper is not None
        trio.lowlevel.reschedule(keeper)

    def _abort(self, raise_cancel: object) -> Abort:
        self._keeper = None
        return Abort.SUCCEEDED
