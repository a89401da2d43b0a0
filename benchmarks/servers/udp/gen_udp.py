"""Echo of datagrams with gen_udp in active mode: one process. Argument: `task` or `light`."""

import sys

from actorsock import gen_udp, inet, ok, receive, run, spawn
from actorsock.inet import Udp

LIGHT = sys.argv[1] == "light"


async def server() -> None:
    sock = ok(gen_udp.open(0, {"ip": "127.0.0.1"}))
    print(ok(inet.port(sock)), flush=True)
    while True:
        match await receive():
            case Udp(_, address, port, data):
                ok(await gen_udp.send(sock, address, port, data))


async def main() -> None:
    spawn(server, light=LIGHT)
    await receive()


if __name__ == "__main__":
    run(main)
