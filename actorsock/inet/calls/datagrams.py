"""The functions of gen_udp."""

import socket as stdlib
import sys
from collections.abc import Mapping, Sequence
from math import inf
from typing import Any, Final

from trio.lowlevel import enable_ki_protection

from ..._native import twin
from ...arguments import check_int, shown
from ...results import Error, Ok
from ...runtime.bodies.current import charge, current_process
from ...runtime.core.identity import Pid
from ...runtime.core.reductions import SYSTEM_CALL
from ...socket.core.service import service_of
from ...socket.values.c_integers import INT_MAX
from ...socket.values.hosts import HOST_WORDS
from ..driver.datagram_actor import Datagram, DatagramActor
from ..driver.opening import apply_options, bind, kind_of, open_descriptor
from ..driver.socket_objects import UdpSocket
from ..names.endpoints import endpoint
from ..names.lookup import getaddr, numeric_address, port_number
from ..options.lists import OptionList, opening_options
from .arguments import check_timeout, data_of, datagram_of, live_process

__all__ = ["close", "close_nowait", "connect", "controlling_process", "open", "recv", "send"]

_CONTROL: Final[dict[str, tuple[int, int]]] = {
    "tos": (stdlib.IPPROTO_IP, stdlib.IP_TOS),
    "ttl": (stdlib.IPPROTO_IP, stdlib.IP_TTL),
    "tclass": (stdlib.IPPROTO_IPV6, stdlib.IPV6_TCLASS),
}


@enable_ki_protection
def open(port: int | str = 0, options: OptionList = ()) -> Ok[UdpSocket] | Error:
    """Open a UDP socket. The caller owns it. Erlang's `gen_udp:open/1,2`.

    Args:
        port: 0..65535, or the name of a service; with 0 the system chooses. The option `port`
            replaces it.
        options: a list or a mapping; docs/gen_tcp.md has the table. The default of `active` is
            True.

    Returns:
        `Ok(sock)`, or `Error` with a reason of the operating system, such as `"eaddrinuse"`.

    Raises:
        TypeError, ValueError: an argument or an option is wrong.

    Example::

        sock = ok(gen_udp.open(0, {"active": "once"}))
    """
    chosen = opening_options("open", options)
    number = port_number("port", port, "udp")
    if chosen.family == "local" and number:
        raise ValueError(f"port: expected 0 for a local address, got {shown(port)}")
    owner = current_process()
    kind = kind_of(chosen.family, "udp")
    opened = open_descriptor(kind, chosen)
    if isinstance(opened, Error):
        return opened
    actor = DatagramActor(service_of(owner.node), opened.value, kind, owner, chosen.family)
    result = apply_options(actor, chosen)
    if isinstance(result, Ok):
        result = bind(actor, chosen, number, always=True)
    if isinstance(result, Error):
        actor.close_now()
        return result
    handle: UdpSocket = actor.socket_object
    actor.set_active(chosen.values.get("active", True))
    actor.options_set()
    return Ok(handle)


@enable_ki_protection
async def connect(sock: UdpSocket, address: Any, port: int | str | None = None) -> Ok[None] | Error:
    """Choose the peer of a UDP socket. Erlang's `gen_udp:connect/2,3`.

    `send(sock, data)` sends to it, and datagrams of others are not received. It may be called
    again with another peer.

    Args:
        sock: the socket.
        address: as for `gen_tcp.connect`.
        port: a port or the name of a service; left out with a socket address.

    Returns:
        `Ok()`, or `Error`: `"closed"`, `"nxdomain"`, `"eafnosupport"`, or another reason of the
        operating system.

    Raises:
        TypeError, ValueError: an argument is wrong.
    """
    actor = datagram_of(sock)
    if port is None:
        found = await _destination(actor, address)
    else:
        found = await _destination(actor, (address, port))
    return found if isinstance(found, Error) else actor.connect(found.value)


@twin
@enable_ki_protection
async def send(sock: UdpSocket, *args: Any) -> Ok[None] | Error:
    """Send a datagram. Erlang's `gen_udp:send/2,3,4,5`.

    The forms are:

    - `send(sock, data)`: to the peer that `connect` has chosen
    - `send(sock, destination, data)`
    - `send(sock, host, port, data)`
    - `send(sock, destination, ancillary, data)`
    - `send(sock, host, port, ancillary, data)`

    Args:
        sock: the socket; any process may send.
        *args: see the forms. A destination is `(host, port)`, `("inet", (address, port))`,
            `("local", path)`, a `SockAddr...` record or its dict. `ancillary` is a list of pairs,
            or a mapping, of `"tos"`, `"ttl"` and `"tclass"` to integers. Data is as for
            `gen_tcp.send`.

    Returns:
        `Ok()`, or `Error`:

        - `"closed"`
        - `"einval"`: there is no destination, or an unknown kind of ancillary data
        - `"econnrefused"`: the peer refused an earlier datagram; this one is not sent
        - `"emsgsize"`: the datagram is too large
        - `"nxdomain"`, `"eafnosupport"`, `"eacces"` and others of the operating system

    Raises:
        TypeError, ValueError: an argument is wrong.

    Example::

        ok(await gen_udp.send(sock, "localhost", 53, query))
    """
    actor = datagram_of(sock)
    pause = current_process().body.spend(SYSTEM_CALL)
    if pause is not None:
        await pause
    result = _send_at_once(actor, args)
    return await _send_anywhere(actor, args) if result is None else result


