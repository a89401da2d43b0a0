"""The turns of a socket: owner, current users and queues, as a pure state machine.

A socket has two lanes that do not affect each other. In each lane at most one process is the
*current user*; the others wait in a queue, first come first served, also while the operating
system could serve them. Events go in (a process asks, its attempt succeeded, failed or has to
wait, the descriptor is ready, a cancel, a death, a close). Decisions come out, which the socket
actor carries out. There is no I/O, no trio and no mailbox in this module.

    read lane:   receives  or  accepts     - never both at once
    write lane:  sends     or  a connect   - never both at once

The life of a wait:

1. `enter` answers whether the process may try now ("go"), or waits behind others ("queue").
2. An attempt that could not be completed makes the process the current user: `wait`.
3. When the descriptor is ready, the current user is *selected*, once: a select message is sent
   to it (or its blocking call is woken). From then on the lane stays reserved for that user until
   it calls again, cancels or dies; others queue even if the descriptor stays ready.
4. A user that leaves the lane (served, cancelled, timed out, dead) activates the head of the
   queue. A failure of the current user's operation ends the wait of all queued users with an
   abort, because the descriptor is broken for them too.

A close sends no abort to a user that was selected. After its select message that process calls
again, and that call returns `Error("closed")`. A second message with the same handle would stay
in its mailbox for ever, since the process stops waiting for the handle after the first one.
Erlang does the same.

All writes to the state of a lane are in this module, and in its native twins. The actor reads
`current`, `selected`, `queue` and `ever_waited` directly, because a method call for each read would
be a noticeable part of a short receive.
"""

from collections import deque
from typing import Any, Final, Literal

import attrs

from ..._native import twin
from ...runtime.core.identity import Pid, Ref

__all__ = [
    "LANE_OF",
    "NOTHING",
    "Activate",
    "Activity",
    "CloseSocket",
    "Decision",
    "Decisions",
    "Lane",
    "LaneName",
    "SendAbort",
    "SendSelect",
    "Turns",
    "User",
    "Verdict",
    "Watch",
    "new_turns",
]

LaneName = Literal["read", "write"]

Activity = Literal["recv", "accept", "send", "connect"]
"""Operations of one activity share a queue; the two activities of a lane exclude each other."""

LANE_OF: Final[dict[Activity, LaneName]] = {
    "recv": "read",
    "accept": "read",
    "send": "write",
    "connect": "write",
}
"""The lane of each activity."""

Verdict = Literal["go", "queue", "state", "already"]
"""Result of `Lane.enter`: try now, wait behind the others, or the reason of an `Error`."""


@attrs.define(weakref_slot=False)
class User:
    """A process that waits for an operation."""

    pid: Pid
    activity: Activity
    handle: Ref | None
    """The handle in its messages; None for a blocking call, which is woken instead."""
    tag: str = ""
    """The name of the operation in its messages; no rule depends on it."""
    op: Any = None
    """The operation of a blocking call, if the actor may continue it; no rule depends on it."""
    process: Any = attrs.field(default=None, eq=False, repr=False)
    """The process itself, for the native core, which then need not look for it; or None."""


@attrs.define
class Watch:
    """The current user waits: select it when the poller reports that the lane is ready."""

    lane: LaneName


@attrs.define
class Activate:
    """A queued user has become current: as `Watch`, but the descriptor may be ready already."""

    lane: LaneName


@attrs.define
class SendSelect:
    """Send `user` its select message, or wake its blocking call to try again."""

    user: User


@attrs.define
class SendAbort:
    """Send `user` its abort message, or wake its blocking call to fail with `reason`."""

    user: User
    reason: str


@attrs.define
class CloseSocket:
    """The owner has ended, so the socket must be closed."""


Decision = Watch | Activate | SendSelect | SendAbort | CloseSocket
Decisions = tuple[Decision, ...]

