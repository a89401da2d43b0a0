"""The sequence charts of live traces: a page that asks for a part of one is told that part.

What a chart shows is decided here, by the rules of `trace.chart`, and only drawn by the page. So a
trace can be looked through when it is over.
"""

from collections import deque
from typing import Final, get_args

from ...trace.charts.selection import MOST_ROWS, Chart, Choice, Others, select
from ...trace.charts.sequence import KEPT_ROWS, Sequence
from ..web.parameters import Parameters, WrongParameter
from ..web.site import Json

__all__ = ["Charts"]

_KEPT: Final = 4
"""How many live traces can be looked through, the newest."""

_MOST_WORDS: Final = 50
"""The words that choose lifelines; and how many others are told."""

_OTHERS: Final[dict[str, Others]] = {word: word for word in get_args(Others)}


class Charts:
    """The charts of the newest live traces of one observer."""

    def __init__(self) -> None:
        self._kept: dict[int, Sequence] = {}
        self._begun = 0

    def begin(self) -> tuple[int, Sequence]:
        """Begin a chart; return the number by which it is asked for, and what its events go to."""
        self._begun += 1
        if len(self._kept) == _KEPT:
            del self._kept[next(iter(self._kept))]
        sequence = self._kept[self._begun] = Sequence(rows=deque(maxlen=KEPT_ROWS))
        return self._begun, sequence

    async def chart(self, parameters: Parameters) -> Json:
        """Return a part of a chart.

        Parameters of the question: `trace`, the number that the first line of a live trace tells;
        `lifelines`, words with commas between them; `others`: fold or hide; `rows`, how many;
        `first`, how many rows come before them.
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
