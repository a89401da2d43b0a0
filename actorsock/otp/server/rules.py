"""The rules of a `GenServer`: which callback a message is for, and what its result means.

Pure: no process, no time, no callback is called here. The state says where the server is:
`Fresh` before `Begin`, `Waiting` for a message, `Busy` with a callback, `Ending` in `terminate`.
"""

from math import inf
from typing import Any, Final

import attrs

from ...arguments import shown
from ...results import Error
from ...runtime.core.identity import Pid, Ref
from ...runtime.core.messages import Exit
from ..behaviour.beginning import not_begun, refused
from ..behaviour.effects import (
    Effect,
    End,
    Invoke,
    Raised,
    Received,
    Returned,
    SendAnswer,
    Serve,
    StartTimer,
    StopTimer,
    TellStarter,
)
from ..behaviour.outcomes import NOTHING, Continue, NoReply, Reply, Stop
from ..calls.protocol import Begin, Call, Caller, Cast, StopRequest, SystemCall, Tick

__all__ = ["Busy", "Ending", "Fresh", "State", "Waiting", "step"]


@attrs.frozen
class Fresh:
    """Nothing has happened yet."""


@attrs.frozen
class Waiting:
    """For a message."""

    parent: Pid | None = None
    stamp: int = 0
    """Of the newest time-out; every older tick is stale."""
    timed: float | None = None
    """The seconds of the newest time-out, if neither it nor a message has come since."""

    def seen(self, value: Any) -> Any:
        """What `sys` tells of the server, of whose object it is to tell `value`."""
        return value

    def replaced(self, new: Any) -> tuple["Waiting", Any]:
        """What is in the place of this, and of the object, when `sys` puts `new` there."""
        return self, new


@attrs.frozen
class Busy:
    """A callback runs."""

    waiting: Waiting
    callback: str
    caller: Caller | None = None
    starter: Ref | None = None


@attrs.frozen
class Ending:
    """`terminate` runs; afterwards a call is answered, and the process ends like this."""

    end: End
    before: tuple[Effect, ...] = ()


State = Fresh | Waiting | Busy | Ending
Next = tuple[State, tuple[Effect, ...]]

_TIMEOUT: Final = "timeout"

_EXPECTED: Final = {
    "init": "None, NoReply, Continue, Stop, Ignore or Error",
    "handle_call": "Reply, NoReply, Continue or Stop",
}


def step(state: State, event: Any) -> Next:
    """What happens next; `event` is a message, or what a callback has done."""
    match state:
        case Waiting():
            return _message(state, event)
        case Busy():
            if type(event) is Returned:
                return _returned(state, event.value)
            return _raised(state, event)
        case Ending():
            end = state.end if type(event) is Returned else End(event.reason, event.crash)
            return state, (*state.before, end)
        case Fresh():
            assert type(event) is Begin
            busy = Busy(Waiting(event.parent), "init", starter=event.starter)
            return busy, (Invoke("init", event.args),)


def _message(waiting: Waiting, message: Any) -> Next:
    kind = type(message)
    if kind is Tick:
        if waiting.timed is None or message.stamp != waiting.stamp:
            return waiting, ()
        quiet = Waiting(waiting.parent, waiting.stamp)
        invoke = Invoke("handle_info", (_TIMEOUT,))
        return Busy(quiet, "handle_info"), (Received(_TIMEOUT), invoke)
    if kind is SystemCall:
        if waiting.timed is None:
            return waiting, (Serve(message),)
        # It is no message to the server, but the wait for one begins again.
        return _go_on(waiting, (Serve(message),), None, waiting.timed)
    before: tuple[Effect, ...] = ()
    if waiting.timed is not None:
        before = (StopTimer(_TIMEOUT),)
        waiting = Waiting(waiting.parent, waiting.stamp)
    if kind is Call:
        caller, request = message.caller, message.request
        busy = Busy(waiting, "handle_call", caller)
        return busy, (*before, Invoke("handle_call", (request, caller)))
    if kind is Cast:
        return Busy(waiting, "handle_cast"), (*before, Invoke("handle_cast", (message.request,)))
    if kind is StopRequest or (kind is Exit and message.pid is waiting.parent):
        return Ending(End(message.reason)), (*before, Invoke("terminate", (message.reason,)))
    return Busy(waiting, "handle_info"), (*before, Invoke("handle_info", (message,)))


def _returned(busy: Busy, result: Any) -> Next:
    begun: tuple[Effect, ...] = ()
    if busy.starter is not None:
        refusal = refused(result)
        if refusal is not None:
            error, end = refusal
            return Ending(end), not_begun(busy.starter, error, end)
        begun = (TellStarter(busy.starter, None),)
    kind = type(result)
    if kind is Reply and busy.caller is not None:
        answered = SendAnswer(busy.caller, result.value)
        return _go_on(busy.waiting, (answered,), result.then, result.timeout)
    if kind is NoReply:
        return _go_on(busy.waiting, begun, result.then, result.timeout)
    if result is None and busy.caller is None:
        return _go_on(busy.waiting, begun, None, inf)
    if kind is Continue:
        return _go_on(busy.waiting, begun, result, inf)
    if kind is Stop and result.reply is NOTHING:
        return _terminate(End(result.reason))
    if kind is Stop and busy.caller is not None:
        return _terminate(End(result.reason), (SendAnswer(busy.caller, result.reply),))
    expected = _EXPECTED.get(busy.callback, "None, NoReply, Continue or Stop")
    wrong = TypeError(f"{busy.callback}: expected {expected} to be returned, got {shown(result)}")
    return _raised(busy, Raised(wrong, wrong))


def _raised(busy: Busy, raised: Raised) -> Next:
    end = End(raised.reason, raised.crash)
    if busy.starter is not None:
        return Ending(end), not_begun(busy.starter, Error(raised.reason), end)
    return _terminate(end)


def _go_on(
    waiting: Waiting, before: tuple[Effect, ...], then: Continue | None, timeout: float
) -> Next:
    if then is not None:
        # The time-out is a wait for messages, and none is waited for yet.
        return Busy(waiting, "handle_continue"), (*before, Invoke("handle_continue", (then.term,)))
    if timeout == inf:
        return waiting, before
    stamp = waiting.stamp + 1
    timed = Waiting(waiting.parent, stamp, timeout)
    return timed, (*before, StartTimer(_TIMEOUT, stamp, timeout))


def _terminate(end: End, afterwards: tuple[Effect, ...] = ()) -> Next:
    return Ending(end, afterwards), (Invoke("terminate", (end.reason,)),)
