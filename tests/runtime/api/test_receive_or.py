"""A message or a function of trio's, whichever is first, and neither is lost."""

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from actorsock import (
    Limit,
    Received,
    Returned,
    Timeout,
    current_pid,
    in_trio,
    make_ref,
    max_mailbox,
    receive,
    receive_or,
    send,
    send_after,
    spawn_monitor,
)


async def returns(value: str, seconds: float = 0.0) -> str:
    await trio.sleep(seconds)
    return value


async def returns_all_the_same(value: str) -> str:
    with trio.CancelScope(shield=True):
        await trio.sleep(1)
    return value


async def raises(seconds: float = 0.0) -> None:
    await trio.sleep(seconds)
    raise LookupError("as it is")


async def test_the_function_returns_first(runtime: None, autojump_clock: MockClock) -> None:
    send_after(2, current_pid(), "late")
    assert await receive_or(returns, "result", 1) == Returned("result")
    assert await receive() == "late"


async def test_the_message_is_first(runtime: None, autojump_clock: MockClock) -> None:
    send_after(1, current_pid(), "early")
    assert await receive_or(returns, "result", 2) == Received("early")
    assert trio.current_time() == 1  # the function was cancelled
    assert await receive(after=0) == Timeout()


async def test_a_message_that_is_there_is_first(runtime: None) -> None:
    called = []

    async def fn() -> None:
        called.append(1)

    send(current_pid(), "one")
    send(current_pid(), "two")
    assert await receive_or(fn) == Received("one")
    assert await receive_or(fn) == Received("two")
    assert not called
    assert await receive_or(fn) == Returned(None)


async def test_a_message_that_the_limit_drops_afterwards(
    runtime: None, autojump_clock: MockClock
) -> None:
    max_mailbox(Limit(1, "drop_old"))
    send_after(1, current_pid(), "first")

    async def sends_while_it_cleans_up() -> None:
        try:
            await trio.sleep_forever()
        finally:
            send(to, "second")

    to = current_pid()
    with trio.fail_after(5):
        assert await receive_or(sends_while_it_cleans_up) == Received("first")
    assert await receive(after=0) == "second"


async def test_a_time_out_that_was_sent_is_a_message(runtime: None) -> None:
    send(current_pid(), Timeout())
    assert await receive_or(trio.sleep_forever) == Received(Timeout())


async def test_both_in_the_same_moment(runtime: None, autojump_clock: MockClock) -> None:
    async def sends_and_returns() -> str:
        send(pid, "message")
        return "result"

    pid = current_pid()
    assert await receive_or(sends_and_returns) == Returned("result")
    assert await receive_or(returns, "again") == Received("message")


async def test_a_function_that_returns_though_cancelled(
    runtime: None, autojump_clock: MockClock
) -> None:
    send_after(0.5, current_pid(), "message")
    assert await receive_or(returns_all_the_same, "result") == Returned("result")
    assert await receive() == "message"


@pytest.mark.parametrize("pattern", [str, (str, bytes), "ref", lambda message: message == "yes"])
async def test_only_messages_that_match_count(
    runtime: None, autojump_clock: MockClock, pattern: object
) -> None:
    if pattern == "ref":
        pattern = make_ref()
        wanted: object = Down(pattern)
    else:
        wanted = "yes"
    send(current_pid(), 1)
    send_after(1, current_pid(), 2)
    send_after(2, current_pid(), wanted)
    assert await receive_or(trio.sleep_forever, pattern=pattern) == Received(wanted)
    assert [await receive(), await receive()] == [1, 2]


class Down:
    def __init__(self, ref: object) -> None:
        self.ref = ref


@pytest.mark.parametrize("seconds", [0, 1])
async def test_an_exception_is_raised_as_it_is_and_no_message_lost(
    runtime: None, autojump_clock: MockClock, seconds: float
) -> None:
    send_after(2, current_pid(), "message")
    with pytest.raises(LookupError, match="as it is"):
        await receive_or(raises, seconds)
    assert await receive() == "message"


async def test_an_exception_of_a_predicate(runtime: None, autojump_clock: MockClock) -> None:
    send_after(1, current_pid(), 0)
    with pytest.raises(ZeroDivisionError):
        await receive_or(trio.sleep_forever, pattern=lambda n: 1 / n)
    assert await receive() == 0


async def test_a_cancelled_call_loses_nothing(runtime: None, autojump_clock: MockClock) -> None:
    with trio.move_on_after(1) as scope:
        await receive_or(trio.sleep_forever)
    assert scope.cancelled_caught
    with trio.CancelScope() as scope:
        send(current_pid(), "message")
        scope.cancel()
        await receive_or(trio.sleep_forever)
    assert await receive_or(trio.sleep_forever) == Received("message")


async def test_a_result_is_returned_though_the_call_is_cancelled(
    runtime: None, autojump_clock: MockClock
) -> None:
    async def cancels_and_returns() -> str:
        scope.cancel()
        return "result"

    with trio.CancelScope() as scope:
        result = await receive_or(cancels_and_returns)
    assert result == Returned("result")


async def test_bytes_of_a_stream_are_not_lost(runtime: None) -> None:
    sending, receiving = trio.testing.memory_stream_one_way_pair()
    got = b""
    messages = 0
    pid = current_pid()

    async def sends() -> None:
        for n in range(100):
            await sending.send_all(b"%d," % n)
            send(pid, n)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(sends)
        while messages < 100 or got.count(b",") < 100:
            match await receive_or(receiving.receive_some):
                case Received(message):
                    assert message == messages
                    messages += 1
                case Returned(data):
                    got += data
    assert got == b"".join(b"%d," % n for n in range(100))


async def test_a_light_process_is_told_what_to_do_instead(runtime: None) -> None:
    seen: list[str] = []

    async def light() -> None:
        with pytest.raises(RuntimeError, match="light=True"):
            await receive_or(trio.sleep_forever)
        assert await in_trio(receive_or_in_trio) == Returned("result")
        seen.append("done")

    async def receive_or_in_trio() -> object:
        return await receive_or(returns, "result")

    _, ref = spawn_monitor(light, light=True)
    assert (await receive(ref)).reason == "normal"
    assert seen == ["done"]


@pytest.mark.parametrize("pattern", [1, "text", list[int]])
async def test_a_wrong_pattern(runtime: None, pattern: object) -> None:
    with pytest.raises(TypeError, match="pattern"):
        await receive_or(trio.sleep_forever, pattern=pattern)
