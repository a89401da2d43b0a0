"""The processes and open sockets that a test has left behind, and their lines in a report.

A task in one of trio's nurseries is never a leftover, even if it has become a process: the nursery
waits for it. A socket that such a task owns and has not closed is one.
"""

import socket as stdlib
from collections.abc import Container, Iterator
from typing import Final

import attrs
import trio

from ..runtime.bodies.running import by_task
from ..runtime.bodies.status import Status, status_of
from ..runtime.core.identity import Pid
from ..runtime.core.node import Node
from ..runtime.core.process import Process, alive, processes_of
from ..socket import Socket
from ..socket.core.lifetime import SocketLifetime
from ..socket.kernel.address_text import address_text
from .quiescence import open_sockets

__all__ = ["Leftover", "Owners", "leftovers", "spawned_processes"]


@attrs.frozen
class Leftover:
    """One process or one socket."""

    pid: Pid
    """The pid of the process, or of the owner of the socket."""
    text: str
    """The line of the report."""


def spawned_processes(node: Node, first: Process) -> list[Process]:
    """Return the living processes that were spawned in `node`.

    Not among them: `first`, the actors of sockets, and tasks that have become processes.
    """
    of_sockets = {actor.process.pid for actor in open_sockets(node)}
    return [
        process
        for process in processes_of(node)
        if process is not first and not process.body.adopted and process.pid not in of_sockets
    ]


def leftovers(node: Node, first: Process, allowed: Container[object]) -> list[Leftover]:
    """Return the present leftovers, except what is `allowed` and the sockets of allowed processes.

    `allowed` contains pids, names and sockets.
    """
    processes = [
        process
        for process in spawned_processes(node, first)
        if process.pid not in allowed and process.name not in allowed
    ]
    actors = [actor for actor in open_sockets(node) if not _is_allowed(actor, allowed)]
    return [
        *(Leftover(process.pid, _shown_process(process)) for process in processes),
        *(_of_socket(actor) for actor in actors),
    ]


class Owners(trio.abc.Instrument):
    """Records the open sockets of tasks as these tasks end.

    Observes the siblings of the task in which it was made: with pytest-trio, the test and its
    fixtures. The end of such a task closes its sockets, so a later look would not find them.
    """

    def __init__(self) -> None:
        self._nursery = trio.lowlevel.current_task().parent_nursery
        self._seen: list[tuple[Socket, Leftover]] = []

    def task_exited(self, task: trio.lowlevel.Task) -> None:
        """Called by trio when a task ends."""
        if task.parent_nursery is not self._nursery or (process := by_task.get(task)) is None:
            return
        for actor in open_sockets(process.node):
            if actor.turns.owner is process.pid:
                self._seen.append((actor.socket_object, _of_socket(actor, task.name)))

    def leftovers(self, allowed: Container[object]) -> Iterator[Leftover]:
        """Return the recorded sockets that are not allowed."""
        for sock, leftover in self._seen:
            if sock not in allowed and leftover.pid not in allowed:
                yield leftover


def _is_allowed(actor: SocketLifetime, allowed: Container[object]) -> bool:
    owner = actor.turns.owner
    process = None if owner is None else alive.get(owner)
    return (
        actor.socket_object in allowed
        or owner in allowed
        or (process is not None and process.name is not None and process.name in allowed)
    )


# --- the lines of the report ----------------------------------------------------------------------


_DOING: Final[dict[Status, str]] = {
    "exiting": "is ending",
    "runnable": "is ready to run",
    "running": "runs",
    "waiting": "waits",
}


def _shown_process(process: Process) -> str:
    name = f" ({process.name})" if process.name is not None else ""
    body = process.body
    doing = _DOING[status_of(process)]
    mail = len(process.mailbox)
    unread = f", {mail} unread message{'s' if mail > 1 else ''}" if mail else ""
    return f"process {process.pid!r}{name} running {body.describe()}, {body.kind}: {doing}{unread}"


def _of_socket(actor: SocketLifetime, owner_is: str | None = None) -> Leftover:
    owner = actor.turns.owner
    assert owner is not None  # the socket is open
    process = alive.get(owner)
    if owner_is is None and process is not None:
        owner_is = process.name or process.body.describe()
    return Leftover(owner, f"socket {_shown_socket(actor)}, owned by {owner!r} ({owner_is})")


def _shown_socket(actor: SocketLifetime) -> str:
    """Show the handle, the kind of the socket and its addresses."""
    sock, kind = actor.sock, actor.kind
    words = f"{actor.socket_object!r}, {kind.domain} {kind.type} {kind.protocol}"
    name, peer = address_text(sock.getsockname), address_text(sock.getpeername)
    if kind.is_stream and sock.getsockopt(stdlib.SOL_SOCKET, stdlib.SO_ACCEPTCONN):
        return f"{words}, listening on {name}"
    if peer is not None:
        return f"{words}, {name or 'unnamed'} connected to {peer}"
    return f"{words}, bound to {name}" if name is not None else f"{words}, not bound"
