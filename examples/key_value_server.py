"""A key-value server: a process for each connection, and a crash that disturbs nobody else.

The commands are `set KEY VALUE` and `get KEY`. On anything else the process of the connection
crashes: its socket closes, whoever monitors it is told why, and a log record says where.
"""

from itertools import count

import attrs

from actorsock import Down, Error, Ok, Ref, current_pid, demonitor, exit, monitor, ok, receive
from actorsock import run, send, socket, spawn, spawn_link
from actorsock.socket import Socket


@attrs.frozen
class Reply:
    ref: Ref
    value: bytes


async def store() -> None:
    values: dict[bytes, bytes] = {}
    while True:
        match await receive():
            case ("set", key, value):
                values[key] = value
            case ("get", key, ref, sender):
                send(sender, Reply(ref, values.get(key, b"nothing")))


async def get(key: bytes) -> bytes:
    # gen_server:call(store, {get, Key}): with a monitor, not to wait for a store that has crashed
    ref = monitor("store")
    send("store", ("get", key, ref, current_pid()))
    match await receive(ref):
        case Reply(value=value):
            demonitor(ref, flush=True)
            return value
        case Down(reason=reason):
            exit(reason)
    raise AssertionError("no other message has this ref")


async def listener(lsock: Socket) -> None:
    for number in count(1):
        match await socket.accept(lsock):
            case Ok(sock):
                pid = spawn(connection, sock, name=f"connection {number}")
                # From here on the socket ends with that process, not with this one.
                ok(socket.setopt(sock, "otp", "controlling_process", pid))
            case Error():  # "closed" when the process that opened it has ended
                return


async def connection(sock: Socket) -> None:
    while True:
        match await socket.recv(sock):
            case Ok(command):  # a whole one: the next comes when this has been answered
                ok(await socket.send(sock, await obey(command.split())))
            case Error():  # "closed" when the client has finished: so has its process
                return


async def obey(words: list[bytes]) -> bytes:
    match words:
        case [b"set", key, value]:
            send("store", ("set", key, value))
            return b"done"
        case [b"get", key]:
            return await get(key)
    raise ValueError(f"not a command: {words}")


async def connect(port: int) -> Socket:
    sock = ok(socket.open("inet", "stream", "tcp"))
    ok(await socket.connect(sock, ("127.0.0.1", port)))
    return sock


async def ask(sock: Socket, command: bytes) -> Ok[bytes] | Error:
    ok(await socket.send(sock, command))
    return await socket.recv(sock)


async def main() -> None:
    lsock = ok(socket.open("inet", "stream", "tcp"))
    port = ok(socket.bind(lsock, "loopback"))
    ok(socket.listen(lsock))
    spawn_link(store, name="store")
    spawn_link(listener, lsock)  # linked, both: if one of them crashes, so does this program

    ann, bob = await connect(port), await connect(port)
    print("ann sets:", await ask(ann, b"set colour blue"))
    print("bob gets:", await ask(bob, b"get colour"))
    ref = monitor("connection 2")
    print("bob says please:", await ask(bob, b"please"))
    match await receive(ref):
        case Down(pid=name, reason=reason):
            print(f"{name} has crashed: {reason!r}")
    print("ann gets:", await ask(ann, b"get colour"))


if __name__ == "__main__":
    run(main)
