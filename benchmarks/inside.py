"""Measuring inside one interpreter: the program that measures one contestant, and its stopwatch.

Run as `python -m benchmarks.inside MODULE CONTESTANT SECONDS SCALE`; prints the figure as JSON.

The clock is the processor time of the interpreter. The contestants never wait for other programs,
so on an idle machine this is the time that passes; on a busy machine it is the part of the time in
which the contestant runs.
"""

import importlib
import json
import math
import sys
import time
from collections.abc import Callable
from typing import Final

from .harness import Effort, Skipped

__all__ = ["Contestants", "Stopwatch", "rate_of"]

Contestants = dict[str, Callable[[Effort], float]]
"""The functions of a module that measure, by the names of the contestants."""


class Stopwatch:
    """Counts operations in batches, for a number of seconds; the first batch is a warm-up."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.operations = 0
        self._warm = False
        self._begin = math.inf
        self._end = math.inf

    def lap(self, operations: int) -> bool:
        """Count the batch since the last call; return True if another one is to follow."""
        now = time.process_time()
        if not self._warm:
            self._warm = True
        elif self._begin == math.inf:
            self._begin = now
        else:
            self.operations += operations
        self._end = now
        return now - self._begin < self.seconds

    @property
    def thousands(self) -> float:
        """The thousands of operations per second."""
        return rate_of(self.operations, self._end - self._begin)


def rate_of(operations: int, seconds: float) -> float:
    """Return the thousands of operations per second."""
    return operations / max(seconds, _TICK) / 1000


_TICK: Final = 1e-6


def main() -> None:
    module, contestant, seconds, scale = sys.argv[1:]
    contestants: Contestants = importlib.import_module(f"benchmarks.parts.{module}").CONTESTANTS
    effort = Effort(seconds=float(seconds), scale=float(scale))
    try:
        answer: dict[str, float | str] = {"value": contestants[contestant](effort)}
    except Skipped as why:
        answer = {"skipped": str(why)}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
