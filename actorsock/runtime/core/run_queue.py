"""The queue of steps that the runtime takes outside any trio task: handlers run on it.

A step runs at once, in the stack of the caller, unless another step is running: then it is queued
behind that one. So no handler is entered while it runs, a chain of a thousand handlers needs no
deep stack, and an idle handler answers without a task switch. Steps that keep adding steps give way
to trio's tasks when they have used up `RUN_QUEUE_BUDGET`; a small task runs the rest.

An exception of a step (Ctrl-C, `sys.exit`) concerns the program, not the caller that happened to
add the step: it is passed to `interrupt`.
"""

from collections import deque
from collections.abc import Callable

import trio
from trio.lowlevel import enable_ki_protection

from .reductions import RUN_QUEUE_BUDGET, STEP

__all__ = ["RunQueue"]

Step = Callable[[], None]


class RunQueue:
    """The steps of one runtime, first in, first out."""

    __slots__ = ("_interrupt", "_left_over", "_ready", "_running", "budget")

    budget: int
    """The reductions left until trio's tasks get to run. The step that runs takes from it what it
    spends. It has no meaning for a step that runs alone, without the queue."""

    def __init__(self, interrupt: Callable[[BaseException], None]) -> None:
        self._interrupt = interrupt
        self._ready: deque[Step] = deque()
        self._running = False
        self._left_over = trio.Event()
        self.budget = 0

    def run(self, step: Step) -> None:
        """Run `step` now, or after those that were added before it."""
        if self._running or self._ready:
            # Steps that a used up budget has left are not run here, ahead of this one: a task that
            # sends in a loop would pay a whole budget for each message, and hold up all others.
            self._ready.append(step)
            return
        # The usual case, a single step, does without the queue.
        self._running = True
        try:
            step()
        except BaseException as exc:
            self._interrupt(exc)
        finally:
            self._running = False
        if self._ready:
            self._run_ready()

    def holds(self, owner: object) -> bool:
        """Return whether a step of `owner` waits in the queue."""
        return any(getattr(step, "__self__", None) is owner for step in self._ready)

    def run_all(self) -> None:
        """Run steps until none is left; for the end, when no new processes can start."""
        while self._ready:
            self._run_ready()

    @enable_ki_protection
    async def run_left_over(self) -> None:
        """Run the steps that a used up budget has left; never returns."""
        while True:
            await self._left_over.wait()
            self._left_over = trio.Event()
            if not self._running:
                self._run_ready()
            # Even if the event is set again by now: other tasks run before the next ones.
            await trio.lowlevel.checkpoint()

    @enable_ki_protection
    def _run_ready(self) -> None:
        ready = self._ready
        self._running = True
        self.budget = RUN_QUEUE_BUDGET
        try:
            while ready and self.budget > 0:
                self.budget -= STEP
                try:
                    ready.popleft()()
                except BaseException as exc:
                    self._interrupt(exc)
        finally:
            self._running = False
            if ready:
                self._left_over.set()
