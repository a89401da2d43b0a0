"""The base class of all behaviours: it joins the program's callbacks, the rules and the engine."""

from inspect import iscoroutinefunction
from typing import Any

from .effects import Step
from .engine import InPlace, Looping

__all__ = ["Behaviour"]


class Behaviour:
    """The base of `GenServer`, `StateMachine`, `Supervisor` and `Application`.

    A new behaviour derives from it and defines `_rules` and `_callbacks`. One that wraps the
    program's object, as `Supervisor` does, overrides `_engine` instead.
    """

    @classmethod
    def _rules(cls) -> tuple[Step, Any]:
        """Return the `step` function of the rules, and the state in which a process begins."""
        raise NotImplementedError

    @classmethod
    def _callbacks(cls) -> tuple[str, ...]:
        """Return the names of the methods that the rules may call."""
        raise NotImplementedError

    @classmethod
    def _engine(cls) -> InPlace | Looping:
        """Return a new object of the class inside an engine, ready to run in a new process.

        One async callback is enough to make a process of its own necessary. The decision is made
        by class and not by call: an object can't move from a handler to a task later.
        """
        waits = any(iscoroutinefunction(getattr(cls, name)) for name in cls._callbacks())
        return (Looping if waits else cls._in_place())(cls, cls(), *cls._rules())

    @classmethod
    def _in_place(cls) -> type[InPlace]:
        """Return the engine of processes whose callbacks are all plain functions."""
        return InPlace
