"""Whose turn it is on a socket: owner, current users and queues, as a pure state machine.

A socket has two lanes that do not affect each other. In each, at most one process is the
*current* user; others wait in a queue, first come first served, also where the operating system
could serve them. An event goes in (a process asks, its attempt came out so, the descriptor is
ready, a cancel, a death, a close), and what must happen comes out as decisions, which the
socket actor carries out. No I/O, no trio, no mailboxes here.

    read lane:   receives  or  accepts     - never both kinds at once
    write lane:  sends     or  a connect   - never both kinds at once

The rules that shape everything:

- A select is sent once, when the descriptor is ready for the current user. From then on all
  others stay locked out until that user calls again, cancels, or dies.
- Who leaves the lane (done, cancelled, timed out, dead) activates the head of the queue.
- An abort goes to every queued user, and to the current user unless its select was sent: that
  one finds out by calling.
"""

from collections import deque
from typing import Any, Final, Literal

import attrs

from ...runtime.core.identity import Pid, Ref

__all__ = [
    "LANES",
    "NOTHING",
    "Activate",
    "CloseSocket",
    "Decision",
    "Decisions",
    "Kind",
    "Lane",
    "LaneName",
    "SendAbort",
    "SendSelect",
    "Turns",
    "User",
    "Verdict",
    "Watch",
]

LaneName = Literal["read", "write"]

Kind = Literal["recv", "accept", "send", "connect"]
"""Operations of one kind share a queue; the two kinds of a lane exclude each other."""

LANES: Final[dict[Kind, LaneName]] = {
    "recv": "read",
    "accept": "read",
    "send": "write",
    "connect": "write",
}
"""The lane that each kind of operation takes its turn in."""

Verdict = Literal["go", "queue", "state", "already"]
"""What a process that asks is told: perform now, wait behind the others, or an error reason."""


@attrs.define
class User:
    """A process that waits for an operation."""

    pid: Pid
    kind: Kind
    handle: Ref | None
    """What its messages will carry; None for a blocking call, which is woken instead."""
    tag: str = ""
    """The operation, as its messages name it; no rule depends on it."""
    op: Any = None
    """What the socket actor goes on with for a blocking call; no rule depends on it."""


@attrs.define
class Watch:
    """The current user waits: send its select when the descriptor becomes ready."""

    lane: LaneName


@attrs.define
class Activate:
    """A queued user has become current: as `Watch`, but the descriptor may be ready already."""

    lane: LaneName


@attrs.define
class SendSelect:
    """Tell `user` that it is its turn."""

    user: User


@attrs.define
class SendAbort:
    """Tell `user` that its operation has ended with `reason`."""

    user: User
    reason: str


@attrs.define
class CloseSocket:
    """The owner is gone, so the socket must be closed."""


Decision = Watch | Activate | SendSelect | SendAbort | CloseSocket
Decisions = tuple[Decision, ...]

NOTHING: Final[Decisions] = ()
# Made once: every wait on a socket comes by here.
_WATCH: Final[dict[LaneName, Decisions]] = {
    "read": (Watch("read"),),
    "write": (Watch("write"),),
}


