"""The rules of a `GenServer`: which callback a message is for, and what its result means.

Pure: see `behaviour.effects`. The state of the rules is

- `Fresh`: before `Begin`
- `Waiting`: for a message
- `Busy`: a callback runs
- `Ending`: `terminate` runs; common to all behaviours, see `behaviour.lifecycle`

The common functions compare types instead of using `match`, which takes longer: every message to
a server with async callbacks passes through here.
"""

from collections.abc import Callable
from math import inf
from types import CoroutineType, NoneType
from typing import Any, Final

import attrs

from ...arguments import shown
from ...runtime.core.identity import Pid, Ref
from ..behaviour.effects import (
    Carry,
    Effect,
    End,
    Invoke,
    Received,
    Returned,
    SendAnswer,
    Serve,
    StartTimer,
    StopTimer,
    TellStarter,
)
from ..behaviour.lifecycle import (
    Ending,
    Ignore,
    Stop,
    after_terminate,
    answer_of,
    crash,
    refuse_to_begin,
    requested_end,
    terminate,
    wrong_result,
)
from ..calls.protocol import Begin, Call, Caller, Cast, SystemCall, Tick
from ..calls.travelling import Travelled
from .outcomes import Continue, NoReply, Reply

__all__ = ["Busy", "Fresh", "State", "Waiting", "step"]


@attrs.frozen
class Fresh:
    """The process has not got its first message, `Begin`."""


@attrs.frozen
class Waiting:
    """The server waits for a message."""

    parent: Pid | None = None
    stamp: int = 0
    """The stamp of the newest time-out. A tick with another stamp is stale, and ignored."""
    timed: float | None = None
    """The seconds of the time-out that runs; None if none does."""

    def to_sys(self, behaviour: Any, show: Callable[[Any], Any]) -> Any:
        """Return what `sys.get_state` shows: the object alone."""
        return show(behaviour)

    def from_sys(self, new: Any, behaviour: Any) -> tuple["Waiting", Any]:
        """Return the state of the rules and the object after `sys.replace_state`."""
        return self, new


@attrs.frozen
class Busy:
    """A callback runs."""

    waiting: Waiting
    """The state to return to."""
    callback: str
    caller: Caller | None = None
    """The caller, if the callback is `handle_call`."""
    starter: Ref | None = None
    """The alias for the result, if the callback is `init`."""


State = Fresh | Waiting | Busy | Ending
Next = tuple[State, tuple[Effect, ...]]

_TIMEOUT: Final = "timeout"
"""The message of a time-out, as in Erlang, and the name of its timer."""

_EXPECTED: Final = {
    "init": "None, NoReply, Continue, Stop, Ignore or Error",
    "handle_call": "Reply, NoReply, Continue or Stop",
}


def step(state: State, event: Any) -> Next:
    """Return the next state, and the effects of `event`: a message, `Returned` or `Raised`."""
    match state:
        case Waiting():
            return _message(state, event)
        case Busy():
            if type(event) is Returned:
                return _returned(state, event.value)
            return crash(state.starter, event)
        case Ending():
            return after_terminate(state, event)
        case Fresh():
            assert type(event) is Begin
            busy = Busy(Waiting(event.parent), "init", starter=event.starter)
            return busy, (Invoke("init", event.args),)


def _message(waiting: Waiting, message: Any) -> Next:
    message_type = type(message)
    if message_type is Travelled:
        state, effects = _message(waiting, message.message)
        return state, (Carry(message.values), *effects)
    if message_type is Tick:
        if waiting.timed is None or message.stamp != waiting.stamp:
            return waiting, ()
        waiting = Waiting(waiting.parent, waiting.stamp)
        invoke = Invoke("handle_info", (_TIMEOUT,))
        return Busy(waiting, "handle_info"), (Received(_TIMEOUT), invoke)
    if message_type is SystemCall:
        if waiting.timed is None:
            return waiting, (Serve(message),)
        # As in Erlang a system message does not end the wait, but the time-out starts again.
        return _wait(waiting, (Serve(message),), None, waiting.timed)
    before: tuple[Effect, ...] = ()
    if waiting.timed is not None:
        before = (StopTimer(_TIMEOUT),)
        waiting = Waiting(waiting.parent, waiting.stamp)
    if message_type is Call:
        caller, request = message.caller, message.request
        busy = Busy(waiting, "handle_call", caller)
        return busy, (*before, Invoke("handle_call", (request, caller)))
    if message_type is Cast:
        return Busy(waiting, "handle_cast"), (*before, Invoke("handle_cast", (message.request,)))
    end = requested_end(message, waiting.parent)
    if end is not None:
        return terminate(end, before=before)
    return Busy(waiting, "handle_info"), (*before, Invoke("handle_info", (message,)))


def _returned(busy: Busy, result: Any) -> Next:
    begun: tuple[Effect, ...] = ()
    if busy.starter is not None:
        refusal = refuse_to_begin(busy.starter, result)
        if refusal is not None:
            return refusal
        begun = (TellStarter(busy.starter, None),)
    result_type = type(result)
    if result_type is Reply and busy.caller is not None:
        answer = SendAnswer(busy.caller, result.value)
        return _wait(busy.waiting, (answer,), result.then, result.timeout)
    if result_type is NoReply:
        return _wait(busy.waiting, begun, result.then, result.timeout)
    if busy.caller is None and result is None:
        return _wait(busy.waiting, begun, None, inf)
    if result_type is Continue:
        return _wait(busy.waiting, begun, result, inf)
    if result_type is Stop:
        answers = answer_of(result, busy.caller)
        if answers is not None:
            # As in Erlang the caller gets its answer when `terminate` is done.
            return terminate(End(result.reason), after=answers)
    expected = _EXPECTED.get(busy.callback, "None, NoReply, Continue or Stop")
    return crash(busy.starter, wrong_result(busy.callback, expected, result, _remedy(busy, result)))


def _remedy(busy: Busy, result: Any) -> str | None:
    if type(result) in (Reply, Stop):
        return None if busy.starter is not None else "otp.reply(caller, value), before it returns"
    if busy.caller is not None and type(result) not in (NoneType, Ignore, CoroutineType):
        return f"Reply({shown(result)})"
    return None


def _wait(
    waiting: Waiting, before: tuple[Effect, ...], then: Continue | None, timeout: float
) -> Next:
    """Wait for a message, or call `handle_continue` first."""
    if then is not None:
        # The time-out is dropped: it limits the wait for a message, and there is no wait yet.
        return Busy(waiting, "handle_continue"), (*before, Invoke("handle_continue", (then.term,)))
    if timeout == inf:
        return waiting, before
    stamp = waiting.stamp + 1
    timed = Waiting(waiting.parent, stamp, timeout)
    return timed, (*before, StartTimer(_TIMEOUT, stamp, timeout))
