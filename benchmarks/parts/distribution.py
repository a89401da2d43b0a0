"""Distribution: this library and an Erlang node, beside two Erlang nodes, by the clock.

By the clock and not by processor time: the kernel, and the other node on its core, take most of it.
"""

import os
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Final

from actorsock import (
    Pid,
    current_pid,
    dist,
    exit,
    otp,
    receive,
    run,
    send,
    sleep,
    spawn,
    spawn_monitor,
)
from actorsock.dist import Atom

from ..harness import Against, Benchmark, Claim, Effort, Failed, Figure, at_least
from ..inside import Contestants, rate_of
from ..programs import erlang, fresh, started

__all__ = ["CONTESTANTS", "benchmarks", "wait_for_epmd"]

ERLANG: Final = "two Erlang nodes"
COOKIE: Final = "benchmarks"
SERVER: Final = "server@127.0.0.1"
BATCH: Final = 200
AT_ONCE: Final = 100

WORK: Final = {
    "round trip of 64 B": "{round_trip, 64}",
    "round trip of 10 KB": "{round_trip, 10000}",
    "call": "call",
    "one way out, 64 B": "{one_way, 64}",
    "one way out, 10 KB": "{one_way, 10000}",
    "one way in, 64 B": "{one_way_in, 64}",
    "100 processes at once": "{at_once, 100}",
}
"""What is measured, with its name on the Erlang side."""

TARGETS: Final = {"round trip of 64 B": 0.5, "call": 0.4}
"""The part of the rate of two Erlang nodes that is the goal."""


def benchmarks(effort: Effort) -> Generator[Benchmark, None, None]:
    """Return a benchmark for each kind of message; a node of Erlang serves them."""
    with _server():
        for what, work in WORK.items():
            claim = at_least(what, TARGETS[what]) if what in TARGETS else Claim(what)
            yield Benchmark(
                "to an Erlang node (thousands/s)",
                what,
                {
                    what: partial(fresh, "distribution", what, effort, generator=True),
                    ERLANG: partial(_between_erlang_nodes, work, effort),
                },
                (Against(what, ERLANG, None, claim),),
            )


@contextmanager
def _server() -> Iterator[None]:
    """Run an epmd and an Erlang node that serves."""
    port = 20_000 + os.getpid() % 10_000
    before = os.environ.get("ERL_EPMD_PORT")
    os.environ["ERL_EPMD_PORT"] = str(port)
    command = _node(SERVER, "serve")  # raises `Skipped` without Erlang
    epmd = subprocess.Popen(["epmd", "-port", str(port), "-address", "127.0.0.1"])
    try:
        wait_for_epmd(port)
        with started(command):
            yield
    finally:
        epmd.kill()
        epmd.wait()
        del os.environ["ERL_EPMD_PORT"]
        if before is not None:
            os.environ["ERL_EPMD_PORT"] = before


def wait_for_epmd(port: int) -> None:
    """Wait until epmd listens, of which nothing else tells."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port)).close()
            return
        time.sleep(0.02)
    raise Failed("epmd does not start")


def _node(name: str, function: str, *args: str) -> list[str]:
    command = erlang("cluster", function)
    call = f"cluster:{function}({', '.join(args)})"
    options = ["-name", name, "-setcookie", COOKIE, "-start_epmd", "false"]
    return [*command[:-1], call, *options]


def _between_erlang_nodes(work: str, effort: Effort) -> Figure:
    args = (work, str(effort.seconds), f"'{SERVER}'")
    with started(_node("client@127.0.0.1", "measure", *args), generator=True) as program:
        return Figure(float(program.first_line))


Lap = Callable[[], Awaitable[int]]


def _measured(make: Callable[[], Awaitable[Lap]], effort: Effort) -> float:
    """Return thousands of operations in a second; `make` prepares, and returns one batch."""
    result: list[float] = []

    async def measure() -> None:
        lap = await make()
        await lap()
        done, begin = 0, time.perf_counter()
        while time.perf_counter() - begin < effort.seconds or not done:
            done += await lap()
        result.append(rate_of(done, time.perf_counter() - begin))

    async def main() -> None:
        async with dist.start(f"client{os.getpid()}@127.0.0.1", cookie=COOKIE):
            _, ref = spawn_monitor(measure, light=True)
            await receive(ref)

    run(main)
    return result[0]  # none if it has crashed, which is in the log


async def _round_trips(size: int) -> Lap:
    other, me, message = await dist.spawn(SERVER, "cluster", "echo"), current_pid(), b"x" * size

    async def lap() -> int:
        for _ in range(BATCH):
            send(other, (me, message))
            await receive()
        return BATCH

    return lap


async def _calls() -> Lap:
    async def lap() -> int:
        for _ in range(BATCH):
            await otp.call(("server", SERVER), Atom("x"))
        return BATCH

    return lap


async def _one_way(size: int) -> Lap:
    message, me = b"x" * size, current_pid()

    async def lap() -> int:
        count = 10 * BATCH
        other = await dist.spawn(SERVER, "cluster", "count", [count, me])
        for number in range(count):
            send(other, message)
            if number % BATCH == 0:
                await sleep(0)
        await receive()
        return count

    return lap


async def _one_way_in(size: int) -> Lap:
    me = current_pid()

    async def lap() -> int:
        count = 10 * BATCH
        await dist.spawn(SERVER, "cluster", "flood", [count, size, me])
        for _ in range(count):
            await receive()
        return count

    return lap


async def _at_once() -> Lap:
    async def one(main: Pid) -> None:
        other, me = await dist.spawn(SERVER, "cluster", "echo"), current_pid()
        for _ in range(20):
            send(other, (me, Atom("x")))
            await receive()
        exit(other, "kill")
        send(main, "done")

    async def lap() -> int:
        for _ in range(AT_ONCE):
            spawn(one, current_pid(), light=True)
        for _ in range(AT_ONCE):
            await receive()
        return AT_ONCE * 20

    return lap


CONTESTANTS: Final[Contestants] = {
    "round trip of 64 B": partial(_measured, partial(_round_trips, 64)),
    "round trip of 10 KB": partial(_measured, partial(_round_trips, 10_000)),
    "call": partial(_measured, _calls),
    "one way out, 64 B": partial(_measured, partial(_one_way, 64)),
    "one way out, 10 KB": partial(_measured, partial(_one_way, 10_000)),
    "one way in, 64 B": partial(_measured, partial(_one_way_in, 64)),
    "100 processes at once": partial(_measured, _at_once),
}
