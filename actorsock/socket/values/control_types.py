"""The types of control messages that have a name, and what their values are.

One table says what each type is called, which number it has, and how its value becomes bytes and
comes back. What else a message is made of is not known here, nor which option makes the kernel
attach which message. File descriptors that arrive are not closed.
"""

import errno
import socket
import struct
import sys
from typing import Final

import attrs

from ...arguments import check_int
from .address import SockAddr, from_bytes
from .codecs import CREDENTIALS, INTEGER, TIMEVAL, TOS, Codec
from .hosts import In6Addr, InAddr, named_host
from .limits import INT_MAX, UINT_MAX
from .records import as_record, forms_of, integer_field

__all__ = ["BY_NUMBER", "BY_WORD", "ControlType", "ExtendedError", "Ip6PktInfo", "IpPktInfo"]


# What the fields of the records accept: attrs wants these functions before the records.


def _spec_dst(host: InAddr) -> str:
    return named_host("spec_dst", socket.AF_INET, host)


def _addr(host: InAddr) -> str:
    return named_host("addr", socket.AF_INET, host)


def _addr6(host: In6Addr) -> str:
    return named_host("addr", socket.AF_INET6, host)


_ifindex = integer_field(0, UINT_MAX)


@attrs.frozen
class IpPktInfo:
    """Where an IPv4 datagram came in, or is to go out; the documented `ip_pktinfo()`.

    `ifindex` is the number of the interface (0: any), `spec_dst` the local address (the source
    of what is sent), `addr` the destination in the received header (not used when sending).
    Addresses are given as in `SockAddrIn` and kept as numeric text.
    """

    ifindex: int = attrs.field(validator=_ifindex)
    spec_dst: str = attrs.field(converter=_spec_dst)
    addr: str = attrs.field(converter=_addr)


@attrs.frozen
class Ip6PktInfo:
    """Where an IPv6 datagram came in, or is to go out; the documented `ipv6_pktinfo()`.

    `addr` is the destination in the received header, or the source of what is sent; `ifindex`
    the number of the interface (0: any).
    """

    addr: str = attrs.field(converter=_addr6)
    ifindex: int = attrs.field(validator=_ifindex)


@attrs.frozen
class ExtendedError:
    """Why a datagram could not be delivered, from the error queue; `extended_err()`.

    `error` is the POSIX name in lower case (a number if it has none). `origin` says who
    reports it: `"none"`, `"local"`, `"icmp"`, `"icmp6"`, or a number. `type` and `code` are
    words where ICMP names them (`"dest_unreach"`, `"port_unreach"`), else numbers. `info` and
    `data` depend on the error: for `"emsgsize"` `info` is the MTU. `offender` is the node that
    reports it, `None` if the message holds none.
    """

    error: str | int
    origin: str | int
    type: str | int
    code: str | int
    info: int
    data: int
    offender: SockAddr | None


@attrs.frozen(eq=False)
class ControlType:
    """One type of control message, by its words and by its number on this platform, if any.

    `codec` translates its value: one that does not encode is for a type that is only received.
    None: the type has data, but no value. A payload of fewer bytes than the codec's `size` was
    cut, and has no value either.
    """

    level: str
    word: str
    number: int | None
    codec: Codec | None


# Native alignment is padding-free in all of these.
_C_INT: Final = struct.Struct("=i")
_IN_PKTINFO: Final = struct.Struct("=I4s4s")
_IN6_PKTINFO: Final = struct.Struct("=16sI")
_EXTENDED_ERR: Final = struct.Struct("=IBBBxII")
_SOCKADDR_IN_SIZE: Final = 16
_SOCKADDR_MAX: Final = 128


def _encode_rights(value: object) -> bytes:
    if not isinstance(value, list | tuple):
        raise TypeError("it is neither a list nor a tuple")
    return b"".join(
        _C_INT.pack(check_int("an element", fd, f"an integer 0..{INT_MAX}", 0, INT_MAX))
        for fd in value
    )


def _decode_rights(data: bytes) -> tuple[int, ...]:
    # Whole descriptors count even in a payload that was cut: they are open in this process,
    # and who does not learn their numbers cannot close them.
    return struct.unpack_from(f"={len(data) // _C_INT.size}i", data)


def _encode_pktinfo(value: object) -> bytes:
    info = as_record(IpPktInfo, value)
    return _IN_PKTINFO.pack(
        info.ifindex,
        socket.inet_pton(socket.AF_INET, info.spec_dst),
        socket.inet_pton(socket.AF_INET, info.addr),
    )


def _decode_pktinfo(data: bytes) -> IpPktInfo:
    ifindex, spec_dst, addr = _IN_PKTINFO.unpack_from(data)
    return IpPktInfo(
        ifindex,
        socket.inet_ntop(socket.AF_INET, spec_dst),
        socket.inet_ntop(socket.AF_INET, addr),
    )


def _encode_pktinfo6(value: object) -> bytes:
    info = as_record(Ip6PktInfo, value)
    return _IN6_PKTINFO.pack(socket.inet_pton(socket.AF_INET6, info.addr), info.ifindex)


def _decode_pktinfo6(data: bytes) -> Ip6PktInfo:
    addr, ifindex = _IN6_PKTINFO.unpack_from(data)
    return Ip6PktInfo(socket.inet_ntop(socket.AF_INET6, addr), ifindex)


