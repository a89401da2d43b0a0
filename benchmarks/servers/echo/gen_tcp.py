"""Echo with gen_tcp in an active mode: a process for each connection.

Arguments: `task` or `light`; the packet type, `4` or `line`; `once` or `count`.
"""

import sys

from actorsock import exit, gen_tcp, inet, ok, receive, run, spawn
from actorsock.gen_tcp import TcpSocket
from actorsock.inet import Tcp, TcpClosed, TcpPassive

LIGHT = sys.argv[1] == "light"
PACKET = 4 if sys.argv[2] == "4" else sys.argv[2]
ACTIVE = "once" if sys.argv[3] == "once" else 100


async def echo(sock: TcpSocket) -> None:
    more = {"active": ACTIVE}
    while True:
        match await receive():
            case Tcp(data=data):
                if ACTIVE == "once":
                    inet.setopts(sock, more)
                await gen_tcp.send(sock, data)
            case TcpPassive():
                inet.setopts(sock, more)
            case TcpClosed():
                exit("normal")


async def listener() -> None:
    options = {"ip": "127.0.0.1", "backlog": 4096, "packet": PACKET, "active": False}
    listening = ok(gen_tcp.listen(0, options))
    print(ok(inet.port(listening)), flush=True)
    while True:
        sock = ok(await gen_tcp.accept(listening))
        ok(gen_tcp.controlling_process(sock, spawn(echo, sock, light=LIGHT)))
        inet.setopts(sock, {"active": ACTIVE})


async def main() -> None:
    spawn(listener, light=LIGHT)
    await receive()


if __name__ == "__main__":
    run(main)
