"""Codecs: option values to what `setsockopt` takes, and what `getsockopt` gives to values.

Responsible for the translation and its checks, one `Codec` for each kind of value. An encoder
raises `TypeError` or `ValueError` for what it does not accept; it need not name the option,
which it does not know. A decoder never raises: it takes whatever the kernel gives, also when
that is shorter than expected. Which option uses which codec is the business of the tables.
"""

import os
import socket
import struct
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from .families import DOMAIN_WORDS, DOMAINS, READ_TYPE_WORDS
from .hosts import HOST_FORMS, host
from .limits import INT_MAX, INT_MIN, UINT_MAX
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
    "c_int",
    "decode_integer",
]


@attrs.frozen(eq=False)
class Codec:
    """How one kind of value travels.

    `accepts` says in words what `encode` takes (for a codec without it: what `decode` gives).
    `encode` gives an integer, which is passed as a C int, or the bytes to pass; `None`: such a
    value is only read. `decode` takes what the kernel wrote; `None`: it is only set. `size` is
    how many bytes to offer the kernel for it. `request` is what these bytes must hold before
    the call, for a value that the kernel picks by what it finds there; empty if it does not.
    """

    accepts: str
    size: int
    encode: Callable[[object], int | bytes] | None = None
    decode: Callable[[bytes], object] | None = None
    request: bytes = b""


def c_int(value: object) -> int:
    """`value` if it is an integer that fits a C int.

    Raises `TypeError` for another type, bool included, and `ValueError` for one too large.
    """
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("it is not an integer")
    if not INT_MIN <= value <= INT_MAX:
        raise ValueError("it does not fit a C int")
    return int(value)


def decode_integer(data: bytes) -> int:
    """The C int in `data`; of fewer bytes the non-negative integer, of none 0."""
    if len(data) >= _INT.size:
        return int(_INT.unpack_from(data)[0])
    return int.from_bytes(data, sys.byteorder)


_INT: Final = struct.Struct("@i")
_LINGER: Final = struct.Struct("@iI")
_UINT: Final = struct.Struct("@I")
_TCP_INFO: Final = struct.Struct("@8B24I")
_MSG_FILTER: Final = struct.Struct("@4s4sII")
_MEMBERSHIP6: Final = struct.Struct("@16sI")

# struct ip_mreq_source: BSD's has the sender before the interface.
_SOURCE_FIELDS: Final = (
    ("multiaddr", "interface", "sourceaddr")
    if sys.platform == "linux"
    else ("multiaddr", "sourceaddr", "interface")
)

_TOS: Final = {"lowdelay": 0x10, "throughput": 0x08, "reliability": 0x04, "mincost": 0x02}
_TOS_WORDS: Final = {bits: word for word, bits in _TOS.items()}
_TOS_MASK: Final = 0x1E

_MTU_DISCOVER: Final = {"want": 1, "dont": 0, "do": 2, "probe": 3}
_MTU_DISCOVER_WORDS: Final = {number: word for word, number in _MTU_DISCOVER.items()}

_FILTER_MODES: Final = {"exclude": 0, "include": 1}

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
_TCP_CA_STATES: Final[dict[int, str]] = dict(
    enumerate(("open", "disorder", "cwr", "recovery", "loss"))
)

_DEVICE_SIZE: Final = 16  # IFNAMSIZ, which has room for a NUL
_CONGESTION_SIZE: Final = 16  # TCP_CA_NAME_MAX, likewise


def _full(data: bytes, size: int) -> bytes:
    # A kernel that knows only the beginning of a struct writes only that.
    return data[:size].ljust(size, b"\0")


def _encode_boolean(value: object) -> int:
    if not isinstance(value, bool):
        raise TypeError("it is neither True nor False")
    return int(value)


def _decode_boolean(data: bytes) -> bool:
    # Any byte: an IPv6 extension header that is set is read back as itself, not as an int.
    return any(data)


def _encode_unsigned(value: object) -> bytes:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("it is not an integer")
    if not 0 <= value <= UINT_MAX:
        raise ValueError("it does not fit an unsigned C int")
    return _UINT.pack(value)


def _decode_unsigned(data: bytes) -> int:
    return int(_UINT.unpack(_full(data, _UINT.size))[0])


def _encode_byte(value: object) -> bytes:
    number = c_int(value)
    if not 0 <= number <= 0xFF:
        raise ValueError("it does not fit a byte")
    return bytes([number])


def _encode_hops(value: object) -> int:
    if isinstance(value, str):
        if value != "default":
            raise ValueError("it is an unknown word")
        return -1
    number = c_int(value)
    if not 0 <= number <= 0xFF:
        raise ValueError("it is out of range")
    return number


