"""What `inet` tells of sockets: names, counters, monitors, the table of `i`."""

import os
from collections.abc import Callable, Sequence
from typing import Any, Final

import attrs
from trio.lowlevel import enable_ki_protection

from ...arguments import shown
from ...results import Error, Ok
from ...runtime.bodies.current import current_process
from ...runtime.core.identity import Pid, Ref, check_ref
from ...socket.kernel.errors import error_of
from ..driver.inet_actor import EINVAL, InetActor, cancel_observer
from ..driver.socket_objects import InetSocket, TcpSocket, UdpSocket
from ..rules.statistics import STATISTICS
from . import datagrams, streams
from .arguments import inet_actor_of

__all__ = [
    "PortInfo",
    "cancel_monitor",
    "close",
    "counters_of",
    "getfd",
    "getstat",
    "info",
    "local_name",
    "monitor",
    "peer_name",
    "peername",
    "peernames",
    "port",
    "sockname",
    "socknames",
]

_EBADF: Final = Error("ebadf")


@attrs.frozen
class PortInfo:
    """The state of a socket, from `inet.info`.

    Attributes:
        states: of `"connected"`, `"listen"`, `"accepting"`, `"open"`; empty if the connection is
            lost; `"closed"` alone of a closed socket, and then the other fields say nothing.
        owner: the owner.
        counters: as `getstat` gives them.
        output: bytes that are queued for sending.
        monitors: how many monitors the socket has.
    """

    states: tuple[str, ...]
    owner: Pid | None = None
    counters: dict[str, int] = attrs.field(factory=dict)
    output: int = 0
    monitors: int = 0


@enable_ki_protection
def sockname(sock: InetSocket) -> Ok[tuple[Any, Any]] | Error:
    """Return the local address of a socket. Erlang's `inet:sockname/1`.

    Returns:
        `Ok((address, port))`, or `Ok(("local", path))` with the path as bytes; or `Error`:
        `"einval"` if the socket is closed, `"ebadf"` if its connection is lost.

    Raises:
        TypeError: `sock` is no such socket.
    """
    return local_name(inet_actor_of(sock))


@enable_ki_protection
def peername(sock: InetSocket) -> Ok[tuple[Any, Any]] | Error:
    """Return the address of the peer. Erlang's `inet:peername/1`.

    Returns:
        As `sockname`; `Error("enotconn")` without a connection.

    Raises:
        TypeError: `sock` is no such socket.
    """
    return peer_name(inet_actor_of(sock))


@enable_ki_protection
def socknames(sock: InetSocket) -> Ok[list[tuple[Any, Any]]] | Error:
    """Return the local addresses of a socket: of TCP and UDP, one. Erlang's `inet:socknames/1`.

    Returns:
        `Ok(addresses)`, a list; or `Error` as from `sockname`.

    Raises:
        TypeError: `sock` is no such socket.
    """
    return _listed(sockname(sock))


@enable_ki_protection
def peernames(sock: InetSocket) -> Ok[list[tuple[Any, Any]]] | Error:
    """Return the addresses of the peer: of TCP and UDP, one. Erlang's `inet:peernames/1`.

    Returns:
        `Ok(addresses)`, a list; or `Error` as from `peername`.

    Raises:
        TypeError: `sock` is no such socket.
    """
    return _listed(peername(sock))


def _listed(name: Ok[tuple[Any, Any]] | Error) -> Ok[list[tuple[Any, Any]]] | Error:
    return Ok([name.value]) if isinstance(name, Ok) else name


@enable_ki_protection
def port(sock: InetSocket) -> Ok[Any] | Error:
    """Return the local port of a socket, the path of a local one. Erlang's `inet:port/1`.

    Returns:
        `Ok(port)`; or `Error`: `"einval"` if the socket is closed, `"ebadf"` if its connection is
        lost.

    Raises:
        TypeError: `sock` is no such socket.
    """
    found = sockname(sock)
    return Ok(found.value[1]) if isinstance(found, Ok) else found


@enable_ki_protection
def getfd(sock: InetSocket) -> Ok[int] | Error:
    """Return the descriptor of a socket, for calls that this library lacks. `inet:getfd/1`.

    Returns:
        `Ok(fd)`; or `Error`: `"einval"` if the socket is closed, `"ebadf"` if its connection is
        lost.

    Raises:
        TypeError: `sock` is no such socket.
    """
    actor = inet_actor_of(sock)
    if actor.turns.closed:
        return EINVAL
    return _EBADF if actor.is_dead else Ok(actor.fd)