@attrs.define
class Lane:
    """One lane of one socket."""

    name: LaneName
    current: User | None = None
    selected: bool = False
    """The current user has been sent its select and has not come back yet."""
    queue: deque[User] | tuple[()] = ()
    """Who waits behind the current user; made when somebody does."""
    ever_waited: bool = False
    """Something has had to wait here since the socket was opened (`selected` in info)."""

    def enter(self, pid: Pid, kind: Kind) -> Verdict:
        """`pid` asks for an operation; nothing changes yet."""
        current = self.current
        if current is None:
            return "go"
        if current.kind != kind:
            return "state"
        if current.pid is pid:
            return "go"
        if kind == "connect":
            return "already"
        return "state" if any(user.pid is pid for user in self.queue) else "queue"

    def join(self, user: User) -> None:
        """`user`, told to queue, waits behind the others."""
        if self.queue:
            self.queue.append(user)
        else:
            self.queue = deque((user,))

    def wait(self, user: User) -> Decisions:
        """`user`, told to go, met nothing to do yet (or was served in part): it is current."""
        # Who has had a select for it knows already that an earlier call is over.
        replaced = None if self.selected else self.current
        self.current = user
        self.selected = False
        self.ever_waited = True
        if replaced is not None and _owed_an_abort(replaced, user):
            return (SendAbort(replaced, "cancelled"), *_WATCH[self.name])
        return _WATCH[self.name]

    def wait_alone(self, user: User) -> None:
        """`user` waits in a lane that is free, and the operating system is going to tell."""
        self.current = user
        self.ever_waited = True

    def done(self) -> Decisions:
        """The operation that was told to go is complete."""
        if self.queue:
            return self._next()
        self.current = None
        self.selected = False
        return NOTHING

    def failed(self, reason: str) -> Decisions:
        """The operation that was told to go failed: nobody behind it can fare better."""
        self.current = None
        aborted = tuple(SendAbort(user, reason) for user in self.queue)
        self.queue = ()
        return aborted

    def ready(self) -> Decisions:
        """The operating system says that the descriptor is ready."""
        user = self.select()
        return NOTHING if user is None else (SendSelect(user),)

    def select(self) -> User | None:
        """`ready`, for who carries out its only decision at once: whom to tell, if anybody."""
        if self.current is None or self.selected:
            return None
        self.selected = True
        return self.current

    def cancel(self, pid: Pid, kind: Kind, handle: Ref) -> Decisions | None:
        """`pid` takes back what waits under `handle`; None when nothing does."""
        current = self.current
        if current is not None and _is(current, pid, kind, handle):
            return self._next()
        if self.queue:
            for user in self.queue:
                if _is(user, pid, kind, handle):
                    self.queue.remove(user)
                    return NOTHING
        return None

    def leave(self, pid: Pid) -> Decisions:
        """`pid` gave up waiting: whatever it has here is gone."""
        if self.current is not None and self.current.pid is pid:
            return self._next()
        if self.queue:
            for user in self.queue:
                if user.pid is pid:
                    self.queue.remove(user)
                    break
        return NOTHING

    def down(self, pid: Pid) -> Decisions:
        """The process `pid` has ended: what it left waiting is gone.

        A blocking call leaves by itself, as it unwinds: not before what it had received so far
        is back, which is the next reader's.
        """
        for user in (self.current, *self.queue):
            if user is not None and user.pid is pid and user.handle is not None:
                return self.leave(pid)
        return NOTHING

    def close(self) -> Decisions:
        """The socket is being closed."""
        current, self.current = self.current, None
        if current is None:
            return NOTHING  # nobody waits behind nobody
        told = () if self.selected else (current,)
        aborted = tuple(SendAbort(user, "closed") for user in (*told, *self.queue))
        self.queue = ()
        return aborted

    def count(self, kind: Kind) -> int:
        """How many processes wait for an operation of this kind."""
        if self.current is None or self.current.kind != kind:
            return 0
        return 1 + len(self.queue)

    def _next(self) -> Decisions:
        self.selected = False
        if not self.queue:
            self.current = None
            return NOTHING
        self.current = self.queue.popleft()
        return (Activate(self.name),)


@attrs.define
class Turns:
    """Both lanes of a socket, and whose socket it is."""

    owner: Pid | None
    """The controlling process; None once the socket is closed."""
    read: Lane = attrs.field(factory=lambda: Lane("read"))
    write: Lane = attrs.field(factory=lambda: Lane("write"))
    closed: bool = False

    def give(self, by: Pid, to: Pid) -> bool:
        """`by` makes `to` the owner; False when it may not, since it is not the owner itself."""
        if by is not self.owner:
            return False
        self.owner = to
        return True

    def down(self, pid: Pid) -> Decisions:
        """The process `pid` has ended."""
        if pid is self.owner:
            return (CloseSocket(),)
        return (*self.write.down(pid), *self.read.down(pid))

    def close(self) -> Decisions:
        """The socket is being closed; nothing waits on it any more. Writers hear of it first."""
        self.closed = True
        self.owner = None
        return (*self.write.close(), *self.read.close())

    def waits(self, pid: Pid) -> bool:
        """Whether `pid` has an operation waiting in either lane."""
        return any(
            user is not None and user.pid is pid
            for lane in (self.read, self.write)
            for user in (lane.current, *lane.queue)
        )


def _is(user: User, pid: Pid, kind: Kind, handle: Ref) -> bool:
    return user.pid is pid and user.kind == kind and user.handle is handle


def _owed_an_abort(replaced: User, by: User) -> bool:
    # Only an acceptor is told that its own later call took the place of the earlier one.
    if replaced.kind != "accept" or replaced.handle is None:
        return False
    return replaced.handle is not by.handle
