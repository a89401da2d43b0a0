"""What a type checker knows of the library: precise results, and arguments that do not fit."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import actorsock

PROGRAM = """\
from typing import assert_never, assert_type

from actorsock import Down, Error, Exit, Ok, Pid, Select, Timeout
from actorsock import in_trio, mailbox, ok, otp, receive, run, socket, spawn, spawn_monitor


async def double(number: int) -> int:
    return number * 2


async def nothing() -> None:
    pass


async def starting() -> None:
    spawn(double, 1)
    spawn(nothing, name="nothing", light=True)
    spawn(double)  # wrong
    spawn(double, "1")  # wrong
    spawn_monitor(nothing, 1)  # wrong
    assert_type(await in_trio(double, 1), int)
    await in_trio(double, "1")  # wrong
    task = otp.async_call(double, 1)
    assert_type(await otp.await_result(task), int)
    assert_type(await otp.nb_yield(task), Ok[int] | Error | Timeout)
    otp.async_call(double, "1")  # wrong
    otp.async_call(abs, 1)  # wrong
    otp.async_stream(double, ["1"])  # wrong


assert_type(run(double, 1), int | None)
run(double)  # wrong


async def receiving() -> None:
    assert_type(await receive(Down), Down)
    assert_type(await receive(Down, after=1), Down | Timeout)
    assert_type(await receive((Down, Exit)), Down | Exit)
    assert_type(await receive((Down, Exit, str), after=1), Down | Exit | str | Timeout)
    async for message in mailbox((Down, Exit)):
        match message:
            case Down():
                pass
            case _:
                assert_never(message)  # wrong
    await receive(Down, after="soon")  # wrong


async def sockets() -> None:
    sock = ok(socket.open("inet", "stream", "tcp"))
    socket.open("inte", "stream")  # wrong
    socket.open("inet", "steam")  # wrong
    socket.shutdown(sock, "both")  # wrong
    match await socket.recv(sock):
        case Ok(data):
            assert_type(data, bytes)
        case Error(reason):
            pass
        case other:
            assert_never(other)


async def waiting(sock: socket.Socket) -> None:
    match socket.accept_nowait(sock):
        case Ok(accepted):
            assert_type(accepted, socket.Socket)
        case Error():
            pass
        case other:
            assert_never(other)  # wrong
    owner: Pid = socket.info(sock).owner  # wrong
    select = socket.send_nowait(sock, b"data")
    if isinstance(select, Select):
        socket.cancel(sock, select.info)
"""


def test_what_fits_and_what_does_not(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", "program.py"],
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": str(Path(actorsock.__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=120,
    )
    found = {int(line) for line in re.findall(r"^program.py:(\d+): error", checked.stdout, re.M)}
    lines = enumerate(PROGRAM.splitlines(), 1)
    assert found == {n for n, line in lines if line.endswith("# wrong")}, checked.stdout
