"""Servers: a process for each connection, and the order in which they end."""

import errno
import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from actorsock import (
    Exit,
    ExitSignal,
    Pid,
    SocketListener,
    SocketStream,
    current_pid,
    exit,
    is_alive,
    monitor,
    ok,
    open_tcp_stream,
    process_info,
    processes,
    receive,
    run,
    send,
    serve_listeners,
    serve_tcp,
    sleep,
    socket,
    spawn,
    spawn_monitor,
    trap_exit,
)

from ..stories import in_runtime, no_more_descriptors, until
from .support import dial, every_domain, every_poller, listen, port_of, receive_all, serving

serve_here = partial(serve_tcp, host="127.0.0.1")


async def shout(stream: SocketStream) -> None:
    """Send back all data in capitals; crash on `crash`."""
    async for data in stream:
        if data == b"crash":
            raise ValueError("as asked")
        await stream.send_all(data.upper())


async def ask(stream: SocketStream, question: bytes) -> bytes:
    await stream.send_all(question)
    return await stream.receive_some()


@every_poller
@in_runtime
async def test_each_connection_has_a_process_that_owns_it() -> None:
    async def reports_its_pid(stream: SocketStream) -> None:
        send(parent, (current_pid(), socket.info(stream.socket).owner))
        await shout(stream)

    async with trio.open_nursery() as nursery:
        parent = current_pid()
        (listener,) = await nursery.start(serve_here, reports_its_pid, 0)
        clients = [await open_tcp_stream("127.0.0.1", port_of(listener)) for _ in range(3)]
        for client in clients:
            assert await ask(client, b"hello") == b"HELLO"
        served = [await receive(tuple) for _ in clients]
        assert len({pid for pid, _ in served}) == 3
        assert all(pid is owner for pid, owner in served)
        await clients[1].send_eof()
        assert await clients[1].receive_some() == b""
        await until(lambda: not is_alive(served[1][0]))
        assert await ask(clients[2], b"still") == b"STILL"
        nursery.cancel_scope.cancel()


