"""What the rules of a behaviour ask for, and what they are told.

Rules are pure: `step(state, event)` returns the next state and the effects, in order. `Invoke`
is always the last of them, since all that follows depends on what the callback does; that is
the next event. An engine carries the effects out.
"""

from collections.abc import Callable
from typing import Any

import attrs

from ...results import Error
from ...runtime.core.identity import Ref
from ..calls.protocol import Caller, SystemCall

__all__ = [
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
    """An event: the callback has raised, by mistake (`crash`) or with `exit(reason)`."""

    reason: Any
    crash: BaseException | None = None


@attrs.frozen
class Invoke:
    """Call a callback of the behaviour's object."""

    callback: str
    args: tuple[Any, ...]


@attrs.frozen
class SendAnswer:
    """Answer a call."""

    caller: Caller
    value: Any


@attrs.frozen
class Serve:
    """Serve a request that concerns the process and not the program's callbacks."""

    call: SystemCall


@attrs.frozen
class Received:
    """Something begins to be handled that was no message, or none that the program knows."""

    event: Any


@attrs.frozen
class StartTimer:
    """Send a `Tick` in so many seconds; a running timer of the same name is stopped."""

    name: Any
    stamp: int
    seconds: float


@attrs.frozen
class StopTimer:
    """Stop the timer of that name, if it runs."""

    name: Any


@attrs.frozen
class TellStarter:
    """Say how `init` went: None is well."""

    starter: Ref
    error: Error | None


@attrs.frozen
class End:
    """The process ends; `crash` is the mistake that is to be logged, if there was one."""

    reason: Any
    crash: BaseException | None = None


Effect = Invoke | Received | SendAnswer | Serve | StartTimer | StopTimer | TellStarter | End

Step = Callable[[Any, Any], tuple[Any, tuple[Effect, ...]]]
"""`step(state, event)`: the next state, and what to do."""
