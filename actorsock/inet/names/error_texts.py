"""`format_error`: the reason of an `Error` in words."""

import errno
import os
from typing import Final

from ...arguments import shown

__all__ = ["format_error"]

# Erlang's own words, and those of its texts for the errors of sockets that differ from the C
# library's.
_TEXTS: Final[dict[str, str]] = {
    "exbadport": "invalid port state",
    "exbadseq": "bad command sequence",
    "nxdomain": "non-existing domain",
    "system_limit": "a system limit was hit, probably not enough ports",
    "eaddrnotavail": "can't assign requested address",
    "eafnosupport": "address family not supported by protocol family",
    "ebadf": "bad file number",
    "ebusy": "file busy",
    "eexist": "file already exists",
    "efault": "bad address in system call argument",
    "ehostunreach": "host is unreachable",
    "eio": "I/O error",
    "eisconn": "socket is already connected",
    "eisdir": "illegal operation on a directory",
    "enfile": "file table overflow",
    "enomem": "not enough memory",
    "enoprotoopt": "bad protocol option",
    "enotconn": "socket is not connected",
    "enotty": "inappropriate device for ioctl",
    "eperm": "not owner",
    "eshutdown": "can't send after socket shutdown",
    "espipe": "invalid seek",
    "etoomanyrefs": "too many references: can't splice",
}


def format_error(reason: str) -> str:
    """Return the reason of an `Error` in words. Erlang's `inet:format_error/1`.

    Args:
        reason: a POSIX name in lower case, or one of "nxdomain", "exbadport", "exbadseq",
            "system_limit".

    Returns:
        The text; "unknown POSIX error: closed" for a word that is no error of the system.

    Raises:
        TypeError: `reason` is not a str.

    Example::

        format_error("econnrefused")  # "connection refused"
    """
    if not isinstance(reason, str):
        raise TypeError(f"reason: expected a str, got {shown(reason)}")
    if reason in _TEXTS:
        return _TEXTS[reason]
    number = getattr(errno, reason.upper(), None) if reason.islower() else None
    return f"unknown POSIX error: {reason}" if number is None else os.strerror(number).lower()
