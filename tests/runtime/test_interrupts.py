"""Ctrl-C and `sys.exit` end the program, wherever they are raised, and leave nothing behind."""

import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from actorsock import Timeout, in_trio, receive, run, send, sleep, spawn, spawn_handler

both = pytest.mark.parametrize("interrupt", [KeyboardInterrupt(), SystemExit(3)], ids=repr)


@both
@pytest.mark.parametrize("linked", [False, True])
def test_raised_in_a_process(interrupt: BaseException, linked: bool) -> None:
    ended: list[str] = []

    async def waits() -> None:
        try:
            await receive()
        finally:
            ended.append("another process")

    async def interrupted() -> None:
        raise interrupt

    async def main() -> None:
        spawn(waits)
        await wait_all_tasks_blocked()
        spawn(interrupted)
        try:
            await trio.sleep_forever()
        finally:
            ended.append("main")

    with pytest.raises(type(interrupt)) as info:
        run(main)
    assert info.value is interrupt
    assert sorted(ended) == ["another process", "main"]


@both
def test_raised_in_a_nursery_of_a_process(interrupt: BaseException) -> None:
    async def interrupted() -> None:
        raise interrupt

    async def process() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            nursery.start_soon(interrupted)

    async def main() -> None:
        spawn(process)
        await trio.sleep_forever()

    with pytest.raises(type(interrupt)) as info:
        run(main)
    assert info.value is interrupt


@both
def test_raised_in_main(interrupt: BaseException) -> None:
    async def main() -> None:
        spawn(receive)
        spawn_handler(print)
        await wait_all_tasks_blocked()
        raise interrupt

    with pytest.raises(type(interrupt)) as info:
        run(main)
    assert info.value is interrupt


@both
def test_raised_in_a_handler(interrupt: BaseException) -> None:
    went_on: list[str] = []

    def handler(message: Any) -> None:
        raise interrupt

    async def main() -> None:
        send(spawn_handler(handler), "a message")
        went_on.append("the sender")  # it is not the sender's exception
        await trio.sleep_forever()
        went_on.append("for ever")

    with pytest.raises(type(interrupt)) as info:
        run(main)
    assert info.value is interrupt
    assert went_on == ["the sender"]


@both
def test_raised_in_a_handler_while_the_runtime_is_left(interrupt: BaseException) -> None:
    ended: list[int] = []

    def terminate(number: int) -> Callable[[Any], None]:
        def when_terminated(reason: Any) -> None:
            ended.append(number)
            if number == 1:
                raise interrupt

        return when_terminated

    async def main() -> None:
        for number in range(3):
            spawn_handler(print, terminate(number))

    with pytest.raises(type(interrupt)) as info:
        run(main)
    assert info.value is interrupt
    assert ended == [0, 1, 2]


@both
def test_raised_in_a_light_process(interrupt: BaseException) -> None:
    async def interrupted() -> None:
        raise interrupt

    async def main() -> None:
        spawn(interrupted, light=True)
        await trio.sleep_forever()

    with pytest.raises(type(interrupt)) as info:
        run(main)
    assert info.value is interrupt


@both
def test_raised_in_what_a_light_process_runs_in_trio(interrupt: BaseException) -> None:
    async def interrupted() -> None:
        raise interrupt

    async def main() -> None:
        spawn(in_trio, interrupted, light=True)
        await trio.sleep_forever()

    with pytest.raises(type(interrupt)) as info:
        run(main)
    assert info.value is interrupt


@both
def test_processes_and_main_clean_up_after_an_interrupt(interrupt: BaseException) -> None:
    cleaned: list[str] = []

    async def cleans_up(name: str) -> None:
        try:
            await receive()
        finally:
            with trio.CancelScope(shield=True):
                assert await receive(after=0.001) == Timeout()
                await sleep(0.001)
                cleaned.append(name)

    async def interrupted() -> None:
        raise interrupt

    async def main() -> None:
        spawn(cleans_up, "process")
        await wait_all_tasks_blocked()
        spawn(interrupted)
        await cleans_up("main")

    with pytest.raises(type(interrupt)):
        run(main)
    assert sorted(cleaned) == ["main", "process"]


def test_a_process_that_main_starts_after_an_interrupt_is_ended_too() -> None:
    ended: list[str] = []

    async def interrupted() -> None:
        raise KeyboardInterrupt

    async def late() -> None:
        try:
            await receive()
        finally:
            ended.append("late")

    async def main() -> None:
        spawn(interrupted)
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                spawn(late)
                await wait_all_tasks_blocked()

    with pytest.raises(KeyboardInterrupt):
        run(main)
    assert ended == ["late"]


def mistakes(caplog: pytest.LogCaptureFixture) -> list[type[BaseException] | None]:
    """What has been logged."""
    return [record.exc_info[0] for record in caplog.records if record.exc_info]


def test_an_interrupt_wins_over_a_mistake_in_the_clean_up_which_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def interrupted() -> None:
        raise KeyboardInterrupt

    async def main() -> None:
        spawn(interrupted)
        try:
            await trio.sleep_forever()
        finally:
            raise ValueError("a mistake")

    with pytest.raises(KeyboardInterrupt):
        run(main)
    assert mistakes(caplog) == [ValueError]


