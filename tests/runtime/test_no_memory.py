"""The runtime goes on, or ends with an error, after memory was lacking for a moment."""

import sys
from typing import Any

import pytest
import trio
import trio.testing

from actorsock import ok, receive, socket, spawn_monitor
from actorsock.runtime.bodies.current import current_process
from actorsock.socket.api import asking

from ..documents import ROOT, run
from ..sockets import connection
from .no_memory import STORIES


@pytest.mark.parametrize("body", ["task", "light"])
@pytest.mark.parametrize("story", STORIES)
def test_nothing_hangs_after_a_failed_allocation(story: str, body: str) -> None:
    pytest.importorskip("_testcapi")
    if (story, body) == ("spawn", "task"):
        pytest.skip("trio keeps a task that it could not schedule, and waits for its end")
    command = [sys.executable, "-W", "ignore", "-m", "tests.runtime.no_memory", story, body]
    done = run([*command, "0", "45", "9"], ROOT)
    assert [line for line in done.stdout.splitlines() if ": ends by " not in line] == []


@pytest.mark.parametrize("light", [False, True], ids=["task", "light"])
async def test_a_reader_without_memory_to_wait_does_not_keep_its_turn(
    runtime: None, monkeypatch: pytest.MonkeyPatch, light: bool
) -> None:
    def no_memory(*_: Any) -> Any:
        raise MemoryError

    near, far = await connection()
    monkeypatch.setattr(asking, "wait", no_memory)

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
