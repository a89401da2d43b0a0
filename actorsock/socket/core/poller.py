"""Readiness: from the operating system to socket actors.

A poller is told once that an actor waits in a lane, and calls the actor's `on_ready` when its
descriptor may have become ready. With epoll a descriptor is registered once, edge-triggered,
and costs no system call to wait on again; elsewhere trio's own `wait_readable` and
`wait_writable` do the same job, a task for each wait.
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
    """What a poller needs of an actor."""

    fd: int

    def on_ready(self, read: int, write: int, ended: int) -> None:
        """A lane may be ready; `ended`: the peer has finished, or an error or urgent data waits.

        Only whether they are true matters.
        """

    def work_done(self, lane: LaneName) -> int:
        """A number that has grown if anything was done in `lane`."""


class Poller(Protocol):
    """Tells actors when their descriptors become ready."""

    edge_triggered: bool
    """Whether a change of readiness is told even if nobody has asked since the last one."""

    def watch(self, actor: Pollable, lane: LaneName) -> None:
        """`actor` waits in `lane`: call its `on_ready` when the descriptor is ready for it.

        That it is ready already is told too, and again to one that asks again.
        """

    def told_in_vain(self, actor: Pollable, lane: LaneName) -> None:
        """`actor` was told that it is ready in `lane`, and has found nothing to do."""

    def forget(self, actor: Pollable) -> None:
        """The actor's descriptor is about to be closed."""

    def close(self) -> None:
        """No actor is left."""


def new_poller(passes: Passes) -> Poller:
    """The best poller for this platform, collecting in `passes`.

    The environment variable `ACTORSOCK_POLLER` set to `trio` chooses the portable one.
    """
    if hasattr(select, "epoll") and os.environ.get("ACTORSOCK_POLLER") != "trio":
        return EpollPoller(passes)
    return TrioPoller()


class Probe:
    """Asks whether a descriptor is ready for a lane at this moment, without trying.

    That takes a third of the time of a read that finds nothing, which is an exception.
    """

    __slots__ = ("_poll",)

    def __init__(self, fd: int, lane: LaneName) -> None:
        poll = select.poll()
        poll.register(fd, select.POLLIN if lane == "read" else select.POLLOUT)
        self._poll = poll.poll

    def ready(self) -> bool:
        """False if it surely is not."""
        try:
            return bool(self._poll(0))
        except OSError:  # a program that may have no descriptors may not ask for any
            return True


def ready_now(fd: int, lane: LaneName) -> bool:
    """Whether the descriptor is ready at this moment, as far as can be known without trying."""
    return Probe(fd, lane).ready()


class _InVain:
    """How often lanes have been told in a row that they are ready, and nothing was done in them.

    A descriptor may be ready for ever with nothing to do, such as a datagram socket whose reading
    is shut down, or one whose receiver has no room. Whoever tells has to rest then.
    """

    def __init__(self) -> None:
        self._told: dict[tuple[Pollable, LaneName], tuple[int, int]] = {}

    def too_often(self, actor: Pollable, lane: LaneName) -> bool:
        """A lane is told, or asks to be, once more."""
        done = actor.work_done(lane)
        before, times = self._told.get((actor, lane), (done, 0))
        times = times + 1 if before == done else 0
        self._told[actor, lane] = done, times
        return times > _OFTEN

    def forget(self, actor: Pollable) -> None:
        for lane in _LANES:
            self._told.pop((actor, lane), None)


