"""The table of open sockets that `inet.i` prints."""

import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

from trio.lowlevel import enable_ki_protection

from ...arguments import shown
from ...results import Error, Ok
from ...runtime.bodies.current import current_process
from ...socket.core.service import existing_service
from ..driver.inet_actor import InetActor
from ..driver.socket_objects import InetSocket
from .arguments import inet_actor_of
from .informing import peername, sockname

__all__ = ["i"]

_STATES: Final = {
    ("accepting", "listen", "open"): "ACCEPTING",
    ("listen", "open"): "LISTENING",
    ("connected", "open"): "CONNECTED",
    ("open",): "BOUND",
    (): "CLOSED",
}
_SHOWN: Final[dict[str, tuple[str, Callable[[InetActor], object]]]] = {
    "port": ("Port", lambda actor: repr(actor.socket_object).removeprefix("#Port")),
    "module": ("Module", lambda actor: f"inet_{actor.transport}"),
    "recv": ("Recv", lambda actor: actor.statistics.recv_oct),
    "sent": ("Sent", lambda actor: actor.statistics.send_oct),
    "owner": ("Owner", lambda actor: actor.turns.owner),
    "local_address": ("Local Address", lambda actor: _name(sockname(actor.socket_object))),
    "foreign_address": ("Foreign Address", lambda actor: _name(peername(actor.socket_object))),
    "state": ("State", lambda actor: _STATES[tuple(actor.states())]),
    "type": ("Type", lambda actor: "STREAM" if actor.transport == "tcp" else "DGRAM"),
    "fd": ("Fd", lambda actor: actor.fd),
}
"""The title of each column, and what it shows."""
_COLUMNS: Final = tuple(name for name in _SHOWN if name != "fd")


@enable_ki_protection
def i(transport: str | None = None, columns: Sequence[str] = _COLUMNS) -> None:
    """Print a table of the open sockets. Erlang's `inet:i/0,1,2`.

    Args:
        transport: `"tcp"` or `"udp"`; None for both.
        columns: the columns, of `"port"`, `"module"`, `"recv"`, `"sent"`, `"owner"`,
            `"local_address"`, `"foreign_address"`, `"state"`, `"type"` and `"fd"`; all but the
            last unless given.

    Raises:
        TypeError: `columns` is no list.
        ValueError: one of the words is another.

    Example::

        inet.i("tcp", ["port", "owner", "local_address"])
    """
    if transport not in (None, "tcp", "udp"):
        raise ValueError(f"transport: expected 'tcp' or 'udp', got {shown(transport)}")
    if isinstance(columns, str) or not isinstance(columns, Sequence):
        raise TypeError(f"columns: expected a list of words, got {shown(columns)}")
    for column in columns:
        if column not in _SHOWN:
            raise ValueError(f"columns: expected words of {tuple(_SHOWN)}, got {shown(column)}")
    service = existing_service(current_process().node)
    handles = [] if service is None else list(service.registry.kinds)
    actors = [inet_actor_of(handle) for handle in handles if isinstance(handle, InetSocket)]
    rows = [[_SHOWN[column][0] for column in columns]] + [
        [str(_SHOWN[column][1](actor)) for column in columns]
        for actor in actors
        if transport in (None, actor.transport)
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        sys.stdout.write(line.rstrip() + "\n")


def _name(name: Ok[tuple[Any, Any]] | Error) -> str:
    return ":".join(map(str, name.value)) if isinstance(name, Ok) else "*:*"
