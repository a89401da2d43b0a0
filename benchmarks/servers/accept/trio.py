"""Accept and close connections: a trio socket and one task."""

import trio


async def main() -> None:
    with trio.socket.socket() as lsock:
        await lsock.bind(("127.0.0.1", 0))
        lsock.listen(4096)
        print(lsock.getsockname()[1], flush=True)
        while True:
            sock, _ = await lsock.accept()
            sock.close()


if __name__ == "__main__":
    trio.run(main)
