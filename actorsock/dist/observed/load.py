"""The load of this node: what changes from one look to the next."""

import time
from collections.abc import Iterable
from typing import Any, Final

import trio

from ...observing.machine import ProgramMemory, program_memory
from ...observing.process_items import ITEMS
from ...observing.traffic import bytes_received, bytes_sent
from ...runtime.core.node import Node
from ...runtime.core.process import Process, processes_of
from ...socket.core.lifetime import SocketLifetime
from ...socket.core.service import existing_service
from ..terms.values import Atom

__all__ = [
    "Traffic",
    "allocators",
    "memory",
    "memory_terms",
    "run_queue",
    "scheduler_wall_time",
]

_A: Final = Atom

_SAMPLED: Final = 200
"""At most so many processes are measured; the memory of all is estimated from theirs."""


class Traffic:
    """The bytes that have passed through the sockets of a runtime, seen from time to time.

    A socket that is opened and closed between two looks is not seen.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._seen: dict[SocketLifetime, tuple[int, int]] = {}
        self._gone = (0, 0)

    def totals(self) -> tuple[int, int]:
        """Return the bytes that have been read and written; they never become fewer."""
        service = existing_service(self._node)
        actors = [] if service is None else service.registry.actors()
        now = {actor: (bytes_received(actor), bytes_sent(actor)) for actor in actors}
        gone = [each for actor, each in self._seen.items() if actor not in now]
        self._gone = _sum([self._gone, *gone])
        self._seen = now
        return _sum([self._gone, *now.values()])


def _sum(pairs: Iterable[tuple[int, int]]) -> tuple[int, int]:
    read = written = 0
    for one, other in pairs:
        read += one
        written += other
    return read, written


def scheduler_wall_time() -> list[tuple[int, int, int]]:
    """Return, as of one scheduler, how long the runtime's thread has worked, and the time now.

    Both are in microseconds: the observer shows how they grow.
    """
    return [(1, time.thread_time_ns() // 1000, time.monotonic_ns() // 1000)]


def run_queue() -> int:
    """Return how many tasks of trio are to run in the next pass of its loop."""
    return trio.lowlevel.current_statistics().tasks_runnable


def memory(node: Node) -> list[tuple[Atom, int]]:
    """Return what `erlang:memory/0` does: bytes by kind."""
    return memory_terms(program_memory(), _memory_of(processes_of(node)))


def memory_terms(found: ProgramMemory | None, processes: int) -> list[tuple[Atom, int]]:
    """Return the bytes of the program by kind: 0 of atoms, binaries and ETS, which it has not."""
    total, code = (processes, 0) if found is None else (found.resident, found.shared)
    kinds = {"total": total, "processes": processes, "code": code, "atom": 0, "binary": 0, "ets": 0}
    return [(_A(kind), size) for kind, size in kinds.items()]


def _memory_of(processes: list[Process]) -> int:
    sample = processes[:: len(processes) // _SAMPLED + 1]
    measured: int = sum(ITEMS["memory"](process) for process in sample)
    return measured * len(processes) // max(1, len(sample))


def allocators(found: ProgramMemory | None) -> list[Any]:
    """Return the sizes of allocators as Erlang does: one allocator, that of the system.

    Its carriers are the address space for data, and its blocks the part of that which is in memory.
    The size of the carriers is never 0, because the observer divides by it.
    """
    carriers = max(1, 0 if found is None else found.reserved)
    blocks = 0 if found is None else min(carriers, found.resident - found.shared)
    name = _A("sys_alloc")
    return [(name, [(_A("instance"), 0, [
        (_A("mbcs"), [
            (_A("blocks"), [(name, [(_A("size"), blocks, blocks, blocks)])]),
            (_A("carriers_size"), carriers, carriers, carriers),
        ]),
        (_A("sbcs"), [(_A("blocks"), []), (_A("carriers_size"), 0, 0, 0)]),
    ])])]  # fmt: skip
