"""The programs in the README, docs/otp.md and docs/trio.md print the text below them."""

import sys
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import trustme

import actorsock
from actorsock import Pid, current_pid, ok, send, socket, spawn, spawn_monitor

from ..sockets import connection
from .documents import blocks, run

DOCUMENTS = {"README.md": 1, "docs/otp.md": None, "docs/trio.md": 6}
"""With the number of programs, where it is known."""

PROGRAMS = [
    pytest.param(program.text, printed.text, id=f"{document} {number}")
    for document in DOCUMENTS
    for number, (program, printed) in enumerate(pairwise(blocks(document)))
    if (program.language, printed.language) == ("python", "text")
]

# A block is the body of a function, and the last one a part of a program in docs/distribution.md.
NOWAIT, ALL_CORES = [block for block in blocks("README.md")[2:] if block.language == "python"]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A directory with the certificates that one of the programs needs."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    certificate = authority.issue_cert("localhost")
    certificate.private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
    return tmp_path


@pytest.mark.parametrize(("program", "printed"), PROGRAMS)
def test_a_program_prints_the_text_below_it(program: str, printed: str, directory: Path) -> None:
    (directory / "pasted.py").write_text(program, encoding="utf-8")
    done = run([sys.executable, "-W", "error", "pasted.py"], directory)
    assert (done.returncode, done.stdout) == (0, printed), done.stderr
    # One program shows a crash, whose record is all that is printed besides.
    crashes = done.stderr.count("crashed: ")
    assert crashes == ("// int(b)" in program)
    assert done.stderr.count("Traceback") == crashes
    assert crashes or done.stderr == ""


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_block_is_a_program_or_its_output(document: str) -> None:
    languages = [block.language for block in blocks(document)]
    if document == "README.md":
        # `NOWAIT` and `ALL_CORES`
        assert [languages.pop(), languages.pop()] == ["python", "python"]
    programs = len(languages) // 2
    assert languages == ["python", "text"] * programs
    assert programs == (DOCUMENTS[document] or programs) > 0


# --- the block of the README about nowait calls ---------------------------------------------------


@pytest.fixture
def nowait() -> Callable[[socket.Socket], Awaitable[None]]:
    """The block as a function."""
    names: dict[str, Any] = {**vars(socket), **vars(actorsock)}
    exec(NOWAIT.as_body_of("async def block(sock):"), names)
    return names["block"]


async def test_nowait_when_data_has_arrived(
    runtime: None, nowait: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    near, far = await connection()
    ok(await socket.send(far, b"hello!"))
    assert ok(await socket.recv(near, 5)) == b"hello"  # so the rest has arrived
    await nowait(near)
    assert capsys.readouterr().out == "it was there: b'!'\n"


@pytest.mark.parametrize(
    ("act", "printed"),
    [
        (lambda near, far: socket.send_nowait(far, b"hello"), "your turn: Ok(value=b'hello')\n"),
        (lambda near, far: spawn(socket.close, near), "no turn will come: closed\n"),
    ],
    ids=["data arrives", "the socket is closed"],
)
async def test_nowait_when_no_data_has_arrived(
    runtime: None,
    nowait: Any,
    capsys: pytest.CaptureFixture[str],
    act: Callable[[socket.Socket, socket.Socket], object],
    printed: str,
) -> None:
    near, far = await connection()

    async def waits(parent: Pid) -> None:
        send(parent, "about to wait")
        await nowait(near)

    _, ref = spawn_monitor(waits, current_pid())
    await actorsock.receive(str)
    while not socket.info(near).num_readers:
        await actorsock.sleep(0)
    act(near, far)
    assert (await actorsock.receive(ref)).reason == "normal"
    assert capsys.readouterr().out == printed
