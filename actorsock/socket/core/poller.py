"""A poller asks the system which descriptors are ready, and reports to socket actors.

This module has the interface, and the parts that the pollers share. `epoll_poller` is the one for
Linux, `trio_poller` works wherever trio does, and `service` chooses between them. The contract
between a poller and an actor is in `readiness`.
"""

import select
import time
from typing import Final, Protocol

import trio

from .turns import LaneName

__all__ = [
    "LANES",
    "Pollable",
    "Poller",
    "Probe",
    "SpuriousWakeups",
    "pause",
    "ready_now",
]

LANES: Final[tuple[LaneName, ...]] = ("read", "write")

# After more spurious wakeups in a row than these, each report of a lane comes after a pause, in
# seconds.
_SPURIOUS_AT_ONCE: Final = 3
_PAUSE: Final = 0.01


class Pollable(Protocol):
    """The part of an actor that a poller uses."""

    fd: int

    def on_ready(self, read: int, write: int, ended: int) -> None:
        """Take the report that lanes may be ready; the arguments are truth values.

        `ended`: the peer has finished, or there is an error or urgent data.
        """

    def work_done(self, lane: LaneName) -> int:
        """Return a number that grows with everything that is done in `lane`."""

    def awaits(self, lane: LaneName) -> bool:
        """Return whether a process waits for a report about `lane`."""


class Poller(Protocol):
    """Reports to actors when their descriptors become ready."""

    def watch(self, actor: Pollable, lane: LaneName) -> bool:
        """Report to `actor` when `lane` is ready; soon, if it is ready already.

        The result is True if every change in both lanes is reported from now on, also while no
        process waits, and False if this `watch` brings one report. An edge-triggered poller
        registers the descriptor anew if it is registered already: then what was reported before
        is reported again. The call never fails.
        """

    def spurious_wakeup(self, actor: Pollable, lane: LaneName) -> None:
        """Note that `lane` was reported ready, and an attempt has found nothing to do."""

    def forget(self, actor: Pollable) -> None:
        """Report no more to `actor`: its descriptor is about to be closed."""

    def close(self) -> None:
        """End; no actor is left."""


class Probe:
    """Asks poll(2) whether a descriptor is ready for a lane at this moment.

    That takes a third of the time of a read that finds nothing, since that raises an exception.
    """

    __slots__ = ("_poll",)

    def __init__(self, fd: int, lane: LaneName) -> None:
        poll = select.poll()
        poll.register(fd, select.POLLIN if lane == "read" else select.POLLOUT)
        self._poll = poll.poll

    def ready(self) -> bool:
        """Return False if the lane is surely not ready."""
        try:
            return bool(self._poll(0))
        except OSError:  # poll(2) fails where the limit of open descriptors is 0
            return True


def ready_now(fd: int, lane: LaneName) -> bool:
    """Return False if the descriptor is surely not ready for `lane` at this moment."""
    return Probe(fd, lane).ready()


class SpuriousWakeups:
    """Counts, for each lane, the wakeups in a row that led to no work.

    A descriptor may be ready for ever with nothing to do: a datagram socket whose reading is shut
    down, or one that is writable while its receiver has no room. Without a pause, the poller
    and the actor would then keep the processor busy.
    """

    def __init__(self) -> None:
        self._counts: dict[tuple[Pollable, LaneName], tuple[int, int]] = {}
        """The work done at the last wakeup, and how many wakeups it has not grown since."""

    def too_many(self, actor: Pollable, lane: LaneName) -> bool:
        """Count a wakeup; return whether the lane should pause."""
        done = actor.work_done(lane)
        before, times = self._counts.get((actor, lane), (done, 0))
        times = times + 1 if before == done else 0
        self._counts[actor, lane] = done, times
        return times > _SPURIOUS_AT_ONCE

    def forget(self, actor: Pollable) -> None:
        for lane in LANES:
            self._counts.pop((actor, lane), None)


async def pause() -> None:
    """Wait for a hundredth of a second, so that a failure that lasts does not use the processor."""
    # In real time: `trio.sleep` would follow the clock of the run, which a test may stop. With a
    # limiter of its own, since all threads of the default one may be busy.
    limiter = trio.CapacityLimiter(1)
    try:
        await trio.to_thread.run_sync(time.sleep, _PAUSE, limiter=limiter)
    except RuntimeError:  # no thread can be started
        await trio.sleep(_PAUSE)
