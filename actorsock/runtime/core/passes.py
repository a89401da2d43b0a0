"""What happens in each pass of trio's loop, between waiting for I/O and running tasks.

trio calls an instrument there. No trio task is current at that moment, which is what makes it
the place to step light processes: code of theirs that would wait through trio fails at once
and touches nobody else. Readiness is collected there too, so that whatever it wakes runs in
the same pass; what light processes have caused by then is collected with it, as long as they
keep to their budget.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

import trio
from trio.lowlevel import Abort, enable_ki_protection

from .busy_wait import BusyWait, enabled
from .reductions import LIGHT_PASS_BUDGET

__all__ = ["Passes", "StepAll"]

StepAll = Callable[[deque[Any], int], int]
"""Runs the bodies that are ready, for so many reductions at most; how many are left."""


class Passes(trio.abc.Instrument):
    """The ready light processes of one runtime, and what wants to be called in every pass."""

    ready: deque[Any]
    """Bodies that wait for a step, first come first served."""

    keeper: trio.lowlevel.Task | None
    """The task that keeps trio's loop from sleeping, while it is asleep itself."""

    step_all: StepAll
    """How they are run: to be set before the first of them starts."""

    def __init__(self, interrupt: Callable[[BaseException], None]) -> None:
        self._interrupt = interrupt
        self.ready = deque()
        self._collect: Callable[[], object] = _nothing
        self._peek: Callable[[], object] | None = None
        self._busy_wait = BusyWait()
        self._collected = False
        self._joined = False
        self.keeper = None

    def collect(self, collect: Callable[[], object], peek: Callable[[], object]) -> None:
        """Call `collect` at the beginning of every pass: it says whether there was something.

        `peek` says whether there is something to collect, and leaves it there.
        """
        self._collect = collect
        self._peek = peek if enabled() else None
        self._join_in()

    def collect_no_more(self) -> None:
        """The opposite of `collect`."""
        self._collect = _nothing
        self._peek = None

    def step_soon(self, body: Any) -> None:
        """Step it in this pass, if one is under way, or else in the next."""
        if self.keeper is not None:
            self.wake_keeper()
        self.ready.append(body)

    @enable_ki_protection
    async def keep(self) -> None:
        """Keep trio's loop from sleeping while light processes are ready, for ever."""
        while True:
            if self.ready:
                self._join_in()
                await trio.lowlevel.checkpoint()
            else:
                self.keeper = trio.lowlevel.current_task()
                await trio.lowlevel.wait_task_rescheduled(self._abort)

    def _join_in(self) -> None:
        # Not before there is a reason: it costs every pass a little.
        if not self._joined:
            self._joined = True
            trio.lowlevel.add_instrument(self)

    def stop(self) -> None:
        """The runtime is being left: no light process is there any more, and no socket."""
        if self._joined:
            self._joined = False
            trio.lowlevel.remove_instrument(self)

    @enable_ki_protection
    def before_io_wait(self, timeout: float) -> None:
        """Where there has been something to do there is likely to be more; called by trio."""
        if timeout > 0 and self._collected and self._peek is not None:
            self._collected = False
            try:
                self._busy_wait.look(self._peek, timeout)
            except BaseException as exc:
                self._interrupt(exc)

    @enable_ki_protection
    def after_io_wait(self, timeout: float) -> None:
        """Collect readiness and step what is ready, as long as there is some; called by trio."""
        ready = self.ready
        # While steps are taken nothing sleeps: the end of it looks after what is left.
        keeper, self.keeper = self.keeper, None
        budget = LIGHT_PASS_BUDGET
        try:
            if self._collect():
                self._collected = True
            while ready and budget > 0:
                budget = self.step_all(ready, budget)
                if budget > 0:
                    self._collect()
        except BaseException as exc:
            # An instrument that raises is removed by trio; this one must not be. And what a
            # light process raises (Ctrl-C, `sys.exit`) concerns the whole program.
            self._interrupt(exc)
        self.keeper = keeper
        if ready and keeper is not None:
            self.wake_keeper()

    def wake_keeper(self) -> None:
        """A body has become ready while the keeper was asleep."""
        assert self.keeper is not None
        trio.lowlevel.reschedule(self.keeper)
        self.keeper = None

    def _abort(self, raise_cancel: object) -> Abort:
        self.keeper = None
        return Abort.SUCCEEDED


def _nothing() -> None:
    pass
