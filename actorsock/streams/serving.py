"""Serving connections, with one process for each connection.

The processes of the connections need a parent that receives their exit messages. The calling
process cannot be this parent: its mailbox is the program's. So a handler process starts them. It
is linked to them and traps exits, as a supervisor does: the end of one connection affects neither
the parent nor other connections, and the end of the parent ends all connections.
"""

import errno
import logging
from collections.abc import Sequence
from math import inf
from typing import Any, Final, NoReturn

import attrs
import trio
from trio.lowlevel import enable_ki_protection

from ..arguments import check_int, check_seconds, shown
from ..runtime.api.linking import exit, trap_exit
from ..runtime.api.messaging import send
from ..runtime.api.spawning import spawn_handler, spawn_link
from ..runtime.bodies.current import current_process
from ..runtime.bodies.in_trio import in_trio
from ..runtime.core.body import Body
from ..runtime.core.identity import Pid
from ..runtime.core.messages import Exit
from ..runtime.core.process import ExitSignal, Process, ProcessExit
from ..runtime.core.reductions import ACCEPT
from ..socket.core.actor import actor_of
from .broken_connections import Handler, ending_quietly
from .limited_log import LimitedLog
from .listeners import SocketListener, open_tcp_listeners
from .socket_stream import SocketStream

__all__ = ["Draining", "Handler", "serve_listeners", "serve_tcp"]

_log: Final = logging.getLogger("actorsock.streams")

# With these the listening socket itself is unusable, and no later try will succeed. Any other
# error may pass (a limit of descriptors or of memory, a filter of system calls), so it is tried
# again after a pause.
_UNUSABLE: Final = frozenset({errno.EBADF, errno.EFAULT, errno.EINVAL, errno.ENOTSOCK})
_PAUSE: Final = 0.1
"""Seconds until the next try, in which others may close descriptors."""

_GRACE: Final = 5.0
"""Seconds that a connection's process may take to end before it is killed, as in supervisors."""


@attrs.frozen
class Draining:
    """The message to the connections' processes of a server that accepts no more connections.

    A process that has nothing under way should end. After `seconds`, the others are ended.
    """

    seconds: float


