"""The tests in docs/testing.md pass, and pytest prints the reports that it shows."""

import re

import pytest

from actorsock import testing
from actorsock.testing import OwnMailbox, Runtime

from .documents import blocks, text_of

pytest_plugins = "pytester"

BLOCKS = blocks("docs/testing.md")
PROGRAMS = [block.text for block in BLOCKS if block.language == "python"]
REPORT, EXIT_SIGNAL, CRASH, MAILBOX = [block.text for block in BLOCKS if block.language == "text"]

PLAIN = ["-p", "no:cacheprovider", "-p", "no:asyncio"]

LEAVES_A_PROCESS_AND_SOCKETS = """
import trio
from actorsock import ok, otp, send, socket, spawn

class Counter(otp.GenServer):
    def handle_call(self, request, caller):
        return otp.NoReply()

async def connection(listener, ready):
    sock = ok(await socket.accept(listener))
    ready.set()
    await otp.call("counter", "a request without a reply", float("inf"))

async def test_it(runtime):
    listener = ok(socket.open("inet", "stream", "tcp"))
    port = ok(socket.bind(listener, "loopback"))
    ok(socket.listen(listener))
    ok(await otp.start(Counter, name="counter"))
    ready = trio.Event()
    pid = spawn(connection, listener, ready)
    async with ok(socket.open("inet", "stream", "tcp")) as client:
        ok(await socket.connect(client, ("127.0.0.1", port)))
        await ready.wait()
    send(pid, "one")
    send(pid, "two")
"""


@pytest.fixture(autouse=True)
def configured(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\ntrio_mode = true\nfilterwarnings = error\n")


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_documented_test_passes(pytester: pytest.Pytester, program: str) -> None:
    pytester.makepyfile(program)
    result = pytester.runpytest_inprocess(*PLAIN)
    result.assert_outcomes(passed=program.count("async def test_"))


def test_the_report_of_leftovers(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_server=LEAVES_A_PROCESS_AND_SOCKETS)
    result = pytester.runpytest_inprocess(*PLAIN)
    result.assert_outcomes(failed=1)
    got = re.search(r"^the test has left behind:\n(?:  .*\n)+", result.stdout.str(), re.M)
    assert got is not None
    assert sorted(without_numbers(got[0])) == sorted(without_numbers(REPORT))


def without_numbers(report: str) -> list[str]:
    return re.sub(r"<0\.\d+\.0>|<0\.\d+>|127\.0\.0\.1:\d+", "N", report).splitlines()


def test_the_report_of_an_exit_signal(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        from actorsock import spawn_link

        async def crashes():
            raise ValueError("boom")

        async def test_it(runtime):
            spawn_link(crashes)
            await runtime.at_rest()
    """)
    result = pytester.runpytest_inprocess(*PLAIN)
    result.assert_outcomes(failed=1)
    assert EXIT_SIGNAL in result.stdout.str()


def test_the_report_of_a_crash(pytester: pytest.Pytester) -> None:
    lines = ["from actorsock import spawn", *[""] * 9, "async def handler():", "    assert False"]
    lines += ["async def test_it(runtime):", "    spawn(handler)", "    await runtime.at_rest()"]
    path = pytester.makepyfile(test_server="\n".join(lines))
    printed = pytester.runpytest_inprocess(*PLAIN).stdout.str()
    shown = CRASH.replace("1 == 2", "False").replace("/srv/tests/test_server.py", str(path))
    for line in re.sub(r"<0\.\d+\.0>", "N", shown).splitlines():
        assert line in re.sub(r"<0\.\d+\.0>", "N", printed)


def test_the_report_of_a_mailbox(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        from actorsock import current_pid, send

        async def test_it(runtime, mailbox):
            send(current_pid(), "b")
            send(current_pid(), 3)
            await mailbox.expect("b", "c")
    """)
    printed = pytester.runpytest_inprocess(*PLAIN).stdout.str()
    lines = [line.removeprefix("E").strip() for line in printed.splitlines() if line[:1] == "E"]
    (head, *rest) = [re.sub(r"<0\.\d+\.0>", "N", line) for line in lines]
    shown = [re.sub(r"<0\.\d+\.0>", "N", line.strip()) for line in MAILBOX.splitlines()]
    assert [head.removeprefix("AssertionError: "), *rest] == shown


@pytest.mark.parametrize("named", [testing, Runtime, OwnMailbox])
def test_every_public_name_is_mentioned(named: object) -> None:
    text = text_of("docs/testing.md")
    names = getattr(named, "__all__", [name for name in dir(named) if name[0] != "_"])
    assert [name for name in names if not re.search(rf"`[^`]*\b{name}\b[^`]*`", text)] == []
