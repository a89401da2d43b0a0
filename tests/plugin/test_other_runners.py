"""Tests that another plugin than pytest-trio runs, or that run once for each example."""

import pytest

pytest_plugins = "pytester"

HEAD = """
import pytest
from actorsock import *

async def crashes():
    raise ValueError("boom")
"""

ANYIO = """
@pytest.fixture
def anyio_backend():
    return "trio"

pytestmark = pytest.mark.anyio

async def test_passes(runtime, mailbox):
    me = current_pid()
    spawn(lambda: receive())
    send(me, "hello")
    await mailbox.expect("hello")
    runtime.allow(*set(processes()) - {me, runtime.pid})

async def test_notices(runtime):
    trap_exit(True)
    spawn_link(crashes)
    await receive(Exit)

async def test_leaves(runtime):
    spawn(receive)

async def test_crash(runtime):
    spawn(crashes)
    await runtime.at_rest()

async def test_signal(runtime):
    spawn_link(crashes)
    await runtime.at_rest()
"""

GIVEN = """
from hypothesis import HealthCheck, given, settings, strategies as st

pids = []

@settings(suppress_health_check=list(HealthCheck), max_examples=5, deadline=None, database=None)
@given(n=st.integers())
async def test_fresh(runtime, mailbox, n):
    assert runtime.pid not in pids
    pids.append(runtime.pid)
    mailbox.assert_empty()
    send(current_pid(), n)

def test_several():
    assert len(pids) >= 2

@settings(suppress_health_check=list(HealthCheck), max_examples=5, deadline=None, database=None)
@given(n=st.integers())
async def test_crash(runtime, n):
    if n > 100 or n == 0:
        spawn(crashes)
        await runtime.at_rest()
"""

PLAIN = """
@pytest.mark.trio
async def test_it(runtime): pass
"""


def run(pytester: pytest.Pytester, source: str, *options: str) -> pytest.RunResult:
    pytester.makepyfile(HEAD + source)
    return pytester.runpytest_subprocess("-pno:cacheprovider", *options)


def test_anyio_runs_tests_on_trio(pytester: pytest.Pytester) -> None:
    pytest.importorskip("anyio")
    result = run(pytester, ANYIO, "-pno:asyncio", "-pno:trio")
    result.assert_outcomes(passed=5, errors=3)
    result.stdout.fnmatch_lines(
        [
            "*the test has left behind:*",
            "*a process has crashed that is neither linked to the test*",
            "*was ended by an exit signal: reason ValueError('boom')*",
        ]
    )


def test_each_example_has_a_fresh_runtime(pytester: pytest.Pytester) -> None:
    result = run(pytester, GIVEN, "-pno:asyncio", "-otrio_mode=true")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines("*a process has crashed that is neither linked to the test*")


@pytest.mark.parametrize(
    ("plugin", "source", "options", "said"),
    [
        ("anyio", PLAIN, ["-oanyio_mode=auto", "-pno:asyncio"], "*anyio*strict*"),
        (
            "pytest_asyncio",
            PLAIN,
            ["-oasyncio_mode=auto", "-oasyncio_default_fixture_loop_scope=function"],
            "*pytest-asyncio*asyncio_mode = strict*",
        ),
        ("anyio", PLAIN.replace("trio", "anyio"), ["-pno:asyncio"], "*actorsock runs on trio*"),
    ],
    ids=["anyio_mode=auto", "asyncio_mode=auto", "anyio on asyncio"],
)
def test_the_remedy_is_said(
    pytester: pytest.Pytester, plugin: str, source: str, options: list[str], said: str
) -> None:
    pytest.importorskip(plugin)
    result = run(pytester, source, *options)
    assert result.ret != 0
    result.stdout.fnmatch_lines(said)
