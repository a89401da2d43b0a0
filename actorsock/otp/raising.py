"""What it means that the program's code, called in a behaviour's process, has raised."""

from ..runtime.current import current_process
from ..runtime.exit_reason import ending_of
from .effects import Raised

__all__ = ["raised"]


def raised(exc: BaseException) -> Raised:
    """What `exc`, raised by the program's code, means; raises it again if it isn't the code's.

    Cancellation, Ctrl-C and an exit signal that ends the process are nobody's to handle.
    """
    ending = ending_of(exc)
    if ending.beyond is not None or current_process().ending:
        raise exc
    return Raised(ending.reason, ending.crash)
