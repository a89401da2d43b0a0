"""The calling process: the first question of every function of the library.

A trio task that is no process yet becomes one on its first call: it is adopted into the runtime
that it was started in.
"""

import os
from contextvars import ContextVar
from threading import get_ident
from typing import Any, Final

import trio
from trio.lowlevel import Task, current_task, in_trio_run

from ..._native import twin
from ..core.node import FORKED, Node
from ..core.process import ExitSignal, Process
from .running import by_task, local
from .task import adopt

__all__ = [
    "charge",
    "current_process",
    "enter_node",
    "leave_node",
    "node_of_caller",
    "process_of_task",
]

_NO_RUNTIME: Final = (
    "there is no actorsock runtime here: start the program with actorsock.run(main), or put "
    "`async with actorsock.open_runtime():` around this code"
)

_OTHER_THREAD: Final = (
    "this thread runs no actorsock runtime. In other threads only `send` works, to a pid, a name "
    "or an alias; call everything else in the thread of the runtime: "
    "`trio.from_thread.run_sync(exit, pid, reason)`, `trio.from_thread.run(otp.call, pid, request)`"
)

_NAME_OF_WHICH: Final = (
    "dest: a name belongs to a runtime, and this thread was started by none of those that are "
    "open: send to the pid, or start the thread by `trio.to_thread.run_sync`"
)

_node: Final[ContextVar[Node | None]] = ContextVar("actorsock node", default=None)
"""The runtime that a task was started in; tasks inherit it from the task that starts them."""

_open: Final[trio.lowlevel.RunVar[tuple[Node, ...]]] = trio.lowlevel.RunVar("actorsock nodes", ())
"""Every runtime that is open in this run of trio."""

_open_anywhere: Final[set[Node]] = set()
"""Every runtime of the program; threads use only its atomic methods."""


@twin
def current_process() -> Process:
    """Return the calling process; adopt a trio task that is none yet.

    Raises `RuntimeError` outside a runtime, and `ExitSignal` in an adopted task whose process
    has ended.
    """
    return local.step.process or process_of_task()


def charge(cost: int) -> None:
    """Charge `cost` reductions to the calling process, if there is one.

    For plain functions, which can't wait: the next call that can gives way to others instead.
    """
    process = local.step.process
    if process is None:
        try:
            process = by_task.get(current_task())
        except RuntimeError:  # outside of trio
            return
        if process is None:
            return
    process.body.budget -= cost


def process_of_task() -> Process:
    """Do the same as `current_process`, for a caller that has found `local.step.process` None."""
    try:
        task = current_task()
    except RecursionError:  # a RuntimeError too, but not trio's
        raise
    except RuntimeError:
        _refuse_forked(_node.get())
        elsewhere = any(node.thread != get_ident() for node in _open_anywhere.copy())
        raise RuntimeError(_OTHER_THREAD if elsewhere else _NO_RUNTIME) from None
    process = by_task.get(task)
    if process is None:
        return _adopt(task)
    if process.ending:
        _refuse_ended(process)
    return process


def node_of_caller() -> Node:
    """Return the runtime of the calling process, or the one that a foreign thread belongs to."""
    if local.step.process is None and not in_trio_run():
        nodes = _open_anywhere.copy()
        node = _node.get()  # `trio.to_thread.run_sync` passes context variables on
        if node in nodes:
            return node
        if len(nodes) > 1:
            raise RuntimeError(_NAME_OF_WHICH)
        if nodes:
            return nodes.pop()
    return current_process().node


def enter_node(node: Node) -> Node | None:
    """Put the calling task, and every task that it starts from here on, inside `node`.

    Returns the runtime that it was inside before, for `leave_node`.
    """
    before = _node.get()
    _node.set(node)
    _open.set((*_open.get(), node))
    _open_anywhere.add(node)
    node.epolls.update(_epoll_of_trio())
    return before


def leave_node(node: Node, before: Node | None) -> None:
    """Undo `enter_node`."""
    _open_anywhere.discard(node)
    _node.set(before)
    _open.set(tuple(other for other in _open.get() if other is not node))


def _adopt(task: Task) -> Process:
    node = _node.get()
    _refuse_forked(node)
    nodes = _open.get()
    if node not in nodes:
        # The task was started before the runtime was opened, or by trio itself (a system task). As
        # long as only one runtime is open, that is the one.
        if len(nodes) != 1:
            raise RuntimeError(_NO_RUNTIME)
        node = nodes[0]
    assert node is not None
    if node.closing:
        raise RuntimeError("this actorsock runtime is being left: no new process can start")
    _watch_exits()
    process = adopt(node, task)
    if node.started is not None:
        node.started(process)
    return process


def _refuse_ended(process: Process) -> None:
    # A task with a scope of its own is being cancelled, and its clean-up may still call us.
    if process.body.adopted:
        process.body.check()
        raise ExitSignal(process.reason)  # no signal: it has called `exit` and caught ProcessExit


def _refuse_forked(node: Node | None) -> None:
    if node is not None and node.forked:
        raise RuntimeError(FORKED)


def _epoll_of_trio() -> set[int]:
    # There is no public way to it. Without it a forked child that closes a descriptor can remove
    # its parent's registration, as with trio alone.
    try:
        context: Any = trio._core._run.GLOBAL_RUN_CONTEXT
        return {context.runner.io_manager._epoll.fileno()}
    except AttributeError:  # another trio, or a system without epoll
        return set()


def _leave_runtimes_to_the_parent() -> None:
    """Run in a forked child: refuse its calls, and keep its end from the parent's epolls.

    An epoll object is shared by both, so that the child's closing of a socket would unregister the
    parent's. Its descriptor is made another thing, which every call on it refuses.
    """
    null = os.open(os.devnull, os.O_RDONLY)
    for node in _open_anywhere:
        node.forked = True
        node.thread = -1  # no thread of the child is the runtime's
        for fd in node.epolls:
            os.dup2(null, fd, inheritable=False)
    os.close(null)
    _open_anywhere.clear()
    by_task.clear()
    local.step.process = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_runtimes_to_the_parent)


class _AdoptedTasks(trio.abc.Instrument):
    """Ends the process of an adopted task when the task ends."""

    def task_exited(self, task: Task) -> None:
        process = by_task.pop(task, None)
        if process is not None:
            # An exception of the task goes to its nursery, and trio does not show it here.
            process.end("normal")


_watching: Final[trio.lowlevel.RunVar[bool]] = trio.lowlevel.RunVar("actorsock watching", False)


def _watch_exits() -> None:
    # Not before a task is adopted: an instrument costs every task that ends a little.
    if not _watching.get():
        _watching.set(True)
        trio.lowlevel.add_instrument(_AdoptedTasks())
