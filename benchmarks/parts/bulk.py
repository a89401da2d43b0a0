"""Bulk: 2 GiB in writes of 64 KiB, read by the server and written by it.

The bytes go through eight connections, one after the other.
"""

from collections.abc import Generator
from typing import Final

from ..harness import Against, Benchmark, Effort, Figure, at_least
from ..served import Answer, Command, both_ways, each_anew, python_server

__all__ = ["benchmarks"]

TASK: Final = "task body"
LIGHT: Final = "light body"
PLAIN: Final = "a blocking loop"

SERVERS: Final[dict[str, Command]] = {
    PLAIN: python_server("bulk.plain"),
    TASK: python_server("bulk.actorsock", "task"),
    LIGHT: python_server("bulk.actorsock", "light"),
}

PIECE: Final = 65536
PIECES: Final = 2**31 // PIECE
CONNECTIONS: Final = 8


def benchmarks(effort: Effort) -> Generator[Benchmark, None, None]:
    """Return a benchmark for each direction."""
    bytes_ = effort.scaled(PIECES // CONNECTIONS) * PIECE
    commands = both_ways(SERVERS, {TASK, LIGHT})
    for load, label in (("source", "received"), ("sink", "sent")):
        yield Benchmark(
            "bulk, 64 KiB at a time (MiB/s)",
            label,
            each_anew(commands, load, [bytes_] * CONNECTIONS, _mebibytes),
            (Against(f"bulk, {label}", PLAIN, at_least(TASK, 0.97), at_least(LIGHT, 0.97)),),
        )


def _mebibytes(answer: Answer) -> Figure:
    return Figure(answer.count / answer.seconds / 2**20)
