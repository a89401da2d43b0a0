"""The turns that the runtime itself takes, outside any trio task: what handlers run on.

A turn runs at once, in the stack of whoever asked for it, unless a turn is running already:
then it waits until that one is over. So no turn is entered twice, a chain of a thousand
handlers needs no deep stack, and an idle handler answers without a task switch. Turns that
keep asking for turns give way to trio after a while; a small task takes up the rest.

What a turn raises (Ctrl-C, `sys.exit`) concerns the program, and not whoever happened to ask
for the turn: it is handed to `interrupt`.
"""

from collections import deque
from collections.abc import Callable

import trio
from trio.lowlevel import enable_ki_protection

from .reductions import RUN_QUEUE_QUANTUM

__all__ = ["RunQueue"]

Turn = Callable[[], None]


class RunQueue:
    """The turns of one runtime, first asked first taken."""

    def __init__(self, interrupt: Callable[[BaseException], None]) -> None:
        self._interrupt = interrupt
        self._ready: deque[Turn] = deque()
        self._taking = False
        self._left_over = trio.Event()

    def run(self, turn: Turn) -> None:
        """Take `turn` now, or after those that came before it."""
        if self._taking or self._ready:
            self._ready.append(turn)
            if not self._taking:
                self._take_turns()
            return
        self._taking = True
        try:
            turn()
        except BaseException as exc:
            self._interrupt(exc)
        finally:
            self._taking = False
        if self._ready:
            self._take_turns()

    def take_all(self) -> None:
        """Take every turn there is; for the end, when no turn leads to another for ever."""
        while self._ready:
            self._take_turns()

    @enable_ki_protection
    async def take_left_over(self) -> None:
        """Take the turns that a full budget has left, for ever."""
        while True:
            await self._left_over.wait()
            self._left_over = trio.Event()
            if not self._taking:
                self._take_turns()
            # The event may be set again already: others run first all the same.
            await trio.lowlevel.checkpoint()

    def _take_turns(self) -> None:
        ready = self._ready
        self._taking = True
        try:
            for _ in range(RUN_QUEUE_QUANTUM):
                if not ready:
                    return
                try:
                    ready.popleft()()
                except BaseException as exc:
                    self._interrupt(exc)
        finally:
            self._taking = False
            if ready:
                self._left_over.set()
