"""The fixture `runtime`: a runtime around the test, in which the test's own task is a process."""

import sys
from collections.abc import AsyncIterator

import pytest

from actorsock import (
    Pid,
    current_pid,
    ending,
    mailbox,
    processes,
    receive,
    send,
    spawn,
)
from actorsock.testing import Runtime

from .conftest import HEAD, INI, Program, Tested, cases, check

pytest_plugins = "pytester"


async def test_the_test_is_a_process_with_a_mailbox(runtime: Runtime) -> None:
    async def echo() -> None:
        pid, word = await receive()
        send(pid, word.upper())

    me = current_pid()
    assert me is not runtime.pid
    assert processes() == [runtime.pid, me]
    send(spawn(echo), (me, "hello"))
    assert await receive() == "HELLO"


@pytest.fixture
async def server(runtime: Runtime) -> AsyncIterator[Pid]:
    async def counts() -> None:
        number = 0
        async for client in mailbox():
            number += 1
            send(client, number)

    async with ending(spawn(counts, name="counter")):
        yield current_pid()


async def test_a_fixture_that_uses_the_runtime_is_a_process(server: Pid) -> None:
    assert server is not current_pid()
    for number in 1, 2:
        send("counter", current_pid())
        assert await receive() == number


PROGRAMS = {
    "a marked test without trio_mode": Program(
        """
        @pytest.mark.trio
        async def test_it(runtime, mailbox):
            send(current_pid(), "hello")
            assert mailbox.messages == ["hello"]
        """,
        {"passed": 1},
        trio_mode=False,
    ),
    "an unmarked test without trio_mode": Program(
        "async def test_it(runtime): pass",
        {"errors": 1},
        ["*mark this one with @pytest.mark.trio, or set trio_mode = true*"],
        trio_mode=False,
    ),
    "a test that is not async": Program(
        "def test_it(mailbox): pass",
        {"errors": 1},
        ["*are for async tests: this test is not async"],
        hidden=["*trio_mode = true*"],
    ),
    "a test that is not async without trio_mode": Program(
        "def test_it(mailbox): pass",
        {"errors": 1},
        ["*are for async tests: this test is not async"],
        hidden=["*trio_mode = true*"],
        trio_mode=False,
    ),
    "fixtures that pytest-trio has not run": Program(
        """
        ran = []

        @pytest.fixture(autouse=True)
        async def server(runtime):
            ran.append("server")
            yield

        async def test_another(runtime):
            assert not ran

        async def test_fails_for_it(runtime):
            assert ran

        async def test_names_none():
            pass

        async def test_names_it(server):
            assert ran
        """,
        {"failed": 3, "passed": 1},
        [
            "the fixture server has not run: *",
            "E *assert*",
            "*- Captured not run call -*",
            "the fixture server has not run: *",
            "*_ test_names_none _*",
            "the fixture server has not run: *",
        ],
    ),
    "usefixtures": Program(
        """
        @pytest.mark.usefixtures("runtime")
        async def test_it():
            pass
        """,
        {"failed": 1},
        ["the fixture runtime has not run: *"],
    ),
    # An installed plugin has its package marked like this; pytest warns if that is too late.
    "actorsock imported before pytest": Program(
        """
        pytest.register_assert_rewrite("actorsock")

        def test_it(): pass
        """,
        {"passed": 1},
    ),
    "the plugin left out": Program(
        "async def test_it(runtime): pass",
        {"errors": 1},
        ["*fixture 'runtime' not found*"],
        args=["-p", "no:actorsock"],
    ),
    "why a process has crashed": Program(
        """
        async def counts():
            return 1 // 0

        async def test_it(runtime, mailbox):
            pid, ref = spawn_monitor(counts)
            await mailbox.assert_receive(Down(ref, pid, "normal"))
        """,
        {"failed": 1},
        [
            "E *AssertionError: expected Down(ref=*reason='normal') within 1 s, got nothing*",
            "E *in the mailbox of <0.*.0>:",
            "E *1. Down(ref=*reason=ZeroDivisionError(*",
            "*Captured log call*",
            "ERROR *process <0.*.0> running *counts crashed: ZeroDivisionError*",
        ],
    ),
    "an exit signal": Program(
        """
        async def crashes():
            raise ValueError("it went wrong")

        async def test_linked(runtime):
            spawn_link(crashes)
            await receive()

        async def test_killed(runtime):
            me = current_pid()

            async def kills():
                exit(me, "kill")

            spawn(kills)
            await receive()
        """,
        {"failed": 2},
        ["E *ExitSignal: *ValueError('it went wrong')", "E *ExitSignal: *'killed'"],
    ),
    "the end of the runtime": Program(
        """
        async def test_it(runtime):
            exit(runtime.pid, "over")
            await trio.sleep_forever()
        """,
        {"failed": 1},
        ["*ProcessExit: *'over'"],
    ),
    "skip and xfail": Program(
        """
        async def test_skipped(runtime):
            spawn(receive)
            pytest.skip("not today")

        @pytest.mark.xfail(reason="it leaves something")
        async def test_expected(runtime):
            spawn(receive)
        """,
        {"skipped": 1, "xfailed": 1},
    ),
}


@pytest.mark.parametrize("program", cases(PROGRAMS))
def test_outcome(tested: Tested, program: Program) -> None:
    check(tested, program)


def test_without_pytest_trio_only_tests_with_the_fixture_fail(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nfilterwarnings = error\n")
    pytester.makepyfile("""
        def test_plain(): pass
        async def test_it(runtime): pass
    """)
    result = pytester.runpytest_inprocess("-p", "no:trio")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines("*the fixtures of actorsock need pytest-trio: pip install *")


def test_nothing_is_imported_until_a_test_uses_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import sys

        def test_plain():
            names = {"actorsock", "actorsock.testing", "trio"}
            assert "pytest_actorsock" in sys.modules
            assert names & set(sys.modules) == set()
    """)
    # In this process everything is imported already; the other plugins would import trio.
    result = pytester.runpytest_subprocess("-p", "no:trio", "-p", "no:hypothesispytest")
    result.assert_outcomes(passed=1)


def test_annotations_name_the_classes_of_the_testing_package(pytester: pytest.Pytester) -> None:
    pytester.makeini(INI.format(trio_mode=True))
    pytester.makepyfile(
        HEAD
        + """
from actorsock.testing import OwnMailbox, Runtime

async def test_it(runtime: Runtime, mailbox: OwnMailbox):
    assert type(runtime) is Runtime
    assert type(mailbox) is OwnMailbox
"""
    )
    pytester.runpytest_inprocess().assert_outcomes(passed=1)
    assert "pytest_actorsock" in sys.modules
