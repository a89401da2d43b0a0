"""Echo of datagrams: a trio socket and one task."""

import trio


async def main() -> None:
    with trio.socket.socket(type=trio.socket.SOCK_DGRAM) as sock:
        await sock.bind(("127.0.0.1", 0))
        print(sock.getsockname()[1], flush=True)
        while True:
            data, source = await sock.recvfrom(8192)
            await sock.sendto(data, source)


if __name__ == "__main__":
    trio.run(main)
