"""Servers under load: each is a program that listens, and is measured from outside.

The clock is the time that passes, less the time for which server and generator could have run
but other programs had their cores. On a machine of one's own there is no such time.
"""

import importlib.util
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

import attrs

from .harness import Contestant, Failed, Figure, Skipped
from .programs import Program, Usage, loadgen, python_module, started, usage

__all__ = ["Answer", "Command", "each_anew", "python_server", "serving", "thousands", "under_load"]

Command = Callable[[], list[str]]
"""The command that runs a server; raises `Skipped` where there is no such thing."""


Missing = Skipped | Failed


@attrs.frozen
class Answer:
    """What came of one run of the load generator."""

    count: int
    seconds: float
    cpu: float
    """Seconds of processor time that the server took."""


def undisturbed(elapsed: float, server: Usage, generator: Usage) -> float:
    """Of `elapsed` seconds, those that would have passed on a machine without other programs."""
    seconds = elapsed - server.delay
    # While the generator was delayed the server may have gone on: only if it slept is it missed.
    asleep = seconds - server.cpu
    return max(seconds - max(0.0, min(generator.delay, asleep)), server.cpu)


def python_server(name: str, *args: str, needs: str | None = None) -> Command:
    """One of the servers in Python; `needs` is a package that may be missing."""

    def command() -> list[str]:
        if needs is not None and importlib.util.find_spec(needs) is None:
            raise Skipped(f"{needs} is not installed")
        return python_module(f"benchmarks.servers.{name}", *args)

    return command


@contextmanager
def serving(commands: Mapping[str, Command]) -> Iterator[dict[str, Program | Missing]]:
    """Run all servers at once: those that nobody asks anything cost nothing."""
    with ExitStack() as stack:
        servers: dict[str, Program | Missing] = {}
        for name, command in commands.items():
            try:
                servers[name] = stack.enter_context(started(command()))
            except (Skipped, Failed) as why:
                servers[name] = why
        yield servers


@contextmanager
def under_load(
    servers: Mapping[str, Program | Missing],
    load: str,
    number: int,
    run: float,
    figure: Callable[[Answer], Figure],
) -> Iterator[dict[str, Contestant]]:
    """A load generator for each server, connected; each call measures one run of that length.

    `load` and `number` are its arguments, `run` what it is asked for: seconds, or bytes.
    """
    with ExitStack() as stack:
        contestants: dict[str, Contestant] = {}
        for name, server in servers.items():
            try:
                if isinstance(server, Missing):
                    raise server
                command = [loadgen(), load, server.first_line, str(number)]
                generator = stack.enter_context(started(command, generator=True))
                contestants[name] = partial(_measured, server, generator, run, figure)
            except (Skipped, Failed) as why:
                contestants[name] = partial(_missing, why)
        yield contestants


def each_anew(
    commands: Mapping[str, Command],
    load: str,
    runs: Sequence[float],
    figure: Callable[[Answer], Figure],
) -> dict[str, Contestant]:
    """For each measurement a new server, a new generator, and several runs, which are added up.

    For what depends on where in memory things happen to lie: copying in bulk varies by a half from
    one connection to the next.
    """
    return {name: partial(_anew, command, load, runs, figure) for name, command in commands.items()}


def thousands(answer: Answer) -> Figure:
    """Thousands of operations in a second."""
    return Figure(answer.count / answer.seconds / 1e3, answer.cpu / answer.count * 1e6)


def _measured(
    server: Program, generator: Program, run: float, figure: Callable[[Answer], Figure]
) -> Figure:
    return figure(_answer(server, generator, run))


def _anew(
    command: Command, load: str, runs: Sequence[float], figure: Callable[[Answer], Figure]
) -> Figure:
    with started(command()) as server:
        generating = [loadgen(), load, server.first_line, "1"]
        with started(generating, generator=True) as generator:
            answers = [_answer(server, generator, run) for run in runs]
    count = sum(answer.count for answer in answers)
    seconds = sum(answer.seconds for answer in answers)
    return figure(Answer(count, seconds, sum(answer.cpu for answer in answers)))


def _answer(server: Program, generator: Program, run: float) -> Answer:
    pids = server.process.pid, generator.process.pid
    before = [usage(pid) for pid in pids]
    count, seconds = generator.ask(str(run)).split()
    by_server, by_generator = (usage(pid) - at for pid, at in zip(pids, before, strict=True))
    elapsed = undisturbed(float(seconds), by_server, by_generator)
    return Answer(max(1, int(count)), elapsed, by_server.cpu)


def _missing(why: Missing) -> Figure:
    raise why
