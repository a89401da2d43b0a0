"""The log record of a crashed process."""

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import attrs

from ..core.process import Process
from .exit_reason import Ending, ending_of

__all__ = ["contain_logging_errors", "log_if_crash", "report_crash"]

_log: Final = logging.getLogger("actorsock")


def log_if_crash(process: Process, exc: BaseException, during: str = "crashed") -> Ending:
    """Return what `exc` means, which has left the code of `process`; log it if it is a crash.

    Raises nothing, since the caller has yet to end the process: a BaseException (Ctrl-C) that
    leaves a handler of the program's logging becomes the interrupt of the result.
    """
    ending = ending_of(exc)
    if ending.crash is not None:
        try:
            report_crash(process, ending.crash, during)
        except BaseException as raised:
            ending = attrs.evolve(ending, interrupt=ending.interrupt or raised)
    return ending


def report_crash(process: Process, exc: BaseException, during: str = "crashed") -> None:
    """Log that the code of `process` ended with `exc`, with its traceback.

    The record has the attributes `pid` and `function`, for handlers that sort or filter by them.
    """
    with contain_logging_errors():
        function = process.body.describe()
        name = f" ({process.name})" if process.name is not None else ""
        extra: dict[str, Any] = {"pid": process.pid, "function": function}
        _log.error(
            "process %r%s running %s %s: %r",
            process.pid,
            name,
            function,
            during,
            exc,
            exc_info=(type(exc), exc, exc.__traceback__),
            extra=extra,
        )


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
