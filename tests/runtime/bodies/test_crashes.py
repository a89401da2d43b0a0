"""A crash ends one process, reaches its links and monitors, and leaves one log record."""

import logging
import sys
import traceback
from collections.abc import Iterator
from functools import partial
from typing import Any

import attrs
import pytest
import trio

from actorsock import (
    Exit,
    Pid,
    current_pid,
    exit,
    is_alive,
    monitor,
    receive,
    run,
    send,
    spawn,
    spawn_handler,
    spawn_link,
    spawn_monitor,
    trap_exit,
)

from ..support import crash, every_body, outcome_of


async def divide(number: int) -> None:
    1 / number


async def test_a_crash_ends_only_the_process(
    runtime: None, caplog: pytest.LogCaptureFixture
) -> None:
    async def echo(dest: Pid) -> None:
        while True:
            send(dest, await receive())

    bystander = spawn(echo, current_pid())
    pid, ref = spawn_monitor(divide, 0)
    assert isinstance((await receive(ref)).reason, ZeroDivisionError)
    assert not is_alive(pid)
    send(bystander, "still there?")
    assert await receive() == "still there?"


async def test_the_reason_is_the_exception_with_its_traceback(
    runtime: None, caplog: pytest.LogCaptureFixture
) -> None:
    trap_exit(True)
    spawn_link(divide, 0)
    reason = (await receive(Exit)).reason
    assert isinstance(reason, ZeroDivisionError)
    assert traceback.extract_tb(reason.__traceback__)[-1].name == "divide"


# --- the log record -------------------------------------------------------------------------------


@every_body
async def test_a_crash_leaves_one_log_record(
    runtime: None, light: bool, caplog: pytest.LogCaptureFixture
) -> None:
    pid, ref = spawn_monitor(divide, 0, name="divider", light=light)
    reason = (await receive(ref)).reason
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("actorsock", logging.ERROR)
    assert record.pid is pid
    assert record.function == f"{divide.__module__}:divide"
    assert record.exc_info[1] is reason
    assert all(word in record.getMessage() for word in [repr(pid), "divider", "ZeroDivisionError"])


@attrs.frozen
class Divider:
    number: int

    async def divide(self) -> None:
        await divide(self.number)

    async def __call__(self) -> None:
        await divide(self.number)


async def test_the_log_record_names_the_function(
    runtime: None, caplog: pytest.LogCaptureFixture
) -> None:
    for function in [Divider(0).divide, Divider(0), partial(divide, 0)]:
        await outcome_of(function)
    methods, *others = [record.function for record in caplog.records]
    assert methods.endswith(":Divider.divide")
    assert all("ivide" in other for other in others)


