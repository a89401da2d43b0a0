"""Short forms: a loop over the mailbox, a process that ends with a block, results unwrapped."""

from math import inf
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from actorsock import (
    BadMatch,
    Down,
    Error,
    Exit,
    Ok,
    Pid,
    Select,
    Timeout,
    current_pid,
    ending,
    is_alive,
    link,
    mailbox,
    monitor,
    ok,
    process_info,
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
from actorsock.socket import SelectRead

bodies = pytest.mark.parametrize("light", [False, True], ids=["task", "light"])


async def result_of(fn: Any, light: bool) -> Any:
    """What `fn()` returns, run by a process of the given kind."""

    async def first(parent: Pid) -> None:
        send(parent, ("result", await fn()))

    _, ref = spawn_monitor(first, current_pid(), light=light)
    match await receive((tuple, Down)):
        case ("result", result):
            await receive(ref)
            return result
        case Down(reason=reason):
            raise reason


# --- async for ------------------------------------------------------------------------------------


@bodies
async def test_messages_in_a_loop(runtime: None, light: bool) -> None:
    async def adds() -> int:
        for number in 1, 2, 3:
            send(current_pid(), number)
        send(current_pid(), "stop")
        total = 0
        async for message in mailbox():
            if message == "stop":
                break
            total += message
        return total

    assert await result_of(adds, light) == 6


@bodies
async def test_only_those_that_match_and_the_rest_stays(runtime: None, light: bool) -> None:
    async def picks() -> list[Any]:
        for message in 1, "one", 2, "two":
            send(current_pid(), message)
        return [
            [number async for number in mailbox(int, after=0)],
            [word async for word in mailbox(lambda message: message == "two", after=0)],
            [message async for message in mailbox((int, str), after=0)],
            [message async for message in mailbox(after=0)],
        ]

    assert await result_of(picks, light) == [[1, 2], ["two"], ["one"], []]


@bodies
def test_it_ends_when_none_has_come_for_so_long(light: bool) -> None:
    async def waits() -> list[Any]:
        for delay in 1, 2.5, 4.75:
            send_after(delay, current_pid(), delay)
        got = [message async for message in mailbox(after=2)]
        return [*got, trio.current_time()]

    async def main() -> Any:
        return await result_of(waits, light), await receive(after=0)

    clock = MockClock(autojump_threshold=0)
    (got, then) = run(main, clock=clock) or ((), None)
    assert got[:2] == [1, 2.5]
    assert got[2] == pytest.approx(4.5, abs=0.01)
    assert then == Timeout()


async def test_a_timeout_that_somebody_has_sent_is_a_message(runtime: None) -> None:
    send(current_pid(), Timeout())
    async for message in mailbox(after=inf):
        assert message == Timeout()
        break


async def test_it_is_cancelled_without_losing_a_message(runtime: None) -> None:
    with trio.move_on_after(0.01):
        async for _ in mailbox(int):
            raise AssertionError
    send(current_pid(), 1)
    assert await receive() == 1


def test_what_is_no_pattern_is_refused_at_the_call() -> None:
    with pytest.raises(TypeError, match="pattern: expected None"):
        mailbox("no pattern")  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="after: expected seconds >= 0"):
        mailbox(after=-1)


# --- async with -----------------------------------------------------------------------------------


@bodies
async def test_a_process_ends_with_the_block(runtime: None, light: bool) -> None:
    async def first() -> list[Any]:
        async with ending(spawn(receive, name="for a while", light=light)) as pid:
            ref = monitor("for a while")
            alive = is_alive(pid)
        return [
            alive,
            is_alive(pid),
            await receive(ref, after=0) == Down(ref, "for a while", "shutdown"),
        ]

    assert await result_of(first, light) == [True, False, True]


async def test_also_a_linked_one_and_the_link_is_not_told(runtime: None) -> None:
    async with ending(spawn_link(receive)):
        pass
    trap_exit(True)
    async with ending(spawn_link(receive)):
        pass
    assert await receive(after=0) == Timeout()


async def test_one_that_ends_by_itself(runtime: None) -> None:
    async def ends() -> None:
        pass

    async with ending(spawn(ends)) as pid:
        await receive(monitor(pid))


async def test_a_crash_within_the_block_reaches_links_as_ever(runtime: None) -> None:
    async def crashes() -> None:
        raise ValueError("a crash")

    trap_exit(True)
    async with ending(spawn_link(crashes)) as pid:
        match await receive(Exit):
            case Exit(who, ValueError()):
                assert who is pid


@bodies
def test_one_that_does_not_listen_is_killed(light: bool) -> None:
    async def deaf() -> None:
        trap_exit(True)
        async for _ in mailbox():
            pass

    async def main() -> Any:
        pid, ref = spawn_monitor(deaf, light=light)
        await sleep(1)
        begin = trio.current_time()
        async with ending(pid, after=3):
            pass
        match await receive(ref, after=0):
            case Down(reason=reason):
                return reason, trio.current_time() - begin

    reason, seconds = run(main, clock=MockClock(autojump_threshold=0))  # type: ignore[misc]
    assert reason == "killed"
    assert seconds == pytest.approx(3)


async def test_it_waits_for_the_clean_up(runtime: None) -> None:
    steps = []

    async def tidy() -> None:
        try:
            await receive()
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(0.01)
            steps.append("tidied up")

    async with ending(spawn(tidy)):
        await trio.testing.wait_all_tasks_blocked()
    steps.append("left")
    assert steps == ["tidied up", "left"]


async def test_the_block_may_fail_or_be_cancelled(runtime: None) -> None:
    with pytest.raises(LookupError):
        async with ending(spawn(receive)) as pid:
            raise LookupError
    assert process_info(pid) is None
    with trio.CancelScope() as scope:
        async with ending(spawn(receive)) as pid:
            ref = monitor(pid)
            scope.cancel()
            await sleep(1)
    assert scope.cancelled_caught
    assert isinstance(await receive(ref), Down)


async def test_a_handler_ends_too(runtime: None) -> None:
    async with ending(spawn_handler(print)) as pid:
        link(pid)
    assert process_info(pid) is None


async def test_what_can_not_be_ended_is_refused_at_the_call(runtime: None) -> None:
    with pytest.raises(TypeError, match="pid: expected a Pid"):
        ending("a name")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="after: expected seconds"):
        ending(current_pid(), after=-1)


# --- unwrap ---------------------------------------------------------------------------------------


def test_the_value_of_ok() -> None:
    assert Ok(7).unwrap() == 7
    assert Ok().unwrap() is None


@pytest.mark.parametrize("other", [Error("closed"), Select("info"), SelectRead("info", b"data")])
def test_what_is_no_ok_has_none(other: Error | Select | SelectRead) -> None:
    for way in ok, type(other).unwrap:
        with pytest.raises(BadMatch) as raised:
            way(other)  # type: ignore[arg-type]
        assert raised.value.result is other
