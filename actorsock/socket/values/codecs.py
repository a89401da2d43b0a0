"""Codecs: a Python value to the bytes that the kernel takes, and the kernel's bytes to a value.

There is one `Codec` for each type of value; the tables of options and of control messages say
where each is used. An encoder raises `TypeError` or `ValueError` for a value that it does not
accept; the text has no option name, which the caller adds. A decoder never raises: it accepts
whatever the kernel writes, also fewer bytes than expected.

Layouts are written for `struct` with `@`, native sizes and native padding, since each value is a
C struct of this machine. Addresses are the exception: they are in network byte order everywhere.
"""

import os
import socket
import struct
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import attrs

from ...arguments import exact_bytes, exact_int, exact_str
from .c_integers import INT_MAX, UINT_MAX, c_int
from .families import DOMAIN_WORDS, DOMAINS, READ_TYPE_WORDS
from .hosts import HOST_FORMS, host
from .protocols import protocol_name
from .records import (
    Credentials,
    Linger,
    Membership,
    Membership6,
    MsgFilter,
    Record,
    SourceMembership,
    TcpInfo,
    TimeVal,
    as_record,
    forms_of,
)
from .sctp_records import (
    SctpAssocParams,
    SctpAssocValue,
    SctpAuthKeyId,
    SctpDelayedAck,
    SctpEventSubscribe,
    SctpInitMsg,
    SctpRtoInfo,
    SctpSendParams,
)

__all__ = [
    "BOOLEAN",
    "BYTE",
    "CONGESTION",
    "CREDENTIALS",
    "DEVICE",
    "DOMAIN",
    "HOPS",
    "INTEGER",
    "IN_ADDR",
    "LINGER",
    "MEMBERSHIP",
    "MEMBERSHIP6",
    "MSG_FILTER",
    "MTU_DISCOVER",
    "PEERCRED",
    "PROTOCOL",
    "SCTP_ASSOC",
    "SCTP_DELAY",
    "SCTP_EVENTS",
    "SCTP_INITMSG",
    "SCTP_KEY",
    "SCTP_RTOINFO",
    "SCTP_SEND",
    "SCTP_VALUE",
    "SOURCE_MEMBERSHIP",
    "TCP_INFO",
    "TIMEVAL",
    "TOS",
    "TYPE",
    "UNSIGNED",
    "Codec",
    "decode_integer",
]


@attrs.frozen(eq=False)
class Codec:
    """The two directions of one type of value.

    Attributes:
        accepts: the values that `encode` takes, in words; without `encode`, those that
            `decode` returns.
        size: how many bytes to offer the kernel for a value that is read.
        encode: returns an integer, to be passed as a C int, or the bytes to pass. None if such
            a value is only read.
        decode: takes the bytes that the kernel wrote. None if such a value is only set.
        request: the bytes to put in the buffer before the value is read. SCTP looks there for
            the association that is meant. Empty if the kernel ignores them.
    """

    accepts: str
    size: int
    encode: Callable[[object], int | bytes] | None = None
    decode: Callable[[bytes], object] | None = None
    request: bytes = b""


def decode_integer(data: bytes) -> int:
    """Return the C int in `data`.

    Some options are read back as one byte, such as `ip`/`tos`: fewer bytes than a C int are a
    non-negative integer, and none at all are 0.
    """
    if len(data) >= _INT.size:
        return int(_INT.unpack_from(data)[0])
    return int.from_bytes(data, sys.byteorder)


_INT: Final = struct.Struct("@i")
_UINT: Final = struct.Struct("@I")
# struct linger {int l_onoff; int l_linger;}, read as unsigned: see `_decode_linger`.
_LINGER: Final = struct.Struct("@iI")
# struct tcp_info of Linux 2.6.2: 8 bytes, of which one holds two bit fields, and 24 integers.
# Later kernels append fields; they are not read.
_TCP_INFO: Final = struct.Struct("@8B24I")
# struct ip_msfilter: group, interface, mode, number of sources; then the sources, 4 bytes each.
_MSG_FILTER: Final = struct.Struct("@4s4sII")
# struct ipv6_mreq {struct in6_addr ipv6mr_multiaddr; unsigned ipv6mr_interface;}
_MEMBERSHIP6: Final = struct.Struct("@16sI")

