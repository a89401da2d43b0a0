"""Socket addresses: one record for each documented form, and the codec around them.

Responsible for turning whatever a caller gives into a record (`parse`), a record into what the
standard library or the C library takes (`to_python`, `to_bytes`), and what these give back into
a record again (`from_python`, `from_bytes`). A record holds its address in one canonical
spelling, so that the address given and the address reported compare equal.

Not responsible for input or output of any kind: names are never looked up, interfaces never
asked for, and whether an address fits a socket is the operating system's answer, not ours.
"""

import os
import socket
import struct
import sys
from collections.abc import Callable, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final, TypeAlias

import attrs

from ...arguments import restated, shown
from .families import DOMAINS
from .hosts import HOST_WORDS, named_host

__all__ = [
    "AddressLike",
    "SockAddr",
    "SockAddrIn",
    "SockAddrIn6",
    "SockAddrNative",
    "SockAddrUn",
    "SockAddrUnspec",
    "family_of",
    "from_bytes",
    "from_python",
    "parse",
    "to_bytes",
    "to_python",
]

HostLike: TypeAlias = str | IPv4Address | IPv6Address | tuple[int, ...]
PathLike: TypeAlias = str | bytes | os.PathLike[str] | os.PathLike[bytes]

# BSD's struct sockaddr opens with a length and a family of one byte each, every other system's
# with a family of two bytes; BSD's sun_path is four bytes shorter.
_BSD: Final = sys.platform.startswith(("darwin", "freebsd", "openbsd", "netbsd", "dragonfly"))
_FAMILY_MAX: Final = 0xFF if _BSD else 0xFFFF
_SUN_PATH_SIZE: Final = 104 if _BSD else 108
_PAYLOAD_MAX: Final = 128 - 2  # struct sockaddr_storage without its head

# What the fields of the records accept: attrs wants these functions before the records.


def _inet_host(host: HostLike) -> str:
    return named_host("addr", socket.AF_INET, host)


def _inet6_host(host: HostLike) -> str:
    return named_host("addr", socket.AF_INET6, host)


def _path(path: PathLike) -> str | bytes:
    try:
        name = os.fsencode(path)
    except TypeError:
        raise TypeError(f"path must be str, bytes or os.PathLike, got {shown(path)}") from None
    except UnicodeEncodeError:
        raise ValueError(f"path must be encodable as a file name, got {path!r}") from None
    if name[:1] == b"\0":
        if len(name) > _SUN_PATH_SIZE:
            raise ValueError(f"path must be at most {_SUN_PATH_SIZE} bytes if abstract: {name!r}")
        return name
    if len(name) >= _SUN_PATH_SIZE:
        raise ValueError(f"path must be at most {_SUN_PATH_SIZE - 1} bytes, got {name!r}")
    if b"\0" in name:
        # The operating system would stop at the NUL and use another file than the one named.
        raise ValueError(f"path may hold a NUL byte only in front (abstract name), got {name!r}")
    return os.fsdecode(name)


def _payload(addr: bytes | bytearray | memoryview) -> bytes:
    if not isinstance(addr, bytes | bytearray | memoryview):
        raise TypeError(f"addr must be bytes that follow the family field, got {shown(addr)}")
    payload = bytes(addr)
    if len(payload) > _PAYLOAD_MAX:
        raise ValueError(f"addr must be at most {_PAYLOAD_MAX} bytes, got {len(payload)}")
    return payload


def _up_to(maximum: int) -> Callable[[object, "attrs.Attribute[int]", int], None]:
    def check(record: object, field: "attrs.Attribute[int]", value: int) -> None:
        if not isinstance(value, int) or isinstance(value, bool):
            raise TypeError(f"{field.name} must be an integer 0..{maximum}, got {shown(value)}")
        if not 0 <= value <= maximum:
            raise ValueError(f"{field.name} must be 0..{maximum}, got {shown(value)}")

    return check


