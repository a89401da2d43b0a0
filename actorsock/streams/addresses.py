"""What host names resolve to, and the arguments that say where to connect or listen."""

import socket as stdlib
from typing import Any, TypeAlias

import trio

from ..arguments import check_int

__all__ = ["Resolved", "check_port", "families_in_turn", "host_port", "resolve"]

Resolved: TypeAlias = tuple[stdlib.AddressFamily, stdlib.SocketKind, int, str, Any]
"""One result of `getaddrinfo`: family, type, protocol, canonical name, address."""


def check_port(port: object) -> None:
    """Raise `TypeError` or `ValueError` when `port` is none."""
    check_int("port", port, "a port 0..65535", 0, 2**16 - 1)


async def resolve(
    host: str | bytes | None, port: int, *, family: int = 0, flags: int = 0
) -> list[Resolved]:
    """What `host` stands for, of TCP; by trio, so that a resolver set there is asked."""
    return list(await trio.socket.getaddrinfo(host, port, family, stdlib.SOCK_STREAM, flags=flags))


def families_in_turn(targets: list[Resolved]) -> list[Resolved]:
    """The same, but the second is of another family than the first, if there is such a one.

    So that a family that does not work here costs one attempt. What comes first, and the order
    otherwise, is the resolver's decision.
    """
    for number, target in enumerate(targets):
        if target[0] != targets[0][0]:
            return [targets[0], target, *targets[1:number], *targets[number + 1 :]]
    return targets


def host_port(host: str | bytes, port: int) -> str:
    """How an address is written."""
    text = host if isinstance(host, str) else host.decode("ascii", "backslashreplace")
    return f"[{text}]:{port}" if ":" in text else f"{text}:{port}"
