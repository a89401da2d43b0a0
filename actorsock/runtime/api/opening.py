"""Opening and leaving a runtime.

Structure underneath: the tasks of processes live in one nursery, which is shielded, so that
processes end by exit signals in good order and not by the cancellation of whoever opened the
runtime. Only what concerns the whole program (Ctrl-C, `sys.exit`) travels up from a process.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar, TypeVarTuple, Unpack

import attrs
import trio
from trio.lowlevel import enable_ki_protection

from ..bodies.crash_report import report_crash
from ..bodies.current import enter_node, leave_node
from ..bodies.exit_reason import Ending, ending_of, interrupt_in, mistakes_in
from ..bodies.functions import call_function, check_function, name_of
from ..bodies.light import step_all
from ..bodies.running import by_task
from ..bodies.task import adopt
from ..core.identity import Pid
from ..core.node import Node
from ..core.process import Process, ProcessExit, alive
from ..core.signals import is_word

__all__ = ["open_runtime", "run"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


def run(
    main: Callable[[Unpack[Ts]], Awaitable[T]],
    *args: *Ts,
    clock: trio.abc.Clock | None = None,
) -> T | None:
    """Run `main(*args)` as the first process of a new runtime; return its value.

    When `main` returns, every other process is ended and every socket closed. An exception of
    `main` is raised here; `exit("normal")` returns None, and `exit` with another reason, or
    an exit signal that ends it, raises `ProcessExit`. `clock` is a trio clock, such as
    `trio.testing.MockClock`.
    """

    check_function("main", main)

    @enable_ki_protection
    async def first() -> T | None:
        trio.lowlevel.current_task().name = name_of(main)  # what people are shown
        value: list[T] = []
        async with open_runtime():
            value.append(await call_function(main, args))
        return value[0] if value else None  # it may have left with exit("normal")

    return trio.run(first, clock=clock)


@asynccontextmanager
@enable_ki_protection
async def open_runtime() -> AsyncGenerator[Pid, None]:
    """A runtime around a block of trio code: `async with open_runtime():`.

    The task that opens it is its first process (the value of the block is its pid); every task
    started inside is adopted when it first calls the library. Leaving the block ends every
    process and closes every socket. An exit signal that ends the first process cancels the
    block, which then raises `ProcessExit` with the reason.
    """
    task = trio.lowlevel.current_task()
    former = by_task.get(task)
    first: Process | None = None
    scope = trio.CancelScope()
    stay = _Stay()
    try:
        async with trio.open_nursery() as outside:
            node, services = await outside.start(_host, scope, stay)
            before = enter_node(node)
            services.start_soon(node.timers.run)
            services.start_soon(node.run_queue.take_left_over)
            services.start_soon(node.passes.keep)
            first = adopt(node, task, scope)
            ending = Ending("normal")
            try:
                with scope:
                    yield first.pid
            except BaseException as exc:
                ending = ending_of(exc)
                # A decision to end that went through nurseries is raised below, without them.
                decided = ending.crash is None and ending.beyond is None
                if not decided or (type(exc) is ProcessExit and not is_word(exc.reason, "normal")):
                    raise
            finally:
                # Its links hear of it; the others are ended before they notice anything else.
                first.end(ending.reason)
                try:
                    _end_tasks(node)
                    leave_node(node, before)
                    _restore(task, former)
                    with trio.CancelScope(shield=True):
                        stay.leaving.set()
                        await stay.left.wait()
                finally:
                    # Also after a second Ctrl-C.
                    _end_handlers(node)
                    stay.over.set()
            if not is_word(first.reason, "normal"):
                end = ProcessExit(first.reason)
                # What it was raised by, in between, is no part of the news.
                raise end from end.__cause__
    except BaseExceptionGroup as group:
        _raise_plainly(group, first)


@attrs.frozen
class _Stay:
    """The stages in which a runtime is left."""

    leaving: trio.Event = attrs.field(factory=trio.Event)
    """The code of the block is through, and its processes have been told to end."""
    left: trio.Event = attrs.field(factory=trio.Event)
    """The tasks of all processes have ended."""
    over: trio.Event = attrs.field(factory=trio.Event)
    """Handlers too: nobody needs a timer any more."""


@enable_ki_protection
async def _host(
    block: trio.CancelScope, stay: _Stay, task_status: trio.TaskStatus[tuple[Node, trio.Nursery]]
) -> None:
    """Hold two nurseries open, away from the block and what cancels it.

    The inner one is for the tasks of processes, the outer one for the services of the runtime,
    which work as long as anybody's clean-up may need them.
    """
    async with trio.open_nursery() as services:
        try:
            async with trio.open_nursery() as nursery:
                node = Node(nursery, block)
                node.passes.step_all = step_all
                task_status.started((node, services))
                # Not yet shielded: whoever opens the runtime may have been cancelled by now, and
                # then nobody is going to leave it.
                await trio.lowlevel.checkpoint_if_cancelled()
                services.cancel_scope.shield = True
                await stay.leaving.wait()
                await _light_ended(node)
        finally:
            stay.left.set()
        await stay.over.wait()
        node.passes.stop()
        services.cancel_scope.cancel()
    if node.interruption is not None:
        raise node.interruption


@enable_ki_protection
def _end_tasks(node: Node) -> None:
    node.closing = True
    for process in _processes_of(node):
        if process.body.kind != "handler":
            process.signal(process.pid, "kill", "exit")


async def _light_ended(node: Node) -> None:
    """Wait for light processes that have been stopped: they take a step or two to unwind."""
    while any(process.body.kind == "light" for process in _processes_of(node)):
        await trio.lowlevel.checkpoint()


@enable_ki_protection
def _end_handlers(node: Node) -> None:
    # After the tasks: their clean-up may still use sockets and servers.
    for process in _processes_of(node):
        process.signal(process.pid, "kill", "exit")
    try:
        node.run_queue.take_all()
    finally:
        while node.at_close:
            node.at_close.pop()()
        # Tasks that were adopted from outside of the block go on without a process.
        for task, process in by_task.copy().items():
            if process.node is node:
                del by_task[task]


def _processes_of(node: Node) -> list[Process]:
    # The table is every thread's: it may change while it is looked through, not while it is copied.
    return [process for process in alive.copy().values() if process.node is node]


def _restore(task: trio.lowlevel.Task, former: Process | None) -> None:
    if former is None:
        by_task.pop(task, None)
    else:
        by_task[task] = former


def _raise_plainly(group: BaseExceptionGroup[BaseException], first: Process | None) -> None:
    """Raise what `group` is about: the nursery in here is nobody else's business."""
    exc: BaseException = group
    interrupt = interrupt_in(group)
    if interrupt is not None:
        exc = interrupt
        mistakes = mistakes_in(group)
        if mistakes is not None and first is not None:
            # It is not raised, so it has to be told.
            report_crash(first, mistakes)
    else:
        # An exception of the block wins over the cancellation that it was raised in.
        _, mistakes = group.split(trio.Cancelled)
        if len((mistakes or group).exceptions) == 1:
            exc = (mistakes or group).exceptions[0]
    context = exc.__context__
    try:
        raise exc
    finally:
        # Raising it here has made the group its context, which would tell the story twice.
        exc.__context__ = context
