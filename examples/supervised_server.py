"""A supervised TCP server: a pool of acceptors, a process for each connection, one counter.

A client sends numbers, the counter adds them, and the client receives the sum. Any other data
crashes the counter: its supervisor starts a new one, the connection of that client ends, and the
other connections go on. supervised_server.erl is the same program in Erlang.

Without an argument the program runs some clients and ends. With the argument `serve` it prints
the port on which it listens, and serves until SIGTERM.
"""

import sys
from functools import partial
from typing import Any

from actorsock import Down, Error, Ok, exit, monitor, ok, otp, receive, run, sleep, socket
from actorsock import spawn_link
from actorsock.otp import ChildSpec, Reply, Supervisor, SupervisorFlags
from actorsock.socket import Socket


class Counter(otp.GenServer):  # no callback is async: a call needs no task switch
    def init(self) -> None:
        self.sum = 0

    def handle_call(self, request: bytes, caller: otp.Caller) -> Reply:
        self.sum += int(request)
        return Reply(self.sum)


async def connection(sock: Socket) -> None:
    while True:
        match await socket.recv(sock):
            case Ok(number):  # one number: clients wait for the sum before the next
                answer = await otp.call("counter", number)  # a crash there ends this process too
                ok(await socket.send(sock, b"%d" % answer))
            case Error():  # "closed": the client has closed the connection
                return


async def acceptor(lsock: Socket) -> None:
    while True:
        match await socket.accept(lsock):
            case Ok(sock):
                pid = ok(await otp.start_child("connections", sock))
                # From now on the socket closes with that process, not with this one. The process
                # has run already; if the client left at once, it may have closed the socket.
                given = socket.setopt(sock, "otp", "controlling_process", pid)
                if given != Error("closed"):
                    ok(given)
            case Error("emfile" | "enfile"):  # no descriptor is free: wait until some client leaves
                await sleep(0.1)
            case Error("econnaborted"):  # the client left before it was accepted
                pass
            case Error(reason):  # "closed": the listening socket is closed
                exit(reason)


class Server(Supervisor):
    def init(self, lsock: Socket, acceptors: int) -> Any:
        pool = [ChildSpec(number, spawn_link, (acceptor, lsock)) for number in range(acceptors)]
        return SupervisorFlags("one_for_one", intensity=3, period=5), [
            ChildSpec("counter", partial(otp.start_link, Counter, name="counter")),
            ChildSpec("connections", start_connections, type="supervisor"),
            ChildSpec("acceptors", otp.start_link, (Supervisor, pool), type="supervisor"),
        ]


async def start_connections() -> Any:
    children = [ChildSpec("connection", spawn_link, (connection,), "temporary")]
    flags = SupervisorFlags("simple_one_for_one")
    return await otp.start_link(Supervisor, children, flags, name="connections")


def listen() -> tuple[Socket, int]:
    lsock = ok(socket.open("inet", "stream", "tcp"))
    port = ok(socket.bind(lsock, "loopback"))
    ok(socket.listen(lsock))
    return lsock, port


async def start() -> Any:
    lsock, port = listen()
    print("port", port, flush=True)
    return await otp.start_link(Server, lsock, 3)


async def connect(port: int) -> Socket:
    sock = ok(socket.open("inet", "stream", "tcp"))
    ok(await socket.connect(sock, ("127.0.0.1", port)))
    return sock


async def ask(sock: Socket, number: bytes) -> Any:
    ok(await socket.send(sock, number))
    return await socket.recv(sock)


async def main() -> None:
    lsock, port = listen()
    server = ok(await otp.start_link(Server, lsock, 3))

    ann, bob = await connect(port), await connect(port)
    print("ann adds 3:", await ask(ann, b"3"))
    print("bob adds 4:", await ask(bob, b"4"))
    ref = monitor("counter")
    print("bob adds x:", await ask(bob, b"x"))
    match await receive(ref):
        case Down(reason=reason):
            print(f"the counter has crashed: {reason!r}")
    print("ann adds 5:", await ask(ann, b"5"))
    print("connections:", (await otp.count_children("connections")).active)
    await otp.stop(server)
    print("ann, when the server has stopped:", await socket.recv(ann))


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        otp.run_application(start)
    else:
        run(main)
