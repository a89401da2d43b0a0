"""Scale: what one costs when there are ever more: connections to 50,000, processes to 1,000,000.

Where the cost of all grows in proportion to their number, that of one stays the same. A program
has one descriptor for each connection, so where its limit is lower the curves end there. Bodies
that are trio's tasks are measured up to 100,000.
"""

import time
from collections.abc import Generator, Iterator, Mapping
from functools import partial
from typing import Final

import trio

from actorsock import Pid, current_pid, receive, run, send, spawn

from ..harness import Benchmark, Contestant, Effort, Figure, pure
from ..inside import Contestants
from ..programs import allow_many_files, fresh, fresh_erlang, fresh_pure
from ..served import Answer, Command, both_ways, python_server, serving, under_load
from .memory import hold, idle_processes, idle_tasks

__all__ = ["CONTESTANTS", "benchmarks"]

TASK: Final = "task body"
LIGHT: Final = "light body"
TRIO: Final = "trio"
ERLANG: Final = "Erlang's processes"

SERVERS: Final[dict[str, Command]] = {
    TRIO: python_server("echo.trio"),
    TASK: python_server("echo.actorsock", "task"),
    LIGHT: python_server("echo.actorsock", "light"),
}

CONNECTIONS: Final = (10, 100, 1_000, 10_000, 50_000)
PROCESSES: Final = (1_000, 10_000, 100_000, 1_000_000)
MOST_TASKS: Final = 100_000
SOME_FILES: Final = 100
ECHOES: Final = 20_000
ROUNDS: Final = 3


def benchmarks(effort: Effort) -> Generator[Benchmark, None, None]:
    """Return the benchmarks of each number: of connections, then of processes."""
    commands = both_ways(SERVERS, {LIGHT})
    for number in _numbers(effort):
        waves = max(1, effort.scaled(ECHOES) // number)
        with (
            serving(commands) as servers,
            under_load(servers, "waves", number, waves, _microseconds) as load,
        ):
            yield _one("an echo, all connections at once (µs)", number, load)
    for number in _numbers(effort):
        held = {name: partial(hold, command, number) for name, command in commands.items()}
        accepting = {name: partial(_cpu_of, contestant) for name, contestant in held.items()}
        yield _one("accepting a connection (µs)", number, accepting)
        yield _one("memory of an idle connection (KiB)", number, held, rounds=1)
    for each in PROCESSES:
        number = effort.scaled(each)
        lives = _in_python("a life", each, effort)
        lives[ERLANG] = partial(_in_erlang, number, effort)
        yield _one("a process: its start, a message, its end (µs)", number, lives)
        idle = _in_python("memory", each, effort)
        yield _one("memory of an idle process (KiB)", number, idle, rounds=1)


def _one(
    part: str, number: int, contestants: Mapping[str, Contestant], rounds: int = ROUNDS
) -> Benchmark:
    return Benchmark(f"scale: {part}", f"{number:,}", contestants, (), rounds, number)


def _numbers(effort: Effort) -> Iterator[int]:
    """Generate the numbers of connections; the last one is as large as the system allows."""
    most = min(effort.scaled(CONNECTIONS[-1]), allow_many_files() - SOME_FILES)
    yield from (number for number in CONNECTIONS if number < most)
    yield most


def _microseconds(answer: Answer) -> Figure:
    return Figure(answer.cpu / answer.count * 1e6)


def _cpu_of(contestant: Contestant) -> Figure:
    cpu = contestant().cpu
    assert cpu is not None
    return Figure(cpu)


# --- processes in one program -----------------------------------------------------------------


def _in_python(what: str, number: int, effort: Effort) -> dict[str, Contestant]:
    contestants: dict[str, Contestant] = {}
    if number <= MOST_TASKS:
        for name in (TRIO, TASK):
            contestants[name] = partial(fresh, "scale", _key(what, name, number), effort)
    key = _key(what, LIGHT, number)
    contestants[LIGHT] = partial(fresh, "scale", key, effort)
    contestants[pure(LIGHT)] = partial(fresh_pure, "scale", key, effort)
    return contestants


def _in_erlang(number: int, effort: Effort) -> Figure:
    return Figure(1000 / fresh_erlang("lives", effort, number).value)


def _key(what: str, name: str, number: int) -> str:
    return f"{what}, {name}, {number}"


def _life(light: bool, number: int, effort: Effort) -> float:
    """Return the µs of processor time from the start to the end of a process."""
    number = effort.scaled(number)
    left = number
    took = 0.0

    async def process(main: Pid) -> None:
        nonlocal left
        await receive()
        left -= 1
        if left == 0:
            send(main, "all have ended")

    async def main() -> None:
        nonlocal took
        begin = time.process_time()
        me = current_pid()
        pids = [spawn(process, me, light=light) for _ in range(number)]
        for pid in pids:
            send(pid, "go")
        await receive()
        took = time.process_time() - begin

    run(main)
    return took / number * 1e6


def _life_in_trio(number: int, effort: Effort) -> float:
    number = effort.scaled(number)
    took = 0.0

    async def task(event: trio.Event) -> None:
        await event.wait()

    async def main() -> None:
        nonlocal took
        begin = time.process_time()
        async with trio.open_nursery() as nursery:
            events = [trio.Event() for _ in range(number)]
            for event in events:
                nursery.start_soon(task, event)
            for event in events:
                event.set()
        took = time.process_time() - begin

    trio.run(main)
    return took / number * 1e6


CONTESTANTS: Final[Contestants] = {
    _key(what, name, number): partial(function, number)
    for number in PROCESSES
    for what, name, function in (
        ("a life", TRIO, _life_in_trio),
        ("a life", TASK, partial(_life, False)),
        ("a life", LIGHT, partial(_life, True)),
        ("memory", TRIO, idle_tasks),
        ("memory", TASK, partial(idle_processes, False)),
        ("memory", LIGHT, partial(idle_processes, True)),
    )
}
