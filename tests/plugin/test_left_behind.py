"""A test that leaves a process or a socket behind fails, and says which."""

import re

import pytest

from .conftest import Tested

pytest_plugins = "pytester"


LISTEN = """
def listening():
    listener = ok(socket.open("inet", "stream", "tcp"))
    port = ok(socket.bind(listener, "loopback"))
    ok(socket.listen(listener))
    return listener, port

async def connected(port):
    sock = ok(socket.open("inet", "stream", "tcp"))
    ok(await socket.connect(sock, ("127.0.0.1", port)))
    return sock

async def serve(listener, body=None):
    sock = ok(await socket.accept(listener))
    while isinstance(await socket.recv(sock), Ok):
        pass
"""

bodies = pytest.mark.parametrize("light", [False, True], ids=["task", "light"])


def left_behind(result: pytest.RunResult) -> list[str]:
    """The lines of the report."""
    report = result.stdout.str().partition("the test has left behind:\n")[2]
    return re.findall(r"^  (\S.*)$", report.partition("\n=")[0].partition("\n_")[0], re.M)


# --- processes ------------------------------------------------------------------------------------


@bodies
def test_a_process_is_named(tested: Tested, light: bool) -> None:
    result = tested(f"""
        async def stays():
            await receive("never".__eq__)

        async def test_it(runtime):
            pid = spawn(stays, name="the one that stays", light={light})
            send(pid, "a message")
            send(pid, "another")
    """)
    result.assert_outcomes(failed=1)
    (line,) = left_behind(result)
    assert re.fullmatch(
        r"process <0\.\d+\.0> \(the one that stays\) running \S+:stays, "
        rf"{'light' if light else 'task'}: waits, 2 unread messages",
        line,
    )


def test_a_server_is_named_by_its_class(tested: Tested) -> None:
    result = tested("""
        class Counter(otp.GenServer):
            pass

        async def test_it(runtime):
            ok(await otp.start_link(Counter))
    """)
    (line,) = left_behind(result)
    assert re.fullmatch(r"process <0\.\d+\.0> running \S+:Counter, handler: waits", line)


@bodies
def test_one_that_is_just_ending_is_not_left(tested: Tested, light: bool) -> None:
    """However many steps it takes, as long as nobody has to do anything."""
    tested(f"""
        async def goes(further):
            if further:
                ref = monitor(spawn(goes, further - 1, light={light}))
                await receive(ref)

        async def test_returning(runtime):
            spawn(goes, 50, light={light})

        async def test_killed(runtime):
            for _ in range(50):
                exit(spawn(receive, light={light}), "kill")

        async def test_killed_as_it_waits(runtime):
            pid = spawn(receive, light={light})
            await runtime.at_rest()
            exit(pid, "kill")

        async def test_at_its_last_message(runtime):
            send(spawn(receive, light={light}), "the last")

        async def outlives(pid):
            await receive(monitor(pid))

        async def test_at_the_end_of_the_test(runtime):
            spawn(outlives, current_pid(), light={light})
            await runtime.at_rest()
    """).assert_outcomes(passed=5)


def test_one_that_has_been_told_to_end_may_clean_up(tested: Tested) -> None:
    tested("""
        cleaned_up = []

        async def tidy():
            try:
                await receive()
            finally:
                with trio.CancelScope(shield=True):
                    await trio.to_thread.run_sync(len, "a thread takes its time")
                    await trio.sleep(0.01)
                    cleaned_up.append(True)

        async def test_it(runtime):
            pid = spawn(tidy)
            await runtime.at_rest()
            exit(pid, "shutdown")

        async def test_it_has():
            assert cleaned_up
    """).assert_outcomes(passed=2)


def test_one_that_does_not_end_although_it_was_told_to_is_left(
    tested: Tested, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actorsock.testing.tested_runtime._PATIENCE", 0.1)
    result = tested("""
        async def stubborn():
            try:
                await receive()
            finally:
                with trio.CancelScope(shield=True):
                    await trio.sleep(0.5)

        async def test_it(runtime):
            pid = spawn(stubborn)
            await runtime.at_rest()
            exit(pid, "shutdown")
    """)
    (line,) = left_behind(result)
    assert line.endswith("stubborn, task: is ending")


@bodies
def test_one_that_is_always_busy_is_left(
    tested: Tested, monkeypatch: pytest.MonkeyPatch, light: bool
) -> None:
    monkeypatch.setattr("actorsock.testing.tested_runtime._PATIENCE", 0.1)
    result = tested(f"""
        async def busy():
            while True:
                send(current_pid(), "again")
                await receive()

        async def test_it(runtime):
            spawn(busy, light={light})
    """)
    result.assert_outcomes(failed=1)
    (line,) = left_behind(result)
    assert ":busy" in line


def test_a_test_that_fails_anyway_fails_with_its_own_reason(tested: Tested) -> None:
    result = tested("""
        async def stays():
            await receive()

        async def test_it(runtime):
            spawn(stays)
            assert 1 == 2
    """)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["E *assert 1 == 2", "*- Captured left behind call -*", "process <0.*stays*"]
    )
    result.stdout.no_fnmatch_line("*the test has left behind*")
    result.stdout.no_fnmatch_line("*ExceptionGroup*")


