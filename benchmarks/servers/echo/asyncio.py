"""Echo: asyncio's streams. Argument: `asyncio` or `uvloop`, the event loop."""

import asyncio
import sys
from contextlib import suppress


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(8192):
            writer.write(data)
            await writer.drain()
    writer.close()


async def main() -> None:
    server = await asyncio.start_server(echo, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    if sys.argv[1] == "uvloop":
        import uvloop  # pyright: ignore[reportMissingImports]  # not installed for the tests

        uvloop.run(main())
    else:
        asyncio.run(main())
