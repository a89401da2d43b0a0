"""A test whose process was ended by an exit signal fails, also if it calls nothing any more."""

import pytest

from .conftest import Tested

pytest_plugins = "pytester"


CRASHES = """
from trio.testing import wait_all_tasks_blocked

class Server(otp.GenServer):
    def handle_cast(self, request):
        raise ValueError(request)

async def weird():
    exit("weird")
"""


def test_what_would_have_been_told_by_a_call_is_told_at_the_end(tested: Tested) -> None:
    result = tested(
        CRASHES
        + """
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
"""
    )
    result.assert_outcomes(failed=4)
    lines = [
        f"*the process of <test 'test_{name}'> was ended by an exit signal: reason {reason}"
        for name, reason in [
            ("in_place", "ValueError('boom')"),
            ("rests", "ValueError('boom')"),
            ("waits_in_trio", "'weird'"),
            ("is_no_crash", "'killed'"),
        ]
    ]
    result.stdout.fnmatch_lines(lines)


def test_a_crash_is_shown_where_it_happened(tested: Tested) -> None:
    result = tested(
        CRASHES
        + """
async def test_it(runtime):
    otp.cast(ok(await otp.start_link(Server)), "boom")
"""
    )
    result.stdout.fnmatch_lines(
        [
            ">*raise ValueError(request)",
            "E*ValueError: boom",
            "*direct cause of the following exception*",
            "E*Failed: the process of <test 'test_it'>*",
        ]
    )


def test_a_fixture_is_named(tested: Tested) -> None:
    result = tested(
        CRASHES
        + """
@pytest.fixture
async def server(runtime):
    yield ok(await otp.start_link(Server))

async def test_it(server):
    otp.cast(server, "boom")
"""
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines("*the process of <fixture 'server'> was ended by an exit signal*")


def test_one_that_expects_it_passes(tested: Tested) -> None:
    tested(
        CRASHES
        + """
async def test_traps(runtime):
    trap_exit(True)
    otp.cast(ok(await otp.start_link(Server)), "boom")

async def test_waits_for_it(runtime):
    spawn_link(weird)
    with pytest.raises(ExitSignal):
        await receive()

async def test_looks_for_it(runtime):
    spawn_link(weird)
    await runtime.at_rest()
    with pytest.raises(ExitSignal):
        current_pid()

async def test_is_told_at_once(runtime):
    server = ok(await otp.start_link(Server))
    with pytest.raises(ExitSignal):
        await otp.call(server, "not a cast")

async def test_sends_it_to_itself(runtime):
    with pytest.raises(ExitSignal):
        exit(current_pid(), "weird")

async def test_ends_itself(runtime):
    with pytest.raises(ProcessExit):
        exit("weird")

async def test_is_not_linked(runtime):
    spawn(weird)
    await runtime.at_rest()

async def test_links_end_in_order(runtime):
    async def returns():
        pass

    spawn_link(returns)
    await runtime.at_rest()
"""
    ).assert_outcomes(passed=8)


def test_a_test_that_fails_anyway_fails_with_its_own_reason(tested: Tested) -> None:
    """And what it may be due to is shown below."""
    result = tested(
        CRASHES
        + """
async def test_it(runtime):
    spawn_link(weird)
    await runtime.at_rest()
    assert 1 == 2
"""
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E *assert 1 == 2",
            "*- Captured exit signals call -*",
            "the process of <test 'test_it'> was ended by an exit signal: reason 'weird'",
        ]
    )


@pytest.mark.parametrize("light", [False, True], ids=["task", "light"])
def test_what_it_left_is_shown_too(tested: Tested, light: bool) -> None:
    result = tested(
        CRASHES
        + f"""
async def test_it(runtime):
    spawn(receive, light={light})
    spawn_link(weird)
    await runtime.at_rest()
"""
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*the process of <test 'test_it'> was ended*", "*left behind*", "process <*receive*"]
    )
