"""A test fails if a process has crashed, unless the test notices or allows that."""

from collections.abc import Callable
from typing import Any

import pytest
from trio.testing import wait_all_tasks_blocked

from actorsock import (
    ProcessExit,
    current_pid,
    link,
    monitor,
    ok,
    otp,
    receive,
    register,
    send,
    spawn,
    spawn_handler,
    spawn_link,
    spawn_monitor,
    trap_exit,
)
from actorsock.testing import Runtime, open_tested_runtime

from .conftest import Program, Tested, cases, check

pytest_plugins = "pytester"

CRASHING = """
        from functools import partial

        async def crashes():
            raise ValueError("boom")
"""

PROGRAMS = {
    "an unlinked process": Program(
        CRASHING
        + """
        async def test_it(runtime):
            spawn(crashes, light=LIGHT)
            await wait_all_tasks_blocked()
        """,
        {"failed": 1},
        [
            ">*raise ValueError(*",
            "E*ValueError: boom",
            "*direct cause of the following exception*",
            "E*Failed: a process has crashed that is neither linked*",
            "*  process <0.*> running *:crashes: ValueError: boom, at *.py:*",
            "*runtime.allow_crash*",
        ],
    ),
    "a handler of serve_tcp, a supervised child, one with a name": Program(
        CRASHING
        + """
        async def test_served(runtime):
            async def serves(stream):
                assert 1 == 2
            async with trio.open_nursery() as nursery:
                serve = partial(serve_tcp, host="127.0.0.1")
                (listener,) = await nursery.start(serve, serves, 0)
                port = ok(socket.sockname(listener.socket)).port
                async with await open_tcp_stream("127.0.0.1", port) as stream:
                    await stream.receive_some()
                nursery.cancel_scope.cancel()

        async def test_supervised(runtime):
            child = otp.ChildSpec("child", spawn_link, (crashes,), restart="temporary")
            async with ending(ok(await otp.start_link(otp.Supervisor, [child]))):
                await runtime.at_rest()

        async def test_named(runtime):
            spawn(crashes, name="breaker")
            await runtime.at_rest()
        """,
        {"failed": 3},
        [
            "*running *serves: AssertionError: assert 1 == 2*",
            "*running *crashes: *",
            "*(breaker) running*",
        ],
    ),
    "while the runtime ends it": Program(
        """
        async def cleans_up_badly():
            try:
                await receive()
            finally:
                raise ValueError("boom")

        async def test_it(runtime):
            runtime.allow(spawn(cleans_up_badly))
            await runtime.at_rest()
        """,
        {"failed": 1},
        ["*running *cleans_up_badly: ValueError*"],
    ),
    "below the reason of a test that fails anyway, and with other reports": Program(
        CRASHING
        + """
        async def test_fails(runtime):
            spawn(crashes)
            await runtime.at_rest()
            assert 1 == 2

        async def test_signal(runtime):
            spawn(crashes)
            spawn(receive)
            spawn_link(weird)
            await runtime.at_rest()
        """,
        {"failed": 2},
        [
            "E *assert 1 == 2",
            "*- Captured crashes call -*",
            "process <0.*ValueError: boom*",
            "*was ended by an exit signal*",
            "*- Captured crashes call -*",
            "*- Captured left behind call -*",
        ],
    ),
}


@pytest.mark.parametrize("program", cases(PROGRAMS))
def test_report(tested: Tested, program: Program) -> None:
    check(tested, program)


# --- crashes that are noticed ---------------------------------------------------------------------


class Server(otp.GenServer):
    def handle_call(self, request: Any, caller: object) -> None:
        raise ValueError(request)


async def crashes(exc: BaseException | None = None) -> None:
    raise exc or ValueError("boom")


@pytest.mark.parametrize("light", [False, True], ids=["task", "light"])
async def test_linked_or_monitored(runtime: Runtime, light: bool) -> None:
    trap_exit(True)
    spawn_link(crashes, light=light)
    spawn_monitor(crashes, light=light)
    monitor(spawn(crashes, light=light))
    link(spawn(crashes, light=light))
    await runtime.at_rest()


