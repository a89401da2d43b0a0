"""UDP: datagrams of 64 bytes, there with recvfrom and back with sendto."""

from collections.abc import Generator
from typing import Final

from .harness import Against, Benchmark, Effort, at_least
from .served import Command, python_server, serving, thousands, under_load

__all__ = ["benchmarks"]

TASK: Final = "task body"
LIGHT: Final = "light body"
TRIO: Final = "trio's sockets"

SERVERS: Final[dict[str, Command]] = {
    TRIO: python_server("udp_trio"),
    TASK: python_server("udp_actorsock", "task"),
    LIGHT: python_server("udp_actorsock", "light"),
}

# Datagrams under way at a time: so few are not dropped.
CLIENTS: Final = 32


def benchmarks(effort: Effort) -> Generator[Benchmark, None, None]:
    """Many clients, one socket."""
    with (
        serving(SERVERS) as servers,
        under_load(servers, "udp", CLIENTS, effort.seconds, thousands) as contestants,
    ):
        yield Benchmark(
            "UDP, 64 bytes (thousands/s, and µs of processor time each)",
            f"{CLIENTS} clients",
            contestants,
            (Against("UDP, 64 bytes", TRIO, at_least(TASK, 1.3), at_least(LIGHT, 1.8)),),
        )
