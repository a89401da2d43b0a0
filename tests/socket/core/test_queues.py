"""One process at a time receives, accepts or sends; the others wait in the order of their calls.

Each story is told of all three kinds of operations. What a kind does with its data when a process
leaves is told in the tests of that kind.
"""

from collections.abc import Callable
from typing import Any

import pytest
from trio.testing import MockClock

from actorsock import (
    Error,
    Ok,
    Select,
    current_pid,
    exit,
    monitor,
    ok,
    receive,
    send,
    socket,
    spawn_handler,
)
from actorsock.socket import AbortMessage, SelectMessage, Socket

from ...stories import in_runtime, until
from ..support import (
    ENDINGS,
    VIOLENT,
    Scoped,
    Worker,
    aborted,
    arrives,
    at_rest,
    every_body,
    every_violent_ending,
    host,
    info_of,
    owner,
    reset,
    selected,
    tcp,
    workers,
)
from .queues import blocked, every_queue, line, new_queue, sends

# Where there is room for one byte there is room for many: the next sender need not wait again.
one_at_a_time = pytest.mark.parametrize("kind", ["recv", "accept"])


# --- one queue ------------------------------------------------------------------------------------


@every_queue
@in_runtime
async def test_each_process_is_selected_in_its_turn(kind: str) -> None:
    here = await line(kind, 3)
    await here.supply(3)
    await at_rest()
    for number in range(3):
        assert here.mails() == here.only(number)
        await here.takes(number)
    assert here.queue.waiting() == 0
    await here.queue.check(here.served)


@every_queue
@every_body
@in_runtime
async def test_a_newcomer_queues_although_the_operation_is_possible(kind: str, body: str) -> None:
    here = await line(kind, 1)
    await here.supply(4)
    await here.join()
    late, last = workers(2, body)
    job = await blocked(here.queue, late, 2)
    info = info_of(await last.ask(here.queue.nowait(3)))
    await at_rest()
    assert here.mails() == here.only(0)
    assert not job.done
    await here.takes(0)
    assert here.mails() == here.only(1)
    await here.takes(1)
    await here.job_is_served(2, job)
    assert last.mail() == [selected(here.queue.sock, info)]
    here.served.append((3, await last.ask(here.queue.again(3))))
    await here.queue.check(here.served)


@every_queue
@every_body
@in_runtime
async def test_blocked_processes_are_served_in_order(kind: str, body: str) -> None:
    queue = await new_queue(kind)
    jobs = [await blocked(queue, worker, n) for n, worker in enumerate(workers(4, body))]
    await queue.supply(4, lambda: all(job.done for job in jobs))
    assert queue.waiting() == 0
    await queue.check([(n, await job.answer()) for n, job in enumerate(jobs)])


@one_at_a_time
@in_runtime
async def test_the_next_process_waits_for_something_new(kind: str) -> None:
    here = await line(kind, 2)
    await here.supply(1)
    await here.takes(0)
    await at_rest()
    assert here.mails() == [[], []]
    await here.are_served(1)


@one_at_a_time
@every_body
@in_runtime
async def test_something_that_is_there_is_taken_at_once(kind: str, body: str) -> None:
    queue = await new_queue(kind)
    await queue.supply(3, lambda: True)
    a, b, c = workers(3, body)
    arrives(queue.sock)
    answers = [await a.ask(queue.nowait(0)), await b.ask(queue.poll(1)), await c.ask(queue.poll(2))]
    await queue.check(list(enumerate(answers)))
    assert a.mail() == b.mail() == c.mail() == []


@one_at_a_time
@in_runtime
async def test_a_process_that_finds_nothing_after_its_select_waits_again(kind: str) -> None:
    here = await line(kind, 2)
    thief = ok(socket.open_fd(ok(socket.getopt(here.queue.sock, "otp", "fd"))))
    await here.supply(1)
    steal = socket.recv if kind == "recv" else socket.accept
    here.served.append((9, await steal(thief)))
    [first, _] = here.workers
    assert await first.ask(receive, SelectMessage) == here.select(0)
    here.infos[0] = info_of(await first.ask(here.queue.nowait(0)))
    assert here.mails() == [[], []]
    await here.supply(1)
    assert here.mails() == here.only(0)
    await here.takes(0)
    await here.are_served(1)


