"""Opening a runtime, what comes out of it, and leaving it."""

import traceback
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from actorsock import (
    Pid,
    ProcessExit,
    Timeout,
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

Main = Callable[[], Awaitable[Any]]


async def crash(exc: BaseException) -> None:
    raise exc


async def in_a_block(main: Main) -> None:
    async with open_runtime():
        await main()


def by_run(main: Main) -> None:
    run(main)


def by_open_runtime(main: Main) -> None:
    trio.run(in_a_block, main)


both = pytest.mark.parametrize("start", [by_run, by_open_runtime])


def test_run_returns_the_value_of_main() -> None:
    async def main(*args: int) -> int:
        return sum(args)

    assert run(main, 1, 2, 3) == 6


def test_run_takes_a_clock() -> None:
    async def main() -> float:
        await sleep(1_000)
        return trio.current_time()

    assert run(main, clock=MockClock(autojump_threshold=0)) == pytest.approx(1_000)


@both
def test_an_exception_comes_out_as_itself(start: Callable[[Main], None]) -> None:
    exc = ValueError("a mistake")

    async def main() -> None:
        await crash(exc)

    with pytest.raises(ValueError, match="a mistake") as info:
        start(main)
    assert info.value is exc
    assert exc.__context__ is None
    assert exc.__cause__ is None
    names = [frame.name for frame in traceback.extract_tb(exc.__traceback__)]
    assert names[-2:] == ["main", "crash"]


@both
def test_the_causes_of_an_exception_are_kept(start: Callable[[Main], None]) -> None:
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
def test_main_ends_with_normal(start: Callable[[Main], None]) -> None:
    async def main() -> str:
        exit("normal")
        return "not reached"

    assert start(main) is None


@both
def test_main_sends_itself_normal(start: Callable[[Main], None]) -> None:
    async def main() -> None:
        exit(current_pid(), "normal")

    assert start(main) is None


@both
@pytest.mark.parametrize("reason", ["shutdown", "kill", ("any", 1), None], ids=repr)
def test_main_ends_with_another_reason(start: Callable[[Main], None], reason: Any) -> None:
    async def main() -> None:
        exit(reason)

    with pytest.raises(ProcessExit) as info:
        start(main)
    assert info.value.reason == reason
    assert traceback.extract_tb(info.value.__traceback__)[-1].name == "exit"


@both
@pytest.mark.parametrize("reason", ["normal", "shutdown"])
def test_main_ends_inside_a_nursery(start: Callable[[Main], None], reason: str) -> None:
    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            exit(reason)

    if reason == "normal":
        assert start(main) is None
    else:
        with pytest.raises(ProcessExit) as info:
            start(main)
        assert info.value.reason == reason


@both
def test_main_is_ended_by_another_process(start: Callable[[Main], None]) -> None:
    async def killer(pid: Pid) -> None:
        exit(pid, "kill")

    async def main() -> None:
        spawn(killer, current_pid())
        await trio.sleep_forever()

    with pytest.raises(ProcessExit) as info:
        start(main)
    assert info.value.reason == "killed"
    assert str(info.value) == "the process ends with reason 'killed'"


@both
def test_the_crash_of_a_linked_process_is_the_cause(
    start: Callable[[Main], None], caplog: pytest.LogCaptureFixture
) -> None:
    exc = ValueError("a mistake")

    async def main() -> None:
        spawn_link(crash, exc)
        await trio.sleep_forever()

    with pytest.raises(ProcessExit) as info:
        start(main)
    assert info.value.reason is exc
    assert info.value.__cause__ is exc


@both
def test_main_may_trap_exits(
    start: Callable[[Main], None], caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        trap_exit(True)
        spawn_link(crash, ValueError("a mistake"))
        await receive()

    start(main)


def test_the_crash_of_another_process_is_not_mains(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> str:
        _, ref = spawn_monitor(crash, ValueError("a mistake"))
        await receive(ref)
        return "main goes on"

    assert run(main) == "main goes on"


@both
def test_leaving_ends_every_process(start: Callable[[Main], None]) -> None:
    ended: list[str] = []

    async def process(name: str, wait: Main) -> None:
        try:
            await wait()
        finally:
            ended.append(name)

    async def main() -> None:
        spawn(process, "in receive", receive)
        spawn(process, "in trio", trio.sleep_forever)
        spawn_handler(lambda message: None, lambda reason: ended.append("handler"))
        await wait_all_tasks_blocked()
        spawn(process, "not yet started", receive)

    start(main)
    assert sorted(ended) == ["handler", "in receive", "in trio"]


@both
def test_leaving_waits_for_clean_up(start: Callable[[Main], None]) -> None:
    cleaned: list[str] = []

    async def process() -> None:
        try:
            await receive()
        finally:
            with trio.CancelScope(shield=True):
                await sleep(0.001)
                cleaned.append("all")

    async def main() -> None:
        spawn(process)
        await wait_all_tasks_blocked()

    start(main)
    assert cleaned == ["all"]


@both
def test_no_process_starts_while_the_runtime_is_left(start: Callable[[Main], None]) -> None:
    refused: list[str] = []

    async def process() -> None:
        try:
            await receive()
        finally:
            for start_one in (lambda: spawn(receive), lambda: spawn_handler(print)):
                with pytest.raises(RuntimeError, match="is being left") as info:
                    start_one()
                refused.append(str(info.value))

    async def main() -> None:
        spawn(process)
        await wait_all_tasks_blocked()

    start(main)
    assert len(refused) == 2


async def test_the_value_of_the_block_is_the_first_pid() -> None:
    async with open_runtime() as pid:
        assert current_pid() is pid
        assert processes() == [pid]
        assert is_alive(pid)
    assert not is_alive(pid)


async def test_runtimes_one_after_the_other() -> None:
    pids = []
    for _ in range(3):
        async with open_runtime() as pid:
            assert processes() == [pid]
            pids.append(pid)
    assert len(set(pids)) == 3


async def test_two_runtimes_side_by_side() -> None:
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


async def test_a_runtime_inside_a_runtime() -> None:
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


async def test_a_process_may_open_a_runtime_of_its_own(runtime: None) -> None:
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
    # Also those of a process that a handler starts when a timer sets it going.
    async def worker(dest: Pid) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(child, dest)

    async def child(dest: Pid) -> None:
        send(dest, processes())

    async with open_runtime() as outer, open_runtime() as inner:
        handler = spawn_handler(lambda message: spawn(worker, inner))
        send_after(0, handler, "start")
        assert outer not in await receive()


async def test_the_block_can_be_cancelled(autojump_clock: MockClock) -> None:
    ended: list[str] = []

    async def process() -> None:
        try:
            await trio.sleep_forever()
        finally:
            ended.append("process")

    with trio.move_on_after(5) as scope:
        async with open_runtime() as pid:
            spawn(process)
            await receive()
    assert scope.cancelled_caught
    assert ended == ["process"]
    assert not is_alive(pid)


async def test_cancelling_the_block_ends_processes_in_good_order(
    autojump_clock: MockClock,
) -> None:
    # They end by exit signals, so their reason is "killed" and their clean-up can wait.
    heard: list[Any] = []

    async def watcher() -> None:
        _, ref = spawn_monitor(trio.sleep_forever)
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                heard.append((await receive(ref)).reason)

    with trio.move_on_after(5):
        async with open_runtime():
            spawn(watcher)
            await trio.sleep_forever()
    assert heard == ["killed"]


async def test_clean_up_in_a_cancelled_block_may_wait(autojump_clock: MockClock) -> None:
    cleaned: list[str] = []

    async def cleans_up(name: str) -> None:
        try:
            await receive()
        finally:
            with trio.CancelScope(shield=True):
                assert await receive(after=1) == Timeout()
                await sleep(1)
                cleaned.append(name)

    with trio.move_on_after(5):
        async with open_runtime():
            spawn(cleans_up, "process")
            await cleans_up("first process")
    assert sorted(cleaned) == ["first process", "process"]


@pytest.mark.parametrize("light", [False, True])
async def test_a_block_with_busy_processes_can_be_cancelled(light: bool) -> None:
    async def busy() -> None:
        while True:
            send(current_pid(), "again")
            await receive()

    for passes in range(20):
        scope = trio.CancelScope()
        with scope:
            async with open_runtime():
                spawn(busy, light=light)
                spawn(busy, light=light)
                spawn(receive, light=light)
                for _ in range(passes):
                    await trio.lowlevel.checkpoint()
                scope.cancel()
                await trio.sleep_forever()
        assert scope.cancelled_caught


async def test_a_mistake_in_a_cancelled_block_comes_out_as_itself(
    autojump_clock: MockClock,
) -> None:
    async def block() -> None:
        with trio.move_on_after(5):
            async with open_runtime():
                try:
                    await trio.sleep_forever()
                finally:
                    await crash(ValueError("a mistake"))

    with pytest.raises(ValueError, match="a mistake"):
        await block()


async def test_opening_while_cancelled() -> None:
    reached = False
    with trio.CancelScope() as scope:
        scope.cancel()
        async with open_runtime():
            reached = True
    assert scope.cancelled_caught
    assert not reached


@pytest.mark.parametrize("steps", range(6))
async def test_cancelled_while_opening(steps: int) -> None:
    # Whatever the moment, it neither hangs nor leaves anything.
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


@both
def test_the_links_of_main_hear_of_its_end(start: Callable[[Main], None]) -> None:
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


@attrs.frozen
class Closing:
    """Something of another layer that lives as long as the runtime."""

    story: list[str]
    name: str

    def __call__(self) -> None:
        self.story.append(self.name)


@both
def test_what_other_layers_close(start: Callable[[Main], None]) -> None:
    story: list[str] = []

    async def process() -> None:
        try:
            await receive()
        finally:
            story.append("process")

    async def main() -> None:
        node = current_process().node
        node.at_close += [Closing(story, "first"), Closing(story, "second")]
        spawn(process)
        spawn_handler(print, lambda reason: story.append("handler"))
        await wait_all_tasks_blocked()

    start(main)
    assert story == ["process", "handler", "second", "first"]
