"""Control messages: the ancillary data of `sendmsg` and `recvmsg`, by name and by value.

A message is translated between its record and the triple `(level, type, bytes)` that the standard
library sends and receives. The types that have a name, and the values of each, are in
`control_types`.
"""

import socket
import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import attrs

from ...arguments import check_int, restated, shown
from .c_integers import INT_MAX, INT_MIN
from .codecs import Codec
from .control_types import BY_NUMBER, BY_WORD
from .protocols import native_level, protocol_name

__all__ = [
    "CMSG_HEADER",
    "CONTROL_MESSAGES",
    "Ancillary",
    "ControlMessage",
    "decode_control",
    "encode_control",
    "space",
    "split_control",
]

Ancillary: TypeAlias = tuple[int, int, bytes]
"""Level, type and payload of a control message, as in the standard library."""

CMSG_HEADER: Final = struct.Struct("@Nii")
"""Linux's `struct cmsghdr`: its length with the payload, level, type. The payload follows."""

_CMSG_ALIGN: Final = struct.calcsize("@N")

_C_INT: Final = struct.Struct("=i")


@attrs.frozen
class ControlMessage:
    """One control message. Erlang's `cmsg()`, whose map is accepted as a dict too.

    A message to send has either `value` or `data`. A received message always has `data`; it
    has a `value` if the type can be decoded and the payload is complete.

    Attributes:
        level: `"socket"`, the name of a protocol such as `"ip"` or `"ipv6"`, or a number.
        type: a word that the level knows, such as `"tos"` or `"rights"`, or a number.
        data: the payload: bytes-like, or, to send, an integer or bool that becomes a C int.
        value: the payload as a value. To send: ip `"tos"` (a word or an integer), `"ttl"` (an
            integer), `"pktinfo"` (`IpPktInfo`); ipv6 `"pktinfo"` (`Ip6PktInfo`), `"hoplimit"`
            and `"tclass"` (an integer); socket `"rights"` (a list or tuple of file
            descriptors) and `"credentials"` (`Credentials`). Received are besides these
            socket `"timestamp"` (`TimeVal`), ip `"origdstaddr"` (a `SockAddr...`), ip and
            ipv6 `"recverr"` (`ExtendedError`).

    Example::

        ttl = ControlMessage("ip", "ttl", value=3)
        ok(await socket.sendmsg(sock, Msg(iov=[b"hello"], ctrl=[ttl])))
    """

    level: str | int
    type: str | int
    data: bytes | bytearray | memoryview | int | None = None
    value: Any = None


def encode_control(
    messages: Sequence[ControlMessage | Mapping[str, object]],
) -> list[Ancillary]:
    """Return the ancillary data for the standard library's `socket.sendmsg`.

    A type that has no codec, or no name, is sent by `data`. The kernel decides if a number
    makes sense. Erlang sends pktinfo, rights and credentials by data only.

    Args:
        messages: a list or tuple of `ControlMessage`, or of Erlang's maps as dicts.

    Raises:
        TypeError, ValueError: `messages` is something else; or an element is no control
            message, has an unknown level or type, has both `value` and `data` or neither, or a
            value that its type does not accept. The text has the number of the element,
            counted from 1. Erlang drops an element that is no control message.
    """
    if type(messages) is tuple and not messages:  # almost every call
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
    """Return the size of encoded control messages in the control buffer, padding included.

    It is limited by the option `"otp"`, `"sndctrlbuf"`.
    """
    return sum(socket.CMSG_SPACE(len(data)) for _, _, data in encoded)


def decode_control(ancdata: Sequence[Ancillary]) -> list[ControlMessage]:
    """Return the control messages in the ancillary data of the standard library's `recvmsg`.

    Their order is the kernel's. A level or type without a name stays a number. The descriptors
    of `"rights"` are open in this operating-system process from now on; the kernel has closed
    those that found no room. Erlang has no value for rights and credentials, so that each
    program there decodes the same bytes again.
    """
    return [_decode(level, type_, data) for level, type_, data in ancdata]


def split_control(data: bytes) -> list[Ancillary]:
    """Return the control messages in a control buffer that the kernel wrote.

    Each begins at a multiple of the size of its length field. The first one that is shorter
    than a header, or longer than the rest of the buffer, ends the list.
    """
    found = []
    while len(data) >= CMSG_HEADER.size:
        length, level, type_ = CMSG_HEADER.unpack_from(data)
        if not CMSG_HEADER.size <= length <= len(data):
            break
        found.append((level, type_, data[CMSG_HEADER.size : length]))
        data = data[-(-length // _CMSG_ALIGN) * _CMSG_ALIGN :]
    return found


# The value of the options `pktoptions`: what the latest packets of a stream brought. 1024 bytes
# are the most that `getsockopt` of the standard library offers the kernel.
CONTROL_MESSAGES: Final = Codec(
    "a list of control messages", 1024, decode=lambda data: decode_control(split_control(data))
)


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
        return memoryview(data).tobytes()  # type: ignore[arg-type]  # a TypeError is expected
    except (BufferError, TypeError, ValueError):
        raise TypeError(f"data {shown(data)} is not bytes-like, an integer or a bool") from None
