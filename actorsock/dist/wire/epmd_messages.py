"""What is said to the Erlang port mapper daemon, epmd, which knows the ports of a host's nodes."""

from struct import Struct, error
from typing import Final

import attrs

__all__ = [
    "LONGEST_ANSWER",
    "Registration",
    "ask_names",
    "ask_port",
    "read_names",
    "read_port",
    "read_registered",
    "register",
]

LONGEST_ANSWER: Final = 1024 * 1024
"""Bytes of an answer, at most."""

_ALIVE: Final = Struct(">BHBBHHH")
_VERSION: Final = 6
"""The version of the handshake; older ones are not spoken."""
_NORMAL, _HIDDEN = 77, 72
_TCP: Final = 0


@attrs.frozen
class Registration:
    """A node as epmd knows it."""

    name: str
    port: int
    hidden: bool = False
    highest: int = _VERSION
    lowest: int = _VERSION


def _request(body: bytes) -> bytes:
    return len(body).to_bytes(2, "big") + body


def register(node: Registration) -> bytes:
    """Return the request that registers a node, for as long as its connection is open."""
    name = node.name.encode()
    kind = _HIDDEN if node.hidden else _NORMAL
    head = _ALIVE.pack(120, node.port, kind, _TCP, node.highest, node.lowest, len(name))
    return _request(head + name + b"\0\0")


def read_registered(data: bytes) -> int | None:
    """Return the creation that epmd has given; None if it refuses the name.

    Raises `IndexError` if the answer is not whole yet, and `ValueError` if it is none.
    """
    tag, result = data[0], data[1]
    size = {118: 4, 121: 2}.get(tag)
    if size is None:
        raise ValueError(f"epmd answers with {data[:20]!r}")
    if len(data) < 2 + size:
        raise IndexError
    return None if result else int.from_bytes(data[2 : 2 + size], "big")


def ask_port(name: str) -> bytes:
    """Return the request for the port of a node, whose name is without its host."""
    return _request(b"z" + name.encode())


def read_port(data: bytes) -> Registration | None:
    """Return what epmd knows of a node, from its whole answer; None if it knows none.

    Raises `ValueError` if it is no answer.
    """
    try:
        if data[0] != 119:
            raise ValueError(f"epmd answers with {data[:20]!r}")
        if data[1]:
            return None
        port, kind, _, highest, lowest, length = Struct(">HBBHHH").unpack_from(data, 2)
    except (IndexError, error):
        raise ValueError("the answer of epmd is not whole") from None
    name = data[12 : 12 + length].decode(errors="replace")
    return Registration(name, port, kind == _HIDDEN, highest, lowest)


def ask_names() -> bytes:
    """Return the request for the names of all nodes of the host."""
    return _request(b"n")


def read_names(data: bytes) -> dict[str, int]:
    """Return the port of each node of the host."""
    names = {}
    for line in data[4:].decode(errors="replace").splitlines():
        word, name, at, port_word, port = (line.split() + [""] * 5)[:5]
        if (word, at, port_word) == ("name", "at", "port") and port.isdigit():
            names[name] = int(port)
    return names
