"""`chart`: the public function, which chooses the form."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, Literal

from ...arguments import check_word
from ...runtime.core.identity import Pid
from ..sessions.events import TraceEvent
from ..sessions.session import Session
from .mermaid import as_mermaid
from .sequence import Chart, sequence
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
) -> str:
    """Return a sequence chart of events. Erlang draws such charts with `et`.

    There is a line for each process and each socket, and an arrow for each message. A message that
    the sender and the receiver have told of is one arrow; what is repeated in a row is one arrow
    with a number. Of more than 200 rows the last ones are shown; with more than 30 lines, processes
    of the same name share one.

    Args:
        events: a `Session`, or any events in the order of time.
        form: `"text"`; `"ascii"`: the same without other characters; `"svg"`: an SVG file, for
            light and dark pages; `"mermaid"`.
        names: what to call the processes; the names that a `Session` knows need not be in it.

    Returns:
        The chart, as one text.

    Raises:
        TypeError, ValueError: `form` is none of these words.

    Example::

        Path("chart.svg").write_text(trace.chart(session, "svg"))
    """
    check_word("form", form, tuple(_FORMS))
    known = events.names if isinstance(events, Session) else {}
    return _FORMS[form](sequence(events, {**known, **(names or {})}))
