"""The results as text: a table of ratios with their targets, and the figures themselves.

Both also as a page in Markdown, which the documents include.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from .harness import Claim, Result, Verdict, verdict

__all__ = ["figures", "page", "ratio_text", "ratios", "summary", "target_text", "verdicts"]

_SIGNS: Final = {"at least": ">=", "more than": ">", "at most": "<="}


def ratios(results: Sequence[Result]) -> str:
    """Return the table of ratios, with a line for each comparison."""
    return "\n".join(_columns(list(_ratio_rows(results)), _SIDES))


def page(results: Sequence[Result], conditions: str) -> str:
    """Return the results as a page in Markdown; `conditions` says where they were measured."""
    heading, *rows = ("| " + " | ".join(row) + " |" for row in _ratio_rows(results))
    line = "|" + "|".join("---:" if side == "r" else "---" for side in _SIDES) + "|"
    figured = f"```text\n{figures(results)}\n```"
    return "\n".join([conditions, "", heading, line, *rows, "", summary(results), "", figured, ""])


_SIDES: Final = "llrllrllrr"


def _ratio_rows(results: Sequence[Result]) -> Iterator[tuple[str, ...]]:
    """Generate the heading and the lines of the table of ratios.

    The last two columns compare each body with itself without the native core.
    """
    bodies = ("task body", "target", "", "light body", "target", "")
    yield ("", "compared with", *bodies, "native: task", "light")
    for result in results:
        for line in result.benchmark.lines:
            task = _cells(verdict(result, line, line.task))
            light = _cells(verdict(result, line, line.light))
            native = [_native(result, claim) for claim in (line.task, line.light)]
            yield (line.what, line.baseline, *task, *light, *native)


def figures(results: Sequence[Result]) -> str:
    """Return the medians: a table for each part, a line for each contestant."""
    return "\n\n".join(_part(part, list(group)) for part, group in _by_part(results))


def summary(results: Sequence[Result]) -> str:
    """Return the number of targets met, and the contestants skipped or failed with the reasons."""
    judged = [one for one in verdicts(results) if one[1].met is not None]
    met = sum(one.met is True for _, one in judged)
    lines = [f"{met} of {len(judged)} targets are met"]
    for result in results:
        lines += [f"skipped: {name} ({why})" for name, why in result.skipped.items()]
        lines += [f"FAILED: {name} ({what})" for name, what in result.failed.items()]
    return "\n".join(dict.fromkeys(lines))


def verdicts(results: Sequence[Result]) -> list[tuple[str, Verdict]]:
    """Return every claim of every line, with the subject of the line."""
    return [
        (line.what, one)
        for result in results
        for line in result.benchmark.lines
        for claim in (line.task, line.light)
        if (one := verdict(result, line, claim)) is not None
    ]


def ratio_text(ratio: float | None) -> str:
    """Return a ratio as text: two decimals if it is below 10, else one."""
    if ratio is None:
        return "-"
    return f"{ratio:.2f} x" if ratio < 10 else f"{ratio:.1f} x"


def target_text(claim: Claim) -> str:
    """Return the target of a claim as text."""
    return f"{_SIGNS[claim.kind]} {claim.target:g}" if claim.kind is not None else ""


def _cells(one: Verdict | None) -> tuple[str, str, str]:
    if one is None:
        return "", "", ""
    word = {True: "met", False: "NOT MET", None: ""}[one.met]
    return ratio_text(one.ratio), target_text(one.claim), word


def _native(result: Result, claim: Claim | None) -> str:
    ratio = result.native_ratio(claim)
    return "" if ratio is None else ratio_text(ratio)


def _by_part(results: Sequence[Result]) -> Iterator[tuple[str, list[Result]]]:
    parts = dict.fromkeys(result.benchmark.part for result in results)
    for part in parts:
        yield part, [result for result in results if result.benchmark.part == part]


def _part(part: str, results: Sequence[Result]) -> str:
    rows = [("", *(result.benchmark.label for result in results))]
    names = dict.fromkeys(name for result in results for name in result.benchmark.contestants)
    for name in names:
        rows.append((name, *(_figure(result, name) for result in results)))
    lines = _columns(rows, "l" + "r" * len(results))
    return "\n".join([part, *(f"  {line}" for line in lines)])


def _figure(result: Result, name: str) -> str:
    if name not in result.figures:
        return "-"
    value, cpu = result.median(name), result.cpu(name)
    shown = f"{value:,.1f}" if value < 1000 else f"{value:,.0f}"
    return shown if cpu is None else f"{shown} ({cpu:.1f})"


def _columns(rows: Sequence[Sequence[str]], sides: str) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(sides))]
    return [
        "  ".join(
            cell.rjust(width) if side == "r" else cell.ljust(width)
            for cell, width, side in zip(row, widths, sides, strict=True)
        ).rstrip()
        for row in rows
    ]
