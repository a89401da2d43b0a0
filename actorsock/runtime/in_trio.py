"""Running a trio function on behalf of a process that is no trio task."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import trio
from trio.lowlevel import enable_ki_protection

from .current import current_process
from .exit_reason import ending_of
from .process import Process

__all__ = ["in_trio"]

T = TypeVar("T")


@enable_ki_protection
async def in_trio(fn: Callable[..., Awaitable[T]], *args: Any) -> T:
    """`await fn(*args)` with all of trio at hand, from any kind of process.

    A light process waits while a trio task of the runtime's runs `fn`; what it returns or raises
    comes back, and an exit signal cancels it, as `trio.to_thread.run_sync` does for threads. In
    that task the functions of this library act as a process of the task's own. Any other
    process is in trio already and just calls `fn`.
    """
    process = current_process()
    if process.body.kind != "light":
        return await fn(*args)
    toll = process.body.spend(1)
    if toll is not None:
        await toll
    scope = trio.CancelScope()
    answer: list[T] = []
    failure: list[BaseException] = []
    process.node.nursery.start_soon(_run, process, scope, answer, failure, fn, args)
    try:
        await process.body.park()
    except BaseException:
        scope.cancel()
        raise
    if failure:
        raise failure[0]
    return answer[0]


async def _run(
    process: Process,
    scope: trio.CancelScope,
    answer: list[T],
    failure: list[BaseException],
    fn: Callable[..., Awaitable[T]],
    args: tuple[Any, ...],
) -> None:
    with scope:
        try:
            answer.append(await fn(*args))
        except trio.Cancelled:
            raise
        except BaseException as exc:
            # Also `exit` and Ctrl-C: they are the process's, and not the runtime's.
            failure.append(exc)
            if isinstance(beyond := ending_of(exc).beyond, (KeyboardInterrupt, SystemExit)):
                process.node.interrupt(beyond)
    process.body.wake()
