"""Time that passes whatever trio's clock says: for limits that a `MockClock` must not touch.

A thread wakes trio's loop when the time has come. A loop that is always busy may keep the
thread from running for many seconds, but it goes round, and looks for itself.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import trio

__all__ = ["real_seconds"]


@contextmanager
def real_seconds(seconds: float) -> Iterator[None]:
    """Cancel the block after so long."""
    token = trio.lowlevel.current_trio_token()
    with trio.CancelScope() as scope:
        rounds = _Rounds(scope, time.monotonic() + seconds)
        # More than a thread can wait is for ever.
        longest = min(seconds, threading.TIMEOUT_MAX)
        thread = threading.Timer(longest, token.run_sync_soon, (scope.cancel,))
        thread.daemon = True
        trio.lowlevel.add_instrument(rounds)
        thread.start()
        try:
            yield
        finally:
            trio.lowlevel.remove_instrument(rounds)
            thread.cancel()
            thread.join()  # that has nothing to do but to end: it must not outlive trio's loop


class _Rounds(trio.abc.Instrument):
    def __init__(self, scope: trio.CancelScope, deadline: float) -> None:
        self._scope = scope
        self._deadline = deadline

    def after_io_wait(self, timeout: float) -> None:
        """Called by trio."""
        if time.monotonic() >= self._deadline:
            self._scope.cancel()
