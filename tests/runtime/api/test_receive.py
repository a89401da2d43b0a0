"""Sending and selective receive between real processes."""

from typing import Any

import attrs
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from actorsock import (
    Down,
    Pid,
    Ref,
    Timeout,
    current_pid,
    make_ref,
    process_info,
    receive,
    send,
    send_after,
    spawn,
    spawn_monitor,
)

from ..support import ended_process, every_body, in_every_body


@attrs.frozen
class Reply:
    ref: Ref
    value: Any = None


def send_all(*messages: Any) -> None:
    """Send messages to the caller."""
    for message in messages:
        send(current_pid(), message)


def left() -> list[Any]:
    """The messages in the caller's mailbox."""
    return process_info(current_pid(), ["messages"])["messages"]


@in_every_body
async def test_send_returns_the_message() -> None:
    message = ["a", "message"]
    assert send(current_pid(), message) is message
    assert await receive() is message
    assert send(await ended_process(), "a message") == "a message"


@every_body
async def test_messages_arrive_in_the_order_of_sending(runtime: None, light: bool) -> None:
    async def sender(dest: Pid) -> None:
        for number in range(2_000):
            send(dest, number)

    pid, ref = spawn_monitor(sender, current_pid(), light=light)
    assert [await receive() for _ in range(2_000)] == list(range(2_000))
    assert await receive() == Down(ref, pid, "normal")


@in_every_body
async def test_any_object_is_a_message() -> None:
    for message in [None, False, (), Timeout(), Exception("not raised")]:
        send(current_pid(), message)
        assert await receive() is message


# --- patterns -------------------------------------------------------------------------------------


@in_every_body
async def test_messages_that_do_not_match_stay_in_order() -> None:
    send_all("a", 1, "b", 2, "c")
    assert await receive(make_ref(), after=0) == Timeout()
    assert await receive(int) == 1
    assert await receive(lambda message: message == "b") == "b"
    assert left() == ["a", 2, "c"]
    assert [await receive() for _ in range(3)] == ["a", 2, "c"]


@in_every_body
async def test_the_oldest_message_is_taken_and_not_the_first_type() -> None:
    send_all("older", 1)
    assert await receive((int, str)) == "older"
    assert await receive(str | int) == 1


@in_every_body
async def test_receive_by_ref() -> None:
    first, second = make_ref(), make_ref()
    send_all(Reply(first), "noise", Reply(second, "reply"))
    assert await receive(second) == Reply(second, "reply")
    assert await receive() == Reply(first)
    assert await receive() == "noise"


@every_body
@pytest.mark.parametrize(
    "pattern",
    [None, str, (bytes, str), str | bytes, lambda message: message == "a message"],
    ids=["any", "type", "tuple", "union", "predicate"],
)
async def test_a_matching_message_wakes_a_waiting_receive(
    runtime: None, pattern: Any, light: bool
) -> None:
    async def receiver(observer: Pid) -> None:
        send(observer, ("received", await receive(pattern)))

    pid = spawn(receiver, current_pid(), light=light)
    await wait_all_tasks_blocked()
    if pattern is not None:
        send(pid, 1)
        await wait_all_tasks_blocked()
        assert process_info(pid, ["messages"])["messages"] == [1]
    send(pid, "a message")
    assert await receive() == ("received", "a message")


@every_body
async def test_a_receive_by_ref_is_woken_by_its_ref_only(runtime: None, light: bool) -> None:
    async def receiver(observer: Pid, ref: Ref) -> None:
        send(observer, (await receive(ref), await receive(), await receive()))

    ref = make_ref()
    pid = spawn(receiver, current_pid(), ref, light=light)
    await wait_all_tasks_blocked()
    send(pid, Reply(make_ref(), "another"))
    send(pid, ref)
    await wait_all_tasks_blocked()
    send(pid, Reply(ref, "wanted"))
    received, older, bare = await receive()
    assert (received.value, older.value, bare) == ("wanted", "another", ref)


async def test_a_waiting_receive_tests_each_message_once(runtime: None) -> None:
    tested: list[int] = []

    def wants_100(message: int) -> bool:
        tested.append(message)
        return message == 100

    async def receiver(observer: Pid) -> None:
        send(observer, await receive(wants_100))

    pid = spawn(receiver, current_pid())
    send(pid, 0)
    for number in range(1, 101):
        await wait_all_tasks_blocked()
        send(pid, number)
    assert await receive() == 100
    assert tested == list(range(101))


