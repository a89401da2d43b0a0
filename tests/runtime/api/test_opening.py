"""Opening a runtime, the outcome of its first process, and leaving it."""

import traceback
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from actorsock import (
    Pid,
    ProcessExit,
    current_pid,
    exit,
    is_alive,
    link,
    monitor,
    open_runtime,
    processes,
    receive,
    run,
    send,
    send_after,
    sleep,
    spawn,
    spawn_handler,
    spawn_link,
    spawn_monitor,
    trap_exit,
)
from actorsock.runtime.bodies.current import current_process

from ..support import cleans_up, crash, every_body

Main = Callable[[], Awaitable[Any]]


def by_run(main: Main) -> Any:
    return run(main)


def by_open_runtime(main: Main) -> None:
    async def in_a_block() -> None:
        async with open_runtime():
            await main()

    trio.run(in_a_block)


both = pytest.mark.parametrize("start", [by_run, by_open_runtime])


async def waits_and_then(wait: Main, then: Callable[[], Any]) -> None:
    """Wait, and call `then` when it ends."""
    try:
        await wait()
    finally:
        then()


# --- the outcome of the first process -------------------------------------------------------------


async def exits(reason: Any) -> None:
    exit(reason)


async def exits_inside_a_nursery(reason: Any) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep_forever)
        exit(reason)


async def sends_itself(reason: Any) -> None:
    exit(current_pid(), reason)


async def is_sent(reason: Any) -> None:
    async def sends(pid: Pid) -> None:
        exit(pid, reason)

    spawn(sends, current_pid())
    await trio.sleep_forever()


async def traps_the_crash_of_a_linked_process(reason: Any) -> None:
    trap_exit(True)
    spawn_link(crash, ValueError("a crash"))
    await receive()


async def monitors_a_process_that_crashes(reason: Any) -> None:
    _, ref = spawn_monitor(crash, ValueError("a crash"))
    await receive(ref)


