"""The words for domains and types of sockets, and the numbers that the system has for them."""

import socket
from typing import Final

__all__ = ["ALL_TYPES", "DOMAINS", "DOMAIN_WORDS", "TYPES", "TYPE_WORDS"]

DOMAINS: Final[dict[str, int]] = {
    "inet": int(socket.AF_INET),
    "inet6": int(socket.AF_INET6),
    # A platform without local sockets has no number: the operating system refuses this one.
    "local": int(getattr(socket, "AF_UNIX", 1)),
    "unspec": int(socket.AF_UNSPEC),
}
DOMAIN_WORDS: Final = {number: word for word, number in DOMAINS.items()}

ALL_TYPES: Final[dict[str, int]] = {
    "stream": int(socket.SOCK_STREAM),
    "dgram": int(socket.SOCK_DGRAM),
    "raw": int(socket.SOCK_RAW),
    "rdm": int(socket.SOCK_RDM),
    "seqpacket": int(socket.SOCK_SEQPACKET),
}
"""The types that the option `type` may read."""

TYPES: Final = {word: number for word, number in ALL_TYPES.items() if word != "rdm"}
"""The types that sockets are opened with: `"rdm"` is a word for what is read only."""

TYPE_WORDS: Final = {number: word for word, number in TYPES.items()}
