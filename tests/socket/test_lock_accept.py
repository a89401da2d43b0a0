"""Who may accept: one process at a time, the others in the order in which they asked."""

from typing import Any

import attrs
import pytest
from trio.testing import MockClock

from actorsock import (
    Error,
    Ok,
    Select,
    current_pid,
    exit,
    make_ref,
    monitor,
    ok,
    receive,
    send,
    socket,
    spawn_handler,
)
from actorsock.socket import SelectInfo, SelectMessage, Socket
from actorsock.socket.core.poller import ready_now
from actorsock.socket.core.turns import LaneName

from ..stories import in_runtime, until
from .support import (
    Peer,
    Scoped,
    Worker,
    aborted,
    acceptors,
    arrives,
    at_rest,
    connected,
    dial,
    every_body,
    every_violent_ending,
    info_of,
    listening,
    owner,
    reset,
    selected,
    tcp,
    workers,
)


@attrs.frozen
class Line:
    """A listener at which processes wait to accept, in this order, without blocking."""

    listener: Socket
    address: tuple[str, int]
    workers: list[Worker]
    infos: list[SelectInfo]

    async def dials(self, to: int = 0) -> Peer:
        """Somebody connects, and the select has reached the one that is current."""
        caller = dial(self.address)
        await until(self.workers[to].mail)
        return caller

    async def accepts(self, number: int) -> Socket:
        """One of the processes takes its select and accepts."""
        worker = self.workers[number]
        assert await worker.ask(receive, SelectMessage) == self.select(number)
        return ok(await worker.ask(socket.accept_nowait, self.listener))

    def select(self, number: int) -> SelectMessage:
        return selected(self.listener, self.infos[number])

    def mails(self) -> list[list[Any]]:
        return [worker.mail() for worker in self.workers]

    def waiting(self) -> int:
        return socket.info(self.listener).num_acceptors


async def line(count: int) -> Line:
    """So many processes, the first of them current."""
    listener, address = listening()
    waiting = workers(count)
    infos = [info_of(await worker.ask(socket.accept_nowait, listener)) for worker in waiting]
    here = Line(listener, address, waiting, infos)
    assert here.waiting() == count
    return here


def is_connection(sock: Socket, caller: Peer) -> bool:
    """Whether this is the accepted end of the caller's connection."""
    return bool(ok(socket.peername(sock)).port == caller.getsockname()[1])


# --- one queue ------------------------------------------------------------------------------------


@in_runtime
async def test_each_is_told_in_its_turn() -> None:
    here = await line(3)
    callers = [await here.dials(), dial(here.address), dial(here.address)]
    assert here.mails() == [[here.select(0)], [], []]
    for number, caller in enumerate(callers):
        assert here.mails()[number] == [here.select(number)]
        assert here.mails()[number + 1 :] == [[]] * (2 - number)
        assert is_connection(await here.accepts(number), caller)
    assert here.waiting() == 0


@every_body
@in_runtime
async def test_who_asks_while_another_is_current_waits_though_a_connection_does(
    body: str,
) -> None:
    here = await line(1)
    callers = [await here.dials(), dial(here.address), dial(here.address)]
    late, later = workers(2, body)
    info = info_of(await late.ask(socket.accept_nowait, here.listener))
    job = later.tell(socket.accept, here.listener)
    await acceptors(here.listener, 3)
    await at_rest()
    assert here.mails() == [[here.select(0)]]
    assert late.mail() == []
    assert not job.done
    assert is_connection(await here.accepts(0), callers[0])
    assert late.mail() == [selected(here.listener, info)]
    assert is_connection(ok(await late.ask(socket.accept_nowait, here.listener)), callers[1])
    assert is_connection(ok(await job.answer()), callers[2])


@every_body
@in_runtime
async def test_blocked_processes_are_served_in_order(body: str) -> None:
    listener, address = listening()
    jobs = []
    for number, worker in enumerate(workers(3, body)):
        jobs.append(worker.tell(socket.accept, listener))
        await acceptors(listener, number + 1)
    callers = [dial(address) for _ in jobs]
    for job, caller in zip(jobs, callers, strict=True):
        assert is_connection(ok(await job.answer()), caller)


@in_runtime
async def test_the_next_waits_for_a_new_connection() -> None:
    here = await line(2)
    first = await here.dials()
    assert is_connection(await here.accepts(0), first)
    await at_rest()
    assert here.mails() == [[], []]
    second = await here.dials(to=1)
    assert is_connection(await here.accepts(1), second)


@in_runtime
async def test_a_connection_that_is_there_is_accepted_at_once() -> None:
    listener, address = listening()
    callers = [dial(address), dial(address)]
    a, b = workers(2)
    assert is_connection(ok(await a.ask(socket.accept_nowait, listener)), callers[0])
    assert is_connection(ok(await b.ask(socket.accept, listener, 0)), callers[1])
    assert a.mail() == b.mail() == []


