"""Observed: what it costs a program to be looked at, and to have one of its processes traced.

Each program is compared with itself while nobody looks at it. Somebody who looks has the page of
the observer open, which asks once a second; a trace is of one process among many. Measurements are
longer than elsewhere, so that the page asks several times in each.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Generator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from functools import partial
from typing import Final

import trio

from actorsock import Pid, observer, receive, run, spawn, trace
from actorsock.trace.sessions.events import Flag

from ..harness import Against, Benchmark, Claim, Contestant, Effort, Figure, at_least, pure
from ..inside import Contestants, Stopwatch
from ..programs import Program, each_fresh, python_module, started
from ..served import Command, both_ways, python_server, serving, thousands, under_load
from .messages import round_trips
from .request_reply import calls

__all__ = ["CONTESTANTS", "benchmarks"]

TASK: Final = "task body"
LIGHT: Final = "light body"

SERVED: Final = "observer, nobody looks"
LOOKED_AT: Final = "its page open"
TRACED: Final = "one of many traced"
TRACED_SENDER: Final = "one of many traced, with send"

CONNECTIONS: Final = 100
BYSTANDERS: Final = 100
"""Processes beside those that are measured; one of them is traced."""

LONGER: Final = 10
"""Times the usual length of a measurement."""


def benchmarks(effort: Effort) -> Generator[Benchmark, None, None]:
    """Return the benchmark of echo, then those of messages and calls."""
    longer = Effort(effort.rounds, effort.seconds * LONGER, effort.scale)
    yield from _echo(longer)
    for what in _WORK:
        chosen = {
            _of(body, way): _key(what, body, way)
            for body in (TASK, LIGHT)
            for way in (None, *_INSIDE)
        }
        fresh = each_fresh("observed", chosen.values(), longer, set(chosen.values()))
        contestants = {}
        for name, key in chosen.items():
            contestants[name] = fresh[key]
            contestants[pure(name)] = fresh[pure(key)]
        yield Benchmark(
            f"observed: {what} (thousands/s)",
            f"{BYSTANDERS} other processes",
            contestants,
            tuple(_lines(what, _INSIDE)),
        )


_TARGETS: Final = {SERVED: 0.99, LOOKED_AT: 0.98, TRACED: 0.97, TRACED_SENDER: 0.97}

_INSIDE: Final = (LOOKED_AT, TRACED, TRACED_SENDER)
"""The ways that are measured inside one interpreter too."""


def _lines(what: str, ways: Collection[str]) -> Iterator[Against]:
    for way in ways:
        for body in (TASK, LIGHT):
            # With the flag "send" there is no goal: each message has its sender looked at then.
            aimed = way != TRACED_SENDER or what.startswith("echo")
            claim = at_least(_of(body, way), _TARGETS[way]) if aimed else Claim(_of(body, way))
            task, light = (claim, None) if body == TASK else (None, claim)
            yield Against(f"{what}: {way}", body, task, light)


def _of(body: str, way: str | None) -> str:
    return body if way is None else f"{body}, {way}"


_FLAGS: Final[dict[str, tuple[Flag, ...]]] = {
    TRACED: ("receive", "sockets"),
    TRACED_SENDER: ("send", "receive", "sockets"),
}


# --- echo -------------------------------------------------------------------------------------


def _echo(effort: Effort) -> Generator[Benchmark, None, None]:
    commands: dict[str, Command] = {}
    for body, word in ((TASK, "task"), (LIGHT, "light")):
        commands[body] = python_server("echo.actorsock", word)
        commands[_of(body, SERVED)] = python_server("echo.observed", word, "served")
        for way, flags in _FLAGS.items():
            traced = python_server("echo.observed", word, "traced", *flags)
            commands[_of(body, way)] = traced
    with (
        serving(both_ways(commands, set(commands))) as servers,
        under_load(servers, "echo", CONNECTIONS, effort.seconds, thousands) as load,
        ExitStack() as stack,
    ):
        contestants: dict[str, Contestant] = {}
        for name, contestant in load.items():
            contestants[name] = contestant
            server = servers[name]
            if SERVED in name and isinstance(server, Program):
                reader = stack.enter_context(_reader(server.first_line.split()[1]))
                looked_at = partial(_while_looked_at, reader, contestant)
                contestants[name.replace(SERVED, LOOKED_AT)] = looked_at
        yield Benchmark(
            "observed: echo, 64 bytes (thousands/s, and µs of processor time each)",
            f"{CONNECTIONS} connections",
            contestants,
            tuple(_lines(f"echo, {CONNECTIONS} connections", _TARGETS)),
        )


@contextmanager
def _reader(url: str) -> Iterator[Program]:
    """Run a reader of the page at `url`, which waits until it is told to look."""
    with started(python_module("benchmarks.watching", url), generator=True) as reader:
        yield reader


def _while_looked_at(reader: Program, contestant: Contestant) -> Figure:
    with _looking(reader):
        return contestant()


@contextmanager
def _looking(reader: Program) -> Iterator[None]:
    reader.ask("look")
    try:
        yield
    finally:
        reader.ask("rest")


# --- messages and calls -----------------------------------------------------------------------


_Work = Callable[[Stopwatch, bool], Awaitable[None]]
"""Works until the stopwatch has enough, by light processes or by tasks."""


def _measured(work: _Work, body: str, way: str | None, effort: Effort) -> float:
    watch = Stopwatch(effort.seconds)

    async def main() -> None:
        bystanders = [spawn(receive, light=True) for _ in range(BYSTANDERS)]
        async with _observed(way, bystanders[0]):
            await work(watch, body == LIGHT)

    run(main)
    return watch.thousands


@asynccontextmanager
async def _observed(way: str | None, traced: Pid) -> AsyncIterator[None]:
    """Have the program observed, or `traced` traced, during the block."""
    if way in _FLAGS:
        with trace.session() as session:
            trace.process(session, traced, _FLAGS[way])
            yield
    elif way == LOOKED_AT:
        async with observer.serve(0) as observed:
            with _reader(observed.url) as reader:
                reader.ask("look")
                try:
                    yield
                finally:
                    # In another thread: the reader may wait for an answer of the observer's.
                    await trio.to_thread.run_sync(reader.ask, "rest")
    else:
        yield


def _key(what: str, body: str, way: str | None) -> str:
    return f"{what}, {_of(body, way)}"


_WORK: Final[dict[str, _Work]] = {"message round trips": round_trips, "calls of a GenServer": calls}

CONTESTANTS: Final[Contestants] = {
    _key(what, body, way): partial(_measured, work, body, way)
    for what, work in _WORK.items()
    for body in (TASK, LIGHT)
    for way in (None, *_INSIDE)
}
