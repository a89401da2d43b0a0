"""Two rules about exit reasons: which are orderly, and which reason an exception means."""

from typing import Any

from ...runtime.bodies.current import current_process
from ...runtime.bodies.exit_reason import ending_of
from ...runtime.core.signals import is_word
from .effects import Raised

__all__ = ["is_orderly", "raised"]


def raised(exc: BaseException) -> Raised:
    """Return the event for an exception that a callback, or other code of the program, has raised.

    Raise `exc` again if it is not an error of that code: a cancellation, Ctrl-C, or the exit
    signal that ends the process. These have to pass through the behaviour unhandled.
    """
    ending = ending_of(exc)
    if ending.propagate is not None or current_process().ending:
        raise exc
    return Raised(ending.reason, ending.crash)


def is_orderly(reason: Any) -> bool:
    """Return True for `"normal"`, `"shutdown"` and `("shutdown", term)`.

    With these a behaviour ends without a log record, and a transient child is not restarted.
    """
    if type(reason) is tuple:
        return len(reason) == 2 and is_word(reason[0], "shutdown")
    return is_word(reason, "normal", "shutdown")
