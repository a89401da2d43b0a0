"""Running a trio function on behalf of a light process."""

from collections.abc import Awaitable, Callable
from math import inf
from typing import Any, Generic, TypeVar, TypeVarTuple, Unpack

import attrs
import trio
from trio.lowlevel import enable_ki_protection

from ..core.process import ExitSignal, Process
from ..core.reductions import MESSAGE
from .crash_report import report_crash
from .current import current_process
from .exit_reason import crash_in, ending_of
from .functions import call_function
from .light import Interruption
from .open_nurseries import leave_nurseries

__all__ = ["TrioCall", "in_trio"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


@enable_ki_protection
async def in_trio(fn: Callable[[Unpack[Ts]], Awaitable[T]], *args: *Ts) -> T:
    """Run `await fn(*args)` with all of trio available, from any kind of process.

    In a light process a trio task of the runtime runs `fn` while the process waits. An exit signal
    cancels the task and waits for its clean-up, as for any process. Inside `fn` the functions of
    this library act as a process of the task's own, which ends with it: a socket that `fn` opens
    is closed then, unless another process becomes its owner. Any other process is a trio task
    already, and `fn` is just called.

    Args:
        fn: an async function that may use all of trio.
        *args: its arguments.

    Returns:
        The result of `fn`.

    Raises:
        Exception: whatever `fn` raises.

    Example::

        async def fetch(url):
            with trio.fail_after(5):
                ...

        async def light_process():
            page = await in_trio(fetch, "https://example.org")

        spawn(light_process, light=True)
    """
    process = current_process()
    pause = process.body.spend(MESSAGE)
    if pause is not None:
        await pause
    if process.body.kind != "light":
        return await call_function(fn, args)
    call: TrioCall[T] = TrioCall(process)
    process.node.nursery.start_soon(call.run, fn, args)
    try:
        await process.body.park(call)
    except BaseException:
        call.scope.cancel()
        later = await call.wait_done()
        if call.failure is not None and (crash := crash_in(call.failure, True)) is not None:
            report_crash(process, crash)  # what has ended the wait is raised, and not this
        if later is not None:
            raise later from None
        raise
    if call.failure is not None:
        raise call.failure
    return call.result


@attrs.define(eq=False)
class TrioCall(Generic[T]):
    """One call on behalf of a light process, in a task of its own."""

    process: Process
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    result: T = attrs.field(init=False)
    failure: BaseException | None = None
    done: bool = False

    async def run(self, fn: Callable[..., Awaitable[T]], args: tuple[Any, ...]) -> None:
        """Call the function; the body of the task."""
        try:
            with self.scope:
                try:
                    self.result = await call_function(fn, args)
                finally:
                    if (task := trio.lowlevel.current_task()).child_nurseries:
                        await leave_nurseries(task)
        except BaseException as exc:
            # Also `exit` and Ctrl-C: the process raises them, not the nursery of the runtime.
            self.failure = exc
            ending = ending_of(exc, trio.current_effective_deadline() == -inf)
            if ending.interrupt is not None:
                self.process.node.interrupt(ending.interrupt)
            elif ending.unwinding is not None:
                # Not by our scope: the whole runtime is cancelled, which ends the process too.
                self.failure = ExitSignal(ending.reason)
                raise ending.unwinding from None
        finally:
            self.done = True
            self.process.body.wake()

    async def wait_done(self) -> Interruption | None:
        """Wait until the task has cleaned up and ended, also in a process that is ending.

        Returns the last deadline that has passed meanwhile, to be raised afterwards. If it ended
        this wait, the end of the task would wake the process in whatever it waits for by then.
        """
        body = self.process.body
        interruption: Interruption | None = None
        # Not `park`, which would raise the exit signal again instead of waiting.
        while not self.done:
            body.parked = self
            try:
                await body.waiting
            except Interruption as exc:
                interruption = exc
        return interruption
