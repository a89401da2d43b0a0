"""Accept and UDP: the operations of 32 concurrent clients, compared with trio's sockets.

Accept: connections that are closed as soon as they are accepted. UDP: datagrams of 64 bytes,
received with recvfrom and sent back with sendto.
"""

from collections.abc import Generator
from typing import Final

from ..harness import Against, Benchmark, Claim, Effort, at_least
from ..served import both_ways, python_server, serving, thousands, under_load

__all__ = ["accept", "udp"]

TASK: Final = "task body"
LIGHT: Final = "light body"
TRIO: Final = "trio's sockets"

# Also the number of datagrams in transit: so few are not dropped.
CLIENTS: Final = 32


def accept(effort: Effort) -> Generator[Benchmark, None, None]:
    """Return the benchmark of clients that connect repeatedly."""
    claims = at_least(TASK, 1.05), at_least(LIGHT, 1.25)
    return _against_trio("accept", "accept and close", f"{CLIENTS} at a time", claims, effort)


def udp(effort: Effort) -> Generator[Benchmark, None, None]:
    """Return the benchmark of many clients and one socket."""
    claims = at_least(TASK, 1.7), at_least(LIGHT, 2.2)
    return _against_trio("udp", "UDP, 64 bytes", f"{CLIENTS} clients", claims, effort)


def _against_trio(
    load: str, what: str, label: str, claims: tuple[Claim, Claim], effort: Effort
) -> Generator[Benchmark, None, None]:
    commands = {
        TRIO: python_server(f"{load}.trio"),
        TASK: python_server(f"{load}.actorsock", "task"),
        LIGHT: python_server(f"{load}.actorsock", "light"),
    }
    with (
        serving(both_ways(commands, {TASK, LIGHT})) as servers,
        under_load(servers, load, CLIENTS, effort.seconds, thousands) as contestants,
    ):
        yield Benchmark(
            f"{what} (thousands/s, and µs of processor time each)",
            label,
            contestants,
            (Against(what, TRIO, *claims),),
        )
