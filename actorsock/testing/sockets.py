"""The sockets of a runtime, all of them, and how a report shows one.

The registry lists only those that want to be listed, hence the actors are asked for.
"""

from collections.abc import Iterator

from ..results import Ok
from ..runtime.handler_body import HandlerBody
from ..runtime.node import Node
from ..runtime.process import Process, alive
from ..socket import SockAddrIn, SockAddrIn6, SockAddrUn, Socket, info, peername, sockname
from ..socket.actor import SocketActor

__all__ = ["actor_in", "has_sockets", "open_sockets", "shown_socket"]


def has_sockets(node: Node) -> bool:
    """Whether a socket has been opened in this runtime, open or closed by now."""
    return "socket" in node.services


def open_sockets(node: Node) -> Iterator[SocketActor]:
    """The actor of every socket that is open."""
    if has_sockets(node):
        for process in alive.copy().values():
            if process.node is node and (actor := actor_in(process)) is not None:
                yield actor


def actor_in(process: Process) -> SocketActor | None:
    """The socket actor that `process` is, if it is one."""
    body = process.body
    if not isinstance(body, HandlerBody):
        return None
    # A handler process knows its function only, which is a method of the actor.
    actor = getattr(body._handle, "__self__", None)
    return actor if isinstance(actor, SocketActor) else None


def shown_socket(sock: Socket) -> str:
    """The handle, what kind of socket it is and between which addresses."""
    known = info(sock)
    words = f"{sock!r}, {known.domain} {known.type} {known.protocol}"
    name = _address(sockname(sock))
    peer = _address(peername(sock))
    if "listening" in known.rstates:
        return f"{words}, listening on {name}"
    if peer is not None:
        return f"{words}, {name or 'unnamed'} connected to {peer}"
    return f"{words}, bound to {name}" if name is not None else f"{words}, not bound"


def _address(answer: object) -> str | None:
    match answer:
        case Ok(SockAddrIn(addr, port)) if port:
            return f"{addr}:{port}"
        case Ok(SockAddrIn6(addr, port)) if port:
            return f"[{addr}]:{port}"
        case Ok(SockAddrIn() | SockAddrIn6()):
            return None
        case Ok(SockAddrUn(path)):
            return repr(path) if path else None
        case Ok(other):
            return repr(other)
    return None
