"""The readiness of a descriptor, as its socket actor knows it, and the contract that it rests on.

`Readiness` is the part of a socket actor that the poller calls and that every attempt reports
to. It is a base class and not an object of its own, because each receive looks at the flags.
A further kind of poller implements `poller.Poller` and is chosen in `service`. Nothing else but
this module depends on how readiness becomes known.

The poller's part
    `watch(actor, lane)` is called when a user begins to wait. After that the poller calls
    `on_ready` when the lane becomes ready, also if it is ready already. A call without a cause
    is allowed (a *spurious wakeup*: the attempt finds nothing): the actor then waits again. It says
    so to `spurious_wakeup` if it has made the attempt for a process. If that goes on while the
    descriptor stays ready, the poller reports that lane after pauses, which become longer, up to
    0.64 s, so that the runtime comes to rest. A change of what poll(2) says of the lane, such as an
    error that is added, ends a pause.

    An *edge-triggered* poller goes on after that: it reports every change to ready in both
    lanes until `forget`, whether or not a process waits, so that `watch` is needed once for
    each socket and a wait costs no system call. (Level-triggered or one-shot registration needs
    one for each wait, or reports over and over what no process reads.) A poller that is not
    edge-triggered reports once for each `watch`.

The kernel's part, for an edge-triggered poller
    After a call that would have blocked, and after a TCP read that returned less than its
    buffer holds, the next arrival of data (room, a connection, an end, an error) is reported
    as a new change. What was there before such a call is not reported again, unless the
    descriptor is registered anew, which is what `watch` does.

When the contract is broken
    A kernel, a driver or a sandbox that emulates one may get it wrong: a read finds nothing, or
    stops short, although there is data that was reported before; no room is reported although
    there is some. The wait that follows would last for ever. So while processes wait, the poller
    asks poll(2) every few seconds for the lanes that they wait for, and reports those that are
    ready (a call without a cause is allowed, see above), with `ended`, so that a short read of
    that descriptor is not believed again. Nothing of this is on the way of a call.

    A system call of the poller itself may fail. If a descriptor can't be registered (ENOSPC,
    ENOMEM), `watch` returns False, and its report comes from poll(2), after a pause of some
    milliseconds; the next wait tries to register it again. If the wait for events fails, all
    lanes are asked for in the same way until it works again. A failing attempt is an `Error`
    for its caller; see `SocketActor.perform`.

The flags, each set and reset here (operations call the methods):

`watched`
    The poller is edge-triggered and reports all changes from now on. Set by `ensure_watched`.
    Reset by `rearm`, after an attempt that stopped although there was more: that makes no
    change, so the next wait must register anew.

`read_would_block`, `write_would_block`
    The kernel has nothing for that lane, and `on_ready` will be called when that changes: a
    wait may begin without a system call. Set by an attempt that found nothing
    (`read_found_nothing`, `write_found_no_room`, `note_short_read`), and only while `watched`;
    with other pollers they stay False and every wait begins with `watch`. Reset by `on_ready`,
    by `rearm`, by `forget_would_block` (shutdown, close: the kernel's former answer no longer
    holds), and by requests for urgent data or the error queue, of which the flag says nothing.

`saw_end`
    The poller has reported the peer's end, an error or urgent data. There may be no further
    change to report, so a short read no longer proves that the next one would block. Never reset.

`has_low_water_mark`
    The option `rcvlowat` was set: epoll reports data only from that many bytes on, but less can
    be read. The kernel must be asked each time. Never reset; accepted sockets inherit it.

`unread`
    Bytes that were taken from the kernel for a caller that was cancelled or killed before it
    could return them. They come before anything that is in the kernel.
"""

import abc
import socket as stdlib
from typing import Final

from trio.lowlevel import enable_ki_protection

from ..._native import twin
from .counters import Counters
from .poller import Poller, Probe, ready_now
from .turns import Lane, LaneName, Turns, User

__all__ = ["LOW_WATER_MARK", "Readiness"]

LOW_WATER_MARK: Final = (stdlib.SOL_SOCKET, getattr(stdlib, "SO_RCVLOWAT", -1))
"""The level and the number of the option `rcvlowat`; see the flag `has_low_water_mark`."""


