"""How long each process has run, and how etop is told that.

What etop reads from a trace port are frames with the terms `{trace_ts, Pid, in | out, MFA, Time}`.
It adds up the times between each `in` and the next `out` of the same process. So does this node
first, and then tells the sums, as if each process had run once since the last time: the number of
frames does not grow with the number of events, and if the reader is slow, only the sums do.
"""

from collections.abc import Iterable
from typing import Any, Final

from ...runtime.core.identity import Pid
from ...runtime.core.process import alive
from ...trace import TraceEvent
from ..terms.reading import VERSION
from ..terms.values import Atom
from ..terms.writing import Writer

__all__ = ["RunTimes", "frames", "timestamp"]

_A: Final = Atom

_TERM: Final = b"\x00"
"""The first byte of a frame with a term; its length in 4 bytes and the term follow."""


class RunTimes:
    """The times of the events `in` and `out`, added up by process.

    A process that runs inside of the step of another one, as a handler in place does, stops that
    one meanwhile: each moment counts for one process.
    """

    def __init__(self) -> None:
        self._inside: list[Pid] = []
        """The processes whose steps go on; the last one runs."""
        self._since = 0.0
        self._sums: dict[Pid, float] = {}

    def record(self, event: TraceEvent) -> None:
        """Take an event; the tracer of a session with the flag `running`."""
        inside, pid = self._inside, event.pid
        if inside:
            last = inside[-1]
            self._sums[last] = self._sums.get(last, 0.0) + event.at - self._since
        self._since = event.at
        while inside and inside[-1] not in alive:
            inside.pop()  # a process that ends in its step has no `out`
        if event.kind == "in":
            inside.append(pid)
        elif pid in inside:  # else it ran when the trace began
            del inside[inside.index(pid) :]

    def take(self) -> list[tuple[Pid, int]]:
        """Return the microseconds that each living process has run since the last call."""
        sums, self._sums = self._sums, {}
        found = [(pid, round(1e6 * seconds)) for pid, seconds in sums.items() if pid in alive]
        return [(pid, microseconds) for pid, microseconds in found if microseconds]


def frames(writer: Writer, times: Iterable[tuple[Pid, int]], now: int) -> bytes:
    """Return frames that say for how many microseconds each process has run, up to `now`."""
    told = bytearray()
    for pid, microseconds in times:
        for kind, at in (("in", now - microseconds), ("out", now)):
            # 0 stands for a function that is not known.
            body = bytearray((VERSION,))
            writer.write(body, (_A("trace_ts"), pid, _A(kind), 0, timestamp(at)))
            told += _TERM + len(body).to_bytes(4, "big") + body
    return bytes(told)


def timestamp(microseconds: int) -> tuple[Any, ...]:
    """Return a time since 1970 as Erlang's timestamp."""
    return microseconds // 10**12, microseconds // 10**6 % 10**6, microseconds % 10**6
