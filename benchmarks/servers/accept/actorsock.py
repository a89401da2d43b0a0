"""Accept and close connections: one process. Argument: `task` or `light`."""

import sys

from actorsock import Error, Ok, exit, ok, receive, run, socket, spawn

LIGHT = sys.argv[1] == "light"


async def server() -> None:
    lsock = ok(socket.open("inet", "stream", "tcp"))
    port = ok(socket.bind(lsock, "loopback"))
    ok(socket.listen(lsock, 4096))
    print(port, flush=True)
    while True:
        match await socket.accept(lsock):
            case Ok(sock):
                ok(await socket.close(sock))
            case Error(reason):
                exit(reason)


async def main() -> None:
    spawn(server, light=LIGHT)
    await receive()


if __name__ == "__main__":
    run(main)
