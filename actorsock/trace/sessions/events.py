"""What a trace tells: one record for each thing that has happened to a traced process."""

from typing import Any, Final, Literal, TypeAlias

import attrs

from ...log_text import text_with_data
from ...runtime.core.identity import Pid

__all__ = ["FLAGS", "Flag", "Kind", "TraceEvent", "event_text"]

Flag: TypeAlias = Literal[
    "send", "receive", "procs", "running", "call", "sockets", "set_on_spawn", "set_on_link"
]

FLAGS: Final[tuple[Flag, ...]] = (
    *("send", "receive", "procs", "running", "call", "sockets"),
    *("set_on_spawn", "set_on_link"),
)

Kind: TypeAlias = Literal[
    "send",
    "receive",
    "spawn",
    "spawned",
    "exit",
    "link",
    "getting_linked",
    "unlink",
    "register",
    "unregister",
    "in",
    "out",
    "call",
    "return_from",
    "exception_from",
    "ask",
    "answer",
    "close",
]


@attrs.frozen
class TraceEvent:
    """One event of a trace. `str` of it is a line for people.

    Attributes:
        at: the time, in seconds, of Python's monotonic clock.
        pid: the process that is traced.
        kind: what has happened to it, in Erlang's words, where Erlang has one:

            - `"send"`, flag `send`: it has sent the message `what` to `other`
            - `"receive"`, flag `receive`: `what` was put into its mailbox, by `other` if known
            - `"spawn"`, `"spawned"`, flag `procs`: it has started `other`, or `other` has started
              it; `what` is the function, as text
            - `"link"`, `"getting_linked"`, `"unlink"`, flag `procs`: with `other`
            - `"register"`, `"unregister"`, flag `procs`: it has got the name `what`, or lost it
            - `"exit"`, flag `procs`: it has ended, with the reason `what`
            - `"in"`, `"out"`, flag `running`: its code begins to run, and stops
            - `"call"`, flag `call`: a callback begins; `what` is its name and the tuple of its
              arguments
            - `"return_from"`, `"exception_from"`, flag `call`: `what` is the name of the callback
              and what it has returned or raised
            - `"ask"`, flag `sockets`: it has asked the socket `other`; `what` is the operation and
              `"waits"` or a `Select`
            - `"answer"`, flag `sockets`: `what` is the operation and its result
            - `"close"`, flag `sockets`: it has closed the socket `other`, or its socket is closed
              by one that is not traced, or by its own end
        what: see above; None for the kinds where nothing is said.
        other: the other process, or the socket; None if there is none.
    """

    at: float
    pid: Pid
    kind: Kind
    what: Any = None
    other: Any = None

    def __str__(self) -> str:
        return event_text(self)


def event_text(event: TraceEvent) -> str:
    """Return an event as a line, without its time; values are shortened."""
    other = "" if event.other is None else f" {_WITH.get(event.kind, '')}{event.other!r}"
    match event.kind, event.what:
        case _, None:
            what = ""
        case (("spawn" | "spawned" | "register" | "unregister"), text):
            what = f" {text}"
        case ("call", (name, args)):
            what = f" {name}{text_with_data(args)}"
        case (
            ("return_from" | "exception_from" | "answer" | "ask"),
            (name, result),
        ):
            what = f" {name}: {result if result == 'waits' else text_with_data(result)}"
        case _, value:
            what = f" {text_with_data(value)}"
    return f"{event.pid!r} {event.kind}{what}{other}"


_WITH: Final[dict[str, str]] = {"send": "to ", "receive": "from ", "spawned": "by ", "spawn": "as "}
