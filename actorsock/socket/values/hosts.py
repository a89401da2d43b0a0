"""IP addresses as callers give them: text, words, objects and integers to one canonical text.

Host names are not accepted: a look-up may block, and this module does no input or output.
"""

import socket
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Final, TypeAlias

from ...arguments import restated, shown

__all__ = ["HOST_FORMS", "HOST_WORDS", "In6Addr", "InAddr", "host", "named_host"]

InAddr: TypeAlias = str | IPv4Address | tuple[int, int, int, int]
"""An IPv4 address: numeric text, `"any"`, `"loopback"`, `"broadcast"`, an `IPv4Address`, or the
tuple of 4 integers that Erlang has."""

In6Addr: TypeAlias = str | IPv6Address | tuple[int, int, int, int, int, int, int, int]
"""An IPv6 address: numeric text, `"any"`, `"loopback"`, an `IPv6Address`, or the
tuple of 8 integers that Erlang has."""

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
"""The values that `host` accepts in each family, in words."""


def host(family: int, value: object) -> str:
    """Return an address of `family` (`AF_INET` or `AF_INET6`) as numeric text, in one spelling.

    The error text says what is wrong; the caller adds the value and what is accepted.

    Raises:
        TypeError: `value` has another type, or is a tuple of other things than integers.
        ValueError: the text or the integers are not an address of the family, or an IPv6
            address has a zone (`%eth0`).
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
    """Do the same as `host`; the error text has `name`, the value and what is accepted."""
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


# A server meets the same few addresses again and again; two C calls and a decode are saved.
@lru_cache(maxsize=4096)
def _canonical(family: int, text: str) -> str:
    """Return a word or a numeric address in the spelling of the operating system."""
    words = HOST_WORDS[family]
    if text in words:
        return words[text]
    if "%" in text:  # some systems would ignore the zone without an error
        raise ValueError("the zone after '%' is given apart, as a number (scope_id or interface)")
    try:
        return socket.inet_ntop(family, socket.inet_pton(family, text))
    except (OSError, ValueError):
        raise ValueError(
            "names are not looked up: resolve them first, as with trio.socket.getaddrinfo"
        ) from None
