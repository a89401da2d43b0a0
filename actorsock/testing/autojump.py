"""Keeping a clock that jumps from jumping while sockets have something under way.

A `MockClock` with an autojump threshold of 0 jumps to the next deadline as soon as no task can
run. Tasks that wait for what the kernel is about to hand over can't run either, so their
time-outs would come before their data. Here every jump of such a clock waits until the runtime
is at rest; a runtime without sockets jumps at once. The clock itself is not touched: a task that
can run is what keeps it from jumping.
"""

from contextlib import suppress
from typing import Final

import trio
from trio.lowlevel import Abort
from trio.testing import MockClock

from ..runtime.core.node import Node
from ..socket.core.service import existing_service
from .rest import at_rest

__all__ = ["SocketsFirst"]


class SocketsFirst(trio.abc.Instrument):
    """Looks at each pass of trio's loop that could end with a jump."""

    def __init__(self, node: Node) -> None:
        self._node: Final = node
        self._scope: Final = trio.CancelScope()
        self._idle: trio.lowlevel.Task | None = None
        self._may_jump = False

    def start(self) -> None:
        """From here on jumps wait; does nothing where no clock jumps by itself."""
        if isinstance(trio.lowlevel.current_clock(), MockClock):
            trio.lowlevel.add_instrument(self)
            # Not a task of the runtime: it must not wait for it, nor end with it.
            trio.lowlevel.spawn_system_task(self._look, name="actorsock.testing autojump")

    def stop(self) -> None:
        """Jumps wait no more."""
        with suppress(KeyError):
            trio.lowlevel.remove_instrument(self)
        self._scope.cancel()

    def before_io_wait(self, timeout: float) -> None:
        """Called by trio, which is about to look at the kernel and then, perhaps, to jump."""
        idle = self._idle
        if timeout > 0 or idle is None or existing_service(self._node) is None:
            return
        if trio.lowlevel.current_statistics().tasks_runnable:
            return
        if self._may_jump:
            self._may_jump = False
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
