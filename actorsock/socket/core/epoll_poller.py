"""The poller for Linux: one edge-triggered epoll object for all sockets of a runtime."""

import logging
import os
import select
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Final

import trio
from trio.lowlevel import spawn_system_task

from ..._native import twin
from ...runtime.core.passes import Passes
from ..kernel import libc
from .poller import LANES, Pollable, Probe, SpuriousWakeups, pause, pause_at_level
from .turns import LaneName

__all__ = ["EpollPoller"]

_log: Final = logging.getLogger("actorsock.socket")

_SWEEP_PERIOD: float = 5
"""Seconds from one sweep over all descriptors to the next."""

_SWEPT_AT_ONCE: Final = 256
"""Descriptors in one call of poll(2); other tasks run before the next call."""

_OTHER: Final[dict[LaneName, LaneName]] = {"read": "write", "write": "read"}
_POLLED: Final[dict[LaneName, int]] = {"read": 1, "write": 4}  # POLLIN and POLLOUT

# Events delivered at a time. Small batches keep data in the CPU cache: what was read for a process
# is still there when that process runs. The remaining events follow in the next pass.
_BATCH: Final = 64

if sys.platform == "linux" or hasattr(select, "epoll"):
    _EDGES: Final = (
        select.EPOLLIN | select.EPOLLOUT | select.EPOLLPRI | select.EPOLLRDHUP | select.EPOLLET
    )
    _EDGE: Final[dict[LaneName, int]] = {"read": select.EPOLLIN, "write": select.EPOLLOUT}
    # Urgent data is like an end: a read stops at it, and the data behind it makes no edge.
    _ENDED: Final = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR | select.EPOLLPRI
    _FOR_READERS: Final = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR
    _FOR_WRITERS: Final = select.EPOLLOUT | select.EPOLLHUP | select.EPOLLERR


