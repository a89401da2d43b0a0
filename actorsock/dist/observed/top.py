"""The busiest processes as text, for `observer_cli:start(Node)` on another node.

observer_cli runs on the node that it looks at, and prints to the group leader of the process that
has asked for it. So does this, with the columns of `actorsock top`.
"""

from typing import Any, Final

from ...observing.process_items import ITEMS
from ...runtime.api.linking import demonitor, monitor
from ...runtime.api.messaging import current_pid, receive, send
from ...runtime.core.identity import Pid, Ref, make_ref
from ...runtime.core.messages import Down, Timeout
from ...runtime.core.process import Process, processes_of
from ..served.leader import leader_there
from ..terms.values import Atom
from .load import memory
from .names import function_name
from .observable import Look

__all__ = ["Row", "observer_cli", "row_of", "screen"]

_A: Final = Atom

_ROWS: Final = 20
"""Processes of one screen."""

_CLEAR: Final = "\x1b[H\x1b[2J"

_COLUMNS: Final = (
    ("pid", 12), ("name or function", 32), ("status", 10), ("waits for", 28),
    ("reductions", 12), ("memory", 10), ("queue", 8),
)  # fmt: skip
_NUMBERS: Final = 4
"""The first column of numbers; all columns after it are numbers too."""

Row = tuple[str, str, str, str, int, int, int]
"""The cells of one line."""


async def observer_cli(look: Look, milliseconds: int) -> Atom:
    """Print a list to the group leader again and again, until somebody types `q` there."""
    leader = leader_there.get()
    if leader is None:
        raise ValueError("badarg: there is no group leader to print to")
    down = monitor(leader)
    try:
        await _show(look, leader, down, milliseconds / 1000)
    finally:
        demonitor(down)
    return _A("quit")


async def _show(look: Look, leader: Pid, down: Ref, seconds: float) -> None:
    before: dict[Pid, int] = {}
    typed = _ask(leader, (_A("get_line"), _A("unicode"), b""))
    while True:
        processes = processes_of(look.node.node)
        rows = [row_of(process, before.get(process.pid, 0)) for process in processes]
        before = {process.pid: process.body.reductions for process in processes}
        total = dict(memory(look.node.node))[_A("total")]
        shown = screen(look.node.name, rows, total)
        printed = _ask(leader, (_A("put_chars"), _A("unicode"), (_CLEAR + shown).encode()))
        if isinstance(await receive(_one_of(printed, down)), Down):
            return
        match await receive(_one_of(typed, down), after=seconds):
            case Timeout():
                continue
            case (str("io_reply"), _, bytes() | list() as line) if not _is_quit(line):
                typed = _ask(leader, (_A("get_line"), _A("unicode"), b""))
            case _:
                return


def _ask(leader: Pid, request: Any) -> Ref:
    ref = make_ref()
    send(leader, (_A("io_request"), current_pid(), ref, request))
    return ref


def _one_of(reply: Ref, down: Ref) -> Any:
    def fits(message: Any) -> bool:
        if type(message) is Down:
            return message.ref is down
        return type(message) is tuple and len(message) == 3 and message[1] is reply

    return fits


def _is_quit(line: bytes | list[Any]) -> bool:
    return bytes(line).strip() == b"q" if isinstance(line, bytes) else line[:1] == [ord("q")]


def row_of(process: Process, before: int) -> Row:
    """Return the line of one process, which had spent `before` reductions at the last look."""
    waits = ITEMS["waits_for"](process)
    return (
        repr(process.pid),
        process.name or function_name(process),
        ITEMS["status"](process),
        "" if waits is None else str(waits),
        process.body.reductions - before,
        ITEMS["memory"](process),
        len(process.mailbox),
    )


def screen(name: str, rows: list[Row], total: int) -> str:
    """Return the list as text: the processes that have spent most since the last look."""
    first = sorted(rows, key=lambda row: row[_NUMBERS], reverse=True)[:_ROWS]
    lines = [
        f"{name}: {len(rows):,} processes, {total / 1e6:,.1f} MB (q and Enter end this list)",
        "",
        _line([title for title, _ in _COLUMNS]),
        *(_line([*map(str, row[:_NUMBERS]), *(f"{n:,}" for n in row[_NUMBERS:])]) for row in first),
    ]
    return "\r\n".join(lines) + "\r\n"


def _line(cells: list[str]) -> str:
    parts = []
    for number, (cell, (_, width)) in enumerate(zip(cells, _COLUMNS, strict=True)):
        cut = cell if len(cell) <= width else cell[: width - 1] + "…"
        parts.append(cut.rjust(width) if number >= _NUMBERS else cut.ljust(width))
    return " ".join(parts).rstrip()