def _decode_sockaddr(data: bytes) -> SockAddr:
    return from_bytes(data[:_SOCKADDR_MAX])


_ORIGINS: Final[dict[int, str]] = {0: "none", 1: "local", 2: "icmp", 3: "icmp6"}
_ERROR_TYPES: Final[dict[tuple[str | int, int], str]] = {
    ("icmp", 3): "dest_unreach",
    ("icmp", 11): "time_exceeded",
    ("icmp6", 1): "dest_unreach",
    ("icmp6", 2): "pkt_toobig",
    ("icmp6", 3): "time_exceeded",
}
_ERROR_CODES: Final[dict[tuple[str | int, str | int], dict[int, str]]] = {
    ("icmp", "dest_unreach"): {
        0: "net_unreach",
        1: "host_unreach",
        3: "port_unreach",
        4: "frag_needed",
        6: "net_unknown",
        7: "host_unknown",
    },
    ("icmp6", "dest_unreach"): {
        0: "noroute",
        1: "adm_prohibited",
        2: "not_neighbour",
        3: "addr_unreach",
        4: "port_unreach",
        5: "policy_fail",
        6: "reject_route",
    },
}


def _decode_extended_error(data: bytes) -> ExtendedError:
    number, origin_number, type_number, code, info, more = _EXTENDED_ERR.unpack_from(data)
    name = errno.errorcode.get(number)
    origin = _ORIGINS.get(origin_number, origin_number)
    type_ = _ERROR_TYPES.get((origin, type_number), type_number)
    # The offender follows the fixed part. Cut, it is what is left of it, as in Erlang.
    offender = data[_EXTENDED_ERR.size :][:_SOCKADDR_MAX]
    return ExtendedError(
        error=number if name is None else name.lower(),
        origin=origin,
        type=type_,
        code=_ERROR_CODES.get((origin, type_), {}).get(code, code),
        info=info,
        data=more,
        offender=from_bytes(offender) if len(offender) >= 2 else None,
    )


_RIGHTS: Final = Codec("a list or tuple of file descriptors", 0, _encode_rights, _decode_rights)
_PKTINFO: Final = Codec(forms_of(IpPktInfo), _IN_PKTINFO.size, _encode_pktinfo, _decode_pktinfo)
_PKTINFO6: Final = Codec(
    forms_of(Ip6PktInfo), _IN6_PKTINFO.size, _encode_pktinfo6, _decode_pktinfo6
)
# It comes as one byte. The words are four of its bits: 0x30 is also "lowdelay", 0xB8 has none.
_TOS: Final = attrs.evolve(TOS, size=1)
_SOCKADDR: Final = Codec("a socket address", _SOCKADDR_IN_SIZE, decode=_decode_sockaddr)
_ERROR: Final = Codec("an ExtendedError", _EXTENDED_ERR.size, decode=_decode_extended_error)


def _number(name: str, linux: int) -> int | None:
    # The standard library lacks many of them, also where the system has them.
    number = getattr(socket, name, None)
    if isinstance(number, int):
        return int(number)
    return linux if sys.platform == "linux" else None


_TYPES: Final = (
    ControlType("socket", "timestamp", _number("SCM_TIMESTAMP", 29), TIMEVAL),
    ControlType("socket", "rights", _number("SCM_RIGHTS", 1), _RIGHTS),
    ControlType("socket", "credentials", _number("SCM_CREDENTIALS", 2), CREDENTIALS),
    ControlType("ip", "tos", _number("IP_TOS", 1), _TOS),
    ControlType("ip", "ttl", _number("IP_TTL", 2), INTEGER),
    ControlType("ip", "pktinfo", _number("IP_PKTINFO", 8), _PKTINFO),
    ControlType("ip", "origdstaddr", _number("IP_ORIGDSTADDR", 20), _SOCKADDR),
    ControlType("ip", "recverr", _number("IP_RECVERR", 11), _ERROR),
    ControlType("ip", "recvttl", _number("IP_RECVTTL", 12), None),
    ControlType("ip", "recvtos", _number("IP_RECVTOS", 13), None),
    ControlType("ipv6", "pktinfo", _number("IPV6_PKTINFO", 50), _PKTINFO6),
    ControlType("ipv6", "hoplimit", _number("IPV6_HOPLIMIT", 52), INTEGER),
    ControlType("ipv6", "tclass", _number("IPV6_TCLASS", 67), INTEGER),
    ControlType("ipv6", "recvtclass", _number("IPV6_RECVTCLASS", 66), None),
    ControlType("ipv6", "recverr", _number("IPV6_RECVERR", 25), _ERROR),
)

# On Linux the socket level shares its number with icmp; as a level it is always the former.
_LEVELS: Final = {"socket": int(socket.SOL_SOCKET), "ip": 0, "ipv6": 41}

BY_WORD: Final = {(_LEVELS[type_.level], type_.word): type_ for type_ in _TYPES}
"""Every type, by the number of its level and by its word."""

BY_NUMBER: Final = {
    (_LEVELS[type_.level], type_.number): type_ for type_ in _TYPES if type_.number is not None
}
"""The types that this platform has, by both their numbers."""
