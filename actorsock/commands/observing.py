"""`actorsock observe`, `top` and `trace`: a program of the same user, seen in a terminal."""

import argparse
import sys
from collections.abc import Callable
from importlib.util import find_spec

from .exits import FAILED, refuse

__all__ = ["observe", "top", "trace"]

_SORTS = ("reductions", "total", "queue", "links", "age", "pid", "name", "kind", "status")


def observe(words: list[str]) -> int:
    """Show the processes of an observed program, and one of them; return the exit status."""
    parser = _parser("observe", "Look into an observed program: its processes, and one of them.")
    options = parser.parse_args(words)
    _need("textual")
    from ..observer.terminal.asking import Program, choose
    from ..observer.terminal.observe import Observe

    def look() -> None:
        said = Observe(Program(choose(options.pid))).run()
        if said is not None:
            print(said, file=sys.stderr)

    return _answered(look)


def top(words: list[str]) -> int:
    """Show the busiest processes of an observed program; return the exit status."""
    parser = _parser("top", "Show the busiest processes of an observed program, until Ctrl+C.")
    parser.add_argument("--once", action="store_true", help="print one look, and end")
    parser.add_argument(
        "--sort",
        choices=_SORTS,
        default="reductions",
        metavar="COLUMN",
        help=f"one of {', '.join(_SORTS)} (default: reductions, since the last look)",
    )
    parser.add_argument("--count", type=int, metavar="N", help="how many processes")
    options = parser.parse_args(words)
    _need("rich")
    from ..observer.terminal.asking import Program, choose
    from ..observer.terminal.top import top as show

    def look() -> None:
        program = Program(choose(options.pid))
        show(program, sort=options.sort, count=options.count, once=options.once)

    return _answered(look)


def trace(words: list[str]) -> int:
    """Print what happens to processes of an observed program, until Ctrl-C; return the status."""
    parser = _parser("trace", "Print what happens to processes of an observed program, as it does.")
    parser.add_argument(
        "--which",
        default="all",
        metavar="WHICH",
        help="a pid such as '<0.5.0>', all, new or existing (default: all)",
    )
    parser.add_argument(
        "--flags",
        default="procs,sockets",
        metavar="FLAG,...",
        help="some of procs, sockets, running, set_on_spawn, set_on_link, and where the program "
        "shows its messages send, receive, call (default: procs,sockets)",
    )
    parser.add_argument(
        "--limit",
        type=int,
        default=1000,
        metavar="N",
        help="end after more than so many events in a second (default: 1000)",
    )
    options = parser.parse_args(words)
    from ..observer.terminal.asking import NoAnswer, Program, choose

    def look() -> None:
        program = Program(choose(options.pid))
        asked = {"which": options.which, "flags": options.flags, "limit": options.limit}
        for line in program.lines("trace", **asked):
            if "ended" in line:
                raise NoAnswer(f"the trace has ended: {line['ended']}")
            if "text" in line:
                print(f"{line['at']:10.6f} {line['text']}", flush=True)

    return _answered(look)


def _parser(command: str, about: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"actorsock {command}", description=about)
    parser.add_argument(
        "pid",
        nargs="?",
        type=int,
        metavar="PID",
        help="the process id of the program; may be left out if only one is observed",
    )
    return parser


def _need(package: str) -> None:
    if find_spec(package) is None:
        refuse(f"actorsock: this needs {package}: pip install 'actorsock[observer]'")


def _answered(look: Callable[[], None]) -> int:
    from ..observer.terminal.asking import NoAnswer

    try:
        look()
    except (NoAnswer, OSError) as exc:
        print(f"actorsock: {exc}", file=sys.stderr)
        return FAILED
    return 0
