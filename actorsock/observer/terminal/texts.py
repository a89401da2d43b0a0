"""How the terminal shows numbers, and the rows of processes."""

from typing import Any, Final

__all__ = ["COLUMNS", "cells", "findings", "summary"]

COLUMNS: Final = ("pid", "name or function", "body", "status", "waits for", "reductions", "queue")
"""The titles of the list of processes."""


def cells(row: dict[str, Any]) -> tuple[str, ...]:
    """Return the texts of one row, in the order of `COLUMNS`."""
    function = row["function"].rpartition(":")[2]
    name = row["name"] or row["label"]
    return (
        row["pid"],
        f"{name} ({function})" if name else function,
        row["kind"],
        row["status"],
        row["waits"] or "",
        f"{row['reductions']:,}",
        f"{row['queue']:,}",
    )


def summary(system: dict[str, Any]) -> str:
    """Return the program as a whole, in one line."""
    now = system["now"]
    parts = [
        f"{now['processes']:,} processes "
        f"({now['task']:,} task, {now['light']:,} light, {now['handler']:,} handler)",
        f"{now.get('reductions', 0):,.0f} reductions/s",
        f"processor {now.get('processor', 0):.0%}",
        f"{now['queued']:,} messages wait",
        f"{system['sockets']:,} sockets",
    ]
    if system["memory"] is not None:
        parts.append(f"{system['memory'] / 1e6:,.1f} MB")
    return " · ".join(parts)


def findings(system: dict[str, Any]) -> list[str]:
    """Return what is wrong with the program, a line each."""
    return [f"! {one['text']}" for one in system["findings"]]
