"""`actorsock top`: the busiest processes of an observed program, again and again."""

import time

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from .asking import Program
from .texts import COLUMNS, cells, findings, summary

__all__ = ["top"]


def top(
    program: Program,
    *,
    sort: str = "reductions",
    count: int | None = None,
    once: bool = False,
    seconds: float = 1.0,
    console: Console | None = None,
) -> None:
    """Show a program until Ctrl-C, or until it has ended.

    Args:
        program: the program.
        sort: the column by which the processes are sorted.
        count: how many processes; None is as many as the terminal has lines.
        once: True prints one look and returns.
        seconds: the time between two looks.
        console: where to print.

    Raises:
        NoAnswer: the program has ended.
    """
    console = console or Console()
    rows = count or max(1, console.height - 5)
    if once:
        program.ask("system")  # what is told per second needs two looks
        time.sleep(seconds)
        console.print(_look(program, sort, count or 20))
        return
    with Live(_look(program, sort, rows), console=console, screen=True) as live:
        while True:
            time.sleep(seconds)
            live.update(_look(program, sort, rows))


def _look(program: Program, sort: str, count: int) -> Group:
    system = program.ask("system")
    found = program.ask("processes", sort=sort, count=count)
    table = Table(box=None, expand=True, pad_edge=False)
    for title in COLUMNS:
        right = title in ("reductions", "queue")
        table.add_column(title, justify="right" if right else "left", no_wrap=True)
    for row in found["rows"]:
        table.add_row(*(Text(cell) for cell in cells(row)))
    wrong = [Text(line, style="bold red") for line in findings(system)]
    return Group(Text(f"{program.pid}: {summary(system)}"), *wrong, Text(""), table)
