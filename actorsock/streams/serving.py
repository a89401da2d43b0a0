"""Serving connections: a process for each.

A handler process starts them, so that they have a parent that is told of every end, and is not
the program's own process with the program's own mailbox. It is linked to them and traps exits,
as a supervisor does: what ends one of them disturbs neither it nor the others, and what ends
it ends them all.
"""

import errno
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, NoReturn

import attrs
import trio
from trio.lowlevel import enable_ki_protection

from ..arguments import shown
from ..runtime.api.linking import exit, trap_exit
from ..runtime.api.messaging import send
from ..runtime.api.spawning import spawn_handler, spawn_link
from ..runtime.bodies.current import current_process
from ..runtime.bodies.in_trio import in_trio
from ..runtime.core.body import Body
from ..runtime.core.identity import Pid
from ..runtime.core.messages import Exit
from ..runtime.core.process import ExitSignal, ProcessExit
from ..socket.core.actor import actor_of
from .listening import open_tcp_listeners
from .socket_listener import SocketListener
from .socket_stream import SocketStream

__all__ = ["Handler", "serve_listeners", "serve_tcp"]

Handler = Callable[[SocketStream], Awaitable[object]]
"""An async function of a connection's stream."""

_log: Final = logging.getLogger("actorsock.streams")

# The system has come to a limit, which has nothing to do with the connection.
_EXHAUSTED: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_PAUSE: Final = 0.1
"""Seconds in which others may give back what is missing."""

_PATIENCE: Final = 5
"""Seconds in which a connection's process that traps exits has to end; supervisors give as much."""


@enable_ki_protection
async def serve_tcp(
    handler: Handler,
    port: int,
    *,
    host: str | bytes | None = None,
    backlog: int | None = None,
    task_status: trio.TaskStatus[list[SocketListener]] = trio.TASK_STATUS_IGNORED,
) -> NoReturn:
    """Listen on `port` and run `handler(stream)` in a process of its own for each connection.

    `open_tcp_listeners`, which says what `port`, `host` and `backlog` are, and `serve_listeners`,
    which says all the rest, in one. `await nursery.start(serve_tcp, handler, 0)` gives the
    listeners. `trio.serve_tcp`.
    """
    _check(handler)
    listeners = await open_tcp_listeners(port, host=host, backlog=backlog)
    await serve_listeners(handler, listeners, task_status=task_status)


@enable_ki_protection
async def serve_listeners(
    handler: Handler,
    listeners: Sequence[SocketListener],
    *,
    task_status: trio.TaskStatus[list[SocketListener]] = trio.TASK_STATUS_IGNORED,
) -> NoReturn:
    """Accept from `listeners`, and run `handler(stream)` in a process for each connection.

    Where trio starts a task, this starts a process, which owns the connection: its end closes it.
    A handler that raises crashes its own process only. That is logged as every crash is; other
    connections, and the server, go on. trio would end the server.

    It ends when it is cancelled, or with the process that called it. Then it closes the
    listeners, ends the processes of all connections with the reason `"shutdown"`, and returns
    when they have ended; one that traps exits has 5 seconds before it is killed.

    When the system has no descriptors or memory for another connection (`errno.EMFILE` and its
    like) it logs that, to `actorsock.streams`, and tries again after 0.1 seconds. Any other error
    of an `accept` ends it, as trio's nurseries say it: as an `ExceptionGroup`.
    """
    _check(handler)
    listeners = list(listeners)
    for listener in listeners:
        if type(listener) is not SocketListener:
            raise TypeError(
                f"listeners: expected SocketListeners of actorsock's, got {shown(listener)}; for "
                "TLS wrap the stream, in the handler"
            )
    await in_trio(_serve, handler, listeners, task_status)
    raise AssertionError("it ends by an exception only")


def _check(handler: object) -> None:
    if not callable(handler):
        raise TypeError(f"handler: expected an async function of a stream, got {shown(handler)}")


@enable_ki_protection
async def _serve(
    handler: Handler,
    listeners: list[SocketListener],
    task_status: trio.TaskStatus[list[SocketListener]],
) -> None:
    connections = _Connections(handler, current_process().body)
    parent = spawn_handler(connections.handle, connections.ended)
    ended: ExitSignal | ProcessExit | None = None
    try:
        async with trio.open_nursery() as nursery:
            for listener in listeners:
                nursery.start_soon(_accept, listener, parent)
            task_status.started(listeners)
            try:
                await connections.waiting.park()
                ended = ProcessExit(connections.reason)  # somebody has ended the parent
            except ExitSignal as exc:
                ended = exc  # without the nursery around it, which is nobody's business
            nursery.cancel_scope.cancel()
    finally:
        with trio.CancelScope(shield=True):
            await connections.stop(parent)
    if ended is not None:
        raise ended


@enable_ki_protection
async def _accept(listener: SocketListener, parent: Pid) -> None:
    async with listener:
        while True:
            try:
                stream = await listener.accept()
            except OSError as exc:
                if exc.errno not in _EXHAUSTED:
                    raise
                _log.error("accept: %s; it is tried again in %s seconds", exc, _PAUSE)
                await trio.sleep(_PAUSE)
            else:
                send(parent, stream)  # which is handled in place: it has its owner now


@attrs.define(eq=False)
class _Connections:
    """The parent of the connections' processes."""

    handler: Handler
    waiting: Body
    """Of the process that serves; woken when the parent has ended."""
    pids: dict[Pid, None] = attrs.field(factory=dict)
    stopping: bool = False
    reason: Any = None
    over: trio.Event = attrs.field(factory=trio.Event)

    @enable_ki_protection
    def handle(self, message: object) -> None:
        """A connection, the end of one's process, or the reason for which all are to end."""
        match message:
            case SocketStream():
                self._start(message)
            case Exit(pid=pid):
                self.pids.pop(pid, None)
            case "shutdown" | "kill":
                self.stopping = True
                for pid in list(self.pids):
                    exit(pid, message)
        if self.stopping and not self.pids:
            exit("normal")

    @enable_ki_protection
    def ended(self, reason: object) -> None:
        """The parent has ended."""
        self.reason = reason
        self.over.set()
        self.waiting.wake()

    async def stop(self, parent: Pid) -> None:
        """End every connection's process, and the parent; wait until they have ended."""
        send(parent, "shutdown")
        with trio.move_on_after(_PATIENCE):
            await self.over.wait()
        send(parent, "kill")
        await self.over.wait()

    def _start(self, stream: SocketStream) -> None:
        trap_exit(True)
        pid = spawn_link(self.handler, stream)
        self.pids[pid] = None
        actor = actor_of(stream.socket)
        if actor.turns.owner is not None:
            actor.give(actor.turns.owner, pid)
