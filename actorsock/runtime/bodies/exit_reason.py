"""The meaning, for a process, of an exception that leaves its code.

trio wraps every exception that leaves a nursery in groups, also the process's own decision to end.
This is the one place that looks through them.
"""

from typing import Any, Final

import attrs
import trio

from ..core.process import ExitSignal, ProcessExit

__all__ = ["Ending", "crash_in", "ending_of", "interrupt_in"]


@attrs.frozen
class Ending:
    """The end of a process: its reason, and the exceptions that concern others."""

    reason: Any
    """Its exit reason: the argument of `exit`, or the exception of a crash."""
    crash: BaseException | None = None
    """The exception to log, if there was a genuine error and not just a decision to end."""
    interrupt: BaseException | None = None
    """Ctrl-C or `sys.exit`, which end the whole program."""
    unwinding: BaseException | None = None
    """The cancellation of a scope outside the process, or the closing of its coroutine."""

    @property
    def propagate(self) -> BaseException | None:
        """The exception to raise again outside the process, if any."""
        return self.interrupt or self.unwinding


def ending_of(exc: BaseException) -> Ending:
    """Return the meaning of `exc`, as it left the code of a process."""
    leaves = _leaves(exc)
    interrupt = _first(leaves, _INTERRUPTS)
    unwinding = _first(leaves, (GeneratorExit,))
    if unwinding is None and _first(leaves, (trio.Cancelled,)) is not None:
        # With its groups, and without the rest: trio expects back what it has raised.
        unwinding = _part(exc, trio.Cancelled)
    crash = crash_in(exc)
    if interrupt is not None or isinstance(unwinding, GeneratorExit):
        return Ending("shutdown", crash, interrupt, unwinding)
    if crash is not None:
        return Ending(crash, crash, None, unwinding)
    decided = _first(leaves, (ExitSignal, ProcessExit))
    reason = decided.reason if isinstance(decided, (ExitSignal, ProcessExit)) else "shutdown"
    return Ending(reason, None, None, unwinding)


def interrupt_in(exc: BaseException) -> BaseException | None:
    """Return the Ctrl-C or `sys.exit` in `exc`, without the groups around it."""
    return _first(_leaves(exc), _INTERRUPTS)


def crash_in(exc: BaseException) -> BaseException | None:
    """Return the part of `exc` that is a genuine error, which must be logged or raised."""
    leaves = _leaves(exc)
    errors = [leaf for leaf in leaves if not isinstance(leaf, _NO_ERRORS)]
    if not errors:
        return None
    interrupted = _first(leaves, _INTERRUPTS) is not None
    if len(errors if interrupted else leaves) == 1:
        # A single error is shown without its groups: the nursery around it is of no interest.
        return errors[0]
    return _without(exc, _NO_ERRORS) if interrupted else exc


_INTERRUPTS: Final = (KeyboardInterrupt, SystemExit)

# Exceptions that end code without an error in it.
_NO_ERRORS: Final = (*_INTERRUPTS, GeneratorExit, ExitSignal, ProcessExit, trio.Cancelled)


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


def _without(exc: BaseException, kinds: tuple[type[BaseException], ...]) -> BaseException | None:
    if isinstance(exc, BaseExceptionGroup):
        return exc.split(kinds)[1]
    return None if isinstance(exc, kinds) else exc
