"""ioctl: network interfaces, and the data that waits in a socket.

One table has each request: its number, the number of its arguments, and the function that checks
them and performs the request. To add a request, add a row. The numbers and the layouts are
Linux's; elsewhere every request returns `Error("enotsup")`.
"""

import array
import errno
import os
import socket as stdlib
import struct
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs
from trio.lowlevel import enable_ki_protection

from ...arguments import check_bool, check_int, exact_str, shown
from ...results import Error, Ok
from ..core.actor import actor_of
from ..core.socket_object import Socket
from ..kernel import libc
from ..values.address import SockAddr, SockAddrNative, from_bytes, parse, to_bytes
from ..values.c_integers import INT_MAX, INT_MIN
from .asking import at_once

__all__ = ["Interface", "InterfaceMap", "ioctl", "supported_flags", "supported_requests"]

_LINUX: Final = sys.platform == "linux"
_NAME_SIZE: Final = 16  # IFNAMSIZ
# struct ifreq: the name of an interface, then a union of 24 bytes (an address, an int, flags, ...).
_IFREQ_SIZE: Final = 40
_IFCONF_MAX: Final = 2**24  # the list of all interfaces is never as large
_SOCKADDR_SIZE: Final = 16  # struct sockaddr, the address in that union


@attrs.frozen
class Interface:
    """A network interface with an address, of the list that `"gifconf"` returns.

    Attributes:
        name: the name of the interface, such as `"lo"`.
        addr: its address.
    """

    name: str
    addr: SockAddr


@attrs.frozen
class InterfaceMap:
    """The hardware settings of a network interface, the value of `"gifmap"`.

    Attributes:
        mem_start: the beginning of its memory.
        mem_end: the end of its memory.
        base_addr: the base address of its ports.
        irq: the number of its interrupt.
        dma: the number of its DMA channel.
        port: the kind of its connector, a number of the driver.
    """

    mem_start: int
    mem_end: int
    base_addr: int
    irq: int
    dma: int
    port: int


_FLAGS: Final[dict[str, int | None]] = {
    "up": 0x1,
    "broadcast": 0x2,
    "debug": 0x4,
    "loopback": 0x8,
    "pointopoint": 0x10,
    "notrailers": 0x20,
    "running": 0x40,
    "noarp": 0x80,
    "promisc": 0x100,
    "allmulti": 0x200,
    "master": 0x400,
    "slave": 0x800,
    "multicast": 0x1000,
    "portsel": 0x2000,
    "automedia": 0x4000,
    "dynamic": 0x8000,
    # Linux has these three above bit 15, but `struct ifreq` has room for 16 bits only.
    **dict.fromkeys(("lower_up", "dormant", "echo")),
    # These are flags of other systems.
    **dict.fromkeys(("cantconfig", "dhcprunning", "dying", "knowsepoch", "link0", "link1")),
    **dict.fromkeys(("link2", "monitor", "nogroup", "oactive", "ppromisc", "private")),
    **dict.fromkeys(("renaming", "simplex", "staticarp")),
}


@enable_ki_protection
def ioctl(sock: Socket, request: str, *args: Any) -> Ok[Any] | Error:
    """Read or change a network interface, or ask about the socket. Erlang's `socket:ioctl/2,3,4`.

    Args:
        sock: the socket.
        request: one of the words below.
        *args: the arguments of the request.

            - `"nread"`, no argument: how many bytes can be read
            - `"atmark"`, no argument: True if the next byte is out of band
            - `"gifconf"`, no argument: a list of `Interface`, of each interface with an address
            - `"gifname"`, an index: the name of the interface
            - `"gifindex"`, `"gifmtu"`, `"giftxqlen"`, the name of an interface: an int (the MTU
              is bytes, the length of the transmit queue packets)
            - `"gifaddr"`, `"gifdstaddr"`, `"gifbrdaddr"`, `"gifnetmask"`, `"gifhwaddr"`, a name:
              an address
            - `"gifflags"`, a name: a list of words, such as `"up"` and `"running"`
            - `"gifmap"`, a name: an `InterfaceMap`
            - `"sifmtu"`, `"siftxqlen"`, a name and an int: set it
            - `"sifaddr"`, `"sifdstaddr"`, `"sifbrdaddr"`, `"sifnetmask"`, a name and an
              address: set it
            - `"sifflags"`, a name and a dict of flag to bool: set some flags, leave the others

    Returns:
        `Ok(value)`, with None if something was set; or `Error`:

        - `"closed"`: the socket is closed
        - `"enotsup"`: this platform lacks the request
        - `"enodev"`: there is no such interface
        - `"eperm"`: setting needs a privilege
        - another reason of the operating system, such as `"eaddrnotavail"`

    Raises:
        TypeError: an argument has another type, or there are too many or too few.
        ValueError: the request or a flag is unknown, or an argument is out of range.

    Example::

        mtu = ok(socket.ioctl(sock, "gifmtu", "lo"))
        waiting = ok(socket.ioctl(sock, "nread"))
    """
    actor = actor_of(sock)
    if not isinstance(request, str):
        raise TypeError(f"request: expected a word, got {shown(request)}")
    asked = _REQUESTS.get(request)
    if asked is None:
        raise ValueError(
            f"request: expected one of {', '.join(map(repr, _REQUESTS))}, got {shown(request)}"
        )
    if len(args) != asked.arguments:
        raise TypeError(f"request: {request!r} takes {asked.arguments} arguments, got {len(args)}")
    perform = asked.prepare(*args)

    def call(opened: stdlib.socket) -> Any:
        if not _LINUX:
            return Error("enotsup")
        value = perform(opened, asked.number)
        # Bytes that the actor keeps of an interrupted read can be read as well.
        return value + len(actor.unread) if request == "nread" else value

    return at_once(actor, call, "ioctl", request)


