"""The words for domains and types of sockets, and the numbers that the system has for them."""

import socket
from typing import Final, Literal

__all__ = [
    "DOMAINS",
    "DOMAIN_WORDS",
    "READ_TYPE_WORDS",
    "TYPES",
    "TYPE_WORDS",
    "Domain",
    "Type",
]

Domain = Literal["inet", "inet6", "local", "unspec"]
"""A family of addresses by name; the documented `domain()`."""

Type = Literal["stream", "dgram", "raw", "seqpacket"]
"""A type that sockets are opened with, by name; the documented `type()`."""

DOMAINS: Final[dict[Domain, int]] = {
    "inet": int(socket.AF_INET),
    "inet6": int(socket.AF_INET6),
    # A platform without local sockets has no number: the operating system refuses this one.
    "local": int(getattr(socket, "AF_UNIX", 1)),
    "unspec": int(socket.AF_UNSPEC),
}
DOMAIN_WORDS: Final = {number: word for word, number in DOMAINS.items()}

TYPES: Final[dict[Type, int]] = {
    "stream": int(socket.SOCK_STREAM),
    "dgram": int(socket.SOCK_DGRAM),
    "raw": int(socket.SOCK_RAW),
    "seqpacket": int(socket.SOCK_SEQPACKET),
}
TYPE_WORDS: Final = {number: word for word, number in TYPES.items()}

READ_TYPE_WORDS: Final[dict[int, str]] = {**TYPE_WORDS, int(socket.SOCK_RDM): "rdm"}
"""The words for the types that the option `type` may read; no socket is opened as `"rdm"`."""
