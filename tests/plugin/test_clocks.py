"""pytest-trio's clocks with the fixture `runtime`: an hour passes in milliseconds."""

import socket as stdlib
import threading
import time
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from actorsock import (
    Error,
    Ok,
    Pid,
    Timeout,
    current_pid,
    ending,
    mailbox,
    ok,
    receive,
    send,
    send_after,
    sleep,
    socket,
    spawn,
    spawn_handler,
    spawn_monitor,
)
from actorsock.testing import OwnMailbox, Runtime

from ..sockets import address, listener, listening, tcp
from .conftest import Program, Tested, cases, check

pytest_plugins = "pytester"

# --- a clock that jumps by itself -----------------------------------------------------------------


async def an_hour_of_timeouts(light: bool) -> None:
    async def waits(parent: Pid) -> None:
        for _ in range(30):
            assert await receive(after=60) == Timeout()
        send(parent, "half an hour")
        await sleep(1800)
        send(parent, "an hour")

    begin, real_begin = trio.current_time(), time.monotonic()
    _, ref = spawn_monitor(waits, current_pid(), light=light)
    send_after(3599, current_pid(), "nearly")
    for word in "half an hour", "nearly", "an hour":
        assert await receive(after=1801) == word
    assert (await receive(ref)).reason == "normal"
    assert trio.current_time() - begin == pytest.approx(3600)
    assert time.monotonic() - real_begin < 30


async def test_an_hour_of_timeouts(
    runtime: Runtime, autojump_clock: MockClock, light: bool
) -> None:
    await an_hour_of_timeouts(light)


async def test_an_hour_of_timeouts_with_the_clock_named_first(
    autojump_clock: MockClock, runtime: Runtime, light: bool
) -> None:
    await an_hour_of_timeouts(light)


async def test_timeouts_of_sockets_while_others_wait(
    runtime: Runtime, autojump_clock: MockClock, mailbox: OwnMailbox, light: bool
) -> None:
    """A process that waits for the kernel does not keep the clock from jumping."""

    async def accepts(sock: socket.Socket) -> None:
        await socket.accept(sock)

    async def waits(parent: Pid) -> None:
        _, address = listening()
        sock = tcp()
        ok(await socket.connect(sock, address))
        for _ in range(5):
            assert await socket.recv(sock, timeout=600) == Error("timeout")
        send(parent, "done")

    async with listener() as sock, ending(spawn(accepts, sock, light=light)):
        begin = trio.current_time()
        spawn(waits, current_pid(), light=light)
        await mailbox.expect("done", timeout=3001)
        assert trio.current_time() - begin == pytest.approx(3000)


@pytest.mark.parametrize("size", [1, 1_000, 50_000])
async def test_no_timeout_overtakes_data(
    runtime: Runtime, autojump_clock: MockClock, size: int, light: bool
) -> None:
    """A second on this clock takes no time, but every byte arrives before it is over."""

    async def echo(listener: socket.Socket) -> None:
        sock = ok(await socket.accept(listener, timeout=1))
        while True:
            match await socket.recv(sock, timeout=1):
                case Ok(data):
                    ok(await socket.send(sock, data, timeout=1))
                case Error(reason):
                    assert reason == "closed"
                    return

    async def asks(address: Any) -> None:
        async with tcp() as sock:
            ok(await socket.connect(sock, address, timeout=1))
            for _ in range(20):
                ok(await socket.send(sock, bytes(size), timeout=1))
                assert len(ok(await socket.recv(sock, size, timeout=1))) == size

    async with listener() as sock:
        refs = []
        for _ in range(5):
            refs += [spawn_monitor(echo, sock, light=light)[1]]
            refs += [spawn_monitor(asks, address(sock), light=light)[1]]
        for ref in refs:
            assert (await receive(ref)).reason == "normal"


@pytest.fixture
def more_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actorsock.testing.quiescence._QUIET", 0.3)


