"""One session of tracing: where its events go, which of them, and when it has enough."""

import logging
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final, TypeAlias

import attrs

from ...arguments import shown
from ...runtime.bodies.functions import check_plain
from ...runtime.core.identity import Pid, is_pid
from ...runtime.core.process import alive
from .events import TraceEvent, event_text
from .limits import Limit

__all__ = ["KEPT", "Session", "Tracer", "check_tracer"]

_log: Final = logging.getLogger("actorsock.trace")

KEPT: Final = 10_000
"""Events that a session keeps, the newest."""

Tracer: TypeAlias = Pid | Callable[[TraceEvent], object] | Path | str | None
"""Where events go, besides the ring of the session: a process, a function, a file."""


def check_tracer(tracer: Any) -> Tracer:
    """Return `tracer`; raise `TypeError` unless it is one."""
    if tracer is None or is_pid(tracer) or isinstance(tracer, (str, Path)):
        return tracer
    if not callable(tracer):
        raise TypeError(
            f"tracer: expected a Pid, a function, the path of a file or None, got {shown(tracer)}"
        )
    check_plain("tracer", tracer, "one event")
    function: Callable[[TraceEvent], object] = tracer
    return function


@attrs.define(eq=False, repr=False)
class Session:
    """A session of tracing, made by `trace.session`; a context manager that closes it.

    Iterating over it yields the events that it has kept, oldest first. Erlang's
    `trace:session()`.
    """

    tracer: Tracer
    where: Callable[[TraceEvent], object] | None
    limit: Limit | None
    events: deque[TraceEvent]
    """The newest events."""
    _close: Callable[["Session"], None]
    names: dict[Pid, str] = attrs.field(factory=dict)
    """What each process that was traced is called in charts: its name, or its function."""
    stopped: str | None = None
    """Why it records nothing any more: `"closed"`; `"limit"`, that of the session; `"tracer"`, the
    process has ended or the function has raised. None while it is open."""
    _file: IO[str] | None = None

    def __repr__(self) -> str:
        state = "open" if self.stopped is None else self.stopped
        return f"<Session: {len(self.events)} events, {state}>"

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[TraceEvent]:
        return iter(tuple(self.events))

    def close(self) -> None:
        """End the session: nothing is traced for it any more. Erlang's `trace:session_destroy/1`.

        Its events stay. Closing it again does nothing.
        """
        self._stop("closed")

    def record(self, event: TraceEvent) -> None:
        """Keep an event and pass it to the tracer, unless the predicate is against it.

        Whatever the program's functions raise ends the session, and is logged.
        """
        if self.stopped is not None:
            return
        try:
            if self.where is not None and not self.where(event):
                return
            # Counted before anything is formatted: that may take long.
            if self.limit is not None and not self.limit.admits(event.at):
                self._stop("limit")
                return
            self.events.append(event)
            if self.tracer is not None:
                self._pass_on(event, self.tracer)
        except Exception:
            self._stop("tracer")
            with suppress(Exception):
                _log.exception("a trace ends, because its tracer or predicate has raised")

    def _pass_on(self, event: TraceEvent, tracer: Any) -> None:
        if isinstance(tracer, Pid):
            process = alive.get(tracer)
            if process is None:
                self._stop("tracer")
            else:
                process.deliver(event)
        elif isinstance(tracer, (str, Path)):
            if self._file is None:
                self._file = open(tracer, "a", encoding="utf-8")  # noqa: SIM115
            self._file.write(f"{event.at:.6f} {event_text(event)}\n")
        else:
            tracer(event)

    def _stop(self, why: str) -> None:
        if self.stopped is not None:
            return
        self.stopped = why
        if self._file is not None:
            self._file.close()
        self._close(self)
        if why == "limit":
            with suppress(Exception):
                _log.warning("a trace has reached its limit of %s, and ends", self.limit)
