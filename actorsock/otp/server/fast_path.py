"""The fast path of a `GenServer` whose callbacks are plain: most calls and casts take it.

It does what `rules` say in two cases: a call that is answered with a bare `Reply`, and a cast
that returns None, while the server waits for a message without a time-out. That saves the
`Busy` state, the effects and their dispatch. Any other message takes the usual path from the
beginning; any other result enters it in the middle, in the state `Busy`, as if the rules had
invoked the callback.
"""

from math import inf
from types import CoroutineType
from typing import Any

from ..behaviour.effects import Raised, Returned
from ..behaviour.engine import InPlace
from ..behaviour.exit_reasons import raised
from ..calls.protocol import Call, Cast, send_answer
from .outcomes import Reply
from .rules import Busy, Waiting

__all__ = ["ServerInPlace"]


class ServerInPlace(InPlace):
    """`InPlace` with a fast path for calls and casts."""

    def __call__(self, message: Any) -> None:
        state = self.state
        message_type = type(message)
        if (
            (message_type is not Call and message_type is not Cast)
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
            if message_type is Call:
                caller = message.caller
                value = self.behaviour.handle_call(message.request, caller)
            else:
                value = self.behaviour.handle_cast(message.request)
            if type(value) is CoroutineType:
                value.close()  # as in InPlace._run
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
