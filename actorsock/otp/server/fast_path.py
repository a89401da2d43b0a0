"""The fast path of a `GenServer` whose callbacks are plain: most calls and casts take it.

It does what `rules` say in two cases: a call that is answered with a bare `Reply`, and a cast
that returns None, while the server waits for a message without a time-out. That saves the
`Busy` state, the effects and their dispatch. Any other message takes the usual path from the
beginning; any other result enters it in the middle, in the state `Busy`, as if the rules had
invoked the callback. If values have come with the call or cast, they are made valid before.
"""

from math import inf
from types import CoroutineType
from typing import Any

from ..._native import twin
from ...runtime.bodies.handler import AGAIN
from ..behaviour.effects import Raised, Returned
from ..behaviour.engine import InPlace
from ..behaviour.exit_reasons import raised
from ..calls.protocol import Call, Cast, send_answer
from ..calls.travelling import Arrived, TravellingCall, TravellingCast, travelling_types
from .outcomes import Reply
from .rules import Busy, Waiting

__all__ = ["ServerInPlace"]


class ServerInPlace(InPlace):
    """`InPlace` with a fast path for calls and casts."""

    __slots__ = ()

    @twin
    def __call__(self, message: Any) -> object:
        state = self.state
        message_type = type(message)
        if (
            (message_type is not Call and message_type is not Cast)
            or type(state) is not Waiting
            or state.timed is not None
            or self.suspended
            or self.debugging is not None
        ):
            if message_type is TravellingCall or message_type is TravellingCast:
                return self._with_values(message)
            return super().__call__(message)
        caller = None
        try:
            if message_type is Call:
                caller = message.caller
                value = self.behaviour.handle_call(message.request, caller)
            else:
                value = self.behaviour.handle_cast(message.request)
        except BaseException as exc:
            return self._raised(state, message, exc)
        if caller is None:
            if value is None:
                return None
        elif type(value) is Reply and value.then is None and value.timeout is inf:
            send_answer(caller, value.value)
            return None
        return self._returned(state, message, value)

    def _with_values(self, message: TravellingCall | TravellingCast) -> object:
        state = self.state
        if (
            type(state) is not Waiting
            or state.timed is not None
            or self.suspended
            or self.debugging is not None
        ):
            return super().__call__(message)
        travelled = travelling_types[type(message)](message)
        self._arrived = Arrived(travelled.values)
        try:
            result = self(travelled.message)
        except BaseException as exc:
            self._leave(exc)
            raise
        if result is not AGAIN:
            self._leave(None)
        return result

    def _returned(self, state: Waiting, message: Call | Cast, value: object) -> object:
        if type(value) is CoroutineType:
            value.close()  # as in InPlace._run
        return self._by_rules(state, message, Returned(value))

    def _raised(self, state: Waiting, message: Call | Cast, exc: BaseException) -> object:
        return self._by_rules(state, message, raised(exc))

    def _by_rules(self, state: Waiting, message: Call | Cast, event: Returned | Raised) -> object:
        self._serving = message
        if type(message) is Call:
            self.state = Busy(state, "handle_call", message.caller)
        else:
            self.state = Busy(state, "handle_cast")
        return self._run(self._next(event))