def test_tasks_of_trio_are_nobodys_leftovers(tested: Tested) -> None:
    """The test, its fixtures, and what runs in their nurseries."""
    tested("""
        async def adopted(task_status=trio.TASK_STATUS_IGNORED):
            current_pid()
            task_status.started()
            await receive()

        @pytest.fixture
        async def other():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.sleep_forever)
                yield nursery
                nursery.cancel_scope.cancel()

        @pytest.fixture
        async def using(runtime):
            current_pid()
            yield

        async def test_it(other, using, runtime, nursery):
            current_pid()
            await nursery.start(adopted)
            await other.start(adopted)
    """).assert_outcomes(passed=1)


@bodies
def test_what_is_allowed_may_stay(tested: Tested, light: bool) -> None:
    tested(
        LISTEN
        + f"""
async def test_pid(runtime):
    runtime.allow(spawn(receive, light={light}))

async def test_name(runtime):
    runtime.allow("stays")
    spawn(receive, name="stays", light={light})

async def test_socket(runtime):
    listener, _ = listening()
    runtime.allow(listener)

async def test_sockets_of_a_process(runtime):
    async def owns():
        listening()
        await receive()

    runtime.allow(spawn(owns, light={light}))

async def test_sockets_of_the_test(runtime):
    runtime.allow(current_pid())
    listening()

async def test_others_not(runtime):
    runtime.allow(spawn(receive))
    spawn(receive, name="another")
"""
    ).assert_outcomes(passed=5, failed=1)


def test_only_what_can_be_left_can_be_allowed(tested: Tested) -> None:
    result = tested("""
        async def test_it(runtime):
            runtime.allow(7)
    """)
    result.stdout.fnmatch_lines("E *TypeError: left: expected pids, names and sockets, got 7")


# --- sockets --------------------------------------------------------------------------------------


def test_a_socket_of_the_test_is_named_with_its_addresses(tested: Tested) -> None:
    result = tested(
        LISTEN
        + """
async def test_it(runtime):
    listener, port = listening()
    sock = await connected(port)
    unused = ok(socket.open("local", "dgram"))
    closed = ok(socket.open("inet", "dgram", "udp"))
    ok(await socket.close(closed))
"""
    )
    result.assert_outcomes(failed=1)
    lines = left_behind(result)
    owner = r"owned by <0\.\d+\.0> \(<test 'test_it'>\)"
    patterns = [
        rf"socket #Socket<0\.\d+>, inet stream tcp, listening on 127\.0\.0\.1:\d+, {owner}",
        r"socket #Socket<0\.\d+>, inet stream tcp, 127\.0\.0\.1:\d+ connected to "
        rf"127\.0\.0\.1:\d+, {owner}",
        rf"socket #Socket<0\.\d+>, local dgram \w+, not bound, {owner}",
    ]
    assert len(lines) == len(patterns)
    for line, pattern in zip(lines, patterns, strict=True):
        assert re.fullmatch(pattern, line), line


@bodies
def test_a_socket_of_a_process_is_named_beside_it(tested: Tested, light: bool) -> None:
    """The process and the socket: not the socket's actor, which is a process too."""
    result = tested(f"""
        async def owns():
            ok(socket.open("inet6", "dgram", "udp"))
            await receive()

        async def test_it(runtime):
            spawn(owns, light={light}, name="the owner")
    """)
    process, sock = left_behind(result)
    pid = re.match(r"process (<0\.\d+\.0>)", process)
    assert pid is not None
    assert re.fullmatch(
        rf"socket #Socket<0\.\d+>, inet6 dgram udp, not bound, owned by {pid[1]} \(the owner\)",
        sock,
    )


def test_a_socket_that_is_in_no_registry_is_found(tested: Tested) -> None:
    result = tested("""
        async def test_it(runtime):
            socket.use_registry(False)
            ok(socket.open("inet", "dgram", "udp"))
    """)
    (line,) = left_behind(result)
    assert "inet dgram udp" in line


def test_a_socket_of_a_fixture_is_found(tested: Tested) -> None:
    result = tested("""
        @pytest.fixture
        async def sock(runtime):
            yield ok(socket.open("inet", "dgram", "udp"))

        async def test_it(sock):
            pass
    """)
    (line,) = left_behind(result)
    assert line.endswith("(<fixture 'sock'>)")


def test_one_that_was_given_away_is_its_owners(tested: Tested) -> None:
    tested("""
        async def test_it(runtime):
            async with ending(spawn(receive)) as pid:
                sock = ok(socket.open("inet", "dgram", "udp"))
                ok(socket.setopt(sock, "otp", "controlling_process", pid))
    """).assert_outcomes(passed=1)


@bodies
def test_a_server_that_is_about_to_hear_of_the_end_is_not_left(tested: Tested, light: bool) -> None:
    """The end of the connection is still in the kernel when the test is through."""
    tested(
        LISTEN
        + f"""
@pytest.mark.parametrize("turn", range(10))
async def test_it(runtime, turn):
    listener, port = listening()
    async with listener:
        for _ in range(5):
            spawn(serve, listener, light={light})
        for _ in range(5):
            sock = await connected(port)
            ok(await socket.send(sock, bytes(100_000)))
            ok(await socket.close(sock))
"""
    ).assert_outcomes(passed=10)


def test_nothing_that_was_left_disturbs_the_next_test(tested: Tested) -> None:
    tested(
        LISTEN
        + """
async def test_first(runtime):
    listener, _ = listening()
    spawn(serve, listener, name="server")

async def test_second(runtime):
    assert registered() == []
    assert processes() == [runtime.pid, current_pid()]
    assert socket.number_of() == 0
"""
    ).assert_outcomes(failed=1, passed=1)
