"""Starting what is measured: programs of their own, pinned to a core, that end with this one.

A server under test gets one core and the load generator another; what runs inside one process
gets a fresh interpreter for each measurement.
"""

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO, Final

import attrs

from .harness import Effort, Failed, Figure, Skipped

__all__ = [
    "HERE",
    "Program",
    "Usage",
    "allow_many_files",
    "erlang",
    "fresh",
    "fresh_erlang",
    "loadgen",
    "python_module",
    "started",
    "usage",
]

HERE: Final = Path(__file__).parent

_CORES: Final = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
_SERVER: Final = _CORES[:1]
_GENERATOR: Final = _CORES[-1:]

_LIBC: Final = ctypes.CDLL(None)
_PR_SET_PDEATHSIG: Final = 1


@attrs.frozen
class Usage:
    """What a process has had of the processor, in seconds."""

    cpu: float
    """While it ran."""
    delay: float
    """While it could have run and others did."""

    def __sub__(self, other: "Usage") -> "Usage":
        return Usage(self.cpu - other.cpu, self.delay - other.delay)


@attrs.frozen
class Program:
    """One that runs, and its first line of output."""

    process: subprocess.Popen[str]
    first_line: str

    def ask(self, question: str) -> str:
        """Write a line to it and read one."""
        stdin = self.process.stdin
        assert stdin is not None
        with suppress(BrokenPipeError):  # what it has said on its standard error is for people
            print(question, file=stdin, flush=True)
        return _line_of(self.process)


@contextmanager
def started(command: Sequence[str], *, generator: bool = False) -> Iterator[Program]:
    """Run `command` on the server's core, or the generator's, for the length of a block."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=HERE.parent,
        env={**os.environ, "ERL_CRASH_DUMP_SECONDS": "0"},
        preexec_fn=_settle_on(_GENERATOR if generator else _SERVER),
    )
    try:
        yield Program(process, _line_of(process))
    finally:
        process.kill()
        process.communicate()


def fresh(module: str, contestant: str, effort: Effort) -> Figure:
    """Measure one contestant of a module of this package in an interpreter of its own."""
    command = python_module(
        "benchmarks.inside", module, contestant, str(effort.seconds), str(effort.scale)
    )
    with started(command) as program:
        answer = json.loads(program.first_line)
    if "skipped" in answer:
        raise Skipped(answer["skipped"])
    return Figure(answer["value"])


def fresh_erlang(function: str, effort: Effort, *args: int) -> Figure:
    """The same for a function of the Erlang module `processes`."""
    with started(erlang("processes", function, effort.seconds, *args)) as program:
        return Figure(float(program.first_line))


def python_module(name: str, *args: str) -> list[str]:
    """The command that runs a Python module."""
    return [sys.executable, "-m", name, *args]


def erlang(module: str, function: str, *args: float) -> list[str]:
    """The command that runs a function of one of our Erlang modules on one scheduler."""
    call = f"{module}:{function}({', '.join(map(str, args))})"
    path = str(_compiled_erlang())
    return ["erl", "+S", "1:1", "-noshell", "-noinput", "-pa", path, "-eval", call]


@cache
def loadgen() -> str:
    """The path of the load generator, built on first use."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        raise Skipped("the load generator needs Linux and a C compiler")
    path = _workshop() / "loadgen"
    subprocess.run([compiler, "-O2", "-o", path, HERE / "loadgen.c"], check=True)
    return str(path)


def usage(pid: int) -> Usage:
    """What a process has used so far."""
    running, waiting = [0], [0]
    for path in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        ran, waited, _ = map(int, path.read_text().split())
        running.append(ran)
        waiting.append(waited)
    # Threads of one process wait for each other, too: only the longest wait is for others.
    return Usage(sum(running) / 1e9, max(waiting) / 1e9)


def allow_many_files() -> int:
    """Let this program and those that it starts open as many files as they may; how many."""
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


@cache
def _compiled_erlang() -> Path:
    if shutil.which("erl") is None or shutil.which("erlc") is None:
        raise Skipped("no Erlang here")
    sources = sorted((HERE / "erlang").glob("*.erl"))
    if subprocess.run(["erlc", "-o", _workshop(), *sources], check=False).returncode:
        raise Skipped("the Erlang here does not compile")
    return _workshop()


@cache
def _workshop() -> Path:
    """Where what is compiled goes; removed when this program ends."""
    directory = tempfile.TemporaryDirectory(prefix="actorsock-benchmarks-")
    _kept.append(directory)
    return Path(directory.name)


_kept: Final[list[tempfile.TemporaryDirectory[str]]] = []


def _settle_on(cores: Sequence[int]) -> Callable[[], None]:
    def settle() -> None:
        if cores:
            os.sched_setaffinity(0, cores)
        if sys.platform == "linux":
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

    return settle


def _line_of(process: subprocess.Popen[str]) -> str:
    stdout: IO[str] | None = process.stdout
    assert stdout is not None
    line = stdout.readline()
    if not line:
        command = " ".join(map(str, process.args))  # type: ignore[arg-type]
        raise Failed(f"{command}: ended with status {process.wait()}")
    return line.strip()
