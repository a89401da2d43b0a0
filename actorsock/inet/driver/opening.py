"""Opening the descriptors of gen_tcp and gen_udp, and binding them as the options say."""

import os
import socket as stdlib
from typing import Any, Final

from ...results import Error, Ok
from ...socket.kernel.errors import error_of
from ...socket.kernel.namespaces import call_in_namespace
from ...socket.values.hosts import HOST_WORDS
from ...socket.values.kinds import SocketKind
from ..options.lists import OpeningOptions
from ..options.table import OPTIONS, Family, Transport
from .inet_actor import InetActor

__all__ = [
    "apply_options",
    "bind",
    "family_of_descriptor",
    "kind_of",
    "open_descriptor",
]

_FAMILIES: Final[dict[Family, int]] = {
    "inet": int(stdlib.AF_INET),
    "inet6": int(stdlib.AF_INET6),
    "local": int(getattr(stdlib, "AF_UNIX", -1)),
}
"""As plain integers, which the native core reads: those of the standard library are an enum."""
_TYPES: Final[dict[Transport, int]] = {"tcp": stdlib.SOCK_STREAM, "udp": stdlib.SOCK_DGRAM}
_PROTOCOLS: Final[dict[Transport, int]] = {"tcp": stdlib.IPPROTO_TCP, "udp": stdlib.IPPROTO_UDP}
_NOT_SET: Final = {"ip", "port", "fd", "backlog", "inet_backend", "netns", "active"}
"""Options that opening itself uses, or that come last."""


def kind_of(family: Family, transport: Transport) -> SocketKind:
    """Return the kind of such a socket."""
    protocol = 0 if family == "local" else _PROTOCOLS[transport]
    return SocketKind(_FAMILIES[family], _TYPES[transport], protocol)


def family_of_descriptor(fd: int) -> Ok[Family] | Error:
    """Return the family of an open socket; `"ebadf"`, `"enotsock"` or `"einval"` for others."""
    try:
        sock = stdlib.socket(fileno=fd)
    except OSError as exc:
        return error_of(exc)
    number = sock.family
    sock.detach()
    for family, each in _FAMILIES.items():
        if each == number:
            return Ok(family)
    return Error("einval")


def open_descriptor(kind: SocketKind, options: OpeningOptions) -> Ok[stdlib.socket] | Error:
    """Open a descriptor, or take the one of the option `fd`."""
    values = options.values
    try:
        if "fd" in values:
            os.fstat(values["fd"])
            sock = stdlib.socket(fileno=values["fd"])
            if sock.type != kind.type_number:
                sock.detach()
                return Error("einval")
        elif "netns" in values:
            sock = call_in_namespace(
                values["netns"], stdlib.socket, kind.family, kind.type_number, kind.protocol_number
            )
        else:
            sock = stdlib.socket(kind.family, kind.type_number, kind.protocol_number)
    except OSError as exc:
        return error_of(exc)
    sock.setblocking(False)
    return Ok(sock)


def apply_options(actor: InetActor, options: OpeningOptions) -> Ok[None] | Error:
    """Set the options that were given, but for the address and `active`."""
    if "fd" in options.values:
        actor.look_for_low_water_mark()
    for name, value in options.values.items():
        if name in _NOT_SET:
            if name == "netns":
                actor.values[name] = value
            continue
        result = actor.set_option(OPTIONS[name], value)
        if isinstance(result, Error):
            return result
    for option, value in options.repeated:
        result = actor.set_option(option, value)
        if isinstance(result, Error):
            return result
    return Ok()


def bind(actor: InetActor, options: OpeningOptions, port: int, always: bool) -> Ok[None] | Error:
    """Bind to the address and the port of the options; only if there are any, or `always`."""
    values, sock = options.values, actor.sock
    if "fd" in values or not (always or "ip" in values or "port" in values):
        return Ok()
    address: Any
    where = values.get("ip", "any")
    if actor.family == "local":
        if not isinstance(where, tuple):
            return Ok() if actor.transport == "udp" else Error("einval")
        address = where[1]
    else:
        words = HOST_WORDS[actor.kind.family]
        address = (words.get(where, where), values.get("port", port))
    try:
        sock.bind(address)
    except OSError as exc:
        if exc.errno is None:  # a path that is too long
            return Error("einval")
        return error_of(exc)
    actor.bound = True
    return Ok()
