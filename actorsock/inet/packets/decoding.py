"""`decode_packet`: the packet at the beginning of some bytes. It has no memory between calls."""

from typing import Any

from ...arguments import check_int, shown
from ...results import Error, Ok
from .results import More, Packet
from .rules import RULES, InvalidPacket, Limits, PacketType, Rule

__all__ = ["check_delimiter", "check_type", "decode_packet"]


def decode_packet(
    type: PacketType,
    data: bytes | bytearray | memoryview,
    *,
    packet_size: int = 0,
    line_length: int = 0,
    line_delimiter: int | bytes = b"\n",
) -> Ok[tuple[Packet, bytes]] | More | Error:
    """Decode the packet at the beginning of `data`. Erlang's `erlang:decode_packet/3`.

    Args:
        type: how the bytes are divided into packets:

            - `"raw"` or 0: no packets; all of the data is one
            - 1, 2, 4: a length of as many bytes, big-endian, then the packet
            - `"line"`: a line, given with its end
            - `"asn1"` (BER), `"cdr"` (GIOP), `"sunrm"` (ONC RPC), `"fcgi"` (FastCGI), `"tpkt"`:
              the packet is given with its header; FastCGI's padding is dropped
            - `"http"`, `"http_bin"`: the first line of an HTTP message, as `HttpRequest` or
              `HttpResponse`, with text as `str` or as `bytes`
            - `"httph"`, `"httph_bin"`: a header, as `HttpHeader`, or `"http_eoh"`
            - `"ssl_tls"`: a record of TLS, as `TlsRecord`
        data: bytes-like.
        packet_size: the most bytes that a packet may have, without its header; 0 is no limit.
        line_length: a longer line is cut into packets of so many bytes, and a longer line of HTTP
            refused; 0 is no limit.
        line_delimiter: the byte that ends a line, as an integer 0..255 or as one byte; only of
            the type `"line"`.

    Returns:
        `Ok((packet, rest))`, with the bytes that follow the packet; `More(length)` if the packet
        is incomplete, where `length` is that of the whole packet, or None if it is not known yet;
        or `Error("invalid")`: the data cannot be such a packet, or is a longer one than allowed.
        A line of HTTP that is not what belongs there is `Ok((HttpError(line), rest))`.

    Raises:
        TypeError: an argument has a wrong type.
        ValueError: an unknown packet type, a number out of range, another delimiter than LF
            with another type than `"line"`.

    Example::

        match decode_packet("http", b"GET / HTTP/1.1\\r\\nHost: a\\r\\n"):
            case Ok((HttpRequest("GET", AbsPath(path), version), rest)): ...
            case More(): ...
    """
    rule = RULES[check_type("type", type)]
    limits = Limits(
        check_int("packet_size", packet_size, "a number of bytes", 0),
        check_int("line_length", line_length, "a number of bytes", 0),
        check_delimiter("line_delimiter", line_delimiter),
    )
    if limits.delimiter != b"\n" and type != "line":
        raise ValueError(f"line_delimiter: only the type 'line' has one, not {type!r}")
    try:
        whole = data if isinstance(data, bytes) else memoryview(data).tobytes()
    except TypeError:
        raise TypeError(f"data: expected bytes-like, got {shown(data)}") from None
    return _decoded(rule, whole, limits)


def _decoded(rule: Rule, data: bytes, limits: Limits) -> Ok[tuple[Packet, bytes]] | More | Error:
    try:
        length, _ = rule.measure(data, 0, 0, limits)
    except InvalidPacket:
        return Error("invalid")
    if length is None or length > len(data):
        return More(length)
    return Ok((rule.decode(data, 0, length), data[length:]))


def check_type(argument: str, value: Any) -> PacketType:
    """Return `value` if it is a packet type; raise `TypeError` or `ValueError` otherwise."""
    known = ", ".join(map(repr, RULES))
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError(f"{argument}: expected one of {known}, got {shown(value)}")
    if value not in RULES:
        raise ValueError(f"{argument}: expected one of {known}, got {shown(value)}")
    return value


def check_delimiter(argument: str, value: Any) -> bytes:
    """Return `value`, one byte or its number, as one byte."""
    expected = "an integer 0..255 or one byte"
    if isinstance(value, bytes):
        if len(value) != 1:
            raise ValueError(f"{argument}: expected {expected}, got {shown(value)}")
        return value
    return bytes((check_int(argument, value, expected, 0, 255),))
