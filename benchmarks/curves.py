"""How cost grows, as a picture: small plots, each with a curve for each contestant.

The horizontal scale, the number of things, is logarithmic; the vertical one, the cost of one of
them, begins at 0. So a flat curve says that the cost of all grows in proportion to their number.
"""

import math
from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

import attrs

from .harness import Result, pure

__all__ = ["STYLE", "curves", "height"]

_LEFT: Final = 20
_COLUMNS: Final = 3
_WIDTH: Final = 330
_STEP: Final = 360
_PLOT_HEIGHT: Final = 130
_ROW: Final = 210
_HEADING: Final = 56
_AXIS: Final = 34
_LABEL: Final = 34

_KINDS: Final = {
    "task body": "task",
    "light body": "light",
    pure("light body"): "light python",
    "trio": "trio",
    "Erlang's processes": "erlang",
}

STYLE: Final = """
  polyline { fill: none; stroke-width: 2; }
  .python { stroke-dasharray: 2 3; }
  .trio { stroke: #59636e; } .erlang { stroke: #59636e; stroke-dasharray: 6 3; }
  polyline.task, polyline.light { fill: none; }"""


def height(results: Sequence[Result]) -> int:
    """Return the height of all plots; 0 without any."""
    rows = math.ceil(len(_by_part(results)) / _COLUMNS)
    return _HEADING + _ROW * rows if rows else 0


def curves(results: Sequence[Result], y: int) -> Iterator[str]:
    """Generate the plots of the parts that have sizes, below `y`."""
    parts = _by_part(results)
    if not parts:
        return
    yield f'<text class="heading" x="{_LEFT}" y="{y + 16}">Scale: the cost of one</text>'
    names = [name for name in _KINDS if any(name in one.figures for one in results if _size(one))]
    for number, name in enumerate(names):
        x = _LEFT + number * 200
        yield f'<polyline class="{_KINDS[name]}" points="{x},{y + 36} {x + 24},{y + 36}"/>'
        yield f'<text class="muted" x="{x + 30}" y="{y + 40}">{escape(name)}</text>'
    for number, (part, group) in enumerate(parts.items()):
        row, column = divmod(number, _COLUMNS)
        yield from _plot(part, group, _LEFT + _STEP * column, y + _HEADING + _ROW * row)


@attrs.frozen
class _Scales:
    """The scales of a plot, whose upper left corner is (`left`, `top`)."""

    left: int
    top: int
    sizes: tuple[int, int]
    most: float

    def x(self, size: int) -> float:
        low, high = map(math.log10, self.sizes)
        return round(self.left + (_WIDTH - _AXIS) * (math.log10(size) - low) / (high - low), 1)

    def y(self, value: float) -> float:
        return round(self.top + _PLOT_HEIGHT * (1 - value / self.most), 1)


def _plot(part: str, group: Sequence[Result], left: int, top: int) -> Iterator[str]:
    sizes = sorted(_size(result) for result in group)
    values = [result.median(name) for result in group for name in result.figures]
    scales = _Scales(
        left + _AXIS, top + 26, (sizes[0], max(sizes[-1], sizes[0] + 1)), _nice(values)
    )
    yield f"<g><title>{escape(_words(part, group))}</title>"
    yield f'<text x="{left}" y="{top + 12}">{escape(part.removeprefix("scale: "))}</text>'
    for value in (0.0, scales.most / 2, scales.most):
        y = scales.y(value)
        yield f'<line class="grid" x1="{scales.left}" y1="{y}" x2="{left + _WIDTH}" y2="{y}"/>'
        yield f'<text class="scale" x="{left + _AXIS // 2}" y="{y + 4}">{value:g}</text>'
    last = scales.x(sizes[-1])
    for size in sizes:
        x, y = scales.x(size), scales.y(0) + 16
        if x == last or last - x > _LABEL:
            yield f'<text class="scale" x="{x}" y="{y}">{_short(size)}</text>'
    for name, kind in _KINDS.items():
        measured = [one for one in group if name in one.figures]
        points = [f"{scales.x(_size(one))},{scales.y(one.median(name))}" for one in measured]
        if points:
            yield f'<polyline class="{kind}" points="{" ".join(points)}"/>'
    yield "</g>"


def _by_part(results: Sequence[Result]) -> dict[str, list[Result]]:
    parts: dict[str, list[Result]] = {}
    for result in results:
        if _size(result):
            parts.setdefault(result.benchmark.part, []).append(result)
    return parts


def _size(result: Result) -> int:
    return result.benchmark.size or 0


def _nice(values: Sequence[float]) -> float:
    """Return the upper end of a scale, one of 1, 2, 4, 6, 8 and 10 times a power of ten."""
    most = max(values, default=1.0)
    power = 10.0 ** math.floor(math.log10(most))
    return next(step * power for step in (1, 2, 4, 6, 8, 10) if most <= step * power)


def _short(size: int) -> str:
    for unit, letter in ((1_000_000, "M"), (1_000, "k")):
        if size >= unit:
            return f"{size / unit:.3g}{letter}"
    return str(size)


def _words(part: str, group: Sequence[Result]) -> str:
    lines = []
    for name in _KINDS:
        shown = [f"{one.median(name):.3g}" for one in group if name in one.figures]
        if shown:
            lines.append(f"{name} {', '.join(shown)}")
    labels = ", ".join(result.benchmark.label for result in group)
    return f"{part}, for {labels}: {'; '.join(lines)}"
