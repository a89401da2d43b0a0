"""The output of the demonstration: a line for each event, in columns, printed at once.

Knows the columns and the colours, but not the events.
"""

import os
import time
from collections.abc import Callable
from typing import Final, Protocol, TextIO

from .. import current_pid
from ..socket import Socket

__all__ = ["Show", "event_printer", "painter", "print_line"]

_WIDTH: Final = 100
_COLUMNS: Final = (">7", "<9", "<10", "<13", "")
"""The formats of time, process, role, socket and event; the event has the rest of the line."""

_COLOURS: Final = {
    "dim": "2",
    "strong": "1",
    "good": "32",
    "bad": "1;31",
    # roles
    "main": "1",
    "server": "34",
    "connection": "36",
    "client": "33",
    "nowait": "35",
    "waiter": "32",
    "closer": "31",
}


class Show(Protocol):
    """Shows an event: the role of the process, the event, the socket and the colour if any."""

    def __call__(self, role: str, event: str, sock: Socket | None = None, colour: str = "") -> None:
        """Print the event with the time and the pid of the calling process."""
        ...


def event_printer(out: TextIO) -> Show:
    """Print the head of the table to `out`; return the function that prints an event.

    The times of the events count from this call.
    """
    paint = painter(out)
    start = time.perf_counter()

    def line(cells: tuple[str, ...], colours: tuple[str, ...]) -> None:
        room = _WIDTH
        painted = []
        for text, form, colour in zip(cells, _COLUMNS, colours, strict=True):
            # Padded before it is painted: the codes of colours have no width on the screen.
            cell = format(text, form)
            if len(cell) > room:
                cell = cell[: room - 3] + "..."
            room -= len(cell) + 2
            painted.append(paint(cell, colour))
        print_line(out, "  ".join(painted))

    def show(role: str, event: str, sock: Socket | None = None, colour: str = "") -> None:
        seconds = f"{time.perf_counter() - start:.3f}"
        name = "" if sock is None else repr(sock)
        cells = (seconds, repr(current_pid()), role, name, event)
        line(cells, ("dim", "", role.partition(" ")[0], "", colour))

    line(("time", "process", "role", "socket", "event"), ("dim",) * len(_COLUMNS))
    return show


def painter(out: TextIO) -> Callable[[str, str], str]:
    """Return a function that colours a text.

    The text stays as it is unless `out` is a terminal whose user has not refused colours
    (https://no-color.org).
    """
    plain = not out.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"

    def paint(text: str, colour: str) -> str:
        return text if plain or not colour else f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m"

    return paint


def print_line(out: TextIO, text: str = "") -> None:
    """Print a line without delay, also into a pipe; once the reader is gone, print no more."""
    try:
        print(text, file=out, flush=True)
    except BrokenPipeError:
        # `... | head` has closed the pipe. The processes still run to their end, and Python
        # flushes the file when it exits: let both write into the void.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, out.fileno())
        os.close(nowhere)
