"""Messages: the round trip between two processes."""

import asyncio
from collections.abc import Generator
from functools import partial
from typing import Final

import trio
import trio.testing
from outcome import Value
from trio.lowlevel import Abort, Task, current_task, reschedule, wait_task_rescheduled

from actorsock import Pid, current_pid, receive, run, send, spawn

from ..harness import Against, Benchmark, Claim, Effort, at_least
from ..inside import Contestants, Stopwatch
from ..programs import each_fresh, fresh_erlang

__all__ = ["CONTESTANTS", "benchmarks", "round_trips"]

TASK: Final = "task body"
LIGHT: Final = "light body"
TRIO: Final = "two bare trio tasks"
ASYNCIO: Final = "a pair of asyncio queues"
ERLANG: Final = "Erlang's processes"

BATCH: Final = 500


def benchmarks(effort: Effort) -> Generator[Benchmark, None, None]:
    """Return the benchmark: one message in transit at a time."""
    yield Benchmark(
        "message round trips (thousands/s)",
        "two processes",
        {
            **each_fresh("messages", CONTESTANTS, effort, {TASK, LIGHT}),
            ERLANG: partial(fresh_erlang, "messages", effort),
        },
        (
            Against("message round trip", TRIO, at_least(TASK, 0.9), Claim(LIGHT)),
            Against("message round trip", ASYNCIO, Claim(TASK), at_least(LIGHT, 4)),
            Against("message round trip", ERLANG, Claim(TASK), at_least(LIGHT, 0.8)),
        ),
    )


async def round_trips(watch: Stopwatch, light: bool) -> None:
    """Let two processes send each other messages, until `watch` has enough."""
    spawn(_ping, watch, current_pid(), light, light=light)
    await receive(str)


async def _ping(watch: Stopwatch, main: Pid, light: bool) -> None:
    me, other = current_pid(), spawn(_pong, light=light)
    while watch.lap(BATCH):
        for _ in range(BATCH):
            send(other, me)
            await receive()
    send(main, "done")


async def _pong() -> None:
    while True:
        send(await receive(), "pong")


def _two_processes(light: bool, effort: Effort) -> float:
    watch = Stopwatch(effort.seconds)
    run(round_trips, watch, light)
    return watch.thousands


def _two_trio_tasks(effort: Effort) -> float:
    watch = Stopwatch(effort.seconds)
    waiting: list[Task | None] = [None, None]

    def give_up(raise_cancel: object) -> Abort:
        return Abort.SUCCEEDED

    async def park(me: int) -> object:
        waiting[me] = current_task()
        return await wait_task_rescheduled(give_up)

    def wake(other: int, message: str) -> None:
        task = waiting[other]
        assert task is not None
        reschedule(task, Value(message))

    async def pong() -> None:
        while True:
            await park(1)
            wake(0, "pong")

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(pong)
            await trio.testing.wait_all_tasks_blocked()
            while watch.lap(BATCH):
                for _ in range(BATCH):
                    wake(1, "ping")
                    await park(0)
            nursery.cancel_scope.cancel()

    trio.run(main)
    return watch.thousands


def _two_queues(effort: Effort) -> float:
    watch = Stopwatch(effort.seconds)

    async def pong(pings: "asyncio.Queue[str]", pongs: "asyncio.Queue[str]") -> None:
        while True:
            await pings.get()
            pongs.put_nowait("pong")

    async def main() -> None:
        pings: asyncio.Queue[str] = asyncio.Queue()
        pongs: asyncio.Queue[str] = asyncio.Queue()
        task = asyncio.create_task(pong(pings, pongs))
        while watch.lap(BATCH):
            for _ in range(BATCH):
                pings.put_nowait("ping")
                await pongs.get()
        task.cancel()

    asyncio.run(main())
    return watch.thousands


CONTESTANTS: Final[Contestants] = {
    TRIO: _two_trio_tasks,
    TASK: partial(_two_processes, False),
    LIGHT: partial(_two_processes, True),
    ASYNCIO: _two_queues,
}