def supported_requests() -> dict[str, bool]:
    """Return each request, and True if this platform has it."""
    return dict.fromkeys(_REQUESTS, _LINUX)


def supported_flags() -> dict[str, bool]:
    """Return each flag of an interface, and True if this platform has it."""
    return {name: _LINUX and bit is not None for name, bit in _FLAGS.items()}


Perform = Callable[[stdlib.socket, int], Any]


@attrs.frozen
class _Request:
    number: int
    arguments: int
    prepare: Callable[..., Perform]
    """Checks the arguments and returns the function that performs the request."""


def _get(decode: Callable[[bytes], Any]) -> Callable[..., Perform]:
    """Return the preparation of a request that reads a setting of a named interface."""

    def prepare(name: object) -> Perform:
        encoded = _name(name)
        return lambda sock, number: decode(_ifreq(sock, number, encoded, b"")[_NAME_SIZE:])

    return prepare


def _set(encode: Callable[[object], bytes]) -> Callable[..., Perform]:
    """Return the preparation of a request that sets the second argument on a named interface."""

    def prepare(name: object, value: object) -> Perform:
        encoded, payload = _name(name), encode(value)

        def perform(sock: stdlib.socket, number: int) -> None:
            _ifreq(sock, number, encoded, payload)

        return perform

    return prepare


def _set_flags(name: object, flags: object) -> Perform:
    """Prepare a request that sets some flags of an interface and leaves the others."""
    encoded = _name(name)
    if not isinstance(flags, Mapping):
        raise TypeError(f"flags: expected a dict of flag to bool, got {shown(flags)}")
    on = off = 0
    for flag, value in flags.items():
        bit = _FLAGS.get(flag)
        if bit is None:
            raise ValueError(f"flags: {shown(flag)} is no flag of this platform")
        check_bool("flags", value, f"a bool for {shown(flag)}")
        on, off = (on | bit, off) if value else (on, off | bit)

    def perform(sock: stdlib.socket, number: int) -> None:
        # The kernel only sets all flags at once, so they are read first.
        get = _REQUESTS["gifflags"].number
        (now,) = struct.unpack_from("=H", _ifreq(sock, get, encoded, b""), _NAME_SIZE)
        _ifreq(sock, number, encoded, struct.pack("=H", (now | on) & ~off & 0xFFFF))

    return perform


def _interface_name(index: object) -> Perform:
    interface = check_int("index", index, "the index of an interface", INT_MIN, INT_MAX)

    def perform(sock: stdlib.socket, number: int) -> str:
        raw = libc.ioctl(sock, number, bytes(_NAME_SIZE) + struct.pack("=i20x", interface))
        return _text(raw[:_NAME_SIZE])

    return perform


