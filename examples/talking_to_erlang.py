"""The client and the server of the Erlang documentation, one in Python and one in Erlang.

Both combinations run, over TCP, UDP and local sockets. Needs Erlang (on Debian: erlang-base).
"""

import subprocess
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import trio

from actorsock import Down, current_pid, ok, receive, run, send, socket, spawn_monitor

ERLANG = ["escript", str(Path(__file__).with_suffix(".erl"))]


async def client(kind: str, where: str) -> None:
    sock = ok(socket.open(domain(kind), type_of(kind)))
    ok(socket.bind(sock, anywhere(kind)))
    ok(await socket.connect(sock, address(kind, where)))
    msg = b"hello"
    ok(await socket.send(sock, msg))
    if type_of(kind) == "stream":
        ok(socket.shutdown(sock, "write"))
    assert ok(await socket.recv(sock)) == msg
    ok(await socket.close(sock))


async def server(kind: str, where: str, listening: Callable[[int], object]) -> None:
    lsock = ok(socket.open(domain(kind), type_of(kind)))
    port = ok(socket.bind(lsock, address(kind, where)))
    if type_of(kind) == "stream":
        ok(socket.listen(lsock))
    listening(port)
    if type_of(kind) == "stream":
        sock = ok(await socket.accept(lsock))
        msg = ok(await socket.recv(sock))
        ok(await socket.send(sock, msg))
        ok(socket.shutdown(sock, "write"))
        ok(await socket.close(sock))
    else:
        source, msg = ok(await socket.recvfrom(lsock))
        ok(await socket.sendto(lsock, msg, source))
    ok(await socket.close(lsock))


def domain(kind: str) -> socket.Domain:
    return "local" if kind == "local" else "inet"


def type_of(kind: str) -> socket.Type:
    return "dgram" if kind == "udp" else "stream"


def anywhere(kind: str) -> dict[str, object]:
    if kind == "local":
        return {"family": "local", "path": b""}
    return {"family": "inet", "addr": "loopback"}


def address(kind: str, where: str) -> dict[str, object]:
    if kind == "local":
        return {"family": "local", "path": where}
    return {"family": "inet", "addr": "loopback", "port": int(where)}


async def ours_serves(kind: str, where: str) -> None:
    main = current_pid()
    _, ref = spawn_monitor(server, kind, where, lambda port: send(main, port))
    port = await receive((int, Down))
    assert isinstance(port, int), port
    at = where if kind == "local" else str(port)
    await trio.run_process([*ERLANG, "client", kind, at])
    assert (await receive(ref)).reason == "normal"
    print(f"{kind}: Erlang's client has received its hello from our server")


async def ours_asks(kind: str, where: str) -> None:
    async with trio.open_nursery() as nursery:
        command = [*ERLANG, "server", kind, where]
        erlang = await nursery.start(partial(trio.run_process, command, stdout=subprocess.PIPE))
        port = int(await erlang.stdout.receive_some())
        await client(kind, where if kind == "local" else str(port))
    print(f"{kind}: our client has received its hello from Erlang's server")


async def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        for kind in ("tcp", "udp", "local"):
            await ours_serves(kind, f"{directory}/ours" if kind == "local" else "0")
            await ours_asks(kind, f"{directory}/theirs" if kind == "local" else "0")


if __name__ == "__main__":
    run(main)
