"""The network interfaces of this machine: `getifaddrs`."""

import ctypes
import socket as stdlib
from typing import Any, Final

import attrs

from ...results import Error, Ok
from ...socket.kernel.errors import error_of, reason_of
from ...socket.kernel.namespaces import call_in_namespace
from ...socket.values.address import SockAddrIn, SockAddrIn6, from_bytes

__all__ = ["InterfaceAddress", "InterfaceInfo", "getifaddrs"]


@attrs.frozen
class InterfaceAddress:
    """One address of an interface.

    Attributes:
        addr: the address as text.
        netmask: its mask as text, or None.
        broadaddr: the broadcast address as text, or None.
        dstaddr: the address at the other end of a point-to-point interface, or None.
    """

    addr: str
    netmask: str | None = None
    broadaddr: str | None = None
    dstaddr: str | None = None


@attrs.frozen
class InterfaceInfo:
    """One interface, as `inet.getifaddrs` lists it.

    Attributes:
        name: its name, such as `"lo"`.
        flags: those of `"up"`, `"broadcast"`, `"loopback"`, `"pointtopoint"`, `"running"` and
            `"multicast"` that it has.
        addresses: its addresses.
        hwaddr: its hardware address, 6 bytes of Ethernet; empty without one.
    """

    name: str
    flags: tuple[str, ...]
    addresses: tuple[InterfaceAddress, ...] = ()
    hwaddr: bytes = b""


class _IfAddrs(ctypes.Structure):
    pass


_IfAddrs._fields_ = [
    ("next", ctypes.POINTER(_IfAddrs)),
    ("name", ctypes.c_char_p),
    ("flags", ctypes.c_uint),
    ("addr", ctypes.c_void_p),
    ("netmask", ctypes.c_void_p),
    ("other", ctypes.c_void_p),
    ("data", ctypes.c_void_p),
]

_UP, _BROADCAST, _LOOPBACK, _POINTTOPOINT, _RUNNING, _MULTICAST = 1, 2, 8, 16, 64, 4096
_FLAGS: Final = {
    "up": _UP,
    "broadcast": _BROADCAST,
    "loopback": _LOOPBACK,
    "pointtopoint": _POINTTOPOINT,
    "running": _RUNNING,
    "multicast": _MULTICAST,
}
_SIZES: Final[dict[int, int]] = {stdlib.AF_INET: 16, stdlib.AF_INET6: 28}
_PACKET: Final = int(getattr(stdlib, "AF_PACKET", -1))
# struct sockaddr_ll: the length of the hardware address is its byte 11, which the bytes follow.
_LENGTH_AT, _BYTES_AT = 11, 12


def getifaddrs(netns: str | None = None) -> Ok[list[InterfaceInfo]] | Error:
    """List the network interfaces. Erlang's `inet:getifaddrs/0,1`.

    Args:
        netns: the path of a network name space, as of the option `netns`; None for that of the
            program.

    Returns:
        `Ok(interfaces)`, a list of `InterfaceInfo` in the system's order; or `Error` with a reason
        of the operating system, such as `"enoent"`.

    Example::

        for interface in ok(inet.getifaddrs()):
            print(interface.name, *(each.addr for each in interface.addresses))
    """
    if netns is None:
        return _interfaces()
    try:
        return call_in_namespace(netns, _interfaces)
    except OSError as exc:
        return error_of(exc)


def _interfaces() -> Ok[list[InterfaceInfo]] | Error:
    libc = ctypes.CDLL(None, use_errno=True)
    first = ctypes.POINTER(_IfAddrs)()
    if libc.getifaddrs(ctypes.byref(first)) != 0:
        return Error(reason_of(ctypes.get_errno()))
    found: dict[str, InterfaceInfo] = {}
    try:
        entry = first
        while entry:
            one = entry.contents
            name = one.name.decode()
            known = found.get(name)
            if known is None:
                flags = tuple(word for word, bit in _FLAGS.items() if one.flags & bit)
                known = InterfaceInfo(name, flags)
            found[name] = _with(known, one)
            entry = one.next
    finally:
        libc.freeifaddrs(first)
    return Ok(list(found.values()))


def _with(known: InterfaceInfo, one: Any) -> InterfaceInfo:
    if not one.addr:
        return known
    family = ctypes.c_uint16.from_address(one.addr).value
    if family == _PACKET:
        length = ctypes.string_at(one.addr + _LENGTH_AT, 1)[0]
        return attrs.evolve(known, hwaddr=ctypes.string_at(one.addr + _BYTES_AT, length))
    if family not in _SIZES:
        return known
    address = InterfaceAddress(
        str(_address(one.addr)),
        _address(one.netmask),
        _address(one.other) if one.flags & _BROADCAST else None,
        _address(one.other) if one.flags & _POINTTOPOINT else None,
    )
    return attrs.evolve(known, addresses=(*known.addresses, address))


def _address(at: int | None) -> str | None:
    if not at:
        return None
    family = ctypes.c_uint16.from_address(at).value
    if family not in _SIZES:
        return None
    found = from_bytes(ctypes.string_at(at, _SIZES[family]))
    return found.addr if isinstance(found, SockAddrIn | SockAddrIn6) else None
