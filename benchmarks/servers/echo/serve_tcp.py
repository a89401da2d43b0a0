"""Echo by `serve_tcp`, of actorsock or of trio. Argument: `actorsock` or `trio`."""

import sys
from functools import partial

import trio

import actorsock

OURS = sys.argv[1] == "actorsock"


async def echo(stream: trio.abc.Stream) -> None:
    async for data in stream:
        await stream.send_all(data)


async def main() -> None:
    async with trio.open_nursery() as nursery:
        ours = partial(actorsock.serve_tcp, echo, 0, host="127.0.0.1")
        trios = partial(trio.serve_tcp, echo, 0, host="127.0.0.1")
        (listener,) = await nursery.start(ours if OURS else trios)
        print(listener.socket.getsockname()[1], flush=True)


if __name__ == "__main__":
    actorsock.run(main) if OURS else trio.run(main)
