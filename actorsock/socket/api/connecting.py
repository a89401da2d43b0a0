"""Making connections: accept and connect."""

from math import inf
from typing import Any, Final

from trio.lowlevel import enable_ki_protection

from ...results import Error, Ok, Select
from ...runtime.core.identity import Ref
from ..core.actor import actor_of
from ..core.socket_object import Socket
from ..operations.accept_connect import Accept, Connect
from ..values.address import AddressLike, parse
from .asking import blocking, nowait

__all__ = ["accept", "accept_nowait", "connect", "connect_nowait"]

_ACCEPT: Final = Accept()  # it has no state, so that one object serves all


@enable_ki_protection
async def accept(sock: Socket, timeout: float = inf) -> Ok[Socket] | Error:
    """Accept a connection; the caller owns the new socket. Erlang's `socket:accept/1,2`.

    Any number of processes may wait to accept. They are served in the order in which they called.

    Args:
        sock: a socket that listens.
        timeout: seconds to wait; `math.inf` (the default) waits for ever, 0 does not wait.

    Returns:
        `Ok(socket)`, or `Error`:

        - `"timeout"`: no connection came in time
        - `"closed"`: the socket is closed, or was while the caller waited
        - `"state"`: the caller waits to accept already (with `accept_nowait`), or a process
          waits to receive on this socket
        - a POSIX name: `"einval"` if the socket does not listen, `"emfile"` if the program may
          have no more descriptors, ... All other processes that wait to accept get it too.

    Raises:
        TypeError: `sock` is not a `Socket`, or `timeout` not a number.
        ValueError: `timeout` is negative or not a number (NaN).

    Example::

        while True:
            connection = ok(await socket.accept(listener))
            pid = spawn(serve, connection)
            ok(socket.setopt(connection, "otp", "controlling_process", pid))
    """
    return await blocking(actor_of(sock), _ACCEPT, timeout)


@enable_ki_protection
def accept_nowait(sock: Socket, ref: Ref | None = None) -> Ok[Socket] | Error | Select:
    """Accept a connection without blocking. Erlang's `socket:accept/2` with `nowait` or a handle.

    Args:
        sock: a socket that listens.
        ref: the handle of the select message; None (the default) makes a new one.

    Returns:
        `Ok(socket)`; `Select(info)` if there is no connection, or other processes wait in front:
        after the select message, call again; or `Error`, as for `accept`, but not `"timeout"`.

        If the caller waits already as the first in the queue, this call takes the place of the
        earlier one, which ends with an abort message of the reason `"cancelled"`.

    Raises:
        TypeError: `sock` is not a `Socket`, or `ref` not a `Ref`.

    Example::

        match socket.accept_nowait(listener):
            case Ok(connection): ...
            case Select(info):
                match await receive(info.ref):
                    case SelectMessage(): ...  # call again
    """
    return nowait(actor_of(sock), _ACCEPT, ref)


@enable_ki_protection
async def connect(sock: Socket, addr: AddressLike, timeout: float = inf) -> Ok[None] | Error:
    """Connect to an address. Erlang's `socket:connect/2,3`.

    Args:
        sock: the socket.
        addr: a `SockAddr...` record, the documented map as a dict, or `(host, port)`.
        timeout: seconds to wait; `math.inf` (the default) waits for ever, 0 does not wait.

    Returns:
        `Ok()`, or `Error`:

        - `"timeout"`: the attempt was not complete in time. The system goes on with it: the
          next connect may return `"ealready"`, `"eisconn"` or success.
        - `"closed"`: the socket is closed, or was while the caller waited
        - `"already"`: another process is connecting this socket
        - `"state"`: a send waits on this socket
        - a POSIX name: `"econnrefused"`, `"eisconn"`, ...

    Raises:
        TypeError, ValueError: an argument has the wrong type or is no valid value.

    Example::

        sock = ok(socket.open("inet", "stream"))
        match await socket.connect(sock, ("127.0.0.1", 8080), timeout=5):
            case Ok(): ...
            case Error("econnrefused" | "timeout"): ...
    """
    actor = actor_of(sock)
    return await blocking(actor, Connect(parse(actor.kind.domain, addr)), timeout)


@enable_ki_protection
def connect_nowait(
    sock: Socket, addr: AddressLike | None = None, ref: Ref | None = None
) -> Ok[None] | Error | Select:
    """Start to connect, or finish it, without blocking.

    Erlang's `socket:connect/3` with `nowait` or a handle, and `socket:connect/1`.

    Args:
        sock: the socket.
        addr: the address, as for `connect`; None (the default) finishes a connection that the
            caller has started.
        ref: the handle of the select message; None (the default) makes a new one.

    Returns:
        `Ok()`; `Select(info)` while the connection is being made: after the select message,
        the same process calls `connect_nowait(sock)` to finish; or `Error`:

        - `"closed"`: the socket is closed
        - `"already"`: another process is connecting this socket
        - `"state"`: a send waits on this socket; or, without `addr`, the caller has no connection
          to finish
        - a POSIX name: `"econnrefused"`, `"eisconn"`, `"ealready"`, ...

    Raises:
        TypeError, ValueError: an argument has the wrong type or is no valid value.

    Example::

        match socket.connect_nowait(sock, ("127.0.0.1", 8080)):
            case Select(info):
                await receive(info.ref)
                ok(socket.connect_nowait(sock))
    """
    actor = actor_of(sock)
    target: Any = None if addr is None else parse(actor.kind.domain, addr)
    return nowait(actor, Connect(target), ref)
