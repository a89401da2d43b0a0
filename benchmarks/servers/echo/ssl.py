"""Echo over TLS in the mode "once": a process for each connection.

Arguments: `task` or `light`; a PEM file with certificate and key.
"""

import sys

from actorsock import exit, ok, receive, run, spawn, ssl
from actorsock.ssl import Ssl, SslClosed, SslSocket

LIGHT = sys.argv[1] == "light"


async def echo(accepted: SslSocket) -> None:
    sock = ok(await ssl.handshake(accepted, {"active": "once"}))
    more = {"active": "once"}
    while True:
        match await receive():
            case Ssl(data=data):
                ssl.setopts(sock, more)
                await ssl.send(sock, data)
            case SslClosed():
                exit("normal")


async def listener() -> None:
    options = {"ip": "127.0.0.1", "backlog": 4096, "certfile": sys.argv[2]}
    listening = ok(ssl.listen(0, options))
    print(ok(ssl.sockname(listening))[1], flush=True)
    while True:
        accepted = ok(await ssl.transport_accept(listening))
        ok(ssl.controlling_process(accepted, spawn(echo, accepted, light=LIGHT)))


async def main() -> None:
    spawn(listener, light=LIGHT)
    await receive()


if __name__ == "__main__":
    run(main)
