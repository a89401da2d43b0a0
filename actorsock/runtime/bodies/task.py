"""Task bodies: a process whose code is a trio task, with everything that trio offers.

`start_task` makes a new task around an async function, inside a cancel scope of its own, by which
an exit signal ends it wherever it waits. `adopt` takes a task that was started elsewhere: it has no
such scope, so an exit signal reaches it in its next call of the library, or at once while it waits
in one.
"""

from collections.abc import Awaitable, Callable
from math import inf
from typing import Any

import trio
from trio.lowlevel import (
    Abort,
    Task,
    checkpoint_if_cancelled,
    current_task,
    enable_ki_protection,
    reschedule,
    wait_task_rescheduled,
)

from ..._native import twin
from ..core.body import Body, owing
from ..core.node import Node
from ..core.process import ExitSignal, Process, alive, exit_signal, new_process
from ..core.reductions import TASK_BUDGET
from .crash_report import log_if_crash
from .functions import call_function, name_of
from .open_nurseries import leave_nurseries
from .running import by_task

__all__ = ["TaskBody", "adopt", "start_task"]


@twin
def start_task(
    node: Node, function: Callable[..., Awaitable[Any]], args: tuple[Any, ...]
) -> Process:
    """Return a new process that runs `function(*args)`; it starts when the caller gives way."""
    body = TaskBody(node, function, trio.CancelScope())
    process = new_process(node, body)
    _start(process, body, args, function)
    alive[process.pid] = process
    return process


@enable_ki_protection
def _start(process: Process, body: "TaskBody", args: tuple[Any, ...], name: object) -> None:
    # A function of its own: the native core calls it where it stands for `start_task`, so that here
    # too Ctrl-C can't strike between trio's steps of starting a task.
    process.node.nursery.start_soon(_run, process, body, args, name=name)


def adopt(node: Node, task: Task, scope: trio.CancelScope | None = None) -> Process:
    """Make `task` a process and return it; `scope`, if given, surrounds all of its code."""
    body = TaskBody(node, task.name, scope)
    body.task = task
    process = by_task[task] = new_process(node, body)
    alive[process.pid] = process
    return process


class TaskBody(Body):
    """Suspends and resumes one trio task."""

    __slots__ = ("_function", "_scope", "_stopped", "task")

    kind = "task"
    task: Task

    def __init__(self, node: Node, function: Any, scope: trio.CancelScope | None) -> None:
        super().__init__(node.timers, TASK_BUDGET)
        self._function = function
        self._scope = scope
        # The exit signal that ends an adopted process. One exception object for all calls: each
        # `raise` extends its traceback, and `exit_unraised` reads from that.
        self._stopped: ExitSignal | None = None

    @property
    def adopted(self) -> bool:
        return self._scope is None

    @property
    def function(self) -> object:
        return self._function

    @property
    def code(self) -> object:
        task: Task | None = getattr(self, "task", None)  # not begun: the slot is empty
        return None if task is None else task.coro

    @property
    def cancelled(self) -> bool:
        return trio.current_effective_deadline() == -inf

    @property
    def scope(self) -> trio.CancelScope | None:
        """The cancel scope around all of the code; None for an adopted task."""
        return self._scope

    @property
    def exit_unraised(self) -> bool:
        """True if an exit signal has ended the adopted process and no call has raised it yet."""
        return self._stopped is not None and self._stopped.__traceback__ is None

    @twin
    def spend(self, cost: int) -> Awaitable[None]:
        self.budget -= cost
        # Also while the budget lasts: a call must honour the cancellation of any scope around the
        # caller, and only trio knows of those.
        if self.budget > self.floor:
            return checkpoint_if_cancelled()  # noqa: ASYNC105  # for the caller to await
        return self._give_way()

    def checkpoint(self) -> Awaitable[None]:
        return self.spend(0)

    async def _give_way(self) -> None:
        self.floor = self.budget - TASK_BUDGET
        await trio.lowlevel.checkpoint()
        self.check()
        if owing and (debt := owing.pop(self, None)) is not None:
            await debt.settle(self)

    @property
    def waiting(self) -> Awaitable[object]:
        self.floor = self.budget - TASK_BUDGET  # others run meanwhile
        return wait_task_rescheduled(self._abort)  # noqa: ASYNC105  # for the caller to await

    def check(self) -> None:
        if self._stopped is not None:
            raise self._stopped

    def wake(self, outcome: Any = None) -> bool:
        reason = self.parked
        if reason is None:
            return False
        # First: a signal handler, which runs before `reschedule` does, may wake the process too.
        self.parked = None
        try:
            reschedule(self.task)
        except BaseException:  # the caller is in another thread
            self.parked = reason
            raise
        self.outcome = outcome
        return True

    def _abort(self, raise_cancel: Any) -> Abort:
        # Now, not when the task resumes: a wake in between must not reschedule it again.
        self.parked = None
        return Abort.SUCCEEDED

    def stop(self, reason: Any, ended_by: object) -> bool:
        if self._scope is not None:
            self._scope.cancel()
            return False
        self._stopped = exit_signal(reason, ended_by)
        self.wake()
        return True

    def describe(self) -> str:
        function = self._function
        return function if isinstance(function, str) else name_of(function)


@enable_ki_protection
async def _run(
    process: Process,
    body: TaskBody,
    args: tuple[Any, ...],
) -> None:
    task = body.task = current_task()
    by_task[task] = process
    reason: Any = "normal"
    scope = body._scope
    try:
        assert scope is not None
        try:
            with scope:
                if not process.ending:  # an exit signal may come before the first step
                    await call_function(body._function, args)
        finally:
            # Also if the scope has not raised: the code may have caught the error of a scope around
            # its nursery, after which this one is the innermost again.
            if task.child_nurseries:
                await leave_nurseries(task)
    except BaseException as exc:
        ending = log_if_crash(process, exc)
        reason = ending.reason
        # A crash is not raised: it would cancel the nursery, and with it every other process.
        if ending.interrupt is not None:
            process.node.interrupt(ending.interrupt)
        elif ending.unwinding is not None:
            raise ending.unwinding from None
    finally:
        by_task.pop(task, None)
        process.end(reason)
