"""All cores: echo with some work for each message, by one program and by one on each of two cores.

The load generator has no core of its own then. So the work for a message takes some fifty times of
what the generator needs for it, and what the figure shows is the servers. Both have the same number
of connections, shared by the kernel as it likes; each has one message under way, so a program with
few of them answers these more often.
"""

import os
from collections.abc import Generator, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Final

from ..harness import Against, Benchmark, Contestant, Effort, Failed, Figure, Skipped, at_least
from ..programs import Program, loadgen, python_module, started, usage
from ..served import undisturbed

__all__ = ["benchmarks"]

WORK: Final = 10_000
"""Passes of an empty loop for each message: a tenth of a millisecond, about."""

CONNECTIONS: Final = 64

ONE: Final = "one core"
TWO: Final = "two cores"


def benchmarks(effort: Effort) -> Generator[Benchmark, None, None]:
    """Return the benchmark; its servers run until the generator is resumed."""
    cores = sorted(os.sched_getaffinity(0))[:2]
    with ExitStack() as stack:
        contestants: dict[str, Contestant]
        if len(cores) < 2:
            contestants = dict.fromkeys((TWO, ONE), _without_cores)
        else:
            two = _load(stack, cores, effort)
            # The cores may differ in what else they have to do: one program, on each in turn.
            alone = [_load(stack, [core], effort) for core in cores]
            contestants = {
                TWO: partial(_measured, [two], effort.seconds),
                ONE: partial(_measured, alone, effort.seconds),
            }
        yield Benchmark(
            "echo with work, on more cores (thousands/s)",
            f"{CONNECTIONS} connections",
            contestants,
            (Against("echo with work, two cores", ONE, None, at_least(TWO, 1.8)),),
        )


def _without_cores() -> Figure:
    raise Skipped("there is one core")


_Load = tuple[list[int], Program]
"""The programs that serve, and the generator of their load."""


def _load(stack: ExitStack, cores: Sequence[int], effort: Effort) -> _Load:
    words = map(str, (effort.scaled(WORK), *cores))
    server = stack.enter_context(started(python_module("benchmarks.servers.echo.cores", *words)))
    port, *pids = server.first_line.split()
    generating = [loadgen(), "echo", port, str(CONNECTIONS)]
    generator = stack.enter_context(started(generating, generator=True))
    return [int(pid) for pid in pids], generator


def _measured(loads: Sequence[_Load], seconds: float) -> Figure:
    """Return the mean of a run of each load."""
    runs = [_run(pids, generator, seconds / len(loads)) for pids, generator in loads]
    rate = sum(rate for rate, _ in runs) / len(runs)
    return Figure(rate / 1e3, sum(cpu for _, cpu in runs) / len(runs) * 1e6)


def _run(pids: Sequence[int], generator: Program, seconds: float) -> tuple[float, float]:
    """Return the answers in a second, and the processor time of one.

    Each program is measured by the time that it would have taken with its core to itself. Every
    message costs the same, so its part of the processor time is its part of the answers.
    """
    every = [*pids, generator.process.pid]
    before = [usage(pid) for pid in every]
    count, elapsed = generator.ask(str(seconds)).split()
    *used, by_generator = (usage(pid) - at for pid, at in zip(every, before, strict=True))
    total = sum(each.cpu for each in used)
    if not total:
        raise Failed("the servers have not worked")
    answers = max(1, int(count))
    rates = (
        answers * each.cpu / total / undisturbed(float(elapsed), each, by_generator)
        for each in used
    )
    return sum(rates), total / answers
