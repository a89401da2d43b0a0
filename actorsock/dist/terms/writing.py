"""From Python values to bytes: the external term format, written by the type of each value."""

from collections.abc import Callable
from math import isfinite
from struct import Struct
from typing import Any, Final

from ..._native import twin
from ...arguments import shown
from .values import (
    KIN_TEXT,
    Atom,
    BitString,
    Export,
    ExternalPid,
    ExternalRef,
    Fun,
    ImproperList,
    ListKey,
    PairsMap,
    Port,
)

__all__ = ["Encoded", "Write", "Writer", "atom_bytes", "pid_bytes", "ref_bytes"]

_SMALL_ATOM: Final = Struct(">BB").pack
_ATOM: Final = Struct(">BH").pack
_TAG_U32: Final = Struct(">BI").pack
_TAG_I32: Final = Struct(">Bi").pack
_BITS: Final = Struct(">BIB").pack
_FLOAT: Final = Struct(">Bd").pack
_PID: Final = Struct(">III").pack
_PORT: Final = Struct(">QI").pack
_U16: Final = Struct(">H").pack
_U32: Final = Struct(">I").pack
_FUN: Final = Struct(">B16sII").pack

_SMALL: Final = tuple(bytes((97, value)) for value in range(256))

_MOST_ATOMS: Final = 8192

_encoded_atoms: Final[dict[str, bytes]] = {}


def atom_bytes(text: str) -> bytes:
    """Return the atom with these characters."""
    found = _encoded_atoms.get(text)
    if found is not None:
        return found
    body = text.encode()
    found = (_SMALL_ATOM(119, len(body)) if len(body) < 256 else _ATOM(118, len(body))) + body
    if len(_encoded_atoms) >= _MOST_ATOMS:
        _encoded_atoms.clear()
    _encoded_atoms[str(text)] = found
    return found


def pid_bytes(node: str, id: int, serial: int, creation: int) -> bytes:
    """Return a pid."""
    return b"X" + atom_bytes(node) + _PID(id, serial, creation)


def ref_bytes(node: str, creation: int, words: tuple[int, ...]) -> bytes:
    """Return a reference."""
    return b"".join(
        (b"Z", _U16(len(words)), atom_bytes(node), _U32(creation), *map(_U32, words)),
    )


