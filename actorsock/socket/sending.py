"""Sending: send, sendto, sendmsg, sendv and sendfile, blocking and not."""

from collections.abc import Iterable
from math import inf
from typing import Any

from trio.lowlevel import enable_ki_protection

from ..results import Error, Ok, Select
from ..runtime.identity import Ref
from .actor import actor_of
from .address import AddressLike, parse
from .calling import blocking, nowait
from .flags import encode_flags
from .handle import Socket
from .messages import as_bytes
from .operations.sending import Send, SendTo

__all__ = ["send", "send_nowait", "sendto", "sendto_nowait"]

Flags = Iterable[str | int]


@enable_ki_protection
async def send(
    sock: Socket, data: Any, flags: Flags = (), timeout: float = inf
) -> Ok[bytes | None] | Error:
    """Send `data` on a connected socket. Documented `send/2,3,4`; `timeout` is in seconds.

    `data` is bytes-like, or a list of bytes-like pieces. `Ok()` when the system has taken all
    of it. Senders are served in order: the bytes of two sends never mix.

    `Error`: `"closed"`, `"timeout"`, `"state"` (the caller waits already, or a connect does),
    or a POSIX reason (`"epipe"`, `"econnreset"`, ...); `data` is then what was not sent, if
    part of it was.
    """
    return await blocking(actor_of(sock), Send(as_bytes(data), encode_flags(flags)), timeout)


@enable_ki_protection
def send_nowait(
    sock: Socket, data: Any, flags: Flags = (), ref: Ref | None = None
) -> Ok[bytes | None] | Error | Select:
    """`send` that does not block: `Select` when not all could be sent, or not our turn.

    `data` of the `Select` is the rest when part was sent; after the select message, send that.
    """
    return nowait(actor_of(sock), Send(as_bytes(data), encode_flags(flags)), ref)


@enable_ki_protection
async def sendto(
    sock: Socket, data: Any, dest: AddressLike, flags: Flags = (), timeout: float = inf
) -> Ok[bytes | None] | Error:
    """Send `data` to `dest`. Documented `sendto/3,4,5`; `timeout` is in seconds.

    `Error` as for `send`.
    """
    actor = actor_of(sock)
    return await blocking(actor, _sendto(actor.kind.domain, data, dest, flags), timeout)


@enable_ki_protection
def sendto_nowait(
    sock: Socket, data: Any, dest: AddressLike, flags: Flags = (), ref: Ref | None = None
) -> Ok[bytes | None] | Error | Select:
    """`sendto` that does not block: `Select` when there is no room, or not our turn."""
    actor = actor_of(sock)
    return nowait(actor, _sendto(actor.kind.domain, data, dest, flags), ref)


def _sendto(domain: str | int, data: Any, dest: AddressLike, flags: Flags) -> SendTo:
    return SendTo(as_bytes(data), encode_flags(flags), "sendto", dest=parse(domain, dest))
