"""Active modes: packets as messages, beside `socket.recv` and `send` and beside Erlang's gen_tcp.

Echoes of 64 bytes on 100 connections: packets with 4 bytes of length, and lines; the mode "once"
and a count of 100. And datagrams in active mode beside `recvfrom`.
"""

from collections.abc import Generator
from typing import Final

from ..harness import Against, Benchmark, Claim, Effort, at_least
from ..programs import erlang
from ..served import Command, python_server, serving, thousands, under_load

__all__ = ["active", "active_udp"]

RECV: Final = "socket.recv and send, light body"
RECV_TASK: Final = "socket.recv and send, task body"
LIGHT: Final = "light body"
TASK: Final = "task body"
ERLANG: Final = "Erlang's gen_tcp"
BARE: Final = "bare epoll loop in Python"
"""The echo without processes, mailboxes and packets: an upper limit for Python."""

CONNECTIONS: Final = 100
CLIENTS: Final = 32


def active(effort: Effort) -> Generator[Benchmark, None, None]:
    """Return a benchmark for each packet type and mode."""
    for packet in ("4", "line"):
        for mode, erlangs in (("once", "once"), ("count", "100")):
            what = f"active echo, packet {packet}, {mode}"
            with (
                serving(_servers(packet, mode, erlangs)) as servers,
                under_load(servers, "echo", CONNECTIONS, effort.seconds, thousands) as load,
            ):
                yield Benchmark(
                    "active echo, 64 bytes (thousands/s, and µs of processor time each)",
                    f"packet {packet}, {mode}",
                    load,
                    (
                        Against(what, RECV, Claim(TASK), at_least(LIGHT, 0.8)),
                        Against(what, RECV_TASK, at_least(TASK, 0.8), Claim(LIGHT)),
                        Against(what, ERLANG, Claim(TASK), at_least(LIGHT, 1.3)),
                        Against(what, BARE, Claim(TASK), Claim(LIGHT)),
                    ),
                )


def active_udp(effort: Effort) -> Generator[Benchmark, None, None]:
    """Return the benchmark of many clients and one socket."""
    commands = {
        RECV: python_server("udp.actorsock", "light"),
        RECV_TASK: python_server("udp.actorsock", "task"),
        LIGHT: python_server("udp.gen_udp", "light"),
        TASK: python_server("udp.gen_udp", "task"),
    }
    what = "active UDP"
    with (
        serving(commands) as servers,
        under_load(servers, "udp", CLIENTS, effort.seconds, thousands) as contestants,
    ):
        yield Benchmark(
            "active UDP, 64 bytes (thousands/s, and µs of processor time each)",
            f"{CLIENTS} clients",
            contestants,
            (
                Against(what, RECV, Claim(TASK), at_least(LIGHT, 0.8)),
                Against(what, RECV_TASK, at_least(TASK, 0.8), Claim(LIGHT)),
            ),
        )


def _servers(packet: str, mode: str, erlangs: str) -> dict[str, Command]:
    return {
        RECV: python_server("echo.actorsock", "light"),
        RECV_TASK: python_server("echo.actorsock", "task"),
        LIGHT: python_server("echo.gen_tcp", "light", packet, mode),
        TASK: python_server("echo.gen_tcp", "task", packet, mode),
        ERLANG: lambda: erlang("gen_tcp_server", "main", packet, erlangs),
        BARE: python_server("echo.epoll"),
    }
