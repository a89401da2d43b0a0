"""Every block of code in the README does what the README says."""

import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

import actorsock
from actorsock import Pid, current_pid, ok, send, socket, spawn, spawn_monitor

from .documents import blocks

PROGRAM, PRINTED, NOWAIT = blocks("README.md")


def test_the_program_works_when_pasted(tmp_path: Path) -> None:
    (tmp_path / "pasted.py").write_text(PROGRAM.text)
    done = subprocess.run(
        [sys.executable, "-W", "error", "pasted.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, PRINTED.text, "")


@pytest.fixture
def without_waiting() -> Callable[[socket.Socket], Awaitable[None]]:
    """The block about `nowait`, as a function."""
    names: dict[str, Any] = {**vars(socket), **vars(actorsock)}
    exec(NOWAIT.as_body_of("async def block(sock):"), names)
    return names["block"]


async def pair() -> tuple[socket.Socket, socket.Socket]:
    listener = ok(socket.open("inet", "stream", "tcp"))
    async with listener:
        port = ok(socket.bind(listener, "loopback"))
        ok(socket.listen(listener))
        one = ok(socket.open("inet", "stream", "tcp"))
        ok(await socket.connect(one, ("127.0.0.1", port)))
        return one, ok(await socket.accept(listener))


async def test_nowait_when_something_is_there(
    runtime: None, without_waiting: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    near, far = await pair()
    ok(await socket.send(far, b"hello!"))
    assert ok(await socket.recv(near, 5)) == b"hello"  # so the rest has arrived
    await without_waiting(near)
    assert capsys.readouterr().out == "it was there: b'!'\n"


@pytest.mark.parametrize(
    ("what_happens", "printed"),
    [
        (lambda near, far: socket.send_nowait(far, b"hello"), "your turn: Ok(value=b'hello')\n"),
        (lambda near, far: spawn(socket.close, near), "no turn will come: closed\n"),
    ],
)
async def test_nowait_when_nothing_is_there(
    runtime: None,
    without_waiting: Any,
    capsys: pytest.CaptureFixture[str],
    what_happens: Callable[[socket.Socket, socket.Socket], object],
    printed: str,
) -> None:
    near, far = await pair()

    async def waits(parent: Pid) -> None:
        send(parent, "about to wait")
        await without_waiting(near)

    _, ref = spawn_monitor(waits, current_pid())
    await actorsock.receive(str)
    while not socket.info(near).num_readers:
        await actorsock.sleep(0)
    what_happens(near, far)
    assert (await actorsock.receive(ref)).reason == "normal"
    assert capsys.readouterr().out == printed
