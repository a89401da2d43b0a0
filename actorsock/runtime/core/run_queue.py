"""The queue of steps that the runtime takes outside any trio task: handlers run on it.

A step runs at once, in the stack of the caller, unless another step is running: then it is queued
behind that one. So no handler is entered while it runs, a chain of a thousand handlers needs no
deep stack, and an idle handler answers without a task switch. Steps that keep adding steps yield
to trio after `RUN_QUEUE_QUANTUM` of them; a small task runs the rest.

An exception of a step (Ctrl-C, `sys.exit`) concerns the program, not the caller that happened to
add the step: it is passed to `interrupt`.
"""

from collections import deque
from collections.abc import Callable

import trio
from trio.lowlevel import enable_ki_protection

from .reductions import RUN_QUEUE_QUANTUM

__all__ = ["RunQueue"]

Step = Callable[[], None]


class RunQueue:
    """The steps of one runtime, first in, first out."""

    def __init__(self, interrupt: Callable[[BaseException], None]) -> None:
        self._interrupt = interrupt
        self._ready: deque[Step] = deque()
        self._running = False
        self._left_over = trio.Event()

    def run(self, step: Step) -> None:
        """Run `step` now, or after those that were added before it."""
        if self._running or self._ready:
            self._ready.append(step)
            if not self._running:
                self._run_ready()
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

    def run_all(self) -> None:
        """Run steps until none is left; for the end, when no new processes can start."""
        while self._ready:
            self._run_ready()

    @enable_ki_protection
    async def run_left_over(self) -> None:
        """Run the steps that an exhausted quantum has left; never returns."""
        while True:
            await self._left_over.wait()
            self._left_over = trio.Event()
            if not self._running:
                self._run_ready()
            # Even if the event is set again by now: other tasks run before the next quantum.
            await trio.lowlevel.checkpoint()

    def _run_ready(self) -> None:
        ready = self._ready
        self._running = True
        try:
            for _ in range(RUN_QUEUE_QUANTUM):
                if not ready:
                    return
                try:
                    ready.popleft()()
                except BaseException as exc:
                    self._interrupt(exc)
        finally:
            self._running = False
            if ready:
                self._left_over.set()
