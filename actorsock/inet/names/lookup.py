"""Looking names up: hosts and services. The resolver is trio's, so the runtime never waits."""

import socket as stdlib
from functools import lru_cache
from typing import Any, Final, Literal, TypeAlias

import attrs
import trio

from ...arguments import shown
from ...results import Error, Ok
from ...runtime.bodies.in_trio import in_trio
from ...socket.values.hosts import host
from .addresses import parse_ipv4_address, parse_ipv6strict_address

__all__ = [
    "HostEnt",
    "getaddr",
    "getaddrs",
    "gethostbyaddr",
    "gethostbyname",
    "gethostname",
    "numeric_address",
    "port_number",
]

InetFamily: TypeAlias = Literal["inet", "inet6"]
_NUMBERS: Final[dict[str, int]] = {"inet": stdlib.AF_INET, "inet6": stdlib.AF_INET6}
_OTHER: Final = {"inet": "inet6", "inet6": "inet"}
_NXDOMAIN: Final = Error("nxdomain")


@attrs.frozen
class HostEnt:
    """A host with its names and addresses. Erlang's record `#hostent{}`.

    Attributes:
        name: the name of the host.
        aliases: its other names.
        family: `"inet"` or `"inet6"`.
        length: the bytes of an address: 4 or 16.
        addresses: its addresses as text.
    """

    name: str
    aliases: tuple[str, ...]
    family: InetFamily
    length: int
    addresses: tuple[str, ...]


async def getaddrs(name: Any, family: InetFamily = "inet") -> Ok[list[str]] | Error:
    """Return the addresses of a host. Erlang's `inet:getaddrs/2`.

    Args:
        name: a host name or the text of an address; an `ipaddress` object; a tuple of integers.
        family: `"inet"` or `"inet6"`.

    Returns:
        `Ok(addresses)`, as text; or `Error`:

        - `"nxdomain"`: the name is unknown, or is the text of an address of the other family
        - `"eafnosupport"`: it is an address of the other family, not given as text
        - `"einval"`: it is no name

    Raises:
        ValueError: `family` is neither of the two.

    Example::

        match await inet.getaddrs("localhost"):
            case Ok([first, *others]): ...
    """
    if family not in _NUMBERS:
        raise ValueError(f"family: expected 'inet' or 'inet6', got {shown(family)}")
    if not isinstance(name, str):
        try:
            return Ok([host(_NUMBERS[family], name)])
        except (TypeError, ValueError):
            pass
        try:
            host(_NUMBERS[_OTHER[family]], name)
        except (TypeError, ValueError):
            return Error("einval")
        return Error("eafnosupport")
    if not name:
        return _NXDOMAIN
    known = numeric_address(name, family)
    if known is not None:
        return Ok([known])
    if numeric_address(name, "inet6" if family == "inet" else "inet") is not None:
        return _NXDOMAIN
    if not name.isascii() or any(letter.isspace() or letter == "\0" for letter in name):
        return Error("einval")
    return await in_trio(_resolve, name, family)


async def getaddr(name: Any, family: InetFamily = "inet") -> Ok[str] | Error:
    """Return the first address of a host. Erlang's `inet:getaddr/2`.

    Args:
        name, family: as for `getaddrs`.

    Returns:
        `Ok(address)`, as text; or `Error` as from `getaddrs`.

    Raises:
        ValueError: as `getaddrs`.
    """
    found = await getaddrs(name, family)
    return Ok(found.value[0]) if isinstance(found, Ok) else found


async def gethostbyname(name: Any, family: InetFamily = "inet") -> Ok[HostEnt] | Error:
    """Return a host with its names and addresses. Erlang's `inet:gethostbyname/1,2`.

    Args:
        name: a host name, or the text of an address.
        family: `"inet"` or `"inet6"`.

    Returns:
        `Ok(HostEnt)`; or `Error`: `"nxdomain"`, or `"einval"` if it is no name.

    Raises:
        ValueError: `family` is neither of the two.
    """
    if not isinstance(name, str):
        return Error("einval")
    found = await getaddrs(name, family)
    if isinstance(found, Error):
        return found
    return Ok(_hostent(name, (), family, found.value))


async def gethostbyaddr(address: Any) -> Ok[HostEnt] | Error:
    """Return the host that has an address. Erlang's `inet:gethostbyaddr/1`.

    Args:
        address: text, an `ipaddress` object, or a tuple of 4 or 8 integers.

    Returns:
        `Ok(HostEnt)`; or `Error`: `"nxdomain"`, or `"einval"` if it is no address.
    """
    for family in ("inet", "inet6"):
        try:
            text = host(_NUMBERS[family], address)
        except (TypeError, ValueError):
            continue
        return await in_trio(_reverse, text, family)
    return Error("einval")


def gethostname() -> Ok[str]:
    """Return the name of this host, without its domain. Erlang's `inet:gethostname/0`."""
    return Ok(stdlib.gethostname().partition(".")[0])


def port_number(argument: str, port: Any, protocol: str, low: int = 0) -> int:
    """Return the number of a port; a str is the name of a service.

    Raises:
        TypeError: it is neither an integer nor a str.
        ValueError: it is out of range, or the service is unknown.
    """
    if isinstance(port, str):
        try:
            return stdlib.getservbyname(port, protocol)
        except OSError:
            raise ValueError(f"{argument}: no such service: {shown(port)}") from None
    if isinstance(port, bool) or not isinstance(port, int):
        raise TypeError(f"{argument}: expected a port or the name of a service, got {shown(port)}")
    if not low <= port <= 65535:
        raise ValueError(f"{argument}: expected {low}..65535, got {shown(port)}")
    return port


# Whoever answers datagrams sends to the same few addresses again and again.
@lru_cache(maxsize=4096)
def numeric_address(text: str, family: str) -> str | None:
    """Return the address that `text` is in its usual spelling; None if it is a name."""
    read = parse_ipv4_address if family == "inet" else parse_ipv6strict_address
    found = read(text)
    return found.value if isinstance(found, Ok) else None


async def _resolve(name: str, family: InetFamily) -> Ok[list[str]] | Error:
    try:
        found = await trio.socket.getaddrinfo(name, None, _NUMBERS[family], stdlib.SOCK_STREAM)
    except (OSError, UnicodeError):
        return _NXDOMAIN
    addresses = dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found)
    return Ok(list(addresses)) if addresses else _NXDOMAIN


async def _reverse(address: str, family: InetFamily) -> Ok[HostEnt] | Error:
    try:
        name, aliases, _ = await trio.to_thread.run_sync(
            stdlib.gethostbyaddr, address, abandon_on_cancel=True
        )
    except (OSError, UnicodeError):
        return _NXDOMAIN
    return Ok(_hostent(name, tuple(aliases), family, [address]))


def _hostent(
    name: str, aliases: tuple[str, ...], family: InetFamily, addresses: list[str]
) -> HostEnt:
    return HostEnt(name, aliases, family, 4 if family == "inet" else 16, tuple(addresses))
