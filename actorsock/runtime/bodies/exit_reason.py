"""The meaning, for a process, of an exception that leaves its code.

trio wraps every exception that leaves a nursery in groups, also the process's own decision to end.
This is the one place that looks through them.
"""

from typing import Any, Final

import attrs
import trio

from ..core.process import ExitError, ExitSignal, ProcessExit

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
    failure: ExitError | None = None
    """The error that has ended it with its own reason: a failed call that was not caught."""

    @property
    def propagate(self) -> BaseException | None:
        """The exception to raise again outside the process, if any."""
        return self.interrupt or self.unwinding


def ending_of(exc: BaseException, cancelled: bool, closable: bool = True) -> Ending:
    """Return the meaning of `exc`, as it left the code of a process.

    `cancelled` is `Body.cancelled`: without it a `trio.Cancelled` comes from some other place and
    time (a stored outcome, another task's), and is an error like any other. trio would take it for
    its own: it would end the whole run, without a word. Not `closable` is code that others do not
    close, so that a `GeneratorExit` is its own.
    """
    if closable and _closes_coroutine(exc):
        return Ending("shutdown", None, None, exc)
    leaves = _leaves(exc)
    interrupt = _first(leaves, _INTERRUPTS)
    # With its groups, and without the rest: trio expects back what it has raised.
    unwinding = _select(exc, (trio.Cancelled,), matching=True) if cancelled else None
    crash = crash_in(exc, cancelled)
    if interrupt is not None:
        return Ending("shutdown", crash, interrupt, unwinding)
    if crash is not None:
        return Ending(crash, crash, None, unwinding)
    decided = _first(leaves, (ExitSignal, ProcessExit))
    if isinstance(decided, (ExitSignal, ProcessExit)):
        return Ending(decided.reason, None, None, unwinding)
    failure = _first(leaves, (ExitError,))
    if isinstance(failure, ExitError):
        return Ending(failure.reason, None, None, unwinding, failure)
    return Ending("shutdown", None, None, unwinding)


def interrupt_in(exc: BaseException) -> BaseException | None:
    """Return the Ctrl-C or `sys.exit` in `exc`, without the groups around it."""
    return _first(_leaves(exc), _INTERRUPTS)


def crash_in(exc: BaseException, cancelled: bool) -> BaseException | None:
    """Return the part of `exc` that is a genuine error, which must be logged or raised.

    `cancelled` is as for `ending_of`.
    """
    leaves = _leaves(exc)
    no_errors = (*_NO_ERRORS, trio.Cancelled) if cancelled else _NO_ERRORS
    errors = [leaf for leaf in leaves if not _is(leaf, no_errors)]
    if not errors:
        return None
    interrupted = _first(leaves, _INTERRUPTS) is not None
    if len(errors if interrupted else leaves) == 1:
        # A single error is shown without its groups: the nursery around it is of no interest.
        return errors[0]
    return _select(exc, no_errors, matching=False) if interrupted else exc


_INTERRUPTS: Final = (KeyboardInterrupt, SystemExit)

# Exceptions that end code without an error in it. An `ExitError` is an error where a program
# catches it; the end of a process by one is no crash, as in Erlang. A
# `trio.Cancelled` of a scope outside is none either.
_NO_ERRORS: Final = (
    *_INTERRUPTS,
    ExitError,
    ExitSignal,
    ProcessExit,
)


def _closes_coroutine(exc: BaseException) -> bool:
    """Return True if `exc` is the closing of the very coroutine that has caught it.

    `coroutine.close` raises a `GeneratorExit` of its own in each coroutine of a chain, where it
    awaits the next one. One that the program's code has raised has a frame of that code below.
    """
    if type(exc) is not GeneratorExit:
        return False
    traceback = exc.__traceback__
    return traceback is not None and traceback.tb_next is None


def _is(exc: BaseException, classes: tuple[type[BaseException], ...]) -> bool:
    # Not isinstance, which runs the `__class__` of the program's exception if it defines one.
    return issubclass(type(exc), classes)


def _leaves(exc: BaseException) -> list[BaseException]:
    # Without recursion: nurseries may be nested deeper than the stack is.
    leaves: list[BaseException] = []
    left: list[Any] = [exc]
    while left:
        part = left.pop()
        if issubclass(type(part), BaseExceptionGroup):
            # Through the base class: a subclass may define `exceptions`, and raise there.
            left.extend(reversed(BaseExceptionGroup.exceptions.__get__(part)))
        else:
            leaves.append(part)
    return leaves


def _first(
    leaves: list[BaseException], classes: tuple[type[BaseException], ...]
) -> BaseException | None:
    return next((leaf for leaf in leaves if _is(leaf, classes)), None)


def _select(
    exc: BaseException, classes: tuple[type[BaseException], ...], *, matching: bool
) -> BaseException | None:
    """Return the part of `exc` whose leaves are, or are not, of `classes`; None if it is empty."""
    if not isinstance(exc, BaseExceptionGroup):
        return exc if _is(exc, classes) is matching else None
    try:
        matched, rest = BaseExceptionGroup.split(exc, classes)
    except BaseException:  # `derive` of a subclass: the program's code, called by `split`
        leaves = [leaf for leaf in _leaves(exc) if _is(leaf, classes) is matching]
        return BaseExceptionGroup(str(type(exc)), leaves) if leaves else None
    return matched if matching else rest
