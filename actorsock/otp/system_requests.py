"""How a behaviour's process serves what `sys` asks of it; between two messages, never in one."""

from typing import Any, Literal

import attrs

from ..runtime.current import current_process
from ..runtime.identity import Pid
from .debugging import Debugging
from .machine_rules import Machine
from .protocol import SystemCall, send_answer

__all__ = [
    "Failed",
    "GetState",
    "GetStatus",
    "Log",
    "ReplaceState",
    "Resume",
    "SetStatistics",
    "Status",
    "Suspend",
    "Trace",
    "serve",
]


@attrs.frozen
class Status:
    """What `sys.get_status` tells of a process."""

    pid: Pid
    registered_name: str | None
    behaviour: str
    """The class, as `module:name`."""
    status: Literal["running", "suspended"]
    parent: Pid | None
    """Whom it was linked to when it started."""
    state: Any
    """What the class's `format_status` returns; of a state machine, the state and that."""
    log: list[tuple[Any, ...]]
    """The events that `sys.log` keeps."""


@attrs.frozen
class Failed:
    """The answer when the function of `sys.replace_state` has raised: nothing has changed."""

    mistake: Exception


@attrs.frozen
class GetState:
    pass


@attrs.frozen
class ReplaceState:
    function: Any


@attrs.frozen
class GetStatus:
    pass


@attrs.frozen
class Suspend:
    pass


@attrs.frozen
class Resume:
    pass


@attrs.frozen
class SetStatistics:
    flag: bool | Literal["get"]


@attrs.frozen
class Log:
    size: int | Literal["get"] | None


@attrs.frozen
class Trace:
    flag: bool


def serve(engine: Any, call: SystemCall) -> None:
    """Do what was asked of the process that `engine` runs, and answer."""
    try:
        answer = _answer(engine, call.request)
    except Exception as mistake:
        answer = Failed(mistake)
    send_answer(call.caller, answer)


def _answer(engine: Any, request: Any) -> Any:
    match request:
        case GetState():
            return _state(engine)
        case ReplaceState(function):
            _replace(engine, function(_state(engine)))
            return _state(engine)
        case GetStatus():
            return _status(engine)
        case Suspend():
            engine.suspended = True
        case Resume():
            engine.suspended = False
        case SetStatistics("get"):
            return None if engine.debugging is None else engine.debugging.statistics()
        case SetStatistics(flag):
            _debugging(engine, lambda debugging: debugging.count(flag))
        case Log("get"):
            return _events(engine)
        case Log(size):
            _debugging(engine, lambda debugging: debugging.keep(size))
        case Trace(flag):
            _debugging(engine, lambda debugging: setattr(debugging, "traces", flag))
    return None


def _state(engine: Any) -> Any:
    """As `sys.get_state` gives it."""
    if isinstance(engine.state, Machine):
        return engine.state.state, engine.behaviour
    return engine.behaviour


def _replace(engine: Any, new: Any) -> None:
    if new is None:
        return
    if isinstance(engine.state, Machine):
        state, new = new
        engine.state = attrs.evolve(engine.state, state=state)
    if not isinstance(new, type(engine.behaviour)):
        expected = type(engine.behaviour).__qualname__
        raise TypeError(f"function: expected None or a {expected} to be returned, got {new!r}")
    engine.behaviour = new


def _status(engine: Any) -> Status:
    process = current_process()
    state = engine.behaviour.format_status()
    if isinstance(engine.state, Machine):
        state = engine.state.state, state
    return Status(
        process.pid,
        process.name,
        f"{engine.__module__}:{engine.__qualname__}",
        "suspended" if engine.suspended else "running",
        engine.parent,
        state,
        _events(engine),
    )


def _events(engine: Any) -> list[tuple[Any, ...]]:
    debugging = engine.debugging
    return [] if debugging is None or debugging.events is None else list(debugging.events)


def _debugging(engine: Any, change: Any) -> None:
    debugging = engine.debugging or Debugging()
    change(debugging)
    engine.debugging = None if debugging.idle else debugging
