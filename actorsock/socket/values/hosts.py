"""IP addresses as callers give them: text, words, objects and integers to one canonical text.

Responsible for which forms there are, and for saying so where something else was given. Names
are never looked up.
"""

import socket
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Final, TypeAlias

from ...arguments import restated, shown

__all__ = ["HOST_FORMS", "HOST_WORDS", "In6Addr", "InAddr", "host", "named_host"]

InAddr: TypeAlias = str | IPv4Address | tuple[int, int, int, int]
"""An IPv4 address: numeric text, `"any"`, `"loopback"`, `"broadcast"`, an `IPv4Address`, or the
documented tuple of 4 integers."""

In6Addr: TypeAlias = str | IPv6Address | tuple[int, int, int, int, int, int, int, int]
"""An IPv6 address: numeric text, `"any"`, `"loopback"`, an `IPv6Address`, or the documented
tuple of 8 integers."""

HOST_WORDS: Final[dict[int, dict[str, str]]] = {
    socket.AF_INET: {"any": "0.0.0.0", "loopback": "127.0.0.1", "broadcast": "255.255.255.255"},
    socket.AF_INET6: {"any": "::", "loopback": "::1"},
}
"""The words of each family, and the addresses that they stand for."""

HOST_FORMS: Final[dict[int, str]] = {
    socket.AF_INET: "an IPv4 address (numeric text, IPv4Address, 4 integers 0..255) or one of "
    + ", ".join(HOST_WORDS[socket.AF_INET]),
    socket.AF_INET6: "an IPv6 address (numeric text, IPv6Address, 8 integers 0..65535) or one of "
    + ", ".join(HOST_WORDS[socket.AF_INET6]),
}
"""What `host` takes in each family, in words."""


def host(family: int, value: object) -> str:
    """The numeric text of an address of `family` (`AF_INET` or `AF_INET6`), in one spelling.

    Raises `TypeError` for a value of another type, and `ValueError` for text or integers that
    are no address of the family; the zone of an IPv6 address has no place in it. What is raised
    tells what is wrong, but neither the value nor what is accepted.
    """
    if isinstance(value, str):
        return _canonical(family, value)
    if isinstance(value, _OBJECTS[family]):
        return _canonical(family, str(value))
    if not isinstance(value, tuple):
        raise TypeError("it has another type")
    if not all(type(part) is int for part in value):
        raise TypeError("it holds something else than integers")
    size, high = _PARTS[family]
    if len(value) != size or not all(0 <= part <= high for part in value):
        raise ValueError(f"it is not {size} integers 0..{high}")
    if family == socket.AF_INET:
        return ".".join(map(str, value))
    return _canonical(family, ":".join(f"{part:x}" for part in value))


def named_host(name: str, family: int, value: object) -> str:
    """`host`, where what is raised calls the value `name` and tells what is accepted."""
    try:
        return host(family, value)
    except (TypeError, ValueError) as problem:
        text = f"{name} must be {HOST_FORMS[family]}, got {shown(value)}: {problem}"
        raise restated(problem, text) from None


_OBJECTS: Final[dict[int, type[IPv4Address | IPv6Address]]] = {
    socket.AF_INET: IPv4Address,
    socket.AF_INET6: IPv6Address,
}
_PARTS: Final[dict[int, tuple[int, int]]] = {
    socket.AF_INET: (4, 0xFF),
    socket.AF_INET6: (8, 0xFFFF),
}


@lru_cache(maxsize=4096)
def _canonical(family: int, text: str) -> str:
    """`text`, a word or a numeric address, as the operating system would spell it."""
    words = HOST_WORDS[family]
    if text in words:
        return words[text]
    if "%" in text:  # of which some systems would take no notice
        raise ValueError("the zone after '%' is given apart, as a number (scope_id or interface)")
    try:
        return socket.inet_ntop(family, socket.inet_pton(family, text))
    except (OSError, ValueError):
        raise ValueError(
            "names are not looked up: resolve them first, as with trio.socket.getaddrinfo"
        ) from None