async def test_linked_through_others(runtime: Runtime) -> None:
    async def between(depth: int) -> None:
        spawn_link(between if depth else crashes, *([depth - 1] if depth else []))
        await receive()

    trap_exit(True)
    spawn_link(between, 2)
    await runtime.at_rest()


async def test_called(runtime: Runtime) -> None:
    server = ok(await otp.start(Server))
    with pytest.raises((Exception, ProcessExit)):
        await otp.call(server, "boom")


async def test_linked_to_a_process_that_traps_exits_is_not_noticed() -> None:
    async def traps() -> None:
        trap_exit(True)
        spawn_link(crashes)
        await receive(str)

    async with open_tested_runtime() as runtime:
        pid = spawn(traps, name="guardian")
        monitor(pid)
        await runtime.at_rest()
        (crash,) = runtime.crashes()
        assert crash.function.endswith(":crashes")
        send(pid, "leave")


@pytest.mark.parametrize("who", ["nobody", "the test", "another process"])
async def test_of_an_event_handler_the_supervisor_of_the_handler_is_told(who: str) -> None:
    class Failing(otp.EventHandler):
        def handle_event(self, event: Exception) -> None:
            raise event

    async def other(manager: Any) -> None:
        ok(await otp.add_sup_handler(manager, Failing))
        await receive(otp.GenEventExit)

    async with open_tested_runtime() as runtime:
        manager = ok(await otp.start_link(otp.EventManager))  # which does not end by it
        match who:
            case "nobody":
                ok(await otp.add_handler(manager, Failing))
            case "the test":
                ok(await otp.add_sup_handler(manager, Failing))
            case _:
                spawn(other, manager)
                await runtime.at_rest()
        otp.notify(manager, ValueError("boom"))
        await runtime.at_rest()
        assert await otp.which_handlers(manager) == []
        assert [str(crash.exception) for crash in runtime.crashes()] == ["boom"] * (
            who != "the test"
        )
        if who == "the test":
            assert (await receive(otp.GenEventExit)).handler is Failing
        await otp.stop(manager)


# --- crashes that are allowed ---------------------------------------------------------------------


async def test_allowed_for_the_whole_test_also_afterwards(runtime: Runtime) -> None:
    spawn(crashes)
    await runtime.at_rest()
    runtime.allow_crash(ValueError)


Allowed = Callable[[], tuple[Any, ...]]
ALLOWED: dict[str, tuple[Allowed, bool]] = {
    "everything": (lambda: (), True),
    "the type": (lambda: (ValueError,), True),
    "a base of the type": (lambda: (Exception,), True),
    "one of the types": (lambda: (KeyError, ValueError), True),
    "another type": (lambda: (KeyError,), False),
    "the function": (lambda: (crashes,), True),
    "another function": (lambda: (wait_all_tasks_blocked,), False),
    "the type and the function": (lambda: (ValueError, crashes), True),
    "the type and another function": (lambda: (ValueError, print), False),
    "another type and the function": (lambda: (KeyError, crashes), False),
    "the name": (lambda: ("breaker",), True),
    "another pid": (lambda: (current_pid(),), False),
}


@pytest.mark.parametrize("case", ALLOWED)
async def test_allowed_in_a_block(case: str) -> None:
    crashing, is_allowed = ALLOWED[case]
    async with open_tested_runtime() as runtime:
        with runtime.allow_crash(*crashing()):
            spawn(crashes, name="breaker")
            await runtime.at_rest()
        assert len(runtime.crashes()) == (0 if is_allowed else 1)
        spawn(crashes)
        await runtime.at_rest()
        assert len(runtime.crashes()) == (1 if is_allowed else 2)


async def test_allowed_by_pid_and_every_part_of_a_group(runtime: Runtime) -> None:
    def handler(exc: Exception) -> None:
        raise exc

    pid = spawn_handler(handler)
    register("handler", pid)
    runtime.allow_crash(pid, ValueError, KeyError)
    send(pid, ExceptionGroup("two", [ValueError(), KeyError()]))
    with pytest.raises(TypeError, match=r"^crashing: expected types of exceptions"):
        runtime.allow_crash(5)  # type: ignore[arg-type]
