"""One echo server on all cores: a program for each, which a supervisor keeps running.

All of them listen on one port, and the kernel shares its connections among them. They find each
other in a group of `pg`. One of them is killed, and comes back.
"""

import os
import signal

from actorsock import Ok, current_pid, dist, gen_tcp, ok, otp, receive, run, socket, spawn
from actorsock import spawn_link
from actorsock.gen_tcp import TcpSocket
from actorsock.otp import ChildSpec, Supervisor

OPTIONS = {"ip": "127.0.0.1", "active": False, "reuseaddr": True, "reuseport": True}


async def server(port: int) -> None:
    """Accept connections; the code of one process in each program."""
    await dist.pg.join("servers", current_pid())
    listener = ok(gen_tcp.listen(port, OPTIONS))
    while True:
        sock = ok(await gen_tcp.accept(listener))
        ok(gen_tcp.controlling_process(sock, spawn(echo, sock, light=True)))


async def echo(sock: TcpSocket) -> None:
    while isinstance(result := await gen_tcp.recv(sock, 0), Ok):
        await gen_tcp.send(sock, b"%d: %s" % (os.getpid(), result.value))


def tree(port: int) -> list[ChildSpec]:
    """What runs in each program."""
    return [
        ChildSpec("pg", dist.pg.start_link),
        ChildSpec("server", spawn_link, (server, port)),
    ]


async def main() -> None:
    port = a_port()
    async with dist.peer.pool(2) as nodes:
        on_nodes = [
            ChildSpec(node, otp.start_link, (Supervisor, tree(port)), type="supervisor", node=node)
            for node in nodes
        ]
        children = [ChildSpec("pg", dist.pg.start_link), *on_nodes]
        supervisor = ok(await otp.start_link(Supervisor, children))
        await members(2)
        programs = await answers(port, 2)
        print(f"{len(programs)} programs answer on one port")
        os.kill(min(programs), signal.SIGKILL)
        await members(1)
        print("one was killed")
        await members(2)
        again = await answers(port, 2)
        print(f"{len(again)} programs answer again, {len(again - programs)} of them is new")
        await otp.stop(supervisor)


async def members(number: int) -> None:
    """Wait until the group has so many members."""
    ref, pids = await dist.pg.monitor("servers")
    while len(pids) != number:
        await receive(ref)
        pids = dist.pg.get_members("servers")
    await dist.pg.demonitor(ref)


async def answers(port: int, number: int) -> set[int]:
    """Connect until so many programs have answered."""
    programs: set[int] = set()
    while len(programs) < number:
        sock = ok(await gen_tcp.connect("127.0.0.1", port, {"active": False}))
        ok(await gen_tcp.send(sock, b"hello"))
        match await gen_tcp.recv(sock, 0, timeout=5):
            case Ok(bytes(answer)):
                programs.add(int(answer.partition(b":")[0]))
        await gen_tcp.close(sock)
    return programs


def a_port() -> int:
    """Return a port for all of them; the socket that keeps it free for them does not listen."""
    sock = ok(socket.open("inet", "stream", "tcp"))
    ok(socket.setopt(sock, "socket", "reuseport", True))
    return ok(socket.bind(sock, ("127.0.0.1", 0)))


if __name__ == "__main__":
    run(main)
