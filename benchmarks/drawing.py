"""The results as a picture: an SVG for the README, in colours for light and dark pages.

Each comparison has a line on a logarithmic scale: a stroke from 1 (the baseline) to the ratio of
each body, and a tick at the target. The curves below show how cost grows.
"""

import math
from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

import attrs

from .curves import STYLE, curves, height
from .harness import Against, Claim, Result, Verdict, verdict
from .report import ratio_text, target_text

__all__ = ["picture"]

_WIDTH: Final = 1080
_MARGIN: Final = 20
_LINE: Final = 26
_HEADING: Final = 60
_WHAT, _BASELINE, _PLOT, _PLOT_END, _TASK, _LIGHT = 20, 320, 494, 774, 864, 940
_NATIVE: Final = (1000, 1060)  # task and light, compared with themselves in pure Python

_STYLE: Final = """
  text { font: 13px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif;
         fill: #1f2328; font-variant-numeric: tabular-nums; }
  .heading { font-weight: 600; font-size: 15px; }
  .muted, .scale { fill: #59636e; }
  .scale { font-size: 11px; text-anchor: middle; }
  .number { text-anchor: end; }
  .missed { font-style: italic; }
  .grid { stroke: #d1d9e0; } .one { stroke: #59636e; }
  .task { stroke: #0969da; fill: #0969da; } .light { stroke: #bc4c00; fill: #bc4c00; }
  text.task, text.light { stroke: none; }
  .stroke { stroke-width: 3; } .tick { stroke-width: 2; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .muted, .scale { fill: #9198a1; }
    .grid { stroke: #3d444d; } .one { stroke: #9198a1; }
    .task { stroke: #4493f8; fill: #4493f8; } .light { stroke: #f0883e; fill: #f0883e; }
  }"""


@attrs.frozen
class _Row:
    """A line of the picture."""

    line: Against
    task: Verdict | None
    light: Verdict | None
    native: tuple[float | None, float | None]
    """The ratios of the bodies to themselves without the native core."""


def picture(results: Sequence[Result]) -> str:
    """Return the SVG."""
    rows = list(_rows(results))
    parts: list[str] = []
    y = _MARGIN
    for heading, lower_is_better in (
        ("Speed: higher is better", False),
        ("Time and memory: lower is better", True),
    ):
        chosen = [row for row in rows if row.line.lower_is_better == lower_is_better]
        if chosen:
            parts += _panel(heading, chosen, _scale_for(chosen), y)
            y += _HEADING + _LINE * len(chosen) + _MARGIN
    note = "A dot: the ratio to what it is compared with. A tick: the target; in italics: missed."
    parts.append(f'<text class="muted" x="{_WHAT}" y="{y}">{note}</text>')
    y += _MARGIN
    parts += curves(results, y)
    y += height(results)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y}" '
            f'width="{_WIDTH}" height="{y}" role="img">',
            "<title>actorsock side by side with what a user would pick instead</title>",
            f"<style>{_STYLE}{STYLE}\n</style>",
            *parts,
            "</svg>\n",
        ]
    )


@attrs.frozen
class _Scale:
    """The scale of a panel, from 2**`low` to 2**`high`."""

    low: int
    high: int

    def x(self, ratio: float) -> float:
        place = (math.log2(max(ratio, 2**-20)) - self.low) / (self.high - self.low)
        return round(_PLOT + (_PLOT_END - _PLOT) * min(max(place, 0.0), 1.0), 1)


def _rows(results: Sequence[Result]) -> Iterator[_Row]:
    for result in results:
        for line in result.benchmark.lines:
            task, light = (verdict(result, line, claim) for claim in (line.task, line.light))
            native = result.native_ratio(line.task), result.native_ratio(line.light)
            yield _Row(line, task, light, native)


