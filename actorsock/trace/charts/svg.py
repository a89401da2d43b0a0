"""A sequence chart as SVG: one file, light and dark, without scripts and fonts of its own."""

from html import escape
from itertools import pairwise
from typing import Final

from .selection import Chart, Row

__all__ = ["as_svg"]

_LETTER: Final = 6.7
"""The width of a character, in pixels: the labels are of 11 pixels, monospaced."""

_LEFT, _TOP, _STEP = 96, 64, 30
_NARROWEST, _WIDEST = 90, 190

_STYLE: Final = """
svg { background: #fff; color: #24292f; font: 11px ui-monospace, Menlo, Consolas, monospace }
.life { stroke: #d0d7de } .dim { fill: #6e7781 } .name { font-weight: 600 }
text { fill: currentColor; paint-order: stroke; stroke: #fff; stroke-width: 4px;
  stroke-linejoin: round }
.row { fill: none; stroke-width: 1.5 }
.message { stroke: #24292f } .answer { stroke: #57606a } .socket { stroke: #0969da }
.spawn { stroke: #1a7f37 } .link { stroke: #9a6700 } .note, .end { stroke: #6e7781 }
.answer { stroke-dasharray: 5 3 } .link { stroke-dasharray: 1 3 }
@media (prefers-color-scheme: dark) {
  svg { background: #0d1117; color: #e6edf3 } text { stroke: #0d1117 } .life { stroke: #30363d }
  .dim { fill: #8b949e } .message { stroke: #e6edf3 } .answer { stroke: #8b949e }
  .socket { stroke: #58a6ff } .spawn { stroke: #3fb950 } .link { stroke: #d29922 }
}"""


def as_svg(chart: Chart) -> str:
    """Return the chart as the text of an SVG file."""
    places = _places(chart)
    height = _TOP + _STEP * (len(chart.rows) + 1)
    longest = max((len(row.label) for row in chart.rows), default=0)
    width = (places[-1] if places else _LEFT) + max(90, round(longest * _LETTER / 2) + 40)
    remarks = "; ".join(chart.remarks)
    width = max(width, round(len(remarks) * _LETTER) + 16)
    width = max(width, *(_right_of_note(row, places) for row in chart.rows), 0)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img" aria-label="Sequence chart, {len(chart.rows)} rows">',
        f"<style>{_STYLE}</style>",
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto-start-reverse"><path d="M0 0 8 4 0 8z" '
        'fill="context-stroke"/></marker></defs>',
    ]
    ends = {row.source: _y(number) for number, row in enumerate(chart.rows) if row.kind == "end"}
    for number, (place, line) in enumerate(zip(places, chart.lifelines, strict=True)):
        bottom = ends.get(number, height - 10)
        parts.append(f'<path class="life" d="M{place} {_TOP - 12}V{bottom}"/>')
        parts.append(_text(place, 24, line.name, "name"))
        parts.append(_text(place, 40, line.handle, "dim"))
    if chart.remarks:
        parts.append(_text(8, 12, remarks, "dim", "start"))
    for number, row in enumerate(chart.rows):
        parts += _row(row, _y(number), places)
    parts.append("</svg>")
    return "\n".join(parts)


def _places(chart: Chart) -> list[int]:
    if not chart.lifelines:
        return []
    heads: list[float] = [
        max(len(line.name), len(line.handle)) * _LETTER for line in chart.lifelines
    ]
    gaps = [max(_NARROWEST, (one + another) / 2 + 16) for one, another in pairwise(heads)]
    for row in chart.rows:
        if row.target is not None and abs(row.source - row.target) == 1:
            gap = min(row.source, row.target)
            gaps[gap] = max(gaps[gap], min(len(row.label) * _LETTER + 24, _WIDEST))
    places = [round(_LEFT + heads[0] / 2)]
    for wide in gaps:
        places.append(round(places[-1] + wide))
    return places


def _y(number: int) -> int:
    return _TOP + _STEP * number + 14


def _right_of_note(row: Row, places: list[int]) -> int:
    if row.target is not None:
        return 0
    return round(places[row.source] + len(row.label) * _LETTER) + 30


def _row(row: Row, y: int, places: list[int]) -> list[str]:
    start = places[row.source]
    time = _text(60, y + 4, f"{row.at * 1000:.2f} ms", "dim", "end")
    if row.target is None:
        mark = f"M{start - 4} {y - 4}l8 8m0 -8l-8 8" if row.kind == "end" else f"M{start - 3} {y}h6"
        return [
            time,
            f'<path class="row {row.kind}" d="{mark}"/>',
            _text(start + 10, y + 4, row.label, "", "start"),
        ]
    end = places[row.target]
    if end == start:
        path = f"M{start} {y - 4}h22v8h-20"
        return [
            time,
            f'<path class="row {row.kind}" d="{path}" marker-end="url(#head)"/>',
            _text(start + 28, y + 4, row.label, "", "start"),
        ]
    tip = end - 2 if end > start else end + 2
    return [
        time,
        f'<path class="row {row.kind}" d="M{start} {y}H{tip}" marker-end="url(#head)"/>',
        _text((start + end) // 2, y - 5, row.label),
    ]


def _text(x: int, y: int, text: str, kind: str = "", anchor: str = "middle") -> str:
    of_kind = f' class="{kind}"' if kind else ""
    # Control characters are no XML, not even as references.
    clean = "".join(letter if letter.isprintable() else "·" for letter in text)
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}"{of_kind}>{escape(clean)}</text>'
