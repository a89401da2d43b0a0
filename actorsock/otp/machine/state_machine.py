"""`StateMachine`: a process whose behaviour depends on its state; Erlang's `gen_statem`."""

from types import FunctionType
from typing import Any, ClassVar, Final

from ..behaviour.base import Behaviour
from ..behaviour.effects import Step
from . import rules as machine_rules
from .rules import Fresh, Mode

__all__ = ["StateMachine"]

_NO_STATES: Final = ("init", "handle_event", "terminate", "format_status")


class StateMachine(Behaviour):
    """Derive from it and write a method for each state, or `handle_event`; plain or async.

    `def locked(self, event)` is called with each event in the state `"locked"`; to change to a
    state without a method is a mistake. With `handle_event(event, state)` all states share one
    method, and a state may be any value. An event is a `Call(caller, request)`, `Cast(request)`,
    `Info(message)`, `Internal(content)` or `TimedOut(name, content)`. The callback returns
    `NextState(state, *actions)`, `KeepState(*actions)`, None for the latter without actions, or
    `Stop(reason)`; calls are answered with `reply(caller, value)`, now or later.
    """

    enters: ClassVar[bool] = False
    """True: entering a state is an event too, `Enter(former)`; `state_enter`."""

    def init(self, *args: Any, **kwargs: Any) -> Any:
        """Called first, with the arguments of `start`: `NextState(state, *actions)`.

        `Stop(reason)`, `Error(reason)` and `Ignore()` are those of a `GenServer`'s `init`.
        """
        raise NotImplementedError(f"{type(self).__qualname__} has no init")

    def handle_event(self, event: Any, state: Any) -> Any:
        """Called with every event, if the class defines it, in place of methods for states."""
        raise NotImplementedError(f"{type(self).__qualname__} has no handle_event")

    def terminate(self, reason: Any, state: Any) -> Any:
        """Clean up: when it is called is as with a `GenServer`."""

    def format_status(self) -> Any:
        """What `sys.get_status` shows with the state; a plain function. The attributes."""
        return dict(vars(self))

    @classmethod
    def _rules(cls) -> tuple[Step, Any]:
        has_method = cls._has_method if cls._by_state() else None
        return machine_rules.step, Fresh(Mode(has_method, cls.enters))

    @classmethod
    def _callbacks(cls) -> tuple[str, ...]:
        if not cls._by_state():
            return ("init", "handle_event", "terminate")
        classes = cls.__mro__[: cls.__mro__.index(StateMachine)]
        return (
            "init",
            "terminate",
            *(
                name
                for each in classes
                for name, value in vars(each).items()
                if isinstance(value, FunctionType) and not name.startswith("_")
            ),
        )

    @classmethod
    def _has_method(cls, state: Any) -> bool:
        if not isinstance(state, str) or state.startswith("_") or state in _NO_STATES:
            return False
        return callable(getattr(cls, state, None))

    @classmethod
    def _by_state(cls) -> bool:
        return cls.handle_event is StateMachine.handle_event
