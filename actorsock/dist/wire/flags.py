"""The capabilities that nodes tell each other in the handshake.

One dialect: what OTP 25 and later all speak. Every flag of that is required of the other side too,
so that no older form of anything has to be known.
"""

from enum import IntFlag
from typing import Final

__all__ = ["REQUIRED", "Flag", "missing", "offered"]


class Flag(IntFlag):
    """The bits, with the names of the documentation without their `DFLAG_`."""

    PUBLISHED = 1 << 0
    EXTENDED_REFERENCES = 1 << 2
    DIST_MONITOR = 1 << 3
    FUN_TAGS = 1 << 4
    DIST_MONITOR_NAME = 1 << 5
    NEW_FUN_TAGS = 1 << 7
    EXTENDED_PIDS_PORTS = 1 << 8
    EXPORT_PTR_TAG = 1 << 9
    BIT_BINARIES = 1 << 10
    NEW_FLOATS = 1 << 11
    UNICODE_IO = 1 << 12
    DIST_HDR_ATOM_CACHE = 1 << 13
    SMALL_ATOM_TAGS = 1 << 14
    UTF8_ATOMS = 1 << 16
    MAP_TAG = 1 << 17
    BIG_CREATION = 1 << 18
    SEND_SENDER = 1 << 19
    EXIT_PAYLOAD = 1 << 22
    FRAGMENTS = 1 << 23
    HANDSHAKE_23 = 1 << 24
    UNLINK_ID = 1 << 25
    MANDATORY_25_DIGEST = 1 << 26
    SPAWN = 1 << 32
    V4_NC = 1 << 34
    ALIAS = 1 << 35


MANDATORY_OF_25: Final = (
    Flag.EXTENDED_REFERENCES
    | Flag.FUN_TAGS
    | Flag.EXTENDED_PIDS_PORTS
    | Flag.UTF8_ATOMS
    | Flag.NEW_FUN_TAGS
    | Flag.BIG_CREATION
    | Flag.NEW_FLOATS
    | Flag.MAP_TAG
    | Flag.EXPORT_PTR_TAG
    | Flag.BIT_BINARIES
    | Flag.HANDSHAKE_23
)
"""What `MANDATORY_25_DIGEST` stands for: OTP 25 may leave these out, and OTP 26 refuses without."""

REQUIRED: Final[dict[Flag, str]] = {
    Flag.DIST_MONITOR: "monitors of processes there",
    Flag.DIST_MONITOR_NAME: "monitors of names there",
    Flag.SEND_SENDER: "the only form of a message to a pid",
    Flag.EXIT_PAYLOAD: "exit reasons as data of their own",
    Flag.FRAGMENTS: "large messages in parts",
    Flag.UNLINK_ID: "unlink, without a lost exit signal; OTP 26 refuses nodes without",
    Flag.SPAWN: "spawn there, and with it rpc and erpc",
    Flag.V4_NC: "pids of 64 bits; OTP 26 refuses nodes without",
    Flag.ALIAS: "every answer to a call",
    **dict.fromkeys(MANDATORY_OF_25, "terms that every release since 23 writes"),
}
"""What the other node must be able to do, and what would break without it."""


def offered(hidden: bool) -> Flag:
    """Return the flags of this node."""
    flags = Flag.MANDATORY_25_DIGEST | Flag.UNICODE_IO | Flag.SMALL_ATOM_TAGS
    flags |= Flag.DIST_HDR_ATOM_CACHE
    for flag in REQUIRED:
        flags |= flag
    return flags if hidden else flags | Flag.PUBLISHED


def missing(flags: int) -> list[str]:
    """Return the names of required flags that `flags`, of the other node, lacks."""
    if flags & Flag.MANDATORY_25_DIGEST:
        flags |= MANDATORY_OF_25
    return [flag.name or "" for flag in REQUIRED if not flags & flag]
