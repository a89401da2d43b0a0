"""The heap of timers: what it holds, in which order entries fall due, what it lets go of."""

import gc
import random
import weakref

import trio
from trio.testing import MockClock

from actorsock.runtime.core.timers import Timers


class Message:
    """Something that a weak reference can lead to."""


async def test_entries_fall_due_in_order_however_many_others_were_cancelled(
    autojump_clock: MockClock,
) -> None:
    dice = random.Random(1)
    timers = Timers()
    fired: list[float] = []
    now = trio.current_time()
    deadlines = [now + dice.uniform(1, 100) for _ in range(400)]
    entries = [timers.add(deadline, fired.append, deadline) for deadline in deadlines]
    cancelled = set(dice.sample(range(400), 300))
    for done, number in enumerate(cancelled, 1):
        assert timers.cancel(entries[number])
        assert not timers.cancel(entries[number])
        assert len(timers) == 400 - done
    async with trio.open_nursery() as nursery:
        nursery.start_soon(timers.run)
        await trio.sleep(101)
        nursery.cancel_scope.cancel()
    assert fired == sorted(deadlines[n] for n in range(400) if n not in cancelled)
    assert len(timers) == 0


async def test_entries_of_one_deadline_fall_due_in_the_order_in_which_they_were_added(
    autojump_clock: MockClock,
) -> None:
    timers = Timers()
    fired: list[int] = []
    deadline = trio.current_time() + 1
    for number in range(10):
        timers.add(deadline, fired.append, number)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(timers.run)
        await trio.sleep(2)
        nursery.cancel_scope.cancel()
    assert fired == list(range(10))


def test_cancelled_entries_do_not_pile_up() -> None:
    timers = Timers()
    for _ in range(10_000):
        timers.cancel(timers.add(1e9, print))
    assert len(timers._heap) < 200


def test_a_cancelled_entry_keeps_nothing_alive() -> None:
    timers = Timers()
    message = Message()
    entry = timers.add(1, print, message)
    gone = weakref.ref(message)
    del message
    assert gone() is not None
    timers.cancel(entry)
    gc.collect()
    assert gone() is None


async def test_an_entry_that_has_happened_keeps_nothing_alive(autojump_clock: MockClock) -> None:
    timers = Timers()
    message = Message()
    entry = timers.add(trio.current_time() + 1, id, message)
    gone = weakref.ref(message)
    del message
    async with trio.open_nursery() as nursery:
        nursery.start_soon(timers.run)
        await trio.sleep(2)
        nursery.cancel_scope.cancel()
    gc.collect()
    assert gone() is None
    assert not timers.cancel(entry)
