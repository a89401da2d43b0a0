"""What makes a runtime a node: its name and cookie, its peers, and what they may ask of it."""

import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, Final
from weakref import WeakValueDictionary

import attrs
import trio

from ...runtime.api.linking import monitor
from ...runtime.api.messaging import receive, send
from ...runtime.api.spawning import spawn
from ...runtime.bodies.current import current_process
from ...runtime.core.identity import Pid, Ref
from ...runtime.core.messages import Timeout
from ...runtime.core.node import Node
from ...runtime.core.process import Process, alive
from ...runtime.core.remote import RemotePid
from ..terms.writing import Writer
from ..wire.flags import offered
from ..wire.handshake import Self
from .channel import Tls
from .connection import Connection
from .identities import FarName, FarPid, Identities
from .messages import kin_writer, messages_writer, short_writer
from .news import News
from .peer import Peer

__all__ = ["Connect", "Distribution", "Services", "Settings", "distribution"]

_log: Final = logging.getLogger("actorsock.dist")


_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 1.0
"""Seconds between two attempts to reach a node that somebody waits for."""


@attrs.frozen
class Settings:
    """The arguments of `dist.start`."""

    name: str
    cookie: str = attrs.field(repr=False)
    hidden: bool = True
    ticktime: float = 60.0
    none: str = "undefined"
    tls: Tls | None = None
    epmd_port: int = 4369
    """The port at which the epmd of any host is asked."""
    known: dict[str, tuple[str, int]] = attrs.field(factory=dict)
    """Addresses of nodes that no epmd has to be asked for."""
    address: tuple[str, int] | None = None
    """Where this node listens."""
    registered: bool = False
    """Whether epmd was told."""


@attrs.frozen
class Services:
    """What a node does with the help of modules that need it themselves."""

    spawn: Callable[["Distribution", Peer, dict[str, Any]], None]
    """Serves another node's request to spawn here."""
    release: Callable[[Peer, Callable[[int], object]], None]
    """Finds the release of another node."""
    start: Callable[["Distribution", str, Callable[..., Any], tuple[Any, ...]], Awaitable[Any]]
    """Starts the child of a supervisor on another node."""


@attrs.frozen
class Connect:
    """The message to `net_kernel`: make the handshake with a peer, on this connection."""

    peer: Peer
    connection: Connection


