"""Control messages: the ancillary data of `sendmsg` and `recvmsg`, by name and by value.

Responsible for the records, and for translating between them and the
`(level, type, bytes)` triples of the standard library's `socket.sendmsg` and
`socket.recvmsg`. One table says which types are known, what they are called and which of them
have a value. It does not send or receive, does not know which option makes the kernel attach
which message, and does not close file descriptors that arrive.
"""

import errno
import socket
import struct
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import attrs

from actorsock.arguments import as_told
from actorsock.shown import shown
from actorsock.socket.address import SockAddr, from_bytes
from actorsock.socket.values.codecs import INTEGER, TOS, Codec
from actorsock.socket.values.hosts import In6Addr, InAddr, named_host
from actorsock.socket.values.levels import native_level
from actorsock.socket.values.limits import INT_MAX, UINT_MAX
from actorsock.socket.values.protocols import protocol_name
from actorsock.socket.values.records import (
    Credentials,
    Record,
    TimeVal,
    as_record,
    integer_field,
)

from .values.limits import INT_MIN

__all__ = [
    "Ancillary",
    "ControlMessage",
    "ExtendedError",
    "Ip6PktInfo",
    "IpPktInfo",
    "decode_control",
    "encode_control",
    "space",
]

Ancillary: TypeAlias = tuple[int, int, bytes]
"""Level, type and payload of a control message, as in the standard library."""

_C_INT: Final = struct.Struct("=i")

# ---- what the fields of the records accept (attrs wants these before the records) ------------


def _spec_dst(host: InAddr) -> str:
    return named_host("spec_dst", socket.AF_INET, host)


def _addr(host: InAddr) -> str:
    return named_host("addr", socket.AF_INET, host)


def _addr6(host: In6Addr) -> str:
    return named_host("addr", socket.AF_INET6, host)


_ifindex = integer_field(0, UINT_MAX)


# ---- the records -----------------------------------------------------------------------------


@attrs.frozen
class ControlMessage:
    """One control message; the documented `cmsg()`, whose map is accepted as a dict too.

    `level` is `"socket"`, the name of a protocol, or a number; `type` is a word that the level
    knows, or a number.

    To be sent it has exactly one of `value`, for a type that can be encoded, and `data`: raw
    bytes, or an integer or a bool that is sent as a C int. Received it always has the raw
    bytes as `data`, and a `value` if the type can be decoded and the payload is complete.
    """

    level: str | int
    type: str | int
    data: bytes | bytearray | memoryview | int | None = None
    value: Any = None


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


def encode_control(
    messages: Sequence[ControlMessage | Mapping[str, object]],
) -> list[Ancillary]:
    """The ancillary data for the standard library's `socket.sendmsg`.

    `messages` is a list or tuple of `ControlMessage` or of the documented maps as dicts. What
    can be sent by `value`:

    - ip `tos` (a word or an integer), `ttl` (an integer)
    - ip `pktinfo` (`IpPktInfo`), ipv6 `pktinfo` (`Ip6PktInfo`), or a dict of their fields
    - ipv6 `hoplimit`, `tclass` (an integer)
    - socket `timestamp` (`TimeVal`; Linux refuses to send it)
    - socket `rights` (a list or tuple of file descriptors), `credentials` (`Credentials`)

    Everything else goes by `data`. Whether a number makes sense is the kernel's answer.

    Raises `TypeError` or `ValueError` naming `ctrl` and the element (counted from 1): not a
    list, not a control message, an unknown level or type, both `value` and `data` or neither,
    a type that cannot be sent by value, a bad value. Documented counterpart: the `ctrl` of the
    message for `sendmsg`. It sends pktinfo, rights and credentials by data only, and drops what
    is no control message in silence.
    """
    if type(messages) is tuple and not messages:  # nearly every call
        return []
    if not isinstance(messages, list | tuple):
        raise TypeError(f"ctrl: {shown(messages)} is not a list or tuple of control messages")
    encoded = []
    for number, message in enumerate(messages, 1):
        try:
            encoded.append(_encode(message))
        except (TypeError, ValueError) as problem:
            raise as_told(problem, f"ctrl: element {number}: {problem}") from None
    return encoded