class Encoded:
    """A term that is bytes already, without its version byte."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data


class Writer:
    """Writes terms; its owner may add types to `by_type`.

    Args:
        none: the atom that None is written as.
        text: what a plain str is written as: `"binary"`, `"atom"`, or `"kin"`, which only nodes
            of this library read.
        more: functions that write values of further types.
    """

    def __init__(
        self,
        none: str = "undefined",
        text: str = "binary",
        more: "dict[type, Write] | None" = None,
    ) -> None:
        self.kin: Final = text == "kin"
        empty = atom_bytes(none)
        self.by_type: dict[type, Write] = {
            **_BY_TYPE,
            type(None): lambda writer, out, value: out.__iadd__(empty),
            str: _TEXT[text],
            **(more or {}),
        }
        """The function that writes values of a type, and of types derived from it."""

    def versioned(self, value: Any) -> bytes:
        """Return `value` as a term that stands alone."""
        out = bytearray(b"\x83")
        self.write(out, value)
        return bytes(out)

    def write(self, out: bytearray, value: Any) -> None:
        """Append `value` to `out`; raise `TypeError` if it, or a part of it, is no term."""
        try:
            write_term(self, out, value)
        except RecursionError:
            raise TypeError(f"{shown(value)} is nested too deeply for a term") from None

    def derived(self, value: Any) -> "Write":
        """Return the function for a value whose type is derived from one in the table."""
        for base in type(value).__mro__:
            if (write := self.by_type.get(base)) is not None:
                return write
        raise TypeError(f"{shown(value)} stands for no Erlang term")


Write = Callable[[Writer, bytearray, Any], object]
"""Appends the term for a value."""


@twin
def write_term(writer: Writer, out: bytearray, value: Any) -> None:
    """Append the term for `value`."""
    (writer.by_type.get(type(value)) or writer.derived(value))(writer, out, value)


def _bool(writer: Writer, out: bytearray, value: bool) -> None:
    out += b"w\x04true" if value else b"w\x05false"


def _int(writer: Writer, out: bytearray, value: int) -> None:
    if 0 <= value < 256:
        out += _SMALL[value]
    elif -(1 << 31) <= value < 1 << 31:
        out += _TAG_I32(98, value)
    else:
        magnitude = abs(value)
        size = (magnitude.bit_length() + 7) // 8
        out += bytes((110, size)) if size < 256 else _TAG_U32(111, size)
        out.append(value < 0)
        out += magnitude.to_bytes(size, "little")


def _float(writer: Writer, out: bytearray, value: float) -> None:
    if not isfinite(value):
        raise TypeError(f"{value!r} stands for no Erlang term: its floats are finite")
    out += _FLOAT(70, value)


def _bytes(writer: Writer, out: bytearray, value: bytes | bytearray) -> None:
    out += _TAG_U32(109, len(value))
    out += value


def _text(tag: int) -> "Write":
    def write(writer: Writer, out: bytearray, value: str) -> None:
        try:
            body = str.encode(value)
        except UnicodeEncodeError:
            raise TypeError(f"{shown(value)} is no Unicode text: it has no form in UTF-8") from None
        out += _TAG_U32(tag, len(body))
        out += body

    return write


def _atom(writer: Writer, out: bytearray, value: str) -> None:
    try:
        out += atom_bytes(value if type(value) is Atom else Atom(value))
    except ValueError as exc:  # too long, or half of a surrogate pair
        raise TypeError(f"{shown(value)} can't be an atom: {exc}") from None


def _tuple(writer: Writer, out: bytearray, value: tuple[Any, ...]) -> None:
    count = len(value)
    out += bytes((104, count)) if count < 256 else _TAG_U32(105, count)
    table = writer.by_type
    for item in value:
        (table.get(type(item)) or writer.derived(item))(writer, out, item)


def _list(writer: Writer, out: bytearray, value: list[Any] | ListKey) -> None:
    if not value:
        out += b"j"
        return
    if len(value) < 65536 and set(map(type, value)) == {int}:
        try:
            body = bytes(value)
        except ValueError:  # not all of them fit into a byte
            pass
        else:
            out += _ATOM(107, len(body))
            out += body
            return
    count = len(value)
    out += _TAG_U32(108, count)
    table = writer.by_type
    for item in value:
        (table.get(type(item)) or writer.derived(item))(writer, out, item)
    _check_unchanged(len(value) == count)
    out += b"j"


def _improper(writer: Writer, out: bytearray, value: ImproperList) -> None:
    out += _TAG_U32(108, len(value.items))
    for item in value.items:
        write_term(writer, out, item)
    if type(value.tail) is list:
        raise TypeError(f"{shown(value)} is no improper list: its tail is a list")
    write_term(writer, out, value.tail)


def _dict(writer: Writer, out: bytearray, value: dict[Any, Any]) -> None:
    count = len(value)
    _pairs(writer, out, list(value.items()))
    _check_unchanged(len(value) == count)


def _check_unchanged(unchanged: bool) -> None:
    # By another thread: the bytes would not be those of any term.
    if not unchanged:
        raise RuntimeError("a list or dict has changed while it was written")


def _pairs_map(writer: Writer, out: bytearray, value: PairsMap) -> None:
    _pairs(writer, out, value.pairs)


def _pairs(writer: Writer, out: bytearray, pairs: Any) -> None:
    out += _TAG_U32(116, len(pairs))
    table = writer.by_type
    for key, item in pairs:
        (table.get(type(key)) or writer.derived(key))(writer, out, key)
        (table.get(type(item)) or writer.derived(item))(writer, out, item)


def _bit_string(writer: Writer, out: bytearray, value: BitString) -> None:
    if value.bits == 8:
        _bytes(writer, out, value.data)
        return
    # With 0 in the bits that do not count, as Erlang writes them.
    last = value.data[-1] & (0xFF << (8 - value.bits)) & 0xFF
    out += _BITS(77, len(value.data), value.bits)
    out += value.data[:-1]
    out.append(last)


def _export(writer: Writer, out: bytearray, value: Export) -> None:
    out += b"q"
    _atom(writer, out, value.module)
    _atom(writer, out, value.function)
    _int(writer, out, value.arity)


def _port(writer: Writer, out: bytearray, value: Port) -> None:
    out += b"x" + atom_bytes(value.node) + _PORT(value.id, value.creation)


def _pid(writer: Writer, out: bytearray, value: ExternalPid) -> None:
    out += pid_bytes(value.node, value.id, value.serial, value.creation)


def _ref(writer: Writer, out: bytearray, value: ExternalRef) -> None:
    out += ref_bytes(value.node, value.creation, value.words)


def _fun(writer: Writer, out: bytearray, value: Fun) -> None:
    body = bytearray(_FUN(value.arity, value.uniq, value.index, len(value.free)))
    _atom(writer, body, value.module)
    _int(writer, body, value.old_index)
    _int(writer, body, value.old_uniq)
    for part in (value.pid, *value.free):
        write_term(writer, body, part)
    out += _TAG_U32(112, len(body) + 4)
    out += body


_str: Final = _text(109)

_TEXT: Final[dict[str, Write]] = {"binary": _str, "atom": _atom, "kin": _text(KIN_TEXT)}

_BY_TYPE: Final[dict[type, Write]] = {
    bool: _bool,
    int: _int,
    float: _float,
    bytes: _bytes,
    bytearray: _bytes,
    Atom: _atom,
    tuple: _tuple,
    list: _list,
    ListKey: _list,
    ImproperList: _improper,
    dict: _dict,
    PairsMap: _pairs_map,
    BitString: _bit_string,
    Export: _export,
    Port: _port,
    ExternalPid: _pid,
    ExternalRef: _ref,
    Fun: _fun,
    Encoded: lambda writer, out, value: out.__iadd__(value.data),
}