class _Several:
    """The actors of several sockets on one descriptor (open_fd without dup)."""

    def __init__(self, fd: int, actors: list[Pollable]) -> None:
        self.fd = fd
        self.actors = actors

    def on_ready(self, read: int, write: int, ended: int) -> None:
        for actor in tuple(self.actors):
            actor.on_ready(read, write, ended)

    def tell_if_closed(self) -> None:
        """The others find out by trying: no event tells them."""
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
        """Registered while events are being told, which are not theirs."""
        self._draining = False
        self._in_vain = _InVain()
        self._passes = passes
        # Whether the epoll object itself has something to tell: asking takes nothing from it.
        passes.collect(self._drain, Probe(self._epoll.fileno(), "read").ready)
        spawn_system_task(self._stay_awake)

    def watch(self, actor: Pollable, lane: LaneName) -> None:
        if self._ask_for(actor, _EDGES):
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
            entries[fd] = actor  # who else had the number has been closed behind our back

    def told_in_vain(self, actor: Pollable, lane: LaneName) -> None:
        if self._in_vain.too_often(actor, lane) and self._ask_for(actor, _EDGES & ~_EDGE[lane]):
            spawn_system_task(self._rest, actor)

    async def _rest(self, actor: Pollable) -> None:
        await _a_while()
        self._ask_for(actor, _EDGES)

    def _ask_for(self, actor: Pollable, edges: int) -> bool:
        """From here on, tell the actor of these; False when it is gone."""
        fd = actor.fd
        if actor not in _actors_in(self._actors.get(fd)) and actor not in _actors_in(
            self._new.get(fd)
        ):
            return False
        with suppress(OSError):  # closed behind our back: the next attempt will find out
            self._epoll.modify(fd, edges)
        return True

    def forget(self, actor: Pollable) -> None:
        self._in_vain.forget(actor)
        fd = actor.fd
        for entries in (self._new, self._actors):
            entry = entries.get(fd)
            if type(entry) is _Several and actor in entry.actors:
                entry.actors.remove(actor)
                if entry.actors:
                    # Whether it is going to be closed for the others too is to be seen.
                    trio.lowlevel.current_trio_token().run_sync_soon(entry.tell_if_closed)
                    return
            elif entry is not actor:
                continue  # closed behind our back, the number may have become another actor's
            del entries[fd]
            try:
                self._epoll.unregister(fd)
            except OSError as exc:
                if exc.errno not in (errno.EBADF, errno.ENOENT):
                    raise
            return

    def fileno(self) -> int:
        """Return the descriptor of the epoll object."""
        return self._epoll.fileno()

    def close(self) -> None:
        self._passes.stop_collecting()
        trio.lowlevel.notify_closing(self._epoll)
        self._epoll.close()

    async def _stay_awake(self) -> None:
        # Ends trio's sleep when there is something to collect; collecting comes with the pass.
        with suppress(trio.ClosedResourceError):
            while True:
                await trio.lowlevel.wait_readable(self._epoll)

    def _drain(self) -> bool:
        actors = self._actors
        # What an actor does may close others, and the number be a new one's at once: what is
        # registered from here on is not what these events are about.
        self._draining = True
        try:
            events = self._poll(0, _AT_A_TIME)
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
    """Waits through trio: one small task for each wait. Works wherever trio does."""

    edge_triggered = False

    def __init__(self) -> None:
        self._waiting: dict[tuple[Pollable, LaneName], int] = {}
        self._in_vain = _InVain()

    def watch(self, actor: Pollable, lane: LaneName) -> None:
        if (actor, lane) not in self._waiting:
            self._waiting[actor, lane] = actor.fd
            spawn_system_task(self._wait, actor, lane)

    def told_in_vain(self, actor: Pollable, lane: LaneName) -> None:
        pass  # it is going to ask again

    def forget(self, actor: Pollable) -> None:
        self._in_vain.forget(actor)
        for lane in _LANES:
            fd = self._waiting.pop((actor, lane), None)
            if fd is not None:
                trio.lowlevel.notify_closing(fd)

    def close(self) -> None:
        pass

    async def _wait(self, actor: Pollable, lane: LaneName) -> None:
        if (actor, lane) not in self._waiting:
            return  # closed before it came to this, and the number may be another one's by now
        if self._in_vain.too_often(actor, lane):
            await _a_while()
            if (actor, lane) not in self._waiting:
                return
        wait = trio.lowlevel.wait_readable if lane == "read" else trio.lowlevel.wait_writable
        # Closed: the actor has told everybody. Any other failure is for the caller to find.
        with suppress(trio.ClosedResourceError, OSError):
            try:
                await wait(actor.fd)
            except trio.BusyResourceError:
                # Two sockets on one descriptor (open_fd without dup): trio waits for one of them.
                while (actor, lane) in self._waiting and not ready_now(actor.fd, lane):
                    await _a_while()
        if lane == "write" and (actor, "read") in self._waiting:
            # If that one is ready too, it is told in this pass: readers come first.
            await trio.lowlevel.cancel_shielded_checkpoint()
        self._waiting.pop((actor, lane), None)
        actor.on_ready(lane == "read", lane == "write", False)


_LANES: Final[tuple[LaneName, ...]] = ("read", "write")

# Told in vain more than so many times in a row, a lane is asked about only every so many seconds.
_OFTEN: Final = 3
_A_WHILE: Final = 0.01


async def _a_while() -> None:
    # By real time, whatever the clock of the run is.
    limiter = trio.CapacityLimiter(1)  # its own: the program's threads may all be busy
    try:
        await trio.to_thread.run_sync(time.sleep, _A_WHILE, limiter=limiter)
    except RuntimeError:  # the system gives us no thread
        await trio.sleep(_A_WHILE)


# Events told at a time. What was read for somebody is still near the processor when that one
# runs; the rest is told a moment later.
_AT_A_TIME: Final = 64

if hasattr(select, "epoll"):
    _EDGES: Final = (
        select.EPOLLIN | select.EPOLLOUT | select.EPOLLPRI | select.EPOLLRDHUP | select.EPOLLET
    )
    _EDGE: Final[dict[LaneName, int]] = {"read": select.EPOLLIN, "write": select.EPOLLOUT}
    # Urgent data is like an end: a read stops there, and what lies behind it makes no edge.
    _ENDED: Final = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR | select.EPOLLPRI
    _FOR_READERS: Final = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR
    _FOR_WRITERS: Final = select.EPOLLOUT | select.EPOLLHUP | select.EPOLLERR
