"""Running a trio function on behalf of a process that is no trio task."""

from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar, TypeVarTuple, Unpack

import attrs
import trio
from trio.lowlevel import enable_ki_protection

from ..core.process import Process
from ..core.reductions import MESSAGE
from .crash_report import report_crash
from .current import current_process
from .exit_reason import interrupt_in, mistakes_in
from .functions import call_function

__all__ = ["in_trio"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


@enable_ki_protection
async def in_trio(fn: Callable[[Unpack[Ts]], Awaitable[T]], *args: *Ts) -> T:
    """`await fn(*args)` with all of trio at hand, from any kind of process.

    A light process waits while a trio task of the runtime's runs `fn`; what it returns or raises
    comes back, and an exit signal cancels it and waits for its clean-up, as for any process. In
    that task the functions of this library act as a process of the task's own, which ends with
    it: a socket that it opens is closed then, unless it is given away. Any other process is in trio
    already and just calls `fn`.
    """
    process = current_process()
    if process.body.kind != "light":
        return await call_function(fn, args)
    toll = process.body.spend(MESSAGE)
    if toll is not None:
        await toll
    errand: _Errand[T] = _Errand(process)
    process.node.nursery.start_soon(errand.run, fn, args)
    try:
        await process.body.park()
    except BaseException:
        errand.scope.cancel()
        await errand.over()
        if errand.failure is not None and (mistakes := mistakes_in(errand.failure)) is not None:
            report_crash(process, mistakes)  # nobody is there to whom it could be raised
        raise
    if errand.failure is not None:
        raise errand.failure
    return errand.answer


@attrs.define(eq=False)
class _Errand(Generic[T]):
    """One function that runs on behalf of a light process, in a task of its own."""

    process: Process
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    answer: T = attrs.field(init=False)
    failure: BaseException | None = None
    done: bool = False

    async def run(self, fn: Callable[..., Awaitable[T]], args: tuple[Any, ...]) -> None:
        """What the task runs."""
        try:
            with self.scope:
                self.answer = await call_function(fn, args)
        except trio.Cancelled as exc:
            self.failure = exc  # of the whole runtime, which is the end of the process too
            raise
        except BaseException as exc:
            # Also `exit` and Ctrl-C: they are the process's, and not the runtime's.
            self.failure = exc
            if (interrupt := interrupt_in(exc)) is not None:
                self.process.node.interrupt(interrupt)
        finally:
            self.done = True
            self.process.body.wake()

    async def over(self) -> None:
        """Wait until the task is through with its clean-up, also in a process that is ending."""
        body = self.process.body
        while not self.done:
            body.parked = True
            await body.waiting
