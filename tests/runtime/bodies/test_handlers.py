"""Handler processes: in place, one message at a time, and otherwise processes like any other."""

from collections.abc import Callable
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from actorsock import (
    Down,
    Exit,
    Pid,
    current_pid,
    demonitor,
    exit,
    is_alive,
    link,
    make_ref,
    monitor,
    open_runtime,
    process_info,
    processes,
    receive,
    run,
    send,
    send_after,
    spawn,
    spawn_handler,
    spawn_monitor,
    trap_exit,
    whereis,
)

from ..support import checkpoints

LOOP = 200_000  # steps after which an endless handler of these tests stops


def monitored(*arguments: Any) -> tuple[Pid, Any]:
    """Start a handler and monitor it."""
    pid = spawn_handler(*arguments)
    return pid, monitor(pid)


# --- running --------------------------------------------------------------------------------------


async def test_a_handler_runs_in_place(runtime: None) -> None:
    handled: list[Any] = []
    pid = spawn_handler(handled.append)
    for message in [1, None, "three"]:
        assert send(pid, message) is message
        assert handled[-1] is message
    assert process_info(pid).message_queue_len == 0


async def test_a_handler_is_a_process(runtime: None) -> None:
    asked: list[Pid] = []
    pid = spawn_handler(lambda message: asked.append(current_pid()), name="handler")
    send("handler", "who are you?")
    assert asked == [pid]
    assert pid in processes()
    assert whereis("handler") is pid
    info = process_info(pid)
    assert (info.kind, info.status, info.registered_name) == ("handler", "waiting", "handler")


async def test_the_sender_runs_as_itself_again_afterwards(runtime: None) -> None:
    me = current_pid()
    for handler in (lambda message: None, lambda message: exit("normal")):
        send(spawn_handler(handler), "a message")
        assert current_pid() is me


async def test_a_running_handler_is_not_entered_again(runtime: None) -> None:
    story: list[str] = []

    def handler(left: int) -> None:
        story.append(f"begin {left}")
        if left:
            send(current_pid(), left - 1)
        story.append(f"end {left}")

    send(spawn_handler(handler), 2)
    assert story == ["begin 2", "end 2", "begin 1", "end 1", "begin 0", "end 0"]


async def test_two_handlers_that_send_to_each_other_keep_the_order(runtime: None) -> None:
    received: dict[str, list[int]] = {"a": [], "b": []}

    def handler_a(number: int) -> None:
        received["a"].append(number)
        if number < 10:
            send(b, number + 1)
            send(b, number + 2)

    def handler_b(number: int) -> None:
        received["b"].append(number)
        if number == 1:
            send(a, 10)
            send(a, 11)

    a, b = spawn_handler(handler_a), spawn_handler(handler_b)
    send(a, 0)
    assert received == {"a": [0, 10, 11], "b": [1, 2]}


async def test_a_long_chain_of_handlers_needs_no_deep_stack(runtime: None) -> None:
    def pass_on(dest: Pid) -> Pid:
        return spawn_handler(lambda number: send(dest, number + 1))

    first = current_pid()
    for _ in range(5_000):
        first = pass_on(first)
    send(first, 0)
    assert await receive() == 5_000


async def test_a_long_chain_of_linked_handlers_needs_no_deep_stack(runtime: None) -> None:
    def linked_to(other: Pid) -> Pid:
        pid = spawn_handler(link)
        send(pid, other)
        return pid

    last = chain = spawn_handler(link)
    for _ in range(5_000):
        chain = linked_to(chain)
    ref = monitor(last)
    exit(chain, "a reason")
    assert await receive() == Down(ref, last, "a reason")


async def test_a_handler_can_not_wait(runtime: None) -> None:
    def handler(message: Any) -> None:
        with pytest.raises(RuntimeError, match="it can't wait"):
            receive().send(None)

    pid = spawn_handler(handler)
    send(pid, "a message")
    assert is_alive(pid)


async def test_a_handler_can_start_processes(runtime: None) -> None:
    async def worker(dest: Pid) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(child, dest)

    async def child(dest: Pid) -> None:
        send(dest, ("work", current_pid()))

    handler = spawn_handler(lambda dest: spawn(worker, dest))
    send(handler, current_pid())
    assert (await receive())[0] == "work"