# struct ip_mreq_source: on BSD and macOS the source comes before the interface.
_SOURCE_FIELDS: Final = (
    ("multiaddr", "interface", "sourceaddr")
    if sys.platform == "linux"
    else ("multiaddr", "sourceaddr", "interface")
)

# The type of service of RFC 1349. Four of the eight bits have words; the upper three are the
# precedence and the lowest belongs to congestion control. Reading ignores all but the four, as
# Erlang does, so a precedence with "lowdelay" reads as "lowdelay".
_TOS: Final = {"lowdelay": 0x10, "throughput": 0x08, "reliability": 0x04, "mincost": 0x02}
_TOS_WORDS: Final = {bits: word for word, bits in _TOS.items()}
_TOS_MASK: Final = 0x1E

# Linux's IP_PMTUDISC_*; the constants 4 (interface) and 5 (omit) have no word.
_MTU_DISCOVER: Final = {"want": 1, "dont": 0, "do": 2, "probe": 3}
_MTU_DISCOVER_WORDS: Final = {number: word for word, number in _MTU_DISCOVER.items()}

# MCAST_EXCLUDE and MCAST_INCLUDE.
_FILTER_MODES: Final = {"exclude": 0, "include": 1}

# The states of a TCP connection, numbered as in the kernel's tcp_states.h: from 1.
_TCP_STATES: Final[dict[int, str]] = dict(
    enumerate(
        (
            "established",
            "syn_sent",
            "syn_recv",
            "fin_wait1",
            "fin_wait2",
            "time_wait",
            "close",
            "close_wait",
            "last_ack",
            "listen",
            "closing",
            "new_syn_recv",
        ),
        start=1,
    )
)
# The states of congestion avoidance, TCP_CA_*: from 0.
_TCP_CA_STATES: Final[dict[int, str]] = dict(
    enumerate(("open", "disorder", "cwr", "recovery", "loss"))
)

_DEVICE_SIZE: Final = 16  # IFNAMSIZ, which has room for a NUL
_CONGESTION_SIZE: Final = 16  # TCP_CA_NAME_MAX, likewise


def _full(data: bytes, size: int) -> bytes:
    # An older kernel knows, and writes, only the first fields of a struct.
    return data[:size].ljust(size, b"\0")


def _encode_boolean(value: object) -> int:
    if not isinstance(value, bool):
        raise TypeError("it is neither True nor False")
    return int(value)


def _decode_boolean(data: bytes) -> bool:
    # All bytes count, not only a C int: an IPv6 extension header that is set is read back as
    # the header itself, whose first byte may be 0.
    return any(data)


def _encode_unsigned(value: object) -> bytes:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("it is not an integer")
    number = exact_int(value)
    if not 0 <= number <= UINT_MAX:
        raise ValueError("it does not fit an unsigned C int")
    return _UINT.pack(number)


def _decode_unsigned(data: bytes) -> int:
    return int(_UINT.unpack(_full(data, _UINT.size))[0])


def _encode_byte(value: object) -> bytes:
    number = c_int(value)
    if not 0 <= number <= 0xFF:
        raise ValueError("it does not fit a byte")
    return bytes([number])


# For the kernel -1 is the default; hence the word, and a range without it.
def _encode_hops(value: object) -> int:
    if isinstance(value, str):
        if value != "default":
            raise ValueError("it is an unknown word")
        return -1
    number = c_int(value)
    if not 0 <= number <= 0xFF:
        raise ValueError("it is out of range")
    return number


# A word, or a number for values that have no word.
def _word_encoder(words: Mapping[Any, int]) -> Callable[[object], int]:
    def encode(value: object) -> int:
        if not isinstance(value, str):
            return c_int(value)
        number = words.get(exact_str(value))
        if number is None:
            raise ValueError("it is an unknown word")
        return number

    return encode


def _word_decoder(words: Mapping[int, str]) -> Callable[[bytes], str | int]:
    def decode(data: bytes) -> str | int:
        number = decode_integer(data)
        return words.get(number, number)

    return decode


def _decode_tos(data: bytes) -> str | int:
    number = decode_integer(data)
    return _TOS_WORDS.get(number & _TOS_MASK, number)


def _decode_protocol(data: bytes) -> str | int:
    number = decode_integer(data)
    return protocol_name(number) if number else "default"


