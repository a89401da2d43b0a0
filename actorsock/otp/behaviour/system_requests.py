"""The requests of `sys`, and the code in the behaviour process that serves them.

A request is served between two messages, never while a callback runs, so the state that it reads
or replaces is consistent. The functions that send these requests are in `otp.sys`.
"""

from collections.abc import Callable
from typing import Any, Literal, Protocol

import attrs

from ...arguments import shown
from ...runtime.bodies.current import current_process
from ...runtime.core.identity import Pid
from ..calls.protocol import Request, SystemCall, send_answer
from .debugging import DebugFunction, Debugging, Statistics
from .exit_reasons import raised

__all__ = [
    "Failed",
    "GetState",
    "GetStatus",
    "Install",
    "Log",
    "NoDebug",
    "Remove",
    "ReplaceState",
    "Resume",
    "Served",
    "SetStatistics",
    "Status",
    "Suspend",
    "Trace",
    "serve",
]


@attrs.frozen
class Status:
    """The status of a behaviour process, returned by `sys.get_status`."""

    pid: Pid
    """The process."""
    registered_name: str | None
    """Its registered name; None if it has none."""
    behaviour: str
    """The class, as `module:name`; of a process without a behaviour the function that it runs."""
    status: Literal["running", "suspended"]
    """`"suspended"` between `sys.suspend` and `sys.resume`."""
    parent: Pid | None
    """The process that called `start_link`; for `start` the process itself."""
    state: Any
    """The result of `format_status`, or a text that says that it crashed. For a `StateMachine`
    the pair of its state and that; for an `EventManager` a list of pairs of a handler's name and
    that."""
    log: list[tuple[Any, ...]]
    """The events that `sys.log` keeps; empty while it is off."""


@attrs.frozen
class Failed:
    """The answer when the function of `sys.replace_state` has raised: the state is unchanged.

    The exception is raised in the process that called `replace_state`, a `ProcessExit` as a
    `CallError`. The behaviour process goes on.
    """

    raised: BaseException


@attrs.frozen
class GetState(Request[Any]):
    """`sys.get_state`."""


@attrs.frozen
class ReplaceState(Request[Any]):
    """`sys.replace_state`."""

    function: Any


@attrs.frozen
class GetStatus(Request[Status]):
    """`sys.get_status`."""


@attrs.frozen
class Suspend(Request[None]):
    """`sys.suspend`."""


@attrs.frozen
class Resume(Request[None]):
    """`sys.resume`."""


@attrs.frozen
class SetStatistics(Request[Statistics | None]):
    """`sys.statistics`."""

    flag: bool | Literal["get"]


@attrs.frozen
class Log(Request[list[tuple[Any, ...]] | None]):
    """`sys.log`."""

    size: int | Literal["get", "print"] | None
    """None: keep no events any more."""


@attrs.frozen
class Trace(Request[None]):
    """`sys.trace`."""

    flag: bool


@attrs.frozen
class Install(Request[None]):
    """`sys.install`."""

    key: Any
    function: DebugFunction
    state: Any


@attrs.frozen
class Remove(Request[None]):
    """`sys.remove`."""

    key: Any


@attrs.frozen
class NoDebug(Request[None]):
    """`sys.no_debug`."""


class Served(Protocol):
    """The part of an `Engine` that this module reads and changes.

    A protocol and not the class, because `engine` imports this module.
    """

    behaviour: Any
    state: "_Waiting"
    parent: Pid | None
    suspended: bool
    debugging: Debugging | None


class _Waiting(Protocol):
    """The state of a behaviour's rules while it waits for a message.

    `sys` sees a server as its object, a state machine as the pair `(state, object)`, and an event
    manager as a list of its handlers. These two methods convert to and from that form; `show` is
    applied to each object in it.
    """

    def to_sys(self, behaviour: Any, show: Callable[[Any], Any]) -> Any: ...

    def from_sys(self, new: Any, behaviour: Any) -> "tuple[_Waiting, Any]": ...


def serve(engine: Served, call: SystemCall) -> None:
    """Serve a request in the process that `engine` runs, and answer it."""
    try:
        answer = _answer(engine, call.request)
    except BaseException as exc:
        raised(exc)  # raises again what is no error of the program: Ctrl-C, an exit signal
        answer = Failed(exc)
    send_answer(call.caller, answer)


def _answer(engine: Served, request: Any) -> Any:
    match request:
        case GetState():
            return engine.state.to_sys(engine.behaviour, _itself)
        case ReplaceState(function):
            _replace(engine, function(engine.state.to_sys(engine.behaviour, _itself)))
            return engine.state.to_sys(engine.behaviour, _itself)
        case GetStatus():
            return _status(engine)
        case Suspend():
            engine.suspended = True
        case Resume():
            engine.suspended = False
        case SetStatistics("get"):
            return None if engine.debugging is None else engine.debugging.statistics()
        case SetStatistics(bool(flag)):
            _change_debugging(engine, lambda debugging: debugging.count(flag))
        case Log("get"):
            return _events(engine)
        case Log("print"):
            _change_debugging(engine, lambda debugging: debugging.print_log())
        case Log(int() | None as size):
            _change_debugging(engine, lambda debugging: debugging.keep(size))
        case Trace(flag):
            _change_debugging(engine, lambda debugging: setattr(debugging, "traces", flag))
        case Install(key, function, state):
            _change_debugging(engine, lambda debugging: debugging.install(key, function, state))
        case Remove(key):
            _change_debugging(engine, lambda debugging: debugging.remove(key))
        case NoDebug():
            engine.debugging = None
    return None


def _replace(engine: Served, new: Any) -> None:
    if new is None:
        return
    state, behaviour = engine.state.from_sys(new, engine.behaviour)
    if not isinstance(behaviour, type(engine.behaviour)):
        expected = type(engine.behaviour).__qualname__
        raise TypeError(
            f"function: expected None or a {expected} as the object, got {shown(behaviour)}"
        )
    engine.state, engine.behaviour = state, behaviour


def _status(engine: Served) -> Status:
    process = current_process()
    return Status(
        process.pid,
        process.name,
        process.body.describe(),
        "suspended" if engine.suspended else "running",
        engine.parent,
        engine.state.to_sys(engine.behaviour, _formatted),
        _events(engine),
    )


def _itself(behaviour: Any) -> Any:
    return behaviour


def _formatted(behaviour: Any) -> Any:
    # `get_status` is for debugging: a crash of `format_status` is part of the result, and does not
    # hide the rest of it.
    try:
        formats = getattr(behaviour, "format_status", None)
        return behaviour if formats is None else formats()
    except BaseException as exc:
        reason = raised(exc).reason
        return f"{type(behaviour).__qualname__}.format_status crashed: {shown(reason)}"


def _events(engine: Served) -> list[tuple[Any, ...]]:
    debugging = engine.debugging
    return [] if debugging is None else debugging.events


def _change_debugging(engine: Served, change: Callable[[Debugging], None]) -> None:
    """Apply `change`; the object exists only while something is switched on."""
    debugging = engine.debugging or Debugging()
    change(debugging)
    engine.debugging = None if debugging.idle else debugging
