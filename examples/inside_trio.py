"""Processes inside a trio program: `open_runtime` beside ordinary tasks.

The server is trio's own and does not use this library. The tasks that send requests are ordinary
tasks too. Each becomes a process with its first call of the library: it has a pid and a mailbox,
and remains a trio task with its nursery, its cancel scopes and its deadlines.
"""

from functools import partial

import attrs
import trio

from actorsock import Pid, current_pid, ok, open_runtime, receive, send, socket, spawn


@attrs.frozen
class Say:
    sender: Pid
    word: bytes


async def shout(stream: trio.SocketStream) -> None:
    """Serve one connection, with trio alone."""
    async for data in stream:
        await stream.send_all(data.upper())


async def shouter(port: int) -> None:
    """Own a connection to the server, and use it for one task after the other: a process."""
    async with ok(socket.open("inet", "stream", "tcp")) as sock:
        ok(await socket.connect(sock, ("127.0.0.1", port)))
        while True:
            match await receive():
                case Say(sender, word):
                    ok(await socket.send(sock, word))
                    send(sender, ok(await socket.recv(sock, len(word))))


async def task(word: bytes, answers: trio.MemorySendChannel[tuple[bytes, bytes]]) -> None:
    """Send one request: an ordinary task with an ordinary deadline and channel."""
    with trio.fail_after(5):
        send("shouter", Say(current_pid(), word))
        async with answers:
            await answers.send((word, await receive()))


async def main() -> None:
    serve = partial(trio.serve_tcp, shout, 0, host="127.0.0.1")
    answers, incoming = trio.open_memory_channel[tuple[bytes, bytes]](0)
    async with trio.open_nursery() as nursery:
        listener: trio.SocketListener = (await nursery.start(serve))[0]
        async with open_runtime(), trio.open_nursery() as tasks:
            spawn(shouter, listener.socket.getsockname()[1], name="shouter")
            async with answers:
                for word in (b"one", b"two", b"three"):
                    tasks.start_soon(task, word, answers.clone())
            async for word, answer in incoming:
                print(f"{word.decode()}: {answer.decode()}")
        print("the runtime has ended; trio's server still runs")
        nursery.cancel_scope.cancel()


if __name__ == "__main__":
    trio.run(main)
