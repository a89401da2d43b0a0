"""Echo of datagrams: one process. Argument: `task` or `light`."""

import sys

from actorsock import Error, Ok, exit, ok, receive, run, socket, spawn

LIGHT = sys.argv[1] == "light"


async def server() -> None:
    sock = ok(socket.open("inet", "dgram", "udp"))
    print(ok(socket.bind(sock, "loopback")), flush=True)
    while True:
        match await socket.recvfrom(sock):
            case Ok((source, data)):
                ok(await socket.sendto(sock, data, source))
            case Error(reason):
                exit(reason)


async def main() -> None:
    spawn(server, light=LIGHT)
    await receive()


if __name__ == "__main__":
    run(main)
