"""Datagrams: a server that answers every sender, and a client that waits with a time-out."""

from actorsock import Error, Ok, ok, run, socket, spawn_link
from actorsock.socket import SockAddrIn, Socket

# server(Sock) ->
#     case socket:recvfrom(Sock) of
#         {ok, {Source, <<"say ", Text/binary>>}} ->
#             ok = socket:sendto(Sock, string:uppercase(Text), Source),
#             server(Sock);
#         {ok, _}    -> server(Sock);
#         {error, _} -> ok
#     end.


async def server(sock: Socket) -> None:
    while True:
        match await socket.recvfrom(sock):
            case Ok((source, data)) if data.startswith(b"say "):
                ok(await socket.sendto(sock, data[4:].upper(), source))
            case Ok():
                pass  # not a request: send no reply
            case Error():
                return  # closed: the process that opened it has ended


async def main() -> None:
    server_sock = ok(socket.open("inet", "dgram", "udp"))
    port = ok(socket.bind(server_sock, "loopback"))
    spawn_link(server, server_sock)

    async with ok(socket.open("inet", "dgram", "udp")) as sock:
        for question in ("say hello", "say it again", "what?"):
            ok(await socket.sendto(sock, question.encode(), SockAddrIn("loopback", port)))
            match await socket.recvfrom(sock, timeout=0.2):
                case Ok((source, answer)):
                    print(f"{question}: {answer.decode()}")
                    assert source == SockAddrIn("loopback", port)
                case Error("timeout"):
                    print(f"{question}: no answer")
                case Error(reason):
                    raise SystemExit(f"{question}: {reason}")


if __name__ == "__main__":
    run(main)