@every_body
async def test_a_decision_to_end_is_not_logged(
    runtime: None, light: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def process() -> None:
        exit(ValueError("a reason, not a crash"))

    assert isinstance(await outcome_of(process, light=light), ValueError)
    pid, ref = spawn_monitor(receive, light=light)
    exit(pid, ValueError("a reason, not a crash"))
    assert isinstance((await receive(ref)).reason, ValueError)
    assert caplog.records == []


async def test_the_end_of_a_process_linked_to_a_crash_is_not_logged(
    runtime: None, caplog: pytest.LogCaptureFixture
) -> None:
    async def partner() -> None:
        spawn_link(divide, 0)
        await receive()

    assert isinstance(await outcome_of(partner), ZeroDivisionError)
    assert len(caplog.records) == 1


# --- groups ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [1, 2, 3])
async def test_a_crash_inside_nurseries_loses_its_groups(
    runtime: None, caplog: pytest.LogCaptureFixture, depth: int
) -> None:
    async def process(depth: int) -> None:
        if depth == 0:
            await divide(0)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            nursery.start_soon(process, depth - 1)

    reason = await outcome_of(process, depth)
    assert isinstance(reason, ZeroDivisionError)
    assert [record.exc_info[1] for record in caplog.records] == [reason]


@every_body
async def test_nurseries_may_be_nested_deeper_than_the_stack(
    runtime: None, light: bool, caplog: pytest.LogCaptureFixture
) -> None:
    group: Exception = ValueError("a crash")
    for _ in range(sys.getrecursionlimit() + 100):
        group = ExceptionGroup("a nursery", [group])
    assert isinstance(await outcome_of(crash, group, light=light), ValueError)


async def test_several_crashes_in_a_nursery_stay_a_group(
    runtime: None, caplog: pytest.LogCaptureFixture
) -> None:
    async def process() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(crash, ValueError())
            nursery.start_soon(crash, LookupError())

    reason = await outcome_of(process)
    assert isinstance(reason, ExceptionGroup)
    assert {type(exc) for exc in reason.exceptions} == {ValueError, LookupError}
    assert len(caplog.records) == 1


async def test_a_crash_beside_a_decision_to_end_is_a_crash(
    runtime: None, caplog: pytest.LogCaptureFixture
) -> None:
    async def process() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(crash, ValueError())
            exit("done")

    reason = await outcome_of(process)
    assert reason.subgroup(ValueError) is not None
    assert len(caplog.records) == 1


# --- logging that fails ---------------------------------------------------------------------------


class NoRepresentation(Exception):
    def __repr__(self) -> str:
        raise RuntimeError("no")


async def test_an_exception_needs_no_representation(
    runtime: None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL + 1, "actorsock")
    assert isinstance(await outcome_of(crash, NoRepresentation()), NoRepresentation)


class DiskFull(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        raise OSError("disk full")


async def test_an_error_in_logging_goes_to_stderr(
    runtime: None, capsys: pytest.CaptureFixture[str]
) -> None:
    failing = DiskFull()
    log = logging.getLogger("actorsock")
    log.addFilter(failing)
    try:
        assert isinstance(await outcome_of(divide, 0), ZeroDivisionError)
    finally:
        log.removeFilter(failing)
    assert "disk full" in capsys.readouterr().err


class Closed:
    """A standard error that can't be written to."""

    def write(self, text: str) -> int:
        raise OSError("closed")


async def test_an_error_in_logging_may_have_nowhere_to_go(
    runtime: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def handle(record: logging.LogRecord) -> None:
        raise LookupError("no logging either")

    monkeypatch.setattr(logging.getLogger("actorsock"), "handle", handle)
    monkeypatch.setattr(sys, "stderr", Closed())
    assert isinstance(await outcome_of(divide, 0), ZeroDivisionError)


class Failed(BaseException):
    """No `Exception`, such as the one that `pytest.fail` raises."""


class Fails(logging.Handler):
    def handle(self, record: logging.LogRecord) -> bool:
        raise Failed(record.getMessage())


@pytest.fixture
def logging_fails() -> Iterator[None]:
    """Let the program's logging raise a BaseException that is no `Exception`."""
    logger, handler = logging.getLogger("actorsock"), Fails()
    logger.addHandler(handler)
    yield
    logger.removeHandler(handler)


@pytest.mark.parametrize("kind", ["task", "light", "handler"])
def test_a_base_exception_in_logging_ends_the_program_after_the_process(
    logging_fails: None, kind: str
) -> None:
    reasons: list[Any] = []

    def divides(number: int) -> None:
        1 / number

    def watches(message: Any) -> None:
        if isinstance(message, Pid):
            monitor(message)
            send(message, 0)
        else:
            reasons.append(message.reason)

    async def main() -> None:
        handler = kind == "handler"
        pid = spawn_handler(divides) if handler else spawn(divide, 0, light=kind == "light")
        send(spawn_handler(watches), pid)
        await trio.sleep_forever()

    with pytest.raises(Failed, match="division by zero"):
        run(main)
    assert [type(reason) for reason in reasons] == [ZeroDivisionError]
