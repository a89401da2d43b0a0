"""What goes with a request from its caller to the callback that serves it: context variables.

A variable that was declared by `travels` goes with each `call`, `cast`, `send_request` and
`notify`. Its value is in the message, which is then a `TravellingCall` or its like, and the engine
of the server sets the variable while the callbacks for that message run. While nothing is declared,
a caller tests whether the list `travellers` is empty, and does nothing else.

The context of OpenTelemetry goes the same way, by another kind of `Traveller`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from typing import Any, Final, Literal, TypeVar

import attrs

from ...arguments import shown
from ...runtime.core.identity import Pid
from ...runtime.core.messages import owed, refused
from ...runtime.core.process import Process
from ...runtime.core.remote import Remote
from .protocol import Call, Caller, Cast, Tick, pending_caller
from .registries import ServerRef

__all__ = [
    "NOTHING",
    "Arrived",
    "Departure",
    "How",
    "Travelled",
    "Traveller",
    "TravellingCall",
    "TravellingCast",
    "TravellingMessage",
    "TravellingTick",
    "Values",
    "cast_message",
    "deliver_travelling_call",
    "in_context_of",
    "stays",
    "travellers",
    "travelling_types",
    "travels",
    "values_of",
]

T = TypeVar("T")

How = Literal["call", "send_request", "cast", "notify"]
"""The function that makes a request."""

NOTHING: Final = object()
"""A result of `Traveller.departs`: nothing goes with this request."""


class Traveller:
    """Something that goes with requests.

    `departs` and `sent` run in the caller, the others in the process that serves the request.
    """

    def departs(
        self, how: How, server: ServerRef, target: Process | Remote | None, request: Any
    ) -> Any:
        """Return what goes with a request, or `NOTHING`. `target` is the process of `server`."""
        raise NotImplementedError

    def sent(self, value: Any, failure: BaseException | None) -> None:
        """Note that a request is sent, or has failed; of a `call`, that it is answered."""

    def arrives(self, value: Any) -> Any:
        """Set what has come with a request in the running process; return what `leaves` needs."""
        raise NotImplementedError

    def leaves(self, arrived: Any, failure: BaseException | None) -> None:
        """Undo `arrives`: all callbacks for the request have returned, or one has failed."""
        raise NotImplementedError

    def later(self, value: Any) -> Any:
        """Return what goes with a time-out that the request has started."""
        return value


Values = tuple[tuple[Traveller, Any], ...]
"""What goes with one request: each traveller, and its value."""


class _Variable(Traveller):
    """A context variable."""

    def __init__(self, variable: ContextVar[Any]) -> None:
        self.variable = variable

    def departs(self, how: How, server: Any, target: Any, request: Any) -> Any:
        try:
            return self.variable.get()
        except LookupError:
            return NOTHING

    def arrives(self, value: Any) -> Token[Any]:
        return self.variable.set(value)

    def leaves(self, arrived: Token[Any], failure: BaseException | None) -> None:
        self.variable.reset(arrived)


travellers: Final[list[Traveller]] = []
"""What goes with every request. Empty in most programs."""


def travels(variable: ContextVar[T]) -> ContextVar[T]:
    """Declare that the value of a context variable goes with requests to servers.

    From then on `call`, `cast`, `send_request` and `notify`, and the functions that use these,
    carry the value that the variable has in the caller to the callback that serves the request.
    That callback and those that follow from it see this value. Afterwards the server has its own
    value again, also if a callback is async, has set the variable, or has raised an exception.

    - If the variable has no value in the caller, the server keeps its own.
    - `handle_continue`, a time-out that the callback has asked for, events that a `StateMachine`
      has postponed or inserted, and `terminate` if the callback ends the server, have the values of
      the request they come from.
    - An answer carries nothing: also after a later `reply` the caller has its own values.
    - `send` carries nothing. New processes, those of `async_call` too, have a copy of the whole
      context of the process that starts them, whether a variable is declared or not.
    - A request to another node of a cluster, of Erlang or of this library, carries nothing.
    - A process without a behaviour uses `in_context_of`.

    Erlang has no context variables. The declaration is for the whole program. To declare a variable
    again changes nothing. While something is declared, a request takes some 5 microseconds more.

    Args:
        variable: a `contextvars.ContextVar`.

    Returns:
        `variable`, so that one line defines and declares it.

    Raises:
        TypeError: `variable` is not a `ContextVar`.

    Example::

        request_id = otp.travels(ContextVar("request_id", default="-"))
    """
    _check(variable)
    if _traveller_of(variable) is None:
        travellers.append(_Variable(variable))
    return variable


def stays(variable: ContextVar[Any]) -> None:
    """Undo `travels`: the variable goes with no request from now on.

    Requests that were made before carry their values to the end. Nothing happens if the variable
    was not declared.

    Args:
        variable: a `contextvars.ContextVar`.

    Raises:
        TypeError: `variable` is not a `ContextVar`.
    """
    _check(variable)
    traveller = _traveller_of(variable)
    if traveller is not None:
        travellers.remove(traveller)


def _check(variable: object) -> None:
    if not isinstance(variable, ContextVar):
        raise TypeError(f"variable: expected a ContextVar, got {shown(variable)}")


def _traveller_of(variable: ContextVar[Any]) -> Traveller | None:
    for traveller in travellers:
        if isinstance(traveller, _Variable) and traveller.variable is variable:
            return traveller
    return None


# --- messages -----------------------------------------------------------------------------------

# For programs, traces and the observer such a message is a `Call` or a `Cast`, with the same text.


@attrs.frozen(eq=False, repr=False)
class TravellingCall(Call):
    """A `Call` with the values of its caller."""

    values: Values

    def __repr__(self) -> str:
        return repr(Call(self.caller, self.request))


@attrs.frozen(eq=False, repr=False)
class TravellingCast(Cast):
    """A `Cast` with the values of its sender."""

    values: Values

    def __repr__(self) -> str:
        return repr(Cast(self.request))


@attrs.frozen
class TravellingTick(Tick):
    """A `Tick` with the values of the request whose callback has asked for the time-out."""

    values: Values


TravellingMessage = TravellingCall | TravellingCast | TravellingTick


@attrs.frozen
class Travelled:
    """A message without its values, and the values apart: what the rules of a behaviour get."""

    message: Any
    values: Values


travelling_types: Final[dict[type, Any]] = {
    TravellingCall: lambda call: Travelled(Call(call.caller, call.request), call.values),
    TravellingCast: lambda cast: Travelled(Cast(cast.request), cast.values),
    TravellingTick: lambda tick: Travelled(Tick(tick.name, tick.stamp), tick.values),
}
"""The classes of messages with values, and the function that separates the two."""

owed.add(TravellingTick)
refused[TravellingCall] = refused[Call]


# --- in the caller ------------------------------------------------------------------------------


class Departure:
    """A block in which a caller makes a request: `with Departure(...) as values:`.

    `values` is what goes with the request. At the end of the block each traveller is told, by
    `sent`, whether the request has failed.
    """

    __slots__ = ("_values",)

    def __init__(
        self, how: How, server: ServerRef, target: Process | Remote | None, request: Any
    ) -> None:
        departing = [
            (each, each.departs(how, server, target, request)) for each in travellers.copy()
        ]
        self._values: Values = tuple([pair for pair in departing if pair[1] is not NOTHING])

    def __enter__(self) -> Values:
        return self._values

    def __exit__(
        self, kind: object, failure: BaseException | None, traceback: object
    ) -> Literal[False]:
        for traveller, value in self._values:
            traveller.sent(value, failure)
        return False


def deliver_travelling_call(target: Process, pid: Pid, request: Any, values: Values) -> Caller:
    """Do what `deliver_call` does, with values."""
    caller = pending_caller(pid)
    target.deliver(TravellingCall(caller, request, values) if values else Call(caller, request))
    return caller


def cast_message(request: Any, values: Values) -> Cast:
    """Return the message of `cast`."""
    return TravellingCast(request, values) if values else Cast(request)


# --- in the server ------------------------------------------------------------------------------


class Arrived:
    """The values of one request, while the process that serves it has them."""

    __slots__ = ("_arrived", "_values")

    def __init__(self, values: Values) -> None:
        self._values = values
        self._arrived = [(each, each.arrives(value)) for each, value in values]

    def leave(self, failure: BaseException | None) -> None:
        """Give the process its own values back."""
        for traveller, arrived in reversed(self._arrived):
            traveller.leaves(arrived, failure)

    def later(self) -> Values:
        """Return what goes with a time-out that is started now."""
        return tuple((each, each.later(value)) for each, value in self._values)


def values_of(message: Any) -> Values:
    """Return the values that have come with a message; of most messages none."""
    return message.values if type(message) in travelling_types else ()


@contextmanager
def in_context_of(message: Any) -> Iterator[None]:
    """Set the context variables that have come with a message, for a `with` block.

    It is for a process without a behaviour, which receives `Call` and `Cast` messages itself; for
    callbacks the server has done the same. See `travels`. Erlang has no counterpart.

    Args:
        message: any message. The block changes nothing if no values have come with it.

    Example::

        message = await receive(otp.Call)
        with otp.in_context_of(message):
            otp.reply(message.caller, price_of(message.request))
    """
    arrived = Arrived(values_of(message))
    try:
        yield
    except BaseException as exc:
        arrived.leave(exc)
        raise
    arrived.leave(None)
