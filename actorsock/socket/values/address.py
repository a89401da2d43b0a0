"""Socket addresses: one record for each form, and its translation for the kernel.

`parse` makes a record of an argument. `to_python` and `to_bytes` translate a record for the
standard library and the C library, `from_python` and `from_bytes` translate back. A record holds
its address in one spelling, so that an address given and the address reported compare equal.

Nothing here does input or output: names are not looked up and interfaces not asked for. The
operating system decides if an address fits a socket.
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

from ...arguments import exact_bytes, exact_int, exact_items, exact_str, restated, shown
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

# Converters and validators of the fields. They stand first because the class bodies use them.


def _inet_host(host: HostLike) -> str:
    return named_host("addr", socket.AF_INET, host)


def _inet6_host(host: HostLike) -> str:
    return named_host("addr", socket.AF_INET6, host)


def _path(path: PathLike) -> str | bytes:
    try:
        given = os.fspath(path)
        name = os.fsencode(exact_str(given) if isinstance(given, str) else exact_bytes(given))
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
    payload = exact_bytes(addr)
    if len(payload) > _PAYLOAD_MAX:
        raise ValueError(f"addr must be at most {_PAYLOAD_MAX} bytes, got {len(payload)}")
    return payload


def _up_to(maximum: int) -> Callable[[object, "attrs.Attribute[int]", int], None]:
    def check(record: object, field: "attrs.Attribute[int]", value: int) -> None:
        if not isinstance(value, int) or isinstance(value, bool):
            raise TypeError(f"{field.name} must be an integer 0..{maximum}, got {shown(value)}")
        if not 0 <= exact_int(value) <= maximum:
            raise ValueError(f"{field.name} must be 0..{maximum}, got {shown(value)}")

    return check


@attrs.frozen
class SockAddrIn:
    """An IPv4 address with a port. Erlang's `#{family => inet, addr => A, port => P}`.

    Attributes:
        addr: numeric text, an `IPv4Address`, a tuple of four integers 0..255, or one of the
            words `"any"` (the default), `"loopback"` and `"broadcast"`. It is kept as numeric
            text: `SockAddrIn("loopback").addr == "127.0.0.1"`.
        port: 0..65535; 0 in `bind` lets the operating system choose.

    Raises:
        TypeError: a field has another type.
        ValueError: `addr` is not an IPv4 address, such as a host name, or `port` is out of
            range.

    Example::

        match await socket.connect(sock, SockAddrIn("loopback", 8080)):
            case Ok(): ...
    """

    addr: str = attrs.field(default="any", converter=_inet_host)
    port: int = attrs.field(default=0, validator=_up_to(0xFFFF))


@attrs.frozen
class SockAddrIn6:
    """An IPv6 address with a port. Erlang's `#{family => inet6, addr => A, port => P, ...}`.

    Attributes:
        addr: numeric text, an `IPv6Address`, a tuple of eight integers 0..65535, or one of the
            words `"any"` (the default) and `"loopback"`. It is kept as numeric text.
        port: 0..65535; 0 in `bind` lets the operating system choose.
        flowinfo: the flow label, 20 bits.
        scope_id: the index of the interface of a link-local address. `addr` must not have it
            as a zone (`%eth0`).

    Raises:
        TypeError: a field has another type.
        ValueError: `addr` is not an IPv6 address, or a number is out of range.

    Example::

        SockAddrIn6("fe80::1", 8080, scope_id=socket.if_nametoindex("eth0"))
    """

    addr: str = attrs.field(default="any", converter=_inet6_host)
    port: int = attrs.field(default=0, validator=_up_to(0xFFFF))
    flowinfo: int = attrs.field(default=0, validator=_up_to(0xFFFFF))
    scope_id: int = attrs.field(default=0, validator=_up_to(0xFFFFFFFF))


@attrs.frozen
class SockAddrUn:
    """A local (unix domain) address. Erlang's `#{family => local, path => P}`.

    Attributes:
        path: a str, bytes or `os.PathLike`. It is kept as a str for a file, as bytes for an
            abstract name (its first byte is NUL; Linux only), and as `""` for a socket
            without a name.

    Raises:
        TypeError: `path` has another type.
        ValueError: the path is longer than 107 bytes, or an abstract name longer than 108 (on
            BSD and macOS 103 and 104); or it has a NUL after the first byte of a file's name.

    Example::

        ok(socket.bind(sock, SockAddrUn("/run/my.socket")))
    """

    path: str | bytes = attrs.field(converter=_path)


@attrs.frozen
class SockAddrUnspec:
    """No address. Erlang's `#{family => unspec, addr => <<>>}`.

    `connect` with it dissolves the association of a datagram socket. Results have it where the
    operating system reports no source, as for `recvfrom` on TCP.

    Attributes:
        addr: bytes that follow the family in `struct sockaddr`, at most 126; usually none.
    """

    addr: bytes = attrs.field(default=b"", converter=_payload)


@attrs.frozen
class SockAddrNative:
    """An address of any other family. Erlang's `#{family => Integer, addr => Binary}`.

    Attributes:
        family: an `AF_` number, 0..65535 (on BSD and macOS 0..255).
        addr: the bytes that follow the family in `struct sockaddr`, at most 126.
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
    """Return the record for an address that a caller gave for a socket of `domain`.

    A record or map of another family than the socket's is valid here and is returned: the
    operating system refuses it.

    Args:
        domain: the domain of the socket, a word or a number.
        addr: a record; Erlang's map as a dict, with the same defaults; for inet Python's
            `(host, port)`; for inet6 that or `(host, port, flowinfo, scope_id)`; for local a
            path. `host` is a value that the record accepts, or `""` for any address.
        words: True to accept `"any"`, `"loopback"` and `"broadcast"` too, with port 0, as
            `bind` does. On a local socket these three are not files of that name: the result
            is a `SockAddrIn`, for which `bind` returns `eafnosupport`.
        argument: the name of the caller's argument, for the error text.

    Raises:
        TypeError, ValueError: the address is malformed. Erlang: `{invalid, ...}` or badarg.
    """
    if isinstance(addr, SockAddr):
        return addr if type(addr) in _KEYS else _rebuilt(addr)
    try:
        return _parse(domain, addr, words)
    except (TypeError, ValueError) as problem:
        raise restated(problem, f"{argument} {_in_full(addr)}: {problem}") from None


