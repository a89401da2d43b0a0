"""A ring of 1,000 processes that pass one token round."""

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

__all__ = ["CONTESTANTS", "benchmarks"]

TASK: Final = "task body"
LIGHT: Final = "light body"
TRIO: Final = "bare trio tasks"
ERLANG: Final = "Erlang's processes"

PROCESSES: Final = 1000


def benchmarks(effort: Effort) -> Generator[Benchmark, None, None]:
    """Return the benchmark; its figure is the rate at which the token is passed on."""
    size = max(2, effort.scaled(PROCESSES))
    yield Benchmark(
        f"a ring of {size:,} processes (thousands of messages/s)",
        "one token",
        {
            **each_fresh("ring", CONTESTANTS, effort, {TASK, LIGHT}),
            ERLANG: partial(fresh_erlang, "ring", effort, size),
        },
        (
            Against(f"ring of {size:,}", TRIO, at_least(TASK, 0.9), Claim(LIGHT)),
            Against(f"ring of {size:,}", ERLANG, Claim(TASK), at_least(LIGHT, 0.8)),
        ),
    )


def _processes(light: bool, effort: Effort) -> float:
    watch = Stopwatch(effort.seconds)
    size = max(2, effort.scaled(PROCESSES))

    async def member(following: Pid) -> None:
        while True:
            send(following, await receive())

    async def first(main: Pid) -> None:
        following = current_pid()
        for _ in range(size - 1):
            following = spawn(member, following, light=light)
        while watch.lap(size):
            send(following, "token")
            await receive()
        send(main, "done")

    async def main() -> None:
        spawn(first, current_pid(), light=light)
        await receive()

    run(main)
    return watch.thousands


def _trio_tasks(effort: Effort) -> float:
    watch = Stopwatch(effort.seconds)
    size = max(2, effort.scaled(PROCESSES))
    waiting: list[Task | None] = [None] * size

    def give_up(raise_cancel: object) -> Abort:
        return Abort.SUCCEEDED

    async def park(me: int) -> object:
        waiting[me] = current_task()
        return await wait_task_rescheduled(give_up)

    def wake(other: int, message: object) -> None:
        task = waiting[other]
        assert task is not None
        reschedule(task, Value(message))

    async def member(me: int) -> None:
        following = (me + 1) % size
        while True:
            wake(following, await park(me))

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for me in range(1, size):
                nursery.start_soon(member, me)
            await trio.testing.wait_all_tasks_blocked()
            while watch.lap(size):
                wake(1, "token")
                await park(0)
            nursery.cancel_scope.cancel()

    trio.run(main)
    return watch.thousands


CONTESTANTS: Final[Contestants] = {
    TRIO: _trio_tasks,
    TASK: partial(_processes, False),
    LIGHT: partial(_processes, True),
}
