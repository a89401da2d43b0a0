"""Light bodies: a coroutine that the runtime itself steps, at a fraction of a task's price.

It may await whatever this library offers. Awaiting something of trio's fails at once with trio's
own error, since no trio task is current during a step (see `core.passes`); any other awaitable is
recognised by what it yields. Both errors are raised in the process that made the mistake, and name
the remedy: `await in_trio(fn, *args)`.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from contextvars import copy_context
from typing import Any, Final, cast

from trio.lowlevel import enable_ki_protection

from ..._native import twin
from ...arguments import shown
from ..core.body import Body, owing
from ..core.node import Node
from ..core.process import Process, alive, exit_signal, new_process
from ..core.reductions import LIGHT_BUDGET
from .crash_report import log_if_crash
from .functions import code_of, name_of, resume_code, throw_into
from .running import local

__all__ = ["Interruption", "LightBody", "start_light", "step_all"]

_REMEDY: Final = (
    "a light process awaits only what actorsock offers: for something of trio's use "
    "`await in_trio(fn, *args)`, or spawn the process without light=True"
)

_PAUSE: Final = object()
"""The object that a light process yields to the runtime; a foreign awaitable yields others."""


class Interruption(BaseException):
    """Interrupts a call of a light process. A process that does not catch it crashes with `error`.

    Not an `Exception`: `except Exception` in the program must not catch it.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


class _Pause(tuple[object, ...]):
    """Awaiting it returns control to the runtime, once."""

    __slots__ = ()

    # A tuple's iterator yields its one element, as `yield _PAUSE` would. It is made in C, which a
    # generator for each wait is not.
    __await__ = tuple.__iter__


_pause: Final = cast("Awaitable[object]", _Pause((_PAUSE,)))


@twin
def start_light(
    node: Node, function: Callable[..., Awaitable[Any]], args: tuple[Any, ...]
) -> Process:
    """Return a new process that runs `function(*args)`; its first step comes in the next pass."""
    body = LightBody(node, function, args)
    process = body.process = new_process(node, body)
    node.passes.step_soon(body)
    alive[process.pid] = process
    return process


