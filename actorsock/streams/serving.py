"""Serving connections, with one process for each connection.

The processes of the connections need a parent that receives their exit messages. The calling
process cannot be this parent: its mailbox is the program's. So a handler process starts them. It
is linked to them and traps exits, as a supervisor does: the end of one connection affects neither
the parent nor other connections, and the end of the parent ends all connections.
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
from .listeners import SocketListener, open_tcp_listeners
from .socket_stream import SocketStream

__all__ = ["Handler", "serve_listeners", "serve_tcp"]

Handler = Callable[[SocketStream], Awaitable[object]]
"""An async function that serves one connection, given as a stream."""

_log: Final = logging.getLogger("actorsock.streams")

# A limit of the process or the system has been reached; the listener itself is fine, so `accept` is
# tried again after a pause.
_EXHAUSTED: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_PAUSE: Final = 0.1
"""Seconds until the next try, in which others may close descriptors."""

_PATIENCE: Final = 5
"""Seconds that a connection's process may take to end before it is killed, as in supervisors."""


@enable_ki_protection
async def serve_tcp(
    handler: Handler,
    port: int,
    *,
    host: str | bytes | None = None,
    backlog: int | None = None,
    task_status: trio.TaskStatus[list[SocketListener]] = trio.TASK_STATUS_IGNORED,
) -> NoReturn:
    """Listen on a port and serve each connection in a process of its own.

    The call combines `open_tcp_listeners` and `serve_listeners`, as `trio.serve_tcp` does; the
    latter describes how connections are served and how serving ends.

    Args:
        handler: an async function, called with a `SocketStream` for each connection.
        port: the port to listen on, 0 to 65535; with 0 the system chooses one.
        host: a name or an address of this machine; None listens on all addresses.
        backlog: how many connections may wait to be accepted; None is as many as the system
            allows.
        task_status: used by `nursery.start`, which then returns the list of listeners.

    Raises:
        OSError: listening fails, see `open_tcp_listeners`.
        ExceptionGroup: accepting fails, see `serve_listeners`.
        TypeError: `handler` is not callable, or `port` or `backlog` is not an int.
        ValueError: `port` is out of range.

    Example::

        async def echo(stream):
            async for data in stream:
                await stream.send_all(data)

        async with trio.open_nursery() as nursery:
            listeners = await nursery.start(serve_tcp, echo, 8000)
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
    """Accept connections and serve each in a process of its own.

    `trio.serve_listeners` starts a task for each connection; this function starts a process,
    which owns the connection: the connection closes when the process ends. A handler that raises
    crashes only its own process. The crash is logged like every crash, and other connections and
    the server go on; in trio it would end the server.

    Serving ends when the call is cancelled, or when the calling process ends. Then the listeners
    are closed, and the processes of all connections are ended with the reason `"shutdown"`; a
    process that traps exits is killed if it has not ended after 5 seconds. The call returns
    control when all have ended.

    When the system has no descriptor or memory for another connection (`errno.EMFILE`,
    `errno.ENFILE`, `errno.ENOBUFS`, `errno.ENOMEM`), the error is logged to `actorsock.streams`
    and accepting is tried again after 0.1 seconds.

    Args:
        handler: an async function, called with a `SocketStream` for each connection.
        listeners: the `SocketListener` objects to accept from. To serve TLS, wrap the stream
            in the handler.
        task_status: used by `nursery.start`, which then returns the list of listeners.

    Raises:
        ExceptionGroup: `accept` has failed for a reason that is not listed above.
        TypeError: `handler` is not callable, or a listener is not a `SocketListener`.

    Example::

        listeners = await open_tcp_listeners(8000, host="localhost")
        await serve_listeners(echo, listeners)
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
    raise AssertionError("serving ends only by an exception")


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
                ended = ProcessExit(connections.reason)  # the parent was ended from outside
            except ExitSignal as exc:
                # Raised again outside of the nursery, which would wrap it in an ExceptionGroup.
                ended = exc
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
                # A handler process handles the message inside of `send`: after this line the
                # new process owns the connection, whatever happens to this one.
                send(parent, stream)


@attrs.define(eq=False)
class _Connections:
    """The state of the parent of the connections' processes."""

    handler: Handler
    waiting: Body
    """The body of the process that called `serve_listeners`; woken when the parent has ended."""
    pids: dict[Pid, None] = attrs.field(factory=dict)
    """The connections' processes; a dict keeps the order in which they were started."""
    stopping: bool = False
    reason: Any = None
    """The exit reason of the parent, after `over` is set."""
    over: trio.Event = attrs.field(factory=trio.Event)

    @enable_ki_protection
    def handle(self, message: object) -> None:
        """Handle a new connection, the end of its process, or the request to end all."""
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
        """Record the end of the parent; called by the runtime."""
        self.reason = reason
        self.over.set()
        self.waiting.wake()

    async def stop(self, parent: Pid) -> None:
        """End the connections' processes and the parent; wait until they have ended."""
        send(parent, "shutdown")
        with trio.move_on_after(_PATIENCE):
            await self.over.wait()
        send(parent, "kill")
        await self.over.wait()

    def _start(self, stream: SocketStream) -> None:
        trap_exit(True)  # here, because a handler process has no start-up code of its own
        pid = spawn_link(self.handler, stream)
        self.pids[pid] = None
        actor = actor_of(stream.socket)
        if actor.turns.owner is not None:  # not closed meanwhile
            actor.give(actor.turns.owner, pid)