@pytest.mark.usefixtures("more_quiet")
async def test_a_jump_waits_until_the_kernel_has_been_quiet(
    runtime: Runtime, autojump_clock: MockClock
) -> None:
    """The peer is a thread, which trio does not know, and slow: so the quiet time is longer."""

    def answer(listener: stdlib.socket) -> None:
        sock, _ = listener.accept()
        with sock:
            word = sock.recv(5)
            time.sleep(0.05)
            sock.sendall(word.upper())

    with stdlib.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=answer, args=[server])
        thread.start()
        async with tcp() as sock:
            ok(await socket.connect(sock, server.getsockname()))
            ok(await socket.send(sock, b"hello"))
            assert await socket.recv(sock, 5, timeout=0.001) == Ok(b"HELLO")
            assert await socket.recv(sock, timeout=0.001) == Error("closed")
        thread.join()


def test_a_jump_waits_for_acknowledgements(tested: Tested, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []

    def looked(sock: object) -> bool:
        looks.append(sock)
        return len(looks) < 5

    monkeypatch.setattr("actorsock.testing.quiescence._waits_for_acknowledgement", looked)
    tested("""
        async def test_it(runtime, autojump_clock):
            async with ok(socket.open("inet", "stream", "tcp")):
                await sleep(10)
            ok(socket.open("inet", "dgram", "udp"))
            runtime.allow(current_pid())
    """).assert_outcomes(passed=1)
    assert len(looks) == 5


async def test_processes_that_are_busy_hold_the_clock(
    runtime: Runtime, autojump_clock: MockClock, light: bool
) -> None:
    """For many passes of trio's loop, in which no other task of trio runs."""

    async def plays(parent: Pid) -> None:
        async for left, other in mailbox():
            if left == 0:
                send(parent, "over")
                return
            send(other, (left - 1, current_pid()))
            if left == 1:
                return

    one, two = (spawn(plays, current_pid(), light=light) for _ in range(2))
    send(one, (20_001, two))
    assert await receive(after=0.001) == "over"


async def test_handlers_that_are_busy_hold_the_clock(
    runtime: Runtime, autojump_clock: MockClock
) -> None:
    me = current_pid()

    def handler(message: Any) -> None:
        left, other = message
        if left:
            send(other, (left - 1, current_pid()))
        else:
            send(me, "over")

    one, two = spawn_handler(handler), spawn_handler(handler)
    runtime.allow(one, two)
    send(one, (20_000, two))
    assert await receive(after=0.001) == "over"


# --- a clock that the test moves ------------------------------------------------------------------


async def test_a_clock_that_the_test_moves(
    runtime: Runtime, mock_clock: MockClock, mailbox: OwnMailbox
) -> None:
    send_after(60, current_pid(), "a minute")
    await mailbox.refute_receive()
    mock_clock.jump(59.9)
    await mailbox.refute_receive()
    mock_clock.jump(0.2)
    await mailbox.assert_receive("a minute")


async def test_an_assertion_fails_although_the_clock_stands_still(
    runtime: Runtime, mock_clock: MockClock, mailbox: OwnMailbox
) -> None:
    async def busy() -> None:
        while True:
            await trio.lowlevel.checkpoint()

    async with ending(spawn(busy)):
        with pytest.raises(
            AssertionError, match=r"expected 'no such message' within 0\.1 s, got nothing"
        ):
            await mailbox.assert_receive("no such message", timeout=0.1)


LEFT_UNDER_A_CLOCK = {
    clock: Program(
        f"""
        async def waits():
            await receive(after=3600)

        async def test_it(runtime, {clock}):
            spawn(waits)
        """,
        {"failed": 1},
        left=".*:waits, task: waits",
    )
    for clock in ["autojump_clock", "mock_clock"]
}


@pytest.mark.parametrize("program", cases(LEFT_UNDER_A_CLOCK))
def test_the_report_of_leftovers_under_a_clock(tested: Tested, program: Program) -> None:
    """No time-out of a process passes before the report, and the report waits for none."""
    begin = time.monotonic()
    check(tested, program)
    assert time.monotonic() - begin < 30
