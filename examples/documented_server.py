"""The server of the Erlang documentation, line by line. With port 0 the system chooses one.

python examples/documented_server.py ADDR PORT
"""

import sys
from collections.abc import Callable

from actorsock import ok, run, socket

# server(Addr, Port) ->
#     {ok, LSock} = socket:open(inet, stream, tcp),
#     {ok, _} = socket:bind(LSock, #{family => inet,
#                                    port => Port,
#                                    addr => Addr}),
#     ok = socket:listen(LSock),
#     {ok, Sock} = socket:accept(LSock),
#     {ok, Msg} = socket:recv(Sock),
#     ok = socket:send(Sock, Msg),
#     ok = socket:shutdown(Sock, write),
#     ok = socket:close(Sock),
#     ok = socket:close(LSock).


async def server(addr: str, port: int, listening: Callable[[int], object]) -> None:
    lsock = ok(socket.open("inet", "stream", "tcp"))
    bound = ok(socket.bind(lsock, {"family": "inet", "port": port, "addr": addr}))
    ok(socket.listen(lsock))
    listening(bound)  # not in the original: clients can connect now, to this port
    sock = ok(await socket.accept(lsock))
    msg = ok(await socket.recv(sock))
    ok(await socket.send(sock, msg))
    ok(socket.shutdown(sock, "write"))
    ok(await socket.close(sock))
    ok(await socket.close(lsock))


if __name__ == "__main__":
    match sys.argv[1:]:
        case [addr, port]:
            run(server, addr, int(port), lambda bound: print(f"port {bound}", flush=True))
        case _:
            sys.exit(__doc__)
