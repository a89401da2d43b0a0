"""Bytes in bulk, in pieces of 64 KiB: one process. Argument: `task` or `light`.

A client sends the direction (`r`: the server reads) and the number of bytes. After reading, the
server sends back how many bytes it has read.
"""

import sys

from actorsock import ok, receive, run, socket, spawn
from actorsock.socket import Socket

LIGHT = sys.argv[1] == "light"
PIECE = bytes(65536)


async def serve(sock: Socket) -> None:
    head = ok(await socket.recv(sock, 9))
    total = int.from_bytes(head[1:], "big")
    if head[:1] == b"r":
        received = 0
        while received < total:
            received += len(ok(await socket.recv(sock)))
        ok(await socket.send(sock, received.to_bytes(8, "big")))
    else:
        for _ in range(total // len(PIECE)):
            ok(await socket.send(sock, PIECE))


async def server() -> None:
    lsock = ok(socket.open("inet", "stream", "tcp"))
    port = ok(socket.bind(lsock, "loopback"))
    ok(socket.listen(lsock))
    print(port, flush=True)
    while True:
        sock = ok(await socket.accept(lsock))
        ok(socket.setopt(sock, "otp", "rcvbuf", len(PIECE)))  # one recv reads up to so many bytes
        await serve(sock)
        ok(await socket.close(sock))


async def main() -> None:
    spawn(server, light=LIGHT)
    await receive()


if __name__ == "__main__":
    run(main)
