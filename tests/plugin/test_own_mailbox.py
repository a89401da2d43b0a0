"""Assertions about the test's own mailbox, and their failure messages."""

from unittest.mock import ANY

import pytest

from actorsock import Down, Exit, Pid, current_pid, make_ref, send, send_after, spawn, spawn_monitor
from actorsock.testing import OwnMailbox, Runtime


def sent(*messages: object) -> None:
    for message in messages:
        send(current_pid(), message)


async def fails(assertion: object) -> str:
    with pytest.raises(AssertionError) as raised:
        await assertion  # type: ignore[misc]
    return str(raised.value)


async def test_assert_receive_waits_for_a_message(runtime: Runtime, mailbox: OwnMailbox) -> None:
    async def ends() -> None:
        pass

    pid, ref = spawn_monitor(ends)
    sent("before", 7)
    assert await mailbox.assert_receive(int) == 7
    assert await mailbox.assert_receive(ref) == Down(ref, pid, "normal")
    assert mailbox.messages == ["before"]
    assert await mailbox.assert_receive() == "before"
    mailbox.assert_empty()


async def test_patterns_and_equal_messages(runtime: Runtime, mailbox: OwnMailbox) -> None:
    pid, ref = current_pid(), make_ref()
    patterns: list[object] = [
        Exit,
        (str, Exit),
        Exit | int,
        lambda message: message.reason == "normal",
        Exit(pid, "normal"),
        Exit(ANY, "normal"),
        ANY,
        None,
    ]
    for pattern in patterns:
        sent(Exit(pid, "normal"))
        await mailbox.assert_received(pattern)
    for message in "pong", ("ok", 1), [1, 2], {"a": 1}, b"bytes", 7, 1.5, pid, True, ():
        sent("other", message)
        assert await mailbox.assert_received(message) == message
        assert await mailbox.assert_received() == "other"
    sent(Down(ref, pid, "noproc"))
    await mailbox.assert_received(ref)
    mailbox.assert_empty()


async def test_wrong_patterns_and_timeouts(runtime: Runtime, mailbox: OwnMailbox) -> None:
    with pytest.raises(TypeError, match="pattern: expected"):
        await mailbox.assert_receive(list[int])
    with pytest.raises(ValueError, match="timeout: expected seconds >= 0"):
        await mailbox.assert_receive(timeout=-1)


async def test_a_failure_shows_the_mailbox(runtime: Runtime, mailbox: OwnMailbox) -> None:
    me = current_pid()
    sent("hello", Exit(me, "killed"))
    assert await fails(mailbox.assert_receive(Down, timeout=0.01)) == (
        "expected a Down within 0.01 s, got nothing like it\n"
        f"in the mailbox of {me!r}:\n"
        "  1. 'hello'\n"
        f"  2. Exit(pid={me!r}, reason='killed')"
    )
    assert await fails(mailbox.assert_received(("ok", 1))) == (
        "expected ('ok', 1) to have been received\n"
        f"in the mailbox of {me!r}:\n"
        "  1. 'hello'\n"
        f"  2. Exit(pid={me!r}, reason='killed')"
    )
    assert mailbox.messages == ["hello", Exit(me, "killed")]


async def test_a_failure_shows_an_empty_mailbox(runtime: Runtime, mailbox: OwnMailbox) -> None:
    ref = make_ref()
    assert await fails(mailbox.assert_received(ref)) == (
        f"expected a message with the ref {ref!r} to have been received\n"
        f"in the mailbox of {current_pid()!r}: nothing"
    )


async def test_many_and_long_messages_are_shortened(runtime: Runtime, mailbox: OwnMailbox) -> None:
    sent(*range(99), "x" * 10_000)
    failure = await fails(mailbox.assert_received("no such message"))
    assert failure.endswith("  20. 19\n  and 80 more")
    sent("y" * 10_000)
    assert len(await fails(mailbox.refute_received("y" * 10_000))) < 2_000


async def test_refute(runtime: Runtime, mailbox: OwnMailbox) -> None:
    me = current_pid()
    sent("hello", 7)
    await mailbox.refute_received(Exit)
    await mailbox.refute_receive(Exit, timeout=0.01)
    assert await fails(mailbox.refute_received(int)) == (
        f"expected nothing like an int, got 7\nin the mailbox of {me!r}:\n  1. 'hello'"
    )
    send_after(0.01, me, 8)
    assert (await fails(mailbox.refute_receive((int, float), timeout=30))).startswith(
        "expected nothing like an int or a float, got 8\n"
    )
    with pytest.raises(AssertionError, match=r"expected an empty mailbox\n.*\n  1\. 'hello'"):
        mailbox.assert_empty()


async def test_expect_messages_in_order(runtime: Runtime, mailbox: OwnMailbox) -> None:
    async def says(parent: Pid) -> None:
        for word in "one", "two", "three", "four":
            send(parent, word)

    spawn(says, current_pid())
    assert await mailbox.expect("one", str, lambda word: len(word) > 3) == ["one", "two", "three"]
    assert mailbox.messages == ["four"]
    assert await mailbox.expect() == []


async def test_expect_fails_out_of_order(runtime: Runtime, mailbox: OwnMailbox) -> None:
    me = current_pid()
    sent("one", "three", "two")
    assert await fails(mailbox.expect("one", "two", "three")) == (
        "expected 'two' as number 2 of 3, got 'three'\n"
        "received before, as expected:\n"
        "  1. 'one'\n"
        f"in the mailbox of {me!r}:\n"
        "  1. 'two'"
    )
    assert await fails(mailbox.expect("two", "three", timeout=0.01)) == (
        "expected 'three' as number 2 of 2, got nothing within 0.01 s\n"
        "received before, as expected:\n"
        "  1. 'two'\n"
        f"in the mailbox of {me!r}: nothing"
    )


async def test_iteration(runtime: Runtime, mailbox: OwnMailbox) -> None:
    sent(1, "two", 3)
    assert [message async for message in mailbox(int, after=0)] == [1, 3]
    assert mailbox.messages == ["two"]


async def test_the_mailbox_is_that_of_the_caller(runtime: Runtime, mailbox: OwnMailbox) -> None:
    async def other(parent: Pid) -> None:
        sent("to the other")
        assert mailbox.messages == ["to the other"]
        send(parent, await mailbox.assert_received())

    for light in False, True:
        spawn(other, current_pid(), light=light)
        await mailbox.assert_receive("to the other")
