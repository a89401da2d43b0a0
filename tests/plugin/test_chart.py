"""The option `--actorsock-chart`: the last messages in the report of a test that fails."""

import pytest

from .conftest import Tested

pytest_plugins = "pytester"

PROGRAM = """
async def echo():
    while True:
        sender, text = await receive(tuple)
        send(sender, text)

async def talk(runtime):
    pid = spawn(echo, name="the echo")
    runtime.allow(pid)
    send(pid, (current_pid(), "hello"))
    assert await receive() == "hello"
    await runtime.at_rest()

async def test_passes(runtime):
    await talk(runtime)

async def test_fails(runtime):
    await talk(runtime)
    assert 1 == 2

async def test_leaves(runtime):
    await talk(runtime)
    spawn(stays)
"""


@pytest.mark.parametrize("charted", [False, True])
def test_a_failing_test_shows_its_last_messages(tested: Tested, charted: bool) -> None:
    result = tested(PROGRAM, *(["--actorsock-chart"] if charted else []))
    result.assert_outcomes(passed=1, failed=2)
    shown = result.stdout.str()
    assert shown.count("Captured last messages call") == (2 if charted else 0)
    assert shown.count("spawn the echo") == (2 if charted else 0)
    assert shown.count("spawn stays") == (1 if charted else 0)
    if charted:
        result.stdout.fnmatch_lines(["E *assert 1 == 2", "*'hello'*", "*the test has left behind*"])
