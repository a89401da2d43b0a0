"""pytest-trio's clocks around the fixture `runtime`: an hour passes in milliseconds."""

import time

import pytest

from .conftest import Tested

pytest_plugins = "pytester"

bodies = pytest.mark.parametrize("light", [False, True], ids=["task", "light"])


@bodies
@pytest.mark.parametrize("fixtures", ["runtime, autojump_clock", "autojump_clock, runtime"])
def test_an_hour_of_timeouts(tested: Tested, fixtures: str, light: bool) -> None:
    begin = time.monotonic()
    result = tested(f"""
        async def waits(parent):
            for _ in range(30):
                assert await receive(after=60) == Timeout()
            send(parent, "half an hour")
            await sleep(1800)
            send(parent, "an hour")

        async def test_it({fixtures}):
            begin = trio.current_time()
            pid, ref = spawn_monitor(waits, current_pid(), light={light})
            send_after(3599, current_pid(), "nearly")
            for word in "half an hour", "nearly", "an hour":
                assert await receive(after=1801) == word
            assert (await receive(ref)).reason == "normal"
            assert trio.current_time() - begin == pytest.approx(3600)
    """)
    result.assert_outcomes(passed=1)
    assert time.monotonic() - begin < 30


@bodies
def test_timeouts_of_sockets_while_others_wait(tested: Tested, light: bool) -> None:
    """Whoever waits for the kernel, in whatever body, keeps no clock from jumping."""
    result = tested(f"""
        def listening():
            listener = ok(socket.open("inet", "stream", "tcp"))
            port = ok(socket.bind(listener, "loopback"))
            ok(socket.listen(listener))
            return listener, port

        async def accepts(listener):
            await socket.accept(listener)

        async def waits(parent):
            listener, port = listening()
            sock = ok(socket.open("inet", "stream", "tcp"))
            ok(await socket.connect(sock, ("127.0.0.1", port)))
            for _ in range(5):
                assert await socket.recv(sock, timeout=600) == Error("timeout")
            send(parent, "done")

        async def test_it(runtime, autojump_clock, mailbox):
            listener, port = listening()
            async with listener, ending(spawn(accepts, listener, light={light})):
                begin = trio.current_time()
                spawn(waits, current_pid(), light={light})
                await mailbox.expect("done", timeout=3001)
                assert trio.current_time() - begin == pytest.approx(3000)
    """)
    result.assert_outcomes(passed=1)


@bodies
def test_no_timeout_overtakes_data(tested: Tested, light: bool) -> None:
    """A second is over in no time: still every byte comes before it."""
    tested(f"""
        async def echo(listener):
            sock = ok(await socket.accept(listener, timeout=1))
            while True:
                match await socket.recv(sock, timeout=1):
                    case Ok(data):
                        ok(await socket.send(sock, data, timeout=1))
                    case Error(reason):
                        assert reason == "closed"
                        return

        async def asks(address, size):
            async with ok(socket.open("inet", "stream", "tcp")) as sock:
                ok(await socket.connect(sock, address, timeout=1))
                for _ in range(20):
                    ok(await socket.send(sock, bytes(size), timeout=1))
                    assert len(ok(await socket.recv(sock, size, timeout=1))) == size

        @pytest.mark.parametrize("size", [1, 1_000, 50_000])
        async def test_it(runtime, autojump_clock, size):
            async with ok(socket.open("inet", "stream", "tcp")) as listener:
                port = ok(socket.bind(listener, "loopback"))
                ok(socket.listen(listener))
                refs = []
                for _ in range(5):
                    refs += [spawn_monitor(echo, listener, light={light})[1]]
                    refs += [spawn_monitor(asks, ("127.0.0.1", port), size, light={light})[1]]
                for ref in refs:
                    assert (await receive(ref)).reason == "normal"
    """).assert_outcomes(passed=3)


def test_a_jump_waits_until_the_kernel_has_been_quiet(
    tested: Tested, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other end, of which trio knows nothing, is slow: more time is given to it here."""
    monkeypatch.setattr("actorsock.testing.quiescence._QUIET", 0.3)
    tested("""
        import socket as stdlib
        import threading
        import time

        def answer(listener):
            sock, _ = listener.accept()
            with sock:
                word = sock.recv(5)
                time.sleep(0.05)
                sock.sendall(word.upper())

        async def test_it(runtime, autojump_clock):
            with stdlib.create_server(("127.0.0.1", 0)) as listener:
                thread = threading.Thread(target=answer, args=[listener])
                thread.start()
                async with ok(socket.open("inet", "stream", "tcp")) as sock:
                    ok(await socket.connect(sock, listener.getsockname()))
                    ok(await socket.send(sock, b"hello"))
                    assert await socket.recv(sock, 5, timeout=0.001) == Ok(b"HELLO")
                    assert await socket.recv(sock, timeout=0.001) == Error("closed")
                thread.join()
    """).assert_outcomes(passed=1)


def test_a_jump_waits_for_what_has_not_been_acknowledged(
    tested: Tested, monkeypatch: pytest.MonkeyPatch
) -> None:
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


def test_light_processes_and_handlers_that_are_busy_hold_the_clock(tested: Tested) -> None:
    """They run for many passes of trio's loop, between which no task of trio's has to."""
    tested("""
        async def plays(parent):
            async for left, other in mailbox():
                if left == 0:
                    send(parent, "over")
                    return
                send(other, (left - 1, current_pid()))
                if left == 1:
                    return

        @pytest.mark.parametrize("light", [False, True])
        async def test_processes(runtime, autojump_clock, light):
            me = current_pid()
            one, two = spawn(plays, me, light=light), spawn(plays, me, light=light)
            send(one, (20_001, two))
            assert await receive(after=0.001) == "over"

        async def test_handlers(runtime, autojump_clock):
            me = current_pid()

            def handler(message):
                left, other = message
                if left:
                    send(other, (left - 1, current_pid()))
                else:
                    send(me, "over")

            one, two = spawn_handler(handler), spawn_handler(handler)
            runtime.allow(one, two)
            send(one, (20_000, two))
            assert await receive(after=0.001) == "over"
    """).assert_outcomes(passed=3)


def test_a_clock_that_is_moved_by_the_test(tested: Tested) -> None:
    tested("""
        async def test_it(runtime, mock_clock, mailbox):
            send_after(60, current_pid(), "a minute")
            await mailbox.refute_receive()
            mock_clock.jump(59.9)
            await mailbox.refute_receive()
            mock_clock.jump(0.2)
            await mailbox.assert_receive("a minute")
    """).assert_outcomes(passed=1)


def test_waiting_for_nothing_ends_although_the_clock_stands_still(tested: Tested) -> None:
    result = tested("""
        async def test_it(runtime, mock_clock, mailbox):
            async def busy():
                while True:
                    await trio.lowlevel.checkpoint()

            async with ending(spawn(busy)):
                await mailbox.assert_receive("what never comes", timeout=0.1)
    """)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines("E *expected 'what never comes' within 0.1 s, got nothing like it")


def test_what_is_left_is_found_under_any_clock(tested: Tested) -> None:
    """Nobody's time-out comes before the report, and none is waited for."""
    begin = time.monotonic()
    result = tested("""
        async def waits():
            await receive(after=3600)

        async def test_autojump(runtime, autojump_clock):
            spawn(waits)

        async def test_mock(runtime, mock_clock):
            spawn(waits)
    """)
    result.assert_outcomes(failed=2)
    assert result.stdout.str().count(":waits, task: waits") >= 2
    assert time.monotonic() - begin < 30
