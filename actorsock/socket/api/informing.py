"""What is known of sockets: info, the registry, and monitors of sockets."""

from collections.abc import Callable
from typing import Final, overload

import attrs
from trio.lowlevel import enable_ki_protection

from ...arguments import check_bool, shown
from ...runtime.bodies.current import current_process
from ...runtime.core.identity import Pid, Ref, check_pid, check_ref
from ..core.actor import SocketActor, actor_of
from ..core.registry import Registry
from ..core.service import service_of
from ..core.socket_object import Socket
from ..operations.send import IOV_MAX
from ..values.families import Domain, Type
from ..values.protocols import ProtocolName

__all__ = [
    "SocketInfo",
    "SocketsInfo",
    "cancel_monitor",
    "info",
    "monitor",
    "monitored_by",
    "number_of",
    "number_of_monitors",
    "use_registry",
    "which_monitors",
    "which_sockets",
]


@attrs.frozen
class SocketInfo:
    """What `info(sock)` tells of a socket, open or closed."""

    domain: Domain | int
    type: Type | int
    protocol: ProtocolName | int
    owner: Pid | None
    """None once it is closed."""
    ctype: str | tuple[str, int]
    """`"normal"`; of `open_fd`: `"fromfd"`, or `("fromfd", fd)` when it was duplicated."""
    rstates: tuple[str, ...]
    wstates: tuple[str, ...]
    num_readers: int
    num_writers: int
    num_acceptors: int
    counters: dict[str, int]


@attrs.frozen
class SocketsInfo:
    """What `info()` tells of the sockets of this runtime."""

    use_registry: bool
    iov_max: int
    counters: dict[str, int]


@overload
def info() -> SocketsInfo: ...
@overload
def info(sock: Socket) -> SocketInfo: ...
@enable_ki_protection
def info(sock: Socket | None = None) -> SocketInfo | SocketsInfo:
    """What is known of `sock`, a `SocketInfo`; without one, a `SocketsInfo`. `info/0,1`."""
    if sock is not None:
        return _info(actor_of(sock))
    registry = _registry()
    return SocketsInfo(registry.use_registry, IOV_MAX, {"num_cnt_bits": 64, **registry.counts()})


@enable_ki_protection
def number_of() -> int:
    """How many sockets are open and registered. `number_of/0`."""
    return len(_registry().sockets)


@enable_ki_protection
def which_sockets(filter: str | Pid | Callable[[SocketInfo], object] | None = None) -> list[Socket]:
    """The open, registered sockets that pass `filter`. `which_sockets/0,1`.

    `filter` is a domain (`"inet"`, `"inet6"`, `"local"`), a type (`"stream"`, `"dgram"`,
    `"seqpacket"`), a protocol (`"tcp"`, `"udp"`, `"sctp"`), the pid of an owner, or a function of
    a socket's info, of which only True lets a socket pass.
    """
    sockets = list(_registry().sockets)
    if filter is None:
        return sockets
    if isinstance(filter, Pid):
        return [sock for sock in sockets if actor_of(sock).turns.owner is filter]
    if isinstance(filter, str):
        question = _FILTERS.get(filter)
        if question is None:
            raise ValueError(
                f"filter: expected one of {', '.join(map(repr, _FILTERS))}, a Pid or a function, "
                f"got {shown(filter)}"
            )
        return [sock for sock in sockets if getattr(actor_of(sock).kind, question) == filter]
    if callable(filter):
        return [sock for sock in sockets if filter(_info(actor_of(sock))) is True]
    raise TypeError(f"filter: expected a word, a Pid or a function, got {shown(filter)}")


@enable_ki_protection
def use_registry(flag: bool) -> None:
    """Whether sockets opened from here on are registered. `use_registry/1`."""
    _registry().use_registry = check_bool("flag", flag)


@enable_ki_protection
def monitor(sock: Socket) -> Ref:
    """Ask for a `SocketDown` when `sock` closes, for whatever reason. `monitor/1`.

    Of a closed socket it comes at once. Registers the socket.
    """
    actor = actor_of(sock)
    return actor.monitor_socket(current_process(), sock)


@enable_ki_protection
def cancel_monitor(ref: Ref) -> bool:
    """No `SocketDown` for `ref` comes from here on; one already delivered stays.

    False when `ref` is no active monitor of the caller. `cancel_monitor/1`.
    """
    check_ref(ref)
    return _registry().cancel_monitor(ref, current_process().pid)


@enable_ki_protection
def number_of_monitors(pid: Pid | None = None) -> int:
    """How many monitors of sockets there are, or `pid` has. `number_of_monitors/0,1`."""
    return len(_registry().monitored) if pid is None else len(which_monitors(check_pid(pid)))


@enable_ki_protection
def which_monitors(who: Pid | Socket) -> list[Ref]:
    """The monitors that a process has, or that a socket has, newest first. `which_monitors/1`."""
    registry = _registry()
    if isinstance(who, Pid):
        found = [
            ref for watched in registry.watchers.values() for ref in watched if watched[ref] is who
        ]
    elif isinstance(who, Socket):
        found = [*registry.watchers.get(who, ())]
    else:
        raise TypeError(f"who: expected a Pid or a Socket, got {shown(who)}")
    return sorted(found, key=lambda ref: ref.number, reverse=True)


@enable_ki_protection
def monitored_by(sock: Socket) -> list[Pid]:
    """The processes that monitor `sock`, each once, oldest first. `monitored_by/1`."""
    actor_of(sock)
    pids = set(_registry().watchers.get(sock, {}).values())
    return sorted(pids, key=lambda pid: pid.number)


_FILTERS: Final = {
    "inet": "domain",
    "inet6": "domain",
    "local": "domain",
    "stream": "type",
    "dgram": "type",
    "seqpacket": "type",
    "tcp": "protocol",
    "udp": "protocol",
    "sctp": "protocol",
}


def _registry() -> Registry:
    return service_of(current_process().node).registry


def _info(actor: SocketActor) -> SocketInfo:
    turns, kind = actor.turns, actor.kind
    closed = ("closing", "closed") if turns.closed else ()
    rstates = (
        ("bound", actor.bound),
        ("listening", actor.listening),
        ("accepting", turns.read.count("accept") > 0),
        ("selected", turns.read.ever_waited),
    )
    wstates = (
        ("connecting", turns.write.count("connect") > 0),
        ("connected", actor.connected),
        ("selected", turns.write.ever_waited),
    )
    return SocketInfo(
        domain=kind.domain,
        type=kind.type,
        protocol=kind.protocol,
        owner=turns.owner,
        ctype=actor.ctype,
        rstates=(*(name for name, held in rstates if held), *closed),
        wstates=(*(name for name, held in wstates if held), *closed),
        num_readers=turns.read.count("recv"),
        num_writers=turns.write.count("send"),
        num_acceptors=turns.read.count("accept"),
        counters=actor.counters.shown(),
    )
