"""Aliases: refs that lead to a process while it waits, and nowhere afterwards."""

from typing import Any

import pytest

from actorsock import (
    Down,
    Pid,
    alias,
    current_pid,
    demonitor,
    exit,
    make_ref,
    monitor,
    receive,
    send,
    spawn,
    spawn_monitor,
    unalias,
)

MODES = ["explicit_unalias", "demonitor", "reply_demonitor"]


async def mailbox() -> list[Any]:
    messages = []
    while True:
        match await receive(lambda message: True, after=0):
            case str() | Down() | bool() as message:
                messages.append(message)
            case _:
                return messages


async def ended() -> Pid:
    pid, ref = spawn_monitor(receive)
    exit(pid, "kill")
    await receive(ref)
    return pid


async def test_a_message_comes_through_until_unalias(runtime: None) -> None:
    ref = alias()
    assert send(ref, "one") == "one"
    send(ref, "two")
    assert unalias(ref) is True
    send(ref, "three")
    assert await mailbox() == ["one", "two"]
    assert unalias(ref) is False


async def test_a_reply_alias_takes_one_message(runtime: None) -> None:
    ref = alias("reply")
    send(ref, "one")
    send(ref, "two")
    assert await mailbox() == ["one"]
    assert unalias(ref) is False


async def test_an_alias_is_its_owners(runtime: None) -> None:
    async def other(dest: Pid) -> None:
        send(dest, unalias(ref))

    ref = alias()
    spawn(other, current_pid())
    assert await receive() is False
    assert unalias(ref) is True


async def test_a_ref_that_is_no_alias_leads_nowhere(runtime: None) -> None:
    ref = make_ref()
    assert send(ref, "a message") == "a message"
    assert unalias(ref) is False
    assert await mailbox() == []


async def test_an_alias_ends_with_its_process(runtime: None) -> None:
    async def other(dest: Pid) -> None:
        send(dest, ("alias", alias()))

    _, ref = spawn_monitor(other, current_pid())
    await receive(ref)
    _, dead = await receive()
    send(dead, "a message")


async def test_a_monitors_ref_is_a_plain_ref_unless_asked(runtime: None) -> None:
    ref = monitor(spawn(receive))
    send(ref, "a message")
    assert await mailbox() == []


@pytest.mark.parametrize("mode", MODES)
async def test_the_first_message_through_a_monitors_alias(runtime: None, mode: Any) -> None:
    pid = spawn(receive)
    ref = monitor(pid, alias=mode)
    send(ref, "one")
    send(ref, "two")
    exit(pid, "kill")
    watched = monitor(pid)
    while True:
        match await receive(lambda message: type(message) is Down):
            case Down(ref=of, reason="killed") if of is ref:
                assert mode != "reply_demonitor"
            case Down(ref=of):
                assert of is watched
                break
    assert await mailbox() == (["one"] if mode == "reply_demonitor" else ["one", "two"])
    send(ref, "three")
    assert await mailbox() == (["three"] if mode == "explicit_unalias" else [])
    assert unalias(ref) is (mode == "explicit_unalias")


@pytest.mark.parametrize("mode", MODES)
async def test_demonitor_and_a_monitors_alias(runtime: None, mode: Any) -> None:
    ref = monitor(spawn(receive), alias=mode)
    demonitor(ref)
    send(ref, "one")
    assert await mailbox() == (["one"] if mode == "explicit_unalias" else [])
    assert unalias(ref) is (mode == "explicit_unalias")


@pytest.mark.parametrize("mode", MODES)
async def test_unalias_leaves_the_monitor(runtime: None, mode: Any) -> None:
    pid = spawn(receive)
    ref = monitor(pid, alias=mode)
    assert unalias(ref) is True
    send(ref, "one")
    exit(pid, "kill")
    assert await receive() == Down(ref, pid, "killed")


@pytest.mark.parametrize("mode", MODES)
async def test_a_monitor_on_nobody_and_its_alias(runtime: None, mode: Any) -> None:
    pid = await ended()
    ref = monitor(pid, alias=mode)
    send(ref, "one")
    down = Down(ref, pid, "noproc")
    assert await mailbox() == ([down, "one"] if mode == "explicit_unalias" else [down])
    unalias(ref)


@pytest.mark.parametrize("mode", MODES)
async def test_a_monitor_on_oneself_is_no_alias(runtime: None, mode: Any) -> None:
    send(monitor(current_pid(), alias=mode), "one")
    assert await mailbox() == []


async def test_wrong_arguments(runtime: None) -> None:
    with pytest.raises(ValueError, match=r"mode: expected one of 'explicit_unalias', 'reply'"):
        alias("demonitor")
    with pytest.raises(TypeError, match="mode: "):
        alias(None)
    with pytest.raises(ValueError, match=r"alias: .*'reply_demonitor', got 'reply'"):
        monitor(current_pid(), alias="reply")
    with pytest.raises(TypeError, match="ref: expected a Ref"):
        unalias("a name")
