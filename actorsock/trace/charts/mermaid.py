"""A sequence chart in the language of Mermaid, which GitHub and many editors draw."""

from typing import Final

from .selection import Chart, Row

__all__ = ["as_mermaid"]

_ARROWS: Final = {"message": "-)", "socket": "->>", "spawn": "->>", "answer": "-->>", "link": "--)"}

# A semicolon and a hash end a statement there, and the rest is read as HTML.
_REPLACED: Final = str.maketrans({";": ",", "#": "＃", "<": "‹", ">": "›", ":": "：", "\n": " "})


def as_mermaid(chart: Chart) -> str:
    """Return the chart as a `sequenceDiagram`."""
    lines = ["sequenceDiagram"]
    for number, line in enumerate(chart.lifelines):
        name = " ".join(filter(None, (line.name, line.handle)))
        lines.append(f"    participant p{number} as {_clean(name)}")
    for remark in chart.remarks:
        # A note needs a participant.
        lines.append(f"    Note over p0: {remark}" if chart.lifelines else f"    %% {remark}")
    lines += [f"    {_statement(row)}" for row in chart.rows]
    return "\n".join(lines)


def _statement(row: Row) -> str:
    if row.target is None:
        return f"Note over p{row.source}: {_clean(row.label)}"
    return f"p{row.source}{_ARROWS.get(row.kind, '->>')}p{row.target}: {_clean(row.label)}"


def _clean(text: str) -> str:
    return text.translate(_REPLACED)