@in_runtime
async def test_a_connection_that_its_caller_has_reset_is_accepted_all_the_same() -> None:
    here = await line(1)
    caller = await here.dials()
    reset(caller)
    sock = await here.accepts(0)
    assert await socket.recv(sock) == Error("econnreset")


@in_runtime
async def test_who_finds_the_connection_taken_waits_again() -> None:
    here = await line(2)
    fd = ok(socket.getopt(here.listener, "otp", "fd"))
    thief = ok(socket.open_fd(fd))
    caller = await here.dials()
    assert is_connection(ok(await socket.accept(thief)), caller)
    [first, _] = here.workers
    assert await first.ask(receive, SelectMessage) == here.select(0)
    info = info_of(await first.ask(socket.accept_nowait, here.listener))
    # It has had its select, so there is nothing left to take back.
    assert here.mails() == [[], []]
    await here.dials()
    assert here.mails() == [[selected(here.listener, info)], []]


# --- the current process leaves -------------------------------------------------------------------


@every_body
@in_runtime
async def test_when_the_current_times_out_the_next_is_current(
    mock_clock: MockClock, body: str
) -> None:
    listener, address = listening()
    a, b, c = workers(3, body)
    first = a.tell(socket.accept, listener, 1)
    await acceptors(listener, 1)
    second = b.tell(socket.accept, listener)
    await acceptors(listener, 2)
    info = info_of(await c.ask(socket.accept_nowait, listener))
    mock_clock.jump(1)
    assert await first.answer() == Error("timeout")
    assert socket.info(listener).num_acceptors == 2
    callers = [dial(address), dial(address)]
    assert is_connection(ok(await second.answer()), callers[0])
    assert c.mail() == [selected(listener, info)]


@every_violent_ending
@every_body
@in_runtime
async def test_when_the_current_dies_in_a_blocking_call_the_next_is_current(
    body: str, how: str
) -> None:
    listener, address = listening()
    a, b = workers(2, body)
    a.tell(socket.accept, listener)
    await acceptors(listener, 1)
    job = b.tell(socket.accept, listener)
    await acceptors(listener, 2)
    await a.dies(how)
    assert socket.info(listener).num_acceptors == 1
    caller = dial(address)
    assert is_connection(ok(await job.answer()), caller)


@pytest.mark.parametrize("stage", ["current", "queued"])
@in_runtime
async def test_a_cancelled_acceptor_leaves_the_queue(stage: str) -> None:
    here = await line(1 if stage == "queued" else 0)
    before = len(here.workers)
    a, b = workers(2)
    scoped = Scoped()
    first = a.tell(scoped.call, socket.accept, here.listener)
    await acceptors(here.listener, before + 1)
    second = b.tell(socket.accept, here.listener)
    await acceptors(here.listener, before + 2)
    scoped.cancel()
    assert await first.answer() == "cancelled"
    assert here.waiting() == before + 1
    callers = [dial(here.address), dial(here.address)]
    for number in range(before):
        await until(here.workers[number].mail)
        assert is_connection(await here.accepts(number), callers.pop(0))
    assert is_connection(ok(await second.answer()), callers[0])


@every_violent_ending
@every_body
@in_runtime
async def test_who_is_killed_between_its_select_and_its_turn_accepts_nothing(
    body: str, how: str
) -> None:
    listener, address = listening()
    mine = info_of(socket.accept_nowait(listener))
    [a] = workers(1, body)
    a.tell(socket.accept, listener)
    await acceptors(listener, 2)
    caller = dial(address)
    await receive(SelectMessage)
    down = monitor(a.pid)
    # It is told that it is its turn, and has no time to act.
    assert socket.cancel(listener, mine) == Ok()
    exit(a.pid, how)
    await receive(down)
    assert socket.info(listener).num_acceptors == 0
    sock = ok(await socket.accept(listener))
    assert is_connection(sock, caller)
    assert owner(sock) is current_pid()


@pytest.mark.parametrize("blocked", [True, False])
@every_body
@in_runtime
async def test_a_connection_that_comes_as_the_acceptor_begins_to_wait_is_told(
    monkeypatch: pytest.MonkeyPatch, body: str, blocked: bool
) -> None:
    listener, address = listening()
    [a] = workers(1, body)
    info = info_of(await a.ask(socket.accept_nowait, listener))
    await at_rest()
    assert await a.ask(socket.cancel, listener, info) == Ok()
    callers: list[Peer] = []

    def comes_now(fd: int, lane: LaneName) -> bool:
        if not callers:
            callers.append(dial(address))
            arrives(listener)
        return ready_now(fd, lane)

    # The system has said that nobody is there; it is asked once more before the wait.
    monkeypatch.setattr("actorsock.socket.core.readiness.ready_now", comes_now)
    job = a.tell(socket.accept if blocked else socket.accept_nowait, listener)
    await at_rest()
    if not callers:  # this poller needs no asking
        callers.append(dial(address))
    if not blocked:
        info = info_of(await job.answer())
        assert await a.ask(receive, SelectMessage) == selected(listener, info)
        job = a.tell(socket.accept_nowait, listener)
    assert is_connection(ok(await job.answer()), callers[0])


