"""The client and the server of the Erlang documentation as two processes of one program."""

from functools import partial

from documented_client import client
from documented_server import server

from actorsock import Down, current_pid, receive, run, send, spawn_monitor

# main() ->
#     Main = self(),
#     {_, Ref} = spawn_monitor(fun() -> server(loopback, 0, fun(Port) -> Main ! Port end) end),
#     receive Port when is_integer(Port) -> client(loopback, loopback, Port) end,
#     receive {'DOWN', Ref, process, _, normal} -> ok end.


async def main() -> None:
    _, ref = spawn_monitor(server, "loopback", 0, partial(send, current_pid()))
    match await receive((int, Down)):
        case int(port):
            print(f"the server listens on port {port}")
            await client("loopback", "loopback", port)
            print("the client has received its hello")
        case Down(reason=reason):
            raise SystemExit(f"the server could not listen: {reason!r}")
    match await receive(ref):
        case Down(reason=reason):
            print(f"the server has ended with reason {reason!r}")


if __name__ == "__main__":
    run(main)
