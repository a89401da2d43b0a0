"""The socket actor: performs what programs ask of one socket, and alone touches its descriptor.

It asks `turns` whose turn it is, lets the operation make its attempt, and carries out what `turns`
decides: select and abort messages, waking blocking callers, closing. It does not know one
operation from another: see `operation` for what is asked of each. Requests are function calls,
made in the process of the caller; so is the wait.

A caller passes through `perform`, and, if it must wait, through `resume` and `settle`, or through
`abandon_call` if it is cancelled or killed. "The life of one `recv`" in CONTRIBUTING.md tells the
whole way with an example.
"""

from collections.abc import Callable
from typing import Any, Final, TypeAlias, TypeVar

from trio.lowlevel import enable_ki_protection

from ..._native import twin
from ...arguments import shown
from ...results import Error, Ok, Select, SelectInfo, SelectRead, Tag
from ...runtime.core.body import TIMED_OUT
from ...runtime.core.identity import Pid, Ref
from ...runtime.core.process import alive
from ..kernel.errors import error_of
from .lifetime import CLOSED, SocketLifetime
from .notifications import AbortMessage, SelectMessage
from .operation import Operation
from .poller import ready_now
from .socket_object import Socket
from .turns import (
    LANE_OF,
    Activate,
    Activity,
    CloseSocket,
    Decision,
    Decisions,
    Lane,
    LaneName,
    SendAbort,
    SendSelect,
    User,
    Watch,
)

__all__ = ["CLOSED", "NEW", "Operation", "Result", "SocketActor", "actor_of"]

NEW: Final = Ref()
"""The handle of a caller that wants a new one: it is made only if the caller must wait."""

T = TypeVar("T")
Result: TypeAlias = Ok[T] | Error | Select | SelectRead


def actor_of(sock: object) -> "SocketActor":
    """Return the actor of a socket; raise `TypeError` for anything else."""
    if type(sock) is not Socket:
        raise TypeError(f"sock: expected a Socket, got {shown(sock)}")
    return sock._actor  # type: ignore[no-any-return]


