"""Spawn to exit: 50,000 processes that return at once, 1,000 at a time."""

from collections.abc import Generator
from functools import partial
from math import inf
from typing import Final

import trio

from actorsock import Pid, current_pid, receive, run, send, spawn

from ..harness import Against, Benchmark, Effort, at_least
from ..inside import Contestants, Stopwatch
from ..programs import each_fresh, fresh_erlang

__all__ = ["CONTESTANTS", "benchmarks"]

TASK: Final = "task body"
LIGHT: Final = "light body"
TRIO: Final = "trio's start_soon"
ERLANG: Final = "Erlang's processes"

PROCESSES: Final = 50_000
AT_A_TIME: Final = 1000


def benchmarks(effort: Effort) -> Generator[Benchmark, None, None]:
    """Return the benchmark; its figure is the number of processes per second."""
    processes = effort.scaled(PROCESSES)
    yield Benchmark(
        f"spawn to exit, {processes:,} processes (thousands/s)",
        f"{AT_A_TIME:,} at a time",
        {
            **each_fresh("spawning", CONTESTANTS, effort, {TASK, LIGHT}),
            ERLANG: partial(fresh_erlang, "spawning", effort),
        },
        (Against("spawn to exit", TRIO, at_least(TASK, 0.45), at_least(LIGHT, 2.2)),),
    )


def _processes(light: bool, effort: Effort) -> float:
    watch = Stopwatch(inf)
    processes = effort.scaled(PROCESSES)
    left = 0

    async def process(main: Pid) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            send(main, "all have run")

    async def main() -> None:
        nonlocal left
        me = current_pid()
        while watch.lap(AT_A_TIME) and watch.operations < processes:
            left = AT_A_TIME
            for _ in range(AT_A_TIME):
                spawn(process, me, light=light)
            await receive()

    run(main)
    return watch.thousands


def _trio_tasks(effort: Effort) -> float:
    watch = Stopwatch(inf)
    processes = effort.scaled(PROCESSES)
    left = 0

    async def process(all_have_run: trio.Event) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            all_have_run.set()

    async def main() -> None:
        nonlocal left
        async with trio.open_nursery() as nursery:
            while watch.lap(AT_A_TIME) and watch.operations < processes:
                left = AT_A_TIME
                event = trio.Event()
                for _ in range(AT_A_TIME):
                    nursery.start_soon(process, event)
                await event.wait()

    trio.run(main)
    return watch.thousands


CONTESTANTS: Final[Contestants] = {
    TRIO: _trio_tasks,
    TASK: partial(_processes, False),
    LIGHT: partial(_processes, True),
}