class EpollPoller:
    """One edge-triggered epoll object for all sockets of a runtime.

    Edge-triggered, so that no wait of a socket but the first costs a system call. An event that is
    reported, and that an attempt has not used up, is not reported again: `_Sweeper` finds what is
    missed thereby.
    """

    def __init__(self, passes: Passes) -> None:
        self._epoll = select.epoll()
        self._poll = self._epoll.poll
        self._actors: dict[int, Pollable | _Several] = {}
        self._new: dict[int, Pollable | _Several] = {}
        """Those registered while a batch of events is delivered; see `_drain`."""
        self._draining = False
        self._spurious = SpuriousWakeups()
        self._pausing: set[Pollable] = set()
        """Those whose registration lacks the events of a lane for a moment."""
        self._passes = passes
        self._failing = False
        """The last epoll_wait(2) has failed."""
        self._sweeper = _Sweeper(self._all, self._deliver_all)
        self._sweeper.start()
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
        except (OSError, ValueError) as exc:
            # No memory, no watch left, or the descriptor was closed by os.close.
            self._sweeper.poll_refused(actor, lane, exc)
            return False
        self._sweeper.start()
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
        """Return every actor that a sweep asks for."""
        entries = (*self._actors.values(), *self._new.values())
        return [actor for entry in entries for actor in _actors_in(entry)]

    def _deliver_all(self) -> set[int]:
        """Deliver all events that there are; return their descriptors."""
        reported = set[int]()
        # So many batches have an event of each descriptor: the kernel takes turns among them.
        for _ in range(len(self._actors) // _BATCH + 1):
            events = self._deliver()
            reported.update(fd for fd, _ in events)
            if len(events) < _BATCH:
                break
        return reported

    def spurious_wakeup(self, actor: Pollable, lane: LaneName) -> None:
        # A send to a local datagram socket without room takes memory of the sender and gives it
        # back, which is a change to writable: each attempt would lead to the next one at once.
        #
        # To register anew reports an end of reading (RDHUP, HUP) once more, whatever the events
        # asked for. That wakeup is spurious too, and must not begin another pause.
        seconds = self._spurious.pause_due(actor, lane)
        if not seconds or actor in self._pausing:
            return
        if self._modify(actor, _EDGES & ~_EDGE[lane]):
            self._pausing.add(actor)
            spawn_system_task(self._enable_later, actor, lane, seconds)

    async def _enable_later(self, actor: Pollable, lane: LaneName, seconds: float) -> None:
        await pause_at_level(actor, lane, seconds, over=lambda: not self._has(actor))
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
        self._sweeper.forget(actor)
        fd = actor.fd
        if fd not in self._actors and fd not in self._new:
            return  # no process has ever waited for it
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
        self._sweeper.stop()
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
                    await pause()
                    self._failing = False
                    self._drain()
                    self._sweeper.sweep()

    @twin
    def _drain(self) -> bool:
        return bool(self._deliver())

    def _deliver(self) -> list[tuple[int, int]]:
        """Deliver a batch of events, and return them."""
        actors = self._actors
        # While an event is delivered, a socket may be closed and its number reused by a new one.
        # Events of this batch are not meant for that, so new entries are kept apart until its end.
        self._draining = True
        try:
            try:
                events = self._poll(0, _BATCH)
            except (OSError, ValueError):
                self._failing = True
                return []
            for fd, mask in events:
                actor = actors.get(fd)
                if actor is not None:
                    actor.on_ready(mask & _FOR_READERS, mask & _FOR_WRITERS, mask & _ENDED)
        finally:
            self._draining = False
            if self._new:
                actors.update(self._new)
                self._new.clear()
        return events


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


class _Sweeper:
    """Asks poll(2) for readiness that epoll has not reported, and reports it.

    A sweep asks for every lane that a process waits for. It is needed since an edge is reported
    once: if the kernel fails once to keep its part of the contract in `readiness`, a wait would
    last for ever. A time-out for each wait was rejected: it costs every call something, while a
    sweep every `_SWEEP_PERIOD` seconds takes a tenth of a percent of the time for ten thousand
    waiting processes. Of a busy runtime many lanes are ready at any moment, with events that epoll
    has yet to deliver. A sweep has these delivered first: it must not take such a lane for one
    whose report is missing, since the descriptor would not be trusted from then on.

    A lane that epoll refuses to watch (ENOSPC, ENOMEM) has no report at all. It is polled on its
    own, after each short pause.
    """

    def __init__(
        self, actors: Callable[[], list[Pollable]], deliver_all: Callable[[], set[int]]
    ) -> None:
        self._actors = actors
        self._deliver_all = deliver_all
        self._refused: dict[tuple[Pollable, LaneName], None] = {}
        """Waits that epoll has refused to watch."""
        self._polling_refused = False
        self._warned = False
        self._timer = -1
        """A timerfd(2) that is readable when the next sweep is due; -1 if there is none.

        Not a time-out of trio's: that follows the clock of the run, which a test may stop.
        """

    def start(self) -> None:
        """Sweep regularly from now on; without effect if that has begun."""
        if self._timer < 0:
            try:
                self._timer = libc.timer(_SWEEP_PERIOD)
            except OSError:
                return  # another wait will try again
            spawn_system_task(self._sweep_regularly, self._timer)

    def stop(self) -> None:
        """End; no actor is left."""
        timer, self._timer = self._timer, -1
        if timer >= 0:
            trio.lowlevel.notify_closing(timer)
            os.close(timer)

    def poll_refused(self, actor: Pollable, lane: LaneName, exc: Exception) -> None:
        """Report when `lane` is ready: epoll has refused to, by the exception `exc`."""
        if not self._warned:
            self._warned = True
            _log.warning("epoll refuses a socket, which is polled instead: %s", exc)
        self._refused[actor, lane] = None
        if not self._polling_refused:
            self._polling_refused = True
            spawn_system_task(self._poll_all_refused)

    def forget(self, actor: Pollable) -> None:
        """Report no more to `actor`."""
        if self._refused:
            for lane in LANES:
                self._refused.pop((actor, lane), None)

    def sweep(self) -> None:
        """Report every lane that is ready and awaited, without yielding."""
        for actors in _batched(self._actors()):
            _report_ready(actors)

    async def _sweep_regularly(self, timer: int) -> None:
        with suppress(trio.ClosedResourceError):
            while timer == self._timer:
                try:
                    await trio.lowlevel.wait_readable(timer)
                    os.read(timer, 8)
                except OSError:
                    await pause()
                await self._sweep_in_turns()

    # A function of its own: a variable of the loop above would keep the sockets of the last batch
    # alive until the next sweep.
    async def _sweep_in_turns(self) -> None:
        for actors in _batched(self._actors()):
            self._report_missed(actors)
            await trio.lowlevel.checkpoint()

    def _report_missed(self, actors: Sequence[Pollable]) -> None:
        """Report to each actor whose awaited lane is ready, and was not reported by epoll."""
        ready = _ready(actors)
        if ready:
            reported = self._deliver_all()
            _report_all([(actor, mask) for actor, mask in ready if actor.fd not in reported])

    async def _poll_all_refused(self) -> None:
        while self._refused:
            await pause()
            # A report may lead to another wait at once, which epoll refuses too and which adds its
            # lane. So those of this round are kept apart, and the ones not reported added again.
            refused, self._refused = self._refused, {}
            reported = _report_ready([*dict.fromkeys(actor for actor, _ in refused)])
            for actor, lane in refused:
                if not reported.get(actor, 0) & ~_POLLED[_OTHER[lane]] and actor.awaits(lane):
                    self._refused[actor, lane] = None
        self._polling_refused = False


def _batched(actors: list[Pollable]) -> Iterator[list[Pollable]]:
    """Return the actors in batches that are looked at without holding up other processes."""
    return (actors[at : at + _SWEPT_AT_ONCE] for at in range(0, len(actors), _SWEPT_AT_ONCE))


def _report_ready(actors: Sequence[Pollable]) -> dict[Pollable, int]:
    """Report to each actor whose awaited lane is ready; return what poll(2) has said of each."""
    ready = _ready(actors)
    _report_all(ready)
    return dict(ready)


def _report_all(ready: Sequence[tuple[Pollable, int]]) -> None:
    # `ended`: a descriptor whose report was missing is not trusted again; see `saw_end`.
    for actor, mask in ready:
        actor.on_ready(mask & ~select.POLLOUT, mask & ~select.POLLIN, True)


def _ready(actors: Sequence[Pollable]) -> list[tuple[Pollable, int]]:
    """Return the actors whose awaited lane is ready, and what poll(2) has said of each."""
    poll, by_fd = select.poll(), dict[int, list[Pollable]]()
    for actor in actors:
        mask = sum(_POLLED[lane] for lane in LANES if actor.awaits(lane))
        if mask:
            sharing = by_fd.setdefault(actor.fd, [])
            sharing.append(actor)
            poll.register(actor.fd, mask if len(sharing) == 1 else select.POLLIN | select.POLLOUT)
    try:
        events = poll.poll(0) if by_fd else []
    except OSError:
        return []
    return [(actor, mask) for fd, mask in events for actor in by_fd[fd]]
