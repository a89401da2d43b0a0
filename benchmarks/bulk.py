"""Bulk: 2 GiB over one connection in writes of 64 KiB, read by the server and written by it."""

from collections.abc import Generator
from typing import Final

from .harness import Against, Benchmark, Effort, Figure, at_least
from .served import Answer, Command, python_server, serving, under_load

__all__ = ["benchmarks"]

TASK: Final = "task body"
LIGHT: Final = "light body"
PLAIN: Final = "a blocking loop"

SERVERS: Final[dict[str, Command]] = {
    PLAIN: python_server("bulk_plain"),
    TASK: python_server("bulk_actorsock", "task"),
    LIGHT: python_server("bulk_actorsock", "light"),
}

PIECE: Final = 65536
PIECES: Final = 2**31 // PIECE


def benchmarks(effort: Effort) -> Generator[Benchmark, None, None]:
    """One for each direction."""
    bytes_ = effort.scaled(PIECES) * PIECE
    with serving(SERVERS) as servers:
        for load, label in (("source", "received"), ("sink", "sent")):
            with under_load(servers, load, 1, bytes_, _mebibytes) as contestants:
                yield Benchmark(
                    "bulk, 64 KiB at a time (MiB/s)",
                    label,
                    contestants,
                    (
                        Against(
                            f"bulk, {label}", PLAIN, at_least(TASK, 0.95), at_least(LIGHT, 0.95)
                        ),
                    ),
                )


def _mebibytes(answer: Answer) -> Figure:
    return Figure(answer.count / answer.seconds / 2**20)
