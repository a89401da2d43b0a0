"""The command line: `actorsock [FILE]` and `actorsock run MODULE:FUNCTION [ARG ...]`."""

import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from actorsock import native
from actorsock.commands import main

README = Path(__file__).parent.parent / "README.md"
ACTORSOCK = [sys.executable, "-W", "error", "-m", "actorsock"]

Done = subprocess.CompletedProcess[str]


def actorsock(*args: object, **options: Any) -> Done:
    command = [*ACTORSOCK, *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, **options)


class Outcome:
    """A call of `main` in this process: its exit status and its output."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *words: str) -> None:
        try:
            self.status: object = main(words)
        except SystemExit as exc:
            self.status = exc.code
        self.out, self.err = capsys.readouterr()


# --- the demonstration ------------------------------------------------------------------------


def summary_of(printed: str) -> dict[str, str]:
    lines = printed.split("\n\n")[-2].splitlines()  # the last block is the chart
    return dict(line.split(maxsplit=1) for line in lines)


def rows_of(done: Done) -> list[tuple[str, ...]]:
    """Return time, process, role, socket and event of every line."""
    head, *rows = done.stdout.split("\n\n")[1].splitlines()
    starts = [head.index(word) for word in ("process", "role", "socket", "event")]
    return [
        tuple(line[a:b].strip() for a, b in zip([0, *starts], [*starts, None], strict=True))
        for line in rows
    ]


@pytest.fixture(scope="module")
def demonstration() -> Done:
    return actorsock(README)


def test_demonstration_ends_well(demonstration: Done) -> None:
    assert (demonstration.returncode, demonstration.stderr) == (0, "")


def test_summary_adds_up(demonstration: Done) -> None:
    readme = README.read_bytes()
    lines, size = 4 * len(readme.splitlines()), 4 * len(readme)
    summary = summary_of(demonstration.stdout)
    assert summary["connections"] == "5 accepted, each served by a process of its own"
    assert summary["lines"] == f"{lines:,} sent, all received back unchanged"
    assert summary["bytes"] == f"{size:,} sent, {size:,} received back"
    assert re.fullmatch(r"[1-9]\d* select, 1 abort", summary["messages"])
    assert re.fullmatch(r"\d+\.\d{3} s", summary["time"])


def test_every_line_has_process_role_and_socket(demonstration: Done) -> None:
    rows = rows_of(demonstration)
    assert len(rows) < 60
    for seconds, pid, role, sock, _ in rows:
        assert re.fullmatch(r"\d+\.\d{3}", seconds)
        assert re.fullmatch(r"<0\.\d+\.0>", pid)
        assert role
        assert re.fullmatch(r"(#Socket<0\.\d+>)?", sock)
    times = [float(seconds) for seconds, *_ in rows]
    assert times == sorted(times)


def test_each_connection_has_a_process_that_owns_its_socket(demonstration: Done) -> None:
    rows = rows_of(demonstration)
    given = {
        (event.rpartition(" ")[2], sock)
        for _, _, role, sock, event in rows
        if role == "server" and event.startswith("accepted")
    }
    served = {(pid, sock) for _, pid, role, sock, _ in rows if role == "connection"}
    assert given == served
    assert len(served) == 5


def test_the_abort_message_after_another_process_closes(demonstration: Done) -> None:
    rows = rows_of(demonstration)
    [(closer, closed)] = [(pid, sock) for _, pid, role, sock, _ in rows if role == "closer"]
    [(waiter, aborted)] = [
        (pid, sock) for _, pid, _, sock, event in rows if event.startswith("AbortMessage recv")
    ]
    assert closed == aborted
    assert closer != waiter


def test_it_ends_with_the_chart_of_the_closed_socket(demonstration: Done) -> None:
    title, head, *rows = demonstration.stdout.split("\n\n")[-1].splitlines()
    assert title == "The socket that another process closes, as it was traced"
    assert re.search(r"main <0.1.0> .*waiter <.*#Socket<.*closer <", head)
    chart = "\n".join(rows)
    for text in ("spawn waiter", "recv: Select", "spawn closer", "-- close --", "AbortMessage("):
        assert text in chart


def test_output_into_a_pipe_is_plain_and_narrow(demonstration: Done) -> None:
    assert "\x1b" not in demonstration.stdout
    assert demonstration.stdout.isascii()
    for line in demonstration.stdout.splitlines():
        assert len(line) <= 100
        assert line == line.rstrip()


def seen_on_a_terminal(**variables: str) -> str:
    ours, theirs = pty.openpty()
    env = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    env |= {"TERM": "xterm", **variables}
    with subprocess.Popen(ACTORSOCK, stdout=theirs, env=env) as program:
        os.close(theirs)
        seen = b""
        try:
            while data := os.read(ours, 65536):
                seen += data
        except OSError:
            pass  # Linux reports the closed end by an error
        os.close(ours)
        assert program.wait(timeout=300) == 0
    return seen.decode()


def test_colours_only_on_terminals_whose_user_wants_them() -> None:
    assert "\x1b[" in seen_on_a_terminal()
    assert "\x1b" not in seen_on_a_terminal(NO_COLOR="1")
    assert "\x1b" not in seen_on_a_terminal(TERM="dumb")


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", 0),
        (b"one line that has no end", 1),
        (b"\x00\xff\r\n\n\r\xfe\n", 4),
        (b"x" * 100_000 + b"\n", 7),
        (b"0123456789abcdef\n" * 2_000, 2_000),
    ],
    ids=["empty", "no newline", "binary", "one long line", "long"],
)
def test_any_file_can_be_sent(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: bytes, lines: int
) -> None:
    path = tmp_path / ("name" * 30)
    path.write_bytes(content)
    outcome = Outcome(capsys, str(path))
    assert (outcome.status, outcome.err) == (0, "")
    summary = summary_of(outcome.out)
    assert summary["lines"] == f"{4 * lines:,} sent, all received back unchanged"
    size = 4 * len(content)
    assert summary["bytes"] == f"{size:,} sent, {size:,} received back"
    assert len(outcome.out.splitlines()) < 70
    assert max(map(len, outcome.out.splitlines())) <= 100


def drop_the_last(data: bytes) -> bytes:
    return data[:-1]


def crash(data: bytes) -> bytes:
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (bytes.upper, r"client 1: line 1: sent b'abc\\n', received b'ABC\\n'"),
        (bytes.upper, r"nowait: line 1: sent b'abc\\n', received b'ABC\\n'"),
        (drop_the_last, r"client 1: line 1: timeout after 3 bytes of its echo"),
        (drop_the_last, r"nowait: 1 bytes not received back within 0\.2 seconds"),
        (crash, r"client 1: line 1: closed after 0 bytes of its echo"),
        (crash, r"server: connection <0\.\d+\.0> ended: ZeroDivisionError\(\)"),
    ],
)
def test_a_wrong_echo_is_reported(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    answer: Callable[[bytes], bytes],
    failure: str,
) -> None:
    path = tmp_path / "text"
    path.write_bytes(b"abc\n")
    monkeypatch.setattr("actorsock.demo.client.PATIENCE", 0.2)
    monkeypatch.setattr("actorsock.demo.nowait_client.PATIENCE", 0.2)
    monkeypatch.setattr("actorsock.demo.server.answer", answer)
    outcome = Outcome(capsys, str(path))
    assert outcome.status == 1
    assert re.search(f"^FAILED  {failure}$", outcome.out, re.M), outcome.out


def test_a_reader_closes_the_pipe_early() -> None:
    with subprocess.Popen(
        ACTORSOCK, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        program.stdout.readline()
        program.stdout.close()
        assert program.stderr.read() == ""
        assert program.wait(timeout=300) == 0


def test_a_missing_file(tmp_path: Path) -> None:
    done = actorsock("nowhere", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "actorsock: nowhere: No such file or directory\n"


# --- help ---------------------------------------------------------------------------------------


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = Outcome(capsys, "--version")
    core = "native core" if native else "pure Python"
    version = metadata.version("actorsock")
    assert (outcome.status, outcome.out) == (0, f"actorsock {version} ({core})\n")


def test_help_shows_both_forms(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = Outcome(capsys, "--help")
    assert outcome.status == 0
    assert "actorsock [FILE]" in outcome.out
    assert "actorsock run [OPTION ...] MODULE:FUNCTION [ARG ...]" in outcome.out
    assert Outcome(capsys, "run", "--help").out.startswith("usage: actorsock run")


# --- run MODULE:FUNCTION ------------------------------------------------------------------------

MODULE = """
from actorsock import current_pid, exit, is_alive, receive, spawn_link

