"""The pollers: they ask the operating system which descriptors are ready, and report to actors.

`EpollPoller` registers a descriptor once, edge-triggered, so that no wait but the first costs a
system call. `TrioPoller` works wherever trio does: it waits with `wait_readable` and
`wait_writable`, in a task for each wait. The contract between a poller and an actor is in
`readiness`.
"""

import logging
import os
import select
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Final, Protocol

import trio
from trio.lowlevel import spawn_system_task

from ...runtime.core.passes import Passes
from ..kernel import libc
from .turns import LaneName

__all__ = ["EpollPoller", "Pollable", "Poller", "Probe", "TrioPoller", "new_poller", "ready_now"]

_log: Final = logging.getLogger("actorsock.socket")


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


def new_poller(passes: Passes) -> Poller:
    """Return the best poller for this platform; it collects events in `passes`.

    The environment variable `ACTORSOCK_POLLER` set to `trio` selects the portable one.
    """
    if hasattr(select, "epoll") and os.environ.get("ACTORSOCK_POLLER") != "trio":
        return EpollPoller(passes)
    return TrioPoller()


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


class _SpuriousWakeups:
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
        return times > _PATIENCE

    def forget(self, actor: Pollable) -> None:
        for lane in _LANES:
            self._counts.pop((actor, lane), None)


class _Several:
    """The actors of several sockets on one descriptor (`open_fd` without `dup`)."""

    def __init__(self, fd: int, actors: list[Pollable]) -> None:
        self.fd = fd
        self.actors = actors

    def on_ready(self, read: int, write: int, ended: int) -> None:
        for actor in tuple(self.actors):
            actor.on_ready(read, write, ended)

    def report_if_closed(self) -> None:
        """Report all lanes if the descriptor is closed: epoll has no event for that."""
        try:
            os.fstat(self.fd)
        except OSError:
            self.on_ready(True, True, True)


def _actors_in(entry: "Pollable | _Several | None") -> Sequence[Pollable]:
    if entry is None:
        return ()
    return entry.actors if isinstance(entry, _Several) else (entry,)


class _Patrol:
    """Looks with poll(2) for readiness that epoll has not reported, while processes wait.

    The kernel keeps its part of the contract in `readiness`; should it fail to once, a wait would
    last for ever. Looking at every descriptor each `_ROUND` seconds costs a tenth of a percent of
    the time for ten thousand waiting processes, and nothing in the calls of any.
    """

    def __init__(self, actors: Callable[[], list[Pollable]]) -> None:
        self._actors = actors
        self._urgent: dict[tuple[Pollable, LaneName], None] = {}
        """Waits that epoll knows nothing of: they are looked at after each short pause."""
        self._timer = -1
        """A descriptor that becomes readable when it is time to look; -1 while not on patrol.

        Not a time-out of trio's: that follows the clock of the run, which a test may stop.
        """
        self._hurrying = False
        self._warned = False

    def start(self) -> None:
        """Go on patrol, unless it is under way."""
        if self._timer < 0:
            try:
                self._timer = libc.timer(_ROUND)
            except OSError:
                return  # another wait will try again
            spawn_system_task(self._go, self._timer)

    def stop(self) -> None:
        """End; no actor is left."""
        timer, self._timer = self._timer, -1
        if timer >= 0:
            trio.lowlevel.notify_closing(timer)
            os.close(timer)

    def hurry(self, actor: Pollable, lane: LaneName, exc: Exception) -> None:
        """Look for `lane` after each short pause until it is ready: epoll has refused it."""
        if not self._warned:
            self._warned = True
            _log.warning("epoll refuses a socket, which is polled instead: %s", exc)
        self._urgent[actor, lane] = None
        if not self._hurrying:
            self._hurrying = True
            spawn_system_task(self._hurry)

    def forget(self, actor: Pollable) -> None:
        """Look no more for `actor`."""
        for lane in _LANES:
            self._urgent.pop((actor, lane), None)

    def look(self) -> None:
        """Report every lane that is ready and awaited."""
        for actors in _batched(self._actors()):
            _report_ready(actors)

    async def _go(self, timer: int) -> None:
        with suppress(trio.ClosedResourceError):
            while timer == self._timer:
                try:
                    await trio.lowlevel.wait_readable(timer)
                    os.read(timer, 8)
                except OSError:
                    await _pause()
                for actors in _batched(self._actors()):
                    _report_ready(actors)
                    await trio.lowlevel.checkpoint()

    async def _hurry(self) -> None:
        while self._urgent:
            await _pause()
            # An actor to which a report is made may come back at once, with another wait.
            urgent, self._urgent = self._urgent, {}
            reported = _report_ready([*dict.fromkeys(actor for actor, _ in urgent)])
            for actor, lane in urgent:
                if not reported.get(actor, 0) & ~_POLLED[_OTHER[lane]] and actor.awaits(lane):
                    self._urgent[actor, lane] = None
        self._hurrying = False


