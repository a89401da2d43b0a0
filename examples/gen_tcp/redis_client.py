"""A client of Redis: its packet type changes with what comes next.

A reply of Redis begins with a line; if that announces a string of N bytes, exactly N bytes follow.
So the socket reads lines (`packet` is "line"), and for the bytes it is made `raw` for one recv:
what the kernel or the library has read already is not lost by that.

The port of the server is an argument; without one it is 6379.
"""

import sys
from typing import TypeAlias

from actorsock import Error, Ok, gen_tcp, inet, ok, run
from actorsock.gen_tcp import TcpSocket

Reply: TypeAlias = "bytes | int | list[Reply] | Error[bytes] | None"


async def connect(port: int) -> Ok[TcpSocket] | Error:
    options = {"packet": "line", "active": False, "nodelay": True}
    return await gen_tcp.connect("127.0.0.1", port, options, timeout=5)


async def command(sock: TcpSocket, *words: str | bytes | int) -> Reply:
    """Send one command and return the reply; an error of Redis is an `Error`."""
    ok(await gen_tcp.send(sock, encoded(words)))
    return await reply(sock)


async def pipeline(sock: TcpSocket, *commands: tuple[str | bytes | int, ...]) -> list[Reply]:
    """Send several commands at once, and return their replies."""
    ok(await gen_tcp.send(sock, [encoded(words) for words in commands]))
    return [await reply(sock) for _ in commands]


def encoded(words: tuple[str | bytes | int, ...]) -> list[bytes]:
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        data = word if isinstance(word, bytes) else str(word).encode()
        parts += [b"$%d\r\n" % len(data), data, b"\r\n"]
    return parts


async def reply(sock: TcpSocket) -> Reply:
    line: bytes = ok(await gen_tcp.recv(sock)).removesuffix(b"\r\n")
    kind, rest = line[:1], line[1:]
    match kind:
        case b"+":
            return rest
        case b"-":
            return Error(rest)
        case b":":
            return int(rest)
        case b"$":
            return None if rest == b"-1" else await string(sock, int(rest))
        case b"*":
            return None if rest == b"-1" else [await reply(sock) for _ in range(int(rest))]
    raise ValueError(f"no reply of Redis: {line!r}")


async def string(sock: TcpSocket, length: int) -> bytes:
    ok(inet.setopts(sock, {"packet": "raw"}))
    data: bytes = ok(await gen_tcp.recv(sock, length + 2))
    ok(inet.setopts(sock, {"packet": "line"}))
    return data[:-2]


async def main() -> None:
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 6379
    sock = ok(await connect(port))
    print("set:", await command(sock, "set", "colour", b"a line\r\nand another"))
    print("get:", await command(sock, "get", "colour"))
    print("get:", await command(sock, "get", "shape"))
    counts = await pipeline(sock, ("del", "n"), ("incr", "n"), ("incr", "n"))
    print("pipeline:", counts[1:])
    await command(sock, "del", "list")
    await command(sock, "rpush", "list", "a", "", "c")
    print("lrange:", await command(sock, "lrange", "list", 0, -1))
    match await command(sock, "incr", "colour"):
        case Error(text):
            print("incr:", text.decode())
    big = bytes(range(256)) * 4000
    await command(sock, "set", "big", big)
    print("a million bytes come back:", await command(sock, "get", "big") == big)
    ok(await gen_tcp.close(sock))


if __name__ == "__main__":
    run(main)