def _send_at_once(actor: DatagramActor, args: tuple[Any, ...]) -> Ok[None] | Error | None:
    """Send an answer to a datagram, whose address is text, or to the peer; else return None."""
    match args:
        case (data,):
            return actor.send(data_of(data, actor), None)
        case (str(host), port, data) if type(port) is int and actor.family != "local":
            known = numeric_address(host, actor.family)
            if known is not None and 0 < port < 65536:
                return actor.send(data_of(data, actor), (known, port))
    return None


async def _send_anywhere(actor: DatagramActor, args: tuple[Any, ...]) -> Ok[None] | Error:
    destination: Any = None
    ancillary: Any = ()
    match args:
        case (destination, data):
            pass
        case (("local", _) as destination, 0, data):
            pass
        case (host, (int() | str()) as port, data):
            destination = (host, port)
        case (destination, ancillary, data):
            pass
        case (host, port, ancillary, data):
            destination = (host, port)
        case _:
            raise TypeError(f"send: expected 2 to 5 arguments, got {len(args) + 1}")
    given = data_of(data, actor)
    control = _control(ancillary)
    if isinstance(control, Error):
        return control
    if actor.turns.closed:
        return Error("closed")
    address = None
    if destination is not None:
        found = await _destination(actor, destination)
        if isinstance(found, Error):
            return found
        address = found.value
    return actor.send(given, address, control)


def _control(ancillary: Any) -> list[Any] | Error:
    if isinstance(ancillary, Mapping):
        ancillary = list(ancillary.items())
    if isinstance(ancillary, str | bytes) or not isinstance(ancillary, Sequence):
        raise TypeError(f"ancillary: expected a list of pairs, got {shown(ancillary)}")
    control = []
    for pair in ancillary:
        match pair:
            case (str(name), int(value)) if name in _CONTROL and abs(value) <= INT_MAX:
                control.append((*_CONTROL[name], value.to_bytes(4, sys.byteorder, signed=True)))
            case _:
                return Error("einval")
    return control


async def _destination(actor: DatagramActor, destination: Any) -> Ok[Any] | Error:
    """Return an address in the standard library's form."""
    family = actor.family
    known = endpoint(destination)
    if known is not None:
        return Ok(known.address) if known.family == family else Error("eafnosupport")
    match destination:
        case ("inet" | "inet6" as named, (host, port)):
            if named != family:
                return Error("eafnosupport")
        case (host, port):
            pass
        case _:
            raise TypeError(f"destination: expected (host, port), got {shown(destination)}")
    number = port_number("port", port, "udp")
    if family == "local":
        raise ValueError("destination: a local socket sends to ('local', path)")
    words = HOST_WORDS[actor.kind.family]
    if isinstance(host, str) and host in words:
        return Ok((words[host], number))
    found = await getaddr(host, family)
    if isinstance(found, Error):
        if found.reason == "einval" and not isinstance(host, str):
            raise ValueError(f"address: expected a host name or an address, got {shown(host)}")
        return found
    # Linux takes port 0 for a datagram and loses it; Erlang has this error.
    return Ok((found.value, number)) if number else Error("einval")


@enable_ki_protection
async def recv(sock: UdpSocket, length: int = 0, timeout: float = inf) -> Ok[Datagram] | Error:
    """Receive a datagram from a passive socket. Erlang's `gen_udp:recv/2,3`.

    Args:
        sock: the socket; any process may receive, one at a time.
        length: without effect, as in Erlang: the option `buffer` bounds a datagram.
        timeout: seconds to wait; 0 polls, `math.inf` waits for ever.

    Returns:
        `Ok((address, port, data))`, or `Ok((address, port, ancillary, data))` if an option such as
        `recvttl` is on; or `Error`:

        - `"timeout"`, `"closed"`
        - `"einval"`: the socket is active
        - `"ealready"`: another process waits for a datagram
        - `"econnrefused"`: the peer refused an earlier datagram

    Raises:
        TypeError, ValueError: an argument is wrong.
    """
    actor = datagram_of(sock)
    check_int("length", length, "a number of bytes", 0)
    check_timeout(timeout)
    return await actor.recv(timeout)


@enable_ki_protection
async def close(sock: UdpSocket) -> Ok[None]:
    """Close a socket, for every process that uses it. Erlang's `gen_udp:close/1`.

    Args:
        sock: the socket; any process may close it, also again.

    Returns:
        `Ok()`.

    Raises:
        TypeError: `sock` is no such socket.
    """
    await datagram_of(sock).close_by_program(sock)
    return Ok()


@enable_ki_protection
def close_nowait(sock: UdpSocket) -> Ok[None]:
    """Close a socket without giving way to others, for plain functions; otherwise as `close`.

    Args:
        sock: the socket; any process may close it, also again.

    Returns:
        `Ok()`.

    Raises:
        TypeError: `sock` is no such socket.
    """
    charge(SYSTEM_CALL)
    datagram_of(sock).close_without_wait(sock)
    return Ok()


@enable_ki_protection
def controlling_process(sock: UdpSocket, pid: Pid) -> Ok[None] | Error:
    """Make another process the owner. Erlang's `gen_udp:controlling_process/2`.

    The `Udp` messages of this socket without ancillary data that are in the caller's mailbox
    move to the new owner, in their order; all later messages go there.

    Args:
        sock: the socket.
        pid: the new owner.

    Returns:
        `Ok()`, or `Error`: `"not_owner"`; `"badarg"` if the process has ended, and the socket is
        passive now; `"einval"` if the socket is closed.

    Raises:
        TypeError: an argument is of another type.
    """
    actor = datagram_of(sock)
    return actor.hand_over(current_process(), live_process(pid))