@both
@pytest.mark.parametrize(
    "main",
    [
        exits,
        exits_inside_a_nursery,
        sends_itself,
        traps_the_crash_of_a_linked_process,
        monitors_a_process_that_crashes,
    ],
)
def test_a_normal_end_raises_nothing(
    start: Callable[[Main], None],
    main: Callable[[Any], Awaitable[None]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert start(partial(main, "normal")) is None


@both
@pytest.mark.parametrize(
    ("main", "reason", "raised"),
    [
        (exits, "shutdown", "shutdown"),
        (exits, "kill", "kill"),
        (exits, ("any", 1), ("any", 1)),
        (exits, None, None),
        (exits_inside_a_nursery, "shutdown", "shutdown"),
        (is_sent, "kill", "killed"),
    ],
)
def test_another_reason_raises_process_exit(
    start: Callable[[Main], None],
    main: Callable[[Any], Awaitable[None]],
    reason: Any,
    raised: Any,
) -> None:
    with pytest.raises(ProcessExit) as info:
        start(partial(main, reason))
    assert info.value.reason == raised
    assert str(info.value) == f"the process ends with reason {raised!r}"
    if main is exits:
        assert traceback.extract_tb(info.value.__traceback__)[-1].name == "exit"


def test_run_returns_the_result_of_main() -> None:
    async def main(*args: int) -> int:
        return sum(args)

    assert run(main, 1, 2, 3) == 6


def test_run_takes_a_clock() -> None:
    async def main() -> float:
        await sleep(1_000)
        return trio.current_time()

    assert run(main, clock=MockClock(autojump_threshold=0)) == pytest.approx(1_000)


@both
def test_an_exception_is_raised_as_it_is(start: Callable[[Main], None]) -> None:
    exc = ValueError("an error")

    async def main() -> None:
        await crash(exc)

    with pytest.raises(ValueError, match="an error") as info:
        start(main)
    assert info.value is exc
    assert exc.__context__ is None
    assert exc.__cause__ is None
    names = [frame.name for frame in traceback.extract_tb(exc.__traceback__)]
    assert names[-2:] == ["main", "crash"]


@both
def test_an_exception_keeps_its_cause(start: Callable[[Main], None]) -> None:
    async def main() -> None:
        try:
            raise LookupError("first")
        except LookupError as exc:
            raise ValueError("second") from exc

    with pytest.raises(ValueError, match="second") as info:
        start(main)
    assert isinstance(info.value.__cause__, LookupError)
    assert info.value.__context__ is info.value.__cause__


@both
def test_a_group_of_main_stays_a_group(start: Callable[[Main], None]) -> None:
    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(crash, ValueError())
            nursery.start_soon(crash, LookupError())

    with pytest.raises(ExceptionGroup) as info:
        start(main)
    assert {type(exc) for exc in info.value.exceptions} == {ValueError, LookupError}


@both
def test_the_crash_of_a_linked_process_is_the_cause(
    start: Callable[[Main], None], caplog: pytest.LogCaptureFixture
) -> None:
    exc = ValueError("a crash")

    async def main() -> None:
        spawn_link(crash, exc)
        await trio.sleep_forever()

    with pytest.raises(ProcessExit) as info:
        start(main)
    assert info.value.reason is exc
    assert info.value.__cause__ is exc


@both
def test_processes_linked_to_main_get_its_reason(start: Callable[[Main], None]) -> None:
    reasons: list[Any] = []

    async def partner(main: Pid) -> None:
        trap_exit(True)
        link(main)
        reasons.append((await receive()).reason)

    async def main() -> None:
        spawn(partner, current_pid())
        await wait_all_tasks_blocked()
        exit("a reason")

    with pytest.raises(ProcessExit):
        start(main)
    assert reasons == ["a reason"]


# --- leaving --------------------------------------------------------------------------------------


@both
def test_leaving_ends_every_process_and_then_what_others_keep(
    start: Callable[[Main], None],
) -> None:
    ended: list[str] = []

    def waits(wait: Main, name: str, light: bool = False) -> None:
        spawn(waits_and_then, wait, partial(ended.append, name), light=light)

    async def main() -> None:
        current_process().node.at_close += [
            partial(ended.append, "first"),
            partial(ended.append, "second"),
        ]
        waits(receive, "in receive")
        waits(trio.sleep_forever, "in trio")
        waits(receive, "light", light=True)
        spawn_handler(print, lambda reason: ended.append("handler"))
        await wait_all_tasks_blocked()
        waits(receive, "not yet started")

    start(main)
    assert sorted(ended[:3]) == ["in receive", "in trio", "light"]
    assert ended[3:] == ["handler", "second", "first"]


@both
def test_leaving_waits_for_clean_up(start: Callable[[Main], None]) -> None:
    cleaned: list[str] = []

    async def main() -> None:
        spawn(cleans_up, "process", cleaned)
        await wait_all_tasks_blocked()

    start(main)
    assert cleaned == ["process"]


@both
def test_no_process_starts_while_the_runtime_is_left(start: Callable[[Main], None]) -> None:
    refused: list[str] = []

    def tries() -> None:
        for start_one in (lambda: spawn(receive), lambda: spawn_handler(print)):
            with pytest.raises(RuntimeError, match="is being left") as info:
                start_one()
            refused.append(str(info.value))

    async def main() -> None:
        spawn(waits_and_then, receive, tries)
        await wait_all_tasks_blocked()

    start(main)
    assert len(refused) == 2


# --- several runtimes -----------------------------------------------------------------------------


async def test_runtimes_can_follow_each_other() -> None:
    pids = []
    for _ in range(3):
        async with open_runtime() as pid:
            assert current_pid() is pid
            assert processes() == [pid]
            assert is_alive(pid)
            pids.append(pid)
        assert not is_alive(pid)
    assert len(set(pids)) == 3


async def test_runtimes_can_be_open_side_by_side() -> None:
    async def lives(name: str) -> None:
        async with open_runtime() as pid:
            spawn(receive, name="server")
            both_open.append(name)
            await wait_all_tasks_blocked()
            assert sorted(both_open) == ["a", "b"]
            assert len(processes()) == 2
            async with trio.open_nursery() as nursery:
                nursery.start_soon(child, pid)
            assert len(processes()) == 2

    async def child(parent: Pid) -> None:
        assert current_pid() is not parent
        assert len(processes()) == 3

    both_open: list[str] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lives, "a")
        nursery.start_soon(lives, "b")


async def test_a_runtime_can_be_opened_inside_a_runtime() -> None:
    async def echo(dest: Pid) -> None:
        while True:
            send(dest, ("echo", await receive()))

    async with open_runtime() as outer:
        spawn(echo, outer, name="echo")
        async with open_runtime() as inner:
            assert current_pid() is inner
            assert processes() == [inner]
            echo_pid = spawn(echo, inner)
            ref = monitor(outer)
            send(echo_pid, 1)
            assert await receive() == ("echo", 1)
            send(outer, "between runtimes")
            assert is_alive(outer)
        assert not is_alive(inner)
        assert not is_alive(echo_pid)
        assert current_pid() is outer
        assert await receive() == "between runtimes"
        send("echo", 2)
        assert await receive() == ("echo", 2)
        assert ref not in (current_process().watchers or ())


async def test_a_process_can_open_a_runtime_of_its_own(runtime: None) -> None:
    async def process(dest: Pid) -> None:
        me = current_pid()
        async with open_runtime():
            assert current_pid() is not me
            spawn(receive)
            send(dest, "opened")
            await receive()

    pid, ref = spawn_monitor(process, current_pid())
    assert await receive() == "opened"
    exit(pid, "kill")
    assert (await receive(ref)).reason == "killed"


async def test_tasks_of_an_inner_runtime_belong_to_it() -> None:
    # Also tasks of a process that a handler starts when a timer wakes it.
    async def worker(dest: Pid) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(child, dest)

    async def child(dest: Pid) -> None:
        send(dest, processes())

    async with open_runtime() as outer, open_runtime() as inner:
        handler = spawn_handler(lambda message: spawn(worker, inner))
        send_after(0, handler, "start")
        assert outer not in await receive()


# --- cancelling -----------------------------------------------------------------------------------


async def test_the_block_can_be_cancelled(autojump_clock: MockClock) -> None:
    ended: list[str] = []
    with trio.move_on_after(5) as scope:
        async with open_runtime() as pid:
            spawn(waits_and_then, trio.sleep_forever, lambda: ended.append("process"))
            await receive()
    assert scope.cancelled_caught
    assert ended == ["process"]
    assert not is_alive(pid)


async def test_cancelling_the_block_ends_processes_by_exit_signals(
    autojump_clock: MockClock,
) -> None:
    # So their reason is "killed", and their clean-up can wait.
    reasons: list[Any] = []

    async def watcher() -> None:
        _, ref = spawn_monitor(trio.sleep_forever)
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                reasons.append((await receive(ref)).reason)

    with trio.move_on_after(5):
        async with open_runtime():
            spawn(watcher)
            await trio.sleep_forever()
    assert reasons == ["killed"]


async def test_clean_up_in_a_cancelled_block_can_wait(autojump_clock: MockClock) -> None:
    cleaned: list[str] = []
    with trio.move_on_after(5):
        async with open_runtime():
            spawn(cleans_up, "process", cleaned)
            await cleans_up("first process", cleaned)
    assert sorted(cleaned) == ["first process", "process"]


@every_body
async def test_a_block_with_busy_processes_can_be_cancelled(light: bool) -> None:
    async def busy() -> None:
        while True:
            send(current_pid(), "again")
            await receive()

    for passes in range(20):
        scope = trio.CancelScope()
        with scope:
            async with open_runtime():
                for function in (busy, busy, receive):
                    spawn(function, light=light)
                for _ in range(passes):
                    await trio.lowlevel.checkpoint()
                scope.cancel()
                await trio.sleep_forever()
        assert scope.cancelled_caught


async def test_an_error_in_a_cancelled_block_is_raised_as_it_is(
    autojump_clock: MockClock,
) -> None:
    async def block() -> None:
        with trio.move_on_after(5):
            async with open_runtime():
                try:
                    await trio.sleep_forever()
                finally:
                    await crash(ValueError("an error"))

    with pytest.raises(ValueError, match="an error"):
        await block()


async def test_a_cancelled_task_opens_no_runtime() -> None:
    reached = False
    with trio.CancelScope() as scope:
        scope.cancel()
        async with open_runtime():
            reached = True
    assert scope.cancelled_caught
    assert not reached


@pytest.mark.parametrize("steps", range(6))
async def test_opening_can_be_cancelled_at_any_moment(steps: int) -> None:
    # It must not hang, and leave nothing behind.
    async def opens(scope: trio.CancelScope) -> None:
        with scope:
            async with open_runtime():
                spawn(receive)
                await receive()

    scope = trio.CancelScope()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(opens, scope)
        for _ in range(steps):
            await trio.lowlevel.checkpoint()
        scope.cancel()
