"""Echo: a process for each connection, with blocking calls. Argument: `task` or `light`."""

import sys
from collections.abc import Awaitable, Callable

from actorsock import Error, Ok, exit, ok, receive, run, socket, spawn
from actorsock.socket import Socket

LIGHT = sys.argv[1] == "light"


async def echo(sock: Socket) -> None:
    while True:
        match await socket.recv(sock):
            case Ok(data):
                ok(await socket.send(sock, data))
            case Error():
                return


async def listener(more: str = "", serve: Callable[[Socket], Awaitable[None]] = echo) -> None:
    """Print the port and what else is to be told, and serve each connection."""
    lsock = ok(socket.open("inet", "stream", "tcp"))
    port = ok(socket.bind(lsock, "loopback"))
    ok(socket.listen(lsock, 4096))
    print(f"{port}{more}", flush=True)
    while True:
        match await socket.accept(lsock):
            case Ok(sock):
                pid = spawn(serve, sock, light=LIGHT)
                ok(socket.setopt(sock, "otp", "controlling_process", pid))
            case Error(reason):
                exit(reason)


async def main() -> None:
    spawn(listener, light=LIGHT)
    await receive()


if __name__ == "__main__":
    run(main)
