"""Servers: a process for each connection, and the order in which they end."""

import errno
import functools
import logging
import math
import ssl
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from actorsock import (
    Draining,
    Error,
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
    register,
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
from actorsock.socket.core.actor import SocketActor
from actorsock.socket.operations.accept_connect import Accept

from ..sockets import listener as listening_socket
from ..stories import in_runtime, many_descriptors, no_more_descriptors, until
from .support import (
    dial,
    every_domain,
    every_poller,
    is_open,
    listen,
    port_of,
    receive_all,
    serving,
)

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


async def drains(stream: SocketStream) -> None:
    """Wait for the message that the server drains; then answer one request."""
    send("test", current_pid())
    send("test", await receive(Draining))
    await stream.send_all((await stream.receive_some()).upper())


@in_runtime
async def test_draining_lets_connections_finish(mock_clock: MockClock) -> None:
    register("test", current_pid())
    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(serve_here, drain_period=30), drains, 0)
        busy = await dial(listener)
        downs = [monitor(await receive(Pid))]
        idle = await dial(listener)
        downs.append(monitor(await receive(Pid)))
        nursery.cancel_scope.cancel()
        with trio.CancelScope(shield=True):
            assert [await receive(Draining) for _ in range(2)] == [Draining(30)] * 2
            assert not is_open(listener)
            mock_clock.jump(29)
            assert await ask(busy, b"late") == b"LATE"
            assert (await receive(downs[0])).reason == "normal"
            mock_clock.jump(1)
            assert await idle.receive_some() == b""
    assert (await receive(downs[1])).reason == "shutdown"


@in_runtime
async def test_draining_ends_with_the_last_connection(mock_clock: MockClock) -> None:
    register("test", current_pid())
    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(serve_here, drain_period=math.inf), drains, 0)
        client = await dial(listener)
        await receive(Pid)
        nursery.cancel_scope.cancel()
        with trio.CancelScope(shield=True):
            assert await ask(client, b"late") == b"LATE"
    assert trio.current_time() == 0


@pytest.mark.parametrize("light", [False, True], ids=["task", "light"])
@in_runtime
async def test_a_killed_server_does_not_drain(light: bool) -> None:
    register("test", current_pid())
    listener = listen()
    pid, down = spawn_monitor(
        partial(serve_listeners, drains, [listener], drain_period=math.inf), light=light
    )
    client = await dial(listener)
    connection = monitor(await receive(Pid))
    exit(pid, "kill")
    assert (await receive(connection)).reason == "shutdown"
    assert (await receive(down)).reason == "killed"
    assert await client.receive_some() == b""


@in_runtime
async def test_the_grace_period(mock_clock: MockClock) -> None:
    async def stays(stream: SocketStream) -> None:
        trap_exit(True)
        send("test", current_pid())
        send("test", await receive(Exit))
        await receive()

    register("test", current_pid())
    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(serve_here, grace_period=60), stays, 0)
        client = await dial(listener)
        down = monitor(await receive(Pid))
        nursery.cancel_scope.cancel()
        with trio.CancelScope(shield=True):
            await receive(Exit)
            mock_clock.jump(59)
            await wait_all_tasks_blocked()
            assert is_open(client)
            mock_clock.jump(1)
            assert (await receive(down)).reason == "killed"


@pytest.mark.parametrize("listeners", [1, 2])
@in_runtime
async def test_a_limit_of_connections(listeners: int) -> None:
    now = most = 0

    async def counts(stream: SocketStream) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        try:
            await shout(stream)
        finally:
            now -= 1

    listening = [listen() for _ in range(listeners)]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(serve_listeners, counts, listening, max_connections=3))
        clients = [await dial(listener) for _ in range(5) for listener in listening]
        for client in clients:
            await client.send_all(b"hello")
        answered = 0

        async def gets_its_answer(client: SocketStream) -> None:
            nonlocal answered
            assert await client.receive_some() == b"HELLO"
            answered += 1
            await may_close.wait()
            await client.aclose()

        may_close = trio.Event()
        async with trio.open_nursery() as clients_nursery:
            for client in clients:
                clients_nursery.start_soon(gets_its_answer, client)
            await until(lambda: answered == 3)
            await wait_all_tasks_blocked(0.01)
            assert answered == 3
            may_close.set()
        assert most == 3
        nursery.cancel_scope.cancel()


