"""When a runtime is at rest, and that it comes to rest although somebody waits for ever."""

import time

import pytest
import trio

from actorsock import Ok, Pid, Select, current_pid, ending, ok, receive, send, socket, spawn
from actorsock.testing import OwnMailbox, Runtime, open_tested_runtime

bodies = pytest.mark.parametrize("light", [False, True], ids=["task", "light"])


def listening() -> tuple[socket.Socket, int]:
    listener = ok(socket.open("inet", "stream", "tcp"))
    port = ok(socket.bind(listener, "loopback"))
    ok(socket.listen(listener))
    return listener, port


async def connected(port: int) -> socket.Socket:
    sock = ok(socket.open("inet", "stream", "tcp"))
    ok(await socket.connect(sock, ("127.0.0.1", port)))
    return sock


@bodies
async def test_what_has_been_sent_has_been_handled(
    runtime: Runtime, mailbox: OwnMailbox, light: bool
) -> None:
    async def passes_on(number: int, parent: Pid) -> None:
        message = await receive()
        if number:
            send(spawn(passes_on, number - 1, parent, light=light), message)
        else:
            send(parent, message)

    send(spawn(passes_on, 100, current_pid(), light=light), "round the world")
    assert mailbox.messages == []
    await runtime.at_rest()
    assert mailbox.messages == ["round the world"]


@bodies
async def test_data_has_arrived_and_been_answered(
    runtime: Runtime, mailbox: OwnMailbox, light: bool
) -> None:
    async def adds_up(listener: socket.Socket, parent: Pid) -> None:
        sock = ok(await socket.accept(listener))
        total = 0
        while True:
            match await socket.recv(sock):
                case Ok(data):
                    total += len(data)
                case _:
                    send(parent, total)
                    return

    listener, port = listening()
    async with listener:
        for size in 1, 100_000:
            spawn(adds_up, listener, current_pid(), light=light)
            async with await connected(port) as sock:
                ok(await socket.send(sock, bytes(size)))
            await runtime.at_rest()
            assert mailbox.messages == [size]
            await mailbox.expect(size)


async def test_somebody_who_does_not_accept_or_read_is_not_waited_for(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither is under way: connections to be accepted, and bytes for which there is no room."""
    monkeypatch.setattr("actorsock.testing.quiescence._LONGEST", 60.0)
    listener, port = listening()
    async with listener, await connected(port) as sock, await connected(port):
        near = ok(await socket.accept(listener))
        while not isinstance(socket.send_nowait(sock, bytes(1_000_000)), Select):
            pass
        begin = time.monotonic()
        await runtime.at_rest()
        assert time.monotonic() - begin < 30
        ok(await socket.close(near))


async def test_it_can_be_used_without_the_plugin() -> None:
    async with open_tested_runtime() as runtime:
        assert await runtime.left_behind() == []
        async with ending(spawn(trio.sleep_forever)) as pid:
            (line,) = await runtime.left_behind()
            assert line == f"process {pid!r} running trio:sleep_forever, task: runs"