def _interfaces() -> Perform:
    # struct ifconf {int ifc_len; struct ifreq *ifc_req;}: the kernel fills the buffer behind the
    # pointer with one ifreq for each address and sets the length.
    def perform(sock: stdlib.socket, number: int) -> list[Interface]:
        room = _IFREQ_SIZE * 16
        while room <= _IFCONF_MAX:
            buffer = array.array("B", bytes(room))
            address, _ = buffer.buffer_info()
            used, _ = struct.unpack(
                "@iP", libc.ioctl(sock, number, struct.pack("@iP", room, address))
            )
            if used + _IFREQ_SIZE <= room:
                break
            room *= 2  # a full buffer may mean that there are more: the kernel does not say
        else:
            raise OSError(errno.ENOBUFS, os.strerror(errno.ENOBUFS))
        raw = buffer.tobytes()[:used]
        entries = [raw[at : at + _IFREQ_SIZE] for at in range(0, used, _IFREQ_SIZE)]
        return [
            Interface(_text(entry[:_NAME_SIZE]), _address(entry[_NAME_SIZE:])) for entry in entries
        ]

    return perform


def _of_the_socket(decode: Callable[[int], Any]) -> Callable[[], Perform]:
    def prepare() -> Perform:
        return lambda sock, number: decode(
            struct.unpack("@i", libc.ioctl(sock, number, bytes(4)))[0]
        )

    return prepare


def _ifreq(sock: stdlib.socket, number: int, name: bytes, payload: bytes) -> bytes:
    return libc.ioctl(sock, number, (name + payload).ljust(_IFREQ_SIZE, b"\0"))


def _name(name: object) -> bytes:
    if not isinstance(name, str):
        raise TypeError(f"name: expected the name of an interface, got {shown(name)}")
    encoded = os.fsencode(exact_str(name))
    if len(encoded) >= _NAME_SIZE or b"\0" in encoded:
        raise ValueError(
            f"name: expected at most {_NAME_SIZE - 1} bytes and no NUL, got {shown(name)}"
        )
    return encoded.ljust(_NAME_SIZE, b"\0")


def _text(raw: bytes) -> str:
    return os.fsdecode(raw.split(b"\0", 1)[0])


def _int(raw: bytes) -> int:
    value: int = struct.unpack_from("=i", raw)[0]
    return value


def _encode_int(value: object) -> bytes:
    number = check_int("value", value, "an int that fits a C int", INT_MIN, INT_MAX)
    return struct.pack("=i", number)


def _address(raw: bytes) -> SockAddr:
    return from_bytes(raw[:_SOCKADDR_SIZE])


def _hardware_address(raw: bytes) -> SockAddrNative:
    # The family is an ARPHRD_ number of hardware (loopback 772, ether 1), not an AF_ number, so
    # `from_bytes` would take it for something else.
    (family,) = struct.unpack_from("=H", raw)
    return SockAddrNative(family, raw[2:_SOCKADDR_SIZE])


def _encode_address(value: object) -> bytes:
    return to_bytes(parse("inet", value, words=True, argument="value"))


def _flags(raw: bytes) -> list[str]:
    (bits,) = struct.unpack_from("=H", raw)
    return [name for name, bit in _FLAGS.items() if bit is not None and bits & bit]


def _map(raw: bytes) -> InterfaceMap:
    # struct ifmap: two longs, a short and three bytes.
    return InterfaceMap(*struct.unpack_from("@LLHBBB", raw))


_REQUESTS: Final[dict[str, _Request]] = {
    "gifconf": _Request(0x8912, 0, _interfaces),
    "gifname": _Request(0x8910, 1, _interface_name),
    "gifindex": _Request(0x8933, 1, _get(_int)),
    "gifaddr": _Request(0x8915, 1, _get(_address)),
    "gifdstaddr": _Request(0x8917, 1, _get(_address)),
    "gifbrdaddr": _Request(0x8919, 1, _get(_address)),
    "gifnetmask": _Request(0x891B, 1, _get(_address)),
    "gifhwaddr": _Request(0x8927, 1, _get(_hardware_address)),
    "gifmtu": _Request(0x8921, 1, _get(_int)),
    "giftxqlen": _Request(0x8942, 1, _get(_int)),
    "gifflags": _Request(0x8913, 1, _get(_flags)),
    "gifmap": _Request(0x8970, 1, _get(_map)),
    "sifaddr": _Request(0x8916, 2, _set(_encode_address)),
    "sifdstaddr": _Request(0x8918, 2, _set(_encode_address)),
    "sifbrdaddr": _Request(0x891A, 2, _set(_encode_address)),
    "sifnetmask": _Request(0x891C, 2, _set(_encode_address)),
    "sifmtu": _Request(0x8922, 2, _set(_encode_int)),
    "siftxqlen": _Request(0x8943, 2, _set(_encode_int)),
    "sifflags": _Request(0x8914, 2, _set_flags),
    "nread": _Request(0x541B, 0, _of_the_socket(int)),
    "atmark": _Request(0x8905, 0, _of_the_socket(bool)),
}
