"""A key-value server: a process for each connection, and a crash that affects only one of them.

The commands are `set KEY VALUE` and `get KEY`. Any other command crashes the process of the
connection: its socket closes, processes that monitor it receive the reason, and the crash is
logged with its traceback.
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
    # gen_server:call(store, {get, Key}). The monitor ends the waiting if the store crashes.
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
                # From now on the socket closes with that process, not with this one.
                ok(socket.setopt(sock, "otp", "controlling_process", pid))
            case Error():  # "closed": the process that opened the socket has ended
                return


async def connection(sock: Socket) -> None:
    while True:
        match await socket.recv(sock):
            case Ok(command):  # one command: clients wait for the reply before the next
                ok(await socket.send(sock, await obey(command.split())))
            case Error():  # "closed": the client has closed the connection
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
    spawn_link(listener, lsock)  # both are linked: a crash of one ends this program

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
