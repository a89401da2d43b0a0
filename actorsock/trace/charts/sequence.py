"""From the events of a trace to the rows of a sequence chart. Pure: no form of output in here."""

from collections import deque
from typing import Any, Final, Literal, TypeAlias

import attrs

from ...log_text import text_of
from ...otp.calls.protocol import Answer, Call, Caller, Cast
from ...runtime.core.identity import Pid, is_pid
from ...runtime.core.messages import Down, Exit
from ...socket.core.notifications import AbortMessage, SelectMessage
from ..sessions.events import TraceEvent

__all__ = ["KEPT_ROWS", "Drawn", "End", "RowKind", "Sequence"]

KEPT_ROWS: Final = 10_000
"""Rows of a sequence that has no end; the oldest ones are dropped."""

_LONGEST: Final = 44
"""Characters of a label."""

RowKind: TypeAlias = Literal["message", "answer", "socket", "spawn", "link", "note", "end"]

End: TypeAlias = Pid | str
"""Where an arrow begins or ends: a process, or the text of a socket."""


@attrs.define
class Drawn:
    """One thing that has happened: an arrow, or a note on one lifeline."""

    at: float
    kind: RowKind
    source: End
    target: End | None
    """None for a note and an end."""
    text: str
    count: int = 1
    """How many times in a row."""


@attrs.define
class Sequence:
    """The rows that events make, one after the other."""

    names: dict[Pid, str] = attrs.field(factory=dict)
    """What to call the processes."""
    rows: deque[Drawn] = attrs.field(factory=deque)
    """The rows; if it has a largest length, the newest ones."""
    lost: int = 0
    """Rows that were dropped."""
    beside: dict[End, End | None] = attrs.field(factory=dict)
    """Each process and socket, in the order of their first rows, and what was at the other end."""
    _twice: dict[Any, int] = attrs.field(factory=dict)
    """Events that the other side will tell too, and how many times."""

    def add(self, event: TraceEvent) -> None:
        """Add the row of one event, unless the other side has told of it."""
        pid, other, what = event.pid, event.other, event.what
        match event.kind:
            case "send":
                self._expect(("message", pid, other, id(what)))
                self._message(event.at, pid, other, what)
            case "receive":
                if not self._told(("message", other, pid, id(what))):
                    self._message(event.at, other, pid, what)
            case "spawn" | "spawned":
                parent, child = (pid, other) if event.kind == "spawn" else (other, pid)
                function = str(what).rpartition(":")[2]
                self.names.setdefault(child, function.rpartition(".")[2].lstrip("_"))
                self._pair(event, "spawn", parent, child, f"spawn {self.names[child]}")
            case "link" | "getting_linked":
                one, another = (pid, other) if event.kind == "link" else (other, pid)
                self._pair(event, "link", one, another, "link")
            case "unlink":
                self._draw(event.at, "link", pid, other, "unlink")
            case "register" | "unregister":
                self._draw(event.at, "note", pid, None, f"{event.kind} {what}")
            case "exit":
                self._draw(event.at, "end", pid, None, f"ends: {_short(what)}")
            case "ask":
                waits = ": waits" if what[1] == "waits" else f": {type(what[1]).__name__}"
                self._draw(event.at, "socket", pid, other, f"{what[0]}{waits}")
            case "answer":
                self._draw(event.at, "answer", other, pid, f"{what[0]}: {_short(what[1])}")
            case "close":
                self._draw(event.at, "socket", pid, other, "close")
            case "call":
                arguments = ", ".join(
                    _short(argument) for argument in what[1] if not isinstance(argument, Caller)
                )
                self._draw(event.at, "note", pid, None, f"{what[0]}({arguments})")
            case "return_from" | "exception_from":
                self._draw(event.at, "note", pid, None, f"{what[0]} -> {_short(what[1])}")
            case _:
                pass  # `in` and `out`: when it has run is seen by what it has done

    def _message(self, at: float, sender: Any, receiver: Any, message: Any) -> None:
        text, kind = _message_text(message)
        if sender is None:
            self._draw(at, "note", receiver, None, f"gets {text}")
        else:
            self._draw(at, kind, sender, receiver, text)

    def _pair(self, event: TraceEvent, kind: RowKind, one: Any, another: Any, text: str) -> None:
        """Draw what both sides tell, once."""
        active = event.kind in ("spawn", "link")
        key, mirror = (kind, one, another, active), (kind, one, another, not active)
        if not self._told(mirror):
            self._expect(key)
            if one is None:
                self._draw(event.at, "note", another, None, text)
            else:
                self._draw(event.at, kind, one, another, text)

    def _expect(self, key: Any) -> None:
        if len(self._twice) >= KEPT_ROWS:
            del self._twice[next(iter(self._twice))]  # the other side is not traced
        self._twice[key] = self._twice.get(key, 0) + 1

    def _told(self, key: Any) -> bool:
        if key not in self._twice:
            return False
        self._twice[key] -= 1
        if not self._twice[key]:
            del self._twice[key]
        return True

    def _draw(self, at: float, kind: RowKind, source: Any, target: Any, text: str) -> None:
        begin, end = _end_of(source), None if target is None else _end_of(target)
        if self.rows:
            last = self.rows[-1]
            if (last.kind, last.source, last.target, last.text) == (kind, begin, end, text):
                last.count += 1
                return
        self.beside.setdefault(begin, end)
        if end is not None:
            self.beside.setdefault(end, begin)
        if len(self.rows) == self.rows.maxlen:
            self.lost += 1
            self._forget()
        self.rows.append(Drawn(at, kind, begin, end, text))

    def _forget(self) -> None:
        """Forget the ends that no row has any more: when they are most, since it takes a while."""
        if len(self.beside) > 3 * KEPT_ROWS:
            used = {end for row in self.rows for end in (row.source, row.target)}
            for end in [end for end in self.beside if end not in used]:
                del self.beside[end]
                if isinstance(end, Pid):
                    self.names.pop(end, None)


def _end_of(one: Any) -> End:
    # Of a socket only the text: a chart does not keep it.
    return one if is_pid(one) else repr(one)


def _message_text(message: Any) -> tuple[str, RowKind]:
    match message:
        case Call(request=request):
            return f"call {_short(request)}", "message"
        case Cast(request=request):
            return f"cast {_short(request)}", "message"
        case Answer(value=value):
            return _short(value), "answer"
        case SelectMessage(tag=tag):
            return f"SelectMessage({tag!r})", "socket"
        case AbortMessage(tag=tag, reason=reason):
            return f"AbortMessage({tag!r}, {reason!r})", "socket"
        case Exit(reason=reason):
            return f"Exit {_short(reason)}", "link"
        case Down(reason=reason):
            return f"Down {_short(reason)}", "link"
    return _short(message), "message"


def _short(value: Any) -> str:
    text = " ".join(text_of(value).split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
