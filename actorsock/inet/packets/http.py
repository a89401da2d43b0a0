"""The lines of HTTP/1: request and status lines, headers, and the words that have names in Erlang.

This module takes whole lines; `rules` says where they end. Lines that are not what belongs here are
packets too (`HttpError`): as in Erlang, an error does not end the stream.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final, TypeAlias

from .results import (
    HTTP_EOH,
    AbsoluteURI,
    AbsPath,
    HttpError,
    HttpHeader,
    HttpPacket,
    HttpRequest,
    HttpResponse,
    HttpUri,
    Scheme,
    Text,
)

__all__ = ["HEADER_NAMES", "as_bytes", "as_str", "parse_header", "parse_start"]

AsText: TypeAlias = Callable[[bytes], Text]


def as_str(data: bytes) -> str:
    """Return text as the types `http` and `httph` give it: one character for each byte."""
    return data.decode("latin-1")


def as_bytes(data: bytes) -> bytes:
    """Return text as the types `http_bin` and `httph_bin` give it."""
    return data


# The characters of a token; 127 is among them for Erlang. Possessive quantifiers (`*+`) make each
# part as long as it can be: without them a line that Erlang refuses could match in another way.
_TOKEN: Final = rb"[!#$%&'*+\-.0-9A-Z^_`a-z|~\x7f]"
_STATUS_LINE: Final = re.compile(rb"HTTP/(\d++)\.(\d++)[ \t]++(\d*+)(?:[ \t]++(.*))?\Z", re.DOTALL)
_REQUEST_LINE: Final = re.compile(
    rb"(%b++)[ \t]++([^ \t]++)[ \t]*+(?:HTTP/(\d++)\.(\d++).*)?\Z" % _TOKEN, re.DOTALL
)
_HEADER: Final = re.compile(rb"(%b*+):[ \t]*+(.*)\Z" % _TOKEN, re.DOTALL)

_METHODS: Final[dict[bytes, str]] = {
    name.encode(): name for name in ("OPTIONS", "GET", "HEAD", "POST", "PUT", "DELETE", "TRACE")
}

# In the order of their numbers, which begin with 1.
# fmt: off
HEADER_NAMES: Final = (
    "Cache-Control", "Connection", "Date", "Pragma", "Transfer-Encoding", "Upgrade", "Via",
    "Accept", "Accept-Charset", "Accept-Encoding", "Accept-Language", "Authorization", "From",
    "Host", "If-Modified-Since", "If-Match", "If-None-Match", "If-Range", "If-Unmodified-Since",
    "Max-Forwards", "Proxy-Authorization", "Range", "Referer", "User-Agent", "Age", "Location",
    "Proxy-Authenticate", "Public", "Retry-After", "Server", "Vary", "Warning", "Www-Authenticate",
    "Allow", "Content-Base", "Content-Encoding", "Content-Language", "Content-Length",
    "Content-Location", "Content-Md5", "Content-Range", "Content-Type", "Etag", "Expires",
    "Last-Modified", "Accept-Ranges", "Set-Cookie", "Set-Cookie2", "X-Forwarded-For", "Cookie",
    "Keep-Alive", "Proxy-Connection",
)
# fmt: on
_KNOWN: Final[dict[bytes, tuple[int, str]]] = {
    name.encode(): (number, name) for number, name in enumerate(HEADER_NAMES, 1)
}
_LONGEST_CAPITALISED: Final = 50


def parse_start(line: bytes, text: AsText) -> HttpPacket:
    """Return the packet for the first line of a message: a request or a response."""
    content = _without_end(line)
    if content.startswith(b"HTTP/"):
        if match := _STATUS_LINE.match(content):
            major, minor, status, phrase = match.groups(b"")
            return HttpResponse((_number(major), _number(minor)), _number(status), text(phrase))
    elif match := _REQUEST_LINE.match(content):
        method, uri, major, minor = match.groups()
        version = (0, 9) if major is None else (_number(major), _number(minor))
        return HttpRequest(_METHODS.get(method) or text(method), _uri(uri, text), version)
    return HttpError(text(line))


def parse_header(line: bytes, text: AsText) -> HttpPacket:
    """Return the packet for a header with its continuations, or for the line that ends them."""
    content = _without_end(line)
    if not content:
        return HTTP_EOH
    match = _HEADER.match(content)
    if match is None:
        return HttpError(text(line))
    original, value = match.groups()
    number, name = _named(original)
    spelling = name if isinstance(name, str) else text(name)
    return HttpHeader(number, spelling, text(original), text(value))


def _without_end(line: bytes) -> bytes:
    if line[-2:-1] == b"\r":
        return line[:-2]
    return line[:-1] if line[-1:] == b"\n" else line


# A connection sees the same few names again and again.
@lru_cache(maxsize=1024)
def _named(original: bytes) -> tuple[int, str | bytes]:
    if len(original) > _LONGEST_CAPITALISED:
        return 0, original
    spelling = _capitalised(original)
    return _KNOWN.get(spelling) or (0, spelling)


def _capitalised(name: bytes) -> bytes:
    # Not a split at "-": the first character of a part is taken as it is even if it is a "-",
    # and starts no new part then ("x--y" becomes "X--y").
    parts = []
    starts = True
    for character in map(chr, name):
        parts.append(character.upper() if starts else character.lower())
        starts = character == "-" and not starts
    return "".join(parts).encode("latin-1")


def _number(digits: bytes) -> int:
    # As large as a C int, which overflows: only the last 32 digits count, as 10**32 is a multiple
    # of 2**32. This also keeps `int` from its limit on the number of digits.
    number = int(digits[-32:] or b"0") & 0xFFFFFFFF
    return number - (1 << 32) if number >> 31 else number


def _uri(uri: bytes, text: AsText) -> HttpUri:
    if uri == b"*":
        return "*"
    if len(uri) == 1 or uri.startswith(b"/"):
        return AbsPath(text(uri))
    if uri[:7].lower() == b"http://":
        return _absolute("http", uri[7:], text)
    if uri[:8].lower() == b"https://":
        return _absolute("https", uri[8:], text)
    scheme, colon, rest = uri.partition(b":")
    return Scheme(text(scheme), text(rest)) if colon else text(uri)


def _absolute(scheme: str, rest: bytes, text: AsText) -> AbsoluteURI:
    authority, _, path = rest.partition(b"/")
    if authority.startswith(b"[") and b"]" in authority:
        host, _, after = authority.partition(b"]")
        host += b"]"
        digits = after[1:] if after.startswith(b":") else b""
    else:
        host, _, digits = authority.partition(b":")
    port = _number(digits) if digits.isdigit() else 0
    return AbsoluteURI(
        "https" if scheme == "https" else "http", text(host), port or None, text(b"/" + path)
    )