# --- a process leaves -----------------------------------------------------------------------------

every_leave = pytest.mark.parametrize("leaves", ["cancels", *ENDINGS])


@every_queue
@every_leave
@pytest.mark.parametrize("number", [0, 1, 2, 3])
@in_runtime
async def test_a_process_that_waits_leaves_and_the_others_keep_their_order(
    kind: str, number: int, leaves: str
) -> None:
    here = await line(kind, 4)
    await here.leaves(number, leaves)
    assert here.queue.waiting() == 3
    await at_rest()
    assert here.mails() == [[], [], [], []]
    await here.are_served(*({0, 1, 2, 3} - {number}))


@every_queue
@every_leave
@pytest.mark.parametrize("taken", [False, True], ids=["select in the mailbox", "select taken"])
@in_runtime
async def test_a_selected_process_leaves_and_the_next_is_selected_at_once(
    kind: str, leaves: str, taken: bool
) -> None:
    here = await line(kind, 3)
    await here.supply(2)
    if taken:
        assert await here.workers[0].ask(receive, SelectMessage) == here.select(0)
    await here.leaves(0, leaves)
    assert here.mails() == here.only(1)
    await here.are_served(1, 2)


@every_queue
@pytest.mark.parametrize(
    ("body", "leaves"),
    [
        *((body, how) for body in ("task", "light") for how in ("times out", *VIOLENT)),
        ("task", "is cancelled"),
    ],
)
@pytest.mark.parametrize("number", [0, 1], ids=["current", "queued"])
@in_runtime
async def test_a_blocked_process_leaves_and_the_others_keep_their_order(
    mock_clock: MockClock, kind: str, body: str, leaves: str, number: int
) -> None:
    queue = await new_queue(kind)
    scoped = Scoped()
    three = workers(3, body)
    jobs = []
    for n, worker in enumerate(three):
        call = queue.blocking(n, timeout=1) if n == number else queue.blocking(n)
        wrapped = (scoped.call, call) if leaves == "is cancelled" and n == number else (call,)
        jobs.append(worker.tell(*wrapped))
        await until(lambda n=n: queue.waiting() == n + 1)
    last = workers(1)[0]
    info = info_of(await last.ask(queue.nowait(3)))
    if leaves == "times out":
        mock_clock.jump(1)
        assert (await jobs[number].answer()).reason == "timeout"
    elif leaves == "is cancelled":
        scoped.cancel()
        assert await jobs[number].answer() == "cancelled"
    else:
        await three[number].dies(leaves)
    assert queue.waiting() == 3
    del jobs[number]
    await queue.supply(3, last.mail)
    assert last.mail() == [selected(queue.sock, info)]
    numbers = [n for n in range(3) if n != number]
    served = [(n, await job.answer()) for n, job in zip(numbers, jobs, strict=True)]
    await queue.check([*served, (3, await last.ask(queue.again(3)))])


@every_queue
@every_violent_ending
@every_body
@in_runtime
async def test_a_process_that_is_killed_as_its_turn_comes_takes_nothing(
    kind: str, body: str, how: str
) -> None:
    queue = await new_queue(kind)
    mine = info_of(queue.nowait(0)())
    [a] = workers(1, body)
    await blocked(queue, a, 1)
    await queue.supply(1, Worker(current_pid()).mail)
    await receive(SelectMessage)
    down = monitor(a.pid)
    # It is woken for its turn, and has no time to act.
    assert socket.cancel(queue.sock, mine) == Ok()
    exit(a.pid, how)
    await receive(down)
    assert queue.waiting() == 0
    counters = socket.info(queue.sock).counters
    assert counters["read_byte"] == counters["acc_success"] == 0
    answer = queue.again(2)()
    await queue.check([(2, answer)])
    if kind == "accept":
        assert owner(ok(answer)) is current_pid()


