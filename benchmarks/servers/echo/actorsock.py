"""Echo: a process for each connection, with blocking calls. Argument: `task` or `light`."""

import sys
from collections.abc import Callable

from actorsock import Error, Ok, Pid, exit, ok, receive, run, socket, spawn
from actorsock.socket import Socket

LIGHT = sys.argv[1] == "light"


async def echo(sock: Socket) -> None:
    while True:
        match await socket.recv(sock):
            case Ok(data):
                ok(await socket.send(sock, data))
            case Error():
                return


async def listener(more: str = "", on_first: Callable[[Pid], None] | None = None) -> None:
    """Print the port and what else is to be told, and serve each connection.

    `on_first` is called with the process of the first one, which owns its socket.
    """
    lsock = ok(socket.open("inet", "stream", "tcp"))
    port = ok(socket.bind(lsock, "loopback"))
    ok(socket.listen(lsock, 4096))
    print(f"{port}{more}", flush=True)
    while True:
        match await socket.accept(lsock):
            case Ok(sock):
                pid = spawn(echo, sock, light=LIGHT)
                ok(socket.setopt(sock, "otp", "controlling_process", pid))
                if on_first is not None:
                    on_first(pid)
                    on_first = None
            case Error(reason):
                exit(reason)


async def main() -> None:
    spawn(listener, light=LIGHT)
    await receive()


if __name__ == "__main__":
    run(main)
