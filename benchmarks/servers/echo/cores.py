"""Echo with some work for each message, on some cores. Arguments: the work, and the cores.

Prints the port, and then the numbers of the programs that serve it, one for each core.
"""

import os
import sys

from actorsock import (
    Error,
    Ok,
    Pid,
    current_pid,
    dist,
    gen_tcp,
    ok,
    receive,
    run,
    send,
    socket,
    spawn,
)
from actorsock.gen_tcp import TcpSocket

OPTIONS = {"ip": "127.0.0.1", "active": False, "reuseport": True, "backlog": 1024}


async def serve(port: int, work: int, told: Pid) -> None:
    listener = ok(gen_tcp.listen(port, OPTIONS))
    send(told, os.getpid())
    while True:
        sock = ok(await gen_tcp.accept(listener))
        ok(gen_tcp.controlling_process(sock, spawn(echo, sock, work, light=True)))


async def echo(sock: TcpSocket, work: int) -> None:
    while True:
        match await gen_tcp.recv(sock, 0):
            case Ok(data):
                for _ in range(work):
                    pass
                ok(await gen_tcp.send(sock, data))
            case Error():
                return


def settle_on(core: int) -> None:
    for thread in os.listdir("/proc/self/task"):
        os.sched_setaffinity(int(thread), {core})


async def main(*numbers: int) -> None:
    work, *cores = numbers
    kept = ok(socket.open("inet", "stream", "tcp"))
    ok(socket.setopt(kept, "socket", "reuseport", True))
    port = ok(socket.bind(kept, ("127.0.0.1", 0)))
    pids = []
    async with dist.peer.pool(len(cores)) as nodes:
        for node, core in zip(nodes, cores, strict=True):
            await dist.peer.call(node, settle_on, core)
            await dist.spawn(serve, port, work, current_pid(), node=node)
            pids.append(await receive(int))
        print(port, *pids, flush=True)
        await receive()


if __name__ == "__main__":
    run(main, *map(int, sys.argv[1:]))
