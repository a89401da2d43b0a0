"""The programs of docs/distribution.md and of the example, run as their texts say."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ..documentation.documents import ROOT, Block, blocks, run
from .nodes import start_epmd

PAGE = blocks("docs/distribution.md")
EXAMPLE = ROOT / "examples" / "python_in_a_cluster"


@pytest.fixture
def own_epmd(erl: str) -> Iterator[int]:
    """An epmd for one test: the names of the documents are fixed."""
    program, port = start_epmd()
    yield port
    program.kill()
    program.wait()


Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(own_epmd: int, tmp_path: Path) -> Iterator[Start]:
    """Starts a shell command in the test's folder; it is ended with the test."""
    running: list[subprocess.Popen[str]] = []
    scripts = str(Path(sys.executable).parent)

    def start(command: str, **variables: str) -> subprocess.Popen[str]:
        environ = {
            **os.environ,
            "ERL_EPMD_PORT": str(own_epmd),
            "PATH": f"{scripts}:{os.environ['PATH']}",
            "PYTHONUNBUFFERED": "1",
            **variables,
        }
        pipe = subprocess.PIPE
        running.append(
            subprocess.Popen(
                command, shell=True, cwd=tmp_path, env=environ, stdout=pipe, stderr=pipe,
                text=True, start_new_session=True,
            )
        )  # fmt: skip
        return running[-1]

    yield start
    for program in running:
        if program.poll() is None:
            os.killpg(program.pid, signal.SIGKILL)
        program.communicate()


def result(program: subprocess.Popen[str]) -> str:
    """The output of a program that ends by itself."""
    out, err = program.communicate(timeout=120)
    assert program.returncode == 0, out + err
    return out


def wait_for_node(name: str, port: int, program: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 60
    while (
        f"name {name} at"
        not in subprocess.run(
            ["epmd", "-port", str(port), "-names"], capture_output=True, text=True
        ).stdout
    ):
        assert program.poll() is None, program.stderr.read()
        assert time.monotonic() < until, "the node does not start"
        time.sleep(0.05)


def block(language: str, beginning: str = "") -> Block:
    (found,) = [b for b in PAGE if b.language == language and b.text.startswith(beginning)]
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with every file of the page."""
    for one in PAGE:
        if one.file is not None:
            (tmp_path / one.file).write_text(one.text)
    return tmp_path


def test_every_block_is_a_file_a_command_or_an_output() -> None:
    loose = [b.language for b in PAGE if b.file is None]
    assert loose == ["sh", "sh", "text", "text", "text", "text"]
    files = [b.file for b in PAGE if b.file]
    assert files == [
        *("prices.py", "shop.erl", "shop.exs", "etf.py", "primes.py", "serve.py", "groups.py"),
    ]


@pytest.fixture
def prices(folder: Path, start: Start, own_epmd: int) -> None:
    commands = block("sh", "epmd").text.splitlines()
    assert commands[0] == "epmd -daemon"  # it runs already, on a port of the test's own
    program = start("\n".join(commands[1:]))
    wait_for_node("prices", own_epmd, program)


def test_the_erlang_side_prints_what_the_page_says(prices: None, start: Start) -> None:
    assert result(start(block("sh", "erlc").text)) == block("text", "50").text


@pytest.mark.skipif(shutil.which("elixir") is None, reason="there is no elixir")
def test_the_elixir_side(prices: None, start: Start) -> None:
    command = "elixir --name shop@127.0.0.1 --cookie change-me shop.exs"
    assert result(start(command)) == "50\n130\n"


def test_functions_on_all_cores(folder: Path) -> None:
    done = run([sys.executable, "primes.py"], folder)
    assert (done.stdout, done.stderr) == (block("text", "[168").text, "")


def test_groups(folder: Path) -> None:
    done = run([sys.executable, "groups.py"], folder)
    assert (done.stdout, done.stderr) == (block("text", "[] True").text, "")


def test_a_server_on_all_cores(folder: Path, start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = start(f"exec python serve.py {port}")
    until = time.monotonic() + 60
    while True:
        try:
            client = socket.create_connection(("127.0.0.1", port))
        except OSError:
            assert program.poll() is None, program.communicate()
            assert time.monotonic() < until
            time.sleep(0.05)
        else:
            break
    with client:
        client.sendall(b"hello")
        assert client.recv(100) == b"hello"
    os.killpg(program.pid, signal.SIGINT)
    _, err = program.communicate(timeout=60)
    assert err.count("Traceback") == 1, err
    assert "KeyboardInterrupt" in err


def test_the_readme_shows_a_part_of_that() -> None:
    (shown,) = [b.text for b in blocks("README.md") if "peer.pool" in b.text]
    (whole,) = [b.text for b in PAGE if b.file == "serve.py"]
    assert shown[shown.index("async def main") :] in whole
    assert "gen_tcp.controlling_process(sock, spawn(echo, sock, light=True))" in shown


def test_terms_without_a_cluster(folder: Path) -> None:
    done = run([sys.executable, "-W", "error", "etf.py"], folder)
    assert (done.stdout, done.stderr) == (block("text", "b'").text, "")


def test_the_example(tmp_path: Path, start: Start, own_epmd: int) -> None:
    for file in EXAMPLE.iterdir():
        if file.is_file():
            (tmp_path / file.name).write_text(file.read_text())
    how = [line.strip() for line in (EXAMPLE / "worker.py").read_text().splitlines()]
    (how_to_run,) = [line for line in how if line.startswith("actorsock run")]
    worker = start(f"exec {how_to_run}", ACTORSOCK_COOKIE="change-me")
    wait_for_node("worker", own_epmd, worker)
    lines = [line[3:].strip() for line in (EXAMPLE / "shop.erl").read_text().splitlines()]
    commands = [line for line in lines if line.startswith(("erlc ", "erl "))]
    shop = start("\n".join(commands), ACTORSOCK_COOKIE="change-me")
    assert result(shop).splitlines() == [
        "an apple is 50",
        "now it is 60",
        "the worker has crashed: KeyError(b'stone')",
        "the new one says 50",
        "both are 120",
    ]
