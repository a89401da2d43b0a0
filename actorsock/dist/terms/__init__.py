"""Erlang's terms as Python values, and as bytes: the external term format.

Usable by itself, without a cluster: for files, and for sockets to a program that writes
`term_to_binary`.

Integers, floats, tuples, maps, lists and binaries are int, float, tuple, dict, list and bytes; a
str is written as a binary. An atom is an `Atom`, which equals its text, but `true`, `false` and
`undefined` are True, False and None. The other classes are for what Python has no value for.
"""

import zlib
from typing import Any, Literal

from ...arguments import check_word, shown
from .reading import Reader
from .values import (
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
    charlist,
    text,
)
from .writing import Writer

__all__ = [
    "Atom",
    "BadTerm",
    "BitString",
    "Export",
    "ExternalPid",
    "ExternalRef",
    "Fun",
    "ImproperList",
    "ListKey",
    "PairsMap",
    "Port",
    "charlist",
    "decode",
    "encode",
    "text",
]


def encode(
    term: Any,
    *,
    none: Literal["undefined", "nil"] = "undefined",
    text: Literal["binary", "atom"] = "binary",
    compressed: bool = False,
) -> bytes:
    """Return the bytes of a term. Erlang's `term_to_binary/1,2`.

    Args:
        term: a value of the types above.
        none: the atom for None; `"nil"` is Elixir's.
        text: what a plain str becomes. `"atom"` is for a program that never sends text of users:
            an Erlang node keeps every atom for ever.
        compressed: True compresses terms for which that makes the bytes fewer.

    Raises:
        TypeError: `term`, or a part of it, stands for no term: an object of another class, a float
            that is not finite, an atom that is too long.

    Example::

        terms.encode((Atom("add"), 5))
    """
    check_word("none", none, ("undefined", "nil"))
    check_word("text", text, ("binary", "atom"))
    data = Writer(none, text).versioned(term)
    if compressed:
        body = b"\x83P" + (len(data) - 1).to_bytes(4, "big") + zlib.compress(data[1:])
        return min(body, data, key=len)
    return data


def decode(data: bytes, *, none: Literal["undefined", "nil"] = "undefined") -> Any:
    """Return the term that `data` is. Erlang's `binary_to_term/1`, with limits.

    The bytes may come from anybody: no atom table fills, nothing is run, and a length that the
    bytes do not bear out is refused before anything is made. A compressed term has at most 64 MiB.

    Args:
        data: the bytes, which begin with 131.
        none: the atom that becomes None.

    Raises:
        BadTerm: `data` is no term, or exceeds a limit.
        TypeError: `data` is not bytes.

    Example::

        match terms.decode(data):
            case ("ok", bytes(name)): ...
    """
    check_word("none", none, ("undefined", "nil"))
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise TypeError(f"data: expected bytes, got {shown(data)}")
    return Reader(none).whole(bytes(data))