class Distribution:
    """One node."""

    def __init__(self, node: Node, settings: Settings, creation: int, services: Services) -> None:
        self.node: Final = node
        self.settings: Final = settings
        self.name: Final = settings.name
        self._services: Final = services
        self.pid = Pid()
        """Sends what no process sends; `net_kernel`'s once that runs."""
        self.leader = self.pid
        """The group leader of what is spawned elsewhere."""
        self.myself: Final = Self(
            settings.name,
            creation,
            offered(settings.hidden),
            settings.cookie,
            lambda: secrets.randbits(32),
        )
        self._peers: WeakValueDictionary[str, Peer] = WeakValueDictionary()
        self.connected: Final[dict[str, Peer]] = {}
        self.news: Final = News(lambda name: self.peer(name).connect())
        """Who is told of nodes that come and go."""
        self.identities: Final = Identities(settings.name, creation, self.peer)
        self.writer: Final = messages_writer(self.identities, settings.none)
        self.kin_writer: Final = kin_writer(self.identities, settings.none)
        self.kin: Final[set[str]] = set()
        """The names of the nodes that are of this library."""
        self.keys: Final[dict[str, bytes]] = {}
        """For each node that runs functions of this program, what gives it the right to that."""
        self.find: Callable[[str], Awaitable[tuple[str, int] | None]] | None = None
        """Asked for the address of a node before epmd is."""
        self.serving: Final[set[Pid]] = set()
        """The processes that read and write connections."""
        self.offered: Callable[[str, str, int], Callable[..., Any] | None] | None = None
        """Finds a function of the library itself that other nodes may call, by module, name and
        arity; see `observed`."""
        self.keeps_out: Callable[[FarPid, Any], bool] | None = None
        """Tells by sender and reason (a term) whether an exit signal of another node is dropped;
        see `observed`."""
        self._closing = False

    # --- what `runtime.core.remote` asks ----------------------------------------------------------

    def at(self, name: str, node: str) -> FarName | str:
        """Return what `(name, node)` means: a name on another node, or a name here."""
        return name if node == self.name else FarName(name, self.peer(node))

    def node_of(self, pid: RemotePid) -> str:
        assert isinstance(pid, FarPid)
        return pid.peer.name

    def losses(self, pid: RemotePid) -> int:
        assert isinstance(pid, FarPid)
        return pid.peer.losses

    async def reach(self, node: str) -> bool:
        """Connect with a node; return False if that fails."""
        if node == self.name or node in self.connected:
            return True
        process, ref = current_process(), Ref()
        self.news.await_settled(node, process, ref)
        try:
            return bool((await receive(ref)).up)
        finally:
            self.news.forget_settled(node, ref)

    async def start_there(self, node: str, start: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        return await self._services.start(self, node, start, args)

    def tell_when_up(self, nodes: tuple[str, ...], process: Process, message: Any) -> None:
        spawn(_tell_when_up, self, nodes, process.pid, message, light=True)

    # --- what peers ask ---------------------------------------------------------------------------

    def peer(self, name: str) -> Peer:
        """Return the node `name`, whether it is connected or not."""
        found = self._peers.get(name)
        if found is None:
            found = self._peers[name] = Peer(self, str(name))
        return found

    @property
    def thread(self) -> int:
        return self.node.thread

    def sender_as_bytes(self, pid: Pid) -> bytes:
        return self.identities.sender_as_bytes(pid)

    def sender_in_short(self, pid: Pid) -> bytes:
        return self.identities.sender_in_short(pid)

    def short_writer(self, peer: Peer) -> Writer:
        return short_writer(self.identities, self.settings.none, peer, peer.is_kin())

    def soon(self, function: Callable[..., object], *args: Any) -> None:
        self.node.deliver_soon(function, *args)

    def later(self, seconds: float, function: Callable[..., object], *args: Any) -> None:
        self.node.timers.add(trio.current_time() + seconds, function, *args)

    def process_named(self, name: str) -> Process | None:
        pid = self.node.names.get(name)
        return None if pid is None else alive.get(pid)

    def here(self, pid: Pid) -> Process | None:
        process = alive.get(pid)
        return None if process is None or process.node is not self.node else process

    def begin(self, peer: Peer) -> Connection | None:
        """Begin to connect; None if there is no way to `peer`."""
        kernel = self.process_named("net_kernel")
        if kernel is None or self._closing or "@" not in peer.name or peer.name == self.name:
            return None
        connection = Connection(self.settings.ticktime)
        kernel.deliver(Connect(peer, connection))
        return connection

    def came_up(self, peer: Peer) -> None:
        self.connected[peer.name] = peer
        _log.info("%s is connected", peer.name)
        self.news.came_up(peer.name)

    def went_down(self, peer: Peer, reason: str, was_up: bool) -> None:
        if was_up:
            self.connected.pop(peer.name, None)
            peer.losses += 1
            _log.info("%s is not connected any more: %s", peer.name, reason)
        self.news.went_down(peer.name, reason, was_up)

    def takes_exit(self, sender: FarPid, reason: Any) -> bool:
        """Return whether an exit signal of another node reaches the process to which it is sent."""
        return self.keeps_out is None or not self.keeps_out(sender, reason)

    def spawn_for(self, peer: Peer, request: dict[str, Any]) -> None:
        self._services.spawn(self, peer, request)

    def with_release(self, peer: Peer, then: Callable[[int], object]) -> None:
        self._services.release(peer, then)

    # --- the end ----------------------------------------------------------------------------------

    def close(self) -> None:
        """Give up every connection: the node is being left."""
        self._closing = True
        for peer in list(self._peers.values()):
            peer.disconnect("this node is being left")


async def _tell_when_up(node: Distribution, nodes: tuple[str, ...], to: Pid, message: Any) -> None:
    ref = monitor(to)
    pause = _FIRST_PAUSE
    while node.node.elsewhere is node:
        for name in nodes:
            if await node.reach(name):
                send(to, message)
                return
        if not isinstance(await receive(ref, after=pause), Timeout):
            return
        pause = min(2 * pause, _LONGEST_PAUSE)


def distribution() -> Distribution:
    """Return the node that the calling process belongs to; raise `RuntimeError` if it is none."""
    elsewhere = current_process().node.elsewhere
    if not isinstance(elsewhere, Distribution):
        raise RuntimeError(
            "this runtime is no node of a cluster: put `async with dist.start(name, cookie=...):` "
            "around this code"
        )
    return elsewhere