NOTHING: Final[Decisions] = ()
# Shared, because every wait on a socket returns one of them.
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
    """The current user was selected and has not called again yet; False without a current user."""
    queue: deque[User] | tuple[()] = ()
    """The users behind the current one; a deque is made for the first of them only."""
    ever_waited: bool = False
    """An operation has had to wait here since the socket was opened (`selected` in `info`)."""

    def enter(self, pid: Pid, activity: Activity) -> Verdict:
        """Return whether `pid` may try an operation now; changes nothing."""
        current = self.current
        if current is None:
            return "go"
        if current.activity != activity:
            return "state"
        if current.pid is pid:
            return "go"
        if activity == "connect":
            return "already"
        return "state" if any(user.pid is pid for user in self.queue) else "queue"

    def join(self, user: User) -> None:
        """Append `user`, whose verdict was "queue", to the queue."""
        if self.queue:
            self.queue.append(user)
        else:
            self.queue = deque((user,))

    def wait(self, user: User) -> Decisions:
        """Make `user`, whose verdict was "go", current: its attempt found nothing or only a part.

        It replaces the current user, if there is one: an earlier call of the same process.
        """
        replaced = self.current
        self.current = user
        self.ever_waited = True
        if replaced is not None:
            # A process that was selected knows that its earlier call is over: it needs no abort.
            selected, self.selected = self.selected, False
            if not selected and _needs_abort(replaced, user):
                return (SendAbort(replaced, "cancelled"), *_WATCH[self.name])
        return _WATCH[self.name]

    def done(self) -> Decisions:
        """End the turn: the operation whose verdict was "go" is complete."""
        if self.queue:
            return self._next()
        self.current = None
        self.selected = False
        return NOTHING

    def failed(self, reason: str) -> Decisions:
        """End the turn: the operation failed, and so would those of all queued users."""
        self.current = None
        self.selected = False
        aborted = tuple(SendAbort(user, reason) for user in self.queue)
        self.queue = ()
        return aborted

    def ready(self) -> Decisions:
        """Select the current user, if there is one that was not selected before."""
        user = self.select()
        return NOTHING if user is None else (SendSelect(user),)

    def select(self) -> User | None:
        """Do the same as `ready`, for a caller that carries out the only decision itself.

        Return the user to notify, or None.
        """
        if self.current is None or self.selected:
            return None
        self.selected = True
        return self.current

    def cancel(self, pid: Pid, activity: Activity, handle: Ref) -> Decisions | None:
        """Remove the operation of `pid` that waits under `handle`; None if there is none."""
        current = self.current
        if current is not None and _matches(current, pid, activity, handle):
            return self._next()
        if self.queue:
            for user in self.queue:
                if _matches(user, pid, activity, handle):
                    self.queue.remove(user)
                    return NOTHING
        return None

    def leave(self, pid: Pid) -> Decisions:
        """Remove what `pid` has in this lane: it stops waiting."""
        if self.current is not None and self.current.pid is pid:
            return self._next()
        if self.queue:
            for user in self.queue:
                if user.pid is pid:
                    self.queue.remove(user)
                    break  # there is no other: `enter` refuses a second operation of a process
        return NOTHING

    def leave_blocking(self, pid: Pid) -> Decisions:
        """Remove the blocking call of `pid`, which unwinds, if it is in this lane.

        It may not have come that far, and something else of `pid` may wait here.
        """
        for user in (self.current, *self.queue):
            if user is not None and user.pid is pid and user.handle is None:
                return self.leave(pid)
        return NOTHING

    def down(self, pid: Pid) -> Decisions:
        """Remove what the ended process `pid` has in this lane, except for a blocking call.

        A blocking call leaves by itself while it unwinds, after it has given back the bytes that
        it had received. If it left here, the next reader could be selected before these bytes
        are back.
        """
        for user in (self.current, *self.queue):
            if user is not None and user.pid is pid and user.handle is not None:
                return self.leave(pid)
        return NOTHING

    def close(self) -> Decisions:
        """Remove all users, as the socket is closed; abort all of them that were not selected."""
        current, selected = self.current, self.selected
        if current is None:
            return NOTHING  # without a current user the queue is empty
        users = (*self.queue,) if selected else (current, *self.queue)
        self.current = None
        self.selected = False
        self.queue = ()
        return tuple(SendAbort(user, "closed") for user in users)

    def count(self, activity: Activity) -> int:
        """Return how many processes wait for operations of this activity."""
        if self.current is None or self.current.activity != activity:
            return 0
        return 1 + len(self.queue)

    def _next(self) -> Decisions:
        self.selected = False
        if not self.queue:
            self.current = None
            return NOTHING
        self.current = self.queue.popleft()
        return (Activate(self.name),)


@attrs.define(weakref_slot=False)
class Turns:
    """Both lanes of a socket, and its owner."""

    owner: Pid | None
    """The controlling process; None once the socket is closed."""
    read: Lane = attrs.field(factory=lambda: Lane("read"))
    write: Lane = attrs.field(factory=lambda: Lane("write"))
    closed: bool = False

    def give(self, by: Pid, to: Pid) -> bool:
        """Make `to` the owner; False, without a change, if `by` is not the present owner."""
        if by is not self.owner:
            return False
        self.owner = to
        return True

    def down(self, pid: Pid) -> Decisions:
        """Remove the ended process `pid`; the end of the owner closes the socket."""
        if pid is self.owner:
            return (CloseSocket(),)
        return (*self.write.down(pid), *self.read.down(pid))

    @twin
    def close(self) -> Decisions:
        """Close both lanes: the aborts of the write lane come first, as in Erlang."""
        self.closed = True
        self.owner = None
        return (*self.write.close(), *self.read.close())

    def has_waiting(self, pid: Pid) -> bool:
        """Return whether an operation of `pid` waits in either lane."""
        return any(
            user is not None and user.pid is pid
            for lane in (self.read, self.write)
            for user in (lane.current, *lane.queue)
        )


@twin
def new_turns(owner: Pid) -> Turns:
    """Return the turns of a new socket."""
    return Turns(owner)


def _matches(user: User, pid: Pid, activity: Activity, handle: Ref) -> bool:
    return user.pid is pid and user.activity == activity and user.handle is handle


def _needs_abort(replaced: User, by: User) -> bool:
    # Only accept sends an abort for an earlier call that a later one replaces; Erlang has it so.
    if replaced.activity != "accept" or replaced.handle is None:
        return False
    return replaced.handle is not by.handle
