"""Erlang's terms that Python has no value for."""

from collections.abc import Iterable
from typing import Any, final

import attrs

from ...arguments import check_int, shown

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
    "text",
]

LONGEST_ATOM = 255
"""Characters of an atom, at most."""

KIN_TEXT = 84
"""The first byte of a str between two nodes of this library; no term of Erlang begins with it.

What follows is that of a binary. It is never sent to another node, which would end the connection.
"""


def _tuple(items: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(items)


class BadTerm(ValueError):
    """Raised by `decode`: the bytes are no Erlang term, or exceed a limit."""


@final
class Atom(str):
    """An atom. It equals the plain string of its characters, so that `match` and `==` take one.

    Received atoms are of this class, except for `true`, `false` and `undefined`. A plain string is
    sent as a binary: write `Atom("get")` for an atom. A node never forgets an atom that it has
    seen, and 1,048,576 of them end it: never make atoms of what users write.

    Example::

        send(("counter", "shop@host"), (Atom("add"), 5))
        match await receive():
            case ("total", int(total)): ...  # {total, 5}
    """

    __slots__ = ()

    def __new__(cls, text: str) -> "Atom":
        if not issubclass(type(text), str):
            raise TypeError(f"text: expected a str, got {shown(text)}")
        if len(text) > LONGEST_ATOM:
            raise ValueError(f"text: an atom has at most {LONGEST_ATOM} characters: {shown(text)}")
        return str.__new__(cls, text)

    def __repr__(self) -> str:
        return f"Atom({str.__repr__(self)})"


def _not_empty(instance: object, attribute: object, items: tuple[Any, ...]) -> None:
    if not items:
        raise ValueError("items: expected at least one: without any, the term is the tail")


@attrs.frozen
class ImproperList:
    """A list whose last tail is not `[]`. Erlang's `[1, 2 | Tail]`."""

    items: tuple[Any, ...] = attrs.field(converter=_tuple, validator=_not_empty)
    """The elements before the tail; at least one."""
    tail: Any


@attrs.frozen
class BitString:
    """A binary whose last byte is not whole: `<<1, 5:3>>` is `BitString(b"\\x01\\xa0", 3)`."""

    data: bytes
    """The bytes; of the last one only the first bits count."""
    bits: int
    """The number of these bits, from 1 to 8."""

    def __attrs_post_init__(self) -> None:
        check_int("bits", self.bits, "from 1 to 8", 1, 8)
        if not issubclass(type(self.data), bytes) or not self.data:
            raise ValueError(f"data: expected at least one byte, got {shown(self.data)}")


@attrs.frozen
class Export:
    """A function known by its name. Erlang's `fun Module:Function/Arity`."""

    module: str
    function: str
    arity: int


@attrs.frozen
class Port:
    """The identifier of a port of a node: it can be compared and passed on."""

    node: str
    id: int
    creation: int


@attrs.frozen
class ExternalPid:
    """A pid as it stands in the bytes of a term. Between nodes, `Pid` objects take its place."""

    node: str
    id: int
    serial: int
    creation: int


@attrs.frozen
class ExternalRef:
    """A reference as it stands in the bytes of a term; `words` are its numbers, least first."""

    node: str
    creation: int
    words: tuple[int, ...]


@attrs.frozen
class Fun:
    """A fun with code of its module: it can be compared and passed on, not called."""

    module: str
    arity: int
    uniq: bytes
    index: int
    old_index: int
    old_uniq: int
    pid: Any
    free: tuple[Any, ...]


class ListKey(tuple[Any, ...]):
    """A list as the key of a map: Python's lists can't be keys. It is sent as a list."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"ListKey({tuple.__repr__(self)})"


@attrs.frozen
class PairsMap:
    """A map that a dict can't hold: one with the keys 1 and 1.0, or with a map as a key."""

    pairs: tuple[tuple[Any, Any], ...] = attrs.field(converter=_tuple)
    """The associations, in the order in which they were received."""


def charlist(text: str) -> list[int]:
    """Return what Erlang writes as `"text"`: a list of code points, where it wants no binary."""
    if not issubclass(type(text), str):
        raise TypeError(f"text: expected a str, got {shown(text)}")
    return list(map(ord, text))


def text(term: Iterable[int] | bytes) -> str:
    """Return the text of a binary in UTF-8, or of a list of code points.

    Raises:
        ValueError: `term` is no such text.
        TypeError: `term` is neither bytes nor a list.
    """
    if isinstance(term, bytes):
        return term.decode()
    if not isinstance(term, list):
        raise TypeError(f"term: expected bytes or a list of code points, got {shown(term)}")
    try:
        return "".join(map(chr, term))
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"term: not a list of code points: {shown(term)}") from None
