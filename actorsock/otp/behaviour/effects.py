"""The language between the rules of a behaviour and the engine that runs it.

Rules are pure: `step(state, event)` returns the next state and a tuple of effects, to be carried
out in order. An event is a message, `Returned` or `Raised`. `Invoke` is always the last effect:
everything after it depends on the result of the callback, which is the next event.

Because of this a test can drive the rules with values, without processes, timers or a clock.
"""

from collections.abc import Callable
from typing import Any

import attrs

from ...results import Error
from ...runtime.core.identity import Ref
from ..calls.protocol import Caller, SystemCall
from ..calls.travelling import Values

__all__ = [
    "Carry",
    "Effect",
    "End",
    "Invoke",
    "Raised",
    "Received",
    "Returned",
    "SendAnswer",
    "Serve",
    "StartTimer",
    "Step",
    "StopTimer",
    "TellStarter",
]


@attrs.frozen
class Returned:
    """An event: the callback has returned."""

    value: Any


@attrs.frozen
class Raised:
    """An event: the callback has raised an exception."""

    reason: Any
    """The exit reason that the exception means."""
    crash: BaseException | None = None
    """The exception, if it is an error; None if it came from `exit(reason)`."""


@attrs.frozen
class Invoke:
    """Call a method of the behaviour's object."""

    callback: str
    args: tuple[Any, ...]


@attrs.frozen
class Carry:
    """Make these values valid, which have come with a message, in place of those before.

    They are for the callbacks that follow from that message, until the next `Carry`. The engine
    gives the process its own values back before it waits.
    """

    values: Values


@attrs.frozen
class SendAnswer:
    """Answer a call."""

    caller: Caller
    value: Any


@attrs.frozen
class Serve:
    """Serve a request of `sys`."""

    call: SystemCall


@attrs.frozen
class Received:
    """Note for `sys` that an event is handled which was not a message: a time-out, an inserted
    event."""

    event: Any


@attrs.frozen
class StartTimer:
    """Send a `Tick` to the process after `seconds`; replaces a running timer of the same name."""

    name: Any
    stamp: int
    seconds: float


@attrs.frozen
class StopTimer:
    """Stop the timer of that name, if it runs."""

    name: Any


@attrs.frozen
class TellStarter:
    """Send the result of `init` to `start`; None: the process serves from now on."""

    starter: Ref
    error: Error[Any] | None


@attrs.frozen
class End:
    """End the process. If `crash` is not None, it is logged as a crash."""

    reason: Any
    crash: BaseException | None = None


Effect = Invoke | Carry | Received | SendAnswer | Serve | StartTimer | StopTimer | TellStarter | End

Step = Callable[[Any, Any], tuple[Any, tuple[Effect, ...]]]
"""`step(state, event)`: the next state, and the effects."""
