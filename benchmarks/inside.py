"""What happens inside one interpreter: the program that measures one contestant, and its clocks.

Run as `python -m benchmarks.inside MODULE CONTESTANT SECONDS SCALE`; prints the figure as JSON.

The clock is the processor time of the interpreter. What is measured here never waits for
anybody else, so on a machine of its own that is the time that passes; on one that is shared it is
the part that counts.
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
"""The functions of a module that measure, by the name of what they measure."""


class Stopwatch:
    """Counts operations for so many seconds, in batches; the first batch is to get warm."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.operations = 0
        self._warm = False
        self._begin = math.inf
        self._end = math.inf

    def lap(self, operations: int) -> bool:
        """Whether to do one more batch of so many operations; also says that one is done."""
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
        """Thousands of operations in a second."""
        return rate_of(self.operations, self._end - self._begin)


def rate_of(operations: int, seconds: float) -> float:
    """Thousands of operations in a second."""
    return operations / max(seconds, _TICK) / 1000


_TICK: Final = 1e-6


def main() -> None:
    module, contestant, seconds, scale = sys.argv[1:]
    contestants: Contestants = importlib.import_module(f"benchmarks.{module}").CONTESTANTS
    effort = Effort(seconds=float(seconds), scale=float(scale))
    try:
        answer: dict[str, float | str] = {"value": contestants[contestant](effort)}
    except Skipped as why:
        answer = {"skipped": str(why)}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
