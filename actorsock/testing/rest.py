"""When a runtime is at rest: nothing goes on, and nothing is under way.

Everybody waits when no task can run: light processes and handlers count, for what is ready of
them keeps a task awake. But bytes that one socket has sent and the other does not yet have are
in the kernel, and nobody can be seen to wait for them. So with sockets there are two conditions
more: for some milliseconds of real time nothing has become ready, and the peers of all TCP
connections have acknowledged what was sent to them.
"""

import time
from typing import Final

from trio.testing import wait_all_tasks_blocked

from ..results import Ok
from ..runtime.core.node import Node
from ..socket import TcpInfo, getopt
from ..socket.core.actor import SocketActor
from ..socket.core.service import existing_service
from .sockets import open_sockets

__all__ = ["at_rest"]

_QUIET: Final = 0.004
"""Seconds of real time; the kernel hands over what goes from socket to socket in microseconds,
unless it is busy."""
_LONGEST: Final = 1.0
"""Seconds of real time that are waited for an acknowledgement: a peer may have vanished."""


async def at_rest(node: Node) -> None:
    """Wait until every task and process waits, and nothing is on its way between sockets.

    A process that computes or sends for ever keeps it from ever returning.
    """
    await wait_all_tasks_blocked()
    if existing_service(node) is None:
        return
    give_up = time.monotonic() + _LONGEST
    # Twice: readiness that is noticed in the last moment may have set something going.
    await wait_all_tasks_blocked(_QUIET)
    await wait_all_tasks_blocked(_QUIET)
    while _unacknowledged(node) and time.monotonic() < give_up:
        await wait_all_tasks_blocked(_QUIET)


def _unacknowledged(node: Node) -> bool:
    return any(
        actor.kind.is_tcp and _waits_for_acknowledgement(actor) for actor in open_sockets(node)
    )


def _waits_for_acknowledgement(actor: SocketActor) -> bool:
    match getopt(actor.socket_object, "tcp", "info"):
        case Ok(TcpInfo(state=state, unacked=unacked)):
            # Of a listening socket the same field counts the connections that wait to be accepted.
            return state != "listen" and unacked > 0
    return False  # a system that does not tell
