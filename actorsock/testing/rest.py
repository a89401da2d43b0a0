"""When a runtime is at rest: nothing goes on, and nothing is under way.

Everybody waits when no task can run: light processes and handlers count, for what is ready of
them keeps a task awake. But bytes that one socket has sent and the other does not yet have are
in the kernel, and nobody can be seen to wait for them. So with sockets there are two conditions
more: for some milliseconds of real time nothing has become ready, and the peers of all TCP
connections have acknowledged what was sent to them.
"""

import socket as stdlib
import time
from typing import Final

from trio.testing import wait_all_tasks_blocked

from ..runtime.node import Node
from .sockets import has_sockets, open_sockets

__all__ = ["at_rest"]

_QUIET: Final = 0.004
"""Seconds of real time; the kernel hands over what goes from socket to socket in microseconds,
unless it is busy."""
_LONGEST: Final = 1.0
"""Seconds of real time that are waited for an acknowledgement: a peer may have vanished."""

_TCP_LISTEN: Final = 10
_UNACKNOWLEDGED: Final = slice(24, 28)
"""Where Linux's `struct tcp_info` has tcpi_unacked."""


async def at_rest(node: Node) -> None:
    """Wait until every task and process waits, and nothing is on its way between sockets.

    A process that computes or sends for ever keeps it from ever returning.
    """
    await wait_all_tasks_blocked()
    if not has_sockets(node):
        return
    give_up = time.monotonic() + _LONGEST
    # Twice: readiness that is noticed in the last moment may have set something going.
    await wait_all_tasks_blocked(_QUIET)
    await wait_all_tasks_blocked(_QUIET)
    while _unacknowledged(node) and time.monotonic() < give_up:
        await wait_all_tasks_blocked(_QUIET)


def _unacknowledged(node: Node) -> bool:
    return any(
        actor.kind.protocol == "tcp" and _waits_for_acknowledgement(actor.sock)
        for actor in open_sockets(node)
    )


def _waits_for_acknowledgement(sock: stdlib.socket) -> bool:
    info = getattr(stdlib, "TCP_INFO", None)
    if info is None:
        return False
    try:
        raw = sock.getsockopt(stdlib.IPPROTO_TCP, info, _UNACKNOWLEDGED.stop)
    except OSError:
        return False
    # Of a listening socket the same field counts the connections that wait to be accepted.
    return raw[0] != _TCP_LISTEN and any(raw[_UNACKNOWLEDGED])
