"""A reply received by its ref, while 100,000 other messages wait in the mailbox."""

import time
from collections.abc import Awaitable, Callable, Generator
from functools import partial
from typing import Final

from actorsock import Pid, current_pid, make_ref, receive, run, send, spawn, spawn_handler

from ..harness import Against, Benchmark, Effort, at_most
from ..inside import Contestants, Stopwatch
from ..programs import each_fresh
from .request_reply import Request, answer

__all__ = ["CONTESTANTS", "benchmarks"]

TASK: Final = "task body"
LIGHT: Final = "light body"
TASK_EMPTY: Final = "task body, empty mailbox"
LIGHT_EMPTY: Final = "light body, empty mailbox"
TASK_FIRST: Final = "task body, the first time"
LIGHT_FIRST: Final = "light body, the first time"

MESSAGES: Final = 100_000
BATCH: Final = 500


def benchmarks(effort: Effort) -> Generator[Benchmark, None, None]:
    """Return the benchmark of a request and its reply.

    The first receive is measured separately: it scans messages that no receive has seen.
    """
    messages = effort.scaled(MESSAGES)
    what = f"receive by ref, {messages:,} waiting"
    yield Benchmark(
        f"request and reply by ref, {messages:,} messages waiting (µs)",
        "each",
        each_fresh("receive_by_ref", CONTESTANTS, effort, {TASK, LIGHT}),
        (
            Against(what, TASK_EMPTY, at_most(TASK, 1.5), None, lower_is_better=True),
            Against(what, LIGHT_EMPTY, None, at_most(LIGHT, 1.5), lower_is_better=True),
        ),
    )


async def _requests(handler: Pid, number: int) -> None:
    me = current_pid()
    for _ in range(number):
        ref = make_ref()
        send(handler, Request(me, ref, 0))
        await receive(ref)


def _each(light: bool, waiting: int, effort: Effort) -> float:
    watch = Stopwatch(effort.seconds)

    async def measured(handler: Pid) -> None:
        while watch.lap(BATCH):
            await _requests(handler, BATCH)

    _run(light, effort.scaled(waiting), measured)
    return 1000 / watch.thousands


def _first(light: bool, waiting: int, effort: Effort) -> float:
    took = 0.0

    async def measured(handler: Pid) -> None:
        nonlocal took
        begin = time.process_time()
        await _requests(handler, 1)
        took = time.process_time() - begin

    _run(light, effort.scaled(waiting), measured)
    return took * 1e6


def _run(light: bool, waiting: int, measured: Callable[[Pid], Awaitable[None]]) -> None:
    async def receiver(main: Pid) -> None:
        me = current_pid()
        for number in range(waiting):
            send(me, ("another message", number))
        await measured(spawn_handler(answer))
        send(main, "done")

    async def main() -> None:
        spawn(receiver, current_pid(), light=light)
        await receive()

    run(main)


CONTESTANTS: Final[Contestants] = {
    TASK_EMPTY: partial(_each, False, 0),
    TASK: partial(_each, False, MESSAGES),
    LIGHT_EMPTY: partial(_each, True, 0),
    LIGHT: partial(_each, True, MESSAGES),
    TASK_FIRST: partial(_first, False, MESSAGES),
    LIGHT_FIRST: partial(_first, True, MESSAGES),
}