@in_runtime
async def test_a_crash_is_logged_and_ends_only_its_connection(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serving(shout) as listener:
        ann, bob = await dial(listener), await dial(listener)
        await bob.send_all(b"crash")
        assert await bob.receive_some() == b""  # the end of its owner has closed it
        (record,) = [r for r in caplog.records if r.name == "actorsock"]
        assert "shout" in record.getMessage()
        assert "as asked" in caplog.text
        assert await ask(ann, b"hello") == b"HELLO"
        assert await ask(await dial(listener), b"new") == b"NEW"


@every_domain
@in_runtime
async def test_cancellation_ends_the_connections(domain: str) -> None:
    cleaned: list[str] = []

    async def cleans_up(stream: SocketStream) -> None:
        try:
            send(parent, current_pid())
            await shout(stream)
        finally:
            with trio.CancelScope(shield=True):  # the server waits for it
                await trio.lowlevel.checkpoint()
            cleaned.append("up")

    parent = current_pid()
    before = set(processes())
    async with trio.open_nursery() as nursery:
        listeners = [listen(domain), listen(domain)]
        nursery.start_soon(serve_listeners, cleans_up, listeners)
        clients = [await dial(listener) for listener in listeners]
        downs = [monitor(await receive(Pid)) for _ in clients]
        nursery.cancel_scope.cancel()
    assert cleaned == ["up", "up"]
    assert [(await receive(down)).reason for down in downs] == ["shutdown", "shutdown"]
    assert [await client.receive_some() for client in clients] == [b"", b""]
    for client in clients:
        await client.aclose()
    assert set(processes()) == before
    assert socket.number_of() == 0


@in_runtime
async def test_a_connection_accepted_during_the_cancellation_is_closed() -> None:
    for checkpoints in range(12):
        async with serving(shout) as listener:
            client = await dial(listener)
            for _ in range(checkpoints):
                await trio.lowlevel.checkpoint()
        with suppress(trio.BrokenResourceError):  # closing the listener resets connections
            assert await receive_all(client) == b""
        await client.aclose()
        assert socket.number_of() == 0


@in_runtime
async def test_a_process_that_traps_exits_is_killed_after_5_seconds(
    mock_clock: MockClock,
) -> None:
    async def goes_on(stream: SocketStream) -> None:
        trap_exit(True)
        send(parent, current_pid())
        match await receive(Exit):
            case Exit(reason=reason):
                send(parent, reason)
        if await stream.receive_some() == b"stay":
            await receive()

    parent = current_pid()
    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(serve_here, goes_on, 0)
        stays, leaves = await dial(listener), await dial(listener)
        downs = [monitor(await receive(Pid)) for _ in range(2)]
        await stays.send_all(b"stay")
        await leaves.send_all(b"leave")
        nursery.cancel_scope.cancel()
        with trio.CancelScope(shield=True):
            assert [await receive(str), await receive(str)] == ["shutdown", "shutdown"]
            await wait_all_tasks_blocked()
            assert socket.number_of() == 3  # it waits for one process
            mock_clock.jump(5)
    assert sorted([(await receive(down)).reason for down in downs]) == ["killed", "normal"]
    assert await stays.receive_some() == b""


@pytest.mark.parametrize("how", ["adopted", "task", "light"])
@in_runtime
async def test_serving_ends_with_its_process(how: str) -> None:
    async def serves() -> None:
        send(parent, current_pid())
        listeners = [listen()]
        send(parent, listeners[0])
        try:
            await serve_listeners(shout, listeners)
        except ExitSignal as exc:
            send(parent, exc.reason)
            if how != "adopted":
                raise

    parent = current_pid()
    async with trio.open_nursery() as nursery:
        if how == "adopted":
            nursery.start_soon(serves)
        else:
            spawn(serves, light=how == "light")
        pid, listener = await receive(Pid), await receive(SocketListener)
        client = await dial(listener)
        assert await ask(client, b"hello") == b"HELLO"
        exit(pid, "enough")
        if how != "task":  # its body is cancelled instead
            assert await receive(str) == "enough"
        assert await client.receive_some() == b""
    await client.aclose()
    await until(lambda: socket.number_of() == 0)
    await until(lambda: set(processes()) == {parent})


@in_runtime
async def test_serving_ends_with_the_parent_of_the_connections() -> None:
    async def serves() -> None:
        await serve_listeners(shout, [listener])

    listener = listen()
    server, down = spawn_monitor(serves)
    client = await dial(listener)
    assert await ask(client, b"hello") == b"HELLO"
    (parent,) = [
        pid for pid in processes() if (info := process_info(pid)) and "handle" in info.function
        and info.links
    ]  # fmt: skip
    exit(parent, "strange")  # no effect: it traps exits
    assert await ask(client, b"still") == b"STILL"
    exit(parent, "kill")
    assert await client.receive_some() == b""
    assert (await receive(down)).reason == "killed"
    assert not is_alive(server)
    await until(lambda: socket.number_of() == 1)


@in_runtime
async def test_without_descriptors_accept_is_logged_and_tried_again(
    caplog: pytest.LogCaptureFixture, mock_clock: MockClock
) -> None:
    async with serving(shout) as listener:
        sock = ok(socket.open("inet", "stream"))
        with no_more_descriptors():
            ok(await socket.connect(sock, ok(socket.sockname(listener.socket))))
            await until(lambda: len(caplog.records) == 1)
            mock_clock.jump(0.1)
            await until(lambda: len(caplog.records) == 2)
        mock_clock.jump(0.1)
        assert await ask(SocketStream(sock), b"hello") == b"HELLO"
    for record in caplog.records:
        assert (record.name, record.levelno) == ("actorsock.streams", logging.ERROR)
        assert "Too many open files" in record.getMessage()


@in_runtime
async def test_another_error_of_accept_ends_serving(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(self: SocketListener) -> SocketStream:
        raise OSError(errno.EINVAL, "accept has failed")

    listener, other = listen(), listen()
    client = await dial(other)

    async def serves() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve_listeners, shout, [other])
            assert await ask(client, b"hello") == b"HELLO"
            monkeypatch.setattr(SocketListener, "accept", fails)
            await serve_listeners(shout, [listener])

    with pytest.raises(ExceptionGroup) as caught:
        await serves()
    assert caught.group_contains(OSError, match="accept has failed")
    await client.aclose()
    assert socket.number_of() == 0


@in_runtime
async def test_a_port_in_use() -> None:
    listener = listen()
    with pytest.raises(OSError, match="in use"):
        await serve_here(shout, port_of(listener))


@in_runtime
async def test_wrong_arguments() -> None:
    listener = listen()
    wrong: list[tuple[str, Callable[..., Any], tuple[Any, ...]]] = [
        ("handler", serve_tcp, ("shout", 0)),
        ("port", serve_tcp, (shout, "80")),
        ("handler", serve_listeners, (None, [listener])),
        ("listeners", serve_listeners, (shout, [listener.socket])),
    ]
    for argument, serves, args in wrong:
        with pytest.raises(TypeError, match=f"^{argument}: "):
            await serves(*args)


def test_the_end_of_the_runtime_ends_a_server() -> None:
    async def main() -> bytes:
        spawn(serve_listeners, shout, [listener := listen()])
        ok(socket.setopt(listener.socket, "otp", "controlling_process", current_pid()))
        client = await dial(listener)
        spawn(sleep, 1000)
        return await ask(client, b"hello")

    assert run(main) == b"HELLO"


@in_runtime
async def test_hundreds_of_connections_leave_nothing_behind() -> None:
    async with serving(shout) as listener:
        await wait_all_tasks_blocked()
        before = len(processes())
        for _ in range(200):
            async with await dial(listener) as client:
                assert await ask(client, b"x") == b"X"
        await until(lambda: len(processes()) == before)
        assert socket.number_of() == 1
