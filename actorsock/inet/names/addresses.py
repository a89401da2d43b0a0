"""Addresses as text: the forms that Erlang's `inet` reads and writes. Names are never looked up.

An address is its numeric text in one spelling, as in the records of `actorsock.socket`, so that
two equal addresses are equal strings.
"""

import re
import socket
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final, TypeAlias

from ...arguments import shown
from ...results import Error, Ok
from ...socket.values.hosts import host

__all__ = [
    "ipv4_mapped_ipv6_address",
    "is_ip_address",
    "is_ipv4_address",
    "is_ipv6_address",
    "ntoa",
    "parse_address",
    "parse_ipv4_address",
    "parse_ipv4strict_address",
    "parse_ipv6_address",
    "parse_ipv6strict_address",
    "parse_strict_address",
]

Parsed: TypeAlias = Ok[str] | Error


def parse_address(text: str) -> Parsed:
    """Read an IPv4 or IPv6 address, also a short one of IPv4. Erlang's `inet:parse_address/1`.

    Args:
        text: an address; "127.1", "0x7f.1" and "1" are addresses of IPv4.

    Returns:
        `Ok(address)`, the address in its usual spelling, or `Error("einval")`. The zone of a
        link-local address ("fe80::1%eth0") is dropped.

    Raises:
        TypeError: `text` is not a str.

    Example::

        ok(parse_address("127.1"))  # "127.0.0.1"
        ok(parse_address("FE80::0001%eth0"))  # "fe80::1"
    """
    return _parsed(text, _ipv4, _ipv6)


def parse_strict_address(text: str) -> Parsed:
    """Read an IPv4 or IPv6 address, IPv4 with all its numbers. `inet:parse_strict_address/1`.

    As `parse_address`, but an address of IPv4 is four decimal numbers.
    """
    return _parsed(text, _strict_ipv4, _ipv6)


def parse_ipv4_address(text: str) -> Parsed:
    """Read an IPv4 address, also a short one. Erlang's `inet:parse_ipv4_address/1`.

    As `parse_address` for IPv4 alone. A part may be decimal, octal ("017") or hexadecimal
    ("0x0f"); the last of fewer than four parts fills the bytes that are left.
    """
    return _parsed(text, _ipv4)


def parse_ipv4strict_address(text: str) -> Parsed:
    """Read an IPv4 address of four decimal numbers. Erlang's `inet:parse_ipv4strict_address/1`.

    As `parse_strict_address` for IPv4 alone.
    """
    return _parsed(text, _strict_ipv4)


def parse_ipv6_address(text: str) -> Parsed:
    """Read an IPv6 address; one of IPv4 is mapped. Erlang's `inet:parse_ipv6_address/1`.

    As `parse_address`, but the result is always an address of IPv6.

    Example::

        ok(parse_ipv6_address("127.1"))  # "::ffff:127.0.0.1"
    """
    return _parsed(text, _ipv6, _mapped)


def parse_ipv6strict_address(text: str) -> Parsed:
    """Read an IPv6 address, none of IPv4. Erlang's `inet:parse_ipv6strict_address/1`.

    As `parse_address` for IPv6 alone.
    """
    return _parsed(text, _ipv6)


def ntoa(address: Any) -> Parsed:
    """Return the text of an address. Erlang's `inet:ntoa/1`.

    Args:
        address: text, an `ipaddress` object, or a tuple of 4 or 8 integers.

    Returns:
        `Ok(text)`; `Error("einval")` for anything else. As in Erlang, an address of IPv6 whose
        first six parts are 0 ends like one of IPv4: "::0.0.0.2", but "::" and "::1".

    Example::

        ok(ntoa((0, 0, 0, 0, 0, 0xFFFF, 0x7F00, 1)))  # "::ffff:127.0.0.1"
    """
    known = _known(address)
    if known is None:
        return Error("einval")
    if ":" in known and known not in ("::", "::1"):
        packed = socket.inet_pton(socket.AF_INET6, known)
        if not any(packed[:12]):
            return Ok("::" + socket.inet_ntoa(packed[12:]))
    return Ok(known)


