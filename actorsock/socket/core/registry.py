"""The open sockets of one runtime, and their monitors."""

from typing import Any, Final, Protocol

import attrs

from ...runtime.core.identity import Pid, Ref
from ...runtime.core.process import alive
from ..values.kinds import SocketKind
from .notifications import SocketDown
from .socket_object import Socket

__all__ = ["Registry", "SocketTrace"]

_COUNTED: Final[dict[tuple[str, str | int], str]] = {
    ("domain", "inet"): "num_dinet",
    ("domain", "inet6"): "num_dinet6",
    ("domain", "local"): "num_dlocal",
    ("type", "stream"): "num_tstreams",
    ("type", "dgram"): "num_tdgrams",
    ("type", "seqpacket"): "num_tseqpkgs",
    ("protocol", "ip"): "num_pip",
    ("protocol", "tcp"): "num_ptcp",
    ("protocol", "udp"): "num_pudp",
    ("protocol", "sctp"): "num_psctp",
}


class SocketTrace(Protocol):
    """Is told what the sockets of some processes are asked; see `Registry.trace`."""

    def switch(self, actor: Any) -> bool:
        """Trace the socket of `actor` if its owner is traced, else no more; return which."""
        ...

    def told(self, sock: Socket, operation: str, pid: Pid, result: Any) -> None:
        """Note a request of `pid` and its result (None: it waits), or, as `close`, an end."""
        ...


@attrs.define
class Registry:
    """The open sockets of one runtime."""

    sockets: dict[Socket, None] = attrs.field(factory=dict)
    """The registered sockets, which `which_sockets` lists; oldest first."""
    kinds: dict[Socket, SocketKind] = attrs.field(factory=dict)
    """All open sockets, also those that are not registered."""
    monitored: dict[Ref, Socket] = attrs.field(factory=dict)
    """The socket of each active monitor."""
    watchers: dict[Socket, dict[Ref, Pid]] = attrs.field(factory=dict)
    """The active monitors of each socket that has any, and their processes; oldest first."""
    debug: bool = False
    """All calls of all sockets are logged; see the function `debug`."""
    trace: SocketTrace | None = None
    """Who is told of the requests to sockets; None unless somebody traces."""
    use_registry: bool = True
    """The default of the argument `use_registry` of `open`."""

    def actors(self) -> list[Any]:
        """Return the actor of every open socket, also of those of gen_tcp and its relatives."""
        return [sock._actor for sock in self.kinds]

    def closed(self, sock: Socket) -> None:
        """Remove `sock`, which has closed, and send its monitors a `SocketDown`."""
        del self.kinds[sock]
        self.sockets.pop(sock, None)
        if sock not in self.watchers:
            return
        # The latest monitor first, as in Erlang.
        for ref, pid in reversed(self.watchers.pop(sock).items()):
            del self.monitored[ref]
            if (process := alive.get(pid)) is not None:
                process.deliver(SocketDown(ref, sock))

    def counts(self) -> dict[str, int]:
        """Return how many sockets are open: all, and by domain, type and protocol."""
        counts = {"num_sockets": 0, **dict.fromkeys(_COUNTED.values(), 0)}
        for kind in self.kinds.values():
            counts["num_sockets"] += 1
            for attribute, value in (
                ("domain", kind.domain),
                ("type", kind.type),
                ("protocol", kind.protocol),
            ):
                name = _COUNTED.get((attribute, value))
                if name is not None:
                    counts[name] += 1
        return counts

    def monitor(self, sock: Socket, pid: Pid) -> Ref:
        """Add a monitor: `pid` is sent a `SocketDown` when `sock` closes."""
        ref = Ref()
        self.monitored[ref] = sock
        self.watchers.setdefault(sock, {})[ref] = pid
        return ref

    def cancel_monitor(self, ref: Ref, pid: Pid) -> bool:
        """Remove a monitor; False unless `ref` is an active monitor of `pid`."""
        sock = self.monitored.get(ref)
        if sock is None or self.watchers[sock][ref] is not pid:
            return False
        del self.monitored[ref]
        del self.watchers[sock][ref]
        if not self.watchers[sock]:
            del self.watchers[sock]
        return True

    def watches(self, pid: Pid, sock: Socket) -> bool:
        """Return whether `pid` monitors `sock`."""
        return pid in self.watchers.get(sock, {}).values()

    def forget_watcher(self, sock: Socket, pid: Pid) -> None:
        """Remove all monitors of `sock` that `pid` has: the process has ended."""
        for ref in [r for r, by in self.watchers.get(sock, {}).items() if by is pid]:
            self.cancel_monitor(ref, pid)
