"""From bytes to terms: the external term format, read with limits.

The bytes are another program's and may be hostile: every length is compared with what is there
before anything is made of it, and nothing but `BadTerm` is raised.
"""

import zlib
from collections.abc import Callable, Sequence
from math import isfinite
from struct import Struct, error
from typing import Any, Final

from ..._native import twin
from .values import (
    KIN_TEXT,
    LONGEST_ATOM,
    Atom,
    BadTerm,
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

__all__ = ["LONGEST_INFLATED", "VERSION", "Reader"]

VERSION: Final = 131
"""The first byte of every term that stands alone."""

LONGEST_INFLATED: Final = 64 * 1024 * 1024
"""Bytes of a compressed term, inflated."""

_COMPRESSED: Final = 80

_MOST_ATOMS: Final = 8192
"""Atoms that a reader remembers; it forgets all when there are more."""

_MOST_WORDS: Final = 5
"""Words of a reference."""

_U16: Final = Struct(">H").unpack_from
_U32: Final = Struct(">I").unpack_from
_I32: Final = Struct(">i").unpack_from
_U64: Final = Struct(">Q").unpack_from
_F64: Final = Struct(">d").unpack_from
_PID: Final = Struct(">III").unpack_from
_OLD_PID: Final = Struct(">IIB").unpack_from
_PORT: Final = Struct(">II").unpack_from
_OLD_PORT: Final = Struct(">IB").unpack_from
_V4_PORT: Final = Struct(">QI").unpack_from
_FUN: Final = Struct(">IB16sII").unpack_from

# struct.error: a number reaches beyond the end. IndexError: a byte does. RecursionError: terms
# inside each other, deeper than the interpreter goes.
_BREACHES: Final = (error, IndexError, UnicodeDecodeError, RecursionError, OverflowError)


class Reader:
    """Reads terms; remembers atoms, and makes pids and refs as its owner wants them.

    Args:
        none: the atom that is read as None.
        make_pid: called with node, id, serial and creation.
        make_ref: called with node, creation and words.
        make_struct: called with each map that has the key `__struct__`; returns what it stands for.
        kin: True reads text of a node of this library.
    """

    def __init__(
        self,
        none: str = "undefined",
        make_pid: Callable[[str, int, int, int], Any] = ExternalPid,
        make_ref: Callable[[str, int, tuple[int, ...]], Any] = ExternalRef,
        make_struct: Callable[[dict[Any, Any]], Any] | None = None,
        kin: bool = False,
    ) -> None:
        self.make_struct = make_struct
        self.kin = kin
        self.make_pid = make_pid
        self.make_ref = make_ref
        self.cached: Sequence[Any] = ()
        """The atoms that the header of a frame has announced, by their number in it."""
        self._special = {b"true": True, b"false": False, none.encode(): None}
        self._atoms: dict[bytes, Any] = dict(self._special)

    def whole(self, data: bytes) -> Any:
        """Return the term that `data` is, from its version byte to its end."""
        term, end = self.versioned(data, 0)
        if end != len(data):
            raise BadTerm(f"{len(data) - end} bytes follow the term")
        return term

    def versioned(self, data: bytes, at: int) -> tuple[Any, int]:
        """Return the term at `at`, where its version byte is, and where it ends."""
        if data[at : at + 1] != b"\x83":
            raise BadTerm(f"expected the version byte {VERSION} at {at}")
        if data[at + 1 : at + 2] != b"P":
            return self.term(data, at + 1)
        inflated, end = _inflate(data, at + 2)
        term, used = self.term(inflated, 0)
        if used != len(inflated):
            raise BadTerm(f"{len(inflated) - used} bytes follow the compressed term")
        return term, end

    def term(self, data: bytes, at: int) -> tuple[Any, int]:
        """Return the term at `at`, without a version byte, and where it ends."""
        try:
            return read_term(self, data, at)
        except _BREACHES as breach:
            raise BadTerm(_why(breach)) from None

    def atom(self, text: bytes) -> Any:
        """Return the atom with this text in UTF-8."""
        try:
            return self._atoms[text]
        except KeyError:
            pass
        if len(self._atoms) >= _MOST_ATOMS:
            self._atoms = dict(self._special)
        characters = text.decode()
        if len(characters) > LONGEST_ATOM:
            raise BadTerm(f"an atom of {len(characters)} characters")
        atom = self._atoms[text] = Atom(characters)
        return atom


@twin
def read_term(reader: Reader, data: bytes, at: int) -> tuple[Any, int]:
    """Return the term at `at`, without a version byte, and where it ends."""
    return _READ[data[at]](reader, data, at + 1)


def _why(breach: Exception) -> str:
    if isinstance(breach, RecursionError):
        return "terms are nested too deeply"
    if isinstance(breach, UnicodeDecodeError):
        return "the text of an atom is not UTF-8"
    return "the bytes end in the middle of a term"


def _inflate(data: bytes, at: int) -> tuple[bytes, int]:
    try:
        (size,) = _U32(data, at)
        if size > LONGEST_INFLATED:
            raise BadTerm(f"a compressed term of {size} bytes, more than {LONGEST_INFLATED}")
        inflating = zlib.decompressobj()
        inflated = inflating.decompress(data[at + 4 :], size + 1)
    except (error, zlib.error) as exc:
        raise BadTerm(f"a compressed term can't be inflated: {exc}") from None
    if len(inflated) != size or not inflating.eof:
        raise BadTerm(f"a compressed term is not of {size} bytes, as it says")
    return inflated, len(data) - len(inflating.unused_data)


def _small_integer(reader: Reader, data: bytes, at: int) -> tuple[Any, int]:
    return data[at], at + 1


def _integer(reader: Reader, data: bytes, at: int) -> tuple[Any, int]:
    return _I32(data, at)[0], at + 4


def _big(data: bytes, at: int, size: int) -> tuple[Any, int]:
    end = at + 1 + size
    _check_end(data, end)
    sign = data[at]
    if sign > 1:
        raise BadTerm(f"{sign} as the sign of an integer")
    value = int.from_bytes(data[at + 1 : end], "little")
    return -value if sign else value, end


def _small_big(reader: Reader, data: bytes, at: int) -> tuple[Any, int]:
    return _big(data, at + 1, data[at])


def _large_big(reader: Reader, data: bytes, at: int) -> tuple[Any, int]:
    return _big(data, at + 4, _U32(data, at)[0])


def _float(reader: Reader, data: bytes, at: int) -> tuple[Any, int]:
    (value,) = _F64(data, at)
    if not isfinite(value):
        raise BadTerm("a float that is no number")
    return value, at + 8


def _old_float(reader: Reader, data: bytes, at: int) -> tuple[Any, int]:
    _check_end(data, at + 31)
    try:
        value = float(data[at : at + 31].rstrip(b"\0"))
    except ValueError:
        raise BadTerm("the text of a float is no number") from None
    if not isfinite(value):
        raise BadTerm("a float that is no number")
    return value, at + 31


def _small_atom(reader: Reader, data: bytes, at: int) -> tuple[Any, int]:
    start = at + 1
    end = start + data[at]
    text = data[start:end]
    if len(text) != end - start:
        _check_end(data, end)
    try:
        return reader._atoms[text], end
    except KeyError:
        return reader.atom(text), end


def _atom(reader: Reader, data: bytes, at: int) -> tuple[Any, int]:
    end = at + 2 + _U16(data, at)[0]
    _check_end(data, end)
    return reader.atom(data[at + 2 : end]), end


def _old_atom(reader: Reader, data: bytes, at: int) -> tuple[Any, int]:
    end = at + 2 + _U16(data, at)[0]
    _check_end(data, end)
    return reader.atom(data[at + 2 : end].decode("latin-1").encode()), end


def _small_old_atom(reader: Reader, data: bytes, at: int) -> tuple[Any, int]:
    end = at + 1 + data[at]
    _check_end(data, end)
    return reader.atom(data[at + 1 : end].decode("latin-1").encode()), end


def _cached_atom(reader: Reader, data: bytes, at: int) -> tuple[Any, int]:
    return reader.cached[data[at]], at + 1


def _items(reader: Reader, data: bytes, at: int, count: int) -> tuple[list[Any], int]:
    if count > len(data) - at:
        raise BadTerm(f"{count} elements in {len(data) - at} bytes")
    items: list[Any] = []
    add = items.append
    read = _READ
    for _ in range(count):
        item, at = read[data[at]](reader, data, at + 1)
        add(item)
    return items, at


def _small_tuple(reader: Reader, data: bytes, at: int) -> tuple[Any, int]:
    items, at = _items(reader, data, at + 1, data[at])
    return tuple(items), at


def _large_tuple(reader: Reader, data: bytes, at: int) -> tuple[Any, int]:
    items, at = _items(reader, data, at + 4, _U32(data, at)[0])
    return tuple(items), at


def _nil(reader: Reader, data: bytes, at: int) -> tuple[Any, int]:
    return [], at


def _string(reader: Reader, data: bytes, at: int) -> tuple[Any, int]:
    end = at + 2 + _U16(data, at)[0]
    _check_end(data, end)
    return list(data[at + 2 : end]), end


def _list(reader: Reader, data: bytes, at: int) -> tuple[Any, int]:
    items, at = _items(reader, data, at + 4, _U32(data, at)[0])
    if data[at] == _NIL:
        return items, at + 1
    tail, at = _READ[data[at]](reader, data, at + 1)
    return _with_tail(items, tail), at


def _with_tail(items: list[Any], tail: Any) -> Any:
    if type(tail) is list:
        return items + tail
    if type(tail) is ImproperList:
        return ImproperList((*items, *tail.items), tail.tail)
    return ImproperList(items, tail) if items else tail


def _binary(reader: Reader, data: bytes, at: int) -> tuple[Any, int]:
    start = at + 4
    end = start + _U32(data, at)[0]
    if end > len(data):
        _check_end(data, end)
    return data[start:end], end


def _bit_binary(reader: Reader, data: bytes, at: int) -> tuple[Any, int]:
    end = at + 5 + _U32(data, at)[0]
    _check_end(data, end)
    bits, body = data[at + 4], data[at + 5 : end]
    if not body or not 1 <= bits <= 8:
        raise BadTerm(f"{bits} bits in the last of {len(body)} bytes")
    # The bits that do not count are not always 0.
    last = body[-1] & (0xFF << (8 - bits)) & 0xFF
    body = body[:-1] + bytes((last,))
    return (body if bits == 8 else BitString(body, bits)), end


def _map(reader: Reader, data: bytes, at: int) -> tuple[Any, int]:
    (count,) = _U32(data, at)
    at += 4
    if count > (len(data) - at) // 2:
        raise BadTerm(f"{count} associations in {len(data) - at} bytes")
    pairs: list[tuple[Any, Any]] = []
    add = pairs.append
    read = _READ
    for _ in range(count):
        key, at = read[data[at]](reader, data, at + 1)
        value, at = read[data[at]](reader, data, at + 1)
        add((ListKey(key) if type(key) is list else key, value))
    try:
        found = dict(pairs)
    except TypeError:  # a key has no hash
        return PairsMap(pairs), at
    if len(found) != count:
        return PairsMap(pairs), at
    if reader.make_struct is not None and "__struct__" in found:
        return reader.make_struct(found), at
    return found, at


def _kin_text(reader: Reader, data: bytes, at: int) -> tuple[Any, int]:
    if not reader.kin:
        raise BadTerm(f"no term begins with the byte {KIN_TEXT}")
    body, end = _binary(reader, data, at)
    return str(body, "utf-8"), end


def _text(reader: Reader, data: bytes, at: int) -> tuple[str, int]:
    """Read an atom of which the characters are wanted, such as the name of a node."""
    atom, end = _READ[data[at]](reader, data, at + 1)
    if type(atom) is not Atom:
        for text, special in reader._special.items():
            if atom is special:
                return Atom(text.decode()), end
        raise BadTerm("a name that is no atom")
    return atom, end


def _small_int(reader: Reader, data: bytes, at: int) -> tuple[int, int]:
    value, end = _READ[data[at]](reader, data, at + 1)
    if type(value) is not int:
        raise BadTerm("a number that is no integer")
    return value, end


def _pid(reader: Reader, data: bytes, at: int) -> tuple[Any, int]:
    node, at = _text(reader, data, at)
    return reader.make_pid(node, *_PID(data, at)), at + 12


def _old_pid(reader: Reader, data: bytes, at: int) -> tuple[Any, int]:
    node, at = _text(reader, data, at)
    return reader.make_pid(node, *_OLD_PID(data, at)), at + 9


def _port(reader: Reader, data: bytes, at: int) -> tuple[Any, int]:
    node, at = _text(reader, data, at)
    return Port(node, *_PORT(data, at)), at + 8


def _old_port(reader: Reader, data: bytes, at: int) -> tuple[Any, int]:
    node, at = _text(reader, data, at)
    return Port(node, *_OLD_PORT(data, at)), at + 5


def _v4_port(reader: Reader, data: bytes, at: int) -> tuple[Any, int]:
    node, at = _text(reader, data, at)
    return Port(node, *_V4_PORT(data, at)), at + 12


def _words(data: bytes, at: int, count: int) -> tuple[int, ...]:
    if not 1 <= count <= _MOST_WORDS:
        raise BadTerm(f"a reference of {count} words")
    return tuple(_U32(data, at + 4 * index)[0] for index in range(count))


def _old_ref(reader: Reader, data: bytes, at: int) -> tuple[Any, int]:
    node, at = _text(reader, data, at)
    return reader.make_ref(node, data[at + 4], _words(data, at, 1)), at + 5


def _new_ref(reader: Reader, data: bytes, at: int) -> tuple[Any, int]:
    (count,) = _U16(data, at)
    node, at = _text(reader, data, at + 2)
    return reader.make_ref(node, data[at], _words(data, at + 1, count)), at + 1 + 4 * count


def _newer_ref(reader: Reader, data: bytes, at: int) -> tuple[Any, int]:
    (count,) = _U16(data, at)
    node, at = _text(reader, data, at + 2)
    (creation,) = _U32(data, at)
    return reader.make_ref(node, creation, _words(data, at + 4, count)), at + 4 + 4 * count


def _export(reader: Reader, data: bytes, at: int) -> tuple[Any, int]:
    module, at = _text(reader, data, at)
    function, at = _text(reader, data, at)
    arity, at = _small_int(reader, data, at)
    return Export(module, function, arity), at


def _fun(reader: Reader, data: bytes, at: int) -> tuple[Any, int]:
    size, arity, uniq, index, free = _FUN(data, at)
    end = at + size
    _check_end(data, end)
    module, at = _text(reader, data, at + 29)
    old_index, at = _small_int(reader, data, at)
    old_uniq, at = _small_int(reader, data, at)
    pid, at = _READ[data[at]](reader, data, at + 1)
    variables, at = _items(reader, data, at, free)
    if at != end:
        raise BadTerm("a fun is not of the size that it says")
    return Fun(module, arity, uniq, index, old_index, old_uniq, pid, tuple(variables)), end


def _check_end(data: bytes, end: int) -> None:
    if end > len(data):
        raise BadTerm("the bytes end in the middle of a term")


_Read = Callable[[Reader, bytes, int], tuple[Any, int]]


def _unknown(tag: int) -> _Read:
    def refuse(reader: Reader, data: bytes, at: int) -> tuple[Any, int]:
        raise BadTerm(f"no term begins with the byte {tag}")

    return refuse


_NIL: Final = 106

_READ: Final[list[_Read]] = [_unknown(tag) for tag in range(256)]
"""By the first byte of a term: the function that reads the rest."""

for _tag, _function in {
    70: _float,
    77: _bit_binary,
    82: _cached_atom,
    KIN_TEXT: _kin_text,
    88: _pid,
    89: _port,
    90: _newer_ref,
    97: _small_integer,
    98: _integer,
    99: _old_float,
    100: _old_atom,
    101: _old_ref,
    102: _old_port,
    103: _old_pid,
    104: _small_tuple,
    105: _large_tuple,
    _NIL: _nil,
    107: _string,
    108: _list,
    109: _binary,
    110: _small_big,
    111: _large_big,
    112: _fun,
    113: _export,
    114: _new_ref,
    115: _small_old_atom,
    116: _map,
    118: _atom,
    119: _small_atom,
    120: _v4_port,
}.items():
    _READ[_tag] = _function
