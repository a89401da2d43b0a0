"""What it means that the program's code, called in a behaviour's process, has raised."""

from typing import Any

from ...runtime.bodies.current import current_process
from ...runtime.bodies.exit_reason import ending_of
from ...runtime.core.signals import is_word
from .effects import Raised

__all__ = ["is_orderly", "raised"]


def raised(exc: BaseException) -> Raised:
    """What `exc`, raised by the program's code, means; raises it again if it isn't the code's.

    Cancellation, Ctrl-C and an exit signal that ends the process are nobody's to handle.
    """
    process = current_process()
    ending = ending_of(exc, process.body.cancelled)
    if ending.propagate is not None or process.ending:
        raise exc
    return Raised(ending.reason, ending.crash)


def is_orderly(reason: Any) -> bool:
    """`"normal"`, `"shutdown"` and `("shutdown", anything)`."""
    if type(reason) is tuple:
        return len(reason) == 2 and is_word(reason[0], "shutdown")
    return is_word(reason, "normal", "shutdown")
