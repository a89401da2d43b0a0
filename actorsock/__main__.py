"""The command line: it runs the demonstration, or a function as the first process of a runtime.

actorsock [FILE]
actorsock run [--name NAME@HOST [OPTION ...]] MODULE:FUNCTION [ARG ...]
"""

import argparse
import importlib
import inspect
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from functools import reduce
from importlib import metadata
from pathlib import Path
from typing import Any, Final, NoReturn

from . import BadMatch, CallError, ProcessExit, native, run
from .demo.text import read_text
from .demo.tour import tour

__all__ = ["main"]

_FAILED: Final = 1
_WRONG_USAGE: Final = 2  # the status that argparse exits with
_INTERRUPTED: Final = 130  # 128 + SIGINT, the status that shells report

_TLS: Final = {
    "certfile": "the certificate of this node, in PEM",
    "keyfile": "its private key",
    "cacertfile": "the certificates of the authority of all nodes",
}
"""The files of TLS, by the names of their options in Erlang; all of them or none."""

_ABOUT: Final = """\
Erlang-style processes for Python on trio, whose processes own sockets.

Without the word run, a demonstration starts: an echo server and its clients, which send the
lines of a file and print each event.\
"""


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
        epilog='"actorsock run --help" describes run. To send a file named run, write ./run.',
    )
    parser.add_argument(
        "file",
        nargs="?",
        type=Path,
        metavar="FILE",
        help="the file whose lines the clients send (default: the README of actorsock)",
    )
    core = "native core" if native else "pure Python"
    parser.add_argument("--version", action="version", version=f"actorsock {_version()} ({core})")
    path = parser.parse_args(words).file
    try:
        text = read_text(path)
    except OSError as exc:
        _refuse(f"actorsock: {exc.filename}: {exc.strerror}")
    return 0 if tour(text, sys.stdout) else _FAILED


def _run(words: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="actorsock run",
        usage="actorsock run [--name NAME@HOST [OPTION ...]] MODULE:FUNCTION [ARG ...]",
        description="Run a function, usually an async one, as the first process of a runtime. "
        "Print its result, unless that is None.",
    )
    parser.add_argument(
        "--name",
        metavar="NAME@HOST",
        help="run as a node of an Erlang cluster, which other nodes know by this name",
    )
    node = parser.add_argument_group("with --name")
    node.add_argument(
        "--cookie-file",
        type=Path,
        metavar="FILE",
        help="the file with the cookie of the cluster, which only its owner may use "
        "(default: the variable ACTORSOCK_COOKIE)",
    )
    node.add_argument(
        "--listen",
        metavar="ADDRESS",
        help="the address to listen on (default: 127.0.0.1); others than loopback need TLS",
    )
    node.add_argument(
        "--port", type=int, metavar="PORT", help="the port to listen on (default: a free one)"
    )
    for option, what in _TLS.items():
        node.add_argument(
            f"--{option}", metavar="FILE", help=f"TLS, as Erlang's -proto_dist inet_tls: {what}"
        )
    parser.add_argument(
        "target",
        metavar="MODULE:FUNCTION",
        help="the function; modules in the current directory are found too",
    )
    parser.add_argument(
        "args", nargs="...", metavar="ARG", help="an argument of the function, passed as a str"
    )
    options = parser.parse_args(words)
    # `python -m` does the same; the installed script does not.
    sys.path.insert(0, os.getcwd())
    function = _find(options.target)
    try:
        inspect.signature(function).bind(*options.args)
    except TypeError as exc:
        _refuse(f"actorsock run: {options.target}{inspect.signature(function)}: {exc}")
    except ValueError:
        pass  # some built-in functions have no signature

    chosen = _node_options(options)
    try:
        if options.name is None:
            value = run(_call, function, options.args)
        else:
            value = run(_as_node, options.name, chosen, function, options.args)
    except _NodeError as refusal:
        print(f"actorsock run: {options.name}: {refusal}", file=sys.stderr)
        return _FAILED
    except (ProcessExit, CallError) as ending:
        print(f"actorsock run: {options.target} ended: {ending.reason!r}", file=sys.stderr)
        return _FAILED
    if value is not None:
        print(value)
    return 0


def _node_options(options: argparse.Namespace) -> dict[str, Any]:
    """Return the options of a node that were given; refuse those that mean nothing."""
    given = {word: getattr(options, word) for word in ("cookie_file", "listen", "port", *_TLS)}
    given = {word: value for word, value in given.items() if value is not None}
    if given and options.name is None:
        _refuse(f"actorsock run: --{next(iter(given)).replace('_', '-')} needs --name")
    files = [given.pop(word) for word in _TLS if word in given]
    if len(files) not in (0, len(_TLS)):
        _refuse(f"actorsock run: TLS needs {', '.join(f'--{word}' for word in _TLS)}")
    return {**given, "files": files}


class _NodeError(Exception):
    """The program can't be a node, for the reason that is the text."""


async def _as_node(
    name: str, options: dict[str, Any], function: Callable[..., Any], args: list[Any]
) -> Any:
    from . import dist  # most programs are no nodes, and do without it

    files = options.pop("files")
    async with AsyncExitStack() as stack:
        try:
            tls = dist.Tls.from_files(*files) if files else None
            await stack.enter_async_context(dist.start(name, tls=tls, **options))
        except (dist.NotRegistered, BadMatch, OSError, ValueError) as refusal:
            raise _NodeError(str(refusal)) from None
        return await _call(function, args)


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
        # If the module itself or a package around it is missing, the usage is wrong. If the module
        # exists and imports a missing one, it has a mistake, which its traceback locates.
        if exc.name is None or not f"{module_name}.".startswith(f"{exc.name}."):
            raise
        _refuse(f"actorsock run: no module named {exc.name!r}")
    try:
        function = reduce(getattr, path.split("."), module)
    except AttributeError:
        _refuse(f"actorsock run: module {module_name!r} has no {path!r}")
    if not callable(function):
        _refuse(f"actorsock run: {target} is not a function: {function!r}")
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