@enable_ki_protection
async def serve_tcp(
    handler: Handler,
    port: int,
    *,
    host: str | bytes | None = None,
    backlog: int | None = None,
    max_connections: int | None = None,
    drain_period: float = 0.0,
    grace_period: float = _GRACE,
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
        max_connections: see `serve_listeners`.
        drain_period: see `serve_listeners`.
        grace_period: see `serve_listeners`.
        task_status: used by `nursery.start`, which then returns the list of listeners.

    Raises:
        OSError: listening fails, see `open_tcp_listeners`.
        ExceptionGroup: accepting fails, see `serve_listeners`.
        TypeError: `handler` is not callable, or a number has a wrong type.
        ValueError: a number is out of range.

    Example::

        async def echo(stream):
            async for data in stream:
                await stream.send_all(data)

        async with trio.open_nursery() as nursery:
            serve = partial(serve_tcp, host="127.0.0.1")
            listeners = await nursery.start(serve, echo, 8000)
    """
    limits = _Limits.checked(max_connections, drain_period, grace_period)
    _check(handler)
    listeners = await open_tcp_listeners(port, host=host, backlog=backlog)
    await in_trio(_serve, current_process(), handler, listeners, limits, task_status)
    raise AssertionError("serving ends only by an exception")


@enable_ki_protection
async def serve_listeners(
    handler: Handler,
    listeners: Sequence[SocketListener],
    *,
    max_connections: int | None = None,
    drain_period: float = 0.0,
    grace_period: float = _GRACE,
    task_status: trio.TaskStatus[list[SocketListener]] = trio.TASK_STATUS_IGNORED,
) -> NoReturn:
    """Accept connections and serve each in a process of its own.

    `trio.serve_listeners` starts a task for each connection; this function starts a process,
    which owns the connection: the connection closes when the process ends. A handler that raises
    crashes only its own process. The crash is logged like every crash, and other connections and
    the server go on; in trio it would end the server. A handler that raises because its connection
    is broken, or TLS has failed on it, ends its process too, but the log gets only a line, at most
    every 10 seconds.

    Serving ends when the call is cancelled, or when the calling process ends. Then

    1. the listeners are closed;
    2. if `drain_period` is not 0, the processes of the connections get the message
       `Draining(drain_period)`, and so many seconds to finish what they have under way;
    3. those that are left are ended with the reason `"shutdown"`;
    4. those that have not ended after `grace_period` seconds, as they trap exits, are killed.

    The call returns control as soon as all have ended. If the calling process is killed, by the
    exit signal `"kill"`, there is no draining.

    When the system refuses to accept a connection, because it has no descriptor or memory for it
    (`errno.EMFILE`, `errno.ENOMEM`) or for another reason, accepting is tried again after 0.1
    seconds. The error is logged to `actorsock.streams`, at most every 10 seconds.

    Args:
        handler: an async function, called with a `SocketStream` for each connection.
        listeners: the `SocketListener` objects to accept from. To serve TLS, wrap the stream
            in the handler.
        max_connections: how many connections are served at the same time, 1 or more; further ones
            wait to be accepted (with several listeners, one on each may have been accepted). None
            is no limit.
        drain_period: seconds that connections may go on after serving has ended; `math.inf` waits
            until all have ended.
        grace_period: seconds between `"shutdown"` and `"kill"`.
        task_status: used by `nursery.start`, which then returns the list of listeners.

    Raises:
        ExceptionGroup: a listening socket is unusable: closed, for example.
        TypeError: `handler` is not callable, a listener is not a `SocketListener`, or a number has
            a wrong type.
        ValueError: a number is out of range.

    Example::

        listeners = await open_tcp_listeners(8000, host="localhost")
        await serve_listeners(echo, listeners, max_connections=1000, drain_period=30)
    """
    limits = _Limits.checked(max_connections, drain_period, grace_period)
    _check(handler)
    listeners = list(listeners)
    for listener in listeners:
        if type(listener) is not SocketListener:
            raise TypeError(
                f"listeners: expected SocketListeners of actorsock's, got {shown(listener)}; for "
                "TLS wrap the stream, in the handler"
            )
    await in_trio(_serve, current_process(), handler, listeners, limits, task_status)
    raise AssertionError("serving ends only by an exception")


def _check(handler: object) -> None:
    if not callable(handler):
        raise TypeError(f"handler: expected an async function of a stream, got {shown(handler)}")


@attrs.frozen
class _Limits:
    """The parameters of `serve_listeners` that are numbers."""

    max_connections: float
    drain_period: float
    grace_period: float

    @classmethod
    def checked(cls, connections: int | None, drain: float, grace: float) -> "_Limits":
        """Raise `TypeError` or `ValueError` if a number is wrong."""
        most = inf
        if connections is not None:
            most = check_int("max_connections", connections, "an int >= 1, or None", 1)
        check_seconds("drain_period", drain)
        check_seconds("grace_period", grace)
        return cls(most, drain, grace)


@enable_ki_protection
async def _serve(
    owner: Process,
    handler: Handler,
    listeners: list[SocketListener],
    limits: _Limits,
    task_status: trio.TaskStatus[list[SocketListener]],
) -> None:
    # For a light `owner` this function runs in a task of its own, which waits for the parent.
    connections = _Connections(ending_quietly(handler), limits, current_process().body)
    parent = spawn_handler(connections.handle, connections.ended)
    ended: ExitSignal | ProcessExit | None = None
    try:
        async with trio.open_nursery() as nursery:
            for listener in listeners:
                nursery.start_soon(_accept, listener, parent, connections)
            task_status.started(listeners)
            try:
                await connections.waiting.park("serve")
                ended = ProcessExit(connections.reason)  # the parent was ended from outside
            except ExitSignal as exc:
                # Raised again outside of the nursery, which would wrap it in an ExceptionGroup.
                ended = exc
            nursery.cancel_scope.cancel()
    finally:
        with trio.CancelScope(shield=True):
            killed = owner.ending and owner.reason == "killed"
            await connections.stop(parent, 0 if killed else limits.drain_period)
    if ended is not None:
        raise ended


@enable_ki_protection
async def _accept(listener: SocketListener, parent: Pid, connections: "_Connections") -> None:
    errors = LimitedLog(_log)
    async with listener:
        while True:
            await connections.wait_for_room()
            try:
                stream = await listener._accept(ACCEPT)
            except OSError as exc:
                if exc.errno in _UNUSABLE:
                    raise
                message = "accept: %s; it is tried again every %s seconds"
                errors.log(logging.ERROR, exc.errno, message, exc, _PAUSE)
                await trio.sleep(_PAUSE)
            else:
                # Meanwhile another listener may have accepted the last connection of the limit.
                await connections.wait_for_room()
                # A handler process handles the message inside of `send`: after this line the
                # new process owns the connection, whatever happens to this one.
                send(parent, stream)


@attrs.define(eq=False)
class _Connections:
    """The state of the parent of the connections' processes."""

    handler: Handler
    limits: _Limits
    waiting: Body
    """The body of the process that called `serve_listeners`; woken when the parent has ended."""
    pids: dict[Pid, None] = attrs.field(factory=dict)
    """The connections' processes; a dict keeps the order in which they were started."""
    stopping: bool = False
    reason: Any = None
    """The exit reason of the parent, once `over` is set."""
    over: trio.Event = attrs.field(factory=trio.Event)
    """Set when the parent has ended, and with it every connection's process."""
    connection_ended: trio.Event = attrs.field(factory=trio.Event)
    """Set, and replaced by a new one, when a connection's process has ended."""

    @enable_ki_protection
    def handle(self, message: object) -> None:
        """Handle a new connection, the end of its process, or the request to end all."""
        match message:
            case SocketStream():
                self._start(message)
            case Exit(pid=pid):
                self.pids.pop(pid, None)
                self.connection_ended.set()
                self.connection_ended = trio.Event()
            case Draining():
                self.stopping = True
                for pid in self.pids:
                    send(pid, message)
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

    async def wait_for_room(self) -> None:
        """Wait until there are fewer connections than the limit; no checkpoint if that is so."""
        while len(self.pids) >= self.limits.max_connections:
            await self.connection_ended.wait()

    async def stop(self, parent: Pid, drain_period: float) -> None:
        """End the connections' processes and the parent; wait until they have ended."""
        # By messages to the parent, which alone is linked to the processes and knows when the last
        # of them has ended.
        if drain_period > 0:
            send(parent, Draining(drain_period))
            with trio.move_on_after(drain_period):
                await self.over.wait()
        send(parent, "shutdown")
        with trio.move_on_after(self.limits.grace_period):
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