def _batched(actors: list[Pollable]) -> Iterator[list[Pollable]]:
    """Return the actors in batches that are looked at without holding up other processes."""
    return (actors[at : at + _AT_ONCE] for at in range(0, len(actors), _AT_ONCE))


def _report_ready(actors: Sequence[Pollable]) -> dict[Pollable, int]:
    """Report to each actor whose awaited lane is ready; return what poll(2) has said of each."""
    poll, by_fd = select.poll(), dict[int, list[Pollable]]()
    for actor in actors:
        mask = sum(_POLLED[lane] for lane in _LANES if actor.awaits(lane))
        if mask:
            sharing = by_fd.setdefault(actor.fd, [])
            sharing.append(actor)
            poll.register(actor.fd, mask if len(sharing) == 1 else select.POLLIN | select.POLLOUT)
    try:
        events = poll.poll(0) if by_fd else []
    except OSError:
        return {}
    # `ended`: a descriptor whose report was missing is not trusted again; see `saw_end`.
    reports = [(actor, mask) for fd, mask in events for actor in by_fd[fd]]
    for actor, mask in reports:
        actor.on_ready(mask & ~select.POLLOUT, mask & ~select.POLLIN, True)
    return dict(reports)


class EpollPoller:
    """One edge-triggered epoll object for all sockets of a runtime.

    An event that epoll has reported, and an attempt has not used up, is not reported again. So once
    in a while a `_Patrol` looks at every descriptor on which a process waits. A descriptor that
    epoll refuses (ENOSPC, ENOMEM) is left to the patrol, which then looks often.
    """

    def __init__(self, passes: Passes) -> None:
        self._epoll = select.epoll()
        self._poll = self._epoll.poll
        self._actors: dict[int, Pollable | _Several] = {}
        self._new: dict[int, Pollable | _Several] = {}
        """Those registered while a batch of events is delivered; see `_drain`."""
        self._draining = False
        self._spurious = _SpuriousWakeups()
        self._pausing: set[Pollable] = set()
        """Those whose registration lacks the events of a lane for a moment."""
        self._passes = passes
        self._failing = False
        """The last epoll_wait(2) has failed."""
        self._patrol = _Patrol(self._all)
        self._patrol.start()
        # poll(2) on the epoll object answers whether it has events, and leaves them in it.
        passes.collect(self._drain, Probe(self._epoll.fileno(), "read").ready)
        spawn_system_task(self._stay_awake)

    def watch(self, actor: Pollable, lane: LaneName) -> bool:
        fd = actor.fd
        try:
            if self._has(actor):
                self._epoll.modify(fd, _EDGES)
            else:
                self._register(actor, fd)
        except (
            OSError,
            ValueError,
        ) as exc:  # no memory, no watch left, or the descriptor was closed by os.close
            self._patrol.hurry(actor, lane, exc)
            return False
        self._patrol.start()
        return True

    def _register(self, actor: Pollable, fd: int) -> None:
        entries = self._new if self._draining else self._actors
        try:
            self._epoll.register(fd, _EDGES)
        except FileExistsError:
            sharing = self._new.pop(fd, None) or self._actors.pop(fd, None)
            entries[fd] = _Several(fd, [*_actors_in(sharing), actor])
            self._epoll.modify(fd, _EDGES)
        else:
            # An actor that had this number before was closed without `forget`, by os.close.
            entries[fd] = actor

    def _all(self) -> list[Pollable]:
        """Return the actors for which the patrol looks."""
        entries = (*self._actors.values(), *self._new.values())
        return [actor for entry in entries for actor in _actors_in(entry)]

    def spurious_wakeup(self, actor: Pollable, lane: LaneName) -> None:
        # To register anew reports an end of reading (RDHUP, HUP) once more, whatever the events
        # asked for. That wakeup is spurious too, and must not begin another pause.
        if not self._spurious.too_many(actor, lane) or actor in self._pausing:
            return
        if self._modify(actor, _EDGES & ~_EDGE[lane]):
            self._pausing.add(actor)
            spawn_system_task(self._enable_later, actor)

    async def _enable_later(self, actor: Pollable) -> None:
        await _pause()
        self._pausing.discard(actor)
        self._modify(actor, _EDGES)

    def _modify(self, actor: Pollable, edges: int) -> bool:
        """Register the descriptor anew for these events; False if that is not possible."""
        if not self._has(actor):
            return False
        try:
            self._epoll.modify(actor.fd, edges)
        except (OSError, ValueError):  # closed by os.close: the next attempt will fail
            return False
        return True

    def _has(self, actor: Pollable) -> bool:
        fd = actor.fd
        return actor in _actors_in(self._actors.get(fd)) or actor in _actors_in(self._new.get(fd))

    def forget(self, actor: Pollable) -> None:
        self._spurious.forget(actor)
        self._patrol.forget(actor)
        fd = actor.fd
        for entries in (self._new, self._actors):
            entry = entries.get(fd)
            if type(entry) is _Several and actor in entry.actors:
                entry.actors.remove(actor)
                if entry.actors:
                    # `close` may or may not close the descriptor for the others too: look later.
                    trio.lowlevel.current_trio_token().run_sync_soon(entry.report_if_closed)
                    return
            elif entry is not actor:
                continue  # closed by os.close, and the number may belong to another actor now
            del entries[fd]
            # If it fails, the descriptor was closed by os.close, or the close that follows
            # unregisters it; and a report for a number that is not in the table does no harm.
            with suppress(OSError, ValueError):
                self._epoll.unregister(fd)
            return

    def fileno(self) -> int:
        """Return the descriptor of the epoll object."""
        return self._epoll.fileno()

    def close(self) -> None:
        self._patrol.stop()
        self._passes.stop_collecting()
        if not self._epoll.closed:
            trio.lowlevel.notify_closing(self._epoll)
            self._epoll.close()

    async def _stay_awake(self) -> None:
        # Ends trio's sleep when there are events; `_drain` is called in each pass of trio's loop.
        with suppress(trio.ClosedResourceError, ValueError):  # ValueError: closed just now
            while True:
                try:
                    await trio.lowlevel.wait_readable(self._epoll)
                    self._passes.restore()
                except OSError:  # trio's own epoll refuses the descriptor
                    self._failing = True
                if self._failing:
                    # In place of the reports, until epoll works again. (The pause is what keeps
                    # the loop from spinning.)
                    await _pause()
                    self._failing = False
                    self._drain()
                    self._patrol.look()

    def _drain(self) -> bool:
        actors = self._actors
        # While an event is delivered, a socket may be closed and its number reused by a new one.
        # Events of this batch are not meant for that, so new entries are kept apart until its end.
        self._draining = True
        try:
            try:
                events = self._poll(0, _BATCH)
            except (OSError, ValueError):
                self._failing = True
                return False
            for fd, mask in events:
                actor = actors.get(fd)
                if actor is not None:
                    actor.on_ready(mask & _FOR_READERS, mask & _FOR_WRITERS, mask & _ENDED)
        finally:
            self._draining = False
            if self._new:
                actors.update(self._new)
                self._new.clear()
        return bool(events)


