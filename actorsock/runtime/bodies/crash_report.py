"""The report of a crashed process: a log record, and a call of each observer."""

import logging
import traceback
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, Protocol, cast

import attrs

from ...log_text import text_of
from ..core.identity import Pid
from ..core.process import Process
from .exit_reason import Ending, ending_of

__all__ = [
    "CrashObserver",
    "Serves",
    "contain_logging_errors",
    "crash_observers",
    "last_message_note",
    "log_if_crash",
    "report_crash",
]

_log: Final = logging.getLogger("actorsock")


class CrashObserver(Protocol):
    """Is called for each crash, however logging is configured; its methods must not raise."""

    def crashed(
        self, process: Process, exc: BaseException, told: Collection[Pid] | None = None
    ) -> None:
        """Note a crash; called before links and monitors are notified.

        If the process goes on, `told` has the processes that hear of the crash all the same.
        """
        ...

    def call_failed(self, caller: Process, server: Process) -> None:
        """Note that a call fails because the server, served in place, ended without an answer.

        Such a call has no monitor: without this, no trace of it would exist when the server ends.
        """
        ...


class Serves:
    """The base of a function that serves the messages of its process, for the crash report."""

    __slots__ = ()

    def last_message(self) -> str | None:
        """Return the text of the message that it is serving; None between messages."""
        return None


crash_observers: Final[list[CrashObserver]] = []
"""Empty, except while a test runs in a runtime of `actorsock.testing`."""


def log_if_crash(process: Process, exc: BaseException, during: str = "crashed") -> Ending:
    """Return what `exc` means, which has left the code of `process`; log it if it is a crash.

    Raises nothing, since the caller has yet to end the process: a BaseException (Ctrl-C) that
    leaves a handler of the program's logging becomes the interrupt of the result.
    """
    # A light process is resumed, and never closed, where its end is noticed.
    ending = ending_of(exc, process.body.cancelled, process.body.kind != "light")
    if ending.crash is not None:
        try:
            report_crash(process, ending.crash, during)
        except BaseException as raised:
            ending = attrs.evolve(ending, interrupt=ending.interrupt or raised)
    return ending


def report_crash(
    process: Process,
    exc: BaseException,
    during: str = "crashed",
    told: Collection[Pid] | None = None,
) -> None:
    """Log that the code of `process` ended with `exc`, with its traceback.

    The record has the attributes `pid`, `function`, `ended_by` (an `EndedBy` or None) and
    `last_message` (its text, or None), for handlers that sort or filter by them. `told` is for
    observers.
    """
    for observer in crash_observers:
        observer.crashed(process, exc, told)
    with contain_logging_errors():
        function = process.body.describe()
        name = f" ({process.name})" if process.name is not None else ""
        served = _last_message(process)
        extra = {
            "pid": process.pid,
            "function": function,
            "ended_by": process.ended_by,
            "last_message": served,
        }
        _log.error(
            "process %r%s running %s %s: %s%s%s",
            process.pid,
            name,
            function,
            during,
            text_of(exc),
            last_message_note(served),
            # A crash in the clean-up after an exit signal: the note says where that came from.
            "" if process.ended_by is None else f" (ended before: {process.ended_by})",
            exc_info=_exc_info_of(exc),
            extra=extra,
        )


def last_message_note(served: str | None) -> str:
    """Return what the text of a record ends with, for the result of `Serves.last_message`."""
    return "" if served is None else f" (last message: {served})"


def _last_message(process: Process) -> str | None:
    function = process.body.function
    # Not `isinstance`, which asks the function of a program for its class.
    return cast(Serves, function).last_message() if issubclass(type(function), Serves) else None


def _exc_info_of(exc: BaseException) -> Any:
    # A formatter asks the exception for its class, notes and causes. What these
    # raise must not pass for an exception of a log handler, which may end the program.
    try:
        traceback.TracebackException.from_exception(exc, lookup_lines=False)
        return type(exc), exc, exc.__traceback__
    except BaseException:
        return None


@contextmanager
def contain_logging_errors() -> Iterator[None]:
    """Print an exception raised by logging to stderr, and raise nothing.

    Filters, handlers and the `repr` of what is logged are the program's code. An error in them must
    not crash the process, or the runtime, that happens to log.
    """
    try:
        yield
    except Exception:
        with suppress(Exception):  # e.g. stderr is closed
            traceback.print_exc()
