"""How a peer notices that its parent has ended, or wants it to end, whatever the peer is doing.

A thread waits for that, since the peer's own may be in the middle of a long computation. The end of
the pipe says so; but a copy of the other end may live on in a child that the parent has forked, so
the end of the parent itself is waited for too, where the kernel can tell of it.
"""

import os
import select
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from math import inf

__all__ = ["ParentWatch"]


class ParentWatch(threading.Thread):
    """Waits for the end of the parent, then calls `stop`, and kills the program if that fails.

    Args:
        line: the descriptor of the pipe.
        parent: the parent, for the operating system.
        patience: seconds between the call and the kill.
    """

    def __init__(self, line: int, parent: int, patience: float) -> None:
        super().__init__(name="actorsock parent watch", daemon=True)
        self.stop: Callable[[], object] | None = None
        self._line = line
        self._parent = parent
        self._patience = patience

    def run(self) -> None:
        """Wait, stop and kill; the code of the thread."""
        poll = select.poll()
        poll.register(self._line, select.POLLIN)
        # AttributeError: another system; OSError: an old kernel, or no permission.
        with suppress(AttributeError, OSError):
            poll.register(os.pidfd_open(self._parent), select.POLLIN)
        # The number may be another program's by now: then this one has another parent.
        while os.getppid() == self._parent and not poll.poll():
            pass
        if self.stop is not None:
            self.stop()
        threading.Event().wait(None if self._patience == inf else self._patience)
        os.kill(os.getpid(), signal.SIGKILL)
