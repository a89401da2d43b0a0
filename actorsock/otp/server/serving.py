"""The short way through a server whose callbacks are plain: most calls and casts take it.

It does what the rules say of a call that is answered at once, and of a cast that has nothing to
say, when the server waits for a message and for no time-out. With any other result it goes on
by the rules, from where the callback has left them.
"""

from math import inf
from types import CoroutineType
from typing import Any

from ..behaviour.effects import Raised, Returned
from ..behaviour.engine import InPlace
from ..behaviour.exit_reasons import raised
from ..behaviour.outcomes import Reply
from ..calls.protocol import Call, Cast, send_answer
from .rules import Busy, Waiting

__all__ = ["ServingInPlace"]


class ServingInPlace(InPlace):
    """The handler of a `GenServer`'s handler process."""

    def __call__(self, message: Any) -> None:
        state = self.state
        kind = type(message)
        if (
            (kind is not Call and kind is not Cast)
            or type(state) is not Waiting
            or state.timed is not None
            or self.suspended
            or self.debugging is not None
        ):
            super().__call__(message)
            return
        event: Returned | Raised
        caller = None
        try:
            if kind is Call:
                caller = message.caller
                value = self.behaviour.handle_call(message.request, caller)
            else:
                value = self.behaviour.handle_cast(message.request)
            if type(value) is CoroutineType:
                value.close()  # as in any other callback
        except BaseException as exc:
            event = raised(exc)
        else:
            if caller is None:
                if value is None:
                    return
            elif type(value) is Reply and value.then is None and value.timeout is inf:
                send_answer(caller, value.value)
                return
            event = Returned(value)
        self.state = Busy(state, "handle_cast" if caller is None else "handle_call", caller)
        self._run(self._next(event))
