"""Requests of Erlang's `sys` to behaviours here, and the answers in its forms.

`sys:get_state`, `sys:suspend` and their relatives in an Erlang shell ask a process of this program
as any other. What can't be served, such as a fun to replace the state, is answered with an error.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import attrs

from ...arguments import shown
from ...otp.behaviour.debugging import Statistics
from ...otp.behaviour.system_requests import (
    Failed,
    GetState,
    GetStatus,
    Log,
    NoDebug,
    Resume,
    SetStatistics,
    Status,
    Suspend,
    Trace,
)
from ...otp.calls.protocol import Answer, Caller, StopRequest, SystemCall
from ...runtime.core.identity import Pid, Ref
from ...runtime.core.remote import RemoteRef
from ..terms.values import Atom
from . import reasons

__all__ = ["DROPPED", "ByRelease", "as_seen", "system_message"]

DROPPED: Final = object()
"""Stands for a message that was answered at once, and is not delivered."""

_A: Final = Atom
_OK: Final = Atom("ok")
_KEPT: Final = 10
"""Events that a log keeps, unless the request says how many: Erlang's own number."""


@attrs.frozen
class ByRelease:
    """An answer whose form depends on the release of the node that has asked."""

    form: Callable[[int], Any]


def system_message(to: Any, request: Any) -> Any:
    """Return the message for a request of `sys`, whose answer goes to `to`."""
    match request:
        case (str("terminate"), reason):
            _answer(to, _OK)
            return StopRequest(reasons.from_term(reason))
        case (str("debug"), (str(function), argument)):
            served = _debugging(function, argument)
        case (str("debug"), str("no_debug")):
            served = NoDebug(), _done
        case str():
            served = _PLAIN.get(request)
        case _:
            served = None
    if served is None:
        _answer(to, (_A("error"), (_A("unknown_system_msg"), request)))
        return DROPPED
    to.form = served[1]
    return SystemCall(Caller(to.pid, to), served[0])


_Served = tuple[Any, Callable[[Any], Any]]
"""The request as the behaviour serves it, and what makes Erlang's answer of its answer."""


def _debugging(function: str, argument: Any) -> _Served | None:
    match function, argument:
        case "trace", bool():
            return Trace(argument), _done
        case "log", True:
            return Log(_KEPT), _done
        case "log", (True, int(size)) if size > 0:
            return Log(size), _done
        case "log", False:
            return Log(None), _done
        case "log", "print":
            return Log("print"), _done
        case "log", "get":
            return Log("get"), lambda events: (_OK, as_seen(events))
        case "statistics", bool():
            return SetStatistics(argument), _done
        case "statistics", "get":
            return SetStatistics("get"), _statistics
    return None


def _answer(to: RemoteRef, value: Any) -> None:
    to.deliver(Answer(to, value))


def _done(answer: Any) -> Any:
    return _failed(answer) or _OK


def _state(state: Any) -> Any:
    seen = as_seen(state)
    # Since OTP 26.1 the state is inside of a tuple, so that it can't be taken for an error.
    return _failed(state) or ByRelease(lambda release: (_OK, seen) if release >= 26 else seen)


def _status(status: Any) -> Any:
    if not isinstance(status, Status):
        return _failed(status)
    module = (_A("module"), _A(status.behaviour.rpartition(":")[0]))
    misc = [as_seen(status.state)]
    items = [[], _A(status.status), status.parent or _A("undefined"), as_seen(status.log), misc]
    return _A("status"), status.pid, module, items


def _statistics(answer: Any) -> Any:
    if not isinstance(answer, Statistics):
        return _OK, _A("no_statistics")
    return _OK, [
        (_A("start_time"), _calendar(answer.start_time)),
        (_A("current_time"), _calendar(answer.current_time)),
        (_A("messages_in"), answer.messages_in),
        (_A("messages_out"), answer.messages_out),
    ]


def _calendar(time: datetime) -> Any:
    return (time.year, time.month, time.day), (time.hour, time.minute, time.second)


def _failed(answer: Any) -> Any:
    if type(answer) is Failed:
        return _A("error"), (_A("callback_failed"), as_seen(answer.raised))
    return None


_PLAIN: Final[dict[str, _Served]] = {
    "get_state": (GetState(), _state),
    "get_status": (GetStatus(), _status),
    "suspend": (Suspend(), _done),
    "resume": (Resume(), _done),
}

_DEEPEST: Final = 8
_LEAVES: Final = (int, float, str, bytes, Pid, Ref, type(None))


def as_seen(value: Any, depth: int = _DEEPEST) -> Any:
    """Return a term that shows any value: an object as a map of its attributes, or its text."""
    cls = type(value)
    if cls in (list, tuple) and depth:
        return cls(as_seen(item, depth - 1) for item in value)
    if cls is dict and depth:
        return {_key(key, depth): as_seen(item, depth - 1) for key, item in value.items()}
    if issubclass(cls, _LEAVES) and not (cls is float and value - value != 0):
        return value
    if depth and not issubclass(cls, (type, BaseException)):
        if attrs.has(cls):
            names = [field.name for field in attrs.fields(cls)]
            return {_A(name): as_seen(getattr(value, name, None), depth - 1) for name in names}
        if hasattr(value, "__dict__"):
            return {_A(name): as_seen(item, depth - 1) for name, item in vars(value).items()}
    return shown(value).encode(errors="replace")


def _key(key: Any, depth: int) -> Any:
    seen = as_seen(key, depth - 1)
    try:
        hash(seen)
    except TypeError:
        return shown(key).encode(errors="replace")
    return seen