def _as_text_bytes(value: object) -> bytes:
    match value:
        case str():
            text = os.fsencode(exact_str(value))
        case bytes() | bytearray():
            text = exact_bytes(value)
        case _:
            raise TypeError("it is neither str nor bytes")
    if b"\0" in text:
        raise ValueError("it contains a NUL")
    return text


def _decode_text(data: bytes) -> str:
    return os.fsdecode(data.split(b"\0", 1)[0])


def _encode_device(value: object) -> bytes:
    name = _as_text_bytes(value)
    if len(name) >= _DEVICE_SIZE:
        raise ValueError("it is too long")
    return name


def _encode_linger(value: object) -> bytes:
    if isinstance(value, str):
        if value != "abort":
            raise ValueError("it is an unknown word")
        return _LINGER.pack(True, 0)
    linger = as_record(Linger, value)
    return _LINGER.pack(linger.onoff, linger.linger)


def _decode_linger(data: bytes) -> Linger:
    onoff, seconds = _LINGER.unpack(_full(data, _LINGER.size))
    # A negative time, which only native mode can set, means "without limit" to Linux and is
    # read back negative. Read as unsigned it is larger than any other; it becomes the largest.
    return Linger(bool(onoff), min(seconds, INT_MAX))


def _encode_in_addr(value: object) -> bytes:
    return socket.inet_aton(host(socket.AF_INET, value))


def _decode_in_addr(data: bytes) -> str:
    return socket.inet_ntoa(_full(data, 4))


def _encode_membership(value: object) -> bytes:
    group = as_record(Membership, value)
    return socket.inet_aton(group.multiaddr) + socket.inet_aton(group.interface)


def _encode_source_membership(value: object) -> bytes:
    source = as_record(SourceMembership, value)
    return b"".join(socket.inet_aton(getattr(source, field)) for field in _SOURCE_FIELDS)


def _encode_msg_filter(value: object) -> bytes:
    # None is Erlang's `null`: no filter at all, an empty value.
    if value is None:
        return b""
    wanted = as_record(MsgFilter, value)
    return _MSG_FILTER.pack(
        socket.inet_aton(wanted.multiaddr),
        socket.inet_aton(wanted.interface),
        _FILTER_MODES[wanted.mode],
        len(wanted.slist),
    ) + b"".join(map(socket.inet_aton, wanted.slist))


def _encode_membership6(value: object) -> bytes:
    group = as_record(Membership6, value)
    return _MEMBERSHIP6.pack(socket.inet_pton(socket.AF_INET6, group.multiaddr), group.interface)


def _decode_tcp_info(data: bytes) -> TcpInfo:
    values: tuple[int, ...] = _TCP_INFO.unpack(_full(data, _TCP_INFO.size))
    state, ca_state, retransmits, probes, backoff, options, scales, _flags = values[:8]
    # The two window scales are bit fields of 4 bits in one byte. Compilers put the first field
    # into the low bits on little-endian machines and into the high bits on others.
    low, high = scales & 0xF, scales >> 4
    snd_wscale, rcv_wscale = (low, high) if sys.byteorder == "little" else (high, low)
    return TcpInfo(
        _TCP_STATES.get(state, state),
        _TCP_CA_STATES.get(ca_state, ca_state),
        retransmits,
        probes,
        backoff,
        options,
        snd_wscale,
        rcv_wscale,
        *values[8:],
    )


def _record_codec(record: type[Record], layout: str) -> Codec:
    """Return the codec of a record whose fields are, in order, the integers of a C struct."""
    form = struct.Struct(layout)

    def encode(value: object) -> bytes:
        return form.pack(*attrs.astuple(as_record(record, value)))

    def decode(data: bytes) -> Record:
        return record(*form.unpack(_full(data, form.size)))

    return Codec(forms_of(record), form.size, encode, decode)


def _association_codec(record: type[Record], layout: str) -> Codec:
    """Return the codec of a record that the kernel finds by the association in the buffer.

    The buffer is cleared: association 0 is the socket itself.
    """
    codec = _record_codec(record, layout)
    return attrs.evolve(codec, request=bytes(codec.size))


def _word_or_integer(words: Iterable[str]) -> str:
    return f"one of the words {', '.join(words)}, or an integer"


