"""Memory of 10,000 idle processes, and of 10,000 idle connections.

The figure is the growth of the resident size of the interpreter. It does not include the kernel's
memory for a connection, which is the same for all contestants.
"""

import gc
import os
import time
from collections.abc import Generator
from functools import partial
from pathlib import Path
from typing import Final

import trio
import trio.testing

from actorsock import receive, run, sleep, spawn

from ..harness import Against, Benchmark, Claim, Effort, Failed, Figure, Skipped, at_most
from ..inside import Contestants
from ..programs import allow_many_files, each_fresh, loadgen, started, usage
from ..served import Command, both_ways, python_server

__all__ = ["CONTESTANTS", "benchmarks", "hold", "idle_processes", "idle_tasks"]

TASK: Final = "task body"
LIGHT: Final = "light body"
TRIO: Final = "trio"

SERVERS: Final[dict[str, Command]] = {
    TRIO: python_server("echo.trio"),
    TASK: python_server("echo.actorsock", "task"),
    LIGHT: python_server("echo.actorsock", "light"),
    "task body, one for all": python_server("echo.select", "task"),
    "light body, one for all": python_server("echo.select", "light"),
}

NUMBER: Final = 10_000
SOME_FILES: Final = 100
PATIENCE: Final = 60.0


def benchmarks(effort: Effort) -> Generator[Benchmark, None, None]:
    """Return the benchmarks of processes in `receive` and of connections in `recv`."""
    part = "memory (KiB each, and µs of processor time to accept a connection)"
    processes = effort.scaled(NUMBER)
    connections = min(processes, allow_many_files() - SOME_FILES)
    yield Benchmark(
        part,
        f"{processes:,} processes",
        each_fresh("memory", CONTESTANTS, effort, {TASK, LIGHT}),
        _lines("memory of an idle process"),
        most_rounds=1,
    )
    yield Benchmark(
        part,
        f"{connections:,} connections",
        {
            name: partial(hold, command, connections)
            for name, command in both_ways(SERVERS, {TASK, LIGHT}).items()
        },
        _lines("memory of an idle connection"),
        most_rounds=1,
    )


def _lines(what: str) -> tuple[Against, ...]:
    return (
        Against(what, TRIO, Claim(TASK), Claim(LIGHT), lower_is_better=True),
        Against(what, TASK, None, at_most(LIGHT, 0.5), lower_is_better=True),
    )


def idle_processes(light: bool, number: int, effort: Effort) -> float:
    """Return by how many KiB a program grows with each of its processes."""
    number = effort.scaled(number)
    running = 0
    grown = 0.0

    async def process() -> None:
        nonlocal running
        running += 1
        await receive()

    async def main() -> None:
        nonlocal grown
        before = _resident()
        for _ in range(number):
            spawn(process, light=light)
        while running < number:
            await sleep(0.01)
        await sleep(0.01)
        gc.collect()
        grown = _growth(before)

    run(main)
    return grown / number


def idle_tasks(number: int, effort: Effort) -> float:
    """Return the same for tasks of trio."""
    number = effort.scaled(number)
    grown = 0.0

    async def main() -> None:
        nonlocal grown
        before = _resident()
        async with trio.open_nursery() as nursery:
            for _ in range(number):
                nursery.start_soon(trio.sleep_forever)
            await trio.testing.wait_all_tasks_blocked()
            gc.collect()
            grown = _growth(before)
            nursery.cancel_scope.cancel()

    trio.run(main)
    return grown / number


def hold(server: Command, number: int) -> Figure:
    """Return by how many KiB a server grows with each connection, and its processor time."""
    with started(server()) as program:
        pid = program.process.pid
        before, files, used = _resident(pid), _open_files(pid), usage(pid)
        with started([loadgen(), "hold", program.first_line, str(number)], generator=True):
            end = time.monotonic() + PATIENCE
            while _open_files(pid) < files + number:
                if time.monotonic() > end:
                    raise Failed(f"it has not accepted {number:,} connections")
                time.sleep(0.05)
            time.sleep(0.2)  # the last connections are accepted, but may not wait in recv yet
            cpu = (usage(pid) - used).cpu
            return Figure(_growth(before, pid) / number, cpu / number * 1e6)


def _growth(before: float, pid: int | None = None) -> float:
    """Return by how many KiB a process has grown, at least a page.

    The kernel counts pages in batches, and takes unused ones away from a process when memory is
    short, so that a few connections more may show as no growth, or as less than none.
    """
    return max(_resident(pid) - before, os.sysconf("SC_PAGESIZE") / 1024)


def _resident(pid: int | None = None) -> float:
    """Return the resident size of a process (by default this one), in KiB."""
    path = Path(f"/proc/{pid or 'self'}/statm")
    if not path.exists():
        raise Skipped("memory is read from /proc")
    return int(path.read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 1024


def _open_files(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


CONTESTANTS: Final[Contestants] = {
    TRIO: partial(idle_tasks, NUMBER),
    TASK: partial(idle_processes, False, NUMBER),
    LIGHT: partial(idle_processes, True, NUMBER),
}