def _word_encoder(words: Mapping[Any, int]) -> Callable[[object], int]:
    def encode(value: object) -> int:
        if not isinstance(value, str):
            return c_int(value)
        if value not in words:
            raise ValueError("it is an unknown word")
        return words[value]

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
            text = os.fsencode(value)
        case bytes() | bytearray():
            text = bytes(value)
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
    # Set as raw bytes a negative time means "for ever" to Linux, and is read back as such.
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
    values = _TCP_INFO.unpack(_full(data, _TCP_INFO.size))
    state, ca_state, retransmits, probes, backoff, options, scales, _flags = values[:8]
    # The two scales are bit fields, which the compiler lays out by byte order.
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


def _record_codec(record: type[Record], layout: str, *, picked_by_assoc_id: bool = False) -> Codec:
    """The codec of a record whose fields are, in order, the integers of a C struct."""
    form = struct.Struct(layout)

    def encode(value: object) -> bytes:
        return form.pack(*attrs.astuple(as_record(record, value)))

    def decode(data: bytes) -> Record:
        return record(*form.unpack(_full(data, form.size)))

    return Codec(
        forms_of(record),
        form.size,
        encode,
        decode,
        bytes(form.size) if picked_by_assoc_id else b"",
    )


INTEGER: Final = Codec("an integer that fits a C int", _INT.size, c_int, decode_integer)
UNSIGNED: Final = Codec("an integer 0..2**32-1", _UINT.size, _encode_unsigned, _decode_unsigned)
BYTE: Final = Codec("an integer 0..255", 1, _encode_byte, decode_integer)
BOOLEAN: Final = Codec("True or False", _INT.size, _encode_boolean, _decode_boolean)
HOPS: Final = Codec('an integer 0..255 or "default"', _INT.size, _encode_hops, decode_integer)
TOS: Final = Codec(
    f"one of the words {', '.join(_TOS)}, or an integer",
    _INT.size,
    _word_encoder(_TOS),
    _decode_tos,
)
MTU_DISCOVER: Final = Codec(
    f"one of the words {', '.join(_MTU_DISCOVER)}, or an integer",
    _INT.size,
    _word_encoder(_MTU_DISCOVER),
    _word_decoder(_MTU_DISCOVER_WORDS),
)
DOMAIN: Final = Codec(
    f"one of the words {', '.join(DOMAINS)}, or an integer",
    _INT.size,
    _word_encoder(DOMAINS),
    _word_decoder(DOMAIN_WORDS),
)
TYPE: Final = Codec(
    f"one of the words {', '.join(READ_TYPE_WORDS.values())}, or an integer",
    _INT.size,
    decode=_word_decoder(READ_TYPE_WORDS),
)
PROTOCOL: Final = Codec(
    'the name of a protocol, "default", or an integer', _INT.size, decode=_decode_protocol
)
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
LINGER: Final = Codec(
    f'"abort", {forms_of(Linger)}',
    _LINGER.size,
    _encode_linger,
    _decode_linger,
)
TIMEVAL: Final = _record_codec(TimeVal, "@ll")
CREDENTIALS: Final = _record_codec(Credentials, "@iII")
PEERCRED: Final = attrs.evolve(CREDENTIALS, accepts="a Credentials", encode=None)
IN_ADDR: Final = Codec(
    HOST_FORMS[socket.AF_INET],
    4,
    _encode_in_addr,
    _decode_in_addr,
)
MEMBERSHIP: Final = Codec(forms_of(Membership), 8, _encode_membership)
SOURCE_MEMBERSHIP: Final = Codec(
    forms_of(SourceMembership),
    12,
    _encode_source_membership,
)
MSG_FILTER: Final = Codec(
    f"{forms_of(MsgFilter)}, or None",
    _MSG_FILTER.size,
    _encode_msg_filter,
)
MEMBERSHIP6: Final = Codec(
    forms_of(Membership6),
    _MEMBERSHIP6.size,
    _encode_membership6,
)
TCP_INFO: Final = Codec("a TcpInfo", _TCP_INFO.size, decode=_decode_tcp_info)

SCTP_INITMSG: Final = _record_codec(SctpInitMsg, "@HHHH")
SCTP_EVENTS: Final = _record_codec(SctpEventSubscribe, "@10?")
SCTP_RTOINFO: Final = _record_codec(SctpRtoInfo, "@iIII", picked_by_assoc_id=True)
SCTP_ASSOC: Final = _record_codec(SctpAssocParams, "@iHHIII", picked_by_assoc_id=True)
SCTP_VALUE: Final = _record_codec(SctpAssocValue, "@iI", picked_by_assoc_id=True)
SCTP_DELAY: Final = _record_codec(SctpDelayedAck, "@iII", picked_by_assoc_id=True)
SCTP_KEY: Final = _record_codec(SctpAuthKeyId, "@iHxx", picked_by_assoc_id=True)
SCTP_SEND: Final = _record_codec(SctpSendParams, "@HHHIIIIIi", picked_by_assoc_id=True)
