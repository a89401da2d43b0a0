"""The command line: the demonstration, and running a function as the first process.

actorsock [FILE]
actorsock run MODULE:FUNCTION [ARG ...]
"""

import argparse
import importlib
import inspect
import os
import sys
from collections.abc import Callable, Sequence
from functools import reduce
from importlib import metadata
from pathlib import Path
from typing import Any, Final, NoReturn

from . import CallError, ProcessExit, run
from .demo.text import read_text
from .demo.tour import tour

__all__ = ["main"]

_FAILED: Final = 1
_WRONG_USAGE: Final = 2  # as argparse has it
_INTERRUPTED: Final = 130  # 128 + SIGINT, as a shell has it

_ABOUT: Final = """\
Erlang-style processes for Python on trio, whose processes own sockets.

Without the word run this is a demonstration: an echo server and its clients, which send the
lines of a file and tell what happens.\
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line says; the exit status. Wrong usage raises `SystemExit(2)`."""
    words = sys.argv[1:] if argv is None else list(argv)
    try:
        if words[:1] == ["run"]:
            return _run(words[1:])
        return _demonstrate(words)
    except KeyboardInterrupt:
        return _INTERRUPTED


def _demonstrate(words: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="actorsock",
        usage="actorsock [FILE]\n       actorsock run MODULE:FUNCTION [ARG ...]",
        description=_ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='"actorsock run --help" tells about run; a file of that name is ./run.',
    )
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help="what the clients send")
    parser.add_argument("--version", action="version", version=f"actorsock {_version()}")
    path = parser.parse_args(words).file
    try:
        text = read_text(path)
    except OSError as exc:
        _refuse(f"actorsock: {exc.filename}: {exc.strerror}")
    return 0 if tour(text, sys.stdout) else _FAILED


def _run(words: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="actorsock run",
        usage="actorsock run MODULE:FUNCTION [ARG ...]",
        description="Run a function, usually an async one, as the first process of a runtime. "
        "Print what it returns, unless that is None.",
    )
    parser.add_argument(
        "target",
        metavar="MODULE:FUNCTION",
        help="where it is; modules are found in the current directory too",
    )
    parser.add_argument("args", nargs="...", metavar="ARG", help="given to the function, as text")
    options = parser.parse_args(words)
    # As `python -m` does it, also when this is the installed script.
    sys.path.insert(0, os.getcwd())
    function = _find(options.target)
    try:
        inspect.signature(function).bind(*options.args)
    except TypeError as exc:
        _refuse(f"actorsock run: {options.target}{inspect.signature(function)}: {exc}")
    except ValueError:
        pass  # something built in that does not tell what it takes

    try:
        value = run(_call, function, options.args)
    except (ProcessExit, CallError) as ending:
        print(f"actorsock run: {options.target} ended: {ending.reason!r}", file=sys.stderr)
        return _FAILED
    if value is not None:
        print(value)
    return 0


async def _call(function: Callable[..., Any], args: list[str]) -> Any:
    value = function(*args)
    return await value if inspect.isawaitable(value) else value


def _find(target: str) -> Callable[..., Any]:
    module_name, colon, path = target.partition(":")
    if not (module_name and colon and path) or module_name.startswith("."):
        _refuse(f"actorsock run: expected MODULE:FUNCTION, got {target!r}")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as exc:
        # Missing is what was asked for, or a package around it. A module that is there and
        # misses another one has a mistake, and its traceback says where.
        if exc.name is None or not f"{module_name}.".startswith(f"{exc.name}."):
            raise
        _refuse(f"actorsock run: no module named {exc.name!r}")
    try:
        function = reduce(getattr, path.split("."), module)
    except AttributeError:
        _refuse(f"actorsock run: module {module_name!r} has no {path!r}")
    if not callable(function):
        _refuse(f"actorsock run: {target} is no function: {function!r}")
    return function


def _refuse(why: str) -> NoReturn:
    print(why, file=sys.stderr)
    sys.exit(_WRONG_USAGE)


def _version() -> str:
    try:
        return metadata.version("actorsock")
    except metadata.PackageNotFoundError:
        return "(not installed)"


if __name__ == "__main__":
    sys.exit(main())
