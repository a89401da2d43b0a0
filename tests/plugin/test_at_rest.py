"""`at_rest` waits for messages and data in transit, and not for processes that wait for ever."""

import time

import pytest
import trio

from actorsock import Ok, Pid, Select, current_pid, ending, ok, receive, send, socket, spawn
from actorsock.testing import OwnMailbox, Runtime, open_tested_runtime

from ..sockets import listening, tcp


async def test_all_messages_are_handled(runtime: Runtime, mailbox: OwnMailbox, light: bool) -> None:
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


async def test_all_data_has_arrived(runtime: Runtime, mailbox: OwnMailbox, light: bool) -> None:
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

    listener, address = listening()
    async with listener:
        for size in 1, 100_000:
            spawn(adds_up, listener, current_pid(), light=light)
            async with tcp() as sock:
                ok(await socket.connect(sock, address))
                ok(await socket.send(sock, bytes(size)))
            await runtime.at_rest()
            assert mailbox.messages == [size]
            await mailbox.expect(size)


async def test_a_peer_that_does_not_accept_or_read_does_not_matter(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connections not accepted and bytes without room are not in transit."""
    monkeypatch.setattr("actorsock.testing.quiescence._LONGEST", 60.0)
    listener, address = listening()
    async with listener, tcp() as sock, tcp() as other:
        ok(await socket.connect(sock, address))
        ok(await socket.connect(other, address))
        near = ok(await socket.accept(listener))
        while not isinstance(socket.send_nowait(sock, bytes(1_000_000)), Select):
            pass
        begin = time.monotonic()
        await runtime.at_rest()
        assert time.monotonic() - begin < 30
        ok(await socket.close(near))


async def test_the_runtime_can_be_used_without_the_plugin() -> None:
    async with open_tested_runtime() as runtime:
        assert await runtime.left_behind() == []
        async with ending(spawn(trio.sleep_forever)) as pid:
            (line,) = await runtime.left_behind()
            assert line == f"process {pid!r} running trio:sleep_forever, task: runs"
