"""Information about sockets: info, the registry of open sockets, and monitors of sockets."""

from collections.abc import Callable
from typing import Final, overload

import attrs
from trio.lowlevel import enable_ki_protection

from ...arguments import check_bool, shown
from ...runtime.bodies.current import charge, current_process
from ...runtime.core.identity import Pid, Ref, check_pid, check_ref
from ...runtime.core.reductions import SYSTEM_CALL
from ..core.actor import SocketActor, actor_of
from ..core.registry import Registry
from ..core.service import registry_of
from ..core.socket_object import Socket
from ..operations.send import IOV_MAX
from ..values.families import Domain, Type
from ..values.protocols import ProtocolName

__all__ = [
    "SocketInfo",
    "SocketsInfo",
    "cancel_monitor",
    "debug",
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
    """The state of one socket, open or closed; the result of `info(sock)`.

    Attributes:
        domain: `"inet"`, `"inet6"`, `"local"`, or the number of another domain.
        type: `"stream"`, `"dgram"`, `"raw"`, `"seqpacket"`, or the number of another type.
        protocol: the name of the protocol, or its number if it has no name.
        owner: the pid of the owner; None once the socket is closed.
        ctype: `"normal"`; of a socket from `open_fd` `"fromfd"`, or `("fromfd", fd)` if the
            descriptor `fd` was duplicated.
        rstates: of `"bound"`, `"listening"`, `"accepting"`, `"selected"`, `"closing"` and
            `"closed"`, those that hold for receiving and accepting.
        wstates: of `"connecting"`, `"connected"`, `"selected"`, `"closing"` and `"closed"`,
            those that hold for connecting and sending.
        num_readers: how many operations wait to receive.
        num_writers: how many operations wait to send.
        num_acceptors: how many operations wait to accept.
        counters: the counters of the socket by name, such as `"read_byte"`; those of sendfile
            are there once it was used.
    """

    domain: Domain | int
    type: Type | int
    protocol: ProtocolName | int
    owner: Pid | None
    ctype: str | tuple[str, int]
    rstates: tuple[str, ...]
    wstates: tuple[str, ...]
    num_readers: int
    num_writers: int
    num_acceptors: int
    counters: dict[str, int]


@attrs.frozen
class SocketsInfo:
    """The state of all sockets of this runtime; the result of `info()`.

    Attributes:
        debug: True if all calls of all sockets are logged; see the function `debug`.
        use_registry: True if new sockets are registered; see the function `use_registry`.
        iov_max: the largest number of pieces that one sendmsg(2) accepts.
        counters: `"num_sockets"`, the number of open sockets; the numbers for each domain
            (`"num_dinet"`, ...), type (`"num_tstreams"`, ...) and protocol (`"num_ptcp"`,
            ...); and `"num_cnt_bits"`, the bits of the counters of a socket, 64.
    """

    debug: bool
    use_registry: bool
    iov_max: int
    counters: dict[str, int]


@overload
def info() -> SocketsInfo: ...
@overload
def info(sock: Socket) -> SocketInfo: ...
@enable_ki_protection
def info(sock: Socket | None = None) -> SocketInfo | SocketsInfo:
    """Return the state of a socket, or of all sockets. Erlang's `socket:info/0,1`.

    Args:
        sock: the socket, open or closed; None for all sockets of the runtime.

    Returns:
        a `SocketInfo`, or a `SocketsInfo` if there is no `sock`.

    Raises:
        TypeError: `sock` is not a `Socket`.

    Example::

        socket.info(sock).counters["read_byte"]
    """
    charge(SYSTEM_CALL)
    if sock is not None:
        return _info(actor_of(sock))
    registry = _registry()
    counters = {"num_cnt_bits": 64, **registry.counts()}
    return SocketsInfo(registry.debug, registry.use_registry, IOV_MAX, counters)


@enable_ki_protection
def debug(flag: bool) -> None:
    """Log every call of every socket, or stop that. Erlang's `socket:debug/1`.

    It holds for this runtime: each call that opens a socket or uses one writes a record to the
    logger `actorsock.socket`, at level DEBUG, with the process and the result. For one socket
    alone the option `"otp"`, `"debug"` does the same; this function does not change its value.
    `info()` shows the flag.

    Args:
        flag: True to log.

    Raises:
        TypeError: `flag` is not a bool.

    Example::

        socket.debug(True)
        assert socket.info().debug
    """
    registry = _registry()
    registry.debug = check_bool("flag", flag)
    for actor in registry.actors():
        actor.apply_debug()


@enable_ki_protection
def number_of() -> int:
    """Return the number of open, registered sockets. Erlang's `socket:number_of/0`."""
    return len(_registry().sockets)


@enable_ki_protection
def which_sockets(filter: str | Pid | Callable[[SocketInfo], object] | None = None) -> list[Socket]:
    """Return the open, registered sockets, oldest first. Erlang's `socket:which_sockets/0,1`.

    Args:
        filter: None for all of them, or those to return: a domain (`"inet"`, `"inet6"`,
            `"local"`), a type (`"stream"`, `"dgram"`, `"seqpacket"`), a protocol (`"tcp"`,
            `"udp"`, `"sctp"`), the pid of their owner, or a function that gets the
            `SocketInfo` of a socket and returns True to include it. Other true values do not
            include it. An exception of the function propagates.

    Raises:
        TypeError: `filter` has another type.
        ValueError: the word is unknown.

    Example::

        socket.which_sockets(lambda info: "listening" in info.rstates)
    """
    sockets = list(_registry().sockets)
    if filter is None:
        return sockets
    if isinstance(filter, Pid):
        return [sock for sock in sockets if actor_of(sock).turns.owner is filter]
    if isinstance(filter, str):
        field = _FILTERS.get(filter)
        if field is None:
            raise ValueError(
                f"filter: expected one of {', '.join(map(repr, _FILTERS))}, a Pid or a function, "
                f"got {shown(filter)}"
            )
        return [sock for sock in sockets if getattr(actor_of(sock).kind, field) == filter]
    if callable(filter):
        return [sock for sock in sockets if filter(_info(actor_of(sock))) is True]
    raise TypeError(f"filter: expected a word, a Pid or a function, got {shown(filter)}")


@enable_ki_protection
def use_registry(flag: bool) -> None:
    """Set the default of new sockets: registered or not. Erlang's `socket:use_registry/1`.

    It holds for this runtime, for sockets that are opened without the argument `use_registry`.

    Args:
        flag: True if `which_sockets` and `number_of` list new sockets.

    Raises:
        TypeError: `flag` is not a bool.
    """
    _registry().use_registry = check_bool("flag", flag)


@enable_ki_protection
def monitor(sock: Socket) -> Ref:
    """Monitor a socket: get a `SocketDown` when it closes. Erlang's `socket:monitor/1`.

    The message comes for any reason of closing, and at once if the socket is closed already.
    A monitor ends with its message, with `cancel_monitor`, and with the calling process.

    Args:
        sock: the socket.

    Returns:
        a new `Ref`, which the message carries.

    Raises:
        TypeError: `sock` is not a `Socket`.

    Example::

        ref = socket.monitor(sock)
        match await receive(ref):
            case SocketDown(): ...
    """
    actor = actor_of(sock)
    return actor.monitor_socket(current_process(), sock)


@enable_ki_protection
def cancel_monitor(ref: Ref) -> bool:
    """Cancel a monitor of the calling process. Erlang's `socket:cancel_monitor/1`.

    A `SocketDown` that is in the mailbox already stays there.

    Args:
        ref: the result of `monitor`.

    Returns:
        True; or False if `ref` is not an active monitor of the calling process.

    Raises:
        TypeError: `ref` is not a `Ref`.
    """
    check_ref(ref)
    return _registry().cancel_monitor(ref, current_process().pid)


@enable_ki_protection
def number_of_monitors(pid: Pid | None = None) -> int:
    """Return the number of active monitors of sockets. Erlang's `socket:number_of_monitors/0,1`.

    Args:
        pid: the process whose monitors are counted; None counts those of all processes.

    Raises:
        TypeError: `pid` is not a `Pid`.
    """
    return len(_registry().monitored) if pid is None else len(which_monitors(check_pid(pid)))


@enable_ki_protection
def which_monitors(who: Pid | Socket) -> list[Ref]:
    """Return monitors of sockets, newest first. Erlang's `socket:which_monitors/1`.

    Args:
        who: a pid, for the monitors that this process has; or a socket, for the monitors of
            all processes of that socket.

    Returns:
        a list of the refs that `monitor` returned.

    Raises:
        TypeError: `who` is neither.
    """
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
    """Return the processes that monitor a socket, oldest first. Erlang's `socket:monitored_by/1`.

    Args:
        sock: the socket.

    Returns:
        a list of pids, in which each process is once.

    Raises:
        TypeError: `sock` is not a `Socket`.
    """
    actor_of(sock)
    pids = set(_registry().watchers.get(sock, {}).values())
    return sorted(pids, key=lambda pid: pid.number)


# The word of a filter, and the field of a socket's kind that it is compared with.
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
    return registry_of(current_process().node)


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
