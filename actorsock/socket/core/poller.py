"""A poller asks the system which descriptors are ready, and reports to socket actors.

This module has the interface, and the parts that the pollers share. `epoll_poller` is the one for
Linux, `trio_poller` works wherever trio does, and `service` chooses between them. The contract
between a poller and an actor is in `readiness`.
"""

import select
import time
from collections.abc import Callable
from fcntl import ioctl
from termios import FIONREAD
from typing import Final, Protocol

import trio

from .turns import LaneName

__all__ = [
    "LANES",
    "LONGEST_PAUSE",
    "Pollable",
    "Poller",
    "Probe",
    "SpuriousWakeups",
    "pause",
    "pause_at_level",
    "ready_now",
]

LANES: Final[tuple[LaneName, ...]] = ("read", "write")

# After more spurious wakeups in a row than these, each report of a lane comes after a pause. The
# first pause has so many seconds, and each further one twice as many, up to so many doublings.
_SPURIOUS_AT_ONCE: Final = 3
_PAUSE: Final = 0.01
_DOUBLINGS: Final = 6

LONGEST_PAUSE: Final = _PAUSE * 2**_DOUBLINGS
"""Seconds of the longest pause, after which what the level does not tell is found."""

_NO_LENGTH: Final = bytes(4)
"""Room for the C int that FIONREAD returns."""


class Pollable(Protocol):
    """The part of an actor that a poller uses."""

    fd: int

    def on_ready(self, read: int, write: int, ended: int) -> None:
        """Take the report that lanes may be ready; the arguments are truth values.

        `ended`: the peer has finished, or there is an error or urgent data.
        """
        ...

    def work_done(self, lane: LaneName) -> int:
        """Return a number that grows with everything that is done in `lane`."""
        ...

    def awaits(self, lane: LaneName) -> bool:
        """Return whether a process waits for a report about `lane`."""
        ...


class Poller(Protocol):
    """Reports to actors when their descriptors become ready."""

    def watch(self, actor: Pollable, lane: LaneName) -> bool:
        """Report to `actor` when `lane` is ready; soon, if it is ready already.

        The result is True if every change in both lanes is reported from now on, also while no
        process waits, and False if this `watch` brings one report. An edge-triggered poller
        registers the descriptor anew if it is registered already: then what was reported before
        is reported again. The call never fails.
        """
        ...

    def spurious_wakeup(self, actor: Pollable, lane: LaneName) -> None:
        """Note that `lane` was reported ready, and the actor's attempt has found nothing to do."""
        ...

    def forget(self, actor: Pollable) -> None:
        """Report no more to `actor`: its descriptor is about to be closed."""
        ...

    def close(self) -> None:
        """End; no actor is left."""
        ...


class Probe:
    """Asks poll(2) whether a descriptor is ready for a lane at this moment.

    That takes a third of the time of a read that finds nothing, since that raises an exception.
    """

    __slots__ = ("_fd", "_poll", "_reads")

    def __init__(self, fd: int, lane: LaneName) -> None:
        self._fd = fd
        self._reads = lane == "read"
        poll = select.poll()
        poll.register(fd, select.POLLIN if self._reads else select.POLLOUT)
        self._poll = poll.poll

    def ready(self) -> bool:
        """Return False if the lane is surely not ready."""
        try:
            return bool(self._poll(0))
        except OSError:  # poll(2) fails where the limit of open descriptors is 0
            return True

    def level(self) -> tuple[int, bytes]:
        """Return what poll(2) says of the lane, errors and an end included, and what can be read.

        A datagram that comes after its reading was shut down changes the latter alone.
        """
        try:
            said = sum(mask for _, mask in self._poll(0))
            length = ioctl(self._fd, FIONREAD, _NO_LENGTH) if self._reads else _NO_LENGTH
        except OSError:
            return -1, _NO_LENGTH
        return said, length


def ready_now(fd: int, lane: LaneName) -> bool:
    """Return False if the descriptor is surely not ready for `lane` at this moment."""
    return Probe(fd, lane).ready()


class SpuriousWakeups:
    """Counts, for each lane, the wakeups in a row that led to no work and left the lane ready.

    A descriptor may be ready for ever with nothing to do: a datagram socket whose reading is shut
    down, one that has data while a process waits for an error, or one that is writable while its
    receiver has no room. Without pauses, the poller and the actor would keep the processor busy.
    Without ever longer ones they would never be at rest, although nothing happens. A pause
    takes about as long as the wait has taken so far, and at most `LONGEST_PAUSE`.

    A wakeup after which the lane is not ready is not counted. Another process took what there was,
    as when several programs accept from one socket; the next wakeup has a new cause.
    """

    def __init__(self) -> None:
        self._counts: dict[tuple[Pollable, LaneName], tuple[int, int]] = {}
        """The work done at the last wakeup, and how many wakeups it has not grown since."""

    def pause_due(self, actor: Pollable, lane: LaneName) -> float:
        """Count a wakeup; return for how many seconds the lane should pause, mostly 0."""
        done = actor.work_done(lane)
        before, times = self._counts.get((actor, lane), (done, 0))
        times = times + 1 if before == done and ready_now(actor.fd, lane) else 0
        self._counts[actor, lane] = done, times
        longer = times - _SPURIOUS_AT_ONCE - 1
        return _PAUSE * 2 ** min(longer, _DOUBLINGS) if longer >= 0 else 0

    def forget(self, actor: Pollable) -> None:
        if self._counts:  # mostly there are none, and every close comes here
            for lane in LANES:
                self._counts.pop((actor, lane), None)


def _never() -> bool:
    return False


async def pause(seconds: float = _PAUSE, until: Callable[[], bool] = _never) -> None:
    """Wait for so many seconds, so that a failure that lasts does not use the processor.

    The pause ends within a hundredth of a second after `until` has become true. A thread calls it.
    """
    # In real time: `trio.sleep` would follow the clock of the run, which a test may stop. With a
    # limiter of its own, since all threads of the default one may be busy.
    limiter = trio.CapacityLimiter(1)
    try:
        await trio.to_thread.run_sync(_sleep, seconds, until, limiter=limiter)
    except RuntimeError:  # no thread can be started
        await trio.sleep(_PAUSE)


def _sleep(seconds: float, until: Callable[[], bool]) -> None:
    end = time.monotonic() + seconds
    while not until() and (left := end - time.monotonic()) > 0:
        time.sleep(min(left, _PAUSE))


async def pause_at_level(
    actor: Pollable, lane: LaneName, seconds: float, over: Callable[[], bool]
) -> None:
    """Pause while `lane`, which is ready for nothing, stays at the same level, and not `over()`.

    So an error that comes to the data that is there, for example, is reported soon. What the level
    does not tell, such as room at the receiver of a datagram, waits for the end of the pause.
    """
    if over():
        return
    probe = Probe(actor.fd, lane)
    level = probe.level()
    # `over` first: afterwards another descriptor may have the number.
    await pause(seconds, lambda: over() or probe.level() != level)
