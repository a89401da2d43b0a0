"""Echo over TLS: `trio.SSLStream`, a task for each connection.

Argument: a PEM file with certificate and key.
"""

import ssl
import sys
from functools import partial

import trio


async def echo(context: ssl.SSLContext, stream: trio.SocketStream) -> None:
    secure = trio.SSLStream(stream, context, server_side=True)
    try:
        async for data in secure:
            await secure.send_all(data)
    except trio.BrokenResourceError:
        pass


async def main() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1])
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1", backlog=4096)
    print(listeners[0].socket.getsockname()[1], flush=True)
    await trio.serve_listeners(partial(echo, context), listeners)


if __name__ == "__main__":
    trio.run(main)
