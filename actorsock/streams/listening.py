"""Listening for TCP connections, on every address that a name stands for."""

import errno
import socket as stdlib
from functools import partial
from math import inf
from typing import Final

from trio.lowlevel import enable_ki_protection

from ..arguments import check_int, shown
from ..results import Error
from ..runtime.bodies.in_trio import in_trio
from ..socket import bind, listen, setopt
from ..socket import open as open_socket
from ..socket.core.actor import actor_of
from .addresses import check_port, resolve
from .os_errors import os_error, value_of
from .socket_listener import SocketListener

__all__ = ["check_backlog", "open_tcp_listeners"]

# Systems cut what is above their own limit; some keep it in 16 bits.
_MOST: Final = 0xFFFF


@enable_ki_protection
async def open_tcp_listeners(
    port: int, *, host: str | bytes | None = None, backlog: int | None = None
) -> list[SocketListener]:
    """Listen on `port`; one listener, owned by the caller, for each address of `host`.

    `host` is a name or an address of this machine; None is every address, IPv4 and IPv6. With
    `port` 0 the system chooses, for each listener another one. `backlog` is how many connections
    may wait to be accepted; None is as many as the system allows.

    `OSError` with the system's reason, such as `errno.EADDRINUSE`, or when the name can't be
    resolved. `trio.open_tcp_listeners`.
    """
    check_port(port)
    waiting = check_backlog(backlog)
    found = await in_trio(partial(resolve, host, port, flags=stdlib.AI_PASSIVE))
    listeners: list[SocketListener] = []
    lacking: list[OSError] = []
    try:
        for family, kind, protocol, _, address in found:
            opened = open_socket(family, kind, protocol)
            if opened == Error("eafnosupport"):
                # A name may stand for addresses of a family that this system lacks.
                lacking.append(os_error("eafnosupport"))
                continue
            sock = value_of(opened)
            try:
                value_of(setopt(sock, "socket", "reuseaddr", True))
                if family == stdlib.AF_INET6:
                    value_of(setopt(sock, "ipv6", "v6only", True))
                value_of(bind(sock, address))
                value_of(listen(sock, waiting))
                listeners.append(SocketListener(sock))
            except BaseException:
                actor_of(sock).close_now()
                raise
    except BaseException:
        for listener in listeners:
            actor_of(listener.socket).close_now()
        raise
    if lacking and not listeners:
        message = f"this system supports no address family of {shown(host)}"
        raise OSError(errno.EAFNOSUPPORT, message) from ExceptionGroup(message, lacking)
    return listeners


def check_backlog(backlog: int | None) -> int:
    """What to listen with; raises `TypeError`."""
    if backlog is None:
        return _MOST
    return min(check_int("backlog", backlog, "an int or None", -inf), _MOST)