@attrs.frozen
class SockAddrIn:
    """An IPv4 address; `#{family => inet, addr => A, port => P}`.

    `addr` is given as numeric text, an `IPv4Address`, four integers 0..255, or `"any"`,
    `"loopback"`, `"broadcast"`, and kept as numeric text. `port` is 0..65535; 0 in `bind`
    lets the operating system choose. A wrong value raises `ValueError`, a wrong type
    `TypeError`; a port out of range is not taken modulo 65536.
    """

    addr: str = attrs.field(default="any", converter=_inet_host)
    port: int = attrs.field(default=0, validator=_up_to(0xFFFF))


@attrs.frozen
class SockAddrIn6:
    """An IPv6 address; `#{family => inet6, addr, port, flowinfo, scope_id}`.

    As `SockAddrIn`, with eight integers 0..65535 and without `"broadcast"`. `flowinfo` is the
    flow label of 20 bits; `scope_id` is the number of the interface of a link-local address,
    which is never written as a `%zone` in `addr`.
    """

    addr: str = attrs.field(default="any", converter=_inet6_host)
    port: int = attrs.field(default=0, validator=_up_to(0xFFFF))
    flowinfo: int = attrs.field(default=0, validator=_up_to(0xFFFFF))
    scope_id: int = attrs.field(default=0, validator=_up_to(0xFFFFFFFF))


@attrs.frozen
class SockAddrUn:
    """A local (unix domain) address; `#{family => local, path => P}`.

    `path` is a str, bytes or `os.PathLike`, kept as a str for a file, as bytes for an abstract
    name (it opens with a NUL), and as `""` for an unnamed socket. A file takes at most 107
    bytes, an abstract name 108 (BSD and macOS: 103 and 104); more raises `ValueError`.
    """

    path: str | bytes = attrs.field(converter=_path)


@attrs.frozen
class SockAddrUnspec:
    """No address; `#{family => unspec, addr => <<>>}`.

    Given to `connect` it dissolves an association. It is also the source of data for which
    the operating system names none, as in `recvfrom` on TCP.
    """

    addr: bytes = attrs.field(default=b"", converter=_payload)


@attrs.frozen
class SockAddrNative:
    """Any other address; `#{family => Integer, addr => Binary}`.

    `family` is an `AF_` number, `addr` the bytes that follow the family in `struct sockaddr`.
    """

    family: int = attrs.field(validator=_up_to(_FAMILY_MAX))
    addr: bytes = attrs.field(default=b"", converter=_payload)


SockAddr: TypeAlias = SockAddrIn | SockAddrIn6 | SockAddrUn | SockAddrUnspec | SockAddrNative
AddressLike: TypeAlias = (
    SockAddr
    | Mapping[str, object]
    | tuple[HostLike, int]
    | tuple[HostLike, int, int, int]
    | PathLike
)

_RECORDS: Final[dict[str, type[SockAddr]]] = {
    "inet": SockAddrIn,
    "inet6": SockAddrIn6,
    "local": SockAddrUn,
    "unspec": SockAddrUnspec,
}
_NUMBERS: Final = {_RECORDS[word]: number for word, number in DOMAINS.items()}
_OF_DOMAIN: Final[dict[str | int, type[SockAddr]]] = {
    number: record for record, number in _NUMBERS.items()
}
_OF_DOMAIN.update(_RECORDS)
_KEYS: Final = {record: attrs.fields_dict(record).keys() for record in (*_NUMBERS, SockAddrNative)}


def parse(
    domain: str | int, addr: object, *, words: bool = False, argument: str = "addr"
) -> SockAddr:
    """The record for the address that a call on a socket of `domain` is given as `argument`.

    Accepted are a record; the documented map with its documented defaults; for inet Python's
    `(host, port)`; for inet6 that or `(host, port, flowinfo, scope_id)`, `host` being what the
    record takes, or `""` for any; for local a bare path. With `words`, as in `bind`, also
    `"any"`, `"loopback"` and `"broadcast"` alone, with port 0. On a local socket these three
    win over files of that name and give a `SockAddrIn`: the caller answers `eafnosupport`.

    A record or map of another family than the socket's is well-formed and is returned.
    Anything malformed (`{error, {invalid, ...}}` and badarg there) raises `TypeError` or
    `ValueError`, naming `argument`, its value and what is accepted.
    """
    if isinstance(addr, SockAddr):
        return addr
    try:
        return _parse(domain, addr, words)
    except (TypeError, ValueError) as problem:
        raise restated(problem, f"{argument} {_in_full(addr)}: {problem}") from None


