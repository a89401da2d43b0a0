"""Ctrl-C and `sys.exit` end the program, wherever they are raised, and leave nothing behind."""

import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from actorsock import (
    exit,
    in_trio,
    receive,
    run,
    send,
    spawn,
    spawn_handler,
    spawn_link,
)

from ..support import cleans_up, crash, every_body

Program = Callable[[BaseException], Awaitable[None]]

both = pytest.mark.parametrize("interrupt", [KeyboardInterrupt(), SystemExit(3)], ids=repr)


def raises(interrupt: BaseException) -> Callable[[Any], None]:
    """A handler of messages that raises it."""

    def handler(message: Any) -> None:
        raise interrupt

    return handler


async def crash_in_a_nursery(exc: BaseException) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep_forever)
        nursery.start_soon(crash, exc)


# --- raised by the program itself -----------------------------------------------------------------


async def in_a_process(interrupt: BaseException) -> None:
    spawn(crash, interrupt)
    await trio.sleep_forever()


async def in_a_linked_process(interrupt: BaseException) -> None:
    spawn_link(crash, interrupt)
    await trio.sleep_forever()


async def in_a_nursery_of_a_process(interrupt: BaseException) -> None:
    spawn(crash_in_a_nursery, interrupt)
    await trio.sleep_forever()


async def in_a_light_process(interrupt: BaseException) -> None:
    spawn(crash, interrupt, light=True)
    await trio.sleep_forever()


async def in_trio_for_a_light_process(interrupt: BaseException) -> None:
    spawn(in_trio, crash, interrupt, light=True)
    await trio.sleep_forever()


async def in_main(interrupt: BaseException) -> None:
    raise interrupt


async def in_a_handler_as_main_returns(interrupt: BaseException) -> None:
    send(spawn_handler(raises(interrupt)), "a message")


async def in_terminate(interrupt: BaseException) -> None:
    exit(spawn_handler(print, raises(interrupt)), "kill")
    await receive()


@both
@pytest.mark.parametrize(
    "program",
    [
        in_a_process,
        in_a_linked_process,
        in_a_nursery_of_a_process,
        in_a_light_process,
        in_trio_for_a_light_process,
        in_main,
        in_a_handler_as_main_returns,
        in_terminate,
    ],
)
def test_an_interrupt_ends_the_program(interrupt: BaseException, program: Program) -> None:
    ended: list[str] = []

    async def waits(wait: Callable[[], Awaitable[Any]], name: str) -> None:
        try:
            await wait()
        finally:
            ended.append(name)

    async def main() -> None:
        spawn(waits, receive, "another process")
        spawn_handler(print)
        await wait_all_tasks_blocked()
        await waits(partial(program, interrupt), "main")

    with pytest.raises(type(interrupt)) as info:
        run(main)
    assert info.value is interrupt
    assert sorted(ended) == ["another process", "main"]


@both
def test_an_interrupt_in_a_handler_is_not_raised_in_the_sender(interrupt: BaseException) -> None:
    went_on: list[str] = []

    async def main() -> None:
        send(spawn_handler(raises(interrupt)), "a message")
        went_on.append("the sender")
        await trio.sleep_forever()
        went_on.append("for ever")

    with pytest.raises(type(interrupt)) as info:
        run(main)
    assert info.value is interrupt
    assert went_on == ["the sender"]


@both
def test_an_interrupt_in_terminate_does_not_stop_the_end_of_others(
    interrupt: BaseException,
) -> None:
    ended: list[int] = []

    def terminate(number: int, reason: Any) -> None:
        ended.append(number)
        if number == 1:
            raise interrupt

    async def main() -> None:
        for number in range(3):
            spawn_handler(print, partial(terminate, number))

    with pytest.raises(type(interrupt)) as info:
        run(main)
    assert info.value is interrupt
    assert ended == [0, 1, 2]


@both
def test_processes_and_main_clean_up_after_an_interrupt(interrupt: BaseException) -> None:
    cleaned: list[str] = []

    async def main() -> None:
        spawn(cleans_up, "process", cleaned)
        await wait_all_tasks_blocked()
        spawn(crash, interrupt)
        await cleans_up("main", cleaned)

    with pytest.raises(type(interrupt)):
        run(main)
    assert sorted(cleaned) == ["main", "process"]


def test_a_process_that_main_starts_after_an_interrupt_is_ended_too() -> None:
    ended: list[str] = []

    async def late() -> None:
        try:
            await receive()
        finally:
            ended.append("late")

    async def main() -> None:
        spawn(crash, KeyboardInterrupt())
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                spawn(late)
                await wait_all_tasks_blocked()

    with pytest.raises(KeyboardInterrupt):
        run(main)
    assert ended == ["late"]


