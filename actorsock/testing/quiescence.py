"""Detecting that a runtime is at rest: every process waits, and no data is in transit.

"No trio task can run" covers tasks, and light processes and handlers too: as long as one of these
is ready, a task of the runtime runs. It does not cover bytes that one socket has sent and another
has not yet received: these are in the kernel, and no task runs meanwhile. So a runtime with
sockets has to fulfil two more conditions: nothing has become ready for some milliseconds of real
time, and the peers of all TCP connections have acknowledged what was sent to them.
"""

import socket as stdlib
from typing import Any, Final

from trio.testing import wait_all_tasks_blocked

from ..runtime.core.node import Node
from ..socket import TcpInfo
from ..socket.core.lifetime import SocketLifetime
from ..socket.core.service import existing_service
from ..socket.values.codecs import TCP_INFO

__all__ = ["at_rest", "open_sockets"]

_QUIET: Final = 0.004
"""Seconds of real time without any readiness. The kernel passes data from socket to socket in
microseconds, unless the machine is busy."""
_LOOKS: Final = 250
"""Looks without any activity, after which data that is not acknowledged is not waited for any more:
about a second, longer on a busy machine. A peer that has vanished never acknowledges."""


async def at_rest(node: Node) -> None:
    """Wait until every task and process waits, and nothing is in transit between sockets.

    Does not return while a process computes or sends without end.
    """
    await wait_all_tasks_blocked()
    if existing_service(node) is None:
        return
    done, arrived, looks = None, False, 0
    while True:
        await wait_all_tasks_blocked(_QUIET)
        done, before = _done(node), done
        if done != before:
            looks = 0
        # Everything had arrived at the look before, and no process has read anything since: none
        # waits for it. One look is not enough, because TCP acknowledges data before it reports the
        # socket as ready.
        elif arrived or looks == _LOOKS:
            return
        else:
            looks += 1
        arrived = not _unacknowledged(node)


def open_sockets(node: Node) -> list[SocketLifetime]:
    """Return the actor of every open socket: of all modules, and also if it uses no registry."""
    service = existing_service(node)
    return [] if service is None else service.registry.actors()


def _done(node: Node) -> dict[SocketLifetime, Any]:
    """Return what every open socket has done; that is equal while no socket does anything."""
    return {
        actor: (actor.counters.shown(), actor.work_done("read"), actor.work_done("write"))
        for actor in open_sockets(node)
    }


def _unacknowledged(node: Node) -> bool:
    return any(
        actor.kind.is_tcp and _waits_for_acknowledgement(actor) for actor in open_sockets(node)
    )


def _waits_for_acknowledgement(actor: SocketLifetime) -> bool:
    assert TCP_INFO.decode is not None
    try:
        data = actor.sock.getsockopt(stdlib.IPPROTO_TCP, stdlib.TCP_INFO, TCP_INFO.size)
        info = TCP_INFO.decode(data)
    except (AttributeError, OSError, ValueError):
        return False  # the system has no such option
    # For a listening socket this field is the number of connections not yet accepted.
    return isinstance(info, TcpInfo) and info.state != "listen" and info.unacked > 0
