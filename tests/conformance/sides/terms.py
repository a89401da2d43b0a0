"""Erlang terms: writing them as text, and reading the external term format.

Only the parts of both that scenarios and their results need.
"""

import ipaddress
import struct
from collections.abc import Callable
from typing import Any, Final, final

import attrs

from ..notation import Form, Name

__all__ = ["Atom", "Pid", "Port", "Reference", "decode", "encode"]


@final
class Atom(str):
    """An atom; a `str` would be a string."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


@attrs.frozen
class Reference:
    """A reference, as its unique bytes."""

    data: bytes


@attrs.frozen
class Pid:
    """A pid, as its unique bytes."""

    data: bytes


@attrs.frozen
class Port:
    """A port, as its unique bytes."""

    data: bytes


def encode(value: Any) -> str:
    """Return a value of the notation as the text of an Erlang term."""
    match value:
        case None:
            return "undefined"
        case True | False:
            return str(value).lower()
        case Name(name):
            return f"{{'$var','{name}'}}"
        case Form("text", str() as text):
            return f'"{text}"'
        case Form("ip", str() as text):
            return _address(text)
        case Form(word, argument):
            return f"{{'${word}',{_text(argument)}}}"
        case str():
            return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
        case bytes():
            return f"<<{','.join(map(str, value))}>>"
        case list():
            return f"[{','.join(map(encode, value))}]"
        case tuple():
            return f"{{{','.join(map(encode, value))}}}"
        case dict():
            return "#{" + ",".join(f"{encode(k)}=>{encode(v)}" for k, v in value.items()) + "}"
        case int() | float():
            return repr(value)
    raise TypeError(f"no Erlang term for {value!r}")


def _text(argument: Any) -> str:
    # File names are strings in Erlang.
    return f'"{argument}"' if isinstance(argument, str) else encode(argument)


def _address(text: str) -> str:
    address = ipaddress.ip_address(text)
    if address.version == 4:
        return f"{{{','.join(map(str, address.packed))}}}"
    return f"{{{','.join(map(str, struct.unpack('!8H', address.packed)))}}}"


def decode(data: bytes) -> Any:
    """Read a term in the external term format. Strings become lists."""
    assert data[0] == 131
    return _Reader(data, 1).term()


class _Reader:
    def __init__(self, data: bytes, position: int) -> None:
        self.data = data
        self.position = position

    def take(self, count: int) -> bytes:
        self.position += count
        return self.data[self.position - count : self.position]

    def number(self, count: int) -> int:
        return int.from_bytes(self.take(count), "big")

    def term(self) -> Any:
        return _READ[self.number(1)](self)

    def terms(self, count: int) -> list[Any]:
        return [self.term() for _ in range(count)]

    def proper(self) -> list[Any]:
        items = self.terms(self.number(4))
        tail = self.term()
        return items if tail == [] else [*items, tail]

    def map(self) -> dict[Any, Any]:
        pairs = [(self.term(), self.term()) for _ in range(self.number(4))]
        return {tuple(key) if isinstance(key, list) else key: value for key, value in pairs}

    def big(self, size: int) -> int:
        sign = self.number(1)
        value = int.from_bytes(self.take(size), "little")
        return -value if sign else value

    def reference(self) -> Reference:
        words = self.number(2)
        start = self.position
        self.term()
        self.take(4 + 4 * words)
        return Reference(self.data[start : self.position])

    def pid(self) -> Pid:
        start = self.position
        self.term()
        self.take(12)
        return Pid(self.data[start : self.position])

    def port(self, size: int) -> Port:
        start = self.position
        self.term()
        self.take(size)
        return Port(self.data[start : self.position])

    def function(self) -> Atom:
        start = self.position
        size = self.number(4)
        self.position = start + size
        return Atom("fun")

    def export(self) -> Atom:
        self.terms(3)
        return Atom("fun")


_READ: Final[dict[int, Callable[[_Reader], Any]]] = {
    70: lambda reader: struct.unpack("!d", reader.take(8))[0],
    77: lambda reader: reader.take(reader.number(4) + 1),
    88: _Reader.pid,
    89: lambda reader: reader.port(8),
    90: _Reader.reference,
    97: lambda reader: reader.number(1),
    98: lambda reader: struct.unpack("!i", reader.take(4))[0],
    100: lambda reader: Atom(reader.take(reader.number(2)).decode("latin-1")),
    104: lambda reader: tuple(reader.terms(reader.number(1))),
    105: lambda reader: tuple(reader.terms(reader.number(4))),
    106: lambda reader: [],
    107: lambda reader: list(reader.take(reader.number(2))),
    108: _Reader.proper,
    109: lambda reader: reader.take(reader.number(4)),
    110: lambda reader: reader.big(reader.number(1)),
    112: _Reader.function,
    113: _Reader.export,
    116: _Reader.map,
    118: lambda reader: Atom(reader.take(reader.number(2)).decode()),
    120: lambda reader: reader.port(12),
    119: lambda reader: Atom(reader.take(reader.number(1)).decode()),
}