def family_of(addr: SockAddr) -> int:
    """The `AF_` number of the address, to be compared with the socket's own."""
    return addr.family if isinstance(addr, SockAddrNative) else _NUMBERS[type(addr)]


def to_python(addr: SockAddr) -> tuple[Any, ...] | str | bytes:
    """What `bind`, `connect` and `sendto` of the standard library take: a tuple or a path.

    `SockAddrUnspec` and `SockAddrNative` have no such form and raise `TypeError`; they reach
    the operating system through `to_bytes`.
    """
    if isinstance(addr, SockAddrIn):
        return addr.addr, addr.port
    if isinstance(addr, SockAddrIn6):
        return addr.addr, addr.port, addr.flowinfo, addr.scope_id
    if isinstance(addr, SockAddrUn):
        return addr.path
    raise TypeError(f"addr must be a SockAddrIn, SockAddrIn6 or SockAddrUn, got {shown(addr)}")


def from_python(family: int, raw: object) -> SockAddr:
    """The record for what the standard library reports about a socket of `family`.

    `raw` comes from `getsockname`, `getpeername`, `accept`, `recvfrom` or `recvmsg`. `None`
    means that the operating system gave no address and becomes `SockAddrUnspec()`; `""` is an
    unnamed local socket. A family that the standard library takes apart into something that
    is not `struct sockaddr` again (packet, netlink, vsock, ...) becomes `SockAddrNative` with
    empty `addr`; whoever needs the bytes reads them with the C library and `from_bytes`.
    """
    return _from_python(family, raw)


def to_bytes(addr: SockAddr) -> bytes:
    """The address as `struct sockaddr`, for the C library and for control messages."""
    match addr:
        case SockAddrIn(host, port):
            packed = socket.inet_pton(socket.AF_INET, host)
            payload = struct.pack("!H4s8x", port, packed)
        case SockAddrIn6(host, port, flowinfo, scope_id):
            packed = socket.inet_pton(socket.AF_INET6, host)
            payload = struct.pack("!HI16s", port, flowinfo, packed) + struct.pack("=I", scope_id)
        case SockAddrUn(str(path)):
            payload = os.fsencode(path) + b"\0" if path else b""
        case SockAddrUn(bytes(payload)):
            pass  # an abstract name ends where the structure ends
        case SockAddrUnspec(payload) | SockAddrNative(_, payload):
            pass
    return _sockaddr(family_of(addr), payload)


def from_bytes(raw: bytes) -> SockAddr:
    """The record for a `struct sockaddr` written by the operating system.

    Fewer bytes than the family takes are `SockAddrUnspec()`. A family without a record, or
    less (for a path: more) than its record holds, is `SockAddrNative`. More bytes than
    `struct sockaddr_storage` has raise `ValueError`.
    """
    if len(raw) > _PAYLOAD_MAX + 2:
        raise ValueError(f"raw must be at most {_PAYLOAD_MAX + 2} bytes, got {len(raw)}")
    if len(raw) < 2:
        return SockAddrUnspec()
    family = raw[1] if _BSD else int.from_bytes(raw[:2], sys.byteorder)
    payload = bytes(raw[2:])
    if family == socket.AF_UNSPEC:
        return SockAddrUnspec(payload)
    if family == socket.AF_INET and len(payload) >= 6:
        port, packed = struct.unpack_from("!H4s", payload)
        return SockAddrIn(socket.inet_ntop(family, packed), port)
    if family == socket.AF_INET6 and len(payload) >= 26:
        port, flowinfo, packed = struct.unpack_from("!HI16s", payload)
        (scope_id,) = struct.unpack_from("=I", payload, 22)
        host = socket.inet_ntop(family, packed)
        return SockAddrIn6(host, port, flowinfo & 0xFFFFF, scope_id)
    if family == DOMAINS["local"]:
        return _local(payload)
    return SockAddrNative(family, payload)


def _in_full(addr: object) -> str:
    try:
        return repr(addr)
    except Exception:  # any object may be given, and its own repr may fail
        return shown(addr)


