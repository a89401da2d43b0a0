"""A live trace: what happens to some processes, as lines of JSON, for as long as somebody reads."""

import json
from collections.abc import AsyncGenerator
from time import monotonic
from typing import Any, Final, Literal

from ... import trace
from ...log_text import text_of
from ...runtime.api.messaging import receive
from ...runtime.bodies.current import current_process
from ...runtime.core.identity import Pid
from ...runtime.core.process import alive
from ...socket.core.socket_object import Socket
from ...trace.sessions.events import FLAGS, Flag, TraceEvent, event_text
from ..web.parameters import Parameters, WrongParameter
from .charts import Charts
from .processes import own_processes
from .texts import name_of_process, pid_of

__all__ = ["trace_lines"]

_SHOW_MESSAGES: Final = frozenset({"send", "receive", "call"})

_MOST: Final = 100_000
"""The largest limit, in events a second."""

_BEHIND: Final = 20_000
"""As many events may wait to be sent; a trace of more ends, since they take memory."""

_BEAT: Final = 1.0
"""Seconds after which a line is sent in any case: so it is noticed that nobody reads any more."""

Which = Pid | Literal["all", "new", "existing"]


def trace_lines(
    own: Pid, charts: Charts, messages: bool, parameters: Parameters
) -> AsyncGenerator[bytes, None]:
    """Trace, and return the events as lines of JSON, as they come.

    Parameters of the question: `which`: a pid, `all`, `new` or `existing`; `flags`, as those of
    `trace.process`, with commas between them; `limit`: more events than these in a second end the
    trace. Flags by which messages are shown need `messages`.

    The first line is `{"trace": 7}`: the number by which `Charts.chart` is asked for the chart.
    The last line is `{"ended": "limit"}` if that was too much, `{"ended": "behind"}` if too many
    of them waited to be sent, or `{"ended": "closed"}`.
    """
    flags = _flags(parameters.text("flags", "procs,sockets"))
    if not messages and _SHOW_MESSAGES.intersection(flags):
        raise WrongParameter(
            "flags: send, receive and call show messages; start the observer with messages=True"
        )
    limit = parameters.number("limit", 1000, _MOST)
    return _lines(own, charts, _which(parameters.text("which", "all")), flags, max(limit, 1))


def _flags(text: str) -> list[Flag]:
    known: dict[str, Flag] = {flag: flag for flag in FLAGS}
    words = text.split(",")
    if not all(word in known for word in words):
        raise WrongParameter(f"flags: expected some of {', '.join(FLAGS)}")
    return [known[word] for word in words]


def _which(text: str) -> Which:
    match text:
        case "all" | "new" | "existing":
            return text
    pid = pid_of(text)
    if pid is None:
        raise WrongParameter("which: expected a pid of a living process, all, new or existing")
    return pid


async def _lines(
    own: Pid, charts: Charts, which: Which, flags: list[Flag], limit: int
) -> AsyncGenerator[bytes, None]:
    # The events come as messages to the process of this connection. Those about the observer itself
    # are dropped: to send an event would be the next event.
    hidden = own_processes(own)
    reader, behind = current_process(), False

    def is_of_the_program(event: TraceEvent) -> bool:
        nonlocal behind
        if len(reader.mailbox) > _BEHIND:
            behind = True
            session.close()
            return False
        process = alive.get(event.pid)
        if process is not None and process.parent in hidden:
            hidden.add(event.pid)
        return event.pid not in hidden

    began = monotonic()
    with trace.session(reader.pid, where=is_of_the_program, limit=(limit, 1.0), keep=0) as session:
        number, sequence = charts.begin()
        trace.process(session, which, flags)
        yield _line({"trace": number})
        while True:
            event = await receive(TraceEvent, after=_BEAT)
            if isinstance(event, TraceEvent):
                told = _told(event, began)
                # By its label, as in the rest of the page; what has ended is called as before.
                name = told["name"] or session.names.get(event.pid)
                if name is not None:
                    sequence.names[event.pid] = name
                sequence.add(event)
                yield _line(told)
            elif session.stopped is not None:
                yield _line({"ended": "behind" if behind else session.stopped})
                return
            else:
                hidden.intersection_update(alive)
                yield _line({"beat": monotonic() - began})


def _told(event: TraceEvent, began: float) -> dict[str, Any]:
    process = alive.get(event.pid)
    return {
        "at": event.at - began,
        "pid": repr(event.pid),
        "name": None if process is None else name_of_process(process),
        "kind": event.kind,
        "other": repr(event.other) if isinstance(event.other, (Pid, Socket)) else None,
        "what": None if event.what is None else text_of(event.what),
        "text": event_text(event),
    }


def _line(told: dict[str, Any]) -> bytes:
    return json.dumps(told, separators=(",", ":")).encode() + b"\n"
