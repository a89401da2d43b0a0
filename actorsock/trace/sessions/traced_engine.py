"""The classes of the engine of a behaviour whose callbacks are traced.

As with processes, an engine becomes one by an assignment to its `__class__`.
"""

from typing import Any, Final

from ...otp.behaviour.effects import Invoke, Raised, Returned
from ...otp.behaviour.engine import Engine, InPlace, Looping
from ...otp.server.fast_path import ServerInPlace
from ...runtime.bodies.current import current_process
from ...runtime.core.process import Process
from .table import table_of

__all__ = ["trace_calls"]


def _record(engine: Engine, event: Any, invoke: Invoke | None) -> None:
    process = current_process()
    table = table_of(process.node)
    if table is None:
        return
    pid = process.pid
    callback = table.callbacks.pop(pid, "")
    if type(event) is Returned:
        table.record("call", pid, "return_from", (callback, event.value))
    elif type(event) is Raised:
        raised = event.reason if event.crash is None else event.crash
        table.record("call", pid, "exception_from", (callback, raised))
    if invoke is not None and table.wants(pid, "call"):
        table.callbacks[pid] = invoke.callback
        table.record("call", pid, "call", (invoke.callback, invoke.args))


class TracedInPlace(InPlace):
    """The engine of a traced handler process."""

    __slots__ = ()

    def _next(self, event: Any) -> Invoke | None:
        invoke = super()._next(event)
        _record(self, event, invoke)
        return invoke


class TracedServerInPlace(ServerInPlace):
    """The engine of a traced server in place, without its fast path."""

    __slots__ = ()

    def __call__(self, message: Any) -> object:
        return InPlace.__call__(self, message)

    def _next(self, event: Any) -> Invoke | None:
        invoke = super()._next(event)
        _record(self, event, invoke)
        return invoke


class TracedLooping(Looping):
    """The engine of a traced task or light process."""

    __slots__ = ()

    def _next(self, event: Any) -> Invoke | None:
        invoke = super()._next(event)
        _record(self, event, invoke)
        return invoke


_TRACED: Final[dict[type[Engine], type[Engine]]] = {
    InPlace: TracedInPlace,
    ServerInPlace: TracedServerInPlace,
    Looping: TracedLooping,
}
_PLAIN: Final = {traced: plain for plain, traced in _TRACED.items()}


def trace_calls(process: Process, flag: bool) -> None:
    """Begin or end to trace the callbacks of `process`, if it runs a behaviour."""
    engine = process.body.function
    table = _TRACED if flag else _PLAIN
    if isinstance(engine, Engine) and type(engine) in table:
        engine.__class__ = table[type(engine)]
