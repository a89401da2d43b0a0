"""The runtime goes on after memory was lacking for a moment.

These are the cases that have failed. `python -m tests.runtime.no_memory` tries every allocation of
some stories; it is not run here, since the interpreter and trio do not survive each of them.
"""

from typing import Any

import pytest
import trio
import trio.testing

from actorsock import ok, receive, socket, spawn_monitor
from actorsock.runtime.bodies.current import current_process
from actorsock.runtime.bodies.light import LightBody
from actorsock.runtime.bodies.task import TaskBody
from actorsock.runtime.core.body import Body
from actorsock.socket.core.actor import SocketActor

from ..sockets import connection


@pytest.mark.parametrize("light", [False, True], ids=["task", "light"])
async def test_a_reader_without_memory_to_wait_does_not_keep_its_turn(
    runtime: None, monkeypatch: pytest.MonkeyPatch, light: bool
) -> None:
    kind: type[Body] = LightBody if light else TaskBody
    waiting: Any = vars(kind)["waiting"]

    def waiting_without_memory(body: Body) -> Any:
        if isinstance(body.parked, SocketActor):
            raise MemoryError
        return waiting if light else waiting.__get__(body)

    near, far = await connection()
    monkeypatch.setattr(kind, "waiting", property(waiting_without_memory))

    async def reads() -> None:
        with pytest.raises(MemoryError):
            await socket.recv(near, 1)

    _, ref = spawn_monitor(reads, light=light)
    assert (await receive(ref)).reason == "normal"
    monkeypatch.undo()
    ok(await socket.send(far, b"for the next reader"))
    assert ok(await socket.recv(near, timeout=5)) == b"for the next reader"


async def test_an_instrument_that_trio_has_removed_comes_back(runtime: None) -> None:
    near, far = await connection()

    async def echoes() -> None:
        ok(await socket.send(far, ok(await socket.recv(far))))

    _, ref = spawn_monitor(echoes, light=True)
    await trio.testing.wait_all_tasks_blocked()
    trio.lowlevel.remove_instrument(current_process().node.passes)
    ok(await socket.send(near, b"hello"))
    assert ok(await socket.recv(near, timeout=5)) == b"hello"
    assert (await receive(ref)).reason == "normal"
    trio.lowlevel.remove_instrument(current_process().node.passes)  # the runtime ends without it