def _scale_for(rows: Sequence[_Row]) -> _Scale:
    shown = [one for row in rows for one in (row.task, row.light) if one is not None]
    ratios = [one.ratio for one in shown if one.ratio]
    ratios += [one.claim.target for one in shown if one.claim.kind is not None]
    logs = [math.log2(ratio) for ratio in ratios]
    return _Scale(math.floor(min(logs, default=-1) - 0.1), math.ceil(max(logs, default=1) + 0.1))


def _panel(heading: str, rows: Sequence[_Row], scale: _Scale, y: int) -> Iterator[str]:
    bottom = y + _HEADING + _LINE * len(rows) - 8
    yield f'<text class="heading" x="{_WHAT}" y="{y + 16}">{heading}</text>'
    yield f'<text class="muted" x="{_BASELINE}" y="{y + 40}">compared with</text>'
    yield f'<text class="number task" x="{_TASK}" y="{y + 40}">task body</text>'
    yield f'<text class="number light" x="{_LIGHT}" y="{y + 40}">light body</text>'
    yield f'<text class="number" x="{_NATIVE[1]}" y="{y + 16}">native / Python</text>'
    for at, body in zip(_NATIVE, ("task", "light"), strict=True):
        yield f'<text class="number {body}" x="{at}" y="{y + 40}">{body}</text>'
    for power in range(scale.low, scale.high + 1):
        x = scale.x(2.0**power)
        label = f"{2**power}" if power >= 0 else f"1/{2**-power}"
        kind = "one" if power == 0 else "grid"
        yield f'<line class="{kind}" x1="{x}" y1="{y + 46}" x2="{x}" y2="{bottom}"/>'
        yield f'<text class="scale" x="{x}" y="{y + 40}">{label}</text>'
    former = ""
    for number, row in enumerate(rows):
        line, task, light = row.line, row.task, row.light
        middle = y + _HEADING + _LINE * number + 5
        yield f"<g><title>{escape(_words(line, task, light))}</title>"
        if line.what != former:
            yield f'<text x="{_WHAT}" y="{middle + 4}">{escape(line.what)}</text>'
            for at, body, ratio in zip(_NATIVE, ("task", "light"), row.native, strict=True):
                if ratio is not None:
                    text = ratio_text(ratio)
                    yield f'<text class="number {body}" x="{at}" y="{middle + 4}">{text}</text>'
        former = line.what
        yield (
            f'<text class="muted" x="{_BASELINE}" y="{middle + 4}">{escape(line.baseline)}</text>'
        )
        if task is not None:
            yield from _stroke("task", task, scale, middle - 4, middle + 4, _TASK)
        if light is not None:
            yield from _stroke("light", light, scale, middle + 4, middle + 4, _LIGHT)
        yield "</g>"


def _stroke(
    body: str, one: Verdict, scale: _Scale, y: int, text_y: int, text_x: int
) -> Iterator[str]:
    missed = " missed" if one.met is False else ""
    yield (
        f'<text class="number {body}{missed}" x="{text_x}" y="{text_y}">'
        f"{ratio_text(one.ratio)}</text>"
    )
    if one.claim.kind is not None:
        x = scale.x(one.claim.target)
        yield f'<line class="tick {body}" x1="{x}" y1="{y - 5}" x2="{x}" y2="{y + 5}"/>'
    if one.ratio is not None:
        x = scale.x(one.ratio)
        yield f'<line class="stroke {body}" x1="{scale.x(1)}" y1="{y}" x2="{x}" y2="{y}"/>'
        yield f'<circle class="{body}" cx="{x}" cy="{y}" r="3"/>'


def _words(line: Against, task: Verdict | None, light: Verdict | None) -> str:
    texts = [
        f"{body} {ratio_text(one.ratio)}{_target(one.claim)}"
        for body, one in (("task body", task), ("light body", light))
        if one is not None
    ]
    return f"{line.what}, compared with {line.baseline}: {', '.join(texts)}"


def _target(claim: Claim) -> str:
    return f" (target {target_text(claim)})" if claim.kind is not None else ""
