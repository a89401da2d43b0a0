"""The packet types: for each one, how long the next packet is, and what is given for it.

One table, `RULES`. A rule looks into bytes from a start and keeps nothing: what it has to remember
of an incomplete packet is one position, which the caller hands in again, so that no byte is
searched twice however small the pieces are in which a packet arrives.
"""

from collections.abc import Callable
from functools import partial
from typing import Final, Literal, TypeAlias, get_args

import attrs

from .http import AsText, as_bytes, as_str, parse_header, parse_start
from .results import Packet, TlsRecord

__all__ = ["RULES", "InvalidPacket", "Limits", "PacketType", "Rule"]

PacketType: TypeAlias = Literal[
    "raw",
    0,
    1,
    2,
    4,
    "line",
    "asn1",
    "cdr",
    "sunrm",
    "fcgi",
    "tpkt",
    "http",
    "http_bin",
    "httph",
    "httph_bin",
    "ssl_tls",
]
"""The names of the packet types; 0 is another name of `"raw"`."""

Data: TypeAlias = bytes | bytearray


class InvalidPacket(Exception):
    """The bytes cannot be a packet of the type, or one that is longer than allowed."""


@attrs.frozen
class Limits:
    """The bounds of a packet, in bytes; 0 is no bound.

    Attributes:
        packet_size: the largest packet, without the header that holds its length.
        line_length: a longer line is cut into pieces of this length.
        delimiter: the byte that ends a line.
        cuts_early: a line is cut before its end has come. With a `packet_size` the result then
            depends on how much of a line is there: too long, or a piece.
    """

    packet_size: int = 0
    line_length: int = 0
    delimiter: bytes = b"\n"
    cuts_early: bool = True


Measured: TypeAlias = tuple[int | None, int]
"""The length of the packet with its header, None if not known yet; and where to search on."""


@attrs.frozen(eq=False)
class Rule:
    """One packet type.

    Attributes:
        measure: takes the data, where the packet starts, where to search on, and the limits;
            raises `InvalidPacket`.
        decode: takes the data, where the packet starts, and where it ends.
        whole: takes a piece of data, not empty, and the limits; returns its packet if the piece is
            exactly one, and None if it may not be. A short way for what most pieces are.
        in_headers: the name of the type that reads the lines after a first line of HTTP.
    """

    measure: Callable[[Data, int, int, Limits], Measured]
    decode: Callable[[Data, int, int], Packet]
    whole: Callable[[bytes, Limits], Packet | None] | None = None
    in_headers: PacketType | None = None


# Packets whose header tells their length: a function for each type returns the sizes of header and
# content, or None while the header is incomplete. ASN.1 is measured on its own, as its headers have
# any length.

_Sizes: TypeAlias = tuple[int, int] | None
_INT_MAX: Final = 2**31 - 1


def _measure_counted(
    sizes: Callable[[Data, int], _Sizes], data: Data, start: int, search: int, limits: Limits
) -> Measured:
    found = sizes(data, start)
    if found is None:
        return None, search
    header, content = found
    return _checked(header, content, limits), search


def _checked(header: int, content: int, limits: Limits) -> int:
    # A content below 0 comes of a total length that is smaller than the header.
    if not 0 <= content <= (limits.packet_size or _INT_MAX - header):
        raise InvalidPacket
    return header + content


def _prefix(size: int) -> Callable[[Data, int, int, Limits], Measured]:
    # The commonest types, so measured in one call.
    def measure(data: Data, start: int, search: int, limits: Limits) -> Measured:
        content = start + size
        if len(data) < content:
            return None, search
        length = int.from_bytes(data[start:content], "big")
        if length > (limits.packet_size or _INT_MAX - size):
            raise InvalidPacket
        return size + length, search

    return measure


def _whole_prefixed(size: int) -> Callable[[bytes, Limits], Packet | None]:
    def whole(piece: bytes, limits: Limits) -> Packet | None:
        length = len(piece) - size
        if (
            length < 0
            or int.from_bytes(piece[:size], "big") != length
            or (limits.packet_size and length > limits.packet_size)
        ):
            return None
        return piece[size:]

    return whole


def _sunrm(data: Data, start: int) -> _Sizes:
    # The top bit marks the last fragment of a record; each fragment is a packet.
    if len(data) < start + 4:
        return None
    return 4, int.from_bytes(data[start : start + 4], "big") & 0x7FFFFFFF


def _cdr(data: Data, start: int) -> _Sizes:
    if len(data) < start + 12:
        return None
    if data[start : start + 4] != b"GIOP":
        raise InvalidPacket
    little = data[start + 6] & 1
    return 12, int.from_bytes(data[start + 8 : start + 12], "little" if little else "big")


def _fcgi(data: Data, start: int) -> _Sizes:
    if len(data) < start + 8:
        return None
    if data[start] != 1:
        raise InvalidPacket
    return 8, int.from_bytes(data[start + 4 : start + 6], "big") + data[start + 6]


def _tpkt(data: Data, start: int) -> _Sizes:
    if len(data) < start + 4:
        return None
    if data[start] != 3:
        raise InvalidPacket
    return 4, int.from_bytes(data[start + 2 : start + 4], "big") - 4


def _ssl_tls(data: Data, start: int) -> _Sizes:
    if len(data) < start + 5:
        return None
    if _is_old_hello(data, start):
        return 5, (int.from_bytes(data[start : start + 2], "big") & 0x7FFF) - 3
    return 5, int.from_bytes(data[start + 3 : start + 5], "big")


def _is_old_hello(data: Data, start: int) -> bool:
    """Tell a client hello of SSL 2: the top bit, a length of 15 bits, and type 1."""
    return bool(data[start] & 0x80) and data[start + 2] == 1


