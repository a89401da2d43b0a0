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


async def ends() -> None:
    pass


async def test_a_name_stands_for_its_process(runtime: None) -> None:
    register("me", current_pid())
    assert whereis("me") is current_pid()
    assert registered() == ["me"]
    assert process_info(current_pid()).registered_name == "me"
    assert send("me", "a message") == "a message"
    assert await receive() == "a message"


async def test_an_unknown_name(runtime: None) -> None:
    assert whereis("nobody") is None
    with pytest.raises(ValueError, match="dest: no process is registered as 'nobody'"):
        send("nobody", "a message")
    with pytest.raises(ValueError, match="name: no process is registered as 'nobody'"):
        unregister("nobody")


async def test_a_name_is_free_after_unregister(runtime: None) -> None:
    pid = spawn(receive, name="first")
    unregister("first")
    assert registered() == []
    assert process_info(pid).registered_name is None
    register("second", pid)
    assert whereis("second") is pid
    assert is_alive(pid)


async def test_any_process_may_unregister(runtime: None) -> None:
    async def stranger() -> None:
        unregister("me")

    register("me", current_pid())
    _, ref = spawn_monitor(stranger)
    assert (await receive(ref)).reason == "normal"
    assert whereis("me") is None


async def test_a_name_has_one_process(runtime: None) -> None:
    register("name", current_pid())
    with pytest.raises(ValueError, match="name: 'name' is already registered"):
        register("name", spawn(receive))
    assert whereis("name") is current_pid()


async def test_a_process_has_one_name(runtime: None) -> None:
    register("name", current_pid())
    with pytest.raises(ValueError, match=r"pid: .* is already registered as 'name'"):
        register("another", current_pid())
    assert registered() == ["name"]


async def test_an_ended_process_gets_no_name(runtime: None) -> None:
    pid, ref = spawn_monitor(ends)
    await receive(ref)
    with pytest.raises(ValueError, match=r"pid: .* has ended"):
        register("name", pid)


async def test_the_end_of_a_process_frees_its_name(runtime: None) -> None:
    for _ in range(3):
        _, ref = spawn_monitor(ends, name="server")
        await receive(ref)
        assert registered() == []


async def test_a_runtime_has_names_of_its_own() -> None:
    async with open_runtime() as outer:
        register("server", outer)
        async with open_runtime() as inner:
            assert registered() == []
            register("server", inner)
            assert whereis("server") is inner
            with pytest.raises(ValueError, match="belongs to another runtime"):
                register("outer", outer)
        assert whereis("server") is outer


async def test_servers_can_be_told_to_answer_by_name(runtime: None) -> None:
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
