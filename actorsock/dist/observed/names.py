"""The names of Python's functions and processes as terms that Erlang's programs expect."""

from typing import Any, Final

from ...observing.process_items import ITEMS
from ...runtime.bodies.stacks import StackEntry
from ...runtime.core.process import Process
from ..terms.values import LONGEST_ATOM, Atom, charlist

__all__ = [
    "MFA",
    "UNDEFINED",
    "current_function",
    "entry",
    "function_name",
    "mfa",
    "name_or_mfa",
    "text",
    "title",
    "word",
]

MFA = tuple[Atom, Atom, int]
"""A module, a function of it, and an arity. A function of Python has no fixed number of arguments:
0 stands there."""

UNDEFINED: Final = Atom("undefined")
"""Not `None`, which some nodes send as the atom `nil`; see the argument `none` of `dist.start`."""


def word(text: str) -> Atom:
    """Return the name of a function, a module or a process as an atom."""
    return Atom(_sendable(text)[:LONGEST_ATOM])


def text(value: str) -> list[int]:
    """Return a text as the list of characters that Erlang writes as `"text"`."""
    return charlist(_sendable(value))


def _sendable(text: str) -> str:
    return text.encode(errors="replace").decode()


def mfa(function: str) -> MFA:
    """Return module, name and arity of a function that is given as `module:qualified name`.

    A process that is a task of trio's is given as trio names it: `module.function`.
    """
    module, _, name = function.rpartition(":" if ":" in function else ".")
    return word(module or "?"), word(name), 0


def entry(found: StackEntry) -> tuple[Atom, Atom, int, list[Any]]:
    """Return an entry of a stack trace in Erlang's form."""
    place = [(Atom("file"), text(found.file)), (Atom("line"), found.line)]
    return word(found.module), word(found.function), 0, place


def name_or_mfa(process: Process) -> Atom | MFA:
    """Return the registered name of a process, or the function that it runs."""
    return mfa(process.body.describe()) if process.name is None else word(process.name)


def current_function(process: Process) -> MFA:
    """Return the innermost function of the program that runs, else the one the process runs."""
    found = ITEMS["current_function"](process)
    return mfa(found or process.body.describe())


def function_name(process: Process) -> str:
    """Return the name of the function that a process runs, without its module."""
    return str(mfa(process.body.describe())[1])


def title(process: Process) -> str:
    """Return a short text that no other process has: its registered name, or function and pid."""
    if process.name is not None:
        return process.name
    return f"{function_name(process)} {process.pid!r}"
