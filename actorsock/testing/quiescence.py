"""Detecting that a runtime is at rest: every process waits, and no data is in transit.

"No trio task can run" covers tasks, and light processes and handlers too: as long as one of these
is ready, a task of the runtime runs. It does not cover bytes that one socket has sent and another
has not yet received: these are in the kernel, and no task runs meanwhile. So a runtime with
sockets has to fulfil two more conditions: nothing has become ready for some milliseconds of real
time, and the peers of all TCP connections have acknowledged what was sent to them.
"""

import time
from typing import Final

from trio.testing import wait_all_tasks_blocked

from ..results import Ok
from ..runtime.core.node import Node
from ..socket import TcpInfo, getopt
from ..socket.core.actor import SocketActor, actor_of
from ..socket.core.service import existing_service

__all__ = ["at_rest", "open_sockets"]

_QUIET: Final = 0.004
"""Seconds of real time without any readiness. The kernel passes data from socket to socket in
microseconds, unless the machine is busy."""
_LONGEST: Final = 1.0
"""Seconds of real time to wait for acknowledgements. A peer that has vanished never sends one."""


async def at_rest(node: Node) -> None:
    """Wait until every task and process waits, and nothing is in transit between sockets.

    Does not return while a process computes or sends without end.
    """
    await wait_all_tasks_blocked()
    if existing_service(node) is None:
        return
    give_up = time.monotonic() + _LONGEST
    # Twice: what becomes ready in the last moment of the first period starts new activity.
    await wait_all_tasks_blocked(_QUIET)
    await wait_all_tasks_blocked(_QUIET)
    while _unacknowledged(node) and time.monotonic() < give_up:
        await wait_all_tasks_blocked(_QUIET)


def open_sockets(node: Node) -> list[SocketActor]:
    """Return the actor of every open socket, including sockets that use no registry."""
    service = existing_service(node)
    return [] if service is None else [actor_of(sock) for sock in service.registry.kinds]


def _unacknowledged(node: Node) -> bool:
    return any(
        actor.kind.is_tcp and _waits_for_acknowledgement(actor) for actor in open_sockets(node)
    )


def _waits_for_acknowledgement(actor: SocketActor) -> bool:
    match getopt(actor.socket_object, "tcp", "info"):
        case Ok(TcpInfo(state=state, unacked=unacked)):
            # For a listening socket this field is the number of connections not yet accepted.
            return state != "listen" and unacked > 0
    return False  # the system has no such option
