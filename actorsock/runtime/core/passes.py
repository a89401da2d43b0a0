"""The work done in each pass of trio's loop, between waiting for I/O and running tasks.

trio calls an instrument there (`after_io_wait`). Light processes are stepped in it because no trio
task is current at that moment: code of theirs that tries to wait through trio fails at once with
trio's own error. Stepping them inside a trio task was rejected, since the same mistake would then
corrupt that task's cancel scopes or the whole run.

Readiness of sockets is collected there too, so that a process that it wakes runs in the same pass;
so is readiness that light processes have caused meanwhile, as long as their budget lasts.
"""

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import trio
from trio.lowlevel import Abort, enable_ki_protection

from .busy_wait import BusyWait, enabled
from .reductions import LIGHT_PASS_BUDGET

__all__ = ["Passes", "StepAll"]

StepAll = Callable[[deque[Any], int], int]
"""Steps the bodies that are ready, for at most so many reductions; returns how many are left."""


class Passes(trio.abc.Instrument):
    """The ready light processes of one runtime, and the function that collects readiness."""

    __slots__ = (
        "_busy_wait",
        "_collect",
        "_collected",
        "_installed",
        "_interrupt",
        "_peek",
        "keeper",
        "ready",
        "step_all",
    )

    ready: deque[Any]
    """Light bodies that wait for a step, first in, first out."""

    keeper: trio.lowlevel.Task | None
    """The task that runs `keep`, while it is suspended; None while it runs."""

    step_all: StepAll
    """Set by `api.opening`: `core` does not import from `bodies`."""

    def __init__(self, interrupt: Callable[[BaseException], None]) -> None:
        self._interrupt = interrupt
        self.ready = deque()
        self._collect: Callable[[], object] = _collect_nothing
        self._peek: Callable[[], object] | None = None
        self._busy_wait = BusyWait()
        self._collected = False
        self._installed = False
        self.keeper = None

    def collect(self, collect: Callable[[], object], peek: Callable[[], object]) -> None:
        """Call `collect` at the beginning of every pass; it returns true if it found something.

        `peek` returns true if there is something to collect, and leaves it there.
        """
        self._collect = collect
        self._peek = peek if enabled() else None
        self._install()

    def stop_collecting(self) -> None:
        """Undo `collect`."""
        self._collect = _collect_nothing
        self._peek = None

    def step_soon(self, body: Any) -> None:
        """Step `body` in the current pass if it has not ended, otherwise in the next one."""
        # The keeper first: from another thread waking it raises, and nothing has changed then.
        if self.keeper is not None:
            self.wake_keeper()
        self.ready.append(body)

    @enable_ki_protection
    async def keep(self) -> None:
        """Keep trio's loop from sleeping while light processes are ready; never returns.

        An instrument can't do that: trio sleeps whenever no task is runnable.
        """
        while True:
            if self.ready:
                self._install()
                self.restore()
                await trio.lowlevel.checkpoint()
            else:
                self.keeper = trio.lowlevel.current_task()
                await trio.lowlevel.wait_task_rescheduled(self._abort)

    def _install(self) -> None:
        # Not in `__init__`: an instrument costs every pass a little, and a program without
        # sockets and light processes needs none.
        if not self._installed:
            self._installed = True
            trio.lowlevel.add_instrument(self)

    def restore(self) -> None:
        """Install the instrument again if trio has removed it.

        trio does that when it can't call it, for want of memory. Without it nothing would be
        collected or stepped any more, and the loop would not sleep.
        """
        if self._installed:
            trio.lowlevel.add_instrument(self)  # does nothing if trio has it

    def stop(self) -> None:
        """Remove the instrument: the runtime has no light processes and no sockets any more."""
        if self._installed:
            self._installed = False
            # trio removes an instrument that it could not call, for want of memory.
            with suppress(KeyError):
                trio.lowlevel.remove_instrument(self)

    @enable_ki_protection
    def before_io_wait(self, timeout: float) -> None:
        """Poll for a moment if the last pass has collected something; called by trio."""
        if timeout > 0 and self._collected and self._peek is not None:
            self._collected = False
            try:
                self._busy_wait.look(self._peek, timeout)
            except BaseException as exc:
                self._interrupt(exc)

    @enable_ki_protection
    def after_io_wait(self, timeout: float) -> None:
        """Collect readiness and step light processes while the budget lasts; called by trio."""
        ready = self.ready
        # Hide the keeper from `wake` during the steps: what becomes ready now is stepped below, or
        # the last lines wake the keeper once for all of it.
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
            # trio removes an instrument that raises, and this one must stay. Ctrl-C or `sys.exit`
            # in a light process concern the whole program.
            self._interrupt(exc)
        self.keeper = keeper
        if ready and keeper is not None:
            self.wake_keeper()

    def wake_keeper(self) -> None:
        """Reschedule the suspended keeper: a light process is ready."""
        # In one step: a signal handler that runs here may send, and wake the keeper before.
        keeper, self.keeper = self.keeper, None
        if keeper is None:
            return
        try:
            trio.lowlevel.reschedule(keeper)
        except BaseException:  # the caller is in another thread
            self.keeper = keeper
            raise

    def _abort(self, raise_cancel: object) -> Abort:
        self.keeper = None
        return Abort.SUCCEEDED


def _collect_nothing() -> None:
    pass
