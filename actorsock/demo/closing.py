"""A process waits for data, another process closes the socket: the first gets an abort message."""

from .. import Ok, Pid, Select, exit, ok, receive, send, socket, spawn_link
from ..socket import AbortMessage, SelectMessage, SockAddrIn, Socket
from .client import PATIENCE
from .messages import Aborted
from .terminal import Show

__all__ = ["closer", "waiter"]


async def waiter(show: Show, main: Pid, address: SockAddrIn) -> None:
    """Wait for data that never comes, until the socket is closed; report to `main`."""
    sock = ok(socket.open("inet", "stream", "tcp"))
    ok(await socket.connect(sock, address, timeout=PATIENCE))
    match socket.recv_nowait(sock):
        case Select(info):
            show("waiter", f"recv_nowait returned Select {info.ref}", sock)
        case Ok(data):
            exit(f"the echo server has sent data first: {data!r}")
        case other:
            exit(f"recv_nowait returned {other}")

    spawn_link(closer, show, sock)
    match await receive(info.ref, after=PATIENCE):
        case AbortMessage(tag=tag, ref=ref, reason="closed"):
            show("waiter", f"AbortMessage {tag} {ref}: 'closed'", sock, "good")
            send(main, Aborted())
        case AbortMessage(reason=reason):
            exit(f"aborted: {reason}")
        case SelectMessage():
            exit(f"recv_nowait returned {socket.recv_nowait(sock)}")
        case _:
            exit(f"no abort message within {PATIENCE:g} seconds")


async def closer(show: Show, sock: Socket) -> None:
    """Close a socket that another process owns."""
    show("closer", "closes the socket while the waiter waits", sock)
    ok(await socket.close(sock))
