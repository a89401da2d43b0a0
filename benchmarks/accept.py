"""Accept: connections per second, each closed as soon as it is accepted."""

from collections.abc import Generator
from typing import Final

from .harness import Against, Benchmark, Effort, at_least
from .served import Command, python_server, serving, thousands, under_load

__all__ = ["benchmarks"]

TASK: Final = "task body"
LIGHT: Final = "light body"
TRIO: Final = "trio's sockets"

SERVERS: Final[dict[str, Command]] = {
    TRIO: python_server("accept_trio"),
    TASK: python_server("accept_actorsock", "task"),
    LIGHT: python_server("accept_actorsock", "light"),
}

CLIENTS: Final = 32


def benchmarks(effort: Effort) -> Generator[Benchmark, None, None]:
    """Many clients that connect again and again."""
    with (
        serving(SERVERS) as servers,
        under_load(servers, "accept", CLIENTS, effort.seconds, thousands) as contestants,
    ):
        yield Benchmark(
            "accept and close (thousands/s, and µs of processor time each)",
            f"{CLIENTS} at a time",
            contestants,
            (Against("accept and close", TRIO, at_least(TASK, 1.0), at_least(LIGHT, 1.5)),),
        )