# --- beside an error, which is logged -------------------------------------------------------------


def logged(caplog: pytest.LogCaptureFixture) -> list[type[BaseException] | None]:
    return [record.exc_info[0] for record in caplog.records if record.exc_info]


def test_an_error_in_the_clean_up_after_an_interrupt_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        spawn(crash, KeyboardInterrupt())
        try:
            await trio.sleep_forever()
        finally:
            raise ValueError("an error")

    with pytest.raises(KeyboardInterrupt):
        run(main)
    assert logged(caplog) == [ValueError]


@both
def test_an_error_beside_an_interrupt_in_main_is_logged(
    interrupt: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(crash, ValueError("an error"))
            nursery.start_soon(crash, interrupt)

    with pytest.raises(type(interrupt)) as info:
        run(main)
    assert info.value is interrupt
    assert logged(caplog) == [ValueError]


@both
@every_body
def test_an_error_beside_an_interrupt_in_a_process_is_logged(
    interrupt: BaseException, light: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        group = BaseExceptionGroup("both", [interrupt, ValueError("an error")])
        spawn(crash, group, light=light)
        await receive()

    with pytest.raises(type(interrupt)):
        run(main)
    assert logged(caplog) == [ValueError]


# --- Ctrl-C in a program of its own ---------------------------------------------------------------


PROGRAM = """
import os, signal, sys, trio
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

def spins(message):
    say("ready")
    while True:
        pass

async def spins_in_a_process():
    spins("no message")

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

NextLine = Callable[[], str]


@contextmanager
def program(body: str) -> Iterator[tuple[subprocess.Popen[str], NextLine]]:
    """Start a program of processes; also yield a function that reads its next line."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(body=body)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        # A test run in the background may ignore SIGINT, and the program would inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as started:
        assert started.stdout is not None
        output = started.stdout
        try:
            yield started, lambda: output.readline().strip()
            assert started.wait() == 0
        finally:
            started.kill()


READY_AND_WAIT = """
    say("ready")
    await receive()
"""

PROGRAMS = {
    "all wait": "async def body():" + READY_AND_WAIT,
    "a function of in_trio is busy": """
async def body():
    await in_trio(spins_in_a_process)
""",
    "a predicate is busy": """
async def body():
    send(current_pid(), "a message")
    await receive(spins)
""",
    "a light process is busy": """
async def body():
    spawn(spins_in_a_process, light=True)
    await receive()
""",
    "a process receives without end": """
async def busy():
    while True:
        send(current_pid(), "again")
        await receive()

async def body():
    spawn(busy)"""
    + READY_AND_WAIT,
    "light processes receive without end": """
async def busy(other=None):
    while True:
        send(other or current_pid(), current_pid())
        other = await receive()

async def body():
    spawn(busy, spawn(busy, light=True), light=True)"""
    + READY_AND_WAIT,
    "a handler handles without end": """
async def body():
    send(spawn_handler(lambda message: send(current_pid(), message)), "again")"""
    + READY_AND_WAIT,
}

SIGNALS_ITSELF = """
async def body():
    say("ready")
    await trio.to_thread.run_sync(os.kill, os.getpid(), signal.SIGINT)
    await receive()
"""


@pytest.mark.parametrize("body", [*PROGRAMS.values(), SIGNALS_ITSELF], ids=[*PROGRAMS, "itself"])
def test_ctrl_c_ends_every_process_and_the_program(body: str) -> None:
    with program(body) as (started, next_line):
        assert next_line() == "ready"
        if body != SIGNALS_ITSELF:
            started.send_signal(signal.SIGINT)
        lines = [next_line() for _ in range(4)]
        assert lines == ["process ended", "process ended", "handler ended", "interrupted 0 0"]


SLOW_TO_END = """
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
    say("ready")
    await receive()
"""


def test_a_second_ctrl_c_ends_handlers_and_waits_for_clean_up() -> None:
    with program(SLOW_TO_END) as (started, next_line):
        assert next_line() == "ready"
        started.send_signal(signal.SIGINT)
        lines = [next_line() for _ in range(3)]
        assert lines == ["process ended", "process ended", "cleaning up"]
        started.send_signal(signal.SIGINT)
        assert next_line() == "handler ended"
        assert started.stdin is not None
        started.stdin.write("\n")
        started.stdin.flush()
        assert [next_line(), next_line()] == ["cleaned up", "interrupted 0 0"]
