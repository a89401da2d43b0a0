"""What an exception that leaves a process's code means for the process.

trio wraps what leaves a nursery in groups, also a process's own decision to end; this is the
one place that looks through them.
"""

from typing import Any

import attrs
import trio

from .process import ProcessExit

__all__ = ["Ending", "ending_of"]


@attrs.frozen
class Ending:
    """How a process ended."""

    reason: Any
    """Its exit reason: what `exit` was given, or the exception of a crash."""
    crash: BaseException | None = None
    """The exception to report, if it was a mistake and not a decision."""
    beyond: BaseException | None = None
    """What concerns more than this process and must travel on: Ctrl-C, `sys.exit`, and the
    cancellation of a scope outside of it."""


def ending_of(exc: BaseException) -> Ending:
    """What `exc`, as it left the code of a process, means."""
    leaves = list(_leaves(exc))
    for leaf in leaves:
        if isinstance(leaf, (KeyboardInterrupt, SystemExit, GeneratorExit)):
            return Ending("shutdown", beyond=leaf)
    beyond = _only_cancelled(exc)
    mistakes = [leaf for leaf in leaves if not isinstance(leaf, (ProcessExit, trio.Cancelled))]
    if mistakes:
        # Alone in its group it is shown plainly: the nursery around it is no part of the news.
        crash = mistakes[0] if len(leaves) == 1 else exc
        return Ending(crash, crash, beyond)
    for leaf in leaves:
        if isinstance(leaf, ProcessExit):
            return Ending(leaf.reason, beyond=beyond)
    return Ending("shutdown", beyond=beyond)


def _leaves(exc: BaseException) -> list[BaseException]:
    if not isinstance(exc, BaseExceptionGroup):
        return [exc]
    return [leaf for part in exc.exceptions for leaf in _leaves(part)]


def _only_cancelled(exc: BaseException) -> BaseException | None:
    if isinstance(exc, trio.Cancelled):
        return exc
    if isinstance(exc, BaseExceptionGroup):
        return exc.subgroup(trio.Cancelled)
    return None
