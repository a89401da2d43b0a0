"""The kind of a socket: its domain, type and protocol, in words and in the system's numbers."""

import socket
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import attrs

from ...arguments import check_int, exact_str, shown
from .c_integers import INT_MAX, INT_MIN
from .families import DOMAIN_WORDS, DOMAINS, KNOWN_FAMILIES, TYPE_WORDS, TYPES, Domain, Type
from .protocols import ProtocolName, protocol_name
from .protocols import protocol_number as number_of_protocol

__all__ = [
    "Domain",
    "Protocol",
    "SocketKind",
    "Type",
    "domain_number",
    "kind_of",
    "protocol_number",
    "type_number",
]

Protocol: TypeAlias = Literal["default"] | ProtocolName | tuple[Literal["raw"], int]
"""A protocol by name, or by number as `("raw", number)`. Erlang's `protocol()`."""


def _is_stream(kind: "SocketKind") -> bool:
    return kind.type_number == socket.SOCK_STREAM


def _is_tcp(kind: "SocketKind") -> bool:
    return kind.is_stream and kind.family in (socket.AF_INET, socket.AF_INET6)


def _is_known(kind: "SocketKind") -> bool:
    return kind.family in KNOWN_FAMILIES


@attrs.frozen
class SocketKind:
    """Domain, type and protocol of one socket.

    Sockets work with the numbers, since a socket may have one that has no word. Results and
    `info` have the words.
    """

    family: int
    type_number: int
    protocol_number: int

    # Every operation reads these, so they are computed once: an attribute is cheaper than a
    # property.
    is_stream: bool = attrs.field(
        default=attrs.Factory(_is_stream, takes_self=True), init=False, repr=False
    )
    """True if the socket carries bytes without boundaries between messages."""
    is_tcp: bool = attrs.field(
        default=attrs.Factory(_is_tcp, takes_self=True), init=False, repr=False
    )
    """True if it is a stream over IPv4 or IPv6."""

    is_known: bool = attrs.field(
        default=attrs.Factory(_is_known, takes_self=True), init=False, repr=False
    )
    """True if the standard library reports addresses of its family without loss."""

    @property
    def domain(self) -> Domain | int:
        """`"inet"`, `"inet6"`, `"local"`, or the number of another family."""
        return DOMAIN_WORDS.get(self.family, self.family)

    @property
    def type(self) -> Type | int:
        """`"stream"`, `"dgram"`, `"raw"`, `"seqpacket"`, or the number of another type."""
        return TYPE_WORDS.get(self.type_number, self.type_number)

    @property
    def protocol(self) -> ProtocolName | int:
        """The protocol's name, or its number if it has none."""
        return protocol_name(self.protocol_number)


def kind_of(domain: object, type: object, protocol: object) -> SocketKind:
    """Return the kind for the arguments of `open`.

    Raises `TypeError` or `ValueError` with the argument, its value and what is accepted.
    """
    return SocketKind(domain_number(domain), type_number(type), protocol_number(protocol))


def domain_number(domain: object) -> int:
    """Return the system's number of a domain, given as a word or as that number."""
    return _number("domain", domain, DOMAINS)


def type_number(type: object) -> int:
    """Return the system's number of a socket type, given as a word or as that number."""
    return _number("type", type, TYPES)


def _number(argument: str, value: object, words: Mapping[Any, int]) -> int:
    accepted = f"one of {', '.join(map(repr, words))}, or the system's number"
    if isinstance(value, str):
        number = words.get(exact_str(value))
        if number is None:
            raise ValueError(f"{argument}: expected {accepted}, got {shown(value)}")
        return number
    return _c_int(argument, value, accepted)


def protocol_number(value: object) -> int:
    """Return the number of a protocol: 0 for `"default"`, by name, or as `("raw", number)`."""
    accepted = "'default', a protocol's name, its number, or ('raw', number)"
    if isinstance(value, str):
        number = 0 if value == "default" else number_of_protocol(value)
        if number is None:
            raise ValueError(f"protocol: expected {accepted}, got {shown(value)}")
        return number
    if isinstance(value, tuple) and len(value) == 2 and value[0] == "raw":
        value = value[1]
    return _c_int("protocol", value, accepted)


def _c_int(argument: str, value: object, accepted: str) -> int:
    return check_int(argument, value, accepted, INT_MIN, INT_MAX)
