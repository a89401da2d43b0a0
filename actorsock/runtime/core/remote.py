"""What the runtime asks of a process that is on another node.

A program that joins a cluster has pids, aliases and names of other nodes. Their classes derive from
the ones here, and answer by messages to that node. Here is only what has to be asked: without such
a program nothing derives from these classes, and no value is ever an instance of them.

They derive from `Pid` and `Ref`, whose own type stays the test of the fast paths: `type(dest) is
Pid` is a process of this program, anything else takes the slower way that ends here.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from .identity import Pid, Ref

if TYPE_CHECKING:
    from .process import Process

__all__ = ["Elsewhere", "Remote", "RemoteName", "RemotePid", "RemoteRef", "refuse_remote"]


class Remote:
    """A destination on another node. None of its methods waits, or raises for that node's sake.

    All but `deliver` are called in the thread of the runtime. The caller keeps its own side of a
    link or a monitor in the tables of its process; these methods tell the other side.
    """

    __slots__ = ()

    def deliver(self, message: Any) -> None:
        """Send `message`, from any thread; raise `TypeError` if it can't be sent to another node.

        An object of no form that the other node knows is a mistake of the sender.
        """
        raise NotImplementedError

    def linked(self, process: Pid) -> None:
        """Note that `process`, of this program, has linked itself with this one."""
        raise NotImplementedError

    def unlinked(self, process: Pid) -> None:
        """Note that `process` has removed the link."""
        raise NotImplementedError

    def monitored(self, process: Pid, ref: Ref) -> None:
        """Note that `process` monitors this one; a `Down` with `ref` tells of the end."""
        raise NotImplementedError

    def demonitored(self, process: Pid, ref: Ref) -> None:
        """Note that `process` has removed the monitor `ref`."""
        raise NotImplementedError

    def signal(self, sender: Pid, reason: Any) -> None:
        """Send the exit signal of `exit(pid, reason)`."""
        raise NotImplementedError

    def partner_ended(self, process: Pid, reason: Any) -> None:
        """Send the exit signal of a link: `process` has ended with `reason`."""
        raise NotImplementedError

    def watched_ended(self, ref: Ref, process: Pid, named: Any, reason: Any) -> None:
        """Tell that `process`, which this one monitors as `named` with its `ref`, has ended."""
        raise NotImplementedError


class RemotePid(Remote, Pid):
    """The pid of a process of another node."""

    __slots__ = ()


class RemoteRef(Remote, Ref):
    """A reference of another node, which may be an alias there: only `deliver` is asked of it."""

    __slots__ = ()


class RemoteName(Remote):
    """A name on another node: it can be sent to and monitored."""

    __slots__ = ("name", "node")

    def __init__(self, name: str, node: str) -> None:
        self.name = name
        self.node = node


def refuse_remote(pid: Pid) -> None:
    """Raise `ValueError` if `pid` is of another node: its state can't be seen from here."""
    if isinstance(pid, Remote):
        raise ValueError(f"pid: {pid!r} is of another node: its state can't be seen from here")


class Elsewhere(Protocol):
    """The part of a runtime that knows other nodes; `Node.elsewhere`."""

    @property
    def connected(self) -> Mapping[str, object]:
        """By their names, the nodes that this one is connected with."""
        ...

    def at(self, name: str, node: str) -> "RemoteName | str":
        """Return what `(name, node)` means; `name` itself if `node` is this node."""
        ...

    def node_of(self, pid: RemotePid) -> str:
        """Return the name of the node of `pid`."""
        ...

    def losses(self, pid: RemotePid) -> int:
        """Return how often the connection with the node of `pid` has been lost."""
        ...

    async def reach(self, node: str) -> bool:
        """Connect with a node; return False if that fails."""
        ...

    async def start_there(self, node: str, start: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        """Return `start(*args)`, called on another node, where it starts a child of the caller.

        The child is linked with the caller, its parent. The result is what `start` returns, an
        `Error` with what it raises, or `Error("noconnection")`.
        """
        ...

    def tell_when_up(self, nodes: tuple[str, ...], process: "Process", message: Any) -> None:
        """Send `message` to `process` once one of these nodes can be reached."""
        ...
