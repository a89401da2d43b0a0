"""The fixture `runtime`: a runtime around the test, in which its own task is a process."""

import sys

import pytest

from .conftest import HEAD, INI, Tested

pytest_plugins = "pytester"


def test_the_test_is_a_process_with_a_mailbox(tested: Tested) -> None:
    tested("""
        async def test_it(runtime):
            me = current_pid()
            assert me is not runtime.pid
            assert processes() == [runtime.pid, me]

            async def echo():
                pid, word = await receive()
                send(pid, word.upper())

            send(spawn(echo), (me, "hello"))
            assert await receive() == "HELLO"
    """).assert_outcomes(passed=1)


def test_fixtures_that_use_it_are_processes_too(tested: Tested) -> None:
    tested("""
        @pytest.fixture
        async def server(runtime):
            async def counts():
                number = 0
                async for client in mailbox():
                    number += 1
                    send(client, number)

            me = current_pid()
            async with ending(spawn(counts, name="counter")):
                yield me

        async def test_it(server):
            assert server is not current_pid()
            for number in 1, 2:
                send("counter", current_pid())
                assert await receive() == number
    """).assert_outcomes(passed=1)


def test_it_works_for_marked_tests_without_trio_mode(tested: Tested) -> None:
    tested(
        """
        @pytest.mark.trio
        async def test_it(runtime, mailbox):
            send(current_pid(), "hello")
            assert mailbox.messages == ["hello"]
        """,
        trio_mode=False,
    ).assert_outcomes(passed=1)


def test_an_unmarked_test_is_told_what_to_do(tested: Tested) -> None:
    result = tested("async def test_it(runtime): pass", trio_mode=False)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines("*mark this one with @pytest.mark.trio, or set trio_mode = true*")


@pytest.mark.parametrize("trio_mode", [False, True])
def test_a_plain_test_can_not_have_it(tested: Tested, trio_mode: bool) -> None:
    result = tested("def test_it(mailbox): pass", trio_mode=trio_mode)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines("*are for async tests: this test is not async")
    result.stdout.no_fnmatch_line("*trio_mode = true*")


def test_a_fixture_that_pytest_trio_does_not_run_is_told(tested: Tested) -> None:
    result = tested("""
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
    """)
    result.assert_outcomes(failed=3, passed=1)
    result.stdout.fnmatch_lines(
        [
            "the fixture server has not run: *",
            "E *assert*",
            "*- Captured not run call -*",
            "the fixture server has not run: *",
            "*_ test_names_none _*",
            "the fixture server has not run: *",
        ]
    )


def test_usefixtures_asks_for_nothing_that_is_run(tested: Tested) -> None:
    result = tested("""
        @pytest.mark.usefixtures("runtime")
        async def test_it():
            pass
    """)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines("the fixture runtime has not run: *")


def test_without_pytest_trio_it_says_so_and_only_when_it_is_used(
    pytester: pytest.Pytester,
) -> None:
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
    # Another process: in this one everything is imported. The other plugins bring trio along.
    pytester.runpytest_subprocess("-p", "no:trio", "-p", "no:hypothesispytest").assert_outcomes(
        passed=1
    )


def test_pytest_may_begin_after_actorsock_was_imported(tested: Tested) -> None:
    """An installed plugin has its package marked so; what is marked too late, pytest warns of."""
    tested("""
        pytest.register_assert_rewrite("actorsock")

        def test_it(): pass
    """).assert_outcomes(passed=1)


def test_it_is_installed_as_actorsock_and_can_be_left_out(tested: Tested) -> None:
    result = tested("async def test_it(runtime): pass", "-p", "no:actorsock")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines("*fixture 'runtime' not found*")


def test_a_failing_test_shows_why_a_process_has_crashed(tested: Tested) -> None:
    result = tested("""
        async def counts():
            return 1 // 0

        async def test_it(runtime, mailbox):
            pid, ref = spawn_monitor(counts)
            await mailbox.assert_receive(Down(ref, pid, "normal"))
    """)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E *AssertionError: expected Down(ref=*reason='normal') within 1 s, got nothing*",
            "E *in the mailbox of <0.*.0>:",
            "E *1. Down(ref=*reason=ZeroDivisionError(*",
            "*Captured log call*",
            "ERROR *process <0.*.0> running *counts crashed: ZeroDivisionError*",
        ]
    )


def test_an_exit_signal_ends_the_test(tested: Tested) -> None:
    result = tested("""
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
    """)
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        ["E *ExitSignal: *ValueError('it went wrong')", "E *ExitSignal: *'killed'"]
    )


def test_a_runtime_that_ends_ends_the_test(tested: Tested) -> None:
    result = tested("""
        async def test_it(runtime):
            exit(runtime.pid, "over")
            await trio.sleep_forever()
    """)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines("*ProcessExit: *'over'")


def test_skip_and_xfail_are_what_they_are(tested: Tested) -> None:
    tested("""
        async def test_skipped(runtime):
            spawn(receive)
            pytest.skip("not today")

        @pytest.mark.xfail(reason="it leaves something")
        async def test_expected(runtime):
            spawn(receive)
    """).assert_outcomes(skipped=1, xfailed=1)


def test_the_module_is_told_to_be_typed_without_being_run(pytester: pytest.Pytester) -> None:
    """Its annotations name what is in `actorsock.testing`."""
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
