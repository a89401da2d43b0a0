"""Opening and leaving a runtime.

The tasks of processes live in one nursery, which is shielded: they end by exit signals in good
order, not by a cancellation around the block. A task of its own (`_host`) holds the nursery, away
from the block and the scopes that may cancel it. From a process, only exceptions that concern the
whole program (Ctrl-C, `sys.exit`) propagate.

A runtime is left in stages, so that the clean-up of each process still finds what it needs: first
tasks and light processes end, then handlers (sockets and servers), then timers and the rest.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeVar, TypeVarTuple, Unpack

import attrs
import trio
from trio.lowlevel import Task, enable_ki_protection

from ..bodies.crash_report import report_crash
from ..bodies.current import enter_node, leave_node
from ..bodies.exit_reason import Ending, crash_in, ending_of, interrupt_in
from ..bodies.functions import call_function, check_function, name_of
from ..bodies.light import step_all
from ..bodies.open_nurseries import finalizing_safely, leave_nurseries, leave_runtime
from ..bodies.running import by_task
from ..bodies.task import adopt
from ..core.identity import Pid
from ..core.node import Node
from ..core.process import Process, ProcessExit, note_end, processes_of
from ..core.signals import is_word

__all__ = ["open_runtime", "run"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


def run(
    main: Callable[[Unpack[Ts]], Awaitable[T]],
    *args: *Ts,
    clock: trio.abc.Clock | None = None,
) -> T | None:
    """Run `main(*args)` as the first process of a new runtime. Replaces `trio.run`.

    When `main` returns, every other process is ended and every socket closed.

    Args:
        main: an async function.
        *args: its arguments.
        clock: a trio clock, such as `trio.testing.MockClock`; None is the system's.

    Returns:
        The result of `main`; None if it ended by `exit("normal")`.

    Raises:
        ProcessExit: `main` ended by `exit` with another reason, or by an exit signal.
        KeyboardInterrupt, SystemExit: from any process of the runtime; it is left in good order.
        TypeError: `main` is not an async function.
        Exception: whatever `main` raises.

    Example::

        async def main(greeting):
            send(current_pid(), greeting)
            print(await receive())

        run(main, "hello")
    """

    check_function("main", main)

    @enable_ki_protection
    async def first() -> T | None:
        trio.lowlevel.current_task().name = name_of(main)  # for tools that list tasks
        value: list[T] = []
        async with open_runtime():
            value.append(await call_function(main, args))
        return value[0] if value else None  # empty after exit("normal")

    return trio.run(first, clock=clock)


@asynccontextmanager
@enable_ki_protection
async def open_runtime() -> AsyncGenerator[Pid, None]:
    """Open a runtime around a block of a trio program: `async with open_runtime():`.

    The task that opens it becomes its first process; every task started inside is adopted as a
    process when it first calls the library. Leaving the block ends every process and closes every
    socket. An exit signal that ends the first process cancels the block.

    Yields:
        The pid of the first process.

    Raises:
        ProcessExit: the first process ended by `exit` with a reason other than `"normal"`, or by
            an exit signal.
        KeyboardInterrupt, SystemExit: from any process of the runtime.
        Exception: whatever the block raises.

    Example::

        async def main():
            async with open_runtime() as pid:
                send(pid, "hello")
                print(await receive())

        trio.run(main)
    """
    task = trio.lowlevel.current_task()
    former = by_task.get(task)
    first: Process | None = None
    scope = trio.CancelScope()
    stages = _Stages()
    try:
        async with trio.open_nursery() as outside:
            node, background = await outside.start(_host, scope, stages)
            before = enter_node(node)
            background.start_soon(node.timers.run)
            background.start_soon(node.run_queue.run_left_over)
            background.start_soon(node.passes.keep)
            first = adopt(node, task, scope)
            leave_runtime[outside] = partial(_abandon, node, stages, before, task, first, former)
            ending = Ending("normal")
            try:
                with scope:
                    try:
                        yield first.pid
                    finally:
                        # Not if somebody else closes this generator, which was abandoned.
                        if task is trio.lowlevel.current_task():
                            await leave_nurseries(task, outside)
            except BaseException as exc:
                ending = ending_of(exc, first.body.cancelled)
                # A decision to end that came wrapped in groups is raised below, without them.
                decided = (
                    ending.crash is None and ending.failure is None and ending.propagate is None
                )
                if not decided or (type(exc) is ProcessExit and not is_word(exc.reason, "normal")):
                    raise
            finally:
                # No await between these: links get the reason of the first process, and every
                # other process is killed before its code runs again.
                first.end(ending.reason)
                try:
                    _end_tasks(node)
                    leave_node(node, before)
                    _restore(task, first, former)
                    with trio.CancelScope(shield=True):
                        stages.leaving.set()
                        await stages.left.wait()
                finally:
                    # Also when a second Ctrl-C has interrupted the wait.
                    _end_handlers(node)
                    stages.over.set()
                    leave_runtime.pop(outside, None)
            if not is_word(first.reason, "normal"):
                end = ProcessExit(first.reason)
                note_end(end, first.ended_by)
                # With the crash as its cause, if there was one, and without the ProcessExit or
                # Cancelled that has led here as its context.
                raise end from end.__cause__
    except BaseExceptionGroup as group:
        _raise_unwrapped(group, first)


@attrs.define
class _Stages:
    """The stages in which a runtime is left, for the block and `_host` to wait for each other."""

    leaving: trio.Event = attrs.field(factory=trio.Event)
    """The block has ended, and tasks and light processes have been sent a kill."""
    left: trio.Event = attrs.field(factory=trio.Event)
    """The tasks of all processes have ended."""
    over: trio.Event = attrs.field(factory=trio.Event)
    """Handlers have ended too: timers and run queue are not needed any more."""
    abandoned: bool = False
    """The code that has opened the runtime does not leave it: `_host` goes on alone."""
    outer: Node | None = None
    """The runtime around an abandoned one, which is interrupted in its place."""


@enable_ki_protection
async def _host(
    block: trio.CancelScope,
    stages: _Stages,
    task_status: trio.TaskStatus[tuple[Node, trio.Nursery]],
) -> None:
    """Hold two nurseries open, outside the block and the scopes that cancel it.

    The inner one is for the tasks of processes. The outer one is for background tasks of the
    runtime, such as timers, which work until the last process has cleaned up.
    """
    with finalizing_safely():
        async with trio.open_nursery() as background:
            try:
                async with trio.open_nursery() as nursery:
                    node = Node(nursery, block)
                    node.passes.step_all = step_all
                    task_status.started((node, background))
                    # Shield only after this: if the opening task is cancelled already, it never
                    # reaches the `finally` that leaves the runtime.
                    await trio.lowlevel.checkpoint_if_cancelled()
                    background.cancel_scope.shield = True
                    await stages.leaving.wait()
                    await _wait_for_light(node)
            finally:
                stages.left.set()
            if stages.abandoned:
                _end_handlers(node)
            else:
                await stages.over.wait()
            node.passes.stop()
            background.cancel_scope.cancel()
    if node.interruption is not None:
        if stages.outer is None:
            raise node.interruption
        stages.outer.interrupt(node.interruption)


@enable_ki_protection
def _end_tasks(node: Node) -> None:
    node.closing = True
    for process in processes_of(node):
        if process.body.kind != "handler":
            process.signal(process.pid, "kill", "exit")


async def _wait_for_light(node: Node) -> None:
    """Wait until the killed light processes have unwound, which takes a step or two."""
    while any(process.body.kind == "light" for process in processes_of(node)):
        await trio.lowlevel.checkpoint()


@enable_ki_protection
def _end_handlers(node: Node) -> None:
    # After the tasks, whose clean-up may still use sockets and servers.
    for process in processes_of(node):
        process.signal(process.pid, "kill", "exit")
    try:
        node.run_queue.run_all()
    finally:
        while node.at_close:
            node.at_close.pop()()
        # Adopted tasks from outside the block go on, without a process.
        for task, process in by_task.copy().items():
            if process.node is node:
                del by_task[task]


def _restore(task: Task, first: Process, former: Process | None) -> None:
    if by_task.get(task) is not first:
        return  # done before, by `_abandon`
    if former is None:
        del by_task[task]
    else:
        by_task[task] = former


@enable_ki_protection
def _abandon(
    node: Node,
    stages: _Stages,
    before: Node | None,
    task: Task,
    first: Process,
    former: Process | None,
) -> None:
    """Begin to leave a runtime whose block was suspended for ever, in a generator."""
    if stages.leaving.is_set():
        return
    first.end("killed")
    _end_tasks(node)
    # The variable that says in which runtime a task is belongs to the context of the task.
    if task is trio.lowlevel.current_task():
        leave_node(node, before)
    else:
        task.context.run(leave_node, node, before)
    _restore(task, first, former)
    stages.abandoned, stages.outer = True, before
    stages.leaving.set()


def _raise_unwrapped(group: BaseExceptionGroup[BaseException], first: Process | None) -> None:
    """Raise the exception in `group` without the groups of this module's own nursery."""
    exc: BaseException = group
    interrupt = interrupt_in(group)
    if interrupt is not None:
        exc = interrupt
        crash = crash_in(group, True)
        if crash is not None and first is not None:
            report_crash(first, crash)  # since it can't be raised beside the interrupt
    else:
        # An exception of the block takes precedence over the cancellation that it came with.
        _, errors = group.split(trio.Cancelled)
        if len((errors or group).exceptions) == 1:
            exc = (errors or group).exceptions[0]
    context = exc.__context__
    try:
        raise exc
    finally:
        # `raise` has made the group its context: a traceback would show everything twice.
        exc.__context__ = context
