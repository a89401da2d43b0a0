"""`decode_packet` here and in Erlang: samples of each protocol, cut, changed, and random bytes."""

import os
import random
import re
from pathlib import Path
from typing import Any, Final, get_args

from actorsock import Error, Ok
from actorsock.inet.packets.decoding import decode_packet
from actorsock.inet.packets.http import HEADER_NAMES
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
from actorsock.inet.packets.rules import PacketType

from ..sides.erlang_programs import run_in_erlang

_TYPES: Final = get_args(PacketType)
_CASES: Final = int(os.environ.get("PACKETS", "6000"))

_SAMPLES: Final = [
    b"\x05hello\x02hi\x00",
    b"\x00\x05hello\x00\x00",
    b"\x00\x00\x00\x05hello\x80\x00\x00\x02hi\x7f\xff\xff\xfb\x7f\xff\xff\xfc",
    b"EHLO example.net\r\n250-SIZE 1000\n\nlast",
    b"\x30\x03\x02\x01\x05\x30\x82\x00\x04abcd\x1f\x81\x82\x03\x02ok\x30\x80\x30\x85\x00\x00\x00\x00\x01",
    b"GIOP\x01\x02\x00\x00\x00\x00\x00\x04abcdGIOP\x01\x02\x01\x00\x04\x00\x00\x00abcd",
    b"\x01\x01\x00\x01\x00\x08\x03\x00\x00\x01\x00\x00\x00\x00\x00\x00PAD\x01\x04\x00\x01\x00\x00\x00\x00",
    b"\x03\x00\x00\x07abc\x03\x00\x00\x04\x03\x00\x00\x03",
    b"\x16\x03\x01\x00\x05hello\x17\x03\x03\x00\x00",
    b"\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10" + bytes(range(37)),
    b"GET /a?b=c#d HTTP/1.1\r\nhost: example.net\r\nX-fOO--bar:  a b \r\n\tc\r\n\r\nbody",
    b"CONNECT h:443 HTTP/1.10\r\n\r\nOPTIONS * HTTP/1.0\nPATCH\thttps://u@h:081/p HTTP/01.1 x\r\n",
    b"HTTP/1.1 404 Not Found \r\ncontent-md5:\r\n: x\r\nAccept : x\r\n\nHTTP/1.1  200\r\n",
    b"get *x\nPUT ftp://h/ HTTP/1.1\nGET http://h?q \nGET HTTP://h:99999999999999999/ HTTP/2.0\r\n",
    b"HTTP/1.1 99999999999 x\r\nHTTP/1.1 ok\nHTTP/1\nHTTP/1.1\nGET  /  HTTP/a.b\n/ HTTP/1.1\n\r\n",
    "".join(f"{name.swapcase()}: x\n" for name in HEADER_NAMES).encode(),
    b"A" * 49 + b"-b: c\r\n" + b"a" * 50 + b"-b: c\r\n-a: b\nSET-COOKIE2: \x80\xff\r\nH\x80: a\n\n",
]  # fmt: skip


def test_decoding_gives_what_erlang_gives(erlang: str, tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    cases = list(_made_up(random.Random(seed)))
    theirs = run_in_erlang(erlang, "packets", [_case(*case) for case in cases], tmp_path)
    differ = [
        (case, ours, other)
        for case, other in zip(cases, theirs, strict=True)
        if (ours := _ours(*case)) != other and not _host_in_brackets(case[1])
    ]
    assert not differ, f"seed {seed}, {len(differ)} differ: {differ[:5]}"


def _made_up(dice: random.Random) -> Any:
    for sample in _SAMPLES:
        starts = {0, *(found.end() for found in re.finditer(rb"\n", sample))}
        for start in starts:
            yield from ((each, sample[start:], {}) for each in _TYPES)
    for _ in range(_CASES):
        kind = dice.choice(_TYPES)
        yield kind, _some_bytes(dice), _some_options(dice, kind)


def _some_bytes(dice: random.Random) -> bytes:
    if dice.random() < 0.1:
        return dice.randbytes(dice.randint(0, 30))
    data = bytearray(dice.choice(_SAMPLES))
    lines = [0, *(found.end() for found in re.finditer(rb"\n", data))]
    del data[: dice.choice(lines) if dice.random() < 0.7 else dice.randrange(len(data))]
    del data[dice.randint(0, len(data)) if dice.random() < 0.5 else len(data) :]
    for _ in range(dice.choice([0, 0, 1, 1, 3]) if data else 0):
        at = dice.randrange(len(data))
        data[at : at + dice.randint(0, 1)] = dice.choice(
            [b"\n", b"\r", b" ", b"\t", b":", b"/", b"1", b"[", b"\x80", b"\x7f", dice.randbytes(1)]
        )
    return bytes(data)


def _some_options(dice: random.Random, kind: object) -> dict[str, int]:
    choices = {"packet_size": [0, 4, 30], "line_length": [0, 1, 2, 5, 40]}
    choices |= {"line_delimiter": [10, 32, 255]} if kind == "line" else {}
    return {name: dice.choice(of) for name, of in choices.items() if dice.random() < 0.25}


def _host_in_brackets(data: bytes) -> bool:
    return b"//[" in data  # releases before 28 take the bracket for the host


def _case(kind: str | int, data: bytes, options: dict[str, int]) -> str:
    written = ",".join(f"{{{name},{value}}}" for name, value in options.items())
    return f"{{{kind},{_term(data)},[{written}]}}"


def _ours(kind: Any, data: bytes, options: dict[str, int]) -> str:
    match decode_packet(kind, data, **options):
        case Ok((packet, rest)):
            return f"{{ok,{_term(packet)},{_term(rest)}}}"
        case More(length):
            return f"{{more,{'undefined' if length is None else length}}}"
        case Error(reason):
            return f"{{error,{reason}}}"


def _term(value: Any) -> str:
    """Return a packet as Erlang writes it; a str outside of a place for words is a list."""
    match value:
        case bytes():
            return f"<<{','.join(map(str, value))}>>"
        case "http_eoh":
            return value
        case str():
            return f"[{','.join(str(ord(character)) for character in value)}]"
        case AbsPath(path):
            return f"{{abs_path,{_term(path)}}}"
        case AbsoluteURI(scheme, host, port, path):
            number = "undefined" if port is None else port
            return f"{{absoluteURI,{scheme},{_term(host)},{number},{_term(path)}}}"
        case Scheme(scheme, rest):
            return f"{{scheme,{_term(scheme)},{_term(rest)}}}"
        case HttpRequest(method, uri, (major, minor)):
            known = method in ("OPTIONS", "GET", "HEAD", "POST", "PUT", "DELETE", "TRACE")
            written = _word(method) if known else _term(method)
            target = "'*'" if uri == "*" else _term(uri)
            return f"{{http_request,{written},{target},{{{major},{minor}}}}}"
        case HttpResponse((major, minor), status, phrase):
            return f"{{http_response,{{{major},{minor}}},{status},{_term(phrase)}}}"
        case HttpHeader(number, name, original, text):
            written = _word(name) if number else _term(name)
            return f"{{http_header,{number},{written},{_term(original)},{_term(text)}}}"
        case HttpError(line):
            return f"{{http_error,{_term(line)}}}"
        case TlsRecord(kind, (major, minor), data):
            return f"{{ssl_tls,[],{kind},{{{major},{minor}}},{_term(data)}}}"
    raise AssertionError(value)


def _word(value: Any) -> str:
    return value if re.fullmatch(r"[a-z]\w*", value) else f"'{value}'"
