"""`actorsock run MODULE:FUNCTION`: a function as the first process of a runtime."""

import argparse
import importlib
import inspect
import os
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import reduce
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from .. import BadMatch, CallError, ProcessExit, run
from .exits import FAILED, refuse

__all__ = ["run_function"]

_TLS: Final = {
    "certfile": "the certificate of this node, in PEM",
    "keyfile": "its private key",
    "cacertfile": "the certificates of the authority of all nodes",
}
"""The files of TLS, by the names of their options in Erlang; all of them or none."""

_OPTIONS: Final = ("cookie_file", "listen", "port", "observable", "observable_tracing")
"""The other options that mean something only with `--name`."""


_WITHOUT_VALUE: Final = ("--observable", "--observable-tracing", "--help", "-h")

_OBSERVER_PORT: Final = 9911


def run_function(words: list[str]) -> int:
    """Run the function that the words name; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="actorsock run",
        usage="actorsock run [--observer[=PORT]] [--name NAME@HOST [OPTION ...]] "
        "MODULE:FUNCTION [ARG ...]",
        description="Run a function, usually an async one, as the first process of a runtime. "
        "Print its result, unless that is None.",
        allow_abbrev=False,  # `_with_port` has to know the options
    )
    parser.add_argument(
        "--name",
        metavar="NAME@HOST",
        help="run as a node of an Erlang cluster, which other nodes know by this name",
    )
    parser.add_argument(
        "--observer",
        type=int,
        metavar="[PORT]",
        help="let the program be observed in a browser, and by `actorsock observe` (default of "
        f"the port: {_OBSERVER_PORT}; needs actorsock[observer])",
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
    node.add_argument(
        "--observable",
        action="store_true",
        default=None,
        help="let Erlang's observer and etop on other nodes look at the program",
    )
    node.add_argument(
        "--observable-tracing",
        action="store_true",
        default=None,
        help="the same, and let etop measure run times: by a port without authentication (8415), "
        "and by a trace of all processes",
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
    options = parser.parse_args(_with_port(words))
    # `python -m` does the same; the installed script does not.
    sys.path.insert(0, os.getcwd())
    function = _find(options.target)
    try:
        inspect.signature(function).bind(*options.args)
    except TypeError as exc:
        refuse(f"actorsock run: {options.target}{inspect.signature(function)}: {exc}")
    except ValueError:
        pass  # some built-in functions have no signature

    node_options = _node_options(options)
    if options.observer is not None and find_spec("h11") is None:
        refuse("actorsock run: --observer needs h11: pip install 'actorsock[observer]'")

    async def first() -> Any:
        async with AsyncExitStack() as stack:
            if options.observer is not None:
                await _observe(stack, options.observer)
            if options.name is not None:
                await _join(stack, options.name, node_options)
            return await _call(function, options.args)

    # Who looks at the process sees the program's function.
    first.__module__, _, first.__qualname__ = options.target.partition(":")
    try:
        value = run(first)
    except _Refused as refusal:
        print(f"actorsock run: {refusal}", file=sys.stderr)
        return FAILED
    except (ProcessExit, CallError) as ending:
        print(f"actorsock run: {options.target} ended: {ending.reason!r}", file=sys.stderr)
        return FAILED
    if value is not None:
        print(value)
    return 0


def _with_port(words: list[str]) -> list[str]:
    """Return the words with a port behind `--observer`, which may be left out.

    argparse can leave out the value of an option too, but would take the function for it.
    """
    at = 0
    while at < len(words) and words[at].startswith("-"):
        follows = words[at + 1] if at + 1 < len(words) else ""
        if words[at] == "--observer" and not follows.isdecimal():
            return [*words[:at], f"--observer={_OBSERVER_PORT}", *words[at + 1 :]]
        at += 1 if "=" in words[at] or words[at] in _WITHOUT_VALUE else 2
    return words


def _node_options(options: argparse.Namespace) -> dict[str, Any]:
    """Return the options of a node that were given; refuse those that mean nothing."""
    given = {word: getattr(options, word) for word in (*_OPTIONS, *_TLS)}
    given = {word: value for word, value in given.items() if value is not None}
    if given and options.name is None:
        refuse(f"actorsock run: --{next(iter(given)).replace('_', '-')} needs --name")
    files = [given.pop(word) for word in _TLS if word in given]
    if len(files) not in (0, len(_TLS)):
        refuse(f"actorsock run: TLS needs {', '.join(f'--{word}' for word in _TLS)}")
    return {**given, "files": files}


class _Refused(Exception):
    """The program can't be a node, or can't be observed, for the reason that is the text."""


async def _observe(stack: AsyncExitStack, port: int) -> None:
    from .. import observer  # needs h11, which most programs do without

    try:
        observed = await stack.enter_async_context(observer.serve(port))
    except OSError as refusal:
        raise _Refused(f"--observer: port {port}: {refusal.strerror}") from None
    except ValueError as refusal:
        raise _Refused(f"--observer: {refusal}") from None
    print(f"actorsock: observed at {observed.url}", file=sys.stderr)


async def _join(stack: AsyncExitStack, name: str, options: dict[str, Any]) -> None:
    from .. import dist  # most programs are no nodes, and do without it

    files = options.pop("files")
    tracing = options.pop("observable_tracing", False)
    if tracing or options.get("observable"):
        options["observable"] = dist.Observable(tracing=tracing)
    try:
        tls = dist.Tls.from_files(*files) if files else None
        await stack.enter_async_context(dist.start(name, tls=tls, **options))
    except (dist.NotRegistered, BadMatch, OSError, ValueError) as refusal:
        raise _Refused(f"{name}: {refusal}") from None


async def _call(function: Callable[..., Any], args: list[str]) -> Any:
    value = function(*args)
    return await value if inspect.isawaitable(value) else value


def _find(target: str) -> Callable[..., Any]:
    module_name, colon, path = target.partition(":")
    if not (module_name and colon and path) or module_name.startswith("."):
        refuse(f"actorsock run: expected MODULE:FUNCTION, got {target!r}")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as exc:
        # If the module itself or a package around it is missing, the usage is wrong. If the module
        # exists and imports a missing one, it has a mistake, which its traceback locates.
        if exc.name is None or not f"{module_name}.".startswith(f"{exc.name}."):
            raise
        refuse(f"actorsock run: no module named {exc.name!r}")
    try:
        function = reduce(getattr, path.split("."), module)
    except AttributeError:
        refuse(f"actorsock run: module {module_name!r} has no {path!r}")
    if not callable(function):
        refuse(f"actorsock run: {target} is not a function: {function!r}")
    return function
