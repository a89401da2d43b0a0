"""What a test has left behind: processes and open sockets, and how a report names them.

A task that trio's own nurseries look after is nobody's leftover, also when it has become a
process; a socket of its that is still open is one.
"""

from collections.abc import Container, Iterator

import attrs
import trio

from ..runtime.bodies.running import by_task
from ..runtime.core.identity import Pid
from ..runtime.core.node import Node
from ..runtime.core.process import Process, alive
from ..socket import Socket
from ..socket.core.actor import SocketActor
from .sockets import open_sockets, shown_socket

__all__ = ["Leftover", "Owners", "leftovers", "processes_of_its_own"]


@attrs.frozen
class Leftover:
    """One process or one socket."""

    pid: Pid
    """The process, or the owner of the socket."""
    text: str


def processes_of_its_own(node: Node, first: Process) -> list[Process]:
    """The processes that have been spawned in `node` and live; `first` is not among them."""
    of_sockets = {actor.process.pid for actor in open_sockets(node)}
    return [
        process
        for process in alive.copy().values()
        if process.node is node
        and process is not first
        and not process.body.adopted
        and process.pid not in of_sockets
    ]


def leftovers(node: Node, first: Process, allowed: Container[object]) -> list[Leftover]:
    """What is there of processes and sockets, without what is `allowed` and its sockets."""
    processes = [
        process
        for process in processes_of_its_own(node, first)
        if process.pid not in allowed and process.name not in allowed
    ]
    actors = [actor for actor in open_sockets(node) if not _is_allowed(actor, allowed)]
    return [
        *(Leftover(process.pid, _shown_process(process)) for process in processes),
        *(_of_socket(actor) for actor in actors),
    ]


class Owners(trio.abc.Instrument):
    """Sees the tasks beside the one it was made in end, with sockets that are still open.

    With pytest-trio these are the tasks of the test and of its fixtures. Their sockets close as
    they end, which is too late for a test to be told that it has forgotten them.
    """

    def __init__(self) -> None:
        self._nursery = trio.lowlevel.current_task().parent_nursery
        self._seen: list[tuple[Socket, Leftover]] = []

    def task_exited(self, task: trio.lowlevel.Task) -> None:
        """Called by trio."""
        if task.parent_nursery is not self._nursery or (process := by_task.get(task)) is None:
            return
        for actor in open_sockets(process.node):
            if actor.turns.owner is process.pid:
                self._seen.append((actor.socket_object, _of_socket(actor, task.name)))

    def leftovers(self, allowed: Container[object]) -> Iterator[Leftover]:
        """What has been seen."""
        for sock, leftover in self._seen:
            if sock not in allowed and leftover.pid not in allowed:
                yield leftover


def _is_allowed(actor: SocketActor, allowed: Container[object]) -> bool:
    owner = actor.turns.owner
    process = None if owner is None else alive.get(owner)
    return (
        actor.socket_object in allowed
        or owner in allowed
        or (process is not None and process.name is not None and process.name in allowed)
    )


def _shown_process(process: Process) -> str:
    name = f" ({process.name})" if process.name is not None else ""
    body = process.body
    doing = "has been told to end" if process.ending else "waits" if body.parked else "runs"
    mail = len(process.mailbox)
    unread = f", {mail} unread message{'s' if mail > 1 else ''}" if mail else ""
    return f"process {process.pid!r}{name} running {body.describe()}, {body.kind}: {doing}{unread}"


def _of_socket(actor: SocketActor, owner_is: str | None = None) -> Leftover:
    owner = actor.turns.owner
    assert owner is not None  # it is open
    process = alive.get(owner)
    if owner_is is None and process is not None:
        owner_is = process.name or process.body.describe()
    shown = shown_socket(actor.socket_object)
    return Leftover(owner, f"socket {shown}, owned by {owner!r} ({owner_is})")