async def test_timers_send_to_a_handler(runtime: None, autojump_clock: MockClock) -> None:
    times: list[float] = []
    pid = spawn_handler(lambda message: times.append(trio.current_time()))
    start = trio.current_time()
    for delay in [3, 1, 2]:
        send_after(delay, pid, "tick")
    await receive(after=10)
    assert [time - start for time in times] == pytest.approx([1, 2, 3])


async def test_flushing_a_monitor_loses_no_message(runtime: None) -> None:
    handled: list[Any] = []

    def handler(message: Any) -> None:
        handled.append(message)
        if message == "first":
            send(current_pid(), "second")
            send(current_pid(), "third")
            demonitor(make_ref(), flush=True)

    pid = spawn_handler(handler)
    send(pid, "first")
    assert handled == ["first", "second", "third"]
    send(pid, "fourth")
    assert handled[3:] == ["fourth"]


# --- ending ---------------------------------------------------------------------------------------


async def test_a_crash_ends_only_the_handler(
    runtime: None, caplog: pytest.LogCaptureFixture
) -> None:
    def divide(number: int) -> None:
        1 / number

    pid, ref = monitored(divide)
    send(pid, 1)
    assert is_alive(pid)
    send(pid, 0)
    assert not is_alive(pid)
    down = await receive(after=0)
    assert isinstance(down.reason, ZeroDivisionError)
    assert down == Down(ref, pid, down.reason)
    (record,) = caplog.records
    assert record.pid is pid
    assert record.function.endswith("divide")
    assert record.exc_info[1] is down.reason


@pytest.mark.parametrize("reason", ["normal", "done", ("any", 1)], ids=repr)
async def test_exit_inside_ends_the_handler(runtime: None, reason: Any) -> None:
    pid, ref = monitored(exit)
    send(pid, reason)
    assert await receive(after=0) == Down(ref, pid, reason)


@pytest.mark.parametrize("reason", ["normal", "kill", "done"])
async def test_an_exit_signal_to_itself_ends_the_handler(runtime: None, reason: str) -> None:
    went_on = False

    def handler(message: Any) -> None:
        nonlocal went_on
        exit(current_pid(), reason)
        went_on = True

    pid, ref = monitored(handler)
    send(pid, "a message")
    assert not went_on
    assert (await receive(ref)).reason == ("killed" if reason == "kill" else reason)


async def test_an_idle_handler_is_killed_in_place(runtime: None) -> None:
    pid, ref = monitored(lambda message: None)
    exit(pid, "kill")
    assert process_info(pid) is None
    assert await receive(after=0) == Down(ref, pid, "killed")


async def test_a_handler_killed_between_two_messages_handles_no_more(runtime: None) -> None:
    story: list[str] = []

    def killer(victim: Pid) -> None:
        story.append("killer")
        exit(victim, "kill")
        story.append(f"alive: {is_alive(victim)}")

    def handler(message: str) -> None:
        send(killer_pid, current_pid())
        send(current_pid(), "second")
        story.append(message)

    killer_pid = spawn_handler(killer)
    pid, ref = monitored(handler)
    send(pid, "first")
    assert await receive(after=0) == Down(ref, pid, "killed")
    assert story == ["first", "killer", "alive: False"]


async def test_messages_after_the_end_are_dropped(runtime: None) -> None:
    handled: list[str] = []

    def handler(message: str) -> None:
        handled.append(message)
        send(current_pid(), "too late")
        exit("done")

    pid = spawn_handler(handler)
    send(pid, "first")
    send(pid, "second")
    assert handled == ["first"]


async def test_a_handler_can_trap_exits(runtime: None) -> None:
    received: list[Any] = []

    def handler(message: Any) -> None:
        received.append(message)
        if message == "trap":
            trap_exit(True)

    pid = spawn_handler(handler)
    send(pid, "trap")
    exit(pid, "a reason")
    exit(pid, "normal")
    assert received[1:] == [Exit(current_pid(), "a reason"), Exit(current_pid(), "normal")]
    exit(pid, "kill")
    assert not is_alive(pid)


