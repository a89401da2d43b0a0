"""The sequence charts of live traces, of which the page asks for one part at a time.

What a chart shows is decided here, by the rules of `trace.chart`; the page only draws it. The
events are kept here, so people can look through a trace that has ended.
"""

from collections import deque
from typing import Final, get_args

from ...trace.charts.selection import MOST_ROWS, Chart, Choice, Others, select
from ...trace.charts.sequence import KEPT_ROWS, Sequence
from ..web.parameters import Parameters, WrongParameter
from ..web.site import Json

__all__ = ["Charts"]

_KEPT: Final = 4
"""How many live traces are kept: the newest ones."""

_MOST_WORDS: Final = 50
"""How many words can choose lifelines, and how many of the other lifelines an answer names."""

_OTHERS: Final[dict[str, Others]] = {word: word for word in get_args(Others)}


class Charts:
    """The charts of the newest live traces of one observer."""

    def __init__(self) -> None:
        self._kept: dict[int, Sequence] = {}
        self._begun = 0

    def begin(self) -> tuple[int, Sequence]:
        """Begin a chart; return its number, and the sequence to which its events are added."""
        self._begun += 1
        if len(self._kept) == _KEPT:
            del self._kept[next(iter(self._kept))]
        sequence = self._kept[self._begun] = Sequence(rows=deque(maxlen=KEPT_ROWS))
        return self._begun, sequence

    async def chart(self, parameters: Parameters) -> Json:
        """Return a part of a chart.

        Parameters of the question: `trace`, the number in the first line of a live trace;
        `lifelines`, words with commas between them; `others`, `fold` or `hide`; `rows`, how many
        rows; `first`, how many rows come before them (missing: the last rows).
        """
        sequence = self._kept.get(parameters.number("trace", 0, 10**9))
        if sequence is None:
            raise WrongParameter("trace: there is no such trace, or it is not kept any more")
        words = tuple(filter(None, map(str.strip, parameters.text("lifelines").split(","))))
        first = parameters.number("first", 0, 10**9) if parameters.text("first") else None
        others = parameters.choice("others", _OTHERS, "fold")
        rows = max(1, parameters.number("rows", MOST_ROWS, KEPT_ROWS))
        return _told(select(sequence, Choice(words[:_MOST_WORDS], others, rows, first)))


def _told(chart: Chart) -> Json:
    return {
        "lifelines": [{"name": line.name, "handle": line.handle} for line in chart.lifelines],
        "rows": [
            {
                "at": row.at,
                "kind": row.kind,
                "source": row.source,
                "target": row.target,
                "label": row.label,
            }
            for row in chart.rows
        ],
        "before": chart.before,
        "after": chart.after,
        "remarks": list(chart.remarks),
        "others": list(chart.others[:_MOST_WORDS]),
        "more": max(0, len(chart.others) - _MOST_WORDS),
        "folded": chart.folded,
    }
