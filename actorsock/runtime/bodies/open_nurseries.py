"""Nurseries that the code of a process has opened and not left: contained in that process.

trio takes two things for granted that an async generator with `async with trio.open_nursery()`
breaks when it is not run to its end:

- A task leaves its nurseries before it exits. trio fails the parent nursery of a task that does
  not, and the parent of every process's task is the runtime's nursery: all processes would be
  cancelled. `leave_nurseries` is called at the end of every such task.
- A nursery is left by the task that opened it. The finalizer of an abandoned generator leaves it
  in a task of its own; as long as the nursery has tasks, that wakes the wrong task and ends the
  whole run with `TrioInternalError`. `finalizing_safely` makes the finalizer wait until they have
  exited.

A runtime that was opened and not left is such a nursery too, but cancelling does not end its tasks:
they are shielded, and end when the runtime is left (`leave_runtime`).
"""

import gc
import sys
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from types import AsyncGeneratorType, MethodType, SimpleNamespace
from typing import Any, Final, cast

import trio
from trio.lowlevel import Task

__all__ = ["finalizing_safely", "leave_nurseries", "leave_runtime"]

leave_runtime: Final[dict[trio.Nursery, Callable[[], None]]] = {}
"""For the nursery around each open runtime: begins to end the runtime, and must not raise."""

# The objects that may stand between a generator and a nursery that it is inside.
_BETWEEN: Final = (MethodType, AsyncGeneratorType, AbstractAsyncContextManager, tuple, deque)

# Objects to look at in one generator: the search must end, whatever it refers to.
_MOST_OBJECTS: Final = 1000


async def leave_nurseries(task: Task, around: trio.Nursery | None = None) -> None:
    """Cancel the tasks in the nurseries that `task`, the current one, is still inside; wait.

    All of them, or those inside of `around`, if there are any. Afterwards `task` can exit like one
    that has left them. The cancel scope around its code then raises, since the code ends inside
    another scope than it began in: the process crashes.
    """
    # There is no public way to do what the end of the `async with` block would have done.
    nurseries = task._child_nurseries
    first = 0 if around is None else nurseries.index(around) + 1
    if len(nurseries) == first:
        return
    ended = trio.Event()
    _when_empty(nurseries[first:], ended.set)
    with trio.CancelScope(shield=True):
        await ended.wait()
    del nurseries[first:]


@contextmanager
def finalizing_safely() -> Iterator[None]:
    """Let no abandoned generator, first iterated during the block, harm other tasks."""
    token = trio.lowlevel.current_trio_token()
    trio_finalizer = sys.get_asyncgen_hooks().finalizer
    assert trio_finalizer is not None

    def finalize(generator: AsyncGenerator[Any, Any]) -> None:
        # Called by the garbage collector, in any thread and between any two instructions.
        nurseries = _nurseries_of(generator)
        if nurseries:
            token.run_sync_soon(_when_empty, nurseries, lambda: finalize_empty(generator))
        else:
            trio_finalizer(generator)

    def finalize_empty(generator: AsyncGenerator[Any, Any]) -> None:
        try:
            trio_finalizer(generator)
        except BaseException as exc:
            # A warning that the program's filters have made an error. trio calls us here, and
            # would break: report it as Python reports an exception of a finalizer.
            unraisable = SimpleNamespace(
                exc_type=type(exc),
                exc_value=exc,
                exc_traceback=exc.__traceback__,
                err_msg=None,
                object=finalize,
            )
            sys.unraisablehook(cast("sys.UnraisableHookArgs", unraisable))

    sys.set_asyncgen_hooks(finalizer=finalize)
    try:
        yield
    finally:
        if sys.get_asyncgen_hooks().finalizer is finalize:
            sys.set_asyncgen_hooks(finalizer=trio_finalizer)


def _when_empty(nurseries: list[trio.Nursery], action: Callable[[], object]) -> None:
    """Cancel the tasks in `nurseries`, and call `action` when all of them have exited."""
    for nursery in nurseries:
        nursery.cancel_scope.cancel()
        leave = leave_runtime.pop(nursery, None)
        if leave is not None:
            leave()
    # A nursery has no event for this. An instrument is called for every task of the program that
    # exits, but it is there only while such nurseries are.
    exits = _Exits(nurseries, action)
    trio.lowlevel.add_instrument(exits)
    exits.check()


class _Exits(trio.abc.Instrument):
    """Calls an action, which must not raise, when the last task in some nurseries has exited."""

    def __init__(self, nurseries: list[trio.Nursery], action: Callable[[], object]) -> None:
        self._nurseries = nurseries
        self._action = action

    def check(self) -> None:
        """Call the action if the nurseries are empty."""
        if not any(nursery.child_tasks for nursery in self._nurseries):
            trio.lowlevel.remove_instrument(self)
            self._action()

    def task_exited(self, task: Task) -> None:
        self.check()


def _nurseries_of(generator: AsyncGenerator[Any, Any]) -> list[trio.Nursery]:
    """Return the nurseries that the suspended `generator` is inside, also by context managers."""
    # The managers lie on the evaluation stack of its frame, where only the collector sees them.
    manager_type = type(trio.open_nursery())
    found: list[trio.Nursery] = []
    seen: set[int] = set()
    left: list[Any] = [generator]
    while left and len(seen) < _MOST_OBJECTS:
        thing = left.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        referents = gc.get_referents(thing)
        if type(thing) is manager_type:
            found += [referent for referent in referents if type(referent) is trio.Nursery]
        else:
            left += [
                referent
                for referent in referents
                # pyright takes the `__slots__` of the abstract class for data of a protocol.
                if issubclass(type(referent), (manager_type, *_BETWEEN))  # pyright: ignore[reportGeneralTypeIssues]
            ]
    return found
