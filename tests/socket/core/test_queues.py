"""One process at a time receives, accepts or sends; the others wait in the order of their calls.

The order of the queue is told in `tests/conformance/scenarios/queues.txt`. Here are the stories of
events in one moment, and of handlers.
"""

from collections.abc import Callable
from typing import Any

import pytest
from trio.testing import MockClock

from actorsock import (
    Error,
    Ok,
    current_pid,
    exit,
    monitor,
    ok,
    receive,
    send,
    socket,
    spawn_handler,
)
from actorsock.socket import AbortMessage, SelectMessage

from ...stories import in_runtime, until
from ..support import (
    CASES,
    STUCK,
    Worker,
    at_rest,
    every_body,
    every_violent_ending,
    fd_of,
    info_of,
    owner,
    selected,
    waiting,
    workers,
)

every_queue = pytest.mark.parametrize("kind", ["recv", "accept", "send"])
# Where there is room for one byte there is room for many: the next sender need not wait again.
one_at_a_time = pytest.mark.parametrize("kind", ["recv", "accept"])
DONE = ("read_byte", "acc_success", "write_byte")


@one_at_a_time
@in_runtime
async def test_a_process_that_finds_nothing_after_its_select_waits_again(kind: str) -> None:
    it = await CASES[kind]()
    a, b = workers(2)
    first, second = [info_of(await worker.ask(it.nowait)) for worker in (a, b)]
    thief = ok(socket.open_fd(fd_of(it.sock)))
    await it.ready(a.mail)
    ok(await {"recv": socket.recv, "accept": socket.accept}[kind](thief))
    assert await a.ask(receive, SelectMessage) == selected(it.sock, first)
    first = info_of(await a.ask(it.nowait))
    assert a.mail() == b.mail() == []
    for worker, info in ((a, first), (b, second)):
        await it.ready(worker.mail)
        assert await worker.ask(receive, SelectMessage) == selected(it.sock, info)
        assert a.mail() == b.mail() == []
        ok(await worker.ask(it.again))


@every_queue
@every_violent_ending
@every_body
@in_runtime
async def test_a_process_that_is_killed_as_its_turn_comes_takes_nothing(
    kind: str, body: str, how: str
) -> None:
    it = await STUCK[kind]()
    mine = info_of(it.nowait())
    [a] = workers(1, body)
    a.tell(it.blocking)
    await until(lambda: waiting(it.sock) == 2)
    await it.ready(Worker(current_pid()).mail)
    await receive(SelectMessage)
    before = [socket.info(it.sock).counters[name] for name in DONE]
    down = monitor(a.pid)
    # It is woken for its turn, and has no time to act.
    assert socket.cancel(it.sock, mine) == Ok()
    exit(a.pid, how)
    await receive(down)
    assert waiting(it.sock) == 0
    assert [socket.info(it.sock).counters[name] for name in DONE] == before
    answer = it.again()
    match kind:
        case "recv":
            assert answer == Ok(b"data")
        case "accept":
            assert owner(ok(answer)) is current_pid()
        case _:
            assert answer == Ok()


@one_at_a_time
@every_body
@in_runtime
async def test_nothing_that_comes_at_the_deadline_is_lost(
    mock_clock: MockClock, kind: str, body: str
) -> None:
    it = await CASES[kind]()
    a, b = workers(2, body)
    job = a.tell(it.blocking, timeout=1)
    await until(lambda: waiting(it.sock) == 1)
    await it.ready(lambda: True)
    mock_clock.jump(1)
    answer = await job.answer()
    if answer == Error("timeout"):
        answer = await b.ask(it.blocking)
    assert answer == Ok(b"data") if kind == "recv" else isinstance(answer, Ok)
    assert waiting(it.sock) == 0


@one_at_a_time
@in_runtime
async def test_handlers_wait_in_the_same_queue(kind: str) -> None:
    it = await CASES[kind]()
    log: list[tuple[str, Any]] = []

    def served_as(name: str) -> Callable[[object], None]:
        def handle(message: object) -> None:
            if isinstance(message, SelectMessage):
                log.append((name, it.again()))
            if not isinstance(message, AbortMessage):  # behind all the others again
                info_of(it.nowait())

        return handle

    pids = {name: spawn_handler(served_as(name)) for name in "ABC"}
    for pid in pids.values():
        send(pid, "begin")
    [worker] = workers(1)
    job = worker.tell(it.blocking)
    await until(lambda: waiting(it.sock) == 4)
    for count in (1, 2, 3):
        await it.ready(lambda count=count: len(log) == count)
    await it.ready(lambda: job.done)
    for count in (4, 5, 6, 7):
        await it.ready(lambda count=count: len(log) == count)
    await at_rest()
    assert [name for name, _ in log] == ["A", "B", "C", "A", "B", "C", "A"]
    answers = [answer for _, answer in log]
    if kind == "accept":
        assert [owner(ok(answer)) for answer in answers] == [pids[name] for name, _ in log]
        exit(pids["A"], "kill")
        assert owner(ok(answers[0])) is None
    else:
        assert answers == [Ok(b"data")] * 7
