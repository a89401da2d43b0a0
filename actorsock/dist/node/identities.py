"""Pids and refs between nodes: one object for each identity, and the bytes that stand for it.

An identity of another node is found again by its four numbers, and one of this node that was sent
by its number; both for as long as the program holds the object. Equality stays identity.
"""

from collections.abc import Callable
from typing import Any, Final, Protocol
from weakref import WeakValueDictionary

from ...runtime.core.identity import Pid, Ref
from ...runtime.core.remote import RemoteName, RemotePid, RemoteRef
from ..terms.writing import Writer, pid_bytes, ref_bytes

__all__ = [
    "FarName",
    "FarPid",
    "FarRef",
    "Identities",
    "Neighbour",
    "pid_in_short",
    "ref_in_short",
]

# The short form of a pid or a ref: in the place of its node is the number of an atom that the
# connection keeps, 0 for this node and 1 for the other one.
OUR_PID: Final = b"XR\x00"
THEIR_PID: Final = b"XR\x01"


class TiesWith(Protocol):
    """The links and monitors with another node: see `ties`."""

    def link(self, process: Pid, to: "FarPid") -> None: ...
    def unlink(self, process: Pid, to: "FarPid") -> None: ...
    def monitor(self, process: Pid, to: Any, ref: Ref) -> None: ...
    def demonitor(self, process: Pid, to: Any, ref: Ref) -> None: ...
    def exit2(self, process: Pid, to: "FarPid", reason: Any) -> None: ...
    def exit(self, process: Pid, to: "FarPid", reason: Any) -> None: ...
    def monitor_exit(
        self, process: Pid, named: Any, to: "FarPid", ref: Ref, reason: Any
    ) -> None: ...


class Neighbour(Protocol):
    """Another node, as its pids, refs and names, and what is told to it, need it: see `peer`."""

    name: str
    address: str | None
    losses: int

    @property
    def ties(self) -> TiesWith: ...
    @property
    def writer(self) -> Writer: ...
    def with_release(self, then: Callable[[int], object]) -> None: ...
    def send(self, to: "FarPid", message: Any) -> None: ...
    def send_alias(self, to: "FarRef", message: Any) -> None: ...
    def send_name(self, name: str, message: Any) -> None: ...
    def connect(self) -> None:
        """Begin to connect: something waits for a connection."""

    def overrun(self) -> None:
        """Give that up: too much waits."""


class FarPid(RemotePid):
    """A pid of another node. It prints with the name of that node."""

    __slots__ = ("peer", "wire")

    def __init__(self, peer: Neighbour, number: int, wire: bytes) -> None:
        self._number = number
        self.peer = peer
        self.wire = wire
        """Its bytes as a term."""

    def __repr__(self) -> str:
        return f"<{self.peer.name}.{self._number & 0xFFFFFFFF}.{self._number >> 32}>"

    def deliver(self, message: Any) -> None:
        self.peer.send(self, message)

    def linked(self, process: Pid) -> None:
        self.peer.ties.link(process, self)

    def unlinked(self, process: Pid) -> None:
        self.peer.ties.unlink(process, self)

    def monitored(self, process: Pid, ref: Ref) -> None:
        self.peer.ties.monitor(process, self, ref)

    def demonitored(self, process: Pid, ref: Ref) -> None:
        self.peer.ties.demonitor(process, self, ref)

    def signal(self, sender: Pid, reason: Any) -> None:
        self.peer.ties.exit2(sender, self, reason)

    def partner_ended(self, process: Pid, reason: Any) -> None:
        self.peer.ties.exit(process, self, reason)

    def watched_ended(self, ref: Ref, process: Pid, named: Any, reason: Any) -> None:
        self.peer.ties.monitor_exit(process, named, self, ref, reason)


class FarRef(RemoteRef):
    """A reference of another node."""

    __slots__ = ("peer", "wire")

    def __init__(self, peer: Neighbour, number: int, wire: bytes) -> None:
        self._number = number
        self.peer = peer
        self.wire = wire

    def __repr__(self) -> str:
        return f"#Ref<{self.peer.name}.{self._number}>"

    def deliver(self, message: Any) -> None:
        self.peer.send_alias(self, message)


