"""Servers under load: each is a program of its own, and a load generator measures it.

The clock is the elapsed time, less the time for which the server or the generator was ready to run
but other programs used its core. On an idle machine there is no such time.
"""

import importlib.util
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

import attrs

from .harness import Contestant, Failed, Figure, Skipped, pure
from .programs import Program, Usage, loadgen, python_module, started, usage, without_native

__all__ = [
    "Answer",
    "Command",
    "both_ways",
    "each_anew",
    "python_server",
    "serving",
    "thousands",
    "under_load",
]

Command = Callable[[], list[str]]
"""Returns the command that runs a server, or raises `Skipped`."""


Missing = Skipped | Failed


@attrs.frozen
class Answer:
    """The result of one run of the load generator."""

    count: int
    seconds: float
    cpu: float
    """The server's processor time, in seconds."""


def undisturbed(elapsed: float, server: Usage, generator: Usage) -> float:
    """Return how many of the `elapsed` seconds would have passed without other programs."""
    seconds = elapsed - server.delay
    # While the generator was delayed, the server may have worked; subtract only the part of the
    # delay in which it can have slept.
    asleep = seconds - server.cpu
    return max(seconds - max(0.0, min(generator.delay, asleep)), server.cpu)


def python_server(name: str, *args: str, needs: str | None = None) -> Command:
    """Return the command of a server in Python; `needs` is a package that may be missing."""

    def command() -> list[str]:
        if needs is not None and importlib.util.find_spec(needs) is None:
            raise Skipped(f"{needs} is not installed")
        return python_module(f"benchmarks.servers.{name}", *args)

    return command


def both_ways(commands: Mapping[str, Command], ours: Collection[str]) -> dict[str, Command]:
    """Return `commands`, and those of `ours` also without the native core of actorsock."""
    both: dict[str, Command] = {}
    for name, command in commands.items():
        both[name] = command
        if name in ours:
            both[pure(name)] = partial(_without_native, command)
    return both


def _without_native(command: Command) -> list[str]:
    return without_native(command())


@contextmanager
def serving(commands: Mapping[str, Command]) -> Iterator[dict[str, Program | Missing]]:
    """Run all servers at once; a server without requests uses no processor time."""
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
    generates: Command = lambda: [loadgen()],
) -> Iterator[dict[str, Contestant]]:
    """Connect a load generator to each server; each call of a contestant measures one run.

    `load` and `number` are arguments of the generator; `run` is the length of a run, in seconds or
    bytes; `generates` returns the command of another generator.
    """
    with ExitStack() as stack:
        contestants: dict[str, Contestant] = {}
        for name, server in servers.items():
            try:
                if isinstance(server, Missing):
                    raise server
                port = server.first_line.split()[0]
                command = [*generates(), load, port, str(number)]
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
    """Measure each time with a new server and a new generator, and add up several runs.

    For figures that depend on the placement of buffers in memory: the speed of copying in bulk
    varies by a half from one connection to the next.
    """
    return {name: partial(_anew, command, load, runs, figure) for name, command in commands.items()}


def thousands(answer: Answer) -> Figure:
    """Return the thousands of operations per second."""
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
