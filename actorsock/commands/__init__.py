"""The command line: one module for each command, and the table of them.

actorsock [FILE]
actorsock run [OPTION ...] MODULE:FUNCTION [ARG ...]
actorsock observe [PID]
actorsock top [OPTION ...] [PID]
actorsock trace [OPTION ...] [PID]
"""

import sys
from collections.abc import Callable, Sequence
from typing import Final

from .demonstration import demonstrate
from .exits import INTERRUPTED
from .observing import observe, top, trace
from .run import run_function

__all__ = ["main"]

_COMMANDS: Final[dict[str, Callable[[list[str]], int]]] = {
    "run": run_function,
    "observe": observe,
    "top": top,
    "trace": trace,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Execute a command line.

    Args:
        argv: the words after the name of the program; None takes them from `sys.argv`.

    Returns:
        The exit status: 0 for success, 1 for a failure, 130 after Ctrl+C.

    Raises:
        SystemExit: with status 2 for wrong usage, with 0 after `--help` and `--version`.
    """
    words = sys.argv[1:] if argv is None else list(argv)
    try:
        if words and words[0] in _COMMANDS:
            return _COMMANDS[words[0]](words[1:])
        return demonstrate(words)
    except KeyboardInterrupt:
        return INTERRUPTED