class SocketActor(SocketLifetime):
    """The requests to one socket."""

    __slots__ = ()

    # --- requests -----------------------------------------------------------------------------

    def perform(
        self, op: Operation[T], pid: Pid, handle: Ref | None, patient: bool = False
    ) -> Result[T] | None:
        """Perform `op` for `pid`: return its result, or None if a blocking caller must wait.

        `handle` is None for a blocking caller; when it must wait, it parks and passes to `settle`
        what it is woken with. Other callers have a handle, or `NEW`. A `patient` caller will wait
        (its time-out is not 0), so the kernel is not asked where the poller will report.
        """
        turns = self.turns
        if turns.closed:
            return op.interrupted("closed")
        lane = turns.read if op.lane == "read" else turns.write
        activity = op.activity
        if lane.current is not None:
            verdict = lane.enter(pid, activity)
            if verdict == "queue":
                if handle is NEW:
                    handle = Ref()
                lane.join(User(pid, activity, handle, op.tag))
                return None if handle is None else self._select_result(op, pid, handle)
            if verdict != "go":
                return op.interrupted(verdict)
        nothing = False
        if activity == "recv":
            nothing = self.reads_would_block() if patient else self.nothing_to_read()
        try:
            result = None if nothing else op.attempt(self, pid, patient)
        except OSError as exc:  # of a system call beside the attempt's own
            result = error_of(exc, op.progress())
        except BaseException:  # no memory for a buffer, or a defect: the turn ends all the same
            self.leave(op.lane, pid)
            raise
        if result is None:
            if handle is not None:
                return self.select_for(op, pid, lane, Ref() if handle is NEW else handle)
            continued = op if patient and op.continues_in_actor(self) else None
            decisions = lane.wait(User(pid, activity, None, op.tag, continued))
            if not nothing:  # otherwise the poller watches already
                self.carry_out(decisions)
            return None
        if (
            handle is not None
            and self.settings.select_read
            and activity == "recv"
            and isinstance(result, Ok)
        ):
            handle = Ref() if handle is NEW else handle
            return self._wait_for_next(op, pid, handle, result.value)
        # Of the caller itself, which was selected or has called again: its turn is over.
        if lane.current is not None:
            decisions = lane.failed(result.reason) if type(result) is Error else lane.done()
            if decisions:
                self.carry_out(decisions)
        return result

    def give_way(self, op: Operation[Any], pid: Pid, handle: Ref) -> Select | None:
        """Return a `Select` whose message is sent at once: `pid` has used up its budget.

        The receive that follows lets other processes run. None, and the call is to be performed as
        usual, if `pid` may not try now, so that it waits anyway; for a connect, since the call
        after a `Select` asks for the outcome of a connect that must have begun; and if the
        descriptor is not ready: a message sent now would report what is not there.
        """
        turns = self.turns
        lane = turns.read if op.lane == "read" else turns.write
        if turns.closed or op.activity == "connect" or lane.enter(pid, op.activity) != "go":
            return None
        if not ready_now(self.fd, op.lane):
            return None
        if handle is NEW:
            handle = Ref()
        # Without the last decision, to watch: the message does not depend on the descriptor.
        self.carry_out(lane.wait(User(pid, op.activity, handle, op.tag))[:-1])
        select = self._select_result(op, pid, handle)
        self.carry_out(lane.ready())
        return select

    @twin
    def select_for(self, op: Operation[Any], pid: Pid, lane: Lane, handle: Ref) -> Select:
        """Make `pid`, whose attempt found nothing, the current user; return its `Select`."""
        decisions = lane.wait(User(pid, op.activity, handle, op.tag))
        # If the lane would block, the poller watches already: only an abort is to be carried out.
        if len(decisions) > 1 or not self.would_block(lane.name):
            self.carry_out(decisions)
        return self._select_result(op, pid, handle)

    def settle(self, op: Operation[T], pid: Pid, outcome: object) -> Ok[T] | Error | None:
        """Return the result of the blocking caller `pid`, or None if it must wait again.

        `outcome` is what it was woken with: the result (`Ok` or `Error`), `SendSelect` to try
        again, `SendAbort`, or `TIMED_OUT`.
        """
        if type(outcome) is Ok:
            decisions = self.lane_of(op.lane).done()
            if decisions:
                self.carry_out(decisions)
            return outcome
        if isinstance(outcome, Error):
            self.carry_out(self.lane_of(op.lane).failed(outcome.reason))
            return outcome
        if isinstance(outcome, SendAbort):
            return op.interrupted(outcome.reason)
        if outcome is TIMED_OUT:
            self.leave(op.lane, pid)
            return op.interrupted("timeout")
        result = self.perform(op, pid, None, True)
        assert not isinstance(result, (Select, SelectRead))  # these need a handle
        return result

    @enable_ki_protection
    def abandon_call(self, op: Operation[Any], pid: Pid, outcome: object) -> None:
        """Undo the blocking call of `pid`, which unwinds; `outcome` is as for `settle`, or None."""
        # The bytes go back before the turn passes on. In the other order the next reader would look
        # too early: it would wait although there are some, or read later ones before them.
        op.abandoned(self, outcome)
        if not self.turns.closed:
            self.carry_out(self.lane_of(op.lane).leave_blocking(pid))

    def cancel(self, pid: Pid, activity: Activity, handle: Ref) -> bool:
        """Cancel the operation of `pid` that waits under `handle`; False if there is none."""
        decisions = self.lane_of(LANE_OF[activity]).cancel(pid, activity, handle)
        if decisions is None:
            return False
        self.carry_out(decisions)
        return True

    def leave(self, lane: LaneName, pid: Pid) -> None:
        """Remove the blocking caller `pid` from `lane`: it stops waiting."""
        if not self.turns.closed:
            self.carry_out(self.lane_of(lane).leave(pid))

    def observe(self, op: Operation[T], pid: Pid, result: Result[T] | None) -> None:
        """Log a request and its result, and report counters, where the settings ask for it."""
        if self.logged:
            self.log(op.tag, pid, result or "waits")
        if (trace := self.service.registry.trace) is not None:
            trace.told(self.socket_object, op.tag, pid, result)
        if self.settings.iow:
            self.report_counter_wraps()

    def lane_of(self, name: LaneName) -> Lane:
        """Return one of the two lanes."""
        return self.turns.read if name == "read" else self.turns.write

    def _wait_for_next(self, op: Operation[T], pid: Pid, handle: Ref, got: T) -> SelectRead:
        """Keep the turn of `pid`, which has received `got`, for the next data (`select_read`)."""
        self.turns.read.wait(User(pid, op.activity, handle, op.tag))
        self.carry_out((Activate("read"),))  # there may be more already
        self.monitor_user(pid)
        return SelectRead(SelectInfo(op.tag, handle, op.continuation()), got)

    def _select_result(self, op: Operation[Any], pid: Pid, handle: Ref) -> Select:
        self.monitor_user(pid)
        return Select(SelectInfo(op.tag, handle, op.continuation()), op.progress())

    # --- readiness ----------------------------------------------------------------------------

    @twin
    def resume(self, lane: Lane, user: User) -> None:
        """Make the next attempt for the current user of `lane`, or select it."""
        op = user.op
        # `selected`: it has been notified already, and makes the attempt itself.
        if op is None or lane.selected:
            if lane.select() is not None:
                self._notify(user)
            return
        process = alive.get(user.pid)
        if process is None or process.body.parked is None:
            return  # it has a result or its call unwinds: it passes the turn on when it runs
        try:
            result = op.attempt(self, user.pid, True)
        except Exception:  # a defect of this library: let it be raised again where the call is
            self.carry_out(lane.ready())
            return
        if result is None:
            self.ensure_watched(lane.name)
            # Here alone: an attempt to send may be the cause of the next report, see the poller.
            self.poller.spurious_wakeup(self, lane.name)
        else:
            # It stays the current user until it runs, so that no other process is served before
            # it; and it is no longer parked, so that a further report leaves it alone.
            process.body.wake(result)

    # --- decisions ----------------------------------------------------------------------------

    def carry_out(self, decisions: Decisions) -> None:
        """Do what `turns` has decided."""
        for decision in decisions:
            _CARRY_OUT[type(decision)](self, decision)

    def _watch(self, decision: Watch) -> None:
        lane = decision.lane
        user = self.lane_of(lane).current
        # A change that was reported while no process waited is not reported again: look. This is
        # for callers with a handle only. A blocking caller has not parked yet, and a wake would be
        # lost; but it has just made an attempt of its own, and what comes after that is a change.
        if self.watched and user is not None and user.handle is not None and self.is_ready(lane):
            self.carry_out(self.lane_of(lane).ready())
            return
        self.ensure_watched(lane)

    def _activate(self, decision: Activate) -> None:
        if self.is_ready(decision.lane):
            self.carry_out(self.lane_of(decision.lane).ready())
        else:
            self._watch(Watch(decision.lane))

    def _send_select(self, decision: SendSelect) -> None:
        self._notify(decision.user)

    def _notify(self, user: User) -> None:
        process = alive.get(user.pid)
        if process is None:
            return
        if user.handle is None:
            process.body.wake(SendSelect(user))
        else:
            process.deliver(SelectMessage(self.socket_object, _tag(user), user.handle))

    def _send_abort(self, decision: SendAbort) -> None:
        user = decision.user
        process = alive.get(user.pid)
        if process is None:
            return
        if user.handle is None:
            process.body.wake(decision)
        else:
            message = AbortMessage(self.socket_object, _tag(user), user.handle, decision.reason)
            process.deliver(message)

    def _close_socket(self, decision: CloseSocket) -> None:
        self.close_now()


_CARRY_OUT: Final[dict[type[Decision], Callable[[SocketActor, Any], None]]] = {
    Watch: SocketActor._watch,
    Activate: SocketActor._activate,
    SendSelect: SocketActor._send_select,
    SendAbort: SocketActor._send_abort,
    CloseSocket: SocketActor._close_socket,
}


def _tag(user: User) -> Tag:
    return user.tag  # type: ignore[return-value]  # `turns` does not restrict the words
