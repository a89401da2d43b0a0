"""The pollers: they ask the operating system which descriptors are ready, and report to actors.

`EpollPoller` registers a descriptor once, edge-triggered, so that no wait but the first costs a
system call. `TrioPoller` works wherever trio does: it waits with `wait_readable` and
`wait_writable`, in a task for each wait. The contract between a poller and an actor is in
`readiness`.
"""

import errno
import os
import select
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, Protocol

import trio
from trio.lowlevel import spawn_system_task

from ...runtime.core.passes import Passes
from .turns import LaneName

__all__ = ["EpollPoller", "Pollable", "Poller", "Probe", "TrioPoller", "new_poller", "ready_now"]


class Pollable(Protocol):
    """The part of an actor that a poller uses."""

    fd: int

    def on_ready(self, read: int, write: int, ended: int) -> None:
        """Take the report that lanes may be ready; the arguments are truth values.

        `ended`: the peer has finished, or there is an error or urgent data.
        """

    def work_done(self, lane: LaneName) -> int:
        """Return a number that grows with everything that is done in `lane`."""


class Poller(Protocol):
    """Reports to actors when their descriptors become ready."""

    edge_triggered: bool
    """True if all changes are reported after the first `watch`, also while no process waits."""

    def watch(self, actor: Pollable, lane: LaneName) -> None:
        """Report to `actor` when `lane` is ready; soon, if it is ready already.

        An edge-triggered poller registers the descriptor anew if it is registered already: then
        what was reported before is reported again.
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


class EpollPoller:
    """One edge-triggered epoll object for all sockets of a runtime."""

    edge_triggered = True

    def __init__(self, passes: Passes) -> None:
        self._epoll = select.epoll()
        self._poll = self._epoll.poll
        self._actors: dict[int, Pollable | _Several] = {}
        self._new: dict[int, Pollable | _Several] = {}
        """Those registered while a batch of events is delivered; see `_drain`."""
        self._draining = False
        self._spurious = _SpuriousWakeups()
        self._passes = passes
        # poll(2) on the epoll object answers whether it has events, and leaves them in it.
        passes.collect(self._drain, Probe(self._epoll.fileno(), "read").ready)
        spawn_system_task(self._stay_awake)

    def watch(self, actor: Pollable, lane: LaneName) -> None:
        if self._modify(actor, _EDGES):
            return
        fd = actor.fd
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

    def spurious_wakeup(self, actor: Pollable, lane: LaneName) -> None:
        if self._spurious.too_many(actor, lane) and self._modify(actor, _EDGES & ~_EDGE[lane]):
            spawn_system_task(self._enable_later, actor)

    async def _enable_later(self, actor: Pollable) -> None:
        await _pause()
        self._modify(actor, _EDGES)

    def _modify(self, actor: Pollable, edges: int) -> bool:
        """Register the descriptor anew for these events; False if the actor has none here."""
        fd = actor.fd
        if actor not in _actors_in(self._actors.get(fd)) and actor not in _actors_in(
            self._new.get(fd)
        ):
            return False
        with suppress(OSError):  # closed by os.close: the next attempt will fail
            self._epoll.modify(fd, edges)
        return True

    def forget(self, actor: Pollable) -> None:
        self._spurious.forget(actor)
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
            try:
                self._epoll.unregister(fd)
            except OSError as exc:
                if exc.errno not in (errno.EBADF, errno.ENOENT):
                    raise
            return

    def close(self) -> None:
        self._passes.stop_collecting()
        trio.lowlevel.notify_closing(self._epoll)
        self._epoll.close()

    async def _stay_awake(self) -> None:
        # Ends trio's sleep when there are events; `_drain` is called in each pass of trio's loop.
        with suppress(trio.ClosedResourceError):
            while True:
                await trio.lowlevel.wait_readable(self._epoll)

    def _drain(self) -> bool:
        actors = self._actors
        # While an event is delivered, a socket may be closed and its number reused by a new one.
        # Events of this batch are not meant for that, so new entries are kept apart until its end.
        self._draining = True
        try:
            events = self._poll(0, _BATCH)
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

    edge_triggered = False

    def __init__(self) -> None:
        self._waiting: dict[tuple[Pollable, LaneName], int] = {}
        self._spurious = _SpuriousWakeups()

    def watch(self, actor: Pollable, lane: LaneName) -> None:
        if (actor, lane) not in self._waiting:
            self._waiting[actor, lane] = actor.fd
            spawn_system_task(self._wait, actor, lane)

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
