"""100,000 messages sent to one mailbox, and received.

The baseline is a deque that one trio task fills and another empties, by simple functions `put` and
`get`: `get` waits while the deque is empty, and checks for cancellation in each call, as trio
requires of every async function. The time of the deque alone, without these functions, is shown
too.
"""

from collections import deque
from collections.abc import Generator
from functools import partial
from typing import Final

import trio
from trio.lowlevel import (
    Abort,
    Task,
    checkpoint_if_cancelled,
    current_task,
    reschedule,
    wait_task_rescheduled,
)

from actorsock import Pid, current_pid, receive, run, send, spawn

from ..harness import Against, Benchmark, Claim, Effort, Figure, at_most
from ..inside import Contestants, Stopwatch
from ..programs import each_fresh, fresh_erlang

__all__ = ["CONTESTANTS", "benchmarks"]

TASK: Final = "task body"
LIGHT: Final = "light body"
TRIO: Final = "a deque, two trio tasks"
INLINE: Final = "the deque alone"
ERLANG: Final = "Erlang's processes"

MESSAGES: Final = 100_000


def benchmarks(effort: Effort) -> Generator[Benchmark, None, None]:
    """Return the benchmark; its figure is the time of all messages."""
    messages = effort.scaled(MESSAGES)
    what = f"{messages:,} messages in and out"
    yield Benchmark(
        f"{what} of one mailbox (ms)",
        "one producer",
        {
            **each_fresh("mailbox_drain", CONTESTANTS, effort, {TASK, LIGHT}),
            ERLANG: partial(_in_erlang, effort),
        },
        (
            Against(what, TRIO, at_most(TASK, 1.5), at_most(LIGHT, 1.5), lower_is_better=True),
            Against(what, ERLANG, Claim(TASK), at_most(LIGHT, 2.5), lower_is_better=True),
        ),
    )


def _in_erlang(effort: Effort) -> Figure:
    messages = effort.scaled(MESSAGES)
    return Figure(messages / fresh_erlang("drain", effort, messages).value)


def _processes(light: bool, effort: Effort) -> float:
    watch = Stopwatch(effort.seconds)
    messages = effort.scaled(MESSAGES)

    async def producer() -> None:
        while True:
            to = await receive()
            for number in range(messages):
                send(to, number)

    async def consumer(main: Pid) -> None:
        me, other = current_pid(), spawn(producer, light=light)
        while watch.lap(messages):
            send(other, me)
            for _ in range(messages):
                await receive()
        send(main, "done")

    async def main() -> None:
        spawn(consumer, current_pid(), light=light)
        await receive()

    run(main)
    return messages / watch.thousands


class _Box:
    """A queue between two trio tasks: a deque and the task that waits for an item."""

    def __init__(self) -> None:
        self.items: deque[object] = deque()
        self.waiting: Task | None = None

    def put(self, item: object) -> None:
        self.items.append(item)
        if self.waiting is not None:
            reschedule(self.waiting)
            self.waiting = None

    async def get(self) -> object:
        if self.items:
            await checkpoint_if_cancelled()
        else:
            self.waiting = current_task()
            await wait_task_rescheduled(self._give_up)
        return self.items.popleft()

    def _give_up(self, raise_cancel: object) -> Abort:
        self.waiting = None
        return Abort.SUCCEEDED


def _two_trio_tasks(effort: Effort) -> float:
    watch = Stopwatch(effort.seconds)
    messages = effort.scaled(MESSAGES)
    orders, box = _Box(), _Box()

    async def producer() -> None:
        while True:
            await orders.get()
            for number in range(messages):
                box.put(number)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(producer)
            while watch.lap(messages):
                orders.put("go")
                for _ in range(messages):
                    await box.get()
            nursery.cancel_scope.cancel()

    trio.run(main)
    return messages / watch.thousands


def _deque_alone(effort: Effort) -> float:
    watch = Stopwatch(effort.seconds)
    messages = effort.scaled(MESSAGES)
    items: deque[int] = deque()
    while watch.lap(messages):
        for number in range(messages):
            items.append(number)
        for _ in range(messages):
            items.popleft()
    return messages / watch.thousands


CONTESTANTS: Final[Contestants] = {
    TRIO: _two_trio_tasks,
    TASK: partial(_processes, False),
    LIGHT: partial(_processes, True),
    INLINE: _deque_alone,
}
