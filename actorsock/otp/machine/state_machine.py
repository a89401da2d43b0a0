"""`StateMachine`: a process whose behaviour depends on its state. Erlang's `gen_statem`."""

from types import FunctionType
from typing import Any, ClassVar, Final

from ..behaviour.base import Behaviour
from ..behaviour.effects import Step
from . import rules
from .rules import Fresh, Mode

__all__ = ["StateMachine"]

_NO_STATES: Final = ("init", "handle_event", "terminate", "format_status")


class StateMachine(Behaviour):
    """A state machine: derive from it and write its states. Erlang's `gen_statem`.

    A class has either a method for each state, `def locked(self, event)` for the state
    `"locked"`, or the one method `handle_event(event, state)` for all states, which may then be
    any values (Erlang's callback modes `state_functions` and `handle_event_function`). To change
    to a state without a method is a crash with `TypeError`. The attributes of the object are
    Erlang's `Data`.

    The argument `event` is a `Call(caller, request)`, `Cast(request)`, `Info(message)`,
    `Internal(content)`, `TimedOut(name, content)` or `Enter(former)`. The result is

    - `NextState(state, *actions)`: change the state
    - `KeepState(*actions)`, or None for no actions: stay in the state
    - `RepeatState(*actions)`: stay in the state and enter it again
    - `Stop(reason)`, or for a call `Stop(reason, reply)`: the machine ends

    Calls are answered with `reply(caller, value)`, now or in a later event. Processes, plain and
    async callbacks and crashes are as in a `GenServer`. Give helper methods a leading underscore:
    every public method counts as a state.

    Example::

        class Door(otp.StateMachine):
            def init(self, code):
                self.code = code
                return NextState("locked")

            def locked(self, event):
                match event:
                    case Cast(code) if code == self.code:
                        return NextState("open", StateTimeout(10))

            def open(self, event):
                match event:
                    case TimedOut("state"):
                        return NextState("locked")

        door = ok(await otp.start_link(Door, 1234))
        otp.cast(door, 1234)
    """

    enters: ClassVar[bool] = False
    """True: entering a state is an event too, `Enter(former)`. Erlang's `state_enter`."""

    def init(self, *args: Any, **kwargs: Any) -> Any:
        """Set up the data and name the first state. Erlang's `Module:init/1`.

        Every class has to define it. `start` waits until it has returned.

        Args:
            *args: the arguments of `start` or `start_link`.
            **kwargs: none are passed by `start`; for subclasses that call each other's `init`.

        Returns:
            - `NextState(state, *actions)`: the machine begins in `state`; `start` returns
              `Ok(pid)`. `Postpone` is not possible here
            - `Stop(reason)`, `Error(reason)`, `Ignore()`: as `GenServer.init`
        """
        raise NotImplementedError(f"{type(self).__qualname__} has no init")

    def handle_event(self, event: Any, state: Any) -> Any:
        """Handle an event, in any state. Erlang's `Module:handle_event/4`.

        Define it instead of methods for the states.

        Args:
            event: the event.
            state: the present state.

        Returns:
            `NextState`, `KeepState`, None, `RepeatState` or `Stop`.
        """
        raise NotImplementedError(f"{type(self).__qualname__} has no handle_event")

    def terminate(self, reason: Any, state: Any) -> Any:
        """Clean up before the machine ends. Erlang's `Module:terminate/3`.

        The default does nothing. It is called in the same cases as `GenServer.terminate`.

        Args:
            reason: the exit reason; after a crash the exception.
            state: the state in which the machine ends.

        Returns:
            Any value; it is ignored. If `terminate` raises, that becomes the exit reason.
        """

    def format_status(self) -> Any:
        """Return the data as `sys.get_status` shows it, with the state.

        Erlang's `Module:format_status/1`. Override it, with a plain function, to hide secrets or
        shorten long values.

        Returns:
            Any value. The default returns a dict of the attributes.
        """
        return dict(vars(self))

    @classmethod
    def _rules(cls) -> tuple[Step, Any]:
        has_method = cls._has_method if cls._by_state() else None
        return rules.step, Fresh(Mode(has_method, cls.enters))

    @classmethod
    def _callbacks(cls) -> tuple[str, ...]:
        if not cls._by_state():
            return ("init", "handle_event", "terminate")
        # Any public method may be a state: which ones are is known only when they are returned.
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
        """Return True if there is a method for that state."""
        if not isinstance(state, str) or state.startswith("_") or state in _NO_STATES:
            return False
        return callable(getattr(cls, state, None))

    @classmethod
    def _by_state(cls) -> bool:
        """Return True if the class has a method for each state, and no `handle_event`."""
        return cls.handle_event is StateMachine.handle_event
