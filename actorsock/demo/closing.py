"""A process waits for data on a socket that another process closes: it gets an abort message."""

from .. import Error, Ok, Pid, Select, exit, ok, receive, send, socket, spawn_link
from ..socket import AbortMessage, SelectMessage, SockAddrIn, Socket
from .client import PATIENCE
from .reports import Aborted
from .terminal import Tell

__all__ = ["closer", "waiter"]


async def waiter(tell: Tell, main: Pid, address: SockAddrIn) -> None:
    """Wait for data that never comes, until the socket is closed; report to `main`."""
    sock = ok(socket.open("inet", "stream", "tcp"))
    ok(await socket.connect(sock, address, timeout=PATIENCE))
    match socket.recv_nowait(sock):
        case Select(info):
            tell("waiter", f"recv_nowait answers Select: {info.ref}", sock)
        case Ok(data):
            exit(f"an echo server speaks unasked: {data!r}")
        case Error(reason):
            exit(f"recv: {reason}")

    spawn_link(closer, tell, sock)
    match await receive(info.ref, after=PATIENCE):
        case AbortMessage(tag=tag, ref=ref, reason="closed"):
            tell("waiter", f"AbortMessage {tag} {ref}: 'closed'", sock, "good")
            send(main, Aborted())
        case AbortMessage(reason=reason):
            exit(f"aborted: {reason}")
        case SelectMessage():
            exit(f"recv answers {socket.recv_nowait(sock)}")
        case _:
            exit(f"no abort message in {PATIENCE:g} seconds")


async def closer(tell: Tell, sock: Socket) -> None:
    """Close a socket that is somebody else's."""
    tell("closer", "closes it, though another process waits", sock)
    ok(await socket.close(sock))