class Readiness(abc.ABC):
    """The flags of one descriptor and the rules by which they change; see the module."""

    __slots__ = (
        "_probe",
        "counters",
        "fd",
        "has_low_water_mark",
        "poller",
        "read_would_block",
        "saw_end",
        "turns",
        "unread",
        "watched",
        "write_would_block",
    )

    def __init__(self, fd: int, poller: Poller, turns: Turns) -> None:
        self.fd = fd
        self.poller = poller
        self.turns = turns
        self.counters = Counters()
        self.watched = False
        self.read_would_block = False
        self.write_would_block = False
        self.saw_end = False
        self.has_low_water_mark = False
        self.unread = b""
        self._probe: Probe | None = None

    # --- reports of the poller ------------------------------------------------------------------

    @twin
    @enable_ki_protection
    def on_ready(self, read: int, write: int, ended: int) -> None:
        """See `Pollable.on_ready`."""
        if ended:
            self.saw_end = True
        # The reader comes first, as in Erlang: an error that the kernel reports once, such as a
        # reset, is then returned by the receive and not by the send.
        if read:
            self.read_would_block = False
            lane = self.turns.read
            user = lane.current
            if user is not None:
                self.resume(lane, user)
        if write:
            self.write_would_block = False
            lane = self.turns.write
            user = lane.current
            if user is not None:
                self.resume(lane, user)

    @abc.abstractmethod
    def resume(self, lane: Lane, user: User) -> None:
        """Make the next attempt for the current user of `lane`, or select it."""

    def work_done(self, lane: LaneName) -> int:
        """See `Pollable.work_done`."""
        counters = self.counters
        if lane == "read":
            return counters.read_byte + counters.read_pkg + counters.acc_success
        return counters.write_byte + counters.write_pkg + counters.sendfile_byte

    def awaits(self, lane: LaneName) -> bool:
        """See `Pollable.awaits`."""
        waiting = self.turns.read if lane == "read" else self.turns.write
        return waiting.current is not None and not waiting.selected

    # --- reports of attempts --------------------------------------------------------------------

    def read_found_nothing(self) -> None:
        """Note that an ordinary read would have blocked."""
        self.read_would_block = self.watched

    def note_short_read(self, size: int) -> None:
        """Note that a TCP read without flags returned `size` bytes, less than its buffer holds.

        TCP returns all that it has, so there is nothing left. If the peer had finished, the
        poller would have reported it (`saw_end`). Other streams do stop early: a local one stops
        at the boundaries of control messages.
        """
        if not self.saw_end:
            self.read_would_block = self.watched and size > 0

    def distrust_read(self) -> None:
        """Forget that a read would block: something else than ordinary data is asked for."""
        self.read_would_block = False

    def write_found_no_room(self) -> None:
        """Note that a send would have blocked, or that a connect is in progress."""
        self.write_would_block = self.watched

    def rearm(self, lane: LaneName) -> None:
        """Have the poller report `lane` again, although an attempt may have left something there.

        For an attempt that stopped so that other processes run.
        """
        self.watched = False
        if lane == "read":
            self.read_would_block = False
        else:
            self.write_would_block = False

    def forget_would_block(self) -> None:
        """Forget what the kernel answered so far: the socket was shut down or closed."""
        self.read_would_block = self.write_would_block = False

    # --- bytes that no caller has seen ----------------------------------------------------------

    def put_back(self, data: bytes) -> None:
        """Keep `data`, which no caller has seen, for the next reader."""
        if data:
            self.unread = data + self.unread

    def take_unread(self, size: int) -> bytes:
        """Return up to `size` of the bytes that were put back."""
        data, self.unread = self.unread[:size], self.unread[size:]
        return data

    # --- questions ------------------------------------------------------------------------------

    def reads_would_block(self) -> bool:
        """Return whether a read would find nothing unless the poller's report is on its way.

        Good enough for a caller that will wait: the report will select it.
        """
        return self.read_would_block and not self.unread and not self.has_low_water_mark

    @twin
    def nothing_to_read(self) -> bool:
        """Return whether a receive of any size would surely find nothing, and count it as a try.

        For a caller that does not wait: data that has arrived since the poller last looked must
        be found. Asking poll(2) takes a third of the time of a read that raises EAGAIN.
        """
        if not self.reads_would_block():
            return False
        if self._probe is None:
            self._probe = Probe(self.fd, "read")
        if self._probe.ready():
            return False
        self.counters.read_tries += 1
        return True

    def would_block(self, lane: LaneName) -> bool:
        """Return the flag of `lane`."""
        return self.read_would_block if lane == "read" else self.write_would_block

    def is_ready(self, lane: LaneName) -> bool:
        """Return whether an attempt in `lane` would find something to do."""
        if lane == "read" and self.unread:
            return True
        return not self.would_block(lane) and ready_now(self.fd, lane)

    @enable_ki_protection
    def ensure_watched(self, lane: LaneName) -> None:
        """Have the poller report when `lane` is ready, unless it reports all changes already."""
        if not self.watched:
            self.watched = self.poller.watch(self, lane)