@one_at_a_time
@every_body
@in_runtime
async def test_nothing_that_comes_at_the_deadline_is_lost(
    mock_clock: MockClock, kind: str, body: str
) -> None:
    queue = await new_queue(kind)
    a, b = workers(2, body)
    job = await blocked(queue, a, 0, timeout=1)
    await queue.supply(1, lambda: True)
    mock_clock.jump(1)
    answer = await job.answer()
    if answer == Error("timeout"):
        answer = await b.ask(queue.blocking(1))
    await queue.check([(0, answer)])
    assert queue.waiting() == 0


# --- the same process calls again -----------------------------------------------------------------


@every_queue
@every_body
@in_runtime
async def test_a_queued_process_may_not_call_again(kind: str, body: str) -> None:
    here = await line(kind, 1)
    [queued] = workers(1, body)
    info = info_of(await queued.ask(here.queue.nowait(1)))
    for call in here.queue.variants():
        assert await queued.ask(call) == Error("state")
    await here.supply(2)
    await here.takes(0)
    # It has lost nothing by that.
    assert queued.mail() == [selected(here.queue.sock, info)]
    here.served.append((1, await queued.ask(here.queue.again(1))))
    await here.queue.check(here.served)


@every_queue
@in_runtime
async def test_a_second_call_of_the_current_process_replaces_its_first(kind: str) -> None:
    here = await line(kind, 2)
    first, sock = here.workers[0], here.queue.sock
    # Only an acceptor is told.
    told = [aborted(sock, here.infos[0], "cancelled")] if kind == "accept" else []
    new = info_of(await first.ask(here.queue.nowait(0)))
    assert new.ref is not here.infos[0].ref
    assert first.mail() == told
    assert await first.ask(socket.cancel, sock, here.infos[0]) == Error("select_info")
    told = first.mail()
    await here.queue.supply(1, lambda: len(first.mail()) > len(told))
    await at_rest()
    assert here.mails() == [[*told, selected(sock, new)], []]
    assert await first.ask(socket.cancel, sock, new) == Ok()
    assert here.mails() == [told, [here.select(1)]]


@every_queue
@in_runtime
async def test_close_aborts_the_second_call_of_the_current_process(kind: str) -> None:
    here = await line(kind, 1)
    [worker], sock = here.workers, here.queue.sock
    new = info_of(await worker.ask(here.queue.nowait(0)))
    before = worker.mail()
    ok(await socket.close(sock))
    assert worker.mail() == [*before, aborted(sock, new, "closed")]


@every_queue
@pytest.mark.parametrize("form", ["nowait", "poll"])
@in_runtime
async def test_a_call_that_is_served_early_leaves_its_select_in_the_mailbox(
    kind: str, form: str
) -> None:
    here = await line(kind, 2)
    await here.supply(2)
    call = here.queue.poll(0) if form == "poll" else here.queue.again(0)
    here.served.append((0, await here.workers[0].ask(call)))
    assert here.mails() == [[here.select(0)], [here.select(1)]]
    await here.takes(1)
    await here.queue.check(here.served)


@every_queue
@every_body
@pytest.mark.parametrize("ends", ["is served", "times out"])
@in_runtime
async def test_a_blocking_call_takes_over_from_a_pending_one(
    mock_clock: MockClock, kind: str, body: str, ends: str
) -> None:
    queue = await new_queue(kind)
    a, b = workers(2, body)
    info = info_of(await a.ask(queue.nowait(0)))
    behind = info_of(await b.ask(queue.nowait(1)))
    job = a.tell(queue.blocking(0, 1))
    await at_rest()
    told = [aborted(queue.sock, info, "cancelled")] if kind == "accept" else []
    assert a.mail() == told
    assert queue.waiting() == 2
    if ends == "times out":
        mock_clock.jump(1)
        assert (await job.answer()).reason == "timeout"
        assert queue.waiting() == 1
        served = []
    else:
        await queue.supply(1, lambda: job.done)
        served = [(0, await job.answer())]
    await queue.supply(1, b.mail)
    await at_rest()
    assert a.mail() == told
    assert b.mail() == [selected(queue.sock, behind)]
    assert await a.ask(socket.cancel, queue.sock, info) == Error("select_info")
    await queue.check([*served, (1, await b.ask(queue.again(1)))])


