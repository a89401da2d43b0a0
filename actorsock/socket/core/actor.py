"""The socket actor: owns one file descriptor and alone touches it.

It asks `turns` whose turn it is, lets the operation make its attempt, and carries out what
`turns` decides: select and abort messages, waking blocking callers, closing. It is a handler
process, linked to nobody and monitoring its owner and whoever waits without blocking; its end,
for whatever reason, closes the descriptor.

What an operation does with the descriptor is in `operations`; this module does not know one
from another.
"""

import logging
import socket as stdlib
from collections.abc import Callable
from typing import Any, Final, Protocol, TypeAlias, TypeVar

import attrs
from trio.lowlevel import enable_ki_protection

from ...arguments import shown
from ...results import Error, Ok, Select, SelectInfo, SelectRead, Tag
from ...runtime.bodies.current import current_process
from ...runtime.bodies.handler import start_handler
from ...runtime.bodies.in_trio import in_trio
from ...runtime.core.body import TIMED_OUT
from ...runtime.core.identity import Pid, Ref
from ...runtime.core.messages import Down
from ...runtime.core.process import Process, alive
from ...runtime.core.reductions import SYSTEM_CALL
from ..kernel.lingering import close_at_once, close_lingering, lingers
from ..options.settings import DEFAULTS, Settings
from ..values.kinds import SocketKind
from .counters import Counters
from .handle import Socket
from .notifications import AbortMessage, CounterWrap, SelectMessage, SocketDown
from .poller import Probe, ready_now
from .service import Service
from .turns import (
    LANES,
    Activate,
    CloseSocket,
    Decision,
    Decisions,
    Kind,
    Lane,
    LaneName,
    SendAbort,
    SendSelect,
    Turns,
    User,
    Watch,
)

__all__ = ["CLOSED", "Answer", "Operation", "SocketActor", "actor_of"]

CLOSED: Final = Error("closed")
"""The answer to whatever is asked of a closed socket."""

_DONE: Final[Ok[None]] = Ok()

_log: Final = logging.getLogger("actorsock.socket")

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Answer: TypeAlias = Ok[T] | Error | Select | SelectRead


class Operation(Protocol[T_co]):
    """One request to a socket actor, and how far it has come."""

    @property
    def tag(self) -> Tag:
        """What its messages call it."""

    @property
    def kind(self) -> Kind:
        """What it shares a queue with."""

    @property
    def lane(self) -> LaneName:
        """Which lane it takes its turn in."""

    def attempt(self, actor: "SocketActor", pid: Pid, patient: bool) -> Ok[T_co] | Error | None:
        """Do what can be done now on behalf of `pid`; None when it must wait (for more).

        A `patient` caller is going to wait: None promises it that the poller will tell when there
        is something to do, and it may be made to wait so that others get their turns. Any other
        one gets what there is now.
        """

    def progress(self) -> Any:
        """What a caller that does not block is given of it: received so far, left to send."""

    def continuation(self) -> Any:
        """What a later call needs to go on where this one stopped."""

    def interrupted(self, reason: str) -> Error:
        """The answer of a blocking call that ends before it is complete."""

    def abandoned(self, actor: "SocketActor", answer: object) -> None:
        """The caller is gone: give back what it has not seen, also if `answer` was on its way."""

    def in_place(self, actor: "SocketActor") -> bool:
        """Whether the actor itself may go on with it as soon as the descriptor is ready.

        It may if nothing is lost when the caller is gone by the time it is complete.
        """


def actor_of(sock: object) -> "SocketActor":
    """The actor of a socket; raises `TypeError` for anything else."""
    if type(sock) is not Socket:
        raise TypeError(f"sock: expected a Socket, got {shown(sock)}")
    actor: SocketActor = sock._actor
    return actor