def space(encoded: Sequence[Ancillary]) -> int:
    """The bytes that encoded control messages take in the control buffer, padding included.

    This is what must fit in the documented option `sndctrlbuf` of the level otp.
    """
    return sum(socket.CMSG_SPACE(len(data)) for _, _, data in encoded)


def decode_control(ancdata: Sequence[Ancillary]) -> list[ControlMessage]:
    """The control messages in the ancillary data of the standard library's `socket.recvmsg`.

    Their order is the kernel's. A level or type without a name stays a number. `data` is
    always the raw payload; `value` is there for the types below, if the payload is complete:

    - socket `timestamp` (`TimeVal`), `rights` (a tuple of file descriptors, which are open in
      this process from now on; the kernel has closed those that found no room), `credentials`
      (`Credentials`)
    - ip `tos` (a word or an integer), `ttl`, `pktinfo` (`IpPktInfo`), `origdstaddr`
      (a socket address), `recverr` (`ExtendedError`)
    - ipv6 `hoplimit`, `tclass`, `pktinfo` (`Ip6PktInfo`), `recverr` (`ExtendedError`)

    Documented counterpart: the `ctrl` of the message that `recvmsg` returns. It has no value
    for rights and credentials, which leaves every caller to take the same bytes apart.
    """
    return [_decode(level, type_, data) for level, type_, data in ancdata]


# ---- values to bytes -------------------------------------------------------------------------
# What a number means is the kernel's affair, as long as it fits the structure: Linux answers
# a ttl of 300 with einval.

# Native alignment is padding-free in all of these.
_TIMEVAL: Final = struct.Struct("@ll")
_UCRED: Final = struct.Struct("@iII")
_IN_PKTINFO: Final = struct.Struct("=I4s4s")
_IN6_PKTINFO: Final = struct.Struct("=16sI")
_EXTENDED_ERR: Final = struct.Struct("=IBBBxII")
_SOCKADDR_IN_SIZE: Final = 16
_SOCKADDR_MAX: Final = 128


def _by_codec(codec: Codec) -> Callable[[object], bytes]:
    """The encoder of a value that is also the value of a socket option."""
    encode_option = codec.encode
    assert encode_option is not None, "this codec only decodes"

    def encode(value: object) -> bytes:
        try:
            return _encode_data(encode_option(value))
        except (TypeError, ValueError) as problem:
            text = f"value {shown(value)}: {problem}; accepted: {codec.accepts}"
            raise as_told(problem, text) from None

    return encode


def _encode_timeval(value: object) -> bytes:
    time = _record(value, TimeVal)
    try:
        return _TIMEVAL.pack(time.sec, time.usec)
    except struct.error:  # a platform whose C long has 32 bits
        raise ValueError(f"value {time} does not fit this platform's timeval") from None


def _encode_rights(value: object) -> bytes:
    if not isinstance(value, list | tuple):
        raise TypeError(f"value {shown(value)} is not a list or tuple of file descriptors")
    return b"".join(_C_INT.pack(_integer(fd, 0, INT_MAX, "a file descriptor")) for fd in value)


def _encode_credentials(value: object) -> bytes:
    sender = _record(value, Credentials)
    return _UCRED.pack(sender.pid, sender.uid, sender.gid)


def _encode_pktinfo(value: object) -> bytes:
    info = _record(value, IpPktInfo)
    return _IN_PKTINFO.pack(
        info.ifindex,
        socket.inet_pton(socket.AF_INET, info.spec_dst),
        socket.inet_pton(socket.AF_INET, info.addr),
    )


def _encode_pktinfo6(value: object) -> bytes:
    info = _record(value, Ip6PktInfo)
    return _IN6_PKTINFO.pack(socket.inet_pton(socket.AF_INET6, info.addr), info.ifindex)


def _record(value: object, record: type[Record]) -> Record:
    try:
        return as_record(record, value)
    except (TypeError, ValueError) as problem:
        raise as_told(problem, f"value {shown(value)}: {problem}") from None


