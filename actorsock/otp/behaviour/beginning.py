"""What the result of `init` means when there is to be no server, whatever the behaviour."""

from typing import Any

from ...results import Error
from ...runtime.core.identity import Ref
from .effects import Effect, End, TellStarter
from .outcomes import Ignore, Stop

__all__ = ["not_begun", "refused"]


def refused(result: Any) -> tuple[Error, End] | None:
    """What `start` returns and how the process ends; None if `init` has not said that it does."""
    match result:
        case Stop(reason):
            return Error(reason), End(reason)
        case Ignore():
            return Error("ignore"), End("normal")
        case Error():
            return result, End("normal")
    return None


def not_begun(starter: Ref, error: Error, end: End) -> tuple[Effect, ...]:
    """Tell the starter, and end without `terminate`: there is nothing yet that it could undo."""
    return TellStarter(starter, error), end
