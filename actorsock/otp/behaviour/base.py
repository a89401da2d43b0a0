"""What all behaviours have in common: a class of callbacks, and rules for calling them."""

from inspect import iscoroutinefunction
from typing import Any

from .effects import Step
from .engine import InPlace, Looping

__all__ = ["Behaviour"]


class Behaviour:
    """The base of `GenServer`, `StateMachine` and `Supervisor`; not to be used by itself."""

    @classmethod
    def _rules(cls) -> tuple[Step, Any]:
        """The rules that its processes follow, and the state that they begin in."""
        raise NotImplementedError

    @classmethod
    def _callbacks(cls) -> tuple[str, ...]:
        """The names of what is called."""
        raise NotImplementedError

    @classmethod
    def _engine(cls) -> InPlace | Looping:
        """A new object of the class, ready to run."""
        waits = any(iscoroutinefunction(getattr(cls, name)) for name in cls._callbacks())
        return (Looping if waits else cls._in_place())(cls, cls(), *cls._rules())

    @classmethod
    def _in_place(cls) -> type[InPlace]:
        """What runs those of its processes whose callbacks are all plain."""
        return InPlace
