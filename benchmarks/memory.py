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

from .harness import Against, Benchmark, Claim, Effort, Failed, Figure, Skipped, at_most
from .inside import Contestants
from .programs import allow_many_files, fresh, loadgen, started
from .served import Command, python_server

__all__ = ["CONTESTANTS", "benchmarks"]

TASK: Final = "task body"
LIGHT: Final = "light body"
TRIO: Final = "trio"

SERVERS: Final[dict[str, Command]] = {
    TRIO: python_server("echo_trio"),
    TASK: python_server("echo_actorsock", "task"),
    LIGHT: python_server("echo_actorsock", "light"),
    "task body, one for all": python_server("echo_select", "task"),
    "light body, one for all": python_server("echo_select", "light"),
}

NUMBER: Final = 10_000
SOME_FILES: Final = 100
PATIENCE: Final = 60.0


def benchmarks(effort: Effort) -> Generator[Benchmark, None, None]:
    """Return the benchmarks of processes in `receive` and of connections in `recv`."""
    part = "memory (KiB each)"
    processes = effort.scaled(NUMBER)
    connections = min(processes, allow_many_files() - SOME_FILES)
    yield Benchmark(
        part,
        f"{processes:,} processes",
        {name: partial(fresh, "memory", name, effort) for name in CONTESTANTS},
        _lines("memory of an idle process"),
        most_rounds=1,
    )
    yield Benchmark(
        part,
        f"{connections:,} connections",
        {name: partial(_connections, SERVERS[name], connections) for name in SERVERS},
        _lines("memory of an idle connection"),
        most_rounds=1,
    )


def _lines(what: str) -> tuple[Against, ...]:
    return (
        Against(what, TRIO, Claim(TASK), Claim(LIGHT), lower_is_better=True),
        Against(what, TASK, None, at_most(LIGHT, 0.5), lower_is_better=True),
    )


def _processes(light: bool, effort: Effort) -> float:
    number = effort.scaled(NUMBER)
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


def _trio_tasks(effort: Effort) -> float:
    number = effort.scaled(NUMBER)
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


def _connections(server: Command, number: int) -> Figure:
    with started(server()) as program:
        pid = program.process.pid
        before, files = _resident(pid), _open_files(pid)
        with started([loadgen(), "hold", program.first_line, str(number)], generator=True):
            end = time.monotonic() + PATIENCE
            while _open_files(pid) < files + number:
                if time.monotonic() > end:
                    raise Failed(f"it has not accepted {number:,} connections")
                time.sleep(0.05)
            time.sleep(0.2)  # the last connections are accepted, but may not wait in recv yet
            return Figure(_growth(before, pid) / number)


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
    TRIO: _trio_tasks,
    TASK: partial(_processes, False),
    LIGHT: partial(_processes, True),
}
