"""Exit reasons between nodes. A reason always has a form: nobody can be asked when a process ends.

A bare str is an atom, as Erlang's own reasons are; an exception becomes Erlang's pair of an error
and a stack trace; and what stands for no term is its text.
"""

from typing import Any

from ...arguments import shown
from ...runtime.core.process import ExitError
from ..terms.values import Atom
from ..terms.writing import Writer

__all__ = ["from_term", "write_reason"]


def write_reason(writer: Writer, out: bytearray, reason: Any) -> None:
    """Append an exit reason as a term; never raises."""
    start = len(out)
    # To a node of this library it goes as it is, text as text, if it can.
    for form in (_as_it_is, _as_term, shown) if writer.kin else (_as_term, shown):
        try:
            writer.write(out, form(reason))
        except Exception:  # TypeError, or whatever a class of the program raises
            del out[start:]
        else:
            return
    writer.write(out, shown(reason).encode(errors="replace"))


def _as_it_is(reason: Any) -> Any:
    return reason


def _as_term(reason: Any) -> Any:
    cls = type(reason)
    if cls is str:
        return Atom(reason)
    if cls is tuple and len(reason) == 2 and type(reason[0]) is str:
        # ("shutdown", reason), and the other pairs that this library makes.
        return Atom(reason[0]), _as_term(reason[1])
    if issubclass(cls, ExitError):
        return _as_term(reason.reason)
    if issubclass(cls, BaseException):
        text = str(reason).encode(errors="replace").decode()
        return (Atom(cls.__name__[:255]), text), []
    return reason


def from_term(term: Any) -> Any:
    """Return the exit reason that a term is: atoms with a meaning are plain strings here."""
    if type(term) is Atom:
        return str(term)
    if type(term) is tuple and len(term) == 2 and term[0] == "shutdown":
        return "shutdown", from_term(term[1])
    return term
