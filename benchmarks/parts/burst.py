"""Burst: 1,000 clients that connect at the same moment, until each has its reply."""

from collections.abc import Generator
from functools import partial
from typing import Final

from ..harness import Against, Benchmark, Claim, Effort, Figure, at_most
from ..programs import allow_many_files
from ..served import Answer, Command, both_ways, python_server, serving, under_load

__all__ = ["benchmarks"]

TASK: Final = "task body, serve_tcp"
LIGHT: Final = "light body, accept"
TRIO: Final = "trio's serve_tcp"
ASYNCIO: Final = "asyncio streams"
LIMIT: Final = "one second"

SERVERS: Final[dict[str, Command]] = {
    TRIO: python_server("echo.serve_tcp", "trio"),
    TASK: python_server("echo.serve_tcp", "actorsock"),
    LIGHT: python_server("echo.actorsock", "light"),
    ASYNCIO: python_server("echo.asyncio", "asyncio"),
}

CLIENTS: Final = 1000
SOME_FILES: Final = 100


def benchmarks(effort: Effort) -> Generator[Benchmark, None, None]:
    """Return the benchmark; its figure is the time until the last client has its reply."""
    clients = min(effort.scaled(CLIENTS), allow_many_files() - SOME_FILES)
    what = f"a burst of {clients:,} clients"
    commands = both_ways(SERVERS, {TASK, LIGHT})
    with (
        serving(commands) as servers,
        under_load(servers, "burst", clients, 1, partial(_milliseconds, clients)) as load,
    ):
        yield Benchmark(
            "burst, all clients at once (ms, and µs of processor time each)",
            f"{clients:,} clients",
            {**load, LIMIT: lambda: Figure(1000.0)},
            (
                Against(what, LIMIT, at_most(TASK, 1), at_most(LIGHT, 1), lower_is_better=True),
                Against(what, TRIO, Claim(TASK), Claim(LIGHT), lower_is_better=True),
                Against(what, ASYNCIO, Claim(TASK), Claim(LIGHT), lower_is_better=True),
            ),
        )


def _milliseconds(clients: int, answer: Answer) -> Figure:
    return Figure(answer.seconds * 1000, answer.cpu / clients * 1e6)
