"""Going through all processes in parts, between which they run."""

from collections.abc import AsyncIterator, Sequence
from typing import Final, TypeVar

import trio

__all__ = ["by_parts"]

T = TypeVar("T")

_PART: Final = 250
"""Items of a part: so many processes take some 0.3 milliseconds to look at."""


async def by_parts(items: Sequence[T], size: int = _PART) -> AsyncIterator[Sequence[T]]:
    """Yield `items` in parts of `size`; other processes run between two parts.

    What was true of an earlier part may have changed since: a process may have ended, or wait for
    something else.
    """
    for first in range(0, len(items), size):
        if first:
            await trio.lowlevel.checkpoint()
        yield items[first : first + size]
