"""A test that leaves a process or a socket behind fails, and the report names it."""

from collections.abc import AsyncIterator

import pytest
import trio

from actorsock import (
    Ok,
    Pid,
    current_pid,
    ending,
    exit,
    monitor,
    ok,
    receive,
    send,
    socket,
    spawn,
)
from actorsock.testing import Runtime

from ..sockets import listening
from .conftest import Program, Tested, cases, check

pytest_plugins = "pytester"

FAILS = {"failed": 1}
PID = r"<0\.\d+\.0>"
SOCKET = r"socket #Socket<0\.\d+>"
ADDRESS = r"127\.0\.0\.1:\d+"
OF_TEST = rf"owned by {PID} \(<test 'test_it'>\)"

# --- the report -----------------------------------------------------------------------------------

REPORTS = {
    "a process": Program(
        """
        async def test_it(runtime):
            pid = spawn(stays, name="the one that stays", light=LIGHT)
            send(pid, "a message")
            send(pid, "another")
        """,
        FAILS,
        left=rf"process {PID} \(the one that stays\) running \S+:stays, BODY: waits, "
        "2 unread messages",
    ),
    "a server, by its class": Program(
        """
        async def test_it(runtime):
            ok(await otp.start_link(Server))
        """,
        FAILS,
        left=rf"process {PID} running \S+:Server, handler: waits",
    ),
    "sockets of the test, with their addresses": Program(
        """
        async def test_it(runtime):
            listener, port = listening()
            sock = ok(socket.open("inet", "stream", "tcp"))
            ok(await socket.connect(sock, ("127.0.0.1", port)))
            unused = ok(socket.open("local", "dgram"))
            closed = ok(socket.open("inet", "dgram", "udp"))
            ok(await socket.close(closed))
        """,
        FAILS,
        left=rf"{SOCKET}, inet stream tcp, listening on {ADDRESS}, {OF_TEST}\n"
        rf"{SOCKET}, inet stream tcp, {ADDRESS} connected to {ADDRESS}, {OF_TEST}\n"
        rf"{SOCKET}, local dgram \w+, not bound, {OF_TEST}",
    ),
    "sockets of gen_tcp and gen_udp": Program(
        """
        async def test_it(runtime):
            listener = ok(gen_tcp.listen(0, {"ip": "loopback", "active": False}))
            port = ok(inet.port(listener))
            sock = ok(await gen_tcp.connect("127.0.0.1", port, {"active": False}))
            ok(await gen_tcp.send(sock, b"not received"))
            ok(gen_udp.open(0, {"ip": "loopback"}))
            await runtime.at_rest()
        """,
        FAILS,
        left=rf"socket #Port<0\.\d+>, inet stream tcp, listening on {ADDRESS}, {OF_TEST}\n"
        rf"socket #Port<0\.\d+>, inet stream tcp, {ADDRESS} connected to {ADDRESS}, {OF_TEST}\n"
        rf"socket #Port<0\.\d+>, inet dgram udp, bound to {ADDRESS}, {OF_TEST}",
    ),
    # The actor of the socket, which is a process too, is not in the report.
    "a socket of a process, beside it": Program(
        """
        async def owns():
            ok(socket.open("inet6", "dgram", "udp"))
            await receive()

        async def test_it(runtime):
            spawn(owns, light=LIGHT, name="the owner")
        """,
        FAILS,
        left=rf"process ({PID}) .*\n"
        rf"{SOCKET}, inet6 dgram udp, not bound, owned by \1 \(the owner\)",
    ),
    "a socket in no registry": Program(
        """
        async def test_it(runtime):
            socket.use_registry(False)
            ok(socket.open("inet", "dgram", "udp"))
        """,
        FAILS,
        left=".*inet dgram udp.*",
    ),
    "a socket of a fixture": Program(
        """
        @pytest.fixture
        async def sock(runtime):
            yield ok(socket.open("inet", "dgram", "udp"))

        async def test_it(sock):
            pass
        """,
        FAILS,
        left=r".*\(<fixture 'sock'>\)",
    ),
    "below the reason of a test that fails anyway": Program(
        """
        async def test_it(runtime):
            spawn(stays)
            assert 1 == 2
        """,
        FAILS,
        ["E *assert 1 == 2", "*- Captured left behind call -*", "process <0.*stays*"],
        hidden=["*the test has left behind*", "*ExceptionGroup*"],
    ),
    "what is not allowed": Program(
        """
        async def test_it(runtime):
            runtime.allow(spawn(receive))
            spawn(receive, name="another")
        """,
        FAILS,
        left=rf"process {PID} \(another\) .*",
    ),
    "nothing that disturbs the next test": Program(
        """
        async def serve(listener):
            await socket.accept(listener)

        async def test_first(runtime):
            listener, _ = listening()
            spawn(serve, listener, name="server")

        async def test_second(runtime):
            assert registered() == []
            assert processes() == [runtime.pid, current_pid()]
            assert socket.number_of() == 0
        """,
        {"failed": 1, "passed": 1},
    ),
    "nothing that has ended after its clean-up": Program(
        """
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
        """,
        {"passed": 2},
    ),
}

