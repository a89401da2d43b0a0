"""From the events of a trace to the rows of a sequence chart. Pure: no form of output in here."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, TypeAlias

import attrs

from ...log_text import text_of
from ...otp.calls.protocol import Answer, Call, Caller, Cast
from ...runtime.core.identity import Pid, is_pid
from ...runtime.core.messages import Down, Exit
from ...socket.core.notifications import AbortMessage, SelectMessage
from ..sessions.events import TraceEvent

__all__ = ["MOST_LIFELINES", "MOST_ROWS", "Chart", "Lifeline", "Row", "RowKind", "sequence"]

MOST_ROWS: Final = 200
"""Rows of a chart; of more events the last ones are shown."""

MOST_LIFELINES: Final = 30
"""With more than that, the processes of one name share a lifeline."""

_LONGEST: Final = 44
"""Characters of a label."""

RowKind: TypeAlias = Literal["message", "answer", "socket", "spawn", "link", "note", "end"]


@attrs.frozen
class Lifeline:
    """A process or a socket, or several processes of one name."""

    name: str
    handle: str
    """The pid or the socket as text, or how many processes there are."""


@attrs.frozen
class Row:
    """One thing that has happened: an arrow, or a note on one lifeline."""

    at: float
    """Seconds since the first row."""
    kind: RowKind
    source: int
    """The lifeline that it begins at, by its number."""
    target: int | None
    """The one that it leads to; None for a note and an end."""
    text: str
    count: int = 1
    """How many times in a row."""

    @property
    def label(self) -> str:
        """The text, with the number of times."""
        return self.text if self.count == 1 else f"{self.text} × {self.count}"


@attrs.frozen
class Chart:
    """The lifelines from left to right, and the rows in the order of time."""

    lifelines: list[Lifeline]
    rows: list[Row]
    left_out: int
    """Rows before the first one that are not shown."""


def sequence(events: Iterable[TraceEvent], names: Mapping[Pid, str]) -> Chart:
    """Return the chart of events; `names` says what to call the processes."""
    builder = _Builder(dict(names))
    for event in events:
        builder.add(event)
    return builder.chart()


@attrs.define
class _Draft:
    at: float
    kind: RowKind
    source: Any
    target: Any
    text: str
    count: int = 1


@attrs.define
class _Builder:
    names: dict[Pid, str]
    drafts: list[_Draft] = attrs.field(factory=list)
    order: list[Any] = attrs.field(factory=list)
    """The processes and sockets, as the lifelines come from left to right."""
    twice: dict[Any, int] = attrs.field(factory=dict)
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

    def chart(self) -> Chart:
        """Return what has been added."""
        drafts = self.drafts[-MOST_ROWS:]
        left_out = len(self.drafts) - len(drafts)
        used = {end for draft in drafts for end in (draft.source, draft.target)}
        order = [one for one in self.order if one in used]
        numbers: dict[Any, int] = {}
        lifelines: list[Lifeline] = []
        shared: dict[str, list[int]] = {}
        for one in order:
            name = self._name(one)
            if len(order) > MOST_LIFELINES and is_pid(one) and name in shared:
                number, members = shared[name]
                shared[name] = [number, members + 1]
                lifelines[number] = Lifeline(name, f"{members + 1} processes")
                numbers[one] = number
                continue
            numbers[one] = len(lifelines)
            shared.setdefault(name, [len(lifelines), 1])
            lifelines.append(Lifeline(name, repr(one)))
        first = drafts[0].at if drafts else 0.0
        rows = [
            Row(
                draft.at - first,
                draft.kind,
                numbers[draft.source],
                None if draft.target is None else numbers[draft.target],
                draft.text,
                draft.count,
            )
            for draft in drafts
        ]
        return Chart(lifelines, rows, left_out)

    def _name(self, one: Any) -> str:
        return self.names.get(one, "") if is_pid(one) else ""

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
        self.twice[key] = self.twice.get(key, 0) + 1

    def _told(self, key: Any) -> bool:
        if not self.twice.get(key):
            return False
        self.twice[key] -= 1
        return True

    def _draw(self, at: float, kind: RowKind, source: Any, target: Any, text: str) -> None:
        self._place(source, target)
        if target is not None:
            self._place(target, source)
        if self.drafts:
            last = self.drafts[-1]
            if (last.kind, last.source, last.target, last.text) == (kind, source, target, text):
                last.count += 1
                return
        self.drafts.append(_Draft(at, kind, source, target, text))

    def _place(self, one: Any, beside: Any) -> None:
        if one in self.order:
            return
        if not is_pid(one) and beside in self.order:
            # A socket stands beside the process that has used it first.
            self.order.insert(self.order.index(beside) + 1, one)
        else:
            self.order.append(one)


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
