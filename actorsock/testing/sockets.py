"""The sockets of a runtime, all of them, and how a report shows one."""

from ..results import Ok
from ..runtime.core.node import Node
from ..socket import SockAddrIn, SockAddrIn6, SockAddrUn, Socket, info, peername, sockname
from ..socket.core.actor import SocketActor, actor_of
from ..socket.core.service import existing_service

__all__ = ["open_sockets", "shown_socket"]


def open_sockets(node: Node) -> list[SocketActor]:
    """The actor of every socket that is open, also of those that are not listed."""
    service = existing_service(node)
    return [] if service is None else [actor_of(sock) for sock in service.registry.kinds]


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
