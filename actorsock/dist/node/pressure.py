"""Pressure: who sends faster than another node takes pays for it at its next wait.

`send` never waits. When more than `BUSY` bytes wait for a node, the process that has sent gives
way at its next wait until there is room again, as if its reductions were used up. Erlang suspends
such a process in the send; `system_monitor` calls it `busy_dist_port`.
"""

import logging
from collections.abc import Callable
from typing import Final

import trio

from ...runtime.bodies.handler import HandlerBody
from ...runtime.core.body import Body, owing
from ...runtime.core.process import Process

__all__ = ["BUSY", "Pressure"]

_log: Final = logging.getLogger("actorsock.dist")

BUSY: Final = 1024 * 1024
"""Bytes that wait for one node, from which on senders pay. Erlang's `dist_buf_busy_limit`."""

_PAUSE: Final = 1.0
"""Seconds between two log records about one node."""

_REASON: Final = "busy_dist_port"


class Pressure:
    """The processes that have sent too much to the node `name`."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._charged: dict[Body, None] = {}
        """Those that have not come to their next wait yet."""
        self._waiting: dict[Body, None] = {}
        self._postponed: dict[HandlerBody, Callable[[], None]] = {}
        self._silent_until = 0.0

    def charge(self, process: Process) -> None:
        """Have `process`, which sends at this moment, wait before it goes on."""
        body = process.body
        if body in owing:
            return
        owing[body] = self
        self._charged[body] = None
        if isinstance(body, HandlerBody):
            process.node.run_queue.run(body.pause_if_idle)  # when the step that sends is over
        else:
            body.give_way_first()
        now = trio.current_time()
        if now >= self._silent_until:
            self._silent_until = now + _PAUSE
            _log.info("busy_dist_port: %r has to wait for %s", process.pid, self._name)

    async def settle(self, body: Body) -> None:
        """Wait until there is room."""
        self._charged.pop(body, None)
        self._waiting[body] = None
        try:
            await body.park(_REASON)
        finally:
            self._waiting.pop(body, None)

    def postpone(self, body: Body, step: Callable[[], None]) -> None:
        """Have a handler take `step` when there is room."""
        assert isinstance(body, HandlerBody)
        self._postponed[body] = step

    def forgive(self, body: Body) -> None:
        """Let a handler go that ends."""
        self._charged.pop(body, None)
        owing.pop(body, None)
        assert isinstance(body, HandlerBody)
        step = self._postponed.pop(body, None)
        if step is not None:
            body.run(step)

    def release(self) -> None:
        """Let all go on: there is room, or no way to the node any more."""
        charged, self._charged = self._charged, {}
        for body in charged:
            owing.pop(body, None)
        for body in list(self._waiting):
            body.wake()
        postponed, self._postponed = self._postponed, {}
        for handler, step in postponed.items():
            handler.run(step)
