"""`decode_packet`: the packet types, limits, and wrong arguments."""

from typing import Any

import pytest

from actorsock import Error, Ok
from actorsock.inet.packets.decoding import decode_packet
from actorsock.inet.packets.results import (
    AbsoluteURI,
    AbsPath,
    HttpError,
    HttpHeader,
    HttpRequest,
    HttpResponse,
    More,
    Scheme,
    TlsRecord,
)


@pytest.mark.parametrize(
    ("kind", "data", "packet"),
    [
        ("raw", b"abc", b"abc"),
        (0, b"abc", b"abc"),
        (1, b"\x02hi", b"hi"),
        (2, b"\0\0", b""),
        (4, b"\0\0\0\x02hi", b"hi"),
        ("line", b"abc\r\n", b"abc\r\n"),
        ("asn1", b"\x30\x80", b"\x30\x80"),
        ("asn1", b"\x1f\x81\x82\x03\x02ok", b"\x1f\x81\x82\x03\x02ok"),
        ("asn1", b"\x30\x82\0\x02ok", b"\x30\x82\0\x02ok"),
        ("cdr", b"GIOP\1\2\1\0\2\0\0\0ok", b"GIOP\1\2\1\0\2\0\0\0ok"),
        ("sunrm", b"\x80\0\0\2ok", b"\x80\0\0\2ok"),
        ("fcgi", b"\1\1\0\1\0\2\1\0okP", b"\1\1\0\1\0\2\1\0ok"),
        ("tpkt", b"\3\0\0\6ok", b"\3\0\0\6ok"),
        ("ssl_tls", b"\x17\3\3\0\2ok", TlsRecord(23, (3, 3), b"ok")),
        ("ssl_tls", b"\x80\4\1\3\1x", TlsRecord(22, (3, 1), b"\1\0\0\3\3\1x")),
    ],
)
def test_one_packet_of_each_type(kind: Any, data: bytes, packet: Any) -> None:
    rest = b"" if kind in ("raw", 0) else b"rest"
    assert decode_packet(kind, data + rest) == Ok((packet, rest))
    incomplete = decode_packet(kind, data[:-1]) if kind not in ("raw", 0) else More()
    assert isinstance(incomplete, More)


@pytest.mark.parametrize(
    ("line", "packet"),
    [
        ("GET / HTTP/1.1", HttpRequest("GET", AbsPath("/"), (1, 1))),
        ("PATCH * HTTP/1.10 x", HttpRequest("PATCH", "*", (1, 10))),
        ("GET x", HttpRequest("GET", AbsPath("x"), (0, 9))),
        ("GET *x", HttpRequest("GET", "*x", (0, 9))),
        ("CONNECT h:443", HttpRequest("CONNECT", Scheme("h", "443"), (0, 9))),
        ("GET HTTP://h:81/p", HttpRequest("GET", AbsoluteURI("http", "h", 81, "/p"), (0, 9))),
        ("GET https://[::1]:8", HttpRequest("GET", AbsoluteURI("https", "[::1]", 8, "/"), (0, 9))),
        ("GET http://[::1]x", HttpRequest("GET", AbsoluteURI("http", "[::1]", None, "/"), (0, 9))),
        ("GET http://h:x/", HttpRequest("GET", AbsoluteURI("http", "h", None, "/"), (0, 9))),
        ("HTTP/1.1 404 Not Found ", HttpResponse((1, 1), 404, "Not Found ")),
        ("HTTP/1.1 4294967290 ", HttpResponse((1, 1), -6, "")),
        ("HTTP/1.1 2147483647", HttpResponse((1, 1), 2**31 - 1, "")),
        ("HTTP/1.0 200", HttpResponse((1, 0), 200, "")),
        ("HTTP/1.0", HttpError("HTTP/1.0\r\n")),
        (" GET /", HttpError(" GET /\r\n")),
        ("GET / HTTP/1", HttpError("GET / HTTP/1\r\n")),
        ("", HttpError("\r\n")),
    ],
)  # fmt: skip
def test_first_lines_of_http(line: str, packet: Any) -> None:
    assert decode_packet("http", f"{line}\r\n".encode()) == Ok((packet, b""))


@pytest.mark.parametrize(
    ("line", "packet"),
    [
        (b"host:  a ", HttpHeader(14, "Host", b"host", b"a ")),
        (b"x-foo-bAR: b", HttpHeader(0, b"X-Foo-Bar", b"x-foo-bAR", b"b")),
        (b"Via: a\r\n b", HttpHeader(7, "Via", b"Via", b"a\r\n b")),
        (b"a" * 51 + b":", HttpHeader(0, b"a" * 51, b"a" * 51, b"")),
        (b"", "http_eoh"),
        (b"Ho st: a", HttpError(b"Ho st: a\r\n")),
    ],
)
def test_headers_of_http(line: bytes, packet: Any) -> None:
    assert decode_packet("httph_bin", line + b"\r\nNext") == Ok((packet, b"Next"))


@pytest.mark.parametrize(
    ("kind", "data", "options", "result"),
    [
        (4, b"\0\0\0\x0bx", {"packet_size": 10}, Error("invalid")),
        (4, b"\0\0\0\x0ax", {"packet_size": 10}, More(14)),
        (4, b"\x7f\xff\xff\xfc", {}, Error("invalid")),
        ("line", b"abcd", {"packet_size": 4}, More()),
        ("line", b"abcdef", {"packet_size": 4}, Error("invalid")),
        ("line", b"abcdef\n", {"line_length": 4}, Ok((b"abcd", b"ef\n"))),
        ("line", b"ab;c", {"line_delimiter": ord(";")}, Ok((b"ab;", b"c"))),
        ("line", b"ab;c", {"line_delimiter": b";"}, Ok((b"ab;", b"c"))),
        ("http", b"GET /ab", {"packet_size": 7}, Error("invalid")),
        ("http", b"\r\n", {"packet_size": 1}, Ok((HttpError("\r\n"), b""))),
        ("tpkt", b"\x03\0\0\x03", {}, Error("invalid")),
        ("cdr", b"GIOX" + bytes(8), {}, Error("invalid")),
        ("asn1", b"\x30\x85\0\0\0\0\1", {}, Error("invalid")),
    ],
)
def test_limits(kind: Any, data: bytes, options: dict[str, Any], result: object) -> None:
    assert decode_packet(kind, data, **options) == result
    assert decode_packet(kind, bytearray(data), **options) == result


@pytest.mark.parametrize(
    ("kind", "data", "options", "error"),
    [
        (3, b"", {}, ValueError),
        ("ssl", b"", {}, ValueError),
        (True, b"", {}, TypeError),
        (None, b"", {}, TypeError),
        (4, "text", {}, TypeError),
        (4, b"", {"packet_size": -1}, ValueError),
        ("line", b"", {"line_length": "x"}, TypeError),
        ("line", b"", {"line_delimiter": 256}, ValueError),
        ("line", b"", {"line_delimiter": b"\r\n"}, ValueError),
        (4, b"", {"line_delimiter": 32}, ValueError),
    ],
)
def test_wrong_arguments_raise(kind: Any, data: Any, options: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        decode_packet(kind, data, **options)