class FarName(RemoteName):
    """A registered name on another node."""

    __slots__ = ("peer",)

    def __init__(self, name: str, peer: Neighbour) -> None:
        super().__init__(name, peer.name)
        self.peer = peer

    def __repr__(self) -> str:
        return repr((self.name, self.node))

    def deliver(self, message: Any) -> None:
        self.peer.send_name(self.name, message)

    def monitored(self, process: Pid, ref: Ref) -> None:
        self.peer.ties.monitor(process, self, ref)

    def demonitored(self, process: Pid, ref: Ref) -> None:
        self.peer.ties.demonitor(process, self, ref)


def pid_in_short(wire: bytes, place: int) -> bytes:
    """Return the short form of a pid: `place` is 0 for one of this node, 1 for theirs."""
    return (THEIR_PID if place else OUR_PID) + wire[-12:]


def ref_in_short(wire: bytes, place: int) -> bytes:
    """Return the short form of a reference: `place` is 0 for one of this node, 1 for theirs."""
    return b"Z%bR%c%b" % (wire[1:3], place, wire[-4 - 4 * wire[2] :])


_Key = tuple[Any, ...]


class Identities:
    """The pids and refs that one node has sent and received.

    Args:
        name: the name of this node.
        creation: the number of this life of it; an identity of another life leads nowhere.
        peer_of: returns the peer for a node's name.
    """

    def __init__(self, name: str, creation: int, peer_of: Callable[[str], Neighbour]) -> None:
        self.name: Final = name
        self.creation: Final = creation
        self._peer_of = peer_of
        self._sent_pids: WeakValueDictionary[int, Pid] = WeakValueDictionary()
        self._sent_refs: WeakValueDictionary[int, Ref] = WeakValueDictionary()
        self._sender: Pid | None = None
        self._sender_wire = self._sender_short = b""
        self._far_pids: WeakValueDictionary[_Key, FarPid] = WeakValueDictionary()
        self._far_refs: WeakValueDictionary[_Key, FarRef] = WeakValueDictionary()

    def pid_as_bytes(self, pid: Pid) -> bytes:
        """Return a pid of this program as a term, and keep it for the way back."""
        number = pid.number
        self._sent_pids[number] = pid
        return pid_bytes(self.name, number & 0xFFFFFFFF, number >> 32, self.creation)

    def sender_as_bytes(self, pid: Pid) -> bytes:
        """Do the same as `pid_as_bytes`; quick for the process that sends one message more."""
        if pid is not self._sender:
            self._keep_sender(pid)
        return self._sender_wire

    def sender_in_short(self, pid: Pid) -> bytes:
        """Return the short form of that."""
        if pid is not self._sender:
            self._keep_sender(pid)
        return self._sender_short

    def _keep_sender(self, pid: Pid) -> None:
        self._sender_wire = self.pid_as_bytes(pid)
        self._sender_short = OUR_PID + self._sender_wire[-12:]
        self._sender = pid

    def ref_as_bytes(self, ref: Ref) -> bytes:
        """Return a ref of this program as a term, and keep it for the way back."""
        number = ref.number
        self._sent_refs[number] = ref
        # Of the first word only 18 bits may be used.
        words = (number & 0x3FFFF, number >> 18 & 0xFFFFFFFF, number >> 50)
        return ref_bytes(self.name, self.creation, words)

    def pid(self, node: str, id: int, serial: int, creation: int) -> Pid:
        """Return the pid with these numbers."""
        number = serial << 32 | id
        if node == self.name and creation == self.creation:
            pid = self._sent_pids.get(number)
            if pid is not None:
                return pid
        key = (node, number, creation)
        far = self._far_pids.get(key)
        if far is None:
            wire = pid_bytes(node, id, serial, creation)
            far = self._far_pids[key] = FarPid(self._peer_of(node), number, wire)
        return far

    def ref(self, node: str, creation: int, words: tuple[int, ...]) -> Ref:
        """Return the reference with these numbers."""
        if node == self.name and creation == self.creation and len(words) == 3:
            ref = self._sent_refs.get(words[0] | words[1] << 18 | words[2] << 50)
            if ref is not None:
                return ref
        key = (node, creation, words)
        far = self._far_refs.get(key)
        if far is None:
            number = sum(word << 32 * place for place, word in enumerate(words))
            wire = ref_bytes(node, creation, words)
            far = self._far_refs[key] = FarRef(self._peer_of(node), number, wire)
        return far
