"""Starting the measured programs: each is pinned to a core, and ends with this one.

A server runs on one core and the load generator on another. A contestant inside one process runs
in a new interpreter for each measurement.
"""

import atexit
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from typing import IO, Final

import attrs

from actorsock import native

from .harness import Contestant, Effort, Failed, Figure, Skipped, pure

__all__ = [
    "HERE",
    "Program",
    "Usage",
    "allow_many_files",
    "each_fresh",
    "erlang",
    "fresh",
    "fresh_erlang",
    "fresh_pure",
    "loadgen",
    "python_module",
    "started",
    "usage",
    "without_native",
]

HERE: Final = Path(__file__).parent

_CORES: Final = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
_SERVER: Final = _CORES[:1]
_GENERATOR: Final = _CORES[-1:]

_LIBC: Final = ctypes.CDLL(None)
_PR_SET_PDEATHSIG: Final = 1


@attrs.frozen
class Usage:
    """The processor time of a process, in seconds."""

    cpu: float
    """The time for which it ran."""
    delay: float
    """The time for which it was ready to run, but other programs ran."""

    def __sub__(self, other: "Usage") -> "Usage":
        return Usage(self.cpu - other.cpu, self.delay - other.delay)


@attrs.frozen
class Program:
    """A running program and its first line of output."""

    process: subprocess.Popen[str]
    first_line: str

    def ask(self, question: str) -> str:
        """Write a line to the program and read one."""
        stdin = self.process.stdin
        assert stdin is not None
        with suppress(BrokenPipeError):  # it has ended; its stderr shows the reason
            print(question, file=stdin, flush=True)
        return _line_of(self.process)


@contextmanager
def started(command: Sequence[str], *, generator: bool = False) -> Iterator[Program]:
    """Run `command` during the block, on the server's core or on the generator's."""
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


def fresh(module: str, contestant: str, effort: Effort, *, generator: bool = False) -> Figure:
    """Measure one contestant of a module of this package in a new interpreter."""
    return _inside(_stopwatch(module, contestant, effort), generator=generator)


def fresh_pure(module: str, contestant: str, effort: Effort) -> Figure:
    """Do the same without the native core of actorsock."""
    return _inside(without_native(_stopwatch(module, contestant, effort)))


def _stopwatch(module: str, contestant: str, effort: Effort) -> list[str]:
    return python_module(
        "benchmarks.inside", module, contestant, str(effort.seconds), str(effort.scale)
    )


def _inside(command: Sequence[str], *, generator: bool = False) -> Figure:
    with started(command, generator=generator) as program:
        answer = json.loads(program.first_line)
    if "skipped" in answer:
        raise Skipped(answer["skipped"])
    return Figure(answer["value"])


def each_fresh(
    module: str, contestants: Iterable[str], effort: Effort, ours: Collection[str]
) -> dict[str, Contestant]:
    """Return the contestants of a module; those of `ours` also without the native core."""
    each: dict[str, Contestant] = {}
    for name in contestants:
        each[name] = partial(fresh, module, name, effort)
        if name in ours:
            each[pure(name)] = partial(fresh_pure, module, name, effort)
    return each


def fresh_erlang(function: str, effort: Effort, *args: int) -> Figure:
    """Measure a function of the Erlang module `processes` in a new program."""
    with started(erlang("processes", function, effort.seconds, *args)) as program:
        return Figure(float(program.first_line))


def python_module(name: str, *args: str) -> list[str]:
    """Return the command that runs a Python module."""
    return [sys.executable, "-m", name, *args]


def without_native(command: Sequence[str]) -> list[str]:
    """Return the command that runs `command` without the native core of actorsock.

    Raises `Skipped` where there is no native core to leave out.
    """
    if not native:
        raise Skipped("the native core is not installed, or is turned off")
    return ["env", "ACTORSOCK_NATIVE=0", *command]  # env replaces itself by the program


def erlang(module: str, function: str, *args: float | str) -> list[str]:
    """Return the command that runs a function of an Erlang module on one scheduler."""
    call = f"{module}:{function}({', '.join(map(str, args))})"
    path = str(_compiled_erlang())
    # +P: as many processes as newer releases allow by themselves.
    return ["erl", "+S", "1:1", "+P", "2000000", "-noshell", "-noinput", "-pa", path, "-eval", call]


@cache
def loadgen() -> str:
    """Return the path of the load generator, which the first call builds."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        raise Skipped("the load generator needs Linux and a C compiler")
    path = _workshop() / "loadgen"
    subprocess.run([compiler, "-O2", "-o", path, HERE / "loadgen.c"], check=True)
    return str(path)


def usage(pid: int) -> Usage:
    """Return the usage of a process so far."""
    running, waiting = [0], [0]
    for path in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with suppress(FileNotFoundError, ProcessLookupError):  # the thread has just ended
            ran, waited, _ = map(int, path.read_text().split())
            running.append(ran)
            waiting.append(waited)
    # Threads of one process also wait for each other; the longest wait is taken as the wait for
    # other programs.
    return Usage(sum(running) / 1e9, max(waiting) / 1e9)


def allow_many_files() -> int:
    """Raise the limit of open files of this program and its children; return the limit."""
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
    """Return the directory of compiled programs, which is removed when this program ends."""
    directory = tempfile.TemporaryDirectory(prefix="actorsock-benchmarks-")
    atexit.register(directory.cleanup)
    return Path(directory.name)


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
