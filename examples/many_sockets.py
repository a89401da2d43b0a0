"""One process serves many sockets, with calls that never block and select messages.

A call is complete at once, or returns `Select`; then a select message announces when to repeat it.
This echo server reads from a socket only when all that it has read there is sent back, so a client
that does not read uses neither memory nor time of the server.
"""

from actorsock import Error, Ok, Select, exit, ok, receive, run, send, socket, spawn_monitor
from actorsock.socket import SelectMessage, Socket

CLIENTS = 100

# serve(LSock, Unsent) ->
#     receive
#         {'$socket', LSock, select, _} -> serve(LSock, accept(LSock, Unsent));
#         {'$socket', Sock, select, _}  -> serve(LSock, echo(Sock, Unsent));
#         stop                          -> ok
#     end.


async def server(lsock: Socket) -> None:
    unsent: dict[Socket, bytes] = {}
    selects = 0
    await accept(lsock, unsent)
    while True:
        match await receive():
            case SelectMessage(sock, "accept"):
                selects += 1
                await accept(sock, unsent)
            case SelectMessage(sock):  # "recv" or "send"
                selects += 1
                await echo(sock, unsent)
            case "stop":
                print(f"one process has served them all, after {selects} select messages")
                return


async def accept(lsock: Socket, unsent: dict[Socket, bytes]) -> None:
    while True:
        match socket.accept_nowait(lsock):
            case Ok(sock):
                unsent[sock] = b""
                await echo(sock, unsent)
            case Select():
                return
            case Error(reason):
                exit(reason)


async def echo(sock: Socket, unsent: dict[Socket, bytes]) -> None:
    """Echo until a call returns `Select`, or the client closes the connection."""
    while True:
        if rest := unsent[sock]:
            match socket.send_nowait(sock, rest):
                case Ok():
                    unsent[sock] = b""
                case Select(data=left):
                    unsent[sock] = rest if left is None else left
                    return
                case Error():
                    break
        match socket.recv_nowait(sock):
            case Ok(data):
                unsent[sock] = data
            case Select():
                return
            case Error():
                break
    del unsent[sock]
    await socket.close(sock)


async def client(port: int, number: int) -> None:
    async with ok(socket.open("inet", "stream", "tcp")) as sock:
        ok(await socket.connect(sock, ("127.0.0.1", port)))
        for text in (b"hello from", b"client %d" % number, b"and goodbye" * 1000):
            ok(await socket.send(sock, text))
            assert ok(await socket.recv(sock, len(text))) == text


async def main() -> None:
    lsock = ok(socket.open("inet", "stream", "tcp"))
    port = ok(socket.bind(lsock, "loopback"))
    ok(socket.listen(lsock, CLIENTS))
    serving, served = spawn_monitor(server, lsock)
    refs = [spawn_monitor(client, port, number)[1] for number in range(CLIENTS)]
    reasons = [(await receive(ref)).reason for ref in refs]
    print(f"{reasons.count('normal')} of {CLIENTS} clients got back what they sent")
    send(serving, "stop")
    await receive(served)


if __name__ == "__main__":
    run(main)
