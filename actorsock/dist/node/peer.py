"""One other node as this one sees it, connected or not.

What is told while there is no connection waits until there is one, or is lost with the last attempt
to make one.
"""

from collections.abc import Callable
from threading import get_ident
from typing import Any, Final, Protocol

from ...runtime.api.aliases import send_through
from ...runtime.core.identity import Pid, Ref
from ..terms.values import BadTerm
from ..terms.writing import Writer, atom_bytes
from ..wire import control
from ..wire.attempts import Attempts, Decision, Drop, GiveUp, Up
from ..wire.control import parsed
from ..wire.handshake import HANDSHAKE_SECONDS, Agreed
from .identities import FarPid, FarRef, pid_in_short
from .messages import DROPPED, from_term, to_term
from .outgoing import Line, Outgoing, Speaker
from .ties import Ties

__all__ = ["Host", "Peer"]

_PID: Final = 88
"""The first byte of a pid."""

_SEND: Final = b"h\x03a" + bytes((control.SEND,))
_SEND_ALIAS: Final = b"h\x03a" + bytes((control.SEND_ALIAS,))
_SEND_NAME: Final = b"h\x04a" + bytes((control.SEND_NAME,))


class Host(Speaker, Protocol):
    """This node, as its peers need it."""

    def begin(self, peer: "Peer") -> Any: ...
    def came_up(self, peer: "Peer") -> None: ...
    def went_down(self, peer: "Peer", reason: str, was_up: bool) -> None: ...
    def later(self, seconds: float, function: Callable[..., object], *args: Any) -> None: ...
    def with_release(self, peer: "Peer", then: Callable[[int], object]) -> None: ...
    def short_writer(self, peer: "Peer") -> Writer: ...
    def spawn_for(self, peer: "Peer", request: dict[str, Any]) -> None: ...


class Peer:
    """The node `name`."""

    def __init__(self, host: Host, name: str) -> None:
        self.name = name
        self.attempts = Attempts(host.name, name)
        self.hidden = False
        self.creation = 0
        self.losses = 0
        """How often the connection has been lost."""
        self.address: str | None = None
        """The address of the machine at the other end of the last connection."""
        self.release: int | None = None
        """The release of Erlang there, once somebody had to know; 0 for another program."""
        self._host = host
        self._flags = 0
        self._awaited = 0
        self._out = Outgoing(host, self)
        self.ties = Ties(self._out)

    def __repr__(self) -> str:
        return f"<peer {self.name}>"

    @property
    def line(self) -> Line | None:
        """The connection, while there is one."""
        return self._out.line

    def send(self, to: FarPid, message: Any) -> None:
        """Send a message to a pid there."""
        self._send(_SEND, to.wire, message)

    def send_alias(self, to: FarRef, message: Any) -> None:
        """Send a message through an alias of there."""
        self._send(_SEND_ALIAS, to.wire, message)

    def send_name(self, name: str, message: Any) -> None:
        """Send a message to a name there."""
        self._send(_SEND_NAME, b"w\x00" + atom_bytes(name), message)

    def _send(self, head: bytes, to: bytes, message: Any) -> None:
        out = self._out
        process = out.sender()
        # A thread of the program, or code outside of any process, sends in the name of the node.
        pid = out.host.pid if process is None else process.pid
        short = out.short
        if short is None or get_ident() != out.host.thread:
            head += out.host.sender_as_bytes(pid) + to

            def whole(writer: Writer) -> bytearray:
                body = bytearray(head)
                writer.write(body, to_term(message, writer.kin))
                return body

            busy = out.tell(whole(out.writer), pid, for_kin=out.for_kin(whole))
        else:
            assert out.line is not None
            body = bytearray(head)
            body += out.host.sender_in_short(pid)
            body += pid_in_short(to, 1) if to[0] == _PID else to
            short.write(body, to_term(message, short.kin))
            busy = out.line.write(body, pid, True)
        if busy and process is not None:
            out.charge(process)

    @property
    def writer(self) -> Writer:
        """What writes terms for this node."""
        return self._out.writer

    def is_kin(self) -> bool:
        """Return True for a node of this library, once it was connected."""
        return self._out.kin is True

    def with_release(self, then: Callable[[int], object]) -> None:
        """Call `then` with the release of Erlang there, which may have to be asked for."""
        self._host.with_release(self, then)

    # --- the connection ---------------------------------------------------------------------------

    def connect(self) -> None:
        """Begin to connect, if there is neither a connection nor an attempt."""
        if self.attempts.idle:
            attempt = self._host.begin(self)
            if attempt is None:  # the node is being left, or knows no way there
                self._down("noconnection")
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
                        self._down("connection_replaced")
                    connection.close("another connection with this node goes on")
                case Up(connection):
                    self._out.use(connection, self._flags, self._host.short_writer(self))
                    self._host.came_up(self)
                case GiveUp():
                    self._down(reason)

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
        self.hidden, self.creation, self._flags = agreed.hidden, agreed.creation, agreed.flags
        self._out.kin = agreed.kin
        (self._host.kin.add if agreed.kin else self._host.kin.discard)(self.name)
        self.carry_out(self.attempts.completed(connection))

    def overrun(self) -> None:
        """Give up what waits for a connection: it is too much."""
        self._down("noconnection")

    def _down(self, why: str) -> None:
        was_up = self._out.line is not None
        self._out.drop()
        self.ties.lost()
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
        own = _OWN.get(operation.name)
        if own is not None:
            own(self, **fields)
        else:
            _OF_TIES[operation.name](self.ties, **fields)

    def _on_send(self, to: Pid, message: Any, sender: Pid | None = None) -> None:
        process = self._host.here(to)
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

    def _on_spawn(self, **request: Any) -> None:
        self._host.spawn_for(self, request)

    def _on_group_leader(self, sender: Pid, to: Pid) -> None:
        pass  # a process here has none: its output goes where that of the program goes


_WITHOUT_SENDER: Final = ("send", "send_name", "send_alias", "spawn_reply")
_WITH_THEIR_REF: Final = ("monitor", "demonitor", "spawn")

_OWN: Final[dict[str, Callable[..., None]]] = {
    "send": Peer._on_send,
    "send_name": Peer._on_send_name,
    "send_alias": Peer._on_send_alias,
    "spawn": Peer._on_spawn,
    "group_leader": Peer._on_group_leader,
}
_OF_TIES: Final[dict[str, Callable[..., None]]] = {
    "link": Ties.on_link,
    "unlink": Ties.on_unlink,
    "unlink_ack": Ties.on_unlink_ack,
    "exit": Ties.on_exit,
    "exit2": Ties.on_exit2,
    "monitor": Ties.on_monitor,
    "demonitor": Ties.on_demonitor,
    "monitor_exit": Ties.on_monitor_exit,
    "spawn_reply": Ties.on_spawn_reply,
}
"""What does each operation, by its name: methods of the peer itself, and those of its ties."""
