"""`async for message in mailbox():`."""

from math import inf
from typing import Any

import pytest
import trio

from actorsock import Timeout, current_pid, mailbox, receive, send, send_after

from ..support import in_every_body


@in_every_body
async def test_a_loop_receives_each_message() -> None:
    for message in 1, 2, 3, "stop":
        send(current_pid(), message)
    total = 0
    async for message in mailbox():
        if message == "stop":
            break
        total += message
    assert total == 6


@in_every_body
async def test_messages_that_do_not_match_stay() -> None:
    for message in 1, "one", 2, "two":
        send(current_pid(), message)
    assert [number async for number in mailbox(int, after=0)] == [1, 2]
    assert [word async for word in mailbox(lambda word: word == "two", after=0)] == ["two"]
    assert [message async for message in mailbox((int, str), after=0)] == ["one"]
    assert [message async for message in mailbox(after=0)] == []


@in_every_body
async def test_the_loop_ends_after_a_time_without_a_message() -> None:
    start = trio.current_time()
    for delay in 1, 2.5, 4.75:
        send_after(delay, current_pid(), delay)
    assert [message async for message in mailbox(after=2)] == [1, 2.5]
    assert trio.current_time() - start == pytest.approx(4.5, abs=0.01)
    assert await receive(after=0) == Timeout()


@in_every_body
async def test_a_timeout_that_was_sent_is_a_message() -> None:
    send(current_pid(), Timeout())
    async for message in mailbox(after=inf):
        assert message == Timeout()
        break


async def test_a_cancelled_loop_loses_no_message(runtime: None) -> None:
    with trio.move_on_after(0.01):
        async for _ in mailbox(int):
            raise AssertionError
    send(current_pid(), 1)
    assert await receive() == 1


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"pattern": "no pattern"}, TypeError, "pattern: expected None"),
        ({"after": -1}, ValueError, "after: expected seconds >= 0"),
    ],
)
def test_a_wrong_argument_raises_at_the_call(
    arguments: dict[str, Any], error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match):
        mailbox(**arguments)
