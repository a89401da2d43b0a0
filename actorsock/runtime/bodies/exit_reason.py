"""What an exception that leaves a process's code means for the process.

trio wraps what leaves a nursery in groups, also a process's own decision to end; this is the
one place that looks through them.
"""

from typing import Any, Final

import attrs
import trio

from ..core.process import ExitSignal, ProcessExit

__all__ = ["Ending", "ending_of", "interrupt_in", "mistakes_in"]


@attrs.frozen
class Ending:
    """How a process ended."""

    reason: Any
    """Its exit reason: what `exit` was given, or the exception of a crash."""
    crash: BaseException | None = None
    """The exception to report, if it was a mistake and not a decision."""
    interrupt: BaseException | None = None
    """Ctrl-C or `sys.exit`, which concern the whole program."""
    unwinding: BaseException | None = None
    """What has to travel on: the cancellation of a scope outside of the process, or the closing
    of its coroutine."""

    @property
    def beyond(self) -> BaseException | None:
        """What concerns more than this process, if anything."""
        return self.interrupt or self.unwinding


def ending_of(exc: BaseException) -> Ending:
    """What `exc`, as it left the code of a process, means."""
    leaves = _leaves(exc)
    interrupt = _first(leaves, _INTERRUPTS)
    unwinding = _first(leaves, (GeneratorExit,))
    if unwinding is None and _first(leaves, (trio.Cancelled,)) is not None:
        unwinding = _part(exc, trio.Cancelled)
    crash = mistakes_in(exc)
    if interrupt is not None or isinstance(unwinding, GeneratorExit):
        return Ending("shutdown", crash, interrupt, unwinding)
    if crash is not None:
        return Ending(crash, crash, None, unwinding)
    decided = _first(leaves, (ExitSignal, ProcessExit))
    reason = decided.reason if isinstance(decided, (ExitSignal, ProcessExit)) else "shutdown"
    return Ending(reason, None, None, unwinding)


def interrupt_in(exc: BaseException) -> BaseException | None:
    """The Ctrl-C or `sys.exit` in `exc`, without the groups around it."""
    return _first(_leaves(exc), _INTERRUPTS)


def mistakes_in(exc: BaseException) -> BaseException | None:
    """What of `exc` is nobody's decision, and must be told to somebody."""
    leaves = _leaves(exc)
    mistakes = [leaf for leaf in leaves if not isinstance(leaf, _DECISIONS)]
    if not mistakes:
        return None
    interrupted = _first(leaves, _INTERRUPTS) is not None
    if len(mistakes if interrupted else leaves) == 1:
        # Alone in its group it is shown plainly: the nursery around it is no part of the news.
        return mistakes[0]
    return _rest(exc, _DECISIONS) if interrupted else exc


_INTERRUPTS: Final = (KeyboardInterrupt, SystemExit)
_DECISIONS: Final = (*_INTERRUPTS, GeneratorExit, ExitSignal, ProcessExit, trio.Cancelled)


def _leaves(exc: BaseException) -> list[BaseException]:
    # Without recursion: nurseries may be nested deeper than the stack is.
    leaves, left = [], [exc]
    while left:
        part = left.pop()
        if isinstance(part, BaseExceptionGroup):
            left.extend(reversed(part.exceptions))
        else:
            leaves.append(part)
    return leaves


def _first(
    leaves: list[BaseException], kinds: tuple[type[BaseException], ...]
) -> BaseException | None:
    return next((leaf for leaf in leaves if isinstance(leaf, kinds)), None)


def _part(exc: BaseException, kind: type[BaseException]) -> BaseException | None:
    if isinstance(exc, BaseExceptionGroup):
        return exc.subgroup(kind)
    return exc if isinstance(exc, kind) else None


def _rest(exc: BaseException, kinds: tuple[type[BaseException], ...]) -> BaseException | None:
    if isinstance(exc, BaseExceptionGroup):
        return exc.split(kinds)[1]
    return None if isinstance(exc, kinds) else exc
