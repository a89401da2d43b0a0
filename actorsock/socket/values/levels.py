"""Levels by number: where an option or a control message belongs, as the kernel counts them."""

import socket
from typing import Final

from ...arguments import restated, shown
from .codecs import c_int
from .limits import INT_MAX
from .protocols import protocol_number

__all__ = ["native_int", "native_level"]

_LEVEL: Final = f'an integer up to {INT_MAX}, "socket" or the name of a protocol'


def native_level(level: object) -> int:
    """The number of a level: an integer as it is, `"socket"`, or any protocol name.

    Raises `TypeError` for another type and `ValueError` for an unknown name, for `"otp"`,
    which no kernel knows, and for an integer that does not fit a C int. Documented
    counterpart: the `Level` of `setopt_native` and `getopt_native`.
    """
    if not isinstance(level, str):
        return native_int("level", level, _LEVEL)
    number = socket.SOL_SOCKET if level == "socket" else protocol_number(level)
    if number is None:
        raise ValueError(f"level: {shown(level)} is unknown; accepted: {_LEVEL}")
    return number


def native_int(what: str, value: object, accepts: str) -> int:
    """`value` as a C int; what is raised calls it `what` and says what is accepted."""
    try:
        return c_int(value)
    except (TypeError, ValueError) as problem:
        text = f"{what}: {shown(value)}: {problem}; accepted: {accepts}"
        raise restated(problem, text) from None