def _parse(domain: str | int, addr: object, words: bool) -> SockAddr:
    record = _OF_DOMAIN.get(domain)
    if isinstance(addr, tuple) and (record is SockAddrIn or record is SockAddrIn6):
        return _from_tuple(record, addr)
    if isinstance(addr, Mapping):
        return _from_map(dict(addr))
    if words and isinstance(addr, str) and addr in HOST_WORDS[socket.AF_INET]:
        return SockAddrIn6(addr) if record is SockAddrIn6 else SockAddrIn(addr)
    if record is SockAddrUn and isinstance(addr, str | bytes | os.PathLike):
        return SockAddrUn(addr)
    accepted = (
        f"on a socket of domain {domain!r} an address is a SockAddr record, the map with the"
        " key 'family', (host, port) for inet, (host, port[, flowinfo, scope_id]) for inet6,"
        " or a path for local"
    )
    if words:
        accepted += "; bind also takes 'any', 'loopback' and 'broadcast'"
    raise ValueError(accepted) if words and isinstance(addr, str) else TypeError(accepted)


def _from_tuple(
    record: type[SockAddrIn] | type[SockAddrIn6], addr: tuple[Any, ...]
) -> SockAddrIn | SockAddrIn6:
    if len(addr) != 2 and (len(addr) != 4 or record is SockAddrIn):
        form = "" if record is SockAddrIn else " or (host, port, flowinfo, scope_id)"
        raise ValueError(f"the tuple must be (host, port){form}")
    host, *numbers = addr
    return record("any" if host == "" else host, *numbers)


def _from_map(fields: dict[str, Any]) -> SockAddr:
    families = f"one of {', '.join(_RECORDS)} or an AF_ number"
    if "family" not in fields:
        raise ValueError(f"the key 'family' is missing: {families}")
    family = fields["family"]
    if isinstance(family, str) and family in _RECORDS:
        record = _RECORDS[family]
        del fields["family"]
    elif isinstance(family, int):
        record = SockAddrNative
    else:
        raise ValueError(f"family must be {families}, got {shown(family)}")
    if unknown := fields.keys() - _KEYS[record]:
        names = ", ".join(sorted(map(repr, unknown)))
        raise ValueError(
            f"unknown keys {names}, accepted besides family: {', '.join(_KEYS[record])}"
        )
    if record is SockAddrUn and "path" not in fields:
        raise ValueError("the key 'path' is missing")
    return record(**fields)


# A datagram server meets the same peers again and again; a known one costs a tenth of a new one.
@lru_cache(maxsize=4096)
def _from_python(family: int, raw: object) -> SockAddr:
    if raw is None:
        return SockAddrUnspec()
    if isinstance(raw, tuple) and len(raw) == 2 and isinstance(raw[1], bytes):
        # (family, payload): the form for a family that the standard library does not know.
        return from_bytes(_sockaddr(*raw))
    read = _FROM_PYTHON.get(family)
    return read(raw) if read else SockAddrNative(family)


def _inet6(raw: Any) -> SockAddr:
    if len(raw) == 2:  # the option addrform has made it a socket of IPv4
        return SockAddrIn(*raw)
    # Some systems spell the scope out after the host; the record has it as a number only.
    return SockAddrIn6(raw[0].partition("%")[0], raw[1], raw[2] & 0xFFFFF, raw[3])


_FROM_PYTHON: Final[dict[int, Callable[[Any], SockAddr]]] = {
    socket.AF_INET: lambda raw: SockAddrIn(*raw),
    socket.AF_INET6: _inet6,
    DOMAINS["local"]: lambda raw: _local(os.fsencode(raw)),
}


def _local(name: bytes) -> SockAddr:
    """A path as the kernel writes it: up to the first NUL, or abstract if it opens with one."""
    abstract = name[:1] == b"\0" and not _BSD
    if not abstract:
        name = name.partition(b"\0")[0]
    if len(name) >= _SUN_PATH_SIZE + abstract:
        # Another program may bind a path that fills the field and leaves no room for a NUL.
        return SockAddrNative(DOMAINS["local"], name)
    return SockAddrUn(name)


def _sockaddr(family: int, payload: bytes) -> bytes:
    head = bytes((2 + len(payload), family)) if _BSD else struct.pack("=H", family)
    return head + payload
