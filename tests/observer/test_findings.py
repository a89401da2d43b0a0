"""What the observer finds to be wrong by itself, and what it does not take for wrong."""

import logging
from functools import partial
from typing import Any

import pytest
from trio.testing import wait_all_tasks_blocked

from actorsock import current_pid, ok, otp, receive, send, send_after, set_label, socket, spawn
from actorsock.observer.questions.findings import Findings
from actorsock.runtime.bodies.current import current_process
from actorsock.runtime.core.process import processes_of

from ..stories import in_runtime
from .support import observed


class Looker:
    """Looks as the observer does, as often as the test says."""

    def __init__(self) -> None:
        self._node = current_process().node
        self._findings = Findings()

    def look(self) -> list[str]:
        for process in processes_of(self._node):
            self._findings.see(process)
        return [finding.text for finding in self._findings.end(self._node)]


class Asker(otp.GenServer):
    async def handle_call(self, request: Any, caller: otp.Caller) -> otp.Reply:
        return otp.Reply(await otp.call(request, caller.pid, float("inf")))


class Frail(otp.GenServer):
    def handle_cast(self, request: Any) -> None:
        raise RuntimeError(request)


class Nurse(otp.Supervisor):
    def init(self) -> Any:
        start = partial(otp.start_link, name="patient")
        flags = otp.SupervisorFlags(intensity=100, period=1)
        return flags, [otp.ChildSpec("patient", start, (Frail,))]


@in_runtime
async def test_a_circle_of_calls() -> None:
    orders = ok(await otp.start(Asker, name="orders"))
    billing = ok(await otp.start(Asker, name="billing"))
    looker = Looker()
    otp.send_request(orders, billing)
    otp.send_request(billing, orders)
    await wait_all_tasks_blocked()
    circle = f"orders {orders!r} → billing {billing!r} → orders {orders!r}"
    assert looker.look() == [f"{circle}: these wait for each other; only a time-out can end that"]


@in_runtime
async def test_a_long_mailbox_is_told_in_round_numbers() -> None:
    deaf = spawn(deaf_one)
    await wait_all_tasks_blocked()
    looker = Looker()
    told = []
    for _ in range(5):
        for number in range(999):
            send(deaf, number)
        told.append(looker.look())
    words = f"deaf {deaf!r} has more than {{}} messages in its mailbox"
    assert told[0] == []
    assert told[1:] == [[words.format(number)] for number in ("1,000", "2,000", "2,000", "4,000")]


async def deaf_one() -> None:
    set_label("deaf")
    await receive(lambda message: message == "the end")


@in_runtime
async def test_a_child_that_is_restarted_again_and_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logging.getLogger("actorsock"), "disabled", True)
    nurse = ok(await otp.start_link(Nurse, name="nurse"))
    looker = Looker()
    told = []
    for _ in range(5):
        told.append(looker.look())
        otp.cast("patient", "ill")
        await wait_all_tasks_blocked()
    words = f"nurse {nurse!r} restarts its child patient again and again"
    assert told == [[], [], [], [words], [words]]
    await wait_all_tasks_blocked()
    looker.look()
    assert looker.look() == []


@in_runtime
async def test_sockets_that_are_more_at_every_look() -> None:
    looker = Looker()
    kept = [ok(socket.open("inet", "dgram")) for _ in range(100)]
    assert looker.look() == []
    for _ in range(7):
        kept.append(ok(socket.open("inet", "dgram")))
        told = looker.look()
    assert told == [
        f"more than 100 sockets are open, more at every look; "
        f"most of them are of {current_process().body.describe()} {current_pid()!r}"
    ]
    assert looker.look() == []  # no more than before
    for sock in kept:
        socket.close_nowait(sock)


@in_runtime
async def test_a_program_without_faults_and_the_question() -> None:
    sleeper = spawn(deaf_one)
    send_after(100, sleeper, "late")
    async with observed() as client:
        told = await client.get("/api/system")
    assert told["findings"] == []
    assert told["sockets"] >= 2
