"""The tables of a process: of its links, its monitors, and what else few processes have many of."""

from typing import TypeVar

from ..._native import twin

__all__ = ["Table"]

K = TypeVar("K")
V = TypeVar("V")


@twin
class Table(dict[K, V]):
    """A dict, mostly of one entry.

    Its keys are pids and refs. Its native form keeps one entry without a hash table, which takes 48
    bytes in place of 232. It has the methods of a dict that processes use; `items`, `keys`,
    `values` and an iterator are of the entries that there are at the time of the call.
    """

    __slots__ = ()
