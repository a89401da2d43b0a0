"""Which process calls, where tasks, threads and runtimes alternate: the same in both forms."""

import gc
import threading
import weakref
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio

from actorsock import Down, Pid, current_pid, open_runtime, receive, run, send, spawn, spawn_monitor
from actorsock.runtime.core.process import alive

from ..forms import both_ways

Story = Callable[[], Awaitable[list[bool]]]


async def in_child_tasks() -> list[bool]:
    """A task that a process starts is another process, whichever of them has run last."""
    me = current_pid()
    found: list[Pid] = []

    async def child() -> None:
        for _ in range(2):
            found.append(current_pid())
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        for _ in range(2):
            nursery.start_soon(child)
            await trio.lowlevel.checkpoint()
            found.append(current_pid())
    return [len({*found}) == 3, found.count(me) == 2, current_pid() is me]


async def after_waits() -> list[bool]:
    """Each of two processes is itself when it goes on after its wait."""
    me = current_pid()

    async def echo() -> None:
        mine = current_pid()
        for _ in range(3):
            send(await receive(), current_pid() is mine)

    other = spawn(echo)
    heard = []
    for _ in range(3):
        send(other, me)
        heard += [await receive(), current_pid() is me]
    return heard


async def among_receivers() -> list[bool]:
    """Each message reaches the process that it is sent to, while others begin and end."""
    me = current_pid()

    async def answer(number: int) -> None:
        send(me, (number, await receive()))

    heard = []
    for number in range(4):
        pids = [spawn(answer, number + 10 * light, light=bool(light)) for light in range(3)]
        for pid in (pids[0], pids[1], pids[2], pids[0]):
            send(pid, pid)
        heard += [await receive() for _ in pids]
    return [not isinstance(await receive(after=0), tuple), len({*heard}) == len(heard) == 12]


async def in_threads() -> list[bool]:
    """A thread is no process, and may call back into its task."""
    me = current_pid()

    def outside() -> list[bool]:
        with pytest.raises(RuntimeError):
            current_pid()
        return [trio.from_thread.run_sync(current_pid) is me]

    return [*await trio.to_thread.run_sync(outside), current_pid() is me]


async def in_another_run() -> list[bool]:
    """The run of another thread has processes of its own, also while a task here is stepped."""
    pids: list[Pid] = []

    async def there() -> None:
        pids.extend([current_pid(), current_pid()])

    me = current_pid()
    thread = threading.Thread(target=run, args=(there,))
    thread.start()
    thread.join()
    return [pids[0] is pids[1], me not in pids, current_pid() is me]


async def in_an_inner_runtime() -> list[bool]:
    """A task that opens a runtime is another process in there."""
    outer = current_pid()
    async with open_runtime():
        inner = current_pid()
        same = [inner is not outer, current_pid() is inner]
    return [*same, current_pid() is outer]


async def outside_of_its_step() -> list[bool]:
    """An instrument is called for a task whose code does not run yet."""
    me, found = current_pid(), []

    class Asking(trio.abc.Instrument):
        def before_task_step(self, task: trio.lowlevel.Task) -> None:
            if task is mine:
                found.append(current_pid() is me)

    mine, asking = trio.lowlevel.current_task(), Asking()
    trio.lowlevel.add_instrument(asking)
    await trio.lowlevel.checkpoint()
    trio.lowlevel.remove_instrument(asking)
    return found


async def in_another_coroutine() -> list[bool]:
    """A task has got another coroutine, and the first one seems to run while other tasks do.

    greenback has it so, which runs that in a greenlet. Here two attributes are set by hand.
    """
    other = spawn(receive)
    await trio.testing.wait_all_tasks_blocked()
    current_pid()
    mine, its = trio.lowlevel.current_task(), alive[other].body.task
    running: Any = trio._core._run.GLOBAL_RUN_CONTEXT
    coroutine, mine.coro, running.task = mine.coro, its.coro, its
    try:
        found = current_pid()
    finally:
        mine.coro, running.task = coroutine, mine
    send(other, "end")
    return [found is other]


async def after_the_end() -> list[bool]:
    """Nothing keeps a process that has ended, or its task, and nothing is sent to it."""
    kept: list[weakref.ref[trio.lowlevel.Task]] = []

    async def process() -> None:
        assert await receive() == "last"
        kept.append(weakref.ref(trio.lowlevel.current_task()))

    pid, ref = spawn_monitor(process)
    send(pid, "last")
    ended = isinstance(await receive(ref), Down)
    send(pid, "too late")
    await trio.testing.wait_all_tasks_blocked()
    gc.collect()
    return [ended, kept[0]() is None]


@pytest.mark.parametrize(
    "story",
    [
        in_child_tasks,
        after_waits,
        among_receivers,
        in_threads,
        in_another_run,
        in_an_inner_runtime,
        outside_of_its_step,
        in_another_coroutine,
        after_the_end,
    ],
    ids=lambda story: story.__name__,
)
def test_the_calling_process(story: Story) -> None:
    async def all_true() -> bool:
        results = await story()
        assert all(results), results
        return bool(results)

    both_ways(all_true)
