"""The addresses that gen_tcp connects to and gen_udp sends to, in the forms that programs give."""

import os
from collections.abc import Mapping
from typing import Any

import attrs

from ...arguments import shown
from ...socket.values.address import SockAddr, SockAddrIn, SockAddrIn6, SockAddrUn, parse
from ..options.table import Family

__all__ = ["Known", "endpoint"]


@attrs.frozen
class Known:
    """An address that need not be looked up.

    Attributes:
        family: its family.
        address: the address in the standard library's form.
    """

    family: Family
    address: Any


def endpoint(given: Any, port: Any = None) -> Known | None:
    """Return a socket address or a local one; None for what is a host.

    Args:
        given: a `SockAddr...` record or its dict, or `("local", path)`; or anything else.
        port: the port that is given with it; a socket address has its own.

    Raises:
        TypeError, ValueError: the address is wrong, or has a port too many.
    """
    if isinstance(given, SockAddr | Mapping):
        if port is not None:
            raise TypeError("port: a socket address has it already")
        match parse("inet", dict(given) if isinstance(given, Mapping) else given):
            case SockAddrIn(host, number):
                return Known("inet", (host, number))
            case SockAddrIn6(host, number, flow, scope):
                return Known("inet6", (host, number, flow, scope))
            case SockAddrUn(path):
                return Known("local", os.fsdecode(path))
        raise ValueError(f"address: no such family: {shown(given)}")
    match given:
        case ("local", path):
            if port not in (0, None):
                raise ValueError(f"port: expected 0 for a local address, got {shown(port)}")
            return Known("local", os.fsdecode(path))
    return None
