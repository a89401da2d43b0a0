"""The echo server: one process listens, and each connection has a process of its own."""

from .. import Down, Error, Ok, Pid, current_pid, exit, ok, receive, send, socket, spawn_monitor
from ..socket import Socket
from .reports import Accepted, Listening, Served, Yours
from .terminal import Tell

__all__ = ["connection", "server"]


async def server(tell: Tell, main: Pid) -> None:
    """Accept connections until the listening socket is closed; then report to `main`."""
    listener = ok(socket.open("inet", "stream", "tcp"))
    port = ok(socket.bind(listener, "loopback"))
    ok(socket.listen(listener, 64))
    tell("server", f"listens on 127.0.0.1:{port}", listener)
    send(main, Listening(listener, port))

    connections = 0
    while True:
        match await socket.accept(listener):
            case Ok(sock):
                connections += 1
                _hand_over(tell, sock)
            case Error("closed"):
                tell("server", 'accept answers Error("closed"), so it ends', listener)
                break
            case Error(reason):
                exit(f"accept: {reason}")
    send(main, Accepted(connections, await _gather(connections)))


def _hand_over(tell: Tell, sock: Socket) -> None:
    # Whoever accepts a socket owns it, and takes it along when it ends. Only the owner can
    # give it away; the message comes after that, so that the new owner starts as the owner.
    pid, _ = spawn_monitor(connection, tell, current_pid())
    ok(socket.setopt(sock, "otp", "controlling_process", pid))
    send(pid, Yours(sock))
    tell("server", f"accepted, and given to {pid}", sock)


async def _gather(connections: int) -> int:
    """The bytes that all connections have echoed, when the last of them has ended."""
    size = 0
    while connections:
        match await receive((Served, Down)):
            case Served(echoed):
                size += echoed
            case Down(reason="normal"):
                connections -= 1
            case Down(pid=pid, reason=reason):
                exit(f"connection {pid} ended: {reason!r}")
    return size


async def connection(tell: Tell, server: Pid) -> None:
    """Send back what comes, until the peer has finished."""
    match await receive():
        case Yours(sock):
            tell("connection", "owns it now, sends back what comes", sock)
        case other:
            exit(f"not a socket to serve: {other!r}")
    size = 0
    while True:
        match await socket.recv(sock):
            case Ok(data):
                ok(await socket.send(sock, answer(data)))
                size += len(data)
            case Error("closed"):
                break
            case Error(reason):
                exit(f"recv: {reason}")
    ok(await socket.close(sock))
    tell("connection", f"the peer has finished: {size:,} bytes sent back", sock)
    send(server, Served(size))


def answer(data: bytes) -> bytes:
    """What an echo server answers to `data`."""
    return data
