"""The supervised server of the examples, ours and Erlang's, in front of the same client."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ..sides.erlang_side import HOW_TO_INSTALL, compile_module, find_erlang

EXAMPLES = Path(__file__).parents[3] / "examples"

Command = list[str]


@pytest.fixture(scope="session")
def compiled(erlang: str, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """The command that runs the server with Erlang."""
    made = tmp_path_factory.mktemp("compiled")
    compile_module(erlang, EXAMPLES / "supervised_server.erl", made)
    return [erlang, "-noshell", "-pa", str(made), "-run", "supervised_server", "serve"]


@pytest.fixture(params=["ours", "Erlang's"])
def command(request: pytest.FixtureRequest) -> Command:
    if request.param == "ours":
        return [sys.executable, "-W", "error", str(EXAMPLES / "supervised_server.py"), "serve"]
    if find_erlang() is None:
        pytest.skip(HOW_TO_INSTALL)
    found: Command = request.getfixturevalue("compiled")
    return found


@contextmanager
def serving(command: Command, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "ERL_CRASH_DUMP_BYTES": "0"},
    ) as server:
        assert server.stdout is not None
        try:
            yield server, int(server.stdout.readline().removeprefix("port "))
        finally:
            server.kill()


class Client:
    """One connection; every number that it sends is answered, or the connection closes."""

    def __init__(self, port: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=30)

    def add(self, number: bytes) -> bytes:
        self.sock.sendall(number)
        return self.answer()

    def answer(self) -> bytes:
        """Return the answer of the server; nothing when the connection is closed."""
        try:
            return self.sock.recv(100)
        except ConnectionResetError:
            return b""


def counts_again(port: int) -> None:
    """Wait until the counter runs again; until then each connection that asks is closed."""
    for _ in range(1000):
        client = Client(port)
        with client.sock:
            if client.add(b"0") == b"0":
                return
    pytest.fail("the counter was not started again")


def scenario(port: int) -> list[Any]:
    ann, bob, carol = [Client(port) for _ in range(3)]
    with ann.sock, bob.sock, carol.sock:
        answers = [ann.add(b"3"), bob.add(b"4"), carol.add(b"-10")]
        answers.append(
            bob.add(b"x")
        )  # the counter crashes, and the process of this connection with it
        counts_again(port)
        answers += [ann.add(b"5"), carol.add(b"6")]
        carol.sock.shutdown(socket.SHUT_WR)  # its process ends, and the others do not
        answers += [carol.answer(), ann.add(b"1")]
    return answers


def test_a_crash_closes_the_connection_that_caused_it(command: Command, tmp_path: Path) -> None:
    with serving(command, tmp_path) as (_, port):
        assert scenario(port) == [b"3", b"7", b"-3", b"", b"5", b"11", b"", b"12"]


def crash_until_it_gives_up(port: int) -> None:
    for _ in range(3):
        with (client := Client(port)).sock:
            assert client.add(b"x") == b""
        counts_again(port)
    with (client := Client(port)).sock:
        assert client.add(b"x") == b""


@pytest.mark.parametrize(
    ("end", "code"),
    [
        pytest.param(lambda server, port: server.send_signal(signal.SIGTERM), 0, id="SIGTERM"),
        pytest.param(lambda server, port: crash_until_it_gives_up(port), 1, id="too many crashes"),
    ],
)
def test_the_end_of_the_server_closes_every_connection(
    command: Command,
    tmp_path: Path,
    end: Callable[[subprocess.Popen[str], int], None],
    code: int,
) -> None:
    with serving(command, tmp_path) as (server, port):
        ann = Client(port)
        with ann.sock:
            assert ann.add(b"3") == b"3"
            end(server, port)
            assert ann.answer() == b""
        assert server.wait(30) == code