async def join(*words):
    assert is_alive(current_pid())
    return "+".join(words)

async def nothing():
    pass

def plain(word):
    return f"{word} {is_alive(current_pid())}"

async def one(word):
    return word

async def crash():
    raise ZeroDivisionError("in crash")

async def leave(reason):
    exit(reason)

async def linked():
    spawn_link(leave, "a reason")
    await receive()

async def wait():
    print("waiting", flush=True)
    await receive()

class Room:
    @staticmethod
    async def inside():
        return "inside"

number = 7
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A current directory with modules, which Python does not keep after the test."""
    (tmp_path / "module.py").write_text(MODULE)
    (tmp_path / "mistaken.py").write_text("import not_there_at_all\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path
    sys.modules.pop("module", None)


@pytest.mark.parametrize(
    ("words", "printed"),
    [
        (["module:join", "a", "b"], "a+b\n"),
        (["module:join", "--flag", "-x", "--", "--help"], "--flag+-x+--+--help\n"),
        (["module:join"], "\n"),
        (["module:nothing"], ""),
        (["module:plain", "alive"], "alive True\n"),
        (["module:Room.inside"], "inside\n"),
        (["module:leave", "normal"], ""),
    ],
)
@pytest.mark.usefixtures("here")
def test_run_prints_what_the_function_returns(
    capsys: pytest.CaptureFixture[str], words: list[str], printed: str
) -> None:
    outcome = Outcome(capsys, "run", *words)
    assert (outcome.status, outcome.out, outcome.err) == (0, printed, "")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere:main"], "no module named 'nowhere'"),
        (["module.inner:main"], "no module named 'module.inner'"),
        (["module:main"], "module 'module' has no 'main'"),
        (["module:Room.outside"], "module 'module' has no 'Room.outside'"),
        (["module:number"], "module:number is not a function: 7"),
        (["module"], "expected MODULE:FUNCTION, got 'module'"),
        (["module:"], "expected MODULE:FUNCTION, got 'module:'"),
        ([":main"], "expected MODULE:FUNCTION, got ':main'"),
        (["..module:main"], "expected MODULE:FUNCTION, got '..module:main'"),
        (["module:one"], "module:one(word): missing a required argument: 'word'"),
        (["module:one", "a", "b"], "module:one(word): too many positional arguments"),
    ],
)
@pytest.mark.usefixtures("here")
def test_run_reports_wrong_usage_in_one_line(
    capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    outcome = Outcome(capsys, "run", *words)
    assert (outcome.status, outcome.out, outcome.err) == (2, "", f"actorsock run: {message}\n")


def test_run_without_a_function(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = Outcome(capsys, "run")
    assert outcome.status == 2
    assert outcome.err.startswith("usage: actorsock run")


@pytest.mark.parametrize(
    ("words", "reason"),
    [(["module:leave", "a reason"], "'a reason'"), (["module:linked"], "'a reason'")],
)
@pytest.mark.usefixtures("here")
def test_run_reports_the_exit_reason(
    capsys: pytest.CaptureFixture[str], words: list[str], reason: str
) -> None:
    outcome = Outcome(capsys, "run", *words)
    message = f"actorsock run: {words[0]} ended: {reason}\n"
    assert (outcome.status, outcome.out, outcome.err) == (1, "", message)


def test_run_shows_the_traceback_of_a_failed_import(here: Path) -> None:
    done = actorsock("run", "mistaken:main", cwd=here)
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback")
    assert done.stderr.endswith("No module named 'not_there_at_all'\n")


def test_run_shows_the_traceback_of_a_crash(here: Path) -> None:
    done = actorsock("run", "module:crash", cwd=here)
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback")
    assert done.stderr.endswith("ZeroDivisionError: in crash\n")


def test_control_c_ends_the_program_without_a_traceback(here: Path) -> None:
    with subprocess.Popen(
        [*ACTORSOCK, "run", "module:wait"],
        cwd=here,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A test run in the background may ignore SIGINT, and its children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        assert program.stdout.readline() == "waiting\n"
        program.send_signal(signal.SIGINT)
        assert program.wait(timeout=300) == 130
        assert program.stderr.read() == ""


def test_the_installed_script_finds_modules_in_the_current_directory(here: Path) -> None:
    script = Path(sys.executable).with_name("actorsock")
    done = subprocess.run(
        [script, "run", "module:join", "a", "b"],
        cwd=here,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "a+b\n", "")
