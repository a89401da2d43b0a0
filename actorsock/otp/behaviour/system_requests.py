"""How a behaviour's process serves what `sys` asks of it; between two messages, never in one."""

from typing import Any, Literal, Protocol

import attrs

from ...arguments import shown
from ...runtime.bodies.current import current_process
from ...runtime.bodies.functions import name_of
from ...runtime.core.identity import Pid
from ..calls.protocol import SystemCall, send_answer
from .debugging import Debugging
from .exit_reasons import raised

__all__ = [
    "Failed",
    "GetState",
    "GetStatus",
    "Log",
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
    """What `sys.get_status` tells of a process."""

    pid: Pid
    registered_name: str | None
    behaviour: str
    """The class, as `module:name`."""
    status: Literal["running", "suspended"]
    parent: Pid | None
    """Whose exit signal ends it even if it traps exits: who called `start_link`, or itself."""
    state: Any
    """What the class's `format_status` returns, or a text that says that it crashed; of a state
    machine, the state and that."""
    log: list[tuple[Any, ...]]
    """The events that `sys.log` keeps."""


@attrs.frozen
class Failed:
    """The answer when the function of `sys.replace_state` has raised: nothing has changed."""

    raised: BaseException
    """A `ProcessExit` too: it says how the function went, and ends nobody but who asked for it."""


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


class Served(Protocol):
    """What is read and changed here of the engine that runs a process."""

    behaviour: Any
    state: "_BetweenMessages"
    parent: Pid | None
    suspended: bool
    debugging: Debugging | None


class _BetweenMessages(Protocol):
    """Where the rules of a behaviour are when it waits for a message."""

    def seen(self, value: Any) -> Any: ...

    def replaced(self, new: Any) -> "tuple[_BetweenMessages, Any]": ...


def serve(engine: Served, call: SystemCall) -> None:
    """Do what was asked of the process that `engine` runs, and answer."""
    try:
        answer = _answer(engine, call.request)
    except BaseException as exc:
        raised(exc)
        answer = Failed(exc)
    send_answer(call.caller, answer)


def _answer(engine: Served, request: Any) -> Any:
    match request:
        case GetState():
            return engine.state.seen(engine.behaviour)
        case ReplaceState(function):
            _replace(engine, function(engine.state.seen(engine.behaviour)))
            return engine.state.seen(engine.behaviour)
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


def _replace(engine: Served, new: Any) -> None:
    if new is None:
        return
    state, behaviour = engine.state.replaced(new)
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
        name_of(engine),
        "suspended" if engine.suspended else "running",
        engine.parent,
        engine.state.seen(_formatted(engine)),
        _events(engine),
    )


def _formatted(engine: Served) -> Any:
    # Who looks for a mistake is told of this one too, and of the rest all the same.
    try:
        return engine.behaviour.format_status()
    except BaseException as exc:
        reason = raised(exc).reason
        return f"{type(engine.behaviour).__qualname__}.format_status crashed: {shown(reason)}"


def _events(engine: Served) -> list[tuple[Any, ...]]:
    debugging = engine.debugging
    return [] if debugging is None or debugging.events is None else list(debugging.events)


def _debugging(engine: Served, change: Any) -> None:
    debugging = engine.debugging or Debugging()
    change(debugging)
    engine.debugging = None if debugging.idle else debugging