async def mistaken() -> None:
    raise ValueError("a mistake")


@both
def test_a_mistake_beside_an_interrupt_is_logged(
    interrupt: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    async def interrupted() -> None:
        raise interrupt

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(mistaken)
            nursery.start_soon(interrupted)

    with pytest.raises(type(interrupt)) as info:
        run(main)
    assert info.value is interrupt
    assert mistakes(caplog) == [ValueError]


@both
@pytest.mark.parametrize("light", [False, True], ids=["task", "light"])
def test_a_mistake_beside_an_interrupt_in_a_process_is_logged(
    interrupt: BaseException, light: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def process() -> None:
        raise BaseExceptionGroup("both", [interrupt, ValueError("a mistake")])

    async def main() -> None:
        spawn(process, light=light)
        await receive()

    with pytest.raises(type(interrupt)):
        run(main)
    assert mistakes(caplog) == [ValueError]


PROGRAM = """
import sys, trio
from trio.testing import wait_all_tasks_blocked
from actorsock import *
from actorsock.runtime.core.process import alive
from actorsock.runtime.bodies.running import by_task

def say(*words):
    print(*words, flush=True)

async def process(wait):
    try:
        await wait()
    finally:
        say("process ended")

async def main():
    spawn(process, receive)
    spawn(process, trio.sleep_forever)
    spawn_handler(print, lambda reason: say("handler ended"))
    await wait_all_tasks_blocked()
    await body()

{body}

try:
    run(main)
except KeyboardInterrupt:
    say("interrupted", len(alive), len(by_task))
"""


@contextmanager
def program(body: str) -> Iterator[tuple[subprocess.Popen[str], Callable[[], str]]]:
    """A program of processes, and a function that reads the next line that it prints."""
    source = PROGRAM.format(body=textwrap.dedent(body))
    with subprocess.Popen(
        [sys.executable, "-X", "dev", "-c", source],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        # A test run in the background may have been told to ignore it, and would hand that on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as started:
        assert started.stdout is not None
        output = started.stdout
        try:
            yield started, lambda: output.readline().strip()
            assert started.wait() == 0
        finally:
            started.kill()


def everybody_ends(next_line: Callable[[], str]) -> None:
    """The processes of the program end, and then the program."""
    lines = [next_line() for _ in range(4)]
    assert lines == ["process ended", "process ended", "handler ended", "interrupted 0 0"]


@pytest.mark.parametrize(
    "body",
    [
        """
    async def spins():
        say("running")
        while True:
            pass

    async def body():
        await in_trio(spins)
        """,
        """
    def spins(message):
        say("running")
        while True:
            pass

    async def body():
        send(current_pid(), "a message")
        await receive(spins)
        """,
    ],
    ids=["in_trio", "a predicate"],
)
def test_a_signal_in_a_function_that_the_library_calls(body: str) -> None:
    with program(body) as (started, next_line):
        assert next_line() == "running"
        started.send_signal(signal.SIGINT)
        everybody_ends(next_line)


def test_a_signal_while_all_processes_wait() -> None:
    body = """
    async def body():
        say("waiting")
        await receive()
    """
    with program(body) as (started, next_line):
        assert next_line() == "waiting"
        started.send_signal(signal.SIGINT)
        everybody_ends(next_line)


def test_a_signal_by_the_program_to_itself() -> None:
    body = """
    import os, signal

    async def body():
        await trio.to_thread.run_sync(os.kill, os.getpid(), signal.SIGINT)
        await receive()
    """
    with program(body) as (_, next_line):
        everybody_ends(next_line)


def test_a_signal_while_a_process_is_busy() -> None:
    body = """
    async def busy():
        while True:
            send(current_pid(), "again")
            await receive()

    async def body():
        spawn(busy)
        say("busy")
        await receive()
    """
    with program(body) as (started, next_line):
        assert next_line() == "busy"
        started.send_signal(signal.SIGINT)
        everybody_ends(next_line)


def test_a_signal_while_handlers_are_busy() -> None:
    body = """
    async def body():
        send(spawn_handler(lambda message: send(current_pid(), message)), "again")
        say("busy")
        await receive()
    """
    with program(body) as (started, next_line):
        assert next_line() == "busy"
        started.send_signal(signal.SIGINT)
        everybody_ends(next_line)


def test_a_second_signal_while_the_runtime_is_left() -> None:
    body = """
    async def slow_to_end():
        try:
            await receive()
        finally:
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(ask)
                say("cleaned up")

    def ask():
        trio.from_thread.run(wait_all_tasks_blocked)
        say("cleaning up")
        sys.stdin.readline()

    async def body():
        spawn(slow_to_end)
        await wait_all_tasks_blocked()
        say("waiting")
        await receive()
    """
    with program(body) as (started, next_line):
        assert next_line() == "waiting"
        started.send_signal(signal.SIGINT)
        lines = [next_line() for _ in range(3)]
        assert lines == ["process ended", "process ended", "cleaning up"]
        started.send_signal(signal.SIGINT)
        assert next_line() == "handler ended"
        assert started.stdin is not None
        started.stdin.write("\n")
        started.stdin.flush()
        assert next_line() == "cleaned up"
        assert next_line() == "interrupted 0 0"