def ipv4_mapped_ipv6_address(address: Any) -> str:
    """Turn an address of IPv4 into one of IPv6, and back. `inet:ipv4_mapped_ipv6_address/1`.

    Args:
        address: as for `ntoa`.

    Returns:
        The text of the other address. Of any address of IPv6, mapped or not, it has the last four
        bytes.

    Raises:
        ValueError: `address` is none.

    Example::

        ipv4_mapped_ipv6_address("127.0.0.1")  # "::ffff:127.0.0.1"
        ipv4_mapped_ipv6_address("::ffff:127.0.0.1")  # "127.0.0.1"
    """
    known = _known(address)
    if known is None:
        raise ValueError(f"address: expected an IP address, got {shown(address)}")
    if ":" in known:
        return socket.inet_ntoa(socket.inet_pton(socket.AF_INET6, known)[12:])
    return "::ffff:" + known


def is_ipv4_address(address: object) -> bool:
    """Tell if `address` is one of IPv4, in a form that `ntoa` takes. `inet:is_ipv4_address/1`."""
    known = _known(address)
    return known is not None and ":" not in known


def is_ipv6_address(address: object) -> bool:
    """Tell if `address` is one of IPv6, in a form that `ntoa` takes. `inet:is_ipv6_address/1`."""
    known = _known(address)
    return known is not None and ":" in known


def is_ip_address(address: object) -> bool:
    """Tell if `address` is one, in a form that `ntoa` takes. Erlang's `inet:is_ip_address/1`."""
    return _known(address) is not None


def _known(address: object) -> str | None:
    if isinstance(address, str):
        try:
            address = ip_address(address)
        except ValueError:
            return None  # neither a word such as "any" nor a short form of IPv4
    if isinstance(address, IPv4Address) or (isinstance(address, tuple) and len(address) == 4):
        family = socket.AF_INET
    elif isinstance(address, IPv6Address | tuple):
        family = socket.AF_INET6
    else:
        return None
    try:
        return host(family, address)
    except (TypeError, ValueError):
        return None


def _parsed(text: str, *readers: Callable[[str], str | None]) -> Parsed:
    if not isinstance(text, str):
        raise TypeError(f"text: expected a str, got {shown(text)}")
    for read in readers:
        address = read(text)
        if address is not None:
            return Ok(address)
    return Error("einval")


# Parts as Erlang takes them: after a plus sign a number is decimal whatever zeros it begins with,
# and a hexadecimal number is not 0.
_STRICT_PART: Final = r"(?:\+[0-9]+|0|[1-9][0-9]*)"
_PART: Final = r"(?:\+?[0-9]+|0[xX][0-9a-fA-F]*[1-9a-fA-F][0-9a-fA-F]*)"
_STRICT: Final = re.compile(rf"{_STRICT_PART}(?:\.{_STRICT_PART}){{3}}")
_PARTS: Final = re.compile(rf"{_PART}(?:\.{_PART}){{0,3}}")


def _strict_ipv4(text: str) -> str | None:
    return _ipv4(text) if _STRICT.fullmatch(text) else None


def _ipv4(text: str) -> str | None:
    if not _PARTS.fullmatch(text):
        return None
    try:
        *leading, last = map(_number, text.split("."))
    except ValueError:  # an octal number with the digit 8 or 9
        return None
    if any(part > 255 for part in leading) or last >= 1 << 8 * (4 - len(leading)):
        return None
    return socket.inet_ntoa(bytes(leading) + last.to_bytes(4 - len(leading), "big"))


def _number(part: str) -> int:
    if len(part) > 30:
        raise ValueError  # no address needs so many digits
    if part[:2] in ("0x", "0X"):
        return int(part, 16)
    return int(part, 8 if part[0] == "0" else 10)


def _mapped(text: str) -> str | None:
    address = _ipv4(text)
    return None if address is None else "::ffff:" + address


_LINK_LOCAL: Final = (b"\xfe\x80\0\0", b"\xff\x02\0\0")


def _ipv6(text: str) -> str | None:
    numbers, percent, _ = text.partition("%")
    try:
        packed = socket.inet_pton(socket.AF_INET6, numbers)
    except (OSError, ValueError):
        return None
    if percent and not packed.startswith(_LINK_LOCAL):  # no other address has a zone
        return None
    return socket.inet_ntop(socket.AF_INET6, packed)
