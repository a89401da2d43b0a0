"""A test whose process was ended by an exit signal fails, even if it makes no further call."""

from typing import Any

import pytest

from actorsock import (
    ExitSignal,
    ProcessExit,
    current_pid,
    exit,
    ok,
    otp,
    receive,
    spawn,
    spawn_link,
    trap_exit,
)
from actorsock.testing import Runtime

from .conftest import Program, Tested, cases, check

pytest_plugins = "pytester"


def ended(test: str, reason: str = "") -> str:
    """The line of the report about the process of a test or fixture."""
    return f"*the process of <{test}> was ended by an exit signal*{reason}"


PROGRAMS = {
    "in place, at rest, in trio, without a crash": Program(
        """
        async def test_in_place(runtime):
            otp.cast(ok(await otp.start_link(Server)), "boom")

        async def test_rests(runtime):
            otp.cast(ok(await otp.start_link(Server)), "boom")
            await runtime.at_rest()

        async def test_waits_in_trio(runtime):
            spawn_link(weird)
            await wait_all_tasks_blocked()

        async def test_is_no_crash(runtime):
            exit(spawn_link(receive), "kill")
            await wait_all_tasks_blocked()
        """,
        {"failed": 4},
        [
            ended("test 'test_in_place'", ": reason ValueError('boom')"),
            ended("test 'test_rests'", ": reason ValueError('boom')"),
            ended("test 'test_waits_in_trio'", ": reason 'weird'"),
            ended("test 'test_is_no_crash'", ": reason 'killed'"),
        ],
    ),
    "the crash is shown with its traceback": Program(
        """
        async def test_it(runtime):
            otp.cast(ok(await otp.start_link(Server)), "boom")
        """,
        {"failed": 1},
        [
            ">*raise ValueError(request)",
            "E*ValueError: boom",
            "*direct cause of the following exception*",
            "E*Failed: the process of <test 'test_it'>*",
        ],
    ),
    "a fixture is named": Program(
        """
        @pytest.fixture
        async def server(runtime):
            yield ok(await otp.start_link(Server))

        async def test_it(server):
            otp.cast(server, "boom")
        """,
        {"failed": 1},
        [ended("fixture 'server'")],
    ),
    "below the reason of a test that fails anyway": Program(
        """
        async def test_it(runtime):
            spawn_link(weird)
            await runtime.at_rest()
            assert 1 == 2
        """,
        {"failed": 1},
        [
            "E *assert 1 == 2",
            "*- Captured exit signals call -*",
            ended("test 'test_it'", ": reason 'weird'"),
        ],
    ),
    "together with what is left behind": Program(
        """
        async def test_it(runtime):
            spawn(receive, light=LIGHT)
            spawn_link(weird)
            await runtime.at_rest()
        """,
        {"failed": 1},
        [ended("test 'test_it'"), "*left behind*", "process <*receive*"],
    ),
}


@pytest.mark.parametrize("program", cases(PROGRAMS))
def test_report(tested: Tested, program: Program) -> None:
    check(tested, program)


# --- tests that expect the signal, or get none ----------------------------------------------------


class Server(otp.GenServer):
    def handle_cast(self, request: Any) -> None:
        raise ValueError(request)


async def weird() -> None:
    exit("weird")


async def test_traps_exits(runtime: Runtime) -> None:
    trap_exit(True)
    otp.cast(ok(await otp.start_link(Server)), "boom")


async def test_waits_for_the_signal(runtime: Runtime) -> None:
    spawn_link(weird)
    with pytest.raises(ExitSignal):
        await receive()


async def test_calls_after_the_signal(runtime: Runtime) -> None:
    spawn_link(weird)
    await runtime.at_rest()
    with pytest.raises(ExitSignal):
        current_pid()


async def test_calls_a_server_that_crashes(runtime: Runtime) -> None:
    server = ok(await otp.start_link(Server))
    with pytest.raises(ExitSignal):
        await otp.call(server, "not a cast")


async def test_sends_the_signal_to_itself(runtime: Runtime) -> None:
    with pytest.raises(ExitSignal):
        exit(current_pid(), "weird")


async def test_ends_itself(runtime: Runtime) -> None:
    with pytest.raises(ProcessExit):
        exit("weird")


async def test_is_not_linked(runtime: Runtime) -> None:
    spawn(weird)
    await runtime.at_rest()


async def test_is_linked_to_a_process_that_returns(runtime: Runtime) -> None:
    async def returns() -> None:
        pass

    spawn_link(returns)
    await runtime.at_rest()