# ---- bytes to values -------------------------------------------------------------------------
# `None` is the value of a payload that the receiver's buffer cut.


def _decode_int(data: bytes) -> int | None:
    return _C_INT.unpack_from(data)[0] if len(data) >= _C_INT.size else None


def _decode_tos(data: bytes) -> object:
    # One byte. The words are four of its bits: 0x30 is also "lowdelay", 0xB8 has no word.
    return TOS.decode(data) if data and TOS.decode else None


def _decode_timeval(data: bytes) -> TimeVal | None:
    return TimeVal(*_TIMEVAL.unpack_from(data)) if len(data) >= _TIMEVAL.size else None


def _decode_rights(data: bytes) -> tuple[int, ...]:
    # Whole descriptors count even in a payload that was cut: they are open in this process,
    # and who does not learn their numbers cannot close them.
    return struct.unpack_from(f"={len(data) // _C_INT.size}i", data)


def _decode_credentials(data: bytes) -> Credentials | None:
    return Credentials(*_UCRED.unpack_from(data)) if len(data) >= _UCRED.size else None


def _decode_pktinfo(data: bytes) -> IpPktInfo | None:
    if len(data) < _IN_PKTINFO.size:
        return None
    ifindex, spec_dst, addr = _IN_PKTINFO.unpack_from(data)
    return IpPktInfo(
        ifindex,
        socket.inet_ntop(socket.AF_INET, spec_dst),
        socket.inet_ntop(socket.AF_INET, addr),
    )


def _decode_pktinfo6(data: bytes) -> Ip6PktInfo | None:
    if len(data) < _IN6_PKTINFO.size:
        return None
    addr, ifindex = _IN6_PKTINFO.unpack_from(data)
    return Ip6PktInfo(socket.inet_ntop(socket.AF_INET6, addr), ifindex)


def _decode_sockaddr(data: bytes) -> SockAddr | None:
    return from_bytes(data[:_SOCKADDR_MAX]) if len(data) >= _SOCKADDR_IN_SIZE else None


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


def _decode_extended_error(data: bytes) -> ExtendedError | None:
    if len(data) < _EXTENDED_ERR.size:
        return None
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


# ---- the table -------------------------------------------------------------------------------


@attrs.frozen
class _Type:
    """One type of control message: its name, its number, and what it does with a value."""

    level: str
    word: str
    number: int | None  # None: not on this platform
    encode: Callable[[object], bytes] | None
    decode: Callable[[bytes], object] | None


def _number(name: str, linux: int) -> int | None:
    # The standard library lacks many of them, also where the system has them.
    number = getattr(socket, name, None)
    if isinstance(number, int):
        return int(number)
    return linux if sys.platform == "linux" else None


_TYPES: Final = (
    _Type("socket", "timestamp", _number("SCM_TIMESTAMP", 29), _encode_timeval, _decode_timeval),
    _Type("socket", "rights", _number("SCM_RIGHTS", 1), _encode_rights, _decode_rights),
    _Type(
        "socket",
        "credentials",
        _number("SCM_CREDENTIALS", 2),
        _encode_credentials,
        _decode_credentials,
    ),
    _Type("ip", "tos", _number("IP_TOS", 1), _by_codec(TOS), _decode_tos),
    _Type("ip", "ttl", _number("IP_TTL", 2), _by_codec(INTEGER), _decode_int),
    _Type("ip", "pktinfo", _number("IP_PKTINFO", 8), _encode_pktinfo, _decode_pktinfo),
    _Type("ip", "origdstaddr", _number("IP_ORIGDSTADDR", 20), None, _decode_sockaddr),
    _Type("ip", "recverr", _number("IP_RECVERR", 11), None, _decode_extended_error),
    _Type("ip", "recvttl", _number("IP_RECVTTL", 12), None, None),
    _Type("ip", "recvtos", _number("IP_RECVTOS", 13), None, None),
    _Type("ipv6", "pktinfo", _number("IPV6_PKTINFO", 50), _encode_pktinfo6, _decode_pktinfo6),
    _Type("ipv6", "hoplimit", _number("IPV6_HOPLIMIT", 52), _by_codec(INTEGER), _decode_int),
    _Type("ipv6", "tclass", _number("IPV6_TCLASS", 67), _by_codec(INTEGER), _decode_int),
    _Type("ipv6", "recvtclass", _number("IPV6_RECVTCLASS", 66), None, None),
    _Type("ipv6", "recverr", _number("IPV6_RECVERR", 25), None, _decode_extended_error),
)