async def test_replies_are_found_in_a_full_mailbox(runtime: None) -> None:
    class Unwanted:
        looks = 0

        @property
        def ref(self) -> None:
            Unwanted.looks += 1

    async def echo() -> None:
        while True:
            client, ref = await receive()
            send(client, Reply(ref))

    server = spawn(echo)
    me = current_pid()
    send_all(*(Unwanted() for _ in range(100_000)))
    for _ in range(1_000):
        ref = make_ref()
        send(server, (me, ref))
        assert await receive(ref) == Reply(ref)
    assert process_info(me).message_queue_len == 100_000
    assert Unwanted.looks <= 200_000


# --- patterns that fail ---------------------------------------------------------------------------


@in_every_body
async def test_a_predicate_that_raises_leaves_the_message() -> None:
    send_all("a", 0, "b")
    for _ in range(2):  # the second time the first message is a saved one
        with pytest.raises(ZeroDivisionError):
            await receive(lambda message: message != "a" and 1 / message)
        assert left() == ["a", 0, "b"]
    assert [await receive() for _ in range(3)] == ["a", 0, "b"]


class Unsure(type):
    def __instancecheck__(cls, instance: object) -> bool:
        if isinstance(instance, int):
            raise LookupError("no idea")
        return False


class Message(metaclass=Unsure):
    pass


@every_body
@pytest.mark.parametrize(
    ("pattern", "error"),
    [(lambda message: 1 / message, ZeroDivisionError), (Message, LookupError)],
    ids=["predicate", "type"],
)
async def test_a_pattern_that_raises_harms_the_receiver_only(
    runtime: None,
    caplog: pytest.LogCaptureFixture,
    pattern: Any,
    error: type[Exception],
    light: bool,
) -> None:
    pid, ref = spawn_monitor(receive, pattern, light=light)
    await wait_all_tasks_blocked()
    assert send(pid, 0) == 0
    assert isinstance((await receive(ref)).reason, error)


@every_body
async def test_a_predicate_runs_in_the_receiver(runtime: None, light: bool) -> None:
    async def receiver(observer: Pid) -> None:
        asked: list[Pid] = []
        await receive(lambda message: asked.append(current_pid()) or True)
        send(observer, asked)

    pid = spawn(receiver, current_pid(), light=light)
    await wait_all_tasks_blocked()
    send(pid, "a message")
    assert await receive() == [pid]


# --- time-outs ------------------------------------------------------------------------------------


@in_every_body
async def test_after_0_searches_the_whole_mailbox() -> None:
    assert await receive(after=0) == Timeout()
    send_all("a", 1)
    assert await receive(int, after=0) == 1
    assert await receive(int, after=0) == Timeout()
    assert await receive(after=0) == "a"


@in_every_body
async def test_a_time_out_is_as_long_as_it_says() -> None:
    start = trio.current_time()
    assert await receive(after=5) == Timeout()
    assert trio.current_time() - start == pytest.approx(5)


@in_every_body
async def test_a_message_ends_the_wait() -> None:
    start = trio.current_time()
    send_after(2, current_pid(), "in time")
    assert await receive(after=5) == "in time"
    assert trio.current_time() - start == pytest.approx(2)
    # The time-out that was not needed does not disturb a later receive.
    send_after(10, current_pid(), "later")
    assert await receive() == "later"


@in_every_body
async def test_unwanted_messages_do_not_prolong_the_wait() -> None:
    start = trio.current_time()
    for delay in range(1, 20):
        send_after(delay, current_pid(), "unwanted")
    assert await receive(lambda message: message == "wanted", after=4.5) == Timeout()
    assert trio.current_time() - start == pytest.approx(4.5)
    assert left() == ["unwanted"] * 4


async def test_a_time_out_may_be_shorter_than_those_already_running(
    runtime: None, autojump_clock: object
) -> None:
    async def receiver(after: float, observer: Pid) -> None:
        send(observer, (after, await receive(after=after), trio.current_time()))

    start = trio.current_time()
    for after in [100, 3, 50, 1]:
        spawn(receiver, after, current_pid())
        await wait_all_tasks_blocked()
    outcomes = [await receive() for _ in range(4)]
    assert [after for after, _, _ in outcomes] == [1, 3, 50, 100]
    assert all(outcome == Timeout() for _, outcome, _ in outcomes)
    assert [now - start for _, _, now in outcomes] == pytest.approx([1, 3, 50, 100])
