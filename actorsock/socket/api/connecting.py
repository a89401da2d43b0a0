"""Making connections: accept and connect."""

from math import inf
from typing import Any, Final

from trio.lowlevel import enable_ki_protection

from ...results import Error, Ok, Select
from ...runtime.core.identity import Ref
from ..core.actor import actor_of
from ..core.handle import Socket
from ..operations.accept_connect import Accept, Connect
from ..values.address import AddressLike, parse
from .asking import blocking, nowait

__all__ = ["accept", "accept_nowait", "connect", "connect_nowait"]

_ACCEPT: Final = Accept()  # it remembers nothing, so one serves all


@enable_ki_protection
async def accept(sock: Socket, timeout: float = inf) -> Ok[Socket] | Error:
    """Accept a connection; the caller owns the new socket. Documented `accept/1,2`.

    `timeout` is in seconds. Acceptors are served in the order in which they asked.

    `Error`: `"timeout"`, `"closed"`, `"state"` (the caller waits already, or a reader does),
    or a POSIX reason (`"einval"` when it does not listen, `"emfile"`, ...), which every other
    waiting acceptor gets too.
    """
    return await blocking(actor_of(sock), _ACCEPT, timeout)


@enable_ki_protection
def accept_nowait(sock: Socket, ref: Ref | None = None) -> Ok[Socket] | Error | Select:
    """`accept` that does not block: `Select` when there is no connection, or not our turn.

    `ref`, if given, is the handle. After the select message, call again.
    """
    return nowait(actor_of(sock), _ACCEPT, ref)


@enable_ki_protection
async def connect(sock: Socket, addr: AddressLike, timeout: float = inf) -> Ok[None] | Error:
    """Connect to `addr`. Documented `connect/2,3`; `timeout` is in seconds.

    After a time-out the system's own attempt goes on: the next connect may answer
    `"ealready"`, or success.

    `Error`: `"timeout"`, `"closed"`, `"already"` (another process is connecting), `"state"` (a
    send waits), or a POSIX reason (`"econnrefused"`, `"eisconn"`, ...).
    """
    actor = actor_of(sock)
    return await blocking(actor, Connect(parse(actor.kind.domain, addr)), timeout)


@enable_ki_protection
def connect_nowait(
    sock: Socket, addr: AddressLike | None = None, ref: Ref | None = None
) -> Ok[None] | Error | Select:
    """Start to connect to `addr`, or finish: documented `connect/3` with nowait, `connect/1`.

    `Select` while it is in progress. After the select message, the same process calls
    `connect_nowait(sock)` for the outcome.

    `Error`: `"closed"`, `"state"` (a send waits; without `addr`: nothing of the caller's is in
    progress), `"already"` (another process is connecting), or a POSIX reason (`"econnrefused"`,
    `"eisconn"`, `"ealready"`, ...).
    """
    actor = actor_of(sock)
    target: Any = None if addr is None else parse(actor.kind.domain, addr)
    return nowait(actor, Connect(target), ref)
