"""Time that passes whatever trio's clock says: for limits that a `MockClock` must not touch."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import trio

__all__ = ["real_seconds"]


@contextmanager
def real_seconds(seconds: float) -> Iterator[None]:
    """Cancel the block after so long, also when trio's loop never rests."""
    token = trio.lowlevel.current_trio_token()
    with trio.CancelScope() as scope:
        # More than a thread can wait is for ever.
        longest = min(seconds, threading.TIMEOUT_MAX)
        timer = threading.Timer(longest, token.run_sync_soon, (scope.cancel,))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()  # it has nothing to do but to see this: no thread outlives the block