class SocketActor:
    """One open (or closed) socket; the descriptor it is given must not block."""

    __slots__ = (
        "_monitors",
        "_probe",
        "bound",
        "connect_error",
        "connected",
        "counters",
        "ctype",
        "fd",
        "handle",
        "is_plain",
        "kind",
        "listening",
        "may_linger",
        "observed",
        "process",
        "read_quiet",
        "reader",
        "saw_end",
        "service",
        "settings",
        "sock",
        "told_late",
        "turns",
        "unread",
        "watched",
        "write_quiet",
    )

    def __init__(
        self,
        service: Service,
        sock: stdlib.socket,
        kind: SocketKind,
        owner: Process,
        *,
        settings: Settings = DEFAULTS,
        ctype: str | tuple[str, int] = "normal",
        connected: bool = False,
    ) -> None:
        self.service = service
        self.sock = sock
        self.fd = sock.fileno()
        self.kind = kind
        self.told_late = False
        """The poller may keep silent while there is something to read: the kernel must be asked."""
        self._go_by(settings)
        self.reader: User | None = None
        """Who waited last for whatever comes: it is likely to be the next one too."""
        self.ctype = ctype
        self.bound = False
        self.listening = False
        self.connected = connected
        self.connect_error = 0
        """The errno by which a receive has heard of a pending connect: the kernel tells it once."""
        self.may_linger = connected
        """Bytes may be on their way to a peer."""
        self.unread = b""
        """Bytes that were taken from the kernel for a caller that never got them."""
        self.read_quiet = False
        self.write_quiet = False
        """The kernel has nothing to do in that lane, and the poller tells when it has."""
        self.watched = False
        self.saw_end = False
        """The poller has told of the peer's end, or of an error: no more edges may come."""
        self._probe: Probe | None = None
        self.counters = Counters()
        self.handle: Any = Socket(self)
        self.process = start_handler(service.node, self._handle, self._terminated)
        self.turns = Turns(owner.pid)
        self._monitors: dict[Pid, Ref] = {}
        self._monitor(owner)
        service.registry.kinds[self.handle] = kind
        if settings.use_registry:
            service.registry.sockets[self.handle] = None

    # --- requests -----------------------------------------------------------------------------

    def perform(
        self, op: Operation[T], pid: Pid, handle: Ref | None, patient: bool = False
    ) -> Answer[T] | None:
        """`pid` asks for `op`: the answer, or None for a blocking caller (no handle) to wait.

        A blocking caller that waits is woken with what `settle` takes. A `patient` one is going
        to wait: the kernel is not asked where the poller is going to tell.
        """
        turns = self.turns
        if turns.closed:
            return op.interrupted("closed")
        lane = turns.read if op.lane == "read" else turns.write
        if lane.current is not None:
            verdict = lane.enter(pid, op.kind)
            if verdict == "queue":
                lane.join(User(pid, op.kind, handle, op.tag))
                return None if handle is None else self._selected(op, pid, handle)
            if verdict != "go":
                return op.interrupted(verdict)
        elif patient and op.kind == "recv" and self._hears_nothing():
            lane.wait(self._waiting(op, pid))  # and the poller is watching
            return None
        if handle is not None and op.kind == "recv" and self.nothing_to_read():
            return self.select_for(op, pid, lane, handle)
        result = op.attempt(self, pid, patient)
        if result is None:
            if handle is not None:
                return self.select_for(op, pid, lane, handle)
            user = self._waiting(op, pid) if patient else User(pid, op.kind, None, op.tag)
            self._carry_out(lane.wait(user))
            return None
        if (
            handle is not None
            and self.settings.select_read
            and op.kind == "recv"
            and isinstance(result, Ok)
        ):
            return self._wait_for_next(op, pid, handle, result.value)
        if lane.current is not None:
            decisions = lane.failed(result.reason) if type(result) is Error else lane.done()
            if decisions:
                self._carry_out(decisions)
        return result

    def select_for(self, op: Operation[Any], pid: Pid, lane: Lane, handle: Ref) -> Select:
        """There was nothing to do for `pid`: it is going to be told under `handle`."""
        decisions = lane.wait(User(pid, op.kind, handle, op.tag))
        if len(decisions) > 1 or not self._is_quiet(lane.name):  # else the poller is watching
            self._carry_out(decisions)
        return self._selected(op, pid, handle)

    def settle(self, op: Operation[T], pid: Pid, outcome: object) -> Ok[T] | Error | None:
        """The blocking caller `pid` was woken with `outcome`: its answer, or None to wait again.

        It is `SendSelect` when it is to ask again, `SendAbort`, `TIMED_OUT`, or the answer itself.
        """
        if type(outcome) is Ok:
            decisions = self.lane_of(op.lane).done()
            if decisions:
                self._carry_out(decisions)
            return outcome
        if isinstance(outcome, Error):
            self._carry_out(self.lane_of(op.lane).failed(outcome.reason))
            return outcome
        if isinstance(outcome, SendAbort):
            return op.interrupted(outcome.reason)
        if outcome is TIMED_OUT:
            self.leave(op.lane, pid)
            return op.interrupted("timeout")
        answer = self.perform(op, pid, None, True)
        assert not isinstance(answer, (Select, SelectRead))  # those need a handle
        if answer is None:
            self.service.poller.told_in_vain(self, op.lane)
        return answer

    def forsake(self, op: Operation[Any], pid: Pid, outcome: object) -> None:
        """The blocking caller `pid` is gone, whatever it has been woken with."""
        # First the bytes, then the turn: the next in the queue is told that they are there.
        op.abandoned(self, outcome)
        self.leave(op.lane, pid)

    def put_back(self, data: bytes) -> None:
        """The next reader gets `data`, which nobody has seen."""
        if data:
            self.unread = data + self.unread

    def observe(self, op: Operation[T], pid: Pid, answer: Answer[T] | None) -> None:
        """Tell who wants to know (`observed`) what has just been asked and answered."""
        if self.settings.debug:
            _log.debug("%r %s by %r: %r", self.handle, op.tag, pid, answer or "waits")
        if self.settings.iow:
            self._tell_of_wraps()

    def _wait_for_next(self, op: Operation[T], pid: Pid, handle: Ref, got: T) -> SelectRead:
        """`pid` has received, and keeps its turn for what comes next."""
        self.turns.read.wait(User(pid, op.kind, handle, op.tag))
        self._carry_out((Activate("read"),))  # there may be more already
        self.monitor_user(pid)
        return SelectRead(SelectInfo(op.tag, handle, op.continuation()), got)

    def cancel(self, pid: Pid, kind: Kind, handle: Ref) -> bool:
        """`pid` takes back the operation that waits under `handle`; False if none does."""
        decisions = self.lane_of(LANES[kind]).cancel(pid, kind, handle)
        if decisions is None:
            return False
        self._carry_out(decisions)
        return True

    def leave(self, lane: LaneName, pid: Pid) -> None:
        """A blocking caller gives up waiting."""
        if not self.turns.closed:
            self._carry_out(self.lane_of(lane).leave(pid))

    def give(self, by: Pid, to: Pid) -> bool:
        """`by` hands the socket to `to`; False when it is not its own to give."""
        if not self.turns.give(by, to):
            return False
        if not self.turns.waits(by) and not self.service.registry.watches(by, self.handle):
            self._demonitor(by)
        owner = alive.get(to)
        if owner is None or owner.ending:
            self.close_now()
        else:
            self._monitor(owner)
        return True

    def change_setting(self, name: str, value: Any) -> None:
        """Set an option of level otp."""
        self._go_by(attrs.evolve(self.settings, **{name: value}))
        if self.settings.use_registry:
            self.service.registry.sockets[self.handle] = None

    def expect_late_telling(self) -> None:
        """An option has been set by which there may be data of which the poller does not tell."""
        self.told_late = True
        self._go_by(self.settings)

    def _go_by(self, settings: Settings) -> None:
        self.settings = settings
        self.observed = settings.debug or settings.iow
        special = self.observed or settings.select_read or self.told_late
        self.is_plain = self.kind.is_stream and not special
        """A stream that nobody watches: what most sockets are, and the fast ways are for."""

    def monitor_socket(self, process: Process, handle: Socket) -> Ref:
        """`process` wants to be told when this socket closes; at once if it has."""
        if self.turns.closed:
            ref = Ref()
            process.deliver(SocketDown(ref, handle))
            return ref
        self.change_setting("use_registry", True)
        self.monitor_user(process.pid)
        return self.service.registry.monitor(handle, process.pid)

    def lane_of(self, name: LaneName) -> Lane:
        """One of the two lanes."""
        return self.turns.read if name == "read" else self.turns.write

    # --- readiness ----------------------------------------------------------------------------

    @enable_ki_protection
    def on_ready(self, read: int, write: int, ended: int) -> None:
        """The poller tells that the descriptor may have become ready: truth values."""
        if ended:
            self.saw_end = True
        # The reader first, as in Erlang: an error that the kernel tells once, such as a reset, is
        # for it to hear.
        if read:
            self.read_quiet = False
            lane = self.turns.read
            if lane.current is not None:
                self._go_on(lane, lane.current)
        if write:
            self.write_quiet = False
            lane = self.turns.write
            if lane.current is not None:
                self._go_on(lane, lane.current)

    def _go_on(self, lane: Lane, user: User) -> None:
        """The current user's turn has come: do what it waits for, or tell it to."""
        op = user.op
        if op is None or lane.selected:
            if lane.select() is not None:
                self._tell(user)
            return
        process = alive.get(user.pid)
        if process is None or not process.body.parked:
            return  # it is leaving, and its turn passes on as it does
        try:
            answer = op.attempt(self, user.pid, True)
        except Exception:  # it would be a mistake of ours: to be raised where the call was made
            self._carry_out(lane.ready())
            return
        if answer is None:
            self._watch_for(lane.name)
            self.service.poller.told_in_vain(self, lane.name)
        else:
            # `Lane.select` without the call: others are locked out until it is back.
            lane.selected = True
            process.body.wake(answer)

    def work_done(self, lane: LaneName) -> int:
        """A number that has grown if anything was done in `lane`."""
        counters = self.counters
        if lane == "read":
            return counters.read_byte + counters.read_pkg + counters.acc_success
        return counters.write_byte + counters.write_pkg + counters.sendfile_byte

    def nothing_to_read(self) -> bool:
        """Whether a receive, of any size, would surely find nothing."""
        if not self._hears_nothing():
            return False
        # What the poller has not told yet is there all the same.
        if self._probe is None:
            self._probe = Probe(self.fd, "read")
        if self._probe.ready():
            return False
        self.counters.read_tries += 1
        return True

    def _hears_nothing(self) -> bool:
        """There was nothing to read, and the poller has not told since that there is."""
        return self.read_quiet and not self.unread and not self.told_late

    def is_ready(self, lane: LaneName) -> bool:
        """Whether an attempt in `lane` would find something to do."""
        if lane == "read" and self.unread:
            return True
        return not self._is_quiet(lane) and ready_now(self.fd, lane)

    def _is_quiet(self, lane: LaneName) -> bool:
        return self.read_quiet if lane == "read" else self.write_quiet

    # --- closing ------------------------------------------------------------------------------

    async def close(self) -> Ok[None] | Error:
        """Close the socket; waits only where the linger option says so.

        It gives way as every call does. Who is cancelled then has closed it, without lingering.
        """
        try:
            toll = current_process().body.spend(SYSTEM_CALL)
            if toll is not None:
                await toll
        except BaseException:
            self.close_now()
            raise
        if self.turns.closed:
            return CLOSED
        sock = self._retire()
        if sock is not None:
            if self.may_linger and lingers(sock):
                await in_trio(close_lingering, sock)
            else:
                sock.close()
        return _DONE

    def close_now(self) -> None:
        """Close the socket without lingering: its owner is gone, or its actor."""
        if self.turns.closed:
            return
        sock = self._retire()
        if sock is not None:
            if self.may_linger:
                close_at_once(sock)
            else:
                sock.close()

    def _retire(self) -> stdlib.socket | None:
        """Tell everybody that the socket is closed; the descriptor to close, if it is ours."""
        service, sock = self.service, self.sock
        decisions = self.turns.close()
        service.poller.forget(self)
        self.read_quiet = self.write_quiet = self.is_plain = False
        if self.ctype == "fromfd":
            sock.detach()
        self._carry_out(decisions)
        service.registry.closed(self.handle)
        self.unread = b""
        self.process.end("normal")
        if not self.observed:
            self.handle = None  # it leads back here, and nobody needs its name any more
        return sock if sock.fileno() >= 0 else None

    # --- the process --------------------------------------------------------------------------

    @enable_ki_protection
    def _handle(self, message: object) -> None:
        match message:
            case Down(pid=Pid() as pid):
                self._monitors.pop(pid, None)
                if not self.turns.closed:
                    self.service.registry.forget_watcher(self.handle, pid)
                    self._carry_out(self.turns.down(pid))
            case _:
                pass  # a socket actor listens to its monitors only; its functions are calls

    @enable_ki_protection
    def _terminated(self, reason: object) -> None:
        self.close_now()

    def monitor_user(self, pid: Pid) -> None:
        """Hear of the end of `pid`, which waits or watches without blocking."""
        if pid not in self._monitors and (process := alive.get(pid)) is not None:
            self._monitor(process)

    def _monitor(self, process: Process) -> None:
        if process.pid not in self._monitors:
            self._monitors[process.pid] = self.process.monitor(process, process.pid)

    def _demonitor(self, pid: Pid) -> None:
        ref = self._monitors.pop(pid, None)
        if ref is not None:
            self.process.demonitor(ref)

    def _tell_of_wraps(self) -> None:
        wrapped = self.counters.wrap()
        owner = alive.get(self.turns.owner) if self.turns.owner is not None else None
        if owner is not None:
            for name in wrapped:
                owner.deliver(CounterWrap(self.handle, name))

    # --- decisions ----------------------------------------------------------------------------

    def _selected(self, op: Operation[Any], pid: Pid, handle: Ref) -> Select:
        self.monitor_user(pid)
        return Select(SelectInfo(op.tag, handle, op.continuation()), op.progress())

    def _waiting(self, op: Operation[Any], pid: Pid) -> User:
        return User(pid, op.kind, None, op.tag, op if op.in_place(self) else None)

    def _carry_out(self, decisions: Decisions) -> None:
        for decision in decisions:
            _CARRY_OUT[type(decision)](self, decision)

    def _watch(self, decision: Watch) -> None:
        lane = decision.lane
        if self._is_quiet(lane):
            return
        user = self.lane_of(lane).current
        # Who blocks has not begun to wait yet and can't be woken: that is left to the poller.
        if self.watched and user is not None and user.handle is not None and self.is_ready(lane):
            self._carry_out(self.lane_of(lane).ready())
            return
        self._watch_for(lane)

    def _watch_for(self, lane: LaneName) -> None:
        # Once is enough where every change is told.
        if not self.watched:
            self.service.poller.watch(self, lane)
            self.watched = self.service.poller.edge_triggered

    def _activate(self, decision: Activate) -> None:
        if self.is_ready(decision.lane):
            self._carry_out(self.lane_of(decision.lane).ready())
        else:
            self._watch(Watch(decision.lane))

    def _send_select(self, decision: SendSelect) -> None:
        self._tell(decision.user)

    def _tell(self, user: User) -> None:
        process = alive.get(user.pid)
        if process is None:
            return
        if user.handle is None:
            process.body.wake(SendSelect(user))
        else:
            process.deliver(SelectMessage(self.handle, _tag(user), user.handle))

    def _send_abort(self, decision: SendAbort) -> None:
        user = decision.user
        process = alive.get(user.pid)
        if process is None:
            return
        if user.handle is None:
            process.body.wake(decision)
        else:
            process.deliver(AbortMessage(self.handle, _tag(user), user.handle, decision.reason))

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
    return user.tag  # type: ignore[return-value]  # turns does not care which words there are
