"""One other node as this one sees it: what is told to it and heard from it, connected or not.

Links and monitors between two nodes are kept here twice: in the tables of the process on this side,
as if the other one were here, and in the tables of the peer, by which all of them end when the
connection does. What is told while there is no connection waits until there is one, or is lost
with the last attempt to make one.
"""

import logging
from collections.abc import Callable
from itertools import count
from threading import get_ident
from typing import Any, Final, Protocol

import attrs
import trio

from ...log_text import text_of
from ...runtime.api.aliases import send_through
from ...runtime.bodies.running import by_task, local
from ...runtime.core.identity import Pid, Ref
from ...runtime.core.process import Process, alive
from ...runtime.core.remote import RemoteName
from ..terms.values import Atom, BadTerm
from ..terms.writing import Writer, atom_bytes
from ..wire import control
from ..wire.attempts import Attempts, Decision, Drop, GiveUp, Up
from ..wire.control import Operation, parsed
from ..wire.frames import framed
from ..wire.handshake import HANDSHAKE_SECONDS, Agreed
from . import reasons
from .identities import FarPid, FarRef
from .messages import DROPPED, from_term, to_term

__all__ = ["MOST_QUEUED", "FarName", "Host", "Line", "Peer", "SpawnReply"]

_log: Final = logging.getLogger("actorsock.dist")

MOST_QUEUED: Final = 64 * 1024 * 1024
"""Bytes that wait for one peer, at most: beyond that its connection is given up."""

_ACTIVE: Final = 0

_SEND: Final = b"h\x03a" + bytes((control.SEND,))
_SEND_ALIAS: Final = b"h\x03a" + bytes((control.SEND_ALIAS,))
_SEND_NAME: Final = b"h\x04a" + bytes((control.SEND_NAME,))
_MONITOR: Final = b"h\x04a" + bytes((control.MONITOR,))
_DEMONITOR: Final = b"h\x04a" + bytes((control.DEMONITOR,))


class Line(Protocol):
    """A connection, as its peer uses it."""

    def write(self, frame: bytes, soon: bool = True) -> None:
        """Send a frame, without waiting; unless `soon`, together with the next one."""

    def close(self, why: str) -> None:
        """End the connection."""


class Host(Protocol):
    """This node, as its peers need it."""

    pid: Pid

    @property
    def name(self) -> str: ...
    @property
    def writer(self) -> Writer: ...
    @property
    def thread(self) -> int: ...
    def sender_as_bytes(self, pid: Pid) -> bytes: ...
    def soon(self, function: Callable[..., object], *args: Any) -> None: ...
    def process_named(self, name: str) -> Process | None: ...
    def begin(self, peer: "Peer") -> Any: ...
    def came_up(self, peer: "Peer") -> None: ...
    def went_down(self, peer: "Peer", reason: str, was_up: bool) -> None: ...
    def later(self, seconds: float, function: Callable[..., object], *args: Any) -> None: ...
    def with_release(self, peer: "Peer", then: Callable[[int], object]) -> None: ...
    def spawn_for(self, peer: "Peer", request: dict[str, Any]) -> None: ...


class FarName(RemoteName):
    """A registered name on another node."""

    __slots__ = ("peer",)

    def __init__(self, name: str, peer: "Peer") -> None:
        super().__init__(name, peer.name)
        self.peer = peer

    def __repr__(self) -> str:
        return repr((self.name, self.node))

    def deliver(self, message: Any) -> None:
        self.peer.send_name(self.name, message)

    def monitored(self, process: Pid, ref: Ref) -> None:
        self.peer.monitor(process, self, ref)

    def demonitored(self, process: Pid, ref: Ref) -> None:
        self.peer.demonitor(process, self, ref)


@attrs.frozen
class SpawnReply:
    """The answer to a request to spawn: a pid, or the reason why there is none."""

    ref: Ref
    result: Any


