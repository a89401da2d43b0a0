"""The words for domains and types of sockets, and the numbers of the operating system for them."""

import socket
from typing import Final, Literal

__all__ = [
    "DOMAINS",
    "DOMAIN_WORDS",
    "KNOWN_FAMILIES",
    "READ_TYPE_WORDS",
    "TYPES",
    "TYPE_WORDS",
    "Domain",
    "Type",
]

Domain = Literal["inet", "inet6", "local", "unspec"]
"""A family of addresses by name. Erlang's `domain()`."""

Type = Literal["stream", "dgram", "raw", "seqpacket"]
"""A type that sockets are opened with, by name. Erlang's `type()`."""

DOMAINS: Final[dict[Domain, int]] = {
    "inet": int(socket.AF_INET),
    "inet6": int(socket.AF_INET6),
    # A platform without local sockets has no AF_UNIX. It refuses the number 1 by itself, with
    # the same error as for any other family that it lacks.
    "local": int(getattr(socket, "AF_UNIX", 1)),
    "unspec": int(socket.AF_UNSPEC),
}
DOMAIN_WORDS: Final[dict[int, Domain]] = {number: word for word, number in DOMAINS.items()}

KNOWN_FAMILIES: Final = frozenset((DOMAINS["inet"], DOMAINS["inet6"], DOMAINS["local"]))
"""The families whose addresses the standard library reports without loss."""

TYPES: Final[dict[Type, int]] = {
    "stream": int(socket.SOCK_STREAM),
    "dgram": int(socket.SOCK_DGRAM),
    "raw": int(socket.SOCK_RAW),
    "seqpacket": int(socket.SOCK_SEQPACKET),
}
TYPE_WORDS: Final[dict[int, Type]] = {number: word for word, number in TYPES.items()}

READ_TYPE_WORDS: Final[dict[int, str]] = {**TYPE_WORDS, int(socket.SOCK_RDM): "rdm"}
"""The words for the values of the option `type`; `open` does not accept `"rdm"`."""
