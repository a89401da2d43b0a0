"""Echo: one process for all connections, with calls that never block and select messages.

Argument: `task` or `light`.
"""

import sys

from actorsock import Error, Ok, Select, exit, ok, receive, run, socket, spawn
from actorsock.socket import SelectMessage, Socket

LIGHT = sys.argv[1] == "light"


async def server() -> None:
    lsock = ok(socket.open("inet", "stream", "tcp"))
    port = ok(socket.bind(lsock, "loopback"))
    ok(socket.listen(lsock, 4096))
    print(port, flush=True)
    await accept(lsock)
    while True:
        match await receive():
            case SelectMessage(sock, "recv"):
                await echo(sock)
            case SelectMessage(sock, "accept"):
                await accept(sock)


async def accept(lsock: Socket) -> None:
    while True:
        match socket.accept_nowait(lsock):
            case Ok(sock):
                await echo(sock)
            case Select():
                return
            case Error(reason):
                exit(reason)


async def echo(sock: Socket) -> None:
    while True:
        match socket.recv_nowait(sock):
            case Ok(data):
                # There is room for so little. A select here says that the budget of reductions is
                # used up: others run until its message is received.
                while isinstance(sent := socket.send_nowait(sock, data), Select):
                    await receive(sent.info.ref)
                ok(sent)
            case Select():
                return
            case _:
                await socket.close(sock)
                return


async def main() -> None:
    spawn(server, light=LIGHT)
    await receive()


if __name__ == "__main__":
    run(main)
