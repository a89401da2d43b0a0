"""The poller for every system on which trio runs: a trio task for each wait."""

from contextlib import suppress

import trio
from trio.lowlevel import spawn_system_task

from .poller import (
    LANES,
    LONGEST_PAUSE,
    Pollable,
    Probe,
    SpuriousWakeups,
    pause,
    pause_at_level,
)
from .turns import LaneName

__all__ = ["TrioPoller"]


class TrioPoller:
    """Waits with trio's own functions, in a task for each wait."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[Pollable, LaneName], int] = {}
        self._spurious = SpuriousWakeups()

    def watch(self, actor: Pollable, lane: LaneName) -> bool:
        if (actor, lane) not in self._waiting:
            self._waiting[actor, lane] = actor.fd
            spawn_system_task(self._wait, actor, lane)
        return False

    def spurious_wakeup(self, actor: Pollable, lane: LaneName) -> None:
        pass  # counted at the next `watch`, which follows

    def forget(self, actor: Pollable) -> None:
        self._spurious.forget(actor)
        for lane in LANES:
            fd = self._waiting.pop((actor, lane), None)
            if fd is not None:
                trio.lowlevel.notify_closing(fd)

    def close(self) -> None:
        pass

    async def _wait(self, actor: Pollable, lane: LaneName) -> None:
        if self._is_over(actor, lane):
            return  # closed before this task ran: another descriptor may have the number now
        seconds = self._spurious.pause_due(actor, lane)
        if seconds:
            await pause_at_level(actor, lane, seconds, over=lambda: self._is_over(actor, lane))
            if self._is_over(actor, lane):
                return
        wait = trio.lowlevel.wait_readable if lane == "read" else trio.lowlevel.wait_writable
        # Closed: the actor has aborted all waits. Other errors: the next attempt will get them.
        with suppress(trio.ClosedResourceError, OSError):
            try:
                await wait(actor.fd)
            except trio.BusyResourceError:
                # Two sockets on one descriptor (`open_fd` without `dup`): trio waits for one only.
                ready = Probe(actor.fd, lane).ready
                while not (self._is_over(actor, lane) or ready()):
                    await pause(LONGEST_PAUSE, lambda: self._is_over(actor, lane) or ready())
        if lane == "write" and (actor, "read") in self._waiting:
            # If the reader is ready too, it is reported in this pass of trio's loop: it is first.
            await trio.lowlevel.cancel_shielded_checkpoint()
        self._waiting.pop((actor, lane), None)
        actor.on_ready(lane == "read", lane == "write", False)

    def _is_over(self, actor: Pollable, lane: LaneName) -> bool:
        return (actor, lane) not in self._waiting
