"""Setting and getting the options that the operating system keeps."""

import socket as stdlib
from typing import Any, Final

from ...results import Error, Ok
from ...socket.kernel import libc
from ...socket.kernel.errors import error_of
from ...socket.options import find
from ..options.table import Kernel

__all__ = ["get_kernel_option", "get_raw", "set_kernel_option"]

_INT_SIZE: Final = 4
_CHANGES_PRIORITY: Final = {("ip", "tos"), ("ipv6", "tclass")}


def set_kernel_option(sock: stdlib.socket, option: Kernel, value: Any) -> Ok[None] | Error:
    """Set an option of the system."""
    found = find(option.level, option.name)
    if found.number is None or found.encode is None:
        return Error("einval")
    try:
        given = option.give(value)
        raw = given if option.native or isinstance(given, bytes) else found.encode(given)
        # Linux changes the priority with these; the option `priority` stays as it was.
        priority = None
        if (option.level, option.name) in _CHANGES_PRIORITY:
            priority = sock.getsockopt(stdlib.SOL_SOCKET, stdlib.SO_PRIORITY)
        sock.setsockopt(found.level_number, found.number, raw)
        if priority is not None:
            sock.setsockopt(stdlib.SOL_SOCKET, stdlib.SO_PRIORITY, priority)
    except (TypeError, ValueError):
        return Error("einval")
    except OSError as exc:
        return Ok() if option.tolerant else error_of(exc)
    return Ok()


def get_kernel_option(sock: stdlib.socket, family: int, option: Kernel) -> Ok[Any] | Error:
    """Read an option of the system."""
    found = find(option.level, option.name)
    if found.number is None:
        return Error("enoprotoopt")
    try:
        if option.native:
            return Ok(option.take(sock.getsockopt(found.level_number, found.number)))
        if found.decode is None:
            return Error("enoprotoopt")
        raw = libc.getsockopt(
            sock, family, found.level_number, found.number, found.size, found.request
        )
    except OSError as exc:
        return error_of(exc)
    return Ok(option.take(found.decode(raw)))


def get_raw(sock: stdlib.socket, level: int, name: int, size: int) -> bytes | None:
    """Read any option as bytes; None if the system refuses."""
    try:
        return sock.getsockopt(level, name, size) if size else b""
    except OSError:
        return None
