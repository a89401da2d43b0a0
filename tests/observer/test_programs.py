"""Whole programs: one that is observed, and the commands that look at it."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from socket import create_server
from typing import Any

import pytest

SHOP = Path(__file__).parents[2] / "examples" / "observing" / "shop.py"
ACTORSOCK = [sys.executable, "-W", "error", "-m", "actorsock"]


@pytest.fixture(autouse=True)
def folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


@pytest.fixture
def shop() -> Iterator[tuple[int, str]]:
    """Run the example; its process id, and its address."""
    command = [sys.executable, "-W", "error", SHOP, "inf", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        yield program.pid, program.stdout.readline().strip()
        program.send_signal(signal.SIGINT)


def get(url: str, question: str) -> Any:
    address, _, token = url.partition("#")
    request = urllib.request.Request(
        f"{address}api/{question}", headers={"Authorization": f"Bearer {token}"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def actorsock(*words: object) -> subprocess.CompletedProcess[str]:
    command = [*ACTORSOCK, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def test_the_two_servers_of_the_shop_that_are_stuck_are_found(shop: tuple[int, str]) -> None:
    pid, url = shop
    waits = get(url, "waits")
    while not waits["circles"]:
        waits = get(url, "waits")
    assert [edge["name"] for edge in waits["edges"] if edge["stuck"]] == ["orders", "billing"]
    names = {row["name"]: row["pid"] for row in get(url, "names")["rows"]}
    (tree,) = get(url, f"tree?root={names['shop']}")["roots"]
    assert [child["id"] for child in tree["children"]] == ["'counter'", "'orders'", "'billing'"]
    done = actorsock("top", "--once", "--sort", "queue", "--count", 2, pid)
    assert (done.returncode, done.stderr) == (0, "")
    assert all(name in done.stdout for name in ("orders (Clerk)", "billing (Clerk)"))


PROGRAM = """
from actorsock import current_pid, process_info

async def main(*args):
    print(process_info(current_pid()).function, *args)
"""


@pytest.mark.parametrize("words", ["--observer=0", "--observer 0", "--observer"])
def test_a_function_is_run_to_be_observed(words: str, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    command = [*ACTORSOCK, "run", *words.split(), "program:main", "--observer"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=tmp_path)
    if words == "--observer" and "port 9911: Address already in use" in done.stderr:
        pytest.skip("another program uses the port 9911")
    assert (done.returncode, done.stdout) == (0, "program:main --observer\n")
    assert done.stderr.startswith("actorsock: observed at http://127.0.0.1:")


def test_the_port_is_named_if_it_is_used() -> None:
    with create_server(("127.0.0.1", 0)) as used:
        port = used.getsockname()[1]
        done = actorsock("run", f"--observer={port}", "os:getpid")
    said = f"actorsock run: --observer: port {port}: Address already in use\n"
    assert (done.returncode, done.stderr) == (1, said)


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["top"], 1, "actorsock: no program is observed\n"),
        (["observe", str(2**30)], 1, f"actorsock: the program {2**30} is not observed\n"),
        (["top", "--sort", "love"], 2, "invalid choice: 'love'"),
        (["run", "--observer=x", "a:b"], 2, "invalid int value: 'x'"),
        (["run", "--observer=70000", "os:getpid"], 1, "--observer: port: "),
        (["run", "--observe", "os:getpid"], 2, "unrecognized arguments: --observe"),
    ],
)
def test_why_it_does_not(words: list[str], status: int, said: str) -> None:
    done = actorsock(*words)
    assert done.returncode == status
    assert said in done.stderr
    assert os.listdir(os.environ["XDG_RUNTIME_DIR"]) in ([], ["actorsock"])
