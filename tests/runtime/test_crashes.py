"""A crash ends one process, tells its links and monitors, and leaves one log record."""

import logging
import sys
import traceback
from collections.abc import Iterator
from functools import partial

import attrs
import pytest
import trio

from actorsock import (
    Down,
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


async def divide(number: int) -> None:
    await trio.lowlevel.checkpoint()
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


async def test_a_crash_leaves_one_log_record(
    runtime: None, caplog: pytest.LogCaptureFixture
) -> None:
    pid, ref = spawn_monitor(divide, 0, name="divider")
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


async def test_the_log_record_names_what_ran(
    runtime: None, caplog: pytest.LogCaptureFixture
) -> None:
    for function in [Divider(0).divide, Divider(0), partial(divide, 0)]:
        _, ref = spawn_monitor(function)
        await receive(ref)
    methods, *others = [record.function for record in caplog.records]
    assert methods.endswith(":Divider.divide")
    assert all("ivide" in other for other in others)


async def test_a_decision_to_end_is_not_logged(
    runtime: None, caplog: pytest.LogCaptureFixture
) -> None:
    async def process() -> None:
        exit(ValueError("a reason, not a crash"))

    _, ref = spawn_monitor(process)
    assert isinstance((await receive(ref)).reason, ValueError)
    pid, ref = spawn_monitor(receive)
    exit(pid, ValueError("a reason, not a crash"))
    assert isinstance((await receive(ref)).reason, ValueError)
    assert caplog.records == []


async def test_a_process_that_a_crash_takes_along_is_not_logged(
    runtime: None, caplog: pytest.LogCaptureFixture
) -> None:
    async def partner() -> None:
        spawn_link(divide, 0)
        await receive()

    _, ref = spawn_monitor(partner)
    assert isinstance((await receive(ref)).reason, ZeroDivisionError)
    assert len(caplog.records) == 1


@pytest.mark.parametrize("depth", [1, 2, 3])
async def test_a_crash_inside_nurseries_is_shown_plainly(
    runtime: None, caplog: pytest.LogCaptureFixture, depth: int
) -> None:
    async def process(depth: int) -> None:
        if depth == 0:
            await divide(0)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            nursery.start_soon(process, depth - 1)

    _, ref = spawn_monitor(process, depth)
    reason = (await receive(ref)).reason
    assert isinstance(reason, ZeroDivisionError)
    assert [record.exc_info[1] for record in caplog.records] == [reason]


async def test_several_crashes_in_a_nursery_stay_together(
    runtime: None, caplog: pytest.LogCaptureFixture
) -> None:
    async def crash(exc: Exception) -> None:
        raise exc

    async def process() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(crash, ValueError())
            nursery.start_soon(crash, LookupError())

    _, ref = spawn_monitor(process)
    reason = (await receive(ref)).reason
    assert isinstance(reason, ExceptionGroup)
    assert {type(exc) for exc in reason.exceptions} == {ValueError, LookupError}
    assert len(caplog.records) == 1


async def test_a_crash_beside_a_decision_to_end_is_a_crash(
    runtime: None, caplog: pytest.LogCaptureFixture
) -> None:
    async def crash() -> None:
        raise ValueError

    async def process() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(crash)
            exit("done")

    _, ref = spawn_monitor(process)
    reason = (await receive(ref)).reason
    assert reason.subgroup(ValueError) is not None
    assert len(caplog.records) == 1


async def test_an_exception_without_a_representation(
    runtime: None, caplog: pytest.LogCaptureFixture
) -> None:
    class Rude(Exception):
        def __repr__(self) -> str:
            raise RuntimeError("no")

    async def process() -> None:
        raise Rude

    caplog.set_level(logging.CRITICAL + 1, "actorsock")
    _, ref = spawn_monitor(process)
    assert isinstance((await receive(ref)).reason, Rude)


async def test_a_logger_that_fails_harms_nobody(
    runtime: None, capsys: pytest.CaptureFixture[str]
) -> None:
    class Failing(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            raise OSError("disk full")

    failing = Failing()
    log = logging.getLogger("actorsock")
    log.addFilter(failing)
    try:
        _, ref = spawn_monitor(divide, 0)
        assert isinstance((await receive(ref)).reason, ZeroDivisionError)
    finally:
        log.removeFilter(failing)
    assert "disk full" in capsys.readouterr().err


class Failed(BaseException):
    """No `Exception`, such as what `pytest.fail` raises."""


class Fails(logging.Handler):
    """A handler of log records that takes none."""

    def handle(self, record: logging.LogRecord) -> bool:
        raise Failed(record.getMessage())


@pytest.fixture
def logging_fails() -> Iterator[None]:
    """The program's logging raises what is no `Exception`."""
    logger, handler = logging.getLogger("actorsock"), Fails()
    logger.addHandler(handler)
    yield
    logger.removeHandler(handler)


@pytest.mark.parametrize("kind", ["task", "light", "handler"])
def test_a_crash_that_cant_be_logged_is_one_all_the_same(logging_fails: None, kind: str) -> None:
    """What the log handler raises concerns the program; the process has ended before."""
    reasons: list[object] = []

    async def divides_at_once() -> None:
        divides(0)

    def divides(number: int) -> None:
        1 / number

    def watches(message: object) -> None:
        if isinstance(message, Pid):
            monitor(message)
            send(message, 0)
        else:
            assert isinstance(message, Down)
            reasons.append(message.reason)

    async def main() -> None:
        light = kind == "light"
        pid = spawn_handler(divides) if kind == "handler" else spawn(divides_at_once, light=light)
        send(spawn_handler(watches), pid)
        await trio.sleep_forever()

    with pytest.raises(Failed, match="division by zero"):
        run(main)
    assert [type(reason) for reason in reasons] == [ZeroDivisionError]


@pytest.mark.parametrize("light", [False, True], ids=["task", "light"])
async def test_nurseries_nested_deeper_than_the_stack(
    runtime: None, light: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def crashes() -> None:
        raise group

    group: Exception = ValueError("a mistake")
    for _ in range(sys.getrecursionlimit() + 100):
        group = ExceptionGroup("a nursery", [group])
    _, ref = spawn_monitor(crashes, light=light)
    assert isinstance((await receive(ref)).reason, ValueError)


class Refuses:
    """A standard error that takes nothing."""

    def write(self, text: str) -> int:
        raise OSError("nobody reads it any more")


async def test_a_crash_that_can_be_told_nowhere(
    runtime: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def handle(record: logging.LogRecord) -> None:
        raise LookupError("no logging either")

    monkeypatch.setattr(logging.getLogger("actorsock"), "handle", handle)
    monkeypatch.setattr(sys, "stderr", Refuses())
    _, ref = spawn_monitor(divide, 0)
    assert isinstance((await receive(ref)).reason, ZeroDivisionError)
