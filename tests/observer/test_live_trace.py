"""A trace that a page or a terminal reads while it goes on."""

import subprocess
import sys
from pathlib import Path

import pytest
import trio

from actorsock import Pid, receive, send, sleep, spawn
from actorsock.observer.terminal.asking import NoAnswer, Program, choose

from ..stories import in_runtime
from .support import observed


@pytest.fixture(autouse=True)
def folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


async def listens() -> None:
    while True:
        await receive()


async def talks(to: Pid, pause: float) -> None:
    while True:
        send(to, "a word")
        await sleep(pause)


@in_runtime
async def test_the_events_of_one_process_come_as_lines() -> None:
    listener = spawn(listens)
    spawn(talks, listener, 0.01)

    def first_lines() -> list[dict[str, object]]:
        found = []
        for line in Program(choose(None)).lines("trace", which=repr(listener), flags="receive"):
            found += [line] if "kind" in line else []
            if len(found) == 3:
                return found
        raise AssertionError(found)

    async with observed(messages=True):
        lines = await trio.to_thread.run_sync(first_lines)
    assert {(line["pid"], line["kind"], line["what"]) for line in lines} == {
        (repr(listener), "receive", "'a word'")
    }


@in_runtime
async def test_a_trace_that_is_too_much_ends_by_itself() -> None:
    spawn(talks, spawn(listens), 0)

    def last_line() -> object:
        asked = {"which": "existing", "flags": "receive", "limit": 50}
        *_, last = Program(choose(None)).lines("trace", **asked)
        return last

    async with observed(messages=True):
        assert await trio.to_thread.run_sync(last_line) == {"ended": "limit"}


@in_runtime
async def test_a_trace_that_is_read_too_slowly_ends_by_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("actorsock.observer.questions.tracing._BEHIND", 50)
    listener = spawn(listens)

    async def talks_at_once() -> None:
        await receive()
        for number in range(200):
            send(listener, number)

    talker = spawn(talks_at_once)

    def lines() -> list[dict[str, object]]:
        asked = {"which": repr(listener), "flags": "receive", "limit": 1000}
        found = Program(choose(None)).lines("trace", **asked)
        first = next(found)
        trio.from_thread.run_sync(send, talker, "go")
        return [first, *found]

    async with observed(messages=True):
        _, *told, last = await trio.to_thread.run_sync(lines)
    assert (len(told), last) == (51, {"ended": "behind"})


@in_runtime
async def test_a_trace_of_all_is_not_about_the_observer() -> None:
    async with observed(messages=True) as client:
        flags = "send,receive,procs,sockets"

        def beats() -> list[dict[str, object]]:
            lines = Program(choose(None)).lines("trace", which="all", flags=flags)
            assert next(lines) == {"trace": 1}
            return [next(lines), next(lines)]

        assert all("beat" in line for line in await trio.to_thread.run_sync(beats))
        assert (await client.get("/api/system"))["now"]["processes"] > 0


@in_runtime
@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"flags": "receive"}, "messages=True"),
        ({"flags": "love"}, "flags: expected some of send"),
        ({"which": "<0.0.0>"}, "which: expected a pid"),
        ({"limit": "many"}, "limit: expected a number"),
    ],
)
async def test_why_nothing_is_traced(asked: dict[str, str], why: str) -> None:
    def lines() -> None:
        with pytest.raises(NoAnswer, match=why):
            next(Program(choose(None)).lines("trace", **asked))

    async with observed():
        await trio.to_thread.run_sync(lines)


@in_runtime
async def test_the_command_prints_events() -> None:
    spawn(talks, spawn(listens), 0.01)

    def first_line() -> str:
        command = [sys.executable, "-m", "actorsock", "trace", "--flags", "send"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
            assert program.stdout is not None
            line = program.stdout.readline()
            program.kill()
        return line

    async with observed(messages=True):
        assert "'a word'" in await trio.to_thread.run_sync(first_line)
