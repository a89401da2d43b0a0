"""A sequence chart as text, for terminals and reports."""

from itertools import pairwise
from typing import Final

from .selection import Chart, Row

__all__ = ["as_ascii", "as_text"]

_TIME: Final = 9
"""The width of the column of times."""

_NARROWEST, _WIDEST = 10, 24
"""The limits of the gap between two lifelines."""

_DASHES: Final = {"answer": "╌", "link": "·"}


def as_text(chart: Chart) -> str:
    """Return the chart as lines of text."""
    if not chart.lifelines:
        return "\n".join(f"({remark})" for remark in chart.remarks or ["nothing was traced"])
    places = _places(chart)
    heads = [" ".join(filter(None, (line.name, line.handle))) for line in chart.lifelines]
    lines = [_overlaid(" " * (_TIME - 3) + "ms", places, heads)]
    lines += [f"{'...':>{_TIME - 1}}  ({remark})" for remark in chart.remarks]
    ended: set[int] = set()
    for row in chart.rows:
        lines += _row(row, places, ended)
        if row.kind == "end":
            ended.add(row.source)
    return "\n".join(line.rstrip() for line in lines)


def as_ascii(chart: Chart) -> str:
    """Return the chart as lines of ASCII, for what shows nothing else."""
    return as_text(chart).translate(_IN_ASCII).encode("ascii", "backslashreplace").decode("ascii")


_IN_ASCII: Final = str.maketrans("│─╌·▶◀╳●×↺", "|-..><X*x@")


def _places(chart: Chart) -> list[int]:
    heads = [len(line.name) + bool(line.name) + len(line.handle) for line in chart.lifelines]
    # A gap is as wide as the longest label that crosses it alone; longer ones go above the arrow.
    gaps = [max(_NARROWEST, (one + another) // 2 + 3) for one, another in pairwise(heads)]
    for row in chart.rows:
        if row.target is not None and abs(row.source - row.target) == 1:
            gap = min(row.source, row.target)
            gaps[gap] = max(gaps[gap], min(len(row.label) + 9, _WIDEST))
    places = [_TIME + max(heads[0] // 2 + 1, 2)]
    for gap in gaps:
        places.append(places[-1] + gap)
    return places


def _row(row: Row, places: list[int], ended: set[int]) -> list[str]:
    time = f"{row.at * 1000:>{_TIME - 1}.2f}"
    lines = _lifelines(places, ended)
    start = places[row.source]
    if row.target is None:
        mark = "╳" if row.kind == "end" else "●"
        return [_put(_put(_put(lines, 0, time), start, mark), start + 2, row.label + " ")]
    end = places[row.target]
    if row.target == row.source:
        return [_put(_put(lines, 0, time), start + 1, f"↺ {row.label} ")]
    left, right = min(start, end) + 1, max(start, end)
    room = right - left
    dash = _DASHES.get(row.kind, "─")
    arrow = dash * (room - 1) + "▶" if end > start else "◀" + dash * (room - 1)
    if len(row.label) + 6 <= room:
        text = f" {row.label} "
        at = (room - len(text)) // 2
        arrow = arrow[:at] + text + arrow[at + len(text) :]
        return [_put(_put(lines, 0, time), left, arrow)]
    above = max(left + 1, left + (room - len(row.label)) // 2)
    return [
        _put(lines, above, f"{row.label}"),
        _put(_put(lines, 0, time), left, arrow),
    ]


def _lifelines(places: list[int], ended: set[int]) -> str:
    line = ""
    for number, place in enumerate(places):
        line = _put(line, place, " " if number in ended else "│")
    return line


def _overlaid(line: str, places: list[int], texts: list[str]) -> str:
    for place, text in zip(places, texts, strict=True):
        line = _put(line, max(place - len(text) // 2, _TIME), text)
    return line


def _put(line: str, place: int, text: str) -> str:
    line = line.ljust(place)
    return line[:place] + text + line[place + len(text) :]