async def test_a_down_is_handled_in_place(runtime: None) -> None:
    received: list[Any] = []

    def handler(message: Any) -> None:
        received.append(monitor(message) if isinstance(message, Pid) else message)

    watcher, watched = spawn_handler(handler), spawn_handler(exit)
    send(watcher, watched)
    send(watched, "done")
    assert received == [received[0], Down(received[0], watched, "done")]


async def test_a_link_ends_a_handler_with_its_partner(runtime: None) -> None:
    pid, ref = spawn_monitor(receive)
    handler, handler_ref = monitored(link)
    send(handler, pid)
    exit(pid, "a reason")
    await receive(ref)
    assert (await receive(handler_ref)).reason == "a reason"


# --- terminate ------------------------------------------------------------------------------------


async def test_terminate_is_called_with_the_reason(
    runtime: None, caplog: pytest.LogCaptureFixture
) -> None:
    ends: list[tuple[Pid, Any]] = []

    def terminate(reason: Any) -> None:
        ends.append((current_pid(), reason))

    def handler(message: Any) -> None:
        if isinstance(message, Exception):
            raise message
        exit(message)

    crash = ValueError("a crash")
    pids = [spawn_handler(handler, terminate) for _ in range(4)]
    send(pids[0], "done")
    send(pids[1], crash)
    exit(pids[2], "kill")
    exit(pids[3], ("any", 1))
    assert ends == list(zip(pids, ["done", crash, "killed", ("any", 1)], strict=True))


async def test_terminate_comes_before_the_down(runtime: None) -> None:
    me = current_pid()
    pid, ref = monitored(print, lambda reason: send(me, ("terminated", reason)))
    exit(pid, "shutdown")
    assert await receive() == ("terminated", "shutdown")
    assert await receive() == Down(ref, pid, "shutdown")


CRASH = ValueError("a crash")


def raises(message: Any) -> None:
    raise CRASH


def exits(message: Any) -> None:
    exit("another reason")


@pytest.mark.parametrize(
    ("handler", "terminate", "reason", "logged"),
    [
        (exit, raises, "done", ["failed to terminate"]),
        (exit, exits, "done", []),
        (raises, exits, CRASH, ["crashed"]),
    ],
)
async def test_a_failing_terminate_does_not_change_the_reason(
    runtime: None,
    caplog: pytest.LogCaptureFixture,
    handler: Callable[[Any], object],
    terminate: Callable[[Any], object],
    reason: Any,
    logged: list[str],
) -> None:
    pid, ref = monitored(handler, terminate)
    send(pid, "done")  # the sender does not end
    assert await receive(after=0) == Down(ref, pid, reason)
    messages = [record.getMessage() for record in caplog.records]
    assert all(text in message for text, message in zip(logged, messages, strict=True))


async def test_handlers_end_after_tasks_have_cleaned_up() -> None:
    story: list[str] = []

    async def process(log: Pid) -> None:
        try:
            await receive()
        finally:
            send(log, "process cleans up")

    async with open_runtime():
        log = spawn_handler(story.append, lambda reason: story.append(f"handler: {reason}"))
        spawn(process, log)
        await wait_all_tasks_blocked()
    assert story == ["process cleans up", "handler: killed"]


# --- endless handlers -----------------------------------------------------------------------------


async def test_two_handlers_that_never_stop_leave_time_for_tasks(runtime: None) -> None:
    steps = 0
    stop = False

    def pass_back(pids: tuple[Pid, Pid]) -> None:
        nonlocal steps
        steps += 1
        if steps < LOOP and not stop:
            to, back = pids
            send(to, (back, to))

    ping, pong = spawn_handler(pass_back), spawn_handler(pass_back)
    send(ping, (pong, ping))
    await checkpoints(20)
    steps_until_now, stop = steps, True
    await wait_all_tasks_blocked()
    assert 1_000 <= steps_until_now < LOOP


def test_a_runtime_can_be_left_while_handlers_run_without_end() -> None:
    steps = 0
    ends: list[Any] = []

    def go_on(message: Any) -> None:
        nonlocal steps
        steps += 1
        if steps < LOOP:
            send(current_pid(), message)

    async def main() -> None:
        for _ in range(3):
            send(spawn_handler(go_on, ends.append), "again")

    run(main)
    assert steps < LOOP
    assert ends == ["killed"] * 3