@every_body
@in_runtime
async def test_a_connection_that_comes_at_the_deadline_is_not_lost(
    mock_clock: MockClock, body: str
) -> None:
    listener, address = listening()
    a, b = workers(2, body)
    job = a.tell(socket.accept, listener, 1)
    await acceptors(listener, 1)
    caller = dial(address)
    mock_clock.jump(1)
    answer = await job.answer()
    if answer == Error("timeout"):
        answer = await b.ask(socket.accept, listener)
    assert is_connection(ok(answer), caller)
    assert socket.info(listener).num_acceptors == 0


# --- the same process asks again ------------------------------------------------------------------


@every_body
@in_runtime
async def test_who_is_queued_may_not_ask_again(body: str) -> None:
    here = await line(1)
    [queued] = workers(1, body)
    info = info_of(await queued.ask(socket.accept_nowait, here.listener))
    assert await queued.ask(socket.accept_nowait, here.listener) == Error("state")
    assert await queued.ask(socket.accept, here.listener) == Error("state")
    assert await queued.ask(socket.accept, here.listener, 0) == Error("state")
    await here.dials()
    caller = dial(here.address)
    await here.accepts(0)
    assert queued.mail() == [selected(here.listener, info)]
    assert is_connection(ok(await queued.ask(socket.accept, here.listener)), caller)


@in_runtime
async def test_a_second_call_of_the_current_cancels_its_first() -> None:
    here = await line(2)
    first, second = here.workers
    new = info_of(await first.ask(socket.accept_nowait, here.listener))
    assert first.mail() == [aborted(here.listener, here.infos[0], "cancelled")]
    caller = dial(here.address)
    await until(lambda: len(first.mail()) == 2)
    await at_rest()
    assert first.mail()[1:] == [selected(here.listener, new)]
    assert second.mail() == []
    assert is_connection(ok(await first.ask(socket.accept_nowait, here.listener)), caller)


@in_runtime
async def test_after_a_second_call_only_that_can_be_cancelled() -> None:
    here = await line(2)
    first, second = here.workers
    new = info_of(await first.ask(socket.accept_nowait, here.listener))
    assert await first.ask(socket.cancel, here.listener, here.infos[0]) == Error("select_info")
    assert here.waiting() == 2
    dial(here.address)
    await until(first.mail)
    assert first.mail() == [selected(here.listener, new)]
    assert await first.ask(socket.cancel, here.listener, new) == Ok()
    assert first.mail() == []
    assert second.mail() == [here.select(1)]


@in_runtime
async def test_a_second_call_with_the_same_handle_cancels_nothing() -> None:
    listener, address = listening()
    ref = make_ref()
    [a] = workers(1)
    first = info_of(await a.ask(socket.accept_nowait, listener, ref))
    assert info_of(await a.ask(socket.accept_nowait, listener, ref)) == first
    assert a.mail() == []
    caller = dial(address)
    await until(a.mail)
    await at_rest()
    assert a.mail() == [selected(listener, first)]
    caller.close()


@in_runtime
async def test_close_aborts_the_new_handle_of_the_current_only() -> None:
    here = await line(1)
    new = info_of(await here.workers[0].ask(socket.accept_nowait, here.listener))
    ok(await socket.close(here.listener))
    assert here.mails() == [
        [
            aborted(here.listener, here.infos[0], "cancelled"),
            aborted(here.listener, new, "closed"),
        ]
    ]


@in_runtime
async def test_an_accept_of_the_current_that_succeeds_early_cancels_nothing() -> None:
    here = await line(2)
    callers = [await here.dials(), dial(here.address)]
    sock = ok(await here.workers[0].ask(socket.accept_nowait, here.listener))
    assert is_connection(sock, callers[0])
    assert here.mails() == [[here.select(0)], [here.select(1)]]


@every_body
@in_runtime
async def test_a_blocking_call_takes_over_from_a_pending_one(body: str) -> None:
    listener, address = listening()
    a, b = workers(2, body)
    info = info_of(await a.ask(socket.accept_nowait, listener))
    behind = info_of(await b.ask(socket.accept_nowait, listener))
    job = a.tell(socket.accept, listener)
    await until(a.mail)
    assert a.mail() == [aborted(listener, info, "cancelled")]
    assert socket.info(listener).num_acceptors == 2
    callers = [dial(address), dial(address)]
    assert is_connection(ok(await job.answer()), callers[0])
    assert len(a.mail()) == 1
    assert b.mail() == [selected(listener, behind)]


