"""Control messages: the ancillary data of `sendmsg` and `recvmsg`, by name and by value.

Responsible for the record of a message, and for translating between it and the
`(level, type, bytes)` triples of the standard library's `socket.sendmsg` and `socket.recvmsg`.
Which types have a name, and what their values are, is in `control_types`. It does not send or
receive.
"""

import socket
import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import attrs

from ...arguments import check_int, restated, shown
from .codecs import Codec
from .control_types import BY_NUMBER, BY_WORD
from .levels import native_level
from .limits import INT_MAX, INT_MIN
from .protocols import protocol_name

__all__ = [
    "Ancillary",
    "ControlMessage",
    "decode_control",
    "encode_control",
    "space",
]

Ancillary: TypeAlias = tuple[int, int, bytes]
"""Level, type and payload of a control message, as in the standard library."""

_C_INT: Final = struct.Struct("=i")


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
            raise restated(problem, f"ctrl: element {number}: {problem}") from None
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


def _decode(level: int, type_: int, data: bytes) -> ControlMessage:
    known = BY_NUMBER.get((level, type_))
    if known is None:
        return ControlMessage(_level_name(level), type_, data)
    codec = known.codec
    if codec is None or codec.decode is None or len(data) < codec.size:
        return ControlMessage(known.level, known.word, data)
    return ControlMessage(known.level, known.word, data, codec.decode(data))


def _encode(message: object) -> Ancillary:
    level_given, type_given, data, value = _fields(message)
    level = native_level(level_given)
    type_, codec = _encode_type(level, type_given)
    if value is None:
        if data is None:
            raise ValueError(f"{shown(message)} has neither data nor value")
        return level, type_, _encode_data(data)
    if data is not None:
        raise ValueError(
            f"{shown(message)} has both data and value; one of them is accepted (to send "
            "on what was received, its data)"
        )
    if codec is None or codec.encode is None:
        raise ValueError(
            f"type {shown(type_given)} of level {shown(level_given)} cannot be sent "
            f"by value, only by data; those that can are {_SENT_BY_VALUE}"
        )
    try:
        return level, type_, _encode_data(codec.encode(value))
    except (TypeError, ValueError) as problem:
        text = f"value {shown(value)}: {problem}; accepted: {codec.accepts}"
        raise restated(problem, text) from None


_SENT_BY_VALUE: Final = ", ".join(
    f"{known.level}/{known.word}"
    for known in BY_WORD.values()
    if known.codec is not None and known.codec.encode is not None
)


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


def _encode_type(level: int, type_: object) -> tuple[int, Codec | None]:
    if not isinstance(type_, str):
        return check_int("type", type_, "a word or a C int", INT_MIN, INT_MAX), None
    known = BY_WORD.get((level, type_))
    if known is None:
        words = [word for of_level, word in BY_WORD if of_level == level]
        raise ValueError(
            f"type {shown(type_)} is unknown to level {_level_name(level)!r}; "
            f"accepted are {', '.join([*words, 'integers'])}"
        )
    if known.number is None:
        raise ValueError(f"this platform lacks type {type_!r} of level {known.level!r}")
    return known.number, known.codec


def _encode_data(data: object) -> bytes:
    if isinstance(data, int):
        number = check_int("data", int(data), "an integer that fits a C int", INT_MIN, INT_MAX)
        return _C_INT.pack(number)
    try:
        return memoryview(data).tobytes()  # type: ignore[arg-type]  # finding out is the point
    except (BufferError, TypeError, ValueError):
        raise TypeError(f"data {shown(data)} is not bytes-like, an integer or a bool") from None
