"""The echo server: one listening process, and one process for each connection."""

from .. import Down, Error, Ok, Pid, current_pid, exit, ok, receive, send, socket, spawn_monitor
from ..socket import Socket
from .messages import Accepted, Listening, Serve, Served
from .terminal import Show

__all__ = ["connection", "server"]


async def server(show: Show, main: Pid) -> None:
    """Accept connections until the listening socket is closed; then report to `main`."""
    listener = ok(socket.open("inet", "stream", "tcp"))
    port = ok(socket.bind(listener, "loopback"))
    ok(socket.listen(listener, 64))
    show("server", f"listens on 127.0.0.1:{port}", listener)
    send(main, Listening(listener, port))

    connections = 0
    while True:
        match await socket.accept(listener):
            case Ok(sock):
                connections += 1
                _hand_over(show, sock)
            case Error("closed"):
                show("server", 'accept returned Error("closed"): the server ends', listener)
                break
            case Error(reason):
                exit(f"accept: {reason}")
    send(main, Accepted(connections, await _gather(connections)))


def _hand_over(show: Show, sock: Socket) -> None:
    # The process that accepts a socket owns it, and its end would close the socket. Only the owner
    # can make another process the owner. The message is sent after that, so that the connection
    # does not use the socket before it owns it.
    pid, _ = spawn_monitor(connection, show, current_pid())
    ok(socket.setopt(sock, "otp", "controlling_process", pid))
    send(pid, Serve(sock))
    show("server", f"accepted; its new owner is {pid}", sock)


async def _gather(connections: int) -> int:
    """Wait until all connections have ended; return how many bytes they have echoed."""
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


async def connection(show: Show, server: Pid) -> None:
    """Send back all data, until the peer closes."""
    match await receive():
        case Serve(sock):
            show("connection", "owns the socket now; sends back all data", sock)
        case other:
            exit(f"expected a socket to serve, got {other!r}")
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
    show("connection", f"the peer has closed; {size:,} bytes sent back", sock)
    send(server, Served(size))


def answer(data: bytes) -> bytes:
    """Return the reply of the server to `data`: an echo."""
    return data