@enable_ki_protection
def getstat(sock: InetSocket, names: Sequence[str] | None = None) -> Ok[dict[str, int]] | Error:
    """Return counters of a socket. Erlang's `inet:getstat/1,2`.

    Received bytes count when they are handed to the program, with the header of their packet;
    sent ones when `send` takes them.

    Args:
        sock: the socket.
        names: the names of counters, such as `["recv_oct"]`; None for all of them.

    Returns:
        `Ok(counters)`, a dict in the order asked; or `Error("einval")`: the socket is closed, or
        a name is unknown.

    Raises:
        TypeError: `sock` is no such socket, or `names` is no list.
    """
    return counters_of(inet_actor_of(sock), names)


@enable_ki_protection
def info(sock: InetSocket) -> PortInfo:
    """Return what is known of a socket. Erlang's `inet:info/1`.

    Raises:
        TypeError: `sock` is no such socket.
    """
    actor = inet_actor_of(sock)
    if actor.turns.closed:
        return PortInfo(("closed",))
    return PortInfo(
        tuple(actor.states()),
        actor.turns.owner,
        actor.statistics.shown(actor.pending),
        actor.pending,
        len(actor.observers),
    )


@enable_ki_protection
def monitor(sock: InetSocket) -> Ref:
    """Have the caller sent a `PortDown` when a socket closes. Erlang's `inet:monitor/1`.

    Args:
        sock: the socket; if it is closed already, the message comes at once.

    Returns:
        The reference in the message.

    Raises:
        TypeError: `sock` is no such socket.
    """
    return inet_actor_of(sock).observe_end(current_process(), sock)


@enable_ki_protection
def cancel_monitor(ref: Ref) -> bool:
    """End a monitor. Erlang's `inet:cancel_monitor/1`.

    Returns:
        True; False if there is no such monitor any more, or if another process has made it.

    Raises:
        TypeError: `ref` is no reference.
    """
    return cancel_observer(current_process(), check_ref(ref))


@enable_ki_protection
async def close(sock: InetSocket) -> Ok[None]:
    """Close a socket as `gen_tcp.close` or `gen_udp.close` does. Erlang's `inet:close/1`.

    Args:
        sock: the socket; any process may close it, also again.

    Returns:
        `Ok()`.

    Raises:
        TypeError: `sock` is no such socket.
    """
    if isinstance(sock, TcpSocket):
        return await streams.close(sock)
    if isinstance(sock, UdpSocket):
        return await datagrams.close(sock)
    raise TypeError(f"sock: expected a TcpSocket or a UdpSocket, got {shown(sock)}")


def local_name(actor: InetActor) -> Ok[tuple[Any, Any]] | Error:
    """Return what `sockname` returns for the socket of an actor."""
    return _name(actor, actor.sock.getsockname, _EBADF)


def peer_name(actor: InetActor) -> Ok[tuple[Any, Any]] | Error:
    """Return what `peername` returns for the socket of an actor."""
    return _name(actor, actor.sock.getpeername, Error("enotconn"))


def counters_of(actor: InetActor, names: Sequence[str] | None) -> Ok[dict[str, int]] | Error:
    """Return what `getstat` returns for the socket of an actor."""
    if names is not None and (isinstance(names, str) or not isinstance(names, Sequence)):
        raise TypeError(f"names: expected a list of names, got {shown(names)}")
    if actor.turns.closed:
        return EINVAL
    counters = actor.statistics.shown(actor.pending)
    asked = STATISTICS if names is None else names
    if any(name not in counters for name in asked):
        return EINVAL
    return Ok({name: counters[name] for name in asked})


def _name(actor: InetActor, get: Callable[[], Any], dead: Error) -> Ok[tuple[Any, Any]] | Error:
    if actor.turns.closed:
        return EINVAL
    if actor.is_dead:
        return dead
    try:
        name = get()
    except OSError as exc:
        return error_of(exc)
    if actor.family == "local":
        return Ok(("local", os.fsencode(name)))
    return Ok((name[0].partition("%")[0], name[1]))