class LightBody(Body):
    """Steps one coroutine."""

    __slots__ = (
        "_args",
        "_coroutine",
        "_function",
        "_passes",
        "context",
        "exit_raised",
        "instead",
        "process",
        "stopped",
    )

    kind = "light"
    # An attribute in place of a property, which would cost a call at each wait.
    waiting = _pause  # pyright: ignore[reportAssignmentType, reportIncompatibleMethodOverride]
    process: Process
    _coroutine: Coroutine[Any, None, None] | None
    """The code; None until the first step."""

    def __init__(self, node: Node, function: Any, args: tuple[Any, ...]) -> None:
        super().__init__(node.timers, LIGHT_BUDGET)
        self._passes = node.passes
        self._function = function
        self._args = args
        self._coroutine = None
        self.context = copy_context()
        """Its context variables: a copy of the starter's, as trio does for a task."""
        self.instead: Callable[[Coroutine[Any, None, Any]], object] | None = None
        """Called once with the code, by the next step, instead of resuming it; mostly None."""
        self.stopped = False
        """True once an exit signal ends the process: it must not wait any more."""
        self.exit_raised = False
        """True once the code was sent `ExitSignal`; if it still runs, it has caught that."""

    @twin
    def spend(self, cost: int) -> Awaitable[None] | None:
        self.budget -= cost
        if self.budget > self.floor and not self.stopped:
            return None
        return self._give_way()

    def checkpoint(self) -> Awaitable[None]:
        return self._give_way()

    async def _give_way(self) -> None:
        # A stopped process raises at once and does not give way, except when it has caught the
        # signal before: a loop that ignores it must not keep the others from running.
        if self.exit_raised or (self.budget <= self.floor and not self.stopped):
            self._passes.step_soon(self)
            await _pause
        self.check()
        if owing and (debt := owing.pop(self, None)) is not None:
            await debt.settle(self)

    def check(self) -> None:
        if self.stopped:
            self.exit_raised = True
            raise exit_signal(self.process.reason, self.process.ended_by)

    def wake(self, outcome: Any = None) -> bool:
        reason = self.parked
        if reason is None:
            return False
        # First: a signal handler, which may run during `step_soon`, may wake the process too.
        self.parked = None
        try:
            self._passes.step_soon(self)
        except BaseException:  # the caller is in another thread
            self.parked = reason
            raise
        self.outcome = outcome
        return True

    def stop(self, reason: Any, ended_by: object) -> bool:
        self.stopped = True
        self.wake()
        return False

    @property
    def ended(self) -> bool:
        """True once the process has ended."""
        return not hasattr(self, "process")

    def release(self) -> None:
        del self.process

    def describe(self) -> str:
        return name_of(self._function)

    @property
    def function(self) -> object:
        return self._function

    @property
    def code(self) -> object:
        return self._coroutine

    def begin(self) -> Coroutine[Any, None, None]:
        """Call the function, before the first step; return the code."""
        if self.stopped:
            raise exit_signal(self.process.reason, self.process.ended_by)
        self._coroutine = coroutine = code_of(self._function, self._args)
        self._args = ()
        return coroutine

    def throw_next(self, exc: BaseException) -> None:
        """Have the next step raise `exc` in the code, where it waits."""

        def throw(coroutine: Coroutine[Any, None, Any]) -> object:
            self.instead = None
            return throw_into(coroutine, exc)

        self.instead = throw

    def throw_misuse(self, awaited: object) -> None:
        """Raise `TypeError` in the next step of the code, which has awaited something foreign.

        Only trio, or another event loop, could resume it from that. In a step of its own each
        time, since code that catches the error may await something foreign again, for ever.
        """
        self.throw_next(TypeError(f"{_REMEDY}; it awaited {shown(awaited)}"))
        self._passes.step_soon(self)

    def end_with(self, exc: BaseException) -> None:
        """End the process, whose code has raised `exc`; raise again what concerns the program."""
        if type(exc) is Interruption:
            exc = exc.error.with_traceback(exc.__traceback__)
        if _is_misuse(exc):
            with suppress(Exception):  # the program may have set `__notes__` to anything
                exc.add_note(_REMEDY)
        ending = log_if_crash(self.process, exc)
        self.process.end(ending.reason)
        if ending.propagate is not None:
            raise ending.propagate from None


@twin
@enable_ki_protection
def step_all(ready: deque[LightBody], budget: int) -> int:
    """Step the ready bodies in order, each until it waits or has used its own budget.

    Returns when none is ready, or when all of them together have spent `budget` reductions; the
    result is how many of these are left.
    """
    # One loop with everything inline: this runs for each message that a light process waits for.
    full, step = LIGHT_BUDGET, local.step
    try:
        while ready and budget > 0:
            body = ready.popleft()
            try:
                step.process = body.process
            except AttributeError:  # woken, and then ended in the same step
                continue
            body.floor = body.budget - full
            try:
                code = body._coroutine or body.begin()
                yielded = body.context.run(body.instead or resume_code, code)
                if yielded is not _PAUSE:
                    body.throw_misuse(yielded)
            except StopIteration:
                body.process.end("normal")
            except BaseException as exc:
                body.end_with(exc)
            # One reduction for the step itself: a pass whose steps spend nothing must end too.
            budget -= full + 1 - (body.budget - body.floor)
    finally:
        step.process = None
    return budget


def _is_misuse(exc: BaseException) -> bool:
    # The text of trio's own error when no task is current: it has no class of its own. Of the
    # program's exceptions not even `str` is called.
    return (
        type(exc) is RuntimeError
        and [type(arg) for arg in exc.args] == [str]
        and ("async context" in exc.args[0])
    )