@every_queue
@in_runtime
async def test_a_wrong_argument_disturbs_nobody(kind: str) -> None:
    here = await line(kind, 2)
    for worker in here.workers:
        for call in here.queue.wrong():
            with pytest.raises(ValueError, match=r"flag|timeout"):
                await worker.ask(call)
    await here.are_served(0, 1)


# --- a poll: a call with a time-out of 0 ----------------------------------------------------------


@every_queue
@every_body
@in_runtime
async def test_a_poll_does_not_pass_the_current_process(kind: str, body: str) -> None:
    here = await line(kind, 2)
    [stranger] = workers(1, body)
    poll = here.queue.poll(9)
    assert await stranger.ask(poll) == Error("timeout")
    await here.supply(2)
    assert await stranger.ask(poll) == Error("timeout")
    assert here.queue.waiting() == 2
    assert here.mails() == here.only(0)
    await here.takes(0)
    assert await stranger.ask(poll) == Error("timeout")
    await here.are_served(1)


@every_queue
@in_runtime
async def test_a_poll_of_the_current_process_that_finds_nothing_gives_up_its_turn(
    kind: str,
) -> None:
    here = await line(kind, 2)
    first = here.workers[0]
    assert (await first.ask(here.queue.blocking(0, 0))).reason == "timeout"
    assert here.queue.waiting() == 1
    told = first.mail()
    await here.supply(1, to=1)
    await at_rest()
    assert here.mails() == [told, [here.select(1)]]


# --- two kinds exclude each other -----------------------------------------------------------------


@every_queue
@pytest.mark.parametrize("asks", ["the current process", "a queued process", "another process"])
@in_runtime
async def test_the_other_kind_of_the_lane_is_excluded(kind: str, asks: str) -> None:
    here = await line(kind, 2)
    [other] = workers(1)
    by = {"the current process": here.workers[0], "a queued process": here.workers[1]}
    for selecting in (False, True):
        if selecting:
            await here.supply(2)
        for call in here.queue.excluded():
            assert await by.get(asks, other).ask(call) == Error("state")
    await here.are_served(0, 1)


@pytest.mark.parametrize("asks", ["the connecting process", "another process"])
@in_runtime
async def test_sends_are_excluded_until_the_connection_is_finished(asks: str) -> None:
    target, sock = host(), tcp()
    a, b = workers(2)
    info_of(await a.ask(socket.connect_nowait, sock, target.getsockname()))
    by = a if asks == "the connecting process" else b
    for condition in (lambda: True, a.mail):
        await until(condition)
        for call in sends(sock):
            assert await by.ask(call) == Error("state")
    assert await a.ask(socket.connect_nowait, sock) == Ok()
    assert await by.ask(socket.send, sock, b"x") == Ok()


@pytest.mark.parametrize(
    ("kind", "call", "reason"),
    [
        ("accept", socket.recv, "enotconn"),
        ("recv", socket.accept, "einval"),
        ("recv", lambda sock: socket.recv(sock, 1, ["oob"]), "einval"),
    ],
    ids=["recv on a listener", "accept on a connection", "no urgent data"],
)
@every_body
@in_runtime
async def test_a_call_is_refused_also_when_another_kind_has_waited(
    kind: str, call: Callable[[Socket], Any], reason: str, body: str
) -> None:
    queue = await new_queue(kind)
    [a] = workers(1, body)
    info = info_of(await a.ask(queue.nowait(0)))
    await at_rest()
    for _ in range(2):
        assert await a.ask(socket.cancel, queue.sock, info) == Ok()
        assert await a.ask(call, queue.sock) == Error(reason)
        info = info_of(await a.ask(queue.nowait(0)))