@every_body
@in_runtime
async def test_when_the_call_that_took_over_times_out_nothing_is_pending(
    mock_clock: MockClock, body: str
) -> None:
    listener, address = listening()
    [a] = workers(1, body)
    info = info_of(await a.ask(socket.accept_nowait, listener))
    job = a.tell(socket.accept, listener, 1)
    await until(a.mail)
    await at_rest()
    mock_clock.jump(1)
    assert await job.answer() == Error("timeout")
    assert socket.info(listener).num_acceptors == 0
    caller = dial(address)
    await at_rest()
    assert a.mail() == [aborted(listener, info, "cancelled")]
    assert await a.ask(socket.cancel, listener, info) == Error("select_info")
    caller.close()


# --- a poll ---------------------------------------------------------------------------------------


@every_body
@in_runtime
async def test_a_poll_does_not_pass_the_current(body: str) -> None:
    here = await line(2)
    [stranger] = workers(1, body)
    assert await stranger.ask(socket.accept, here.listener, 0) == Error("timeout")
    await here.dials()
    assert await stranger.ask(socket.accept, here.listener, 0) == Error("timeout")
    assert here.waiting() == 2
    assert here.mails() == [[here.select(0)], []]


@in_runtime
async def test_a_poll_by_the_current_that_finds_nothing_gives_up_its_turn() -> None:
    here = await line(2)
    first, second = here.workers
    assert await first.ask(socket.accept, here.listener, 0) == Error("timeout")
    assert here.waiting() == 1
    await here.dials(to=1)
    await at_rest()
    assert first.mail() == [aborted(here.listener, here.infos[0], "cancelled")]
    assert second.mail() == [here.select(1)]


# --- what ends it for everybody -------------------------------------------------------------------


@every_body
@in_runtime
async def test_a_shut_down_listener_is_told_to_everybody_who_waits(body: str) -> None:
    here = await line(2)
    a, b = workers(2, body)
    jobs = [a.tell(socket.accept, here.listener), b.tell(socket.accept, here.listener)]
    await acceptors(here.listener, 4)
    assert socket.shutdown(here.listener, "read_write") == Ok()
    await until(here.workers[0].mail)
    assert await here.workers[0].ask(socket.accept_nowait, here.listener) == Error("einval")
    assert here.mails()[1] == [aborted(here.listener, here.infos[1], "einval")]
    assert [await job.answer() for job in jobs] == [Error("einval"), Error("einval")]
    assert here.waiting() == 0


@every_body
@in_runtime
async def test_a_blocked_acceptor_that_fails_has_it_told_to_the_others(body: str) -> None:
    listener, _ = listening()
    a, b = workers(2, body)
    job = a.tell(socket.accept, listener)
    await acceptors(listener, 1)
    info = info_of(await b.ask(socket.accept_nowait, listener))
    assert socket.shutdown(listener, "read") == Ok()
    assert await job.answer() == Error("einval")
    assert b.mail() == [aborted(listener, info, "einval")]


@in_runtime
async def test_a_socket_that_does_not_listen_makes_nobody_wait() -> None:
    [a] = workers(1)
    sock, _peer = await connected()
    datagrams = ok(socket.open("inet", "dgram"))
    for call in (socket.accept_nowait, socket.accept):
        assert await a.ask(call, tcp()) == Error("einval")
        assert await a.ask(call, sock) == Error("einval")
        assert await a.ask(call, datagrams) == Error("enotsup")
    assert socket.info(sock).num_acceptors == 0


# --- handlers -------------------------------------------------------------------------------------


@in_runtime
async def test_handlers_accept_in_turn_and_own_what_they_accept() -> None:
    listener, address = listening()
    log: list[tuple[str, Socket]] = []

    def acceptor(name: str) -> Any:
        def handle(message: object) -> None:
            if isinstance(message, SelectMessage):
                log.append((name, ok(socket.accept_nowait(listener))))
            assert isinstance(socket.accept_nowait(listener), Select)

        return handle

    pids = {name: spawn_handler(acceptor(name)) for name in "AB"}
    for pid in pids.values():
        send(pid, "begin")
    callers = [dial(address) for _ in range(4)]
    await until(lambda: len(log) == 4)
    assert [name for name, _ in log] == ["A", "B", "A", "B"]
    for caller, (name, sock) in zip(callers, log, strict=True):
        assert is_connection(sock, caller)
        assert owner(sock) is pids[name]
    exit(pids["A"], "kill")
    assert [owner(sock) for _, sock in log] == [None, pids["B"], None, pids["B"]]
