"""Host names and ports: checking them, resolving them, showing them in messages."""

import socket as stdlib
from typing import Any, TypeAlias

import trio

from ..arguments import check_int

__all__ = ["Resolved", "check_port", "host_port", "resolve"]

Resolved: TypeAlias = tuple[stdlib.AddressFamily, stdlib.SocketKind, int, str, Any]
"""One result of `getaddrinfo`: family, type, protocol, canonical name, address."""


def check_port(port: object) -> None:
    """Raise `TypeError` or `ValueError` unless `port` is an int from 0 to 65535."""
    check_int("port", port, "a port 0..65535", 0, 2**16 - 1)


async def resolve(
    host: str | bytes | None, port: int, *, family: int = 0, flags: int = 0
) -> list[Resolved]:
    """Return the TCP addresses of `host`, in the resolver's order of preference.

    trio resolves, so that a resolver set with `trio.socket.set_custom_hostname_resolver` is used.
    """
    return list(await trio.socket.getaddrinfo(host, port, family, stdlib.SOCK_STREAM, flags=flags))


def host_port(host: str | bytes, port: int) -> str:
    """Return host and port as they are written in a URL: an IPv6 address in brackets."""
    text = host if isinstance(host, str) else host.decode("ascii", "backslashreplace")
    return f"[{text}]:{port}" if ":" in text else f"{text}:{port}"
