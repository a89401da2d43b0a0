"""What the operating system tells of the memory of this program."""

import os
from pathlib import Path
from typing import Final

import attrs

__all__ = ["ProgramMemory", "program_memory"]

_STATM: Final = Path("/proc/self/statm")


@attrs.frozen
class ProgramMemory:
    """The memory of the program, in bytes.

    Attributes:
        resident: what is in memory now.
        shared: the part of `resident` that belongs to files, such as the code of libraries.
        reserved: the address space for data, whether it is in memory or not.
    """

    resident: int
    shared: int
    reserved: int


def program_memory() -> ProgramMemory | None:
    """Return the memory of this program; None where the system does not tell."""
    try:
        _, resident, shared, _, _, reserved, *_ = map(int, _STATM.read_text().split())
    except (OSError, ValueError):
        return None
    page = os.sysconf("SC_PAGE_SIZE")
    return ProgramMemory(resident * page, shared * page, reserved * page)
