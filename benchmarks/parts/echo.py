"""Echo: 64 bytes to the server and back, on 1, 10, 100 and 1,000 connections."""

from collections.abc import Generator
from typing import Final

from ..harness import Against, Benchmark, Claim, Effort, ahead_of, at_least
from ..programs import erlang
from ..served import Command, both_ways, python_server, serving, thousands, under_load

__all__ = ["benchmarks"]

TASK: Final = "task body"
LIGHT: Final = "light body"
TASK_SELECT: Final = "task body, select messages"
LIGHT_SELECT: Final = "light body, select messages"
TRIO: Final = "trio's sockets"
ERLANG: Final = "Erlang's socket module"
ASYNCIO: Final = "asyncio streams"
UVLOOP: Final = "uvloop streams"
EPOLL: Final = "a bare epoll loop"

SERVERS: Final[dict[str, Command]] = {
    TRIO: python_server("echo.trio"),
    TASK: python_server("echo.actorsock", "task"),
    LIGHT: python_server("echo.actorsock", "light"),
    TASK_SELECT: python_server("echo.select", "task"),
    LIGHT_SELECT: python_server("echo.select", "light"),
    ERLANG: lambda: erlang("echo_server", "main"),
    ASYNCIO: python_server("echo.asyncio", "asyncio"),
    UVLOOP: python_server("echo.asyncio", "uvloop", needs="uvloop"),
    EPOLL: python_server("echo.epoll"),
}


def benchmarks(effort: Effort) -> Generator[Benchmark, None, None]:
    """Return a benchmark for each number of connections."""
    commands = both_ways(SERVERS, {TASK, LIGHT, TASK_SELECT, LIGHT_SELECT})
    with serving(commands) as servers:
        most = effort.scaled(1000)
        for connections in (number for number in (1, 10, 100, 1000) if number <= most):
            with under_load(servers, "echo", connections, effort.seconds, thousands) as load:
                yield Benchmark(
                    "echo, 64 bytes (thousands/s, and µs of processor time each)",
                    f"{connections:,} connection{'s' if connections > 1 else ''}",
                    load,
                    _one(connections) if connections == 1 else _many(connections),
                )


def _one(connections: int) -> tuple[Against, ...]:
    what = "echo, 1 connection"
    return (
        Against(what, TRIO, at_least(TASK, 1.0), at_least(LIGHT, 1.0)),
        Against(
            "echo by select messages, 1 connection", TRIO, Claim(TASK_SELECT), Claim(LIGHT_SELECT)
        ),
    )


def _many(connections: int) -> tuple[Against, ...]:
    what = f"echo, {connections:,} connections"
    selects = f"echo by select messages, {connections:,} connections"
    return (
        Against(what, TRIO, at_least(TASK, 1.1), at_least(LIGHT, 2.0)),
        Against(what, ERLANG, Claim(TASK), at_least(LIGHT, 1.2)),
        Against(what, ASYNCIO, Claim(TASK), ahead_of(LIGHT)),
        Against(what, UVLOOP, Claim(TASK), at_least(LIGHT, 1.15)),
        Against(what, EPOLL, Claim(TASK), at_least(LIGHT, 0.85)),
        Against(selects, TRIO, at_least(TASK_SELECT, 1.2), at_least(LIGHT_SELECT, 1.6)),
    )
