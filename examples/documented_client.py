"""The client of the Erlang documentation, line by line.

python examples/documented_client.py ADDR SERVER_ADDR SERVER_PORT
"""

import sys

from actorsock import ok, run, socket

# client(Addr, SAddr, SPort) ->
#     {ok, Sock} = socket:open(inet, stream, tcp),
#     {ok, _} = socket:bind(Sock, #{family => inet,
#                                   addr => Addr}),
#     ok = socket:connect(Sock, #{family => inet,
#                                 addr => SAddr,
#                                 port => SPort}),
#     Msg = list_to_binary("hello"),
#     ok = socket:send(Sock, Msg),
#     ok = socket:shutdown(Sock, write),
#     {ok, Msg} = socket:recv(Sock),
#     ok = socket:close(Sock).


async def client(addr: str, server_addr: str, server_port: int) -> None:
    sock = ok(socket.open("inet", "stream", "tcp"))
    ok(socket.bind(sock, {"family": "inet", "addr": addr}))
    ok(await socket.connect(sock, {"family": "inet", "addr": server_addr, "port": server_port}))
    msg = b"hello"
    ok(await socket.send(sock, msg))
    ok(socket.shutdown(sock, "write"))
    assert ok(await socket.recv(sock)) == msg
    ok(await socket.close(sock))


if __name__ == "__main__":
    match sys.argv[1:]:
        case [addr, server_addr, server_port]:
            run(client, addr, server_addr, int(server_port))
            print(f"{server_addr}:{server_port} has sent hello back")
        case _:
            sys.exit(__doc__)
