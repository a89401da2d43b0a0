"""Light processes where they differ from others: misuse of trio, exit signals, and sockets.

All else they have in common with tasks, and is tested there for both (`every_body`).
"""

from collections.abc import Generator
from contextlib import suppress
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from actorsock import (
    Error,
    Ok,
    Pid,
    Timeout,
    current_pid,
    exit,
    ok,
    process_info,
    receive,
    send,
    sleep,
    socket,
    spawn,
    spawn_handler,
    spawn_monitor,
)

from ..support import in_every_body, outcome_of


async def echo() -> None:
    while True:
        sender, message = await receive()
        send(sender, message)


# --- misuse: an error in the process that names the remedy ----------------------------------------


async def sleeps_in_trio() -> None:
    await trio.sleep(1)


async def holds_a_cancel_scope() -> None:
    with trio.CancelScope():
        await receive()


async def times_out_with_trio() -> None:
    with trio.fail_after(1):
        await receive()


async def holds_a_nursery() -> None:
    async with trio.open_nursery():
        await receive()


async def waits_for_an_event() -> None:
    await trio.Event().wait()


async def uses_a_thread() -> None:
    await trio.to_thread.run_sync(int)


@pytest.mark.parametrize(
    "misuse",
    [
        sleeps_in_trio,
        holds_a_cancel_scope,
        times_out_with_trio,
        holds_a_nursery,
        waits_for_an_event,
        uses_a_thread,
    ],
)
async def test_waiting_through_trio_fails_at_once(
    runtime: None, caplog: pytest.LogCaptureFixture, misuse: Any
) -> None:
    neighbour = spawn(echo, light=True)
    reason = await outcome_of(misuse, light=True)
    assert isinstance(reason, RuntimeError)
    assert "in_trio" in "".join(reason.__notes__)
    send(neighbour, (current_pid(), "unharmed"))
    assert await receive() == "unharmed"


class Foreign:
    def __await__(self) -> Generator[str, None, None]:
        yield "a future of some other library"


async def awaits_a_foreign_object() -> None:
    await Foreign()


async def test_waiting_for_a_foreign_awaitable_fails_at_once(
    runtime: None, caplog: pytest.LogCaptureFixture
) -> None:
    reason = await outcome_of(awaits_a_foreign_object, light=True)
    assert isinstance(reason, TypeError)
    assert "in_trio" in str(reason)


def stops() -> Any:
    raise StopIteration("not the end of the code")


async def test_a_plain_function_that_raises_stop_iteration_crashes(runtime: None) -> None:
    reason = await outcome_of(stops, light=True)
    assert isinstance(reason, RuntimeError)
    assert isinstance(reason.__cause__, StopIteration)


# --- exit signals ---------------------------------------------------------------------------------


async def test_waiting_again_after_an_exit_signal_raises_it_again(runtime: None) -> None:
    seen: list[str] = []

    async def stubborn() -> None:
        try:
            await receive()
        finally:
            try:
                await receive()
            finally:
                seen.append("unwound")

    pid, ref = spawn_monitor(stubborn, light=True)
    await wait_all_tasks_blocked()
    exit(pid, "kill")
    assert (await receive(ref)).reason == "killed"
    assert seen == ["unwound"]


async def test_a_process_that_catches_every_exit_signal_lets_others_run(runtime: None) -> None:
    async def defies() -> None:
        for _ in range(30_000):
            with suppress(BaseException):
                await receive()
            with suppress(BaseException):
                await sleep(1)

    pid, ref = spawn_monitor(defies, light=True)
    await wait_all_tasks_blocked()
    exit(pid, "over")
    rounds = 0
    while (down := await receive(ref, after=0)) == Timeout():
        await trio.lowlevel.checkpoint()
        rounds += 1
    assert down.reason == "over"
    assert rounds > 10


# --- with other kinds of processes ----------------------------------------------------------------


@in_every_body
async def test_every_kind_of_process_reaches_every_other() -> None:
    seen: list[str] = []
    send(spawn_handler(seen.append), "now")
    assert seen == ["now"]
    for light in (False, True):
        send(spawn(echo, light=light), (current_pid(), "question"))
        assert await receive() == "question"


async def test_a_server_and_its_clients_are_light(runtime: None) -> None:
    async def serves(sock: socket.Socket) -> None:
        while True:
            match await socket.recv(sock):
                case Ok(data):
                    ok(await socket.send(sock, data))
                case Error("closed"):
                    ok(await socket.close(sock))
                    return

    async def accepts(parent: Pid) -> None:
        listener = ok(socket.open("inet", "stream"))
        send(parent, ok(socket.bind(listener, "loopback")))
        ok(socket.listen(listener, 64))
        while True:
            sock = ok(await socket.accept(listener))
            pid = spawn(serves, sock, light=True)
            ok(socket.setopt(sock, "otp", "controlling_process", pid))

    async def asks(port: int, parent: Pid) -> None:
        async with ok(socket.open("inet", "stream")) as sock:
            ok(await socket.connect(sock, ("127.0.0.1", port)))
            for number in range(50):
                line = f"line {number}".encode()
                ok(await socket.send(sock, line))
                assert ok(await socket.recv(sock, len(line))) == line
            assert await socket.recv(sock, 1, timeout=0) == Error("timeout")
        send(parent, "done")

    spawn(accepts, current_pid(), light=True)
    port = await receive(int)
    for _ in range(20):
        spawn(asks, port, current_pid(), light=True)
    for _ in range(20):
        assert await receive() == "done"


async def listening() -> tuple[socket.Socket, int]:
    listener = ok(socket.open("inet", "stream"))
    port = ok(socket.bind(listener, "loopback"))
    ok(socket.listen(listener))
    return listener, port


async def test_closing_with_linger_does_not_stop_others(runtime: None) -> None:
    async def closes(port: int, parent: Pid) -> None:
        sock = ok(socket.open("inet", "stream"))
        ok(await socket.connect(sock, ("127.0.0.1", port)))
        ok(socket.setopt(sock, "socket", "linger", {"onoff": True, "linger": 5}))
        ok(await socket.send(sock, b"x"))
        send(parent, await socket.close(sock))

    listener, port = await listening()
    async with listener:
        spawn(closes, port, current_pid(), light=True)
        assert await receive() == Ok()


async def test_a_killed_reader_leaves_its_bytes_to_the_next(runtime: None) -> None:
    listener, port = await listening()
    sender = ok(socket.open("inet", "stream"))
    ok(await socket.connect(sender, ("127.0.0.1", port)))
    sock = ok(await socket.accept(listener))
    pid, ref = spawn_monitor(socket.recv, sock, 10, light=True)
    ok(await socket.send(sender, b"abcd"))
    while process_info(pid).status != "waiting":
        await trio.lowlevel.checkpoint()
    await wait_all_tasks_blocked()
    exit(pid, "kill")
    await receive(ref)
    assert await socket.recv(sock) == Ok(b"abcd")
