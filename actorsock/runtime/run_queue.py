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
from contextlib import suppress
from typing import Final

import trio
from trio.lowlevel import enable_ki_protection

__all__ = ["RunQueue"]

# Turns taken before trio's own tasks get to run: at a few microseconds each, some milliseconds.
_BUDGET: Final = 1000

# Frames that it takes to wake a task, and some more.
_ROOM: Final = 12

Turn = Callable[[], None]


class RunQueue:
    """The turns of one runtime, first asked first taken."""

    def __init__(self, interrupt: Callable[[BaseException], None]) -> None:
        self._interrupt = interrupt
        self._ready: deque[Turn] = deque()
        self._later: deque[Turn] = deque()
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
        except RecursionError:
            raise  # the end of the stack of whoever asks
        except BaseException as exc:
            self._interrupt(exc)
        finally:
            self._taking = False
        if self._ready:
            self._take_turns()

    def run_later(self, turn: Turn) -> None:
        """Take `turn` from a stack of its own, since that of whoever asks is at its end.

        Raises `RecursionError` where it is so much at its end that not even that can be done.
        """
        self._wake_up()
        self._later.append(turn)

    def take_all(self) -> None:
        """Take every turn there is; for the end, when no turn leads to another for ever."""
        self._ready.extend(self._later)
        self._later.clear()
        while self._ready:
            self._take_turns()

    @enable_ki_protection
    async def take_left_over(self) -> None:
        """Take the turns that a full budget has left, for ever."""
        while True:
            await self._left_over.wait()
            self._left_over = trio.Event()
            self._ready.extend(self._later)
            self._later.clear()
            if not self._taking:
                self._take_turns()
            # The event may be set again already: others run first all the same.
            await trio.lowlevel.checkpoint()

    def _take_turns(self) -> None:
        ready = self._ready
        self._taking = True
        try:
            for _ in range(_BUDGET):
                if not ready:
                    return
                turn = ready.popleft()
                try:
                    turn()
                except RecursionError:
                    ready.appendleft(turn)  # on the stack of whoever asks it can't be taken
                    return
                except BaseException as exc:
                    self._interrupt(exc)
        finally:
            self._taking = False
            if ready:
                with suppress(RecursionError):  # then whoever asks next takes them up
                    self._wake_up()

    def _wake_up(self) -> None:
        _find_room(_ROOM)  # an event that is set by half wakes nobody any more
        self._left_over.set()


def _find_room(frames: int) -> None:
    if frames:
        _find_room(frames - 1)
