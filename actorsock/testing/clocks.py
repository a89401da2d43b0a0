"""Tests under trio's `MockClock`: jumps that wait for sockets, and limits in real time.

A `MockClock` with an autojump threshold of 0 jumps to the next deadline as soon as no task can
run. Tasks that wait for data that the kernel is about to deliver cannot run either, so their
time-outs would come before the data. `SocketsFirst` makes every jump wait until the runtime is
at rest; a runtime without sockets jumps at once. The clock itself is not changed: it does not
jump while some task can run, and `SocketsFirst` wakes such a task.

`real_seconds` is a time limit that no `MockClock` influences.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

import trio
from trio.lowlevel import Abort
from trio.testing import MockClock

from ..runtime.core.node import Node
from ..socket.core.service import existing_service
from .quiescence import at_rest

__all__ = ["SocketsFirst", "real_seconds"]


class SocketsFirst(trio.abc.Instrument):
    """Examines each pass of trio's loop that could end with a jump, and postpones the jump."""

    def __init__(self, node: Node) -> None:
        self._node: Final = node
        self._scope: Final = trio.CancelScope()
        self._idle: trio.lowlevel.Task | None = None
        """The task of `_look` while it is asleep, so that it can be woken."""
        self._may_jump = False

    def start(self) -> None:
        """Make jumps wait from now on; do nothing under a clock that is not a `MockClock`."""
        if isinstance(trio.lowlevel.current_clock(), MockClock):
            trio.lowlevel.add_instrument(self)
            # A system task: the runtime must neither wait for it nor count it among its own.
            trio.lowlevel.spawn_system_task(self._look, name="actorsock.testing autojump")

    def stop(self) -> None:
        """Let jumps happen again without waiting."""
        with suppress(KeyError):
            trio.lowlevel.remove_instrument(self)
        self._scope.cancel()

    def before_io_wait(self, timeout: float) -> None:
        """Wake the task of `_look` if the clock would jump now.

        trio calls this before it polls the kernel; after the poll, if no task can run, the clock
        may jump.
        """
        idle = self._idle
        if timeout > 0 or idle is None or existing_service(self._node) is None:
            return
        if trio.lowlevel.current_statistics().tasks_runnable:
            return
        if self._may_jump:
            self._may_jump = False  # this one jump; the next one is examined again
            return
        self._idle = None
        trio.lowlevel.reschedule(idle)

    async def _look(self) -> None:
        with self._scope:
            while True:
                self._idle = trio.lowlevel.current_task()
                await trio.lowlevel.wait_task_rescheduled(self._abort)
                await at_rest(self._node)
                self._may_jump = True

    def _abort(self, raise_cancel: object) -> Abort:
        self._idle = None
        return Abort.SUCCEEDED


@contextmanager
def real_seconds(seconds: float) -> Iterator[None]:
    """Cancel the block after `seconds` of real time.

    A thread wakes trio's loop at that time. When the loop is always busy, the thread may not get
    the interpreter lock for many seconds; so the loop also checks the time itself, in each pass.
    """
    token = trio.lowlevel.current_trio_token()
    with trio.CancelScope() as scope:
        checks = _DeadlineChecks(scope, time.monotonic() + seconds)
        # `seconds` may be infinite; a thread cannot wait longer than this.
        longest = min(seconds, threading.TIMEOUT_MAX)
        thread = threading.Timer(longest, token.run_sync_soon, (scope.cancel,))
        thread.daemon = True
        trio.lowlevel.add_instrument(checks)
        thread.start()
        try:
            yield
        finally:
            trio.lowlevel.remove_instrument(checks)
            thread.cancel()
            # It must not outlive trio's loop. It only has to return, so this does not wait long.
            thread.join()


class _DeadlineChecks(trio.abc.Instrument):
    """Cancels a scope in the first pass of trio's loop after a deadline."""

    def __init__(self, scope: trio.CancelScope, deadline: float) -> None:
        self._scope = scope
        self._deadline = deadline

    def after_io_wait(self, timeout: float) -> None:
        """Called by trio in every pass of its loop."""
        if time.monotonic() >= self._deadline:
            self._scope.cancel()