# --- numbers and words ----------------------------------------------------------------------------

INTEGER: Final = Codec("an integer that fits a C int", _INT.size, c_int, decode_integer)
UNSIGNED: Final = Codec("an integer 0..2**32-1", _UINT.size, _encode_unsigned, _decode_unsigned)
BYTE: Final = Codec("an integer 0..255", 1, _encode_byte, decode_integer)
BOOLEAN: Final = Codec("True or False", _INT.size, _encode_boolean, _decode_boolean)
HOPS: Final = Codec('an integer 0..255 or "default"', _INT.size, _encode_hops, decode_integer)
TOS: Final = Codec(_word_or_integer(_TOS), _INT.size, _word_encoder(_TOS), _decode_tos)
MTU_DISCOVER: Final = Codec(
    _word_or_integer(_MTU_DISCOVER),
    _INT.size,
    _word_encoder(_MTU_DISCOVER),
    _word_decoder(_MTU_DISCOVER_WORDS),
)
DOMAIN: Final = Codec(
    _word_or_integer(DOMAINS), _INT.size, _word_encoder(DOMAINS), _word_decoder(DOMAIN_WORDS)
)
TYPE: Final = Codec(
    _word_or_integer(READ_TYPE_WORDS.values()),
    _INT.size,
    decode=_word_decoder(READ_TYPE_WORDS),
)
PROTOCOL: Final = Codec(
    'the name of a protocol, "default", or an integer', _INT.size, decode=_decode_protocol
)

# --- names ----------------------------------------------------------------------------------------

DEVICE: Final = Codec(
    "the name of a network interface, str or bytes of at most 15 bytes without NUL",
    _DEVICE_SIZE,
    _encode_device,
    _decode_text,
)
CONGESTION: Final = Codec(
    "the name of a congestion control algorithm, str or bytes without NUL",
    _CONGESTION_SIZE,
    _as_text_bytes,
    _decode_text,
)

# --- structs --------------------------------------------------------------------------------------

LINGER: Final = Codec(f'"abort", {forms_of(Linger)}', _LINGER.size, _encode_linger, _decode_linger)
# struct timeval {time_t tv_sec; suseconds_t tv_usec;}, both a long on 64-bit systems.
TIMEVAL: Final = _record_codec(TimeVal, "@ll")
# struct ucred {pid_t pid; uid_t uid; gid_t gid;}
CREDENTIALS: Final = _record_codec(Credentials, "@iII")
PEERCRED: Final = attrs.evolve(CREDENTIALS, accepts="a Credentials", encode=None)
IN_ADDR: Final = Codec(HOST_FORMS[socket.AF_INET], 4, _encode_in_addr, _decode_in_addr)
# struct ip_mreq and ip_mreq_source: two and three addresses of 4 bytes.
MEMBERSHIP: Final = Codec(forms_of(Membership), 8, _encode_membership)
SOURCE_MEMBERSHIP: Final = Codec(forms_of(SourceMembership), 12, _encode_source_membership)
MSG_FILTER: Final = Codec(f"{forms_of(MsgFilter)}, or None", _MSG_FILTER.size, _encode_msg_filter)
MEMBERSHIP6: Final = Codec(forms_of(Membership6), _MEMBERSHIP6.size, _encode_membership6)
TCP_INFO: Final = Codec("a TcpInfo", _TCP_INFO.size, decode=_decode_tcp_info)

# The structs of Linux's linux/sctp.h, which follow RFC 6458. `x` is padding that the compiler
# adds at the end, where "@" alone adds none; between fields "@" pads as the compiler does.
SCTP_INITMSG: Final = _record_codec(SctpInitMsg, "@HHHH")
SCTP_EVENTS: Final = _record_codec(SctpEventSubscribe, "@10?")
SCTP_RTOINFO: Final = _association_codec(SctpRtoInfo, "@iIII")
SCTP_ASSOC: Final = _association_codec(SctpAssocParams, "@iHHIII")
SCTP_VALUE: Final = _association_codec(SctpAssocValue, "@iI")
SCTP_DELAY: Final = _association_codec(SctpDelayedAck, "@iII")
SCTP_KEY: Final = _association_codec(SctpAuthKeyId, "@iHxx")
SCTP_SEND: Final = _association_codec(SctpSendParams, "@HHHIIIIIi")