NEVER_AT_REST = {
    "clean-up that takes too long": Program(
        """
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
        """,
        FAILS,
        left=".*stubborn, task: is ending",
    ),
    "a process that is always busy": Program(
        """
        async def busy():
            while True:
                send(current_pid(), "again")
                await receive()

        async def test_it(runtime):
            spawn(busy, light=LIGHT)
        """,
        FAILS,
        left=".*:busy.*",
    ),
}


@pytest.mark.parametrize("program", cases(REPORTS))
def test_report(tested: Tested, program: Program) -> None:
    check(tested, program)


@pytest.mark.parametrize("program", cases(NEVER_AT_REST))
def test_report_when_patience_is_over(
    tested: Tested, monkeypatch: pytest.MonkeyPatch, program: Program
) -> None:
    monkeypatch.setattr("actorsock.testing.tested_runtime._PATIENCE", 0.1)
    check(tested, program)


# --- processes that end by themselves: the plugin waits for them ----------------------------------


async def test_a_chain_of_processes_that_return(runtime: Runtime, light: bool) -> None:
    async def goes(further: int) -> None:
        if further:
            await receive(monitor(spawn(goes, further - 1, light=light)))

    spawn(goes, 50, light=light)


async def test_processes_killed_before_they_run(runtime: Runtime, light: bool) -> None:
    for _ in range(50):
        exit(spawn(receive, light=light), "kill")


async def test_a_process_killed_while_it_waits(runtime: Runtime, light: bool) -> None:
    pid = spawn(receive, light=light)
    await runtime.at_rest()
    exit(pid, "kill")


async def test_a_process_that_receives_its_last_message(runtime: Runtime, light: bool) -> None:
    send(spawn(receive, light=light), "the last")


async def test_a_process_that_waits_for_the_end_of_the_test(runtime: Runtime, light: bool) -> None:
    async def outlives(pid: Pid) -> None:
        await receive(monitor(pid))

    spawn(outlives, current_pid(), light=light)
    await runtime.at_rest()


@pytest.mark.parametrize("round", range(10))
async def test_servers_whose_connections_are_just_closing(
    runtime: Runtime, light: bool, round: int
) -> None:
    """The end of each connection is still in the kernel when the test ends."""

    async def serve() -> None:
        accepted = await socket.accept(listener)
        while isinstance(accepted, Ok) and isinstance(await socket.recv(accepted.value), Ok):
            pass

    listener, address = listening()
    async with listener:
        for _ in range(5):
            spawn(serve, light=light)
        for _ in range(5):
            sock = ok(socket.open("inet", "stream", "tcp"))
            ok(await socket.connect(sock, address))
            ok(await socket.send(sock, bytes(100_000)))
            ok(await socket.close(sock))


# --- what may stay --------------------------------------------------------------------------------


@pytest.fixture
async def other() -> AsyncIterator[trio.Nursery]:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep_forever)
        yield nursery
        nursery.cancel_scope.cancel()


@pytest.fixture
async def using(runtime: Runtime) -> Pid:
    return current_pid()


async def test_tasks_in_nurseries_of_the_test_and_its_fixtures(
    other: trio.Nursery, using: Pid, runtime: Runtime, nursery: trio.Nursery
) -> None:
    async def adopted(task_status: trio.TaskStatus[None]) -> None:
        current_pid()
        task_status.started()
        await receive()

    current_pid()
    await nursery.start(adopted)
    await other.start(adopted)


async def test_an_allowed_pid(runtime: Runtime, light: bool) -> None:
    runtime.allow(spawn(receive, light=light))


async def test_an_allowed_name(runtime: Runtime, light: bool) -> None:
    runtime.allow("stays")
    spawn(receive, name="stays", light=light)


async def test_an_allowed_socket(runtime: Runtime) -> None:
    listener, _ = listening()
    runtime.allow(listener)


async def test_sockets_of_an_allowed_process(runtime: Runtime, light: bool) -> None:
    async def owns() -> None:
        listening()
        await receive()

    runtime.allow(spawn(owns, light=light))


async def test_sockets_of_the_test_if_it_is_allowed(runtime: Runtime) -> None:
    runtime.allow(current_pid())
    listening()


async def test_only_pids_names_and_sockets_can_be_allowed(runtime: Runtime) -> None:
    with pytest.raises(TypeError, match="left: expected pids, names and sockets, got 7"):
        runtime.allow(7)  # type: ignore[arg-type]


async def test_a_socket_given_away_ends_with_its_owner(runtime: Runtime) -> None:
    async with ending(spawn(receive)) as pid:
        sock = ok(socket.open("inet", "dgram", "udp"))
        ok(socket.setopt(sock, "otp", "controlling_process", pid))