@in_runtime
async def test_a_burst_of_connections_is_accepted_in_a_few_passes() -> None:
    started = 0

    async def counts(stream: SocketStream) -> None:
        nonlocal started
        started += 1

    listener = SocketListener(listening_socket(backlog=100))
    clients = [await dial(listener) for _ in range(60)]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve_listeners, counts, [listener])
        passes = 0
        while started < len(clients):
            await trio.lowlevel.checkpoint()
            passes += 1
        assert 3 <= passes <= 15
        nursery.cancel_scope.cancel()
    for client in clients:
        await client.aclose()


@every_poller
@in_runtime
async def test_a_thousand_clients_at_the_same_moment_are_served_and_starve_nobody() -> None:
    served = asked_meanwhile = 0

    async def comes_with_the_others(client: trio.socket.SocketType) -> None:
        nonlocal served
        with client:
            await client.send(b"hello")
            assert await client.recv(10) == b"HELLO"
            served += 1

    with many_descriptors(2 * 1000 + SOME_MORE) as allowed:
        number = min(1000, (allowed - SOME_MORE) // 2)
        async with serving(shout) as listener:
            earlier = await dial(listener)
            assert await ask(earlier, b"early") == b"EARLY"
            async with trio.open_nursery() as nursery:
                clients = [trio.socket.socket() for _ in range(number)]
                for client in clients:
                    nursery.start_soon(connects, client, port_of(listener))
            async with trio.open_nursery() as nursery:
                for client in clients:
                    nursery.start_soon(comes_with_the_others, client)
                while served < number:
                    assert await ask(earlier, b"still") == b"STILL"
                    asked_meanwhile += served < number
            await earlier.aclose()
    # Some 20 are accepted in a pass of trio's loop, and an answer takes a few passes. With all in
    # one pass it would get 3 to 5 answers meanwhile.
    assert asked_meanwhile >= number // 150


SOME_MORE = 200
"""Descriptors for other things than the connections."""


async def connects(client: trio.socket.SocketType, port: int) -> None:
    await client.connect(("127.0.0.1", port))


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

        def failures() -> int:
            return socket.info(listener.socket).counters["acc_fails"]

        with no_more_descriptors():
            ok(await socket.connect(sock, ok(socket.sockname(listener.socket))))
            await until(lambda: failures() == 1)
            for number, seconds in enumerate([0.1, 0.1, 10], 2):
                mock_clock.jump(seconds)
                await until(lambda number=number: failures() == number)  # type: ignore[misc]
        mock_clock.jump(0.1)
        assert await ask(SocketStream(sock), b"hello") == b"HELLO"
    for record in caplog.records:
        assert (record.name, record.levelno) == ("actorsock.streams", logging.ERROR)
        assert "Too many open files" in record.getMessage()
    assert [("(2 more" in record.getMessage()) for record in caplog.records] == [False, True]


@pytest.mark.parametrize("reason", ["eperm", "enosys", "eacces", "enomem", "eproto", "errno_4095"])
@in_runtime
async def test_an_error_of_accept_that_lasts_is_logged_and_tried_again(
    reason: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tries = 0
    attempt = Accept.attempt

    def fails(self: Accept, actor: SocketActor, pid: Pid, patient: bool) -> Any:
        nonlocal tries
        tries += 1
        return Error(reason)

    async with serving(shout) as listener:
        client = await dial(listener)
        assert await ask(client, b"hello") == b"HELLO"
        monkeypatch.setattr(Accept, "attempt", fails)
        other = await dial(listener)
        await trio.sleep(0.5)
        assert 1 < tries < 20
        (record,) = caplog.records
        assert (record.name, record.levelno) == ("actorsock.streams", logging.ERROR)
        monkeypatch.setattr(Accept, "attempt", attempt)
        assert await ask(other, b"hello") == b"HELLO"


@in_runtime
async def test_serving_ends_if_the_listening_socket_is_unusable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def fails(self: SocketListener, cost: int) -> SocketStream:
        raise OSError(errno.EINVAL, "accept has failed")

    listener, other = listen(), listen()
    client = await dial(other)

    async def serves() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve_listeners, shout, [other])
            assert await ask(client, b"hello") == b"HELLO"
            monkeypatch.setattr(SocketListener, "_accept", fails)
            await serve_listeners(shout, [listener])

    with pytest.raises(ExceptionGroup) as caught:
        await serves()
    assert caught.group_contains(OSError, match="accept has failed")
    await client.aclose()
    assert socket.number_of() == 0


async def broken_by_reset(stream: SocketStream) -> None:
    async for _ in stream:
        pass


async def broken_in_a_nursery(stream: SocketStream) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(broken_by_reset, stream)


async def broken_in_a_handshake(stream: SocketStream) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    await trio.SSLStream(stream, context, server_side=True).do_handshake()


async def broken_elsewhere(stream: SocketStream) -> None:
    await stream.receive_some(4)
    raise trio.BrokenResourceError("another connection") from OSError(errno.EPIPE, "Broken pipe")


async def broken_and_wrong(stream: SocketStream) -> None:
    try:
        await broken_by_reset(stream)
    except trio.BrokenResourceError as exc:
        raise ExceptionGroup("both", [exc, KeyError("a mistake")]) from None


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (broken_by_reset, [("INFO", "the peer has broken")]),
        (broken_in_a_nursery, [("INFO", "the peer has broken")]),
        (broken_in_a_handshake, [("WARNING", "TLS has failed on")]),
        (broken_elsewhere, [("ERROR", "broken_elsewhere crashed: BrokenResourceError")] * 3),
        (broken_and_wrong, [("ERROR", "broken_and_wrong crashed: ExceptionGroup")] * 3),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
@in_runtime
async def test_a_broken_connection_is_one_line(
    handler: Any, expected: list[tuple[str, str]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    async def reports(stream: SocketStream) -> None:
        send("test", monitored := current_pid())
        assert await receive(str) == "monitored", monitored
        await handler(stream)

    register("test", current_pid())
    async with serving(functools.wraps(handler)(reports)) as listener:
        for _ in range(3):
            client = await dial(listener)
            pid = await receive(Pid)
            down = monitor(pid)
            send(pid, "monitored")
            await client.send_all(b"no TLS at all")
            ok(socket.setopt(client.socket, "socket", "linger", socket.Linger(True, 0)))
            if handler is not broken_in_a_handshake:
                await client.aclose()  # resets the connection
            reason = (await receive(down)).reason
            assert isinstance(reason, trio.BrokenResourceError | ExceptionGroup)
            await client.aclose()
    found = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert len(found) == len(expected)
    for (level, message), (expected_level, part) in zip(found, expected, strict=True):
        assert level == expected_level
        assert part in message
        assert (level == "ERROR") == bool(caplog.records[0].exc_info)


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
        ("max_connections", partial(serve_tcp, max_connections=1.5), (shout, 0)),
        ("drain_period", partial(serve_listeners, drain_period="long"), (shout, [listener])),
        ("grace_period", partial(serve_tcp, grace_period=None), (shout, 0)),
    ]
    for argument, serves, args in wrong:
        with pytest.raises(TypeError, match=f"^{argument}: "):
            await serves(*args)
    with pytest.raises(ValueError, match=r"^max_connections: "):
        await serve_tcp(shout, 0, max_connections=0)


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
