"""The types of control messages that have a name, and the codecs of their values.

One table has the name of each type, its number and its codec. The rest of a message is in
`control`. File descriptors that arrive belong to the receiver; nothing here closes them.
"""

import errno
import socket
import struct
import sys
from typing import Final

import attrs

from ...arguments import check_int, exact_items
from .address import SockAddr, from_bytes
from .c_integers import INT_MAX, UINT_MAX
from .codecs import CREDENTIALS, INTEGER, TIMEVAL, TOS, Codec
from .hosts import In6Addr, InAddr, named_host
from .records import as_record, forms_of, integer_field

__all__ = ["BY_NUMBER", "BY_WORD", "ControlType", "ExtendedError", "Ip6PktInfo", "IpPktInfo"]


# Converters and validators of the fields. They stand first because the class bodies use them.


def _spec_dst(host: InAddr) -> str:
    return named_host("spec_dst", socket.AF_INET, host)


def _addr(host: InAddr) -> str:
    return named_host("addr", socket.AF_INET, host)


def _addr6(host: In6Addr) -> str:
    return named_host("addr", socket.AF_INET6, host)


_ifindex = integer_field(0, UINT_MAX)


@attrs.frozen
class IpPktInfo:
    """The interface and the addresses of one IPv4 datagram. Erlang's `ip_pktinfo()`.

    It is the value of the control message ip `"pktinfo"`. Addresses are given as in
    `SockAddrIn` and kept as numeric text.

    Attributes:
        ifindex: the index of the interface; to send, 0 lets the operating system choose.
        spec_dst: the local address; to send, the source address.
        addr: the destination in the header of a received datagram; ignored when sending.
    """

    ifindex: int = attrs.field(validator=_ifindex)
    spec_dst: str = attrs.field(converter=_spec_dst)
    addr: str = attrs.field(converter=_addr)


@attrs.frozen
class Ip6PktInfo:
    """The interface and the address of one IPv6 datagram. Erlang's `ipv6_pktinfo()`.

    It is the value of the control message ipv6 `"pktinfo"`.

    Attributes:
        addr: the destination in the header of a received datagram; to send, the source
            address. Given as in `SockAddrIn6` and kept as numeric text.
        ifindex: the index of the interface; to send, 0 lets the operating system choose.
    """

    addr: str = attrs.field(converter=_addr6)
    ifindex: int = attrs.field(validator=_ifindex)


@attrs.frozen
class ExtendedError:
    """The reason why a datagram was not delivered. Erlang's `extended_err()`.

    It is the value of the control message `"recverr"`, which `recvmsg` with the flag
    `"errqueue"` returns.

    Attributes:
        error: the POSIX name in lower case, such as `"econnrefused"`; a number if it has none.
        origin: the source of the report: `"none"`, `"local"`, `"icmp"`, `"icmp6"`, or a number.
        type: the type of the ICMP message, a word such as `"dest_unreach"`, or a number.
        code: its code, a word such as `"port_unreach"`, or a number.
        info: depends on the error; for `"emsgsize"` the MTU in bytes.
        data: depends on the error.
        offender: the address of the node that reports the error; None if it is unknown.
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
    """One type of control message.

    Attributes:
        level: the word of its level.
        word: the word of the type.
        number: the number of the type on this platform; None if the platform lacks it.
        codec: translates its value. A codec without `encode` is of a type that is only
            received; None is for a type that has data but no value. A payload of fewer bytes
            than the codec's `size` was cut by the kernel, and has no value either.
    """

    level: str
    word: str
    number: int | None
    codec: Codec | None


# Linux's struct in_pktinfo, in6_pktinfo and sock_extended_err. None of them needs padding
# between its fields, so "=" (no padding) and "@" are the same.
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
        for fd in exact_items(value)
    )


def _decode_rights(data: bytes) -> tuple[int, ...]:
    # A payload that was cut still has some whole descriptors. They are open in this process, so
    # their numbers must be reported, or nothing could ever close them.
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
    values: tuple[int, ...] = _EXTENDED_ERR.unpack_from(data)
    number, origin_number, type_number, code, info, more = values
    name = errno.errorcode.get(number)
    origin = _ORIGINS.get(origin_number, origin_number)
    type_ = _ERROR_TYPES.get((origin, type_number), type_number)
    # The address of the offender follows the fixed part. If it was cut, the rest is decoded, as
    # in Erlang.
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
# The kernel delivers the type of service as one byte, not as a C int. Words as for the option:
# 0x30 has the bit of "lowdelay" and reads as that, 0xB8 has no word.
_TOS: Final = attrs.evolve(TOS, size=1)
_SOCKADDR: Final = Codec("a socket address", _SOCKADDR_IN_SIZE, decode=_decode_sockaddr)
_ERROR: Final = Codec("an ExtendedError", _EXTENDED_ERR.size, decode=_decode_extended_error)


def _number(name: str, linux: int) -> int | None:
    # The standard library lacks many constants that the system has.
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

# On Linux SOL_SOCKET is 1, which is also the protocol icmp. As a level it means "socket".
_LEVELS: Final = {"socket": int(socket.SOL_SOCKET), "ip": 0, "ipv6": 41}

BY_WORD: Final = {(_LEVELS[type_.level], type_.word): type_ for type_ in _TYPES}
"""Every type, by the number of its level and by its word."""

BY_NUMBER: Final = {
    (_LEVELS[type_.level], type_.number): type_ for type_ in _TYPES if type_.number is not None
}
"""The types that this platform has, by both their numbers."""
