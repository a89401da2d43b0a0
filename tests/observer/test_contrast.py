"""The contrast of every colour with what may lie behind it: the limits of WCAG 2, level AA."""

import re
from pathlib import Path

import pytest

import actorsock.observer
from actorsock.trace.charts import svg

TEXT, SHAPE = 4.5, 3.0

PAGE = (Path(actorsock.observer.__file__).parent / "page" / "style.css").read_text()
BEHIND = ("page", "card", "chosen")

WORD_OF_TEXT = re.compile(r"(?<![\w-])color: var\(--(\w+)\)")
WORD_OF_SHAPE = re.compile(r"(?:stroke|outline|border)[\w-]*:[^;]*var\(--(\w+)\)")

DECORATION = {"line", "page"}
"""The rules between rows, the frames of cards, and what surrounds a letter: they tell nothing."""


def luminance(colour: str) -> float:
    """The relative luminance of `#rrggbb` or `#rgb`."""
    digits = colour.removeprefix("#")
    digits = "".join(2 * digit for digit in digits) if len(digits) == 3 else digits
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, another: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(another)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def schemes(style: str) -> dict[str, str]:
    """The part of a style sheet for light, and that for dark."""
    light, _, dark = style.partition("prefers-color-scheme: dark")
    return {"light": light, "dark": dark}


def test_the_ratio_itself() -> None:
    assert contrast("#000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#fff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page(scheme: str) -> None:
    colours = dict(re.findall(r"--(\w+): (#\w+)", schemes(PAGE)[scheme]))
    fills = re.findall(
        r"(?:text|\.who|\.pid|\.time|\.more|\.dim)[^{}]*{[^}]*fill: var\(--(\w+)", PAGE
    )
    texts = {*WORD_OF_TEXT.findall(PAGE), *fills}
    shapes = set(WORD_OF_SHAPE.findall(PAGE)) - DECORATION
    assert {"text", "dim", "accent", "wrong", "good"} <= texts
    assert {"edge", "accent"} <= shapes
    low = [
        (word, behind, round(ratio, 2))
        for words, least in ((texts, TEXT), (shapes, SHAPE))
        for word in words
        for behind in BEHIND
        if (ratio := contrast(colours[word], colours[behind])) < least
    ]
    assert low == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_chart_as_svg(scheme: str) -> None:
    style = schemes(svg._STYLE)[scheme]
    behind = re.search(r"background: (#\w+)", style)
    assert behind is not None
    rules = dict(re.findall(r"\.(\w+) { (?:fill|stroke): (#\w+)", style))
    found = re.findall(r"(?<![-\w])color: (#\w+)", style)
    assert len(found) == 1
    assert {"dim", "message", "answer", "socket", "spawn", "link"} <= set(rules)
    low = {
        name: round(ratio, 2)
        for name, colour in {**rules, "text": found[0]}.items()
        if name != "life"
        and (ratio := contrast(colour, behind[1])) < (TEXT if name in ("dim", "text") else SHAPE)
    }
    assert low == {}