# --- the operation fails --------------------------------------------------------------------------

FAILURES: dict[str, tuple[str, Callable[[Any], object], set[str]]] = {
    "the peer closes": ("recv", lambda queue: queue.peer.close(), {"closed"}),
    "the peer resets": ("recv", lambda queue: reset(queue.peer), {"econnreset"}),
    "reading is shut down": ("recv", lambda queue: shut(queue, "read"), {"closed"}),
    "listener, read": ("accept", lambda queue: shut(queue, "read"), {"einval"}),
    "listener, both": ("accept", lambda queue: shut(queue, "read_write"), {"einval"}),
    "a sender's peer resets": ("send", lambda queue: reset(queue.peer), {"econnreset", "epipe"}),
    "writing is shut down": ("send", lambda queue: shut(queue, "write"), {"epipe"}),
}
every_failure = pytest.mark.parametrize("failure", FAILURES)


def shut(queue: Any, how: Any) -> None:
    assert socket.shutdown(queue.sock, how) == Ok()


@every_failure
@every_body
@in_runtime
async def test_a_failure_of_the_selected_process_aborts_the_others(failure: str, body: str) -> None:
    kind, fails, reasons = FAILURES[failure]
    here = await line(kind, 3)
    [last] = workers(1, body)
    job = await blocked(here.queue, last, 3)
    fails(here.queue)
    await until(here.workers[0].mail)
    await at_rest()
    assert here.mails() == here.only(0)
    assert not job.done
    answer = await here.takes(0)
    assert answer.reason in reasons
    assert here.mails()[1:] == [
        [aborted(here.queue.sock, info, answer.reason)] for info in here.infos[1:]
    ]
    assert await job.answer() == Error(answer.reason)
    assert here.queue.waiting() == 0
    # The socket is not closed.
    assert socket.info(here.queue.sock).owner is current_pid()
    after = await here.workers[1].ask(here.queue.again(1))
    assert after.reason in {*reasons, "closed"}


@every_failure
@every_body
@in_runtime
async def test_a_failure_of_a_blocked_process_aborts_the_others(failure: str, body: str) -> None:
    kind, fails, reasons = FAILURES[failure]
    queue = await new_queue(kind)
    a, b, c = workers(3, body)
    first, second = await blocked(queue, a, 0), await blocked(queue, b, 1)
    info = info_of(await c.ask(queue.nowait(2)))
    fails(queue)
    answer = await first.answer()
    assert answer.reason in reasons
    assert (answer.data is None) == (kind != "send")
    assert await second.answer() == Error(answer.reason)
    assert c.mail() == [aborted(queue.sock, info, answer.reason)]
    assert queue.waiting() == 0


# --- handlers -------------------------------------------------------------------------------------


@one_at_a_time
@in_runtime
async def test_handlers_wait_in_the_same_queue(kind: str) -> None:
    queue = await new_queue(kind)
    log: list[tuple[str, Any]] = []

    def served_as(name: str) -> Callable[[object], None]:
        def handle(message: object) -> None:
            if isinstance(message, SelectMessage):
                log.append((name, queue.again(0)()))
            if not isinstance(message, AbortMessage):  # behind all the others again
                assert isinstance(queue.nowait(0)(), Select)

        return handle

    pids = {name: spawn_handler(served_as(name)) for name in "ABC"}
    for pid in pids.values():
        send(pid, "begin")
    [worker] = workers(1)
    job = await blocked(queue, worker, 0)
    await queue.supply(3, lambda: len(log) == 3)
    await queue.supply(5, lambda: len(log) == 7)
    assert [name for name, _ in log] == ["A", "B", "C", "A", "B", "C", "A"]
    answers = [answer for _, answer in log]
    await queue.check([(0, answer) for answer in (*answers[:3], await job.answer(), *answers[3:])])
    if kind == "accept":
        assert [owner(ok(answer)) for _, answer in log] == [pids[name] for name, _ in log]
        exit(pids["A"], "kill")
        assert owner(ok(answers[0])) is None
