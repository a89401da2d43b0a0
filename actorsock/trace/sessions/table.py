"""Which processes of one runtime are traced, by which sessions, with which flags."""

from collections.abc import Callable
from time import monotonic
from typing import Any, Final

import attrs

from ...runtime.core.identity import Pid
from ...runtime.core.node import Node
from ...runtime.core.process import Process
from .events import Flag, Kind, TraceEvent
from .session import Session

__all__ = ["Flags", "Table", "record", "set_table", "table_of"]

Flags = frozenset[Flag]


@attrs.define(eq=False)
class Table:
    """The traces of one runtime."""

    changed: Callable[[Process], None]
    """Is called for a process that may have to become a traced one, or a plain one."""
    flags: dict[Pid, dict[Session, Flags]] = attrs.field(factory=dict)
    new: dict[Session, Flags] = attrs.field(factory=dict)
    """The flags that new processes get."""
    sending: bool = False
    """Somebody traces with `send`: then every other process is a `SeenProcess`."""
    callbacks: dict[Pid, str] = attrs.field(factory=dict)
    """The callback that each process of a behaviour is in, if its calls are traced."""

    def wants(self, pid: Pid, flag: Flag) -> bool:
        """Return whether any session traces `pid` with `flag`."""
        of = self.flags.get(pid)
        return of is not None and any(flag in flags for flags in of.values())

    def any_wants(self, flag: Flag) -> bool:
        """Return whether any process is traced with `flag`, or a new one would be."""
        return any(flag in flags for flags in self.new.values()) or any(
            flag in flags for of in self.flags.values() for flags in of.values()
        )

    def record(self, flag: Flag, pid: Pid, kind: Kind, what: Any = None, other: Any = None) -> None:
        """Record an event of `pid` in the sessions that trace it with `flag`."""
        of = self.flags.get(pid)
        if not of:
            return
        event = None
        for session, flags in tuple(of.items()):  # a session that ends leaves the table
            if flag in flags:
                if event is None:
                    event = TraceEvent(monotonic(), pid, kind, what, other)
                session.record(event)

    def inherit(self, pid: Pid, process: Process, flag: Flag) -> None:
        """Trace `process` as `pid` is traced, by the sessions that trace `pid` with `flag`."""
        for session, flags in tuple(self.flags.get(pid, {}).items()):
            if flag in flags:
                self.add(session, process, flags)

    def add(self, session: Session, process: Process, flags: Flags) -> None:
        """Trace `process` in `session` with `flags` too."""
        if session.tracer is process.pid:
            return  # its events would have events
        function = process.body.describe().rpartition(":")[2]
        session.names[process.pid] = process.name or function.rpartition(".")[2].lstrip("_")
        of = self.flags.setdefault(process.pid, {})
        of[session] = of.get(session, frozenset()) | flags
        self.changed(process)

    def remove(self, session: Session, process: Process, flags: Flags) -> None:
        """Do not trace `process` in `session` with `flags` any more."""
        of = self.flags.get(process.pid, {})
        left = of.pop(session, frozenset()) - flags
        if left - {"set_on_spawn", "set_on_link"}:
            of[session] = left
        if not of:
            self.flags.pop(process.pid, None)
        self.changed(process)


_KEY: Final = "traces"


def table_of(node: Node) -> Table | None:
    """Return the traces of a runtime; None while there are none."""
    table: Table | None = node.services.get(_KEY)
    return table


def set_table(node: Node, table: Table | None) -> None:
    """Begin or end to have traces."""
    if table is None:
        node.services.pop(_KEY, None)
    else:
        node.services[_KEY] = table


def record(process: Process, flag: Flag, kind: Kind, what: Any = None, other: Any = None) -> None:
    """Record an event of `process`, if anybody wants it."""
    table = table_of(process.node)
    if table is not None:
        table.record(flag, process.pid, kind, what, other)