def _measure_asn1(data: Data, start: int, search: int, limits: Limits) -> Measured:
    end = len(data)
    if end < start + 2:
        return None, start
    at = start + 1
    if data[start] & 0x1F == 0x1F:  # the tag goes on, up to a byte without the top bit
        at = max(at, search)
        while at < end and data[at] & 0x80:
            at += 1
        if end < at + 2:
            return None, at
        at += 1
    size = 0
    length = data[at]
    at += 1
    if length & 0x80:
        size = length & 0x7F
        if end < at + size:
            return None, search
        if size > 4:
            raise InvalidPacket
        length = int.from_bytes(data[at : at + size], "big")
    return _checked(at + size - start, length, limits), search


# Packets that end with a byte. No more is searched than the limits allow, since a packet beyond
# them is refused or cut wherever its end may be.


def _measure_line(data: Data, start: int, search: int, limits: Limits) -> Measured:
    packet_size, line_length, delimiter = limits.packet_size, limits.line_length, limits.delimiter
    size = len(data) - start
    bound = max(packet_size, line_length)
    stop = min(len(data), start + bound) if bound else len(data)
    found = data.find(delimiter, search, stop)
    length = found + 1 - start if found >= 0 else size
    if packet_size and length > packet_size:
        raise InvalidPacket
    if found < 0:
        cut = limits.cuts_early and line_length and size >= line_length
        return (line_length if cut else None), max(search, stop)
    if line_length and length > line_length:
        return line_length, found
    return length, found + 1


def _whole_line(piece: bytes, limits: Limits) -> Packet | None:
    length = len(piece)
    if 0 < limits.packet_size < length or 0 < limits.line_length < length:
        return None
    return piece if piece.find(limits.delimiter) == length - 1 else None


def _measure_start(data: Data, start: int, search: int, limits: Limits) -> Measured:
    if _is_empty_line(data, start):
        return len(data) - start, len(data)
    found = _line_end(data, start, search, limits)
    return (None, len(data)) if found < 0 else (found + 1 - start, found + 1)


def _measure_header(data: Data, start: int, search: int, limits: Limits) -> Measured:
    end = len(data)
    if _is_empty_line(data, start):
        return end - start, end
    while True:
        found = _line_end(data, start, search, limits)
        if found < 0:
            return None, end
        if found + 1 == end:  # the next byte tells whether the header goes on
            return None, found
        if data[found + 1] not in b" \t" or found - start < 2:
            return found + 1 - start, found + 1
        search = found + 1


def _is_empty_line(data: Data, start: int) -> bool:
    """Tell an empty line that is all of the data: nothing need follow, and no limit applies."""
    return len(data) - start <= 2 and data[start:] in (b"\n", b"\r\n")


def _line_end(data: Data, start: int, search: int, limits: Limits) -> int:
    bound = limits.packet_size or limits.line_length
    stop = min(len(data), start + bound) if bound else len(data)
    found = data.find(b"\n", search, stop)
    if found < 0 and bound and len(data) - start >= bound:
        raise InvalidPacket
    return found


def _measure_raw(data: Data, start: int, search: int, limits: Limits) -> Measured:
    return len(data) - start or None, search


def _whole_raw(piece: bytes, limits: Limits) -> Packet | None:
    return piece if len(piece) <= limits.line_length else None


# What is given for a packet.


def _whole(data: Data, start: int, end: int) -> bytes:
    return bytes(data[start:end])


def _without(header: int) -> Callable[[Data, int, int], bytes]:
    return lambda data, start, end: bytes(data[start + header : end])


def _without_padding(data: Data, start: int, end: int) -> bytes:
    return bytes(data[start : end - data[start + 6]])


def _http(parse: Callable[[bytes, AsText], Packet], text: AsText) -> Callable[..., Packet]:
    return lambda data, start, end: parse(bytes(data[start:end]), text)


def _tls_record(data: Data, start: int, end: int) -> Packet:
    if _is_old_hello(data, start):
        # The same hello in the form of later versions: a handshake of type 1 and its length.
        body = bytes(data[start + 3 : end])
        return TlsRecord(22, (body[0], body[1]), b"\x01" + len(body).to_bytes(3, "big") + body)
    return TlsRecord(data[start], (data[start + 1], data[start + 2]), bytes(data[start + 5 : end]))


_counted: Final = partial(partial, _measure_counted)
_RAW: Final = Rule(_measure_raw, _whole, _whole_raw)

# fmt: off
RULES: Final[dict[PacketType, Rule]] = {
    "raw":       _RAW,
    0:           _RAW,
    1:           Rule(_prefix(1),      _without(1), _whole_prefixed(1)),
    2:           Rule(_prefix(2),      _without(2), _whole_prefixed(2)),
    4:           Rule(_prefix(4),      _without(4), _whole_prefixed(4)),
    "line":      Rule(_measure_line,   _whole,      _whole_line),
    "asn1":      Rule(_measure_asn1,   _whole),
    "cdr":       Rule(_counted(_cdr),    _whole),
    "sunrm":     Rule(_counted(_sunrm),  _whole),
    "fcgi":      Rule(_counted(_fcgi),   _without_padding),
    "tpkt":      Rule(_counted(_tpkt),   _whole),
    "http":      Rule(_measure_start,  _http(parse_start, as_str),    in_headers="httph"),
    "http_bin":  Rule(_measure_start,  _http(parse_start, as_bytes),  in_headers="httph_bin"),
    "httph":     Rule(_measure_header, _http(parse_header, as_str),   in_headers="httph"),
    "httph_bin": Rule(_measure_header, _http(parse_header, as_bytes), in_headers="httph_bin"),
    "ssl_tls":   Rule(_counted(_ssl_tls), _tls_record),
}
# fmt: on

assert set(RULES) == set(get_args(PacketType))
