"""Echo: trio's sockets, a task for each connection."""

from contextlib import suppress

import trio


async def echo(sock: trio.socket.SocketType) -> None:
    with sock, suppress(OSError):
        while data := await sock.recv(8192):
            await sock.send(data)


async def main() -> None:
    with trio.socket.socket() as lsock:
        await lsock.bind(("127.0.0.1", 0))
        lsock.listen(4096)
        print(lsock.getsockname()[1], flush=True)
        async with trio.open_nursery() as nursery:
            while True:
                sock, _ = await lsock.accept()
                nursery.start_soon(echo, sock)


if __name__ == "__main__":
    trio.run(main)
