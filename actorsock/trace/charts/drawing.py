"""`chart`: the public function, which chooses the form."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Literal

from ...arguments import check_int, check_word, shown
from ...runtime.core.identity import Pid
from ...socket.core.socket_object import Socket
from ..sessions.events import TraceEvent
from ..sessions.session import Session
from .mermaid import as_mermaid
from .selection import MOST_ROWS, Chart, Choice, select
from .sequence import Sequence
from .svg import as_svg
from .text import as_ascii, as_text

__all__ = ["chart"]

_FORMS: Final[dict[str, Callable[[Chart], str]]] = {
    "text": as_text,
    "ascii": as_ascii,
    "svg": as_svg,
    "mermaid": as_mermaid,
}


def chart(
    events: Iterable[TraceEvent],
    form: Literal["text", "ascii", "svg", "mermaid"] = "text",
    names: Mapping[Pid, str] | None = None,
    *,
    lifelines: Iterable[Pid | Socket | str] = (),
    others: Literal["fold", "hide"] = "fold",
    rows: int = MOST_ROWS,
    first: int | None = None,
) -> str:
    """Return a sequence chart of events. Erlang draws such charts with `et`.

    There is a line for each process and each socket, and an arrow for each message. A message that
    the sender and the receiver have told of is one arrow; what is repeated in a row is one arrow
    with a number. Of more than `rows` rows the last ones are shown. With more than 30 lines,
    processes of the same name share one; if there are still too many, the busiest are shown, and
    the rest is one line, "others". The chart says how much it does not show.

    Args:
        events: a `Session`, or any events in the order of time.
        form: `"text"`; `"ascii"`: the same without other characters; `"svg"`: an SVG file, for
            light and dark pages; `"mermaid"`.
        names: what to call the processes; the names that a `Session` knows need not be in it.
        lifelines: which ones to show: processes, sockets, or words that their names, pids or
            sockets have. Without any it is the busiest ones.
        others: what becomes of the other lines: `"fold"` makes them one, and shows what passes
            between that one and the lines that are shown; `"hide"` shows nothing of them.
        rows: how many rows are shown.
        first: how many rows come before the first one that is shown; without it the last ones are.

    Returns:
        The chart, as one text.

    Raises:
        TypeError, ValueError: an argument is none of those described above; the error names it.

    Example::

        Path("chart.svg").write_text(trace.chart(session, "svg"))
        print(trace.chart(session, lifelines=["till", customer], rows=50))
    """
    check_word("form", form, tuple(_FORMS))
    check_word("others", others, ("fold", "hide"))
    check_int("rows", rows, "a number of rows", 1)
    if first is not None:
        check_int("first", first, "a number of rows", 0)
    chosen = _checked(lifelines)
    known = events.names if isinstance(events, Session) else {}
    sequence = Sequence({**known, **(names or {})})
    for event in events:
        sequence.add(event)
    return _FORMS[form](select(sequence, Choice(chosen, others, rows, first)))


def _checked(lifelines: Any) -> tuple[Pid | str, ...]:
    wanted = "lifelines: expected a list of processes, sockets and words"
    if isinstance(lifelines, str) or not isinstance(lifelines, Iterable):
        raise TypeError(f"{wanted}, got {shown(lifelines)}")
    chosen = tuple(lifelines)
    for one in chosen:
        if not isinstance(one, (Pid, Socket, str)):
            raise TypeError(f"{wanted}, one of which is {shown(one)}")
    return tuple(repr(one) if isinstance(one, Socket) else one for one in chosen)