class Peer:
    """The node `name`."""

    def __init__(self, host: Host, name: str) -> None:
        self.name = name
        self.attempts = Attempts(host.name, name)
        self.line: Line | None = None
        """The connection, while there is one."""
        self.hidden = False
        self.creation = 0
        self.release: int | None = None
        """The release of Erlang there, once somebody had to know; 0 for another program."""
        self._host = host
        self._writer = host.writer
        self._queue: list[bytes] = []
        self._queued = 0
        self._links: dict[tuple[Pid, FarPid], int] = {}
        """Every link: `_ACTIVE`, or the number of the unlink that is under way."""
        self._monitors: dict[Ref, tuple[Pid, FarPid | FarName]] = {}
        """The monitors of processes here, of processes there."""
        self._watchers: dict[Ref, Pid] = {}
        """The monitors of processes there: which process here each of them is about."""
        self._spawning: dict[Ref, Pid] = {}
        """Requests to spawn there that are not answered."""
        self._unlinks: Final = count(1)
        self._awaited = 0

    def __repr__(self) -> str:
        return f"<peer {self.name}>"

    # --- what processes of this node tell ---------------------------------------------------------

    def send(self, to: FarPid, message: Any) -> None:
        """Send a message to a pid there."""
        body = bytearray(_SEND)
        body += self._sender()
        body += to.wire
        self._writer.write(body, to_term(message))
        self._tell(body)

    def send_alias(self, to: FarRef, message: Any) -> None:
        """Send a message through an alias of there."""
        body = bytearray(_SEND_ALIAS)
        body += self._sender()
        body += to.wire
        self._writer.write(body, to_term(message))
        self._tell(body)

    def send_name(self, name: str, message: Any) -> None:
        """Send a message to a name there."""
        body = bytearray(_SEND_NAME)
        body += self._sender()
        body += b"w\x00" + atom_bytes(name)
        self._writer.write(body, to_term(message))
        self._tell(body)

    def link(self, process: Pid, to: FarPid) -> None:
        """Tell that `process`, here, is linked with `to`."""
        if self._links.get((process, to)) != _ACTIVE:
            self._links[process, to] = _ACTIVE
            self._operate(control.LINK, process, to)

    def unlink(self, process: Pid, to: FarPid) -> None:
        """Tell that the link is removed; until it is acknowledged the other side may not know."""
        if self._links.get((process, to)) == _ACTIVE:
            number = self._links[process, to] = next(self._unlinks)
            self._operate(control.UNLINK, number, process, to)

    def monitor(self, process: Pid, to: FarPid | FarName, ref: Ref) -> None:
        """Ask for a `Down` for the end of `to`."""
        self._monitors[ref] = process, to
        self._tell(self._about_monitor(_MONITOR, process, to, ref))

    def demonitor(self, process: Pid, to: FarPid | FarName, ref: Ref) -> None:
        """Withdraw that."""
        if self._monitors.pop(ref, None) is not None:
            # It does no harm to be told later: a `Down` that comes until then is not delivered.
            # Each call ends with this, and a system call for it would double the price.
            self._tell(self._about_monitor(_DEMONITOR, process, to, ref), soon=False)

    def _about_monitor(
        self, head: bytes, process: Pid, to: FarPid | FarName, ref: Ref
    ) -> bytearray:
        body = bytearray(head)
        body += self._host.sender_as_bytes(process)
        body += atom_bytes(to.name) if isinstance(to, FarName) else to.wire
        self._writer.write(body, ref)
        return body

    def exit2(self, process: Pid, to: FarPid, reason: Any) -> None:
        """Send the exit signal of `exit(pid, reason)`."""
        self._operate(control.EXIT2, process, to, reason=reason)

    def exit(self, process: Pid, to: FarPid, reason: Any) -> None:
        """Send the exit signal of a link, whose process here has ended."""
        if self._links.pop((process, to), None) == _ACTIVE:
            self._operate(control.EXIT, process, to, reason=reason)

    def with_release(self, then: Callable[[int], object]) -> None:
        """Call `then` with the release of Erlang there, which may have to be asked for."""
        self._host.with_release(self, then)

    def monitor_exit(self, process: Pid, named: Any, to: FarPid, ref: Ref, reason: Any) -> None:
        """Tell that `process`, which `to` monitors, has ended."""
        if self._watchers.pop(ref, None) is not None:
            self._down(named, to, ref, reason)

    def _down(self, named: Any, to: FarPid, ref: Ref, reason: Any) -> None:
        target = Atom(named) if isinstance(named, str) else named
        self._operate(control.MONITOR_EXIT, target, to, ref, reason=reason)

    def spawn(
        self, process: Pid, ref: Ref, leader: Pid, function: tuple[str, str], args: list[Any],
        options: list[Any],
    ) -> None:  # fmt: skip
        """Ask for a process there; a `SpawnReply` comes to `process`."""
        module, name = function
        mfa = Atom(module), Atom(name), len(args)
        body = self._body((control.SPAWN, ref, process, leader, mfa, options))
        self._writer.write(body, args)
        self._spawning[ref] = process
        if Atom("monitor") in options:
            self._monitors[ref] = process, FarName("", self)
        self._tell(body)

    def abandon_spawn(self, ref: Ref) -> None:
        """Forget a request to spawn that may still be answered: nobody waits for it."""
        self._spawning.pop(ref, None)

    def spawned(self, to: Pid, ref: Ref, flags: int, result: Any) -> None:
        """Answer a request to spawn here."""
        self._operate(control.SPAWN_REPLY, ref, to, flags, result)

    def adopt(self, process: Process, parent: FarPid, ref: Ref, link: bool, monitor: bool) -> None:
        """Link and monitor a process that was spawned for `parent`, before it runs."""
        if link:
            self._links[process.pid, parent] = _ACTIVE
            process.linked_from(parent)
        if monitor:
            assert isinstance(ref, FarRef)
            self._watchers[ref] = process.pid
            process.watched_from(parent, ref, process.pid)

    def _operate(self, *operation: Any, reason: Any = None) -> None:
        body = self._body(operation)
        if operation[0] in _WITH_REASON:
            reasons.write_reason(self._writer, body, reason)
        self._tell(body)

    def _body(self, operation: tuple[Any, ...]) -> bytearray:
        body = bytearray()
        self._writer.write(body, operation)
        return body

    def _sender(self) -> bytes:
        # A thread of the program, or code outside of any process, sends in the name of the node.
        process = local.step.process
        if process is None:
            process = _process_of_task()
        return self._host.sender_as_bytes(self._host.pid if process is None else process.pid)

    def _tell(self, body: bytearray, soon: bool = True) -> None:
        frame = framed(body)
        if get_ident() == self._host.thread:
            self._put(frame, soon)
        else:
            self._host.soon(self._put, frame)

    def _put(self, frame: bytes, soon: bool = True) -> None:
        if self.line is not None:
            self.line.write(frame, soon)
            return
        self._queue.append(frame)
        self._queued += len(frame)
        if self._queued > MOST_QUEUED:
            _log.error("more than %d bytes wait for %s: they are dropped", MOST_QUEUED, self.name)
            self._down_now("noconnection")
        else:
            self.connect()

    # --- the connection ---------------------------------------------------------------------------

    def connect(self) -> None:
        """Begin to connect, if there is neither a connection nor an attempt."""
        if self.attempts.idle:
            attempt = self._host.begin(self)
            if attempt is None:  # the node is being left, or knows no way there
                self._down_now("noconnection")
            else:
                self.attempts.begun(attempt)

    def disconnect(self, why: str) -> None:
        """End the connection, if there is one, and all that leads over it."""
        line = self.line
        if line is not None:
            self.carry_out(self.attempts.ended(line), why)
            line.close(why)

    def carry_out(self, decisions: list[Decision], reason: str = "connection_closed") -> None:
        """Do what the rules about attempts have decided."""
        for decision in decisions:
            match decision:
                case Drop(connection):
                    if connection is self.line:
                        self._down_now("connection_replaced")
                    connection.close("another connection with this node goes on")
                case Up(connection):
                    self._up(connection)
                case GiveUp():
                    self._down_now(reason)

    def refused(self, connection: Any, status: str | None) -> None:
        """Note that the other side has refused our attempt, perhaps because its own goes on."""
        self.carry_out(self.attempts.refused(connection, status))
        if self.attempts.awaiting:
            self._awaited += 1
            self._host.later(HANDSHAKE_SECONDS, self._waited_long, self._awaited)

    def _waited_long(self, number: int) -> None:
        if number == self._awaited:
            self.carry_out(self.attempts.waited_long())

    def established(self, connection: Any, agreed: Agreed) -> None:
        """Note that the handshake on a connection is complete."""
        # A new life of the node, or the same one again: what went through the old connection is
        # over before anything of the new one is heard.
        if agreed.creation != self.creation:
            self.release = None
        self.hidden, self.creation = agreed.hidden, agreed.creation
        self.carry_out(self.attempts.completed(connection))

    def _up(self, connection: Any) -> None:
        self.line = connection
        queue, self._queue, self._queued = self._queue, [], 0
        for frame in queue:
            connection.write(frame)
        self._host.came_up(self)

    def _down_now(self, why: str) -> None:
        """End every link and monitor, because there is no way to the node any more."""
        reason = "noconnection"
        was_up, self.line = self.line is not None, None
        self._queue, self._queued = [], 0
        links, self._links = self._links, {}
        monitors, self._monitors = self._monitors, {}
        watchers, self._watchers = self._watchers, {}
        spawning, self._spawning = self._spawning, {}
        for ref, pid in watchers.items():
            if (process := alive.get(pid)) is not None and isinstance(ref, FarRef):
                process.unwatched_from(ref)
        for (pid, to), state in links.items():
            if state == _ACTIVE and (process := alive.get(pid)) is not None:
                process.link_ended(to, reason)
        for ref, pid in spawning.items():
            monitors.pop(ref, None)
            if (process := alive.get(pid)) is not None:
                if process.monitors is not None:
                    process.monitors.pop(ref, None)
                process.deliver(SpawnReply(ref, reason))
        for ref, (pid, target) in monitors.items():
            if (process := alive.get(pid)) is not None:
                process.watched_ended(ref, _named(target), reason)
        self._host.went_down(self, why, was_up)

    # --- what the other node tells ----------------------------------------------------------------

    def heard(self, message: Any, payload: Any, has_payload: bool) -> None:
        """Do what a control message asks for; raise `BadTerm` if it is none."""
        if has_payload and type(message) is tuple and len(message) == 3:
            # The commonest operation, without its table.
            number, _, to = message
            if number == control.SEND and isinstance(to, Pid):
                self._on_send(to, payload)
                return
        operation = parsed(message, payload, has_payload)
        fields = operation.fields
        # A node speaks for its own processes alone. `send` uses no sender, and is spared the test.
        if operation.name not in _WITHOUT_SENDER:
            for name in ("sender", "ref") if operation.name in _WITH_THEIR_REF else ("sender",):
                if isinstance(fields[name], (Pid, Ref)) and (
                    getattr(fields[name], "peer", None) is not self
                ):
                    raise BadTerm(f"{operation.name} in the name of {fields[name]!r}")
        _HEARD[operation.name](self, **fields)

    def _here(self, pid: Pid) -> Process | None:
        process = alive.get(pid)
        if process is None or process.node.thread != self._host.thread:
            return None
        return process

    def _on_send(self, to: Pid, message: Any, sender: Pid | None = None) -> None:
        process = self._here(to)
        if process is not None:
            message = from_term(message)
            if message is not DROPPED:
                process.deliver(message)

    def _on_send_name(self, sender: Pid, to: str, message: Any) -> None:
        process = self._host.process_named(to)
        if process is not None:
            self._on_send(process.pid, message)

    def _on_send_alias(self, sender: Pid, to: Ref, message: Any) -> None:
        message = from_term(message)
        if message is not DROPPED and type(to) is Ref:
            send_through(to, message)

    def _on_link(self, sender: FarPid, to: Pid) -> None:
        if (to, sender) in self._links:
            return
        process = self._here(to)
        if process is None or process.ending:
            self._operate(control.EXIT, to, sender, reason="noproc")
        else:
            self._links[to, sender] = _ACTIVE
            process.linked_from(sender)

    def _on_unlink(self, id: int, sender: FarPid, to: Pid) -> None:
        self._operate(control.UNLINK_ACK, id, to, sender)
        if self._links.get((to, sender)) == _ACTIVE:
            del self._links[to, sender]
            if (process := self._here(to)) is not None:
                process.unlinked_from(sender)

    def _on_unlink_ack(self, id: int, sender: FarPid, to: Pid) -> None:
        if self._links.get((to, sender)) == id:
            del self._links[to, sender]

    def _on_exit(self, sender: FarPid, to: Pid, reason: Any) -> None:
        if self._links.get((to, sender)) == _ACTIVE:
            del self._links[to, sender]
            if (process := self._here(to)) is not None:
                process.link_ended(sender, reasons.from_term(reason))

    def _on_exit2(self, sender: FarPid, to: Pid, reason: Any) -> None:
        if (process := self._here(to)) is not None:
            process.signal(sender, reasons.from_term(reason), "exit")

    def _on_monitor(self, sender: FarPid, to: Pid | str, ref: FarRef) -> None:
        named: Pid | str = str(to) if isinstance(to, str) else to
        if isinstance(to, str):
            process = self._host.process_named(to)
        else:
            process = self._here(to)
        if process is None or process.ending:
            self._down(named, sender, ref, "noproc")
        else:
            self._watchers[ref] = process.pid
            process.watched_from(sender, ref, named)

    def _on_demonitor(self, sender: FarPid, to: Pid | str, ref: FarRef) -> None:
        pid = self._watchers.pop(ref, None)
        if pid is not None and (process := self._here(pid)) is not None:
            process.unwatched_from(ref)

    def _on_monitor_exit(self, sender: Pid | str, to: Pid, ref: Ref, reason: Any) -> None:
        monitor = self._monitors.pop(ref, None)
        if monitor is not None and (process := self._here(monitor[0])) is not None:
            process.watched_ended(ref, _named(monitor[1]), reasons.from_term(reason))

    def _on_spawn(self, **request: Any) -> None:
        self._host.spawn_for(self, request)

    def _on_spawn_reply(self, ref: Ref, to: Pid, flags: int, result: Any) -> None:
        asking = self._spawning.pop(ref, None)
        process = None if asking is None else self._here(asking)
        if process is None:
            # Abandoned. A process that was to be linked must not live on, unknown to anybody.
            if flags & 1 and isinstance(result, FarPid):
                self._operate(control.EXIT, to, result, reason="abandoned")
            return
        if isinstance(result, FarPid):
            if flags & 1:
                self._links[process.pid, result] = _ACTIVE
                process.linked_from(result)
            if ref in self._monitors:
                self._monitors[ref] = process.pid, result
                if process.monitors is not None and ref in process.monitors:
                    process.monitors[ref] = result
        else:
            self._monitors.pop(ref, None)
            if process.monitors is not None:
                process.monitors.pop(ref, None)
        process.deliver(SpawnReply(ref, result))

    def _on_group_leader(self, sender: Pid, to: Pid) -> None:
        pass  # a process here has none: its output goes where that of the program goes


def _named(target: FarPid | FarName) -> Any:
    return (target.name, target.node) if isinstance(target, FarName) else target


def _process_of_task() -> Process | None:


    try:
        return by_task.get(trio.lowlevel.current_task())
    except RuntimeError:
        return None


_WITH_REASON: Final = (control.EXIT, control.EXIT2, control.MONITOR_EXIT)

_WITHOUT_SENDER: Final = ("send", "send_name", "send_alias", "spawn_reply")
_WITH_THEIR_REF: Final = ("monitor", "demonitor", "spawn")

_HEARD: Final[dict[str, Callable[..., None]]] = {
    name: getattr(Peer, f"_on_{name}") for name in {row.name for row in control.OPERATIONS.values()}
}
