"""`max_mailbox`: a process gives its own mailbox a limit, another one, or none."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from trio.testing import wait_all_tasks_blocked

from actorsock import (
    Down,
    Exit,
    Limit,
    Pid,
    current_pid,
    exit,
    max_mailbox,
    monitor,
    ok,
    otp,
    process_info,
    receive,
    run,
    send,
    spawn,
    spawn_handler,
    trace,
    trap_exit,
)
from actorsock.runtime.bodies import limited_process
from actorsock.runtime.core.process import Process, alive

BODIES = pytest.mark.parametrize("light", [False, True], ids=["task", "light"])


async def obeys() -> None:
    """Call the functions that come as exit signals, which no limit drops; leave all else."""
    trap_exit(True)
    while True:
        (await receive(Exit)).reason()


async def order(pid: Pid, command: Callable[[], object]) -> object:
    """Have a process call a function, and return its result."""
    results: list[object] = []
    exit(pid, lambda: results.append(command()))
    await wait_all_tasks_blocked()
    return results[0]


async def limit(pid: Pid, value: Limit | None) -> object:
    """Have it give itself a limit; return the former."""
    return await order(pid, lambda: max_mailbox(value))


def flood(pid: Pid, count: int) -> list[Any]:
    """Send numbers to a process; return what is in its mailbox then."""
    for number in range(count):
        send(pid, number)
    items = process_info(pid, ["messages"])
    return [] if items is None else items["messages"]


async def end(pid: Pid) -> None:
    """Kill a process, and see that nothing is left of its limit."""
    ref = monitor(pid)
    exit(pid, "kill")
    await receive(ref)
    assert pid not in limited_process._states


@BODIES
async def test_a_limit_is_set_replaced_and_removed(runtime: None, light: bool) -> None:
    pid = spawn(obeys, light=light)
    await wait_all_tasks_blocked()
    assert await limit(pid, None) is None
    assert await limit(pid, Limit(2, "drop_new")) is None
    assert flood(pid, 3) == [0, 1]
    assert await limit(pid, Limit(3, "drop_old")) == Limit(2, "drop_new")
    assert flood(pid, 2) == [1, 0, 1]
    items = ["max_mailbox", "dropped"]
    assert process_info(pid, items) == {"max_mailbox": Limit(3, "drop_old"), "dropped": 2}
    assert await limit(pid, None) == Limit(3, "drop_old")
    assert type(alive[pid]) is Process
    assert flood(pid, 3) == [1, 0, 1, 0, 1, 2]
    assert process_info(pid, items) == {"max_mailbox": None, "dropped": 0}
    assert pid not in limited_process._states
    await limit(pid, Limit(1))
    await end(pid)


@BODIES
@pytest.mark.parametrize(
    ("action", "left"),
    [("drop_new", [0, 1, 2, 3]), ("drop_old", [1, 2, 3, 0]), ("kill", [])],
)
async def test_what_is_there_already_stays_until_the_next_message(
    runtime: None, light: bool, action: Any, left: list[int]
) -> None:
    pid = spawn(obeys, light=light)
    await wait_all_tasks_blocked()
    assert flood(pid, 4) == [0, 1, 2, 3]
    ref = monitor(pid)
    await limit(pid, Limit(2, action))
    assert process_info(pid).message_queue_len == 4
    assert flood(pid, 1) == left
    if action == "kill":
        assert await receive(ref) == Down(ref, pid, "max_mailbox")
    else:
        await end(pid)


async def test_a_handler_limits_itself(runtime: None) -> None:
    handled: list[Any] = []

    def handler(message: Any) -> None:
        handled.append(message)
        if callable(message):
            message()

    pid = spawn_handler(handler)
    flooding = spawn_handler(lambda count: flood(pid, count))
    send(pid, lambda: max_mailbox(Limit(2, "drop_new")))
    send(flooding, 4)
    assert handled[1:] == [0, 1]
    send(pid, lambda: max_mailbox(None))
    send(flooding, 4)
    assert handled[4:] == [0, 1, 2, 3]
    assert type(alive[pid]) is Process
    send(pid, lambda: (max_mailbox(Limit(2)), exit("normal")))
    assert pid not in limited_process._states
    exit(flooding, "kill")


def test_the_first_process_has_one() -> None:
    async def main() -> tuple[list[Any], int]:
        max_mailbox(Limit(2, "drop_old"))
        pid = current_pid()
        send(spawn_handler(lambda count: flood(pid, count)), 4)
        dropped = process_info(pid, ["dropped"])
        assert dropped is not None
        return [await receive(), await receive()], dropped["dropped"]

    assert run(main) == ([2, 3], 2)


class Printer(otp.GenServer):
    """A server that limits itself, whoever starts it."""

    def init(self) -> None:
        max_mailbox(Limit(1, "drop_new"))
        self.printed: list[Any] = []

    def handle_cast(self, request: Any) -> None:
        self.printed.append(request)


async def test_a_server_limits_itself_in_init(runtime: None) -> None:
    server = ok(await otp.start(Printer))
    await otp.sys.suspend(server)
    for number in range(3):
        otp.cast(server, number)
    await otp.sys.resume(server)
    assert (await otp.sys.get_state(server)).printed == [0]
    await otp.stop(server)


async def test_the_end_of_dropping_is_logged_also_when_the_limit_goes(
    runtime: None, caplog: pytest.LogCaptureFixture
) -> None:
    pid = spawn(obeys)
    await wait_all_tasks_blocked()
    await limit(pid, Limit(1, "drop_new"))
    flood(pid, 3)
    node = alive[pid].node
    assert limited_process.dropped_in(node) == 2
    await limit(pid, None)
    assert limited_process.dropped_in(node) == 2
    texts = [record.message for record in caplog.records]
    assert [text.partition(" drops ")[2] for text in texts] == [
        "some",
        "messages no more: 2 by now",
    ]
    await limit(pid, Limit(1, "drop_new"))
    await limit(pid, None)  # nothing was dropped: nothing is logged
    assert len(caplog.records) == 2
    await end(pid)


def orders() -> Iterator[list[str]]:
    """Every order of a limit and its removal with the begin and the end of a trace."""
    for places in itertools.combinations(range(4), 2):
        limits, traces = iter(("limit", "no limit")), iter(("trace", "no trace"))
        yield [next(limits if place in places else traces) for place in range(4)]


@BODIES
@pytest.mark.parametrize("whose", ["the process", "all senders"])
@pytest.mark.parametrize("steps", list(orders()), ids=", ".join)
async def test_a_limit_and_a_trace_come_and_go_in_any_order(
    runtime: None, light: bool, whose: str, steps: list[str]
) -> None:
    pid = spawn(obeys, light=light)
    await wait_all_tasks_blocked()
    with trace.session() as session:
        for done, step in enumerate(steps):
            match step:
                case "limit":
                    await limit(pid, Limit(2, "drop_new"))
                case "no limit":
                    await limit(pid, None)
                case "trace" if whose == "the process":
                    trace.process(session, pid, ["receive"])
                case "trace":
                    trace.process(session, current_pid(), ["send"])
                case "no trace":
                    session.close()
            before = [event.what for event in session].count(7)
            waiting = len(flood(pid, 0))
            send(pid, 7)
            now = steps[: done + 1]
            traced = "trace" in now and "no trace" not in now
            limited = "limit" in now and "no limit" not in now
            assert [event.what for event in session].count(7) - before == traced
            full = limited and waiting >= 2
            assert len(flood(pid, 0)) - waiting == (not full)
    assert type(alive[pid]) is Process
    await end(pid)


@pytest.mark.parametrize("traced_first", [True, False])
async def test_a_limited_process_that_is_traced_ends(runtime: None, traced_first: bool) -> None:
    pid = spawn(obeys)
    await wait_all_tasks_blocked()
    with trace.session() as session:
        if traced_first:
            trace.process(session, pid, ["procs"])
        await limit(pid, Limit(2))
        if not traced_first:
            trace.process(session, pid, ["procs"])
        flood(pid, 3)
        await wait_all_tasks_blocked()
        assert [(event.kind, event.what) for event in session] == [("exit", "max_mailbox")]
        assert pid not in limited_process._states


async def test_a_limit_set_in_the_block_of_the_end_is_no_leak(runtime: None) -> None:
    def last_words(reason: Any) -> None:
        max_mailbox(Limit(1))

    pid = spawn_handler(print, last_words)
    exit(pid, "kill")
    assert pid not in limited_process._states