# On Linux the socket level shares its number with icmp; as a level it is always the former.
_LEVELS: Final = {"socket": int(socket.SOL_SOCKET), "ip": 0, "ipv6": 41}
_BY_WORD: Final = {(_LEVELS[type_.level], type_.word): type_ for type_ in _TYPES}
_BY_NUMBER: Final = {
    (_LEVELS[type_.level], type_.number): type_ for type_ in _TYPES if type_.number is not None
}
_SENT_BY_VALUE: Final = ", ".join(f"{type_.level}/{type_.word}" for type_ in _TYPES if type_.encode)


def _decode(level: int, type_: int, data: bytes) -> ControlMessage:
    known = _BY_NUMBER.get((level, type_))
    if known is None:
        return ControlMessage(_level_name(level), type_, data)
    value = known.decode(data) if known.decode else None
    return ControlMessage(known.level, known.word, data, value)


def _encode(message: object) -> Ancillary:
    level_given, type_given, data, value = _fields(message)
    level = native_level(level_given)
    type_, encode = _encode_type(level, type_given)
    if value is None:
        if data is None:
            raise ValueError(f"{shown(message)} has neither data nor value")
        return level, type_, _encode_data(data)
    if data is not None:
        raise ValueError(
            f"{shown(message)} has both data and value; one of them is accepted (to send "
            "on what was received, its data)"
        )
    if encode is None:
        raise ValueError(
            f"type {shown(type_given)} of level {shown(level_given)} cannot be sent "
            f"by value, only by data; those that can are {_SENT_BY_VALUE}"
        )
    return level, type_, encode(value)


def _fields(message: object) -> tuple[object, object, object, object]:
    if isinstance(message, ControlMessage):
        return message.level, message.type, message.data, message.value
    if not isinstance(message, Mapping):
        raise TypeError(
            f"{shown(message)} is not a control message; accepted are a ControlMessage, or "
            'a dict with "level", "type" and one of "data" and "value"'
        )
    for key in ("level", "type"):
        if key not in message:
            raise ValueError(f'{shown(message)} has no "{key}"')
    return message["level"], message["type"], message.get("data"), message.get("value")


def _level_name(level: int) -> str | int:
    return "socket" if level == socket.SOL_SOCKET else protocol_name(level)


def _encode_type(level: int, type_: object) -> tuple[int, Callable[[object], bytes] | None]:
    if not isinstance(type_, str):
        return _integer(type_, INT_MIN, INT_MAX, "a type: a word or an integer"), None
    known = _BY_WORD.get((level, type_))
    if known is None:
        ours = [entry for entry in _TYPES if _LEVELS[entry.level] == level]
        raise ValueError(
            f"type {shown(type_)} is unknown to level {_level_name(level)!r}; "
            f"accepted are {', '.join([*(entry.word for entry in ours), 'integers'])}"
        )
    if known.number is None:
        raise ValueError(f"this platform lacks type {type_!r} of level {known.level!r}")
    return known.number, known.encode


def _encode_data(data: object) -> bytes:
    if isinstance(data, int):
        return _C_INT.pack(_integer(int(data), INT_MIN, INT_MAX, "data for a C int"))
    try:
        return memoryview(data).tobytes()  # type: ignore[arg-type]  # finding out is the point
    except (BufferError, TypeError, ValueError):
        raise TypeError(f"data {shown(data)} is not bytes-like, an integer or a bool") from None


def _integer(value: object, low: int, high: int, what: str) -> int:
    # A bool is an int to Python, but here it is a slip.
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{shown(value)} is not {what} ({low}..{high})")
    if not low <= value <= high:
        raise ValueError(f"{shown(value)} is not {what} ({low}..{high})")
    return int(value)
