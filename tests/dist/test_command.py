"""`actorsock run --name NAME@HOST --cookie-file FILE MODULE:FUNCTION`."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = """
from actorsock import dist

async def main(node):
    return dist.node(), await dist.erpc.call(node, "lists", "sum", [[1, 2, 3]])

async def seen(node):
    asked = [("observer_backend", "vsn", []), ("erlang", "whereis", [dist.Atom("dbg")])]
    here = dist.Atom(dist.node())
    for module, name, args in asked:
        call = [here, dist.Atom(module), dist.Atom(name), args]
        answer = await dist.erpc.call(node, "rpc", "call", call)
        print(answer[0] if isinstance(answer, tuple) else answer)
"""


@pytest.fixture
def cookie(tmp_path: Path) -> Path:
    file = tmp_path / "cookie"
    file.write_text("secret")
    file.chmod(0o400)
    return file


def command(folder: Path, epmd: int, *words: object) -> subprocess.CompletedProcess[str]:
    (folder / "program.py").write_text(PROGRAM)
    return subprocess.run(
        [sys.executable, "-m", "actorsock", "run", *map(str, words)],
        cwd=folder,
        env={**os.environ, "ERL_EPMD_PORT": str(epmd)},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_function_runs_as_a_node(tmp_path: Path, cookie: Path, beam: Any, epmd: int) -> None:
    name = f"command{os.getpid()}@127.0.0.1"
    done = command(
        tmp_path, epmd, "--name", name, "--cookie-file", cookie, "program:main", beam.name
    )
    assert done.stdout == f"('{name}', 6)\n", done.stderr


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["--observable"], "ok\nbadrpc"),
        (["--observable-tracing"], "ok\nNone"),
        ([], "badrpc\nbadrpc"),
    ],
    ids=str,
)
def test_it_can_be_looked_at(
    tmp_path: Path, cookie: Path, beam: Any, epmd: int, words: list[str], answer: str
) -> None:
    name = f"seen{os.getpid()}@127.0.0.1"
    how = ["--name", name, "--cookie-file", cookie, *words]
    done = command(tmp_path, epmd, *how, "program:seen", beam.name)
    assert done.stdout == f"{answer}\n", done.stderr


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (["--cookie-file", "{cookie}"], 2, "--cookie-file needs --name"),
        (["--port", "1"], 2, "--port needs --name"),
        (["--observable"], 2, "--observable needs --name"),
        (["--certfile", "x"], 2, "--certfile needs --name"),
        (["--name", "py@h", "--keyfile", "x"], 2, "TLS needs --certfile, --keyfile, --cacertfile"),
        (
            ["--name", "py@h", *["--certfile", "a", "--keyfile", "b", "--cacertfile", "c"]],
            1,
            "py@h: [Errno 2] No such file",
        ),
        (
            ["--name", "py@h", "--cookie-file", "{cookie}", "--listen", "0.0.0.0"],
            1,
            "listen: 0.0.0.0 can be reached by other machines",
        ),
        (["--name", "py@h"], 1, "py@h: cookie: expected one"),
        (["--name", "py", "--cookie-file", "{cookie}"], 1, "py: name: expected name@host"),
        (["--name", "py@h", "--cookie-file", "/nowhere"], 1, "No such file"),
        (["--name", "py@127.0.0.1", "--cookie-file", "{cookie}"], 1, "no epmd answers"),
    ],
    ids=range(11),
)
def test_why_it_does_not(
    tmp_path: Path, cookie: Path, words: list[str], status: int, says: str
) -> None:
    words = [word.format(cookie=cookie) for word in words]
    done = command(tmp_path, 1, *words, "program:main", "x")
    assert (done.returncode, done.stdout) == (status, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr
