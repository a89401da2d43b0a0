"""`actorsock [FILE]`: the demonstration."""

import argparse
import sys
from importlib import metadata
from pathlib import Path
from typing import Final

from .. import native
from ..demo.text import read_text
from ..demo.tour import tour
from .exits import FAILED, refuse

__all__ = ["demonstrate"]

_ABOUT: Final = """\
Erlang-style processes for Python on trio, whose processes own sockets.

Without the word run, a demonstration starts: an echo server and its clients, which send the
lines of a file and print each event.\
"""


def demonstrate(words: list[str]) -> int:
    """Run the demonstration; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="actorsock",
        usage="actorsock [FILE]\n       actorsock run [OPTION ...] MODULE:FUNCTION [ARG ...]\n"
        "       actorsock observe [PID]\n       actorsock top [OPTION ...] [PID]\n"
        "       actorsock trace [OPTION ...] [PID]",
        description=_ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='"actorsock run --help" describes run, and so on. To send a file named run, write '
        "./run.",
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
        refuse(f"actorsock: {exc.filename}: {exc.strerror}")
    return 0 if tour(text, sys.stdout) else FAILED


def _version() -> str:
    try:
        return metadata.version("actorsock")
    except metadata.PackageNotFoundError:
        return "(not installed)"
