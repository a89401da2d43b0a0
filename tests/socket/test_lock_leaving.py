"""Who leaves a queue, current or not, disturbs nobody: the same for all that queue.

What each kind of operation does with data or connections on the way is told where the kind is.
"""

from typing import Any

import attrs
import pytest
from trio.testing import MockClock

from actorsock import Error, Ok, ok, receive, socket
from actorsock.socket import SelectInfo, SelectMessage

from ..stories import in_runtime, until
from .support import (
    CASES,
    Case,
    Worker,
    at_rest,
    every_body,
    every_ending,
    every_violent_ending,
    info_of,
    selected,
    waiting,
    workers,
)

every_queue = pytest.mark.parametrize("kind", ["recv", "accept", "send"])
every_queued = pytest.mark.parametrize("who", [1, 2, 3])


@attrs.frozen
class Line:
    """A socket on which processes wait, in this order, without blocking."""

    case: Case
    workers: list[Worker]
    infos: list[SelectInfo]

    async def is_ready(self, to: int) -> None:
        """Let the operations go on; the select has reached this one."""
        await self.case.ready(self.workers[to].mail)

    async def is_served(self, number: int) -> None:
        """One of the processes takes its select, and what it waited for."""
        worker = self.workers[number]
        assert await worker.ask(receive, SelectMessage) == self.select(number)
        ok(await worker.ask(self.case.again))

    async def are_served(self, *numbers: int) -> None:
        """These, in this order, are told and served; nobody else is."""
        for number in numbers:
            await self.is_ready(number)
            await self.is_served(number)
        await at_rest()
        assert not any(self.mails())
        assert self.waiting() == 0

    def select(self, number: int) -> SelectMessage:
        return selected(self.case.sock, self.infos[number])

    def mails(self) -> list[list[Any]]:
        return [worker.mail() for worker in self.workers]

    def waiting(self) -> int:
        return waiting(self.case.sock)

    async def cancels(self, number: int) -> None:
        cancelled = self.workers[number].ask(socket.cancel, self.case.sock, self.infos[number])
        assert await cancelled == Ok()


async def line(kind: str, count: int) -> Line:
    """So many processes, the first of them current."""
    case = await CASES[kind]()
    queue = workers(count)
    infos = [info_of(await worker.ask(case.nowait)) for worker in queue]
    here = Line(case, queue, infos)
    assert here.waiting() == count
    return here


# --- the current process leaves -------------------------------------------------------------------


@every_queue
@in_runtime
async def test_when_the_current_cancels_in_time_the_next_is_current(kind: str) -> None:
    here = await line(kind, 3)
    await here.cancels(0)
    await at_rest()
    assert here.mails() == [[], [], []]
    await here.is_ready(1)
    await at_rest()
    assert here.mails() == [[], [here.select(1)], []]


@every_queue
@in_runtime
async def test_when_the_current_cancels_after_its_select_the_next_is_selected_at_once(
    kind: str,
) -> None:
    here = await line(kind, 3)
    await here.is_ready(0)
    await here.cancels(0)
    assert here.mails() == [[], [here.select(1)], []]
    await here.is_served(1)


@every_queue
@in_runtime
async def test_a_cancel_after_the_select_was_taken_from_the_mailbox_hands_on_the_turn(
    kind: str,
) -> None:
    here = await line(kind, 2)
    await here.is_ready(0)
    assert await here.workers[0].ask(receive, SelectMessage) == here.select(0)
    await here.cancels(0)
    assert here.mails() == [[], [here.select(1)]]


@every_queue
@every_ending
@in_runtime
async def test_when_the_current_dies_before_its_select_the_next_is_current(
    kind: str, how: str
) -> None:
    here = await line(kind, 3)
    await here.workers[0].dies(how)
    assert here.waiting() == 2
    await here.is_ready(1)
    await at_rest()
    assert here.mails() == [[], [here.select(1)], []]


@every_queue
@every_ending
@in_runtime
async def test_when_the_current_dies_after_its_select_the_next_is_selected_at_once(
    kind: str, how: str
) -> None:
    here = await line(kind, 3)
    await here.is_ready(0)
    await here.workers[0].dies(how)
    assert here.mails() == [[], [here.select(1)], []]
    await here.is_served(1)


@every_queue
@every_violent_ending
@every_body
@in_runtime
async def test_when_the_current_dies_in_a_blocking_call_the_next_is_current(
    kind: str, body: str, how: str
) -> None:
    case = await CASES[kind]()
    a, b = workers(2, body)
    a.tell(case.blocking)
    await until(lambda: waiting(case.sock) == 1)
    info = info_of(await b.ask(case.nowait))
    await a.dies(how)
    assert waiting(case.sock) == 1
    await case.ready(b.mail)
    assert b.mail() == [selected(case.sock, info)]
    ok(await b.ask(case.again))


# --- a queued process leaves ----------------------------------------------------------------------


@every_queue
@every_queued
@in_runtime
async def test_when_a_queued_process_cancels_the_others_keep_their_order(
    kind: str, who: int
) -> None:
    here = await line(kind, 4)
    await here.cancels(who)
    await here.are_served(*({0, 1, 2, 3} - {who}))


@every_queue
@every_ending
@every_queued
@in_runtime
async def test_when_a_queued_process_dies_the_others_keep_their_order(
    kind: str, who: int, how: str
) -> None:
    here = await line(kind, 4)
    await here.workers[who].dies(how)
    await here.are_served(*({0, 1, 2, 3} - {who}))


@every_queue
@every_body
@pytest.mark.parametrize("leaves", ["times out", "is killed"])
@in_runtime
async def test_when_a_queued_process_leaves_a_blocking_call_the_others_keep_their_order(
    mock_clock: MockClock, kind: str, body: str, leaves: str
) -> None:
    here = await line(kind, 2)
    [blocked] = workers(1, body)
    job = blocked.tell(here.case.blocking, timeout=1)
    await until(lambda: here.waiting() == 3)
    [last] = workers(1)
    here.workers.append(last)
    here.infos.append(info_of(await last.ask(here.case.nowait)))
    if leaves == "times out":
        mock_clock.jump(1)
        assert await job.answer() == Error("timeout")
    else:
        await blocked.dies("kill")
    assert here.waiting() == 3
    await here.are_served(0, 1, 2)