def family_of(addr: SockAddr) -> int:
    """Return the `AF_` number of an address, to be compared with the socket's own."""
    return addr.family if isinstance(addr, SockAddrNative) else _NUMBERS[type(addr)]


def to_python(addr: SockAddr) -> tuple[Any, ...] | str | bytes:
    """Return an address as the standard library takes it: a tuple or a path.

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
    """Return the record for an address that the standard library reports for a socket of `family`.

    `raw` comes from `getsockname`, `getpeername`, `accept`, `recvfrom` or `recvmsg`. None means
    that the operating system gave no address and becomes `SockAddrUnspec()`; `""` is a local
    socket without a name. For some families (packet, netlink, vsock, ...) the standard library
    returns a tuple from which `struct sockaddr` cannot be made again; these become a
    `SockAddrNative` with empty `addr`. A caller that needs the bytes asks the C library and
    uses `from_bytes`.
    """
    # The cached function is not exported: its type would be that of the cache.
    return _from_python(family, raw)


def to_bytes(addr: SockAddr) -> bytes:
    """Return an address as `struct sockaddr`, for the C library and for control messages."""
    match addr:
        case SockAddrIn(host, port):
            packed = socket.inet_pton(socket.AF_INET, host)
            # sin_port, sin_addr, sin_zero
            payload = struct.pack("!H4s8x", port, packed)
        case SockAddrIn6(host, port, flowinfo, scope_id):
            packed = socket.inet_pton(socket.AF_INET6, host)
            # sin6_port, sin6_flowinfo, sin6_addr in network order; sin6_scope_id in the host's
            payload = struct.pack("!HI16s", port, flowinfo, packed) + struct.pack("=I", scope_id)
        case SockAddrUn(bytes(payload)):
            pass  # an abstract name ends where the structure ends
        case SockAddrUn(path):
            payload = os.fsencode(path) + b"\0" if path else b""
        case SockAddrUnspec(payload) | SockAddrNative(_, payload):
            pass
    return _sockaddr(family_of(addr), payload)


def from_bytes(raw: bytes) -> SockAddr:
    """Return the record for a `struct sockaddr` that the operating system wrote.

    Less than a family number is `SockAddrUnspec()`. A family without a record is a
    `SockAddrNative`; so are too few bytes for the record of a family, and a path too long for
    one. More bytes than `struct sockaddr_storage` has raise `ValueError`.
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
    except Exception:  # the repr of the caller's object may fail
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


def _rebuilt(addr: SockAddr) -> SockAddr:
    # An instance of a class of its own, whose fields may be anything when they are read again.
    record = next(record for record in _KEYS if isinstance(addr, record))
    return record(**{key: getattr(addr, key) for key in _KEYS[record]})


def _from_tuple(
    record: type[SockAddrIn] | type[SockAddrIn6], addr: tuple[Any, ...]
) -> SockAddrIn | SockAddrIn6:
    addr = exact_items(addr)
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


# A datagram server meets the same peers again and again; a cached record costs a tenth of a new
# one. Records are frozen, so sharing them is safe.
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
    if len(raw) == 2:  # the option addrform turned it into a socket of IPv4
        return SockAddrIn(*raw)
    # Some systems append the scope to the host as a zone; the record has it as a number only.
    # The kernel's flowinfo has 12 further bits (version and traffic class), which are cut.
    return SockAddrIn6(raw[0].partition("%")[0], raw[1], raw[2] & 0xFFFFF, raw[3])


_FROM_PYTHON: Final[dict[int, Callable[[Any], SockAddr]]] = {
    socket.AF_INET: lambda raw: SockAddrIn(*raw),
    socket.AF_INET6: _inet6,
    DOMAINS["local"]: lambda raw: _local(os.fsencode(raw)),
}


def _local(name: bytes) -> SockAddr:
    """Return the record for `sun_path` as the kernel wrote it.

    A first byte NUL means an abstract name, all of whose bytes count. Other names end at the
    first NUL.
    """
    abstract = name[:1] == b"\0" and not _BSD
    if not abstract:
        name = name.partition(b"\0")[0]
    if len(name) >= _SUN_PATH_SIZE + abstract:
        # Another program may bind a path that fills the field without a NUL at the end. It has
        # no record, because `SockAddrUn` would not accept it for `bind` again.
        return SockAddrNative(DOMAINS["local"], name)
    return SockAddrUn(name)


def _sockaddr(family: int, payload: bytes) -> bytes:
    head = bytes((2 + len(payload), family)) if _BSD else struct.pack("=H", family)
    return head + payload
