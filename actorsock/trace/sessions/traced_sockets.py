"""Recording what traced processes ask of their sockets, and what these answer: the flag `sockets`.

The sockets of a traced process, and no others, are observed: they tell of each request.
"""

from typing import Any

import attrs

from ...results import Select
from ...runtime.core.identity import Pid
from ...runtime.core.node import Node
from ...socket.core.lifetime import SocketLifetime
from ...socket.core.registry import SocketTrace
from ...socket.core.service import registry_of
from .table import Table, table_of
from .traced_inet import observe
from .traced_process import running_pid

__all__ = ["switch_sockets"]


@attrs.define
class _Trace(SocketTrace):
    table: Table

    def switch(self, actor: SocketLifetime) -> bool:
        owner = actor.turns.owner
        wanted = owner is not None and self.table.wants(owner, "sockets")
        observe(actor, wanted)
        return wanted

    def told(self, sock: Any, operation: str, pid: Pid, result: Any) -> None:
        record = self.table.record
        if operation == "close":
            # By whom, if that one is traced; else of its owner.
            by = running_pid()
            seen = by if by is not None and self.table.wants(by, "sockets") else pid
            record("sockets", seen, "close", None, sock)
        elif result is None or type(result) is Select:
            record("sockets", pid, "ask", (operation, result or "waits"), sock)
        else:
            record("sockets", pid, "answer", (operation, result), sock)


def switch_sockets(node: Node) -> None:
    """Observe the sockets of the processes that are traced with `sockets` now, and no others."""
    registry = registry_of(node)
    table = table_of(node)
    wanted = table is not None and table.any_wants("sockets")
    if not wanted and registry.trace is None:
        return
    registry.trace = _Trace(table) if table is not None and wanted else None
    for sock in registry.kinds:
        actor: SocketLifetime = sock._actor
        actor.apply_debug()
        if not wanted:
            observe(actor, False)
