"""Running a trio function on behalf of a light process."""

from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar, TypeVarTuple, Unpack

import attrs
import trio
from trio.lowlevel import enable_ki_protection

from ..core.process import Process
from ..core.reductions import MESSAGE
from .crash_report import report_crash
from .current import current_process
from .exit_reason import crash_in, interrupt_in
from .functions import call_function

__all__ = ["in_trio"]

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
    if process.body.kind != "light":
        return await call_function(fn, args)
    pause = process.body.spend(MESSAGE)
    if pause is not None:
        await pause
    call: _TrioCall[T] = _TrioCall(process)
    process.node.nursery.start_soon(call.run, fn, args)
    try:
        await process.body.park()
    except BaseException:
        call.scope.cancel()
        await call.wait_done()
        if call.failure is not None and (crash := crash_in(call.failure)) is not None:
            report_crash(process, crash)  # the process is ending: it can't be raised there
        raise
    if call.failure is not None:
        raise call.failure
    return call.result


@attrs.define(eq=False)
class _TrioCall(Generic[T]):
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
                self.result = await call_function(fn, args)
        except trio.Cancelled as exc:
            # Not by our scope: the whole runtime is cancelled, which ends the process too.
            self.failure = exc
            raise
        except BaseException as exc:
            # Also `exit` and Ctrl-C: the process raises them, not the nursery of the runtime.
            self.failure = exc
            if (interrupt := interrupt_in(exc)) is not None:
                self.process.node.interrupt(interrupt)
        finally:
            self.done = True
            self.process.body.wake()

    async def wait_done(self) -> None:
        """Wait until the task has cleaned up and ended, also in a process that is ending."""
        body = self.process.body
        # Not `park`, which would raise the exit signal again instead of waiting.
        while not self.done:
            body.parked = True
            await body.waiting
