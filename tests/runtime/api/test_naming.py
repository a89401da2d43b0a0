"""Registered names."""

import pytest
import trio

from actorsock import (
    current_pid,
    is_alive,
    open_runtime,
    process_info,
    receive,
    register,
    registered,
    send,
    spawn,
    spawn_monitor,
    unregister,
    whereis,
)

from ..support import ended_process, ends, in_every_body, outcome_of


@in_every_body
async def test_a_name_stands_for_its_process() -> None:
    register("me", current_pid())
    assert whereis("me") is current_pid()
    assert registered() == ["me"]
    assert process_info(current_pid()).registered_name == "me"
    assert send("me", "a message") == "a message"
    assert await receive() == "a message"


@in_every_body
async def test_an_unknown_name() -> None:
    assert whereis("nobody") is None
    with pytest.raises(ValueError, match="dest: no process is registered as 'nobody'"):
        send("nobody", "a message")
    with pytest.raises(ValueError, match="name: no process is registered as 'nobody'"):
        unregister("nobody")


@in_every_body
async def test_any_process_can_unregister_a_name_which_is_free_then() -> None:
    async def stranger() -> None:
        unregister("first")

    pid = spawn(receive, name="first")
    assert await outcome_of(stranger) == "normal"
    assert whereis("first") is None
    assert registered() == []
    assert process_info(pid).registered_name is None
    register("second", pid)
    assert whereis("second") is pid
    assert is_alive(pid)


@in_every_body
async def test_a_name_has_one_process_and_a_process_one_name() -> None:
    register("name", current_pid())
    with pytest.raises(ValueError, match="name: 'name' is already registered"):
        register("name", spawn(receive))
    with pytest.raises(ValueError, match=r"pid: .* is already registered as 'name'"):
        register("another", current_pid())
    assert whereis("name") is current_pid()
    assert registered() == ["name"]


@in_every_body
async def test_an_ended_process_gets_no_name() -> None:
    with pytest.raises(ValueError, match=r"pid: .* has ended"):
        register("name", await ended_process())


@in_every_body
async def test_the_end_of_a_process_frees_its_name() -> None:
    for light in (False, True, False):
        _, ref = spawn_monitor(ends, name="server", light=light)
        await receive(ref)
        assert registered() == []


async def test_each_runtime_has_names_of_its_own() -> None:
    async with open_runtime() as outer:
        register("server", outer)
        async with open_runtime() as inner:
            assert registered() == []
            register("server", inner)
            assert whereis("server") is inner
            with pytest.raises(ValueError, match="belongs to another runtime"):
                register("outer", outer)
        assert whereis("server") is outer


@in_every_body
async def test_a_server_can_answer_by_name() -> None:
    async def server() -> None:
        while True:
            client, number = await receive()
            send(client, number + 1)

    spawn(server, name="server")
    register("client", current_pid())
    for number in range(3):
        send("server", ("client", number))
        assert await receive() == number + 1


async def test_the_name_stays_until_the_process_has_ended(runtime: None) -> None:
    unwinding, may_end = trio.Event(), trio.Event()

    async def server() -> None:
        try:
            await receive()
        finally:
            with trio.CancelScope(shield=True):
                unwinding.set()
                await may_end.wait()

    pid, ref = spawn_monitor(server, name="server")
    send(pid, "end")
    await unwinding.wait()
    assert whereis("server") is pid
    may_end.set()
    await receive(ref)
    assert whereis("server") is None