class TrioPoller:
    """Waits with trio's own functions, in a task for each wait."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[Pollable, LaneName], int] = {}
        self._spurious = _SpuriousWakeups()

    def watch(self, actor: Pollable, lane: LaneName) -> bool:
        if (actor, lane) not in self._waiting:
            self._waiting[actor, lane] = actor.fd
            spawn_system_task(self._wait, actor, lane)
        return False

    def spurious_wakeup(self, actor: Pollable, lane: LaneName) -> None:
        pass  # counted at the next `watch`, which follows

    def forget(self, actor: Pollable) -> None:
        self._spurious.forget(actor)
        for lane in _LANES:
            fd = self._waiting.pop((actor, lane), None)
            if fd is not None:
                trio.lowlevel.notify_closing(fd)

    def close(self) -> None:
        pass

    async def _wait(self, actor: Pollable, lane: LaneName) -> None:
        if (actor, lane) not in self._waiting:
            return  # closed before this task ran: another descriptor may have the number now
        if self._spurious.too_many(actor, lane):
            await _pause()
            if (actor, lane) not in self._waiting:
                return
        wait = trio.lowlevel.wait_readable if lane == "read" else trio.lowlevel.wait_writable
        # Closed: the actor has aborted all waits. Other errors: the next attempt will get them.
        with suppress(trio.ClosedResourceError, OSError):
            try:
                await wait(actor.fd)
            except trio.BusyResourceError:
                # Two sockets on one descriptor (`open_fd` without `dup`): trio waits for one only.
                while (actor, lane) in self._waiting and not ready_now(actor.fd, lane):
                    await _pause()
        if lane == "write" and (actor, "read") in self._waiting:
            # If the reader is ready too, it is reported in this pass of trio's loop: it is first.
            await trio.lowlevel.cancel_shielded_checkpoint()
        self._waiting.pop((actor, lane), None)
        actor.on_ready(lane == "read", lane == "write", False)


_LANES: Final[tuple[LaneName, ...]] = ("read", "write")

# After so many spurious wakeups in a row, a lane pauses for so many seconds before each report.
_PATIENCE: Final = 3
_PAUSE: Final = 0.01


async def _pause() -> None:
    # In real time: `trio.sleep` would follow the clock of the run, which a test may stop. With a
    # limiter of its own, since all threads of the default one may be busy.
    limiter = trio.CapacityLimiter(1)
    try:
        await trio.to_thread.run_sync(time.sleep, _PAUSE, limiter=limiter)
    except RuntimeError:  # no thread can be started
        await trio.sleep(_PAUSE)


# Seconds from one look of the patrol to the next, and descriptors at a time.
_ROUND: float = 5
_AT_ONCE: Final = 256
_OTHER: Final[dict[LaneName, LaneName]] = {"read": "write", "write": "read"}
_POLLED: Final[dict[LaneName, int]] = {"read": 1, "write": 4}  # POLLIN and POLLOUT

# Events delivered at a time. Small batches keep data in the CPU cache: what was read for a process
# is still there when that process runs. The remaining events follow in the next pass.
_BATCH: Final = 64

if hasattr(select, "epoll"):
    _EDGES: Final = (
        select.EPOLLIN | select.EPOLLOUT | select.EPOLLPRI | select.EPOLLRDHUP | select.EPOLLET
    )
    _EDGE: Final[dict[LaneName, int]] = {"read": select.EPOLLIN, "write": select.EPOLLOUT}
    # Urgent data is like an end: a read stops at it, and the data behind it makes no edge.
    _ENDED: Final = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR | select.EPOLLPRI
    _FOR_READERS: Final = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR
    _FOR_WRITERS: Final = select.EPOLLOUT | select.EPOLLHUP | select.EPOLLERR
