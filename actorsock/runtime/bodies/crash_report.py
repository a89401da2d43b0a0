"""The log record that a crashed process leaves behind."""

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import attrs

from ..core.process import Process
from .exit_reason import Ending, ending_of

__all__ = ["report_crash", "told", "told_alone"]

_log: Final = logging.getLogger("actorsock")


def told(process: Process, exc: BaseException, during: str = "crashed") -> Ending:
    """What it means that `exc` has left the code of `process`; a mistake is logged.

    It raises nothing: the process has yet to end. What is no `Exception` and comes from a handler
    of the program's logging concerns the program.
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

    The record's `pid` and `function` attributes say who, for handlers that want them apart.
    """
    with told_alone():
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
def told_alone() -> Iterator[None]:
    """Around what is logged for somebody else: what goes wrong in it stays there.

    Filters, handlers and representations are the program's. Their mistake is not another
    process's, nor the runtime's: stderr is left, if there is one.
    """
    try:
        yield
    except Exception:
        with suppress(Exception):
            traceback.print_exc()
