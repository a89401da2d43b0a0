"""An HTTP server: h11 implements the protocol, and each connection has a process.

`connection` could be written for trio in the same way, since the streams have trio's interface.
The difference is a crash: a request to divide by zero crashes the process of its connection, with
a log record, and the other connections and the server go on. The client is the standard
library's, in a thread.

It needs h11: pip install h11
"""

from functools import partial
from http.client import HTTPConnection, RemoteDisconnected

import h11
import trio

from actorsock import SocketListener, SocketStream, ok, run, serve_tcp, socket
from actorsock.socket import SockAddrIn


async def connection(stream: SocketStream) -> None:
    """Answer the requests of one connection in turn, until the client closes it."""
    http = h11.Connection(h11.SERVER)
    try:
        while isinstance(request := await next_event(http, stream), h11.Request):
            if http.they_are_waiting_for_100_continue:
                await answer(http, stream, h11.InformationalResponse(status_code=100, headers=[]))
            body = bytearray()
            while isinstance(part := await next_event(http, stream), h11.Data):
                body += part.data
            await respond(http, stream, 200, reply(request, bytes(body)))
            if http.our_state is h11.MUST_CLOSE:
                return
            http.start_next_cycle()
    except h11.RemoteProtocolError as exc:
        if http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            await respond(http, stream, exc.error_status_hint, f"{exc}\n".encode())


def reply(request: h11.Request, body: bytes) -> bytes:
    """Return the body of the response."""
    match request.method, request.target.decode().split("/"):
        case b"GET", ["", "divide", a, b]:
            return f"{int(a) / int(b)}\n".encode()
        case b"POST", ["", "count"]:
            return f"{len(body)} bytes\n".encode()
    return b"hello\n"


async def respond(http: h11.Connection, stream: SocketStream, status: int, body: bytes) -> None:
    headers = [("content-type", "text/plain"), ("content-length", str(len(body)))]
    await answer(http, stream, h11.Response(status_code=status, headers=headers))
    await answer(http, stream, h11.Data(data=body))
    await answer(http, stream, h11.EndOfMessage())


async def answer(http: h11.Connection, stream: SocketStream, event: h11.Event) -> None:
    await stream.send_all(http.send(event) or b"")


async def next_event(http: h11.Connection, stream: SocketStream) -> object:
    while (event := http.next_event()) is h11.NEED_DATA:
        http.receive_data(await stream.receive_some())
    return event


def port_of(listener: SocketListener) -> int:
    name = ok(socket.sockname(listener.socket))
    assert isinstance(name, SockAddrIn)
    return name.port


def ask(client: HTTPConnection, method: str, path: str, body: bytes | None = None) -> None:
    try:
        client.request(method, path, body)
        print(f"{method} {path}: {client.getresponse().read().decode().strip()}")
    except RemoteDisconnected:
        print(f"{method} {path}: no answer")


def client(port: int) -> None:
    ann, bob = HTTPConnection("127.0.0.1", port), HTTPConnection("127.0.0.1", port)
    ask(ann, "GET", "/")
    ask(bob, "GET", "/divide/1/0")  # crashes the process of this connection
    ask(ann, "GET", "/divide/1/2")  # still on the same connection
    ask(ann, "POST", "/count", bytes(1_000_000))
    ann.close()


async def main() -> None:
    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(serve_tcp, host="127.0.0.1"), connection, 0)
        await trio.to_thread.run_sync(client, port_of(listener))
        nursery.cancel_scope.cancel()


if __name__ == "__main__":
    run(main)
