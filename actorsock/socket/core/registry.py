"""Which sockets are open, in what numbers, and who wants to know when one closes."""

from typing import Final

import attrs

from ...runtime.core.identity import Pid, Ref
from ...runtime.core.process import alive
from ..values.kinds import SocketKind
from .handle import Socket
from .notifications import SocketDown

__all__ = ["Registry"]

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


@attrs.define
class Registry:
    """The open sockets of one runtime."""

    sockets: dict[Socket, None] = attrs.field(factory=dict)
    """Those that are listed, oldest first."""
    kinds: dict[Socket, SocketKind] = attrs.field(factory=dict)
    """Every socket that is open, also those that are not listed."""
    monitored: dict[Ref, Socket] = attrs.field(factory=dict)
    watchers: dict[Socket, dict[Ref, Pid]] = attrs.field(factory=dict)
    use_registry: bool = True
    """Whether sockets opened from here on are listed, unless they say otherwise."""

    def closed(self, sock: Socket) -> None:
        """The socket has closed: it leaves the list, and its monitors hear of it."""
        del self.kinds[sock]
        self.sockets.pop(sock, None)
        if sock not in self.watchers:
            return
        # The latest monitor is told first, as Erlang does.
        for ref, pid in reversed(self.watchers.pop(sock).items()):
            del self.monitored[ref]
            if (process := alive.get(pid)) is not None:
                process.deliver(SocketDown(ref, sock))

    def counts(self) -> dict[str, int]:
        """How many are open: all, and by domain, type and protocol."""
        counts = {"num_sockets": 0, **dict.fromkeys(_COUNTED.values(), 0)}
        for kind in self.kinds.values():
            counts["num_sockets"] += 1
            for question, answer in (
                ("domain", kind.domain),
                ("type", kind.type),
                ("protocol", kind.protocol),
            ):
                name = _COUNTED.get((question, answer))
                if name is not None:
                    counts[name] += 1
        return counts

    def monitor(self, sock: Socket, pid: Pid) -> Ref:
        """`pid` wants a `SocketDown` when `sock` closes."""
        ref = Ref()
        self.monitored[ref] = sock
        self.watchers.setdefault(sock, {})[ref] = pid
        return ref

    def cancel_monitor(self, ref: Ref, pid: Pid) -> bool:
        """No `SocketDown` for `ref`; False unless it is an active monitor of `pid`."""
        sock = self.monitored.get(ref)
        if sock is None or self.watchers[sock][ref] is not pid:
            return False
        del self.monitored[ref]
        del self.watchers[sock][ref]
        if not self.watchers[sock]:
            del self.watchers[sock]
        return True

    def watches(self, pid: Pid, sock: Socket) -> bool:
        """Whether `pid` monitors `sock`."""
        return pid in self.watchers.get(sock, {}).values()

    def forget_watcher(self, sock: Socket, pid: Pid) -> None:
        """The process `pid` has ended: its monitors of `sock` are gone."""
        for ref in [r for r, by in self.watchers.get(sock, {}).items() if by is pid]:
            self.cancel_monitor(ref, pid)
