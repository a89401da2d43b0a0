"""The open sockets: where they lead, who owns them, who waits, and what has passed."""

from collections.abc import Callable
from typing import Final

from ... import socket
from ...inet.driver.inet_actor import InetActor
from ...inet.driver.listen_actor import ListenActor
from ...observing.parts import by_parts
from ...observing.traffic import bytes_received, bytes_sent
from ...runtime.core.node import Node
from ...socket.core.actor import SocketActor
from ...socket.core.lifetime import SocketLifetime
from ...socket.core.service import existing_service
from ...socket.kernel.address_text import address_text
from ...tls.driver.tls_actor import TlsActor
from ..web.parameters import Parameters
from ..web.site import Json

__all__ = ["sockets"]

_MOST_ROWS: Final = 500

_ROWS: Final = 20
"""Rows that are made before other processes run: each takes several system calls."""

_SORTS: Final[dict[str, Callable[[SocketLifetime], int] | None]] = {
    "socket": None,  # the order in which they were opened
    "read": bytes_received,
    "written": bytes_sent,
}

_MODULES: Final[tuple[tuple[type[SocketLifetime], str], ...]] = (
    (SocketActor, "socket"),
    (TlsActor, "ssl"),
    (InetActor, "gen_tcp"),
)
"""Which module a socket is of, by the first class that fits; one of datagrams is `gen_udp`'s."""


async def sockets(node: Node, parameters: Parameters) -> Json:
    """Return some rows of the list of sockets.

    Parameters of the question: `sort`: `socket` (the order in which they were opened), `read` or
    `written`; `down`; `first` and `count`; `word` for those whose row has it.
    """
    key = parameters.choice("sort", _SORTS, "socket")
    down = parameters.flag("down", False)
    first = parameters.number("first", 0, 10**9)
    count = parameters.number("count", 40, _MOST_ROWS)
    word = parameters.text("word").lower()
    service = existing_service(node)
    everything: list[SocketLifetime] = [] if service is None else service.registry.actors()
    chosen = everything
    if word:
        chosen = []
        async for part in by_parts(everything, _ROWS):
            chosen += [one for one in part if not one.turns.closed and word in _words(one)]
    if key is not None:
        chosen.sort(key=key, reverse=down)
    elif down:
        chosen.reverse()
    rows: list[Json] = []
    async for part in by_parts(chosen[first : first + count], _ROWS):
        rows += [_row(one) for one in part if not one.turns.closed]
    return {"all": len(everything), "found": len(chosen), "first": first, "rows": rows}


def _row(actor: SocketLifetime) -> dict[str, Json]:
    kind, owner = actor.kind, actor.turns.owner
    state, waiting = _state(actor)
    return {
        "socket": repr(actor.socket_object),
        "module": _module(actor),
        "kind": f"{kind.domain} {kind.type} {kind.protocol}",
        "local": address_text(actor.sock.getsockname),
        "peer": address_text(actor.sock.getpeername),
        "owner": None if owner is None else repr(owner),
        "state": state,
        "waiting": waiting,
        "read": bytes_received(actor),
        "written": bytes_sent(actor),
    }


def _words(actor: SocketLifetime) -> str:
    return " ".join(str(value) for value in _row(actor).values()).lower()


def _module(actor: SocketLifetime) -> str:
    if isinstance(actor, InetActor) and not actor.kind.is_stream:
        return "gen_udp"
    return next(module for cls, module in _MODULES if isinstance(actor, cls))


def _state(actor: SocketLifetime) -> tuple[str, str]:
    """Return the state of a socket, and how many operations wait for what."""
    if isinstance(actor, InetActor):
        return (
            "listening" if isinstance(actor, ListenActor) else f"active: {actor.active_value()}",
            "",
        )
    info = socket.info(actor.socket_object)
    numbers = (
        (info.num_acceptors, "accept"),
        (info.num_readers, "read"),
        (info.num_writers, "write"),
    )
    waiting = ", ".join(f"{number} {word}" for number, word in numbers if number)
    return ", ".join(dict.fromkeys((*info.rstates, *info.wstates))), waiting
