"""Switching traces on and off: which classes, hooks and instruments a runtime has at a moment."""

from typing import Final, TypeAlias

from ...observing.process_items import actors_of
from ...runtime.bodies.limited_process import LimitedProcess
from ...runtime.core.node import Node
from ...runtime.core.process import Process, processes_of
from .running import Running, record_steps
from .session import Session
from .table import Flags, Table, set_table, table_of
from .traced_engine import trace_calls
from .traced_process import (
    SeenLimitedProcess,
    SeenProcess,
    TracedLimitedProcess,
    TracedProcess,
)
from .traced_sockets import switch_sockets

__all__ = ["begin", "end_of", "trace_new", "trace_processes"]

# Each without and with a limit to the mailbox.
_Classes: TypeAlias = tuple[type[Process], type[Process]]
_PLAIN: Final[_Classes] = (Process, LimitedProcess)
_TRACED: Final[_Classes] = (TracedProcess, TracedLimitedProcess)
_SEEN: Final[_Classes] = (SeenProcess, SeenLimitedProcess)

_IS_LIMITED: Final[dict[type[Process], bool]] = {
    cls: cls is classes[1] for classes in (_PLAIN, _TRACED, _SEEN) for cls in classes
}


def begin(node: Node) -> Table:
    """Return the traces of `node`; begin to have them for its first session."""
    table = table_of(node)
    if table is None:
        table = Table(_changed)
        set_table(node, table)
        node.started = _started
        node.services[_RUNNING] = Running(node)
    return table


def trace_processes(
    session: Session, node: Node, processes: list[Process], flags: Flags, on: bool
) -> None:
    """Change the flags of processes in a session."""
    table = begin(node)
    for process in processes:
        if on:
            table.add(session, process, flags)
        else:
            table.remove(session, process, flags)
    _switch(node)


def trace_new(session: Session, node: Node, flags: Flags, on: bool) -> None:
    """Change the flags that new processes get in a session."""
    table = begin(node)
    former = table.new.pop(session, frozenset())
    left = former | flags if on else former - flags
    if left:
        table.new[session] = left
    _switch(node)


def end_of(session: Session, node: Node) -> None:
    """Trace nothing for `session` any more; leave everything as it was after the last one."""
    table = table_of(node)
    if table is None:
        return
    table.new.pop(session, None)
    for pid, of in tuple(table.flags.items()):
        of.pop(session, None)
        if not of:
            del table.flags[pid]
    over = not table.new and not table.flags
    if over:
        set_table(node, None)
        node.started = node.seen = None
    for process in processes_of(node):
        _changed(process)
    _switch(node)
    if over:
        node.services.pop(_RUNNING, None)


_RUNNING: Final = "trace of running"


def _switch(node: Node) -> None:
    """Switch what belongs to the whole runtime."""
    table = table_of(node)
    before, sending = _sends(table), table is not None and table.any_wants("send")
    if table is not None:
        table.sending = sending
        node.seen = SeenProcess if sending else None
    if sending or before or table is None:
        for process in processes_of(node):
            _give_class(process, table)
    running: Running | None = node.services.get(_RUNNING)
    if running is not None:
        running.switch(table is not None and table.any_wants("running"))
    switch_sockets(node)


def _sends(table: Table | None) -> bool:
    return table is not None and table.sending


def _give_class(process: Process, table: Table | None) -> None:
    if type(process) not in _IS_LIMITED:
        return
    if table is not None and process.pid in table.flags:
        classes = _TRACED
    else:
        classes = _SEEN if table is not None and table.sending else _PLAIN
    process.__class__ = classes[1 if _IS_LIMITED[type(process)] else 0]


def _changed(process: Process) -> None:
    table = table_of(process.node)
    trace_calls(process, table is not None and table.wants(process.pid, "call"))
    record_steps(process, table is not None and table.wants(process.pid, "running"))
    _give_class(process, table)
    if table is not None and table.wants(process.pid, "sockets"):
        for actor in actors_of(process):
            actor.apply_debug()


def _started(process: Process) -> None:
    table = table_of(process.node)
    parent = process.parent
    if table is None or not (table.new or table.sending or parent in table.flags):
        return
    for session, flags in tuple(table.new.items()):
        table.add(session, process, flags)
    if parent is not None:
        table.record("procs", parent, "spawn", process.body.describe(), process.pid)
        table.inherit(parent, process, "set_on_spawn")
    table.record("procs", process.pid, "spawned", process.body.describe(), parent)
    _give_class(process, table)
