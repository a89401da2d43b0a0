"""What the demonstration looks like: a line for each event, in columns, as it happens.

Knows the columns and the colours, and nothing of what is told.
"""

import os
import time
from collections.abc import Callable
from typing import Final, Protocol, TextIO

from .. import current_pid
from ..socket import Socket

__all__ = ["Tell", "paint_for", "say", "teller"]

_WIDTH: Final = 100
_COLUMNS: Final = (">7", "<9", "<10", "<13", "")
"""How time, process, role, socket and event stand; the event takes what is left."""

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


class Tell(Protocol):
    """Tells what happens: in which role, what, to which socket, in which colour if any."""

    def __call__(self, role: str, event: str, sock: Socket | None = None, colour: str = "") -> None:
        """Print it at once, with the time and the pid of the process that tells it."""


def teller(out: TextIO) -> Tell:
    """A `Tell` that prints to `out`. Its clock starts now, and the head is printed now."""
    paint = paint_for(out)
    start = time.perf_counter()

    def line(cells: tuple[str, ...], colours: tuple[str, ...]) -> None:
        room = _WIDTH
        painted = []
        for text, form, colour in zip(cells, _COLUMNS, colours, strict=True):
            # Padded before it is painted: colours take no room on the screen.
            cell = format(text, form)
            if len(cell) > room:
                cell = cell[: room - 3] + "..."
            room -= len(cell) + 2
            painted.append(paint(cell, colour))
        say(out, "  ".join(painted))

    def tell(role: str, event: str, sock: Socket | None = None, colour: str = "") -> None:
        seconds = f"{time.perf_counter() - start:.3f}"
        name = "" if sock is None else repr(sock)
        cells = (seconds, repr(current_pid()), role, name, event)
        line(cells, ("dim", "", role.partition(" ")[0], "", colour))

    line(("time", "process", "role", "socket", "what happens"), ("dim",) * len(_COLUMNS))
    return tell


def paint_for(out: TextIO) -> Callable[[str, str], str]:
    """Paints a text in a colour, on a terminal whose user wants it (https://no-color.org)."""
    plain = not out.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"

    def paint(text: str, colour: str) -> str:
        return text if plain or not colour else f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m"

    return paint


def say(out: TextIO, text: str = "") -> None:
    """Print a line now, also into a pipe; print no more once nobody reads it."""
    try:
        print(text, file=out, flush=True)
    except BrokenPipeError:
        # `... | head` has seen enough. The processes have not: they go on to the end.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, out.fileno())
        os.close(nowhere)
