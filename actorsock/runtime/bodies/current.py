"""The calling process: the first question of every function of the library.

A trio task that is no process yet becomes one on its first call: it is adopted into the runtime
that it was started in.
"""

from contextvars import ContextVar
from typing import Final

import trio
from trio.lowlevel import Task, current_task

from ..._native import twin
from ..core.node import Node
from ..core.process import ExitSignal, Process
from .running import by_task, local
from .task import adopt

__all__ = ["current_process", "enter_node", "leave_node", "process_of_task"]

_NO_RUNTIME: Final = (
    "there is no actorsock runtime here: start the program with actorsock.run(main), or put "
    "`async with actorsock.open_runtime():` around this code"
)

_node: Final[ContextVar[Node | None]] = ContextVar("actorsock node", default=None)
"""The runtime that a task was started in; tasks inherit it from the task that starts them."""

_open: Final[trio.lowlevel.RunVar[tuple[Node, ...]]] = trio.lowlevel.RunVar("actorsock nodes", ())
"""Every runtime that is open in this run of trio."""


@twin
def current_process() -> Process:
    """Return the calling process; adopt a trio task that is none yet.

    Raises `RuntimeError` outside a runtime, and `ExitSignal` in an adopted task whose process
    has ended.
    """
    process = local.step.process
    return process_of_task() if process is None else process


def process_of_task() -> Process:
    """Do the same as `current_process`, for a caller that has found `local.step.process` None."""
    try:
        task = current_task()
    except RecursionError:  # a RuntimeError too, but not trio's
        raise
    except RuntimeError:
        raise RuntimeError(_NO_RUNTIME) from None
    process = by_task.get(task)
    if process is None:
        return _adopt(task)
    if process.ending:
        _refuse_ended(process)
    return process


def enter_node(node: Node) -> Node | None:
    """Put the calling task, and every task that it starts from here on, inside `node`.

    Returns the runtime that it was inside before, for `leave_node`.
    """
    before = _node.get()
    _node.set(node)
    _open.set((*_open.get(), node))
    return before


def leave_node(node: Node, before: Node | None) -> None:
    """Undo `enter_node`."""
    _node.set(before)
    _open.set(tuple(other for other in _open.get() if other is not node))


def _adopt(task: Task) -> Process:
    node = _node.get()
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
    return adopt(node, task)


def _refuse_ended(process: Process) -> None:
    # A task with a scope of its own is being cancelled, and its clean-up may still call us.
    if process.body.adopted:
        process.body.check()
        raise ExitSignal(process.reason)  # no signal: it has called `exit` and caught ProcessExit


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
