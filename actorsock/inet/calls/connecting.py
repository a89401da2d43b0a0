"""Connected sockets of gen_tcp: `connect` and `fdopen`."""

from collections.abc import Iterable
from math import inf
from typing import Any, Final, Literal

import attrs
import trio
from trio.lowlevel import enable_ki_protection

from ...arguments import check_int, shown
from ...results import Error, Ok
from ...runtime.bodies.current import current_process
from ...runtime.bodies.in_trio import in_trio
from ...socket.core.service import service_of
from ...socket.values.c_integers import INT_MAX
from ..driver.opening import apply_options, bind, family_of_descriptor, kind_of, open_descriptor
from ..driver.socket_objects import TcpSocket
from ..driver.stream_actor import StreamActor
from ..driver.waiting import deadline_of
from ..names.endpoints import endpoint
from ..names.lookup import getaddrs, numeric_address, port_number
from ..options.lists import OpeningOptions, OptionList, opening_options
from ..options.table import Family
from .arguments import check_timeout

__all__ = ["connect", "fdopen"]

_FAMILY_WORDS: Final[tuple[Family, ...]] = ("inet", "inet6", "local")
_FINAL: Final = ("timeout", "einval", "closed")
"""Errors after which no further address of a name is tried."""


@enable_ki_protection
async def connect(
    address: Any, port: int | str | None = None, options: OptionList = (), timeout: float = inf
) -> Ok[TcpSocket] | Error:
    """Connect to a TCP port. The caller owns the socket. Erlang's `gen_tcp:connect/2,3,4`.

    Args:
        address: a host name; an address as text, as an `ipaddress` object or as a tuple of
            integers; `("local", path)` for a local socket. Or a socket address: a `SockAddr...`
            record of `actorsock.socket`, or a dict with `family`, `addr` and `port`.
        port: 0..65535 or the name of a service; 0 of a local socket; left out with a socket
            address.
        options: a list or a mapping; docs/gen_tcp.md has the table. `"inet6"` in a list asks for
            IPv6. The default of `active` is True.
        timeout: seconds for the lookup of the name and all tries; `math.inf` waits for ever.

    Returns:
        `Ok(sock)`, or `Error`:

        - `"nxdomain"`: the name is unknown, or has no address of the family
        - `"timeout"`: nothing is left behind
        - `"econnrefused"`, `"ehostunreach"` and others of the operating system; of a name with
          several addresses that of the last one tried
        - `"eafnosupport"`: the address is of another family than the options ask for
        - `"eaddrnotavail"`, `"eaddrinuse"`: for the local address of the options `ip` and `port`

    Raises:
        TypeError, ValueError: an argument or an option is wrong.

    Example::

        sock = ok(await gen_tcp.connect("localhost", 8080, {"packet": "line", "active": False}))
    """
    check_timeout(timeout)
    deadline = deadline_of(timeout)
    found = await _peers(address, port, options, deadline)
    if isinstance(found, Error):
        return found
    chosen, peers = found.value
    result: Ok[TcpSocket] | Error = Error("nxdomain")
    for peer in peers:
        result = await _connect(peer, chosen, deadline)
        if isinstance(result, Ok) or result.reason in _FINAL:
            break
    return result


async def _peers(
    address: Any, port: Any, options: OptionList, deadline: float
) -> Ok[tuple[OpeningOptions, list[Any]]] | Error:
    """Return the checked options and the addresses to try, in the standard library's form."""
    known = endpoint(address, port)
    if known is not None:
        return Ok((opening_options("connect", options, known.family), [known.address]))
    number = port_number("port", port, "tcp")
    if isinstance(address, bool | int | bytes) or address is None:
        raise TypeError(f"address: expected a host name or an address, got {shown(address)}")
    if isinstance(address, str):
        chosen = opening_options("connect", options)
        family = chosen.family
    else:
        family = "inet6" if ":" in str(address) or _is_wide(address) else "inet"
        others = [word for word in _FAMILY_WORDS if word != family]
        if isinstance(options, Iterable) and any(word in options for word in others):
            return Error("eafnosupport")
        chosen = opening_options("connect", options, family)
    found = await _addresses(address, "inet6" if family == "inet6" else "inet", deadline)
    if isinstance(found, Error):
        if found.reason == "einval" and not isinstance(address, str):
            raise ValueError(f"address: expected a host name or an address, got {shown(address)}")
        return found
    return Ok((chosen, [(host, number) for host in found.value]))


def _is_wide(address: Any) -> bool:
    return isinstance(address, tuple) and len(address) == 8


async def _addresses(
    name: Any, family: Literal["inet", "inet6"], deadline: float
) -> Ok[list[str]] | Error:
    looked_up = isinstance(name, str) and numeric_address(name, family) is None
    if deadline == inf or not looked_up:
        return await getaddrs(name, family)  # without the cost of a cancel scope

    async def look_up() -> Ok[list[str]] | Error:
        with trio.move_on_at(deadline):
            return await getaddrs(name, family)
        return Error("timeout")

    return await in_trio(look_up)


async def _connect(peer: Any, options: OpeningOptions, deadline: float) -> Ok[TcpSocket] | Error:
    opened = _opened(options)
    if isinstance(opened, Error):
        return opened
    actor = opened.value
    done = False
    try:
        result = apply_options(actor, options)
        if isinstance(result, Ok):
            result = bind(actor, options, 0, always=False)
        if isinstance(result, Ok) and "fd" not in options.values:
            result = await actor.connect(peer, deadline)
        done = isinstance(result, Ok)
    finally:
        if not done:
            actor.close_now()
    return result if isinstance(result, Error) else _started(actor, options)


def _opened(options: OpeningOptions) -> Ok[StreamActor] | Error:
    owner = current_process()
    kind = kind_of(options.family, "tcp")
    opened = open_descriptor(kind, options)
    if isinstance(opened, Error):
        return opened
    connected = "fd" in options.values
    return Ok(
        StreamActor(
            service_of(owner.node), opened.value, kind, owner, options.family, connected=connected
        )
    )


def _started(actor: StreamActor, options: OpeningOptions) -> Ok[TcpSocket]:
    """Begin to deliver, with all options set; return the socket."""
    handle: TcpSocket = actor.socket_object
    actor.set_active(options.values.get("active", True))
    actor.options_set()
    return Ok(handle)


@enable_ki_protection
def fdopen(fd: int, options: OptionList = ()) -> Ok[TcpSocket] | Error:
    """Make a socket of an open descriptor. The caller owns it. Erlang's `gen_tcp:fdopen/2`.

    Args:
        fd: the descriptor of a connected stream socket, which belongs to the socket from now on.
        options: as for `connect`.

    Returns:
        `Ok(sock)`, or `Error`: `"ebadf"` if it is not open, `"enotsock"` if it is no socket,
        `"einval"` if it is no stream.

    Raises:
        TypeError, ValueError: an argument or an option is wrong.
    """
    check_int("fd", fd, "a descriptor", 0, INT_MAX)
    family = family_of_descriptor(fd)
    if isinstance(family, Error):
        return family
    given = opening_options("connect", options, family.value)
    chosen = attrs.evolve(given, values={**given.values, "fd": fd})
    opened = _opened(chosen)
    if isinstance(opened, Error):
        return opened
    actor = opened.value
    result = apply_options(actor, chosen)
    if isinstance(result, Error):
        actor.close_now()
        return result
    return _started(actor, chosen)
