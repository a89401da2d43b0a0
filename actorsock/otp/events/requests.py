"""The functions that change an event manager or send it events, and their messages.

Those that wait, wait for ever, as in Erlang: a handler may take long. They raise `CallError` as
`call` does.
"""

from math import inf
from typing import Any, TypeVar

import attrs

from ...arguments import shown
from ...results import Error, Ok
from ...runtime.api.messaging import current_pid, send
from ...runtime.bodies.current import current_process
from ...runtime.core.identity import Pid
from ...runtime.core.remote import Remote
from ..calls.calling import call
from ..calls.protocol import Request
from ..calls.registries import ServerRef, Via
from ..calls.travelling import Departure, Travelled, Values, travellers, travelling_types
from ..calls.waiting import find_server
from .names import HandlerName, handler_name

__all__ = [
    "AddHandler",
    "DeleteHandler",
    "GenEventExit",
    "HandlerCall",
    "Notify",
    "ReplaceHandler",
    "SyncNotify",
    "TravellingNotify",
    "WhichHandlers",
    "add_handler",
    "add_sup_handler",
    "delete_handler",
    "notify",
    "swap_handler",
    "swap_sup_handler",
    "sync_notify",
    "which_handlers",
]

T = TypeVar("T")


@attrs.frozen
class GenEventExit:
    """The message to a process whose supervised handler was removed.

    Erlang's `{gen_event_EXIT, Handler, Reason}`: see `add_sup_handler`.
    """

    handler: HandlerName
    """The name of the handler: the class, or `(class, id)`."""
    reason: Any
    """Why it was removed:

    - `"normal"`: by `delete_handler` or `RemoveHandler`
    - `"shutdown"`: the manager ends
    - `("swapped", handler, pid)`: another handler has replaced it, which the process `pid`
      supervises
    - another one: a callback has failed with it. `"crash"` if it is the `init` of this handler,
      which a `SwapHandler` has named
    """


@attrs.frozen
class HandlerCall:
    """A request to one handler of an event manager, for `call` and `send_request`.

    Erlang's `gen_event:call/3,4` and `gen_event:send_request/3`. The answer is the one that
    `handle_call` of the handler has returned, or `Error("bad_module")` if there is no such
    handler, or `Error(reason)` if its `handle_call` has failed.

    Args:
        handler: a class derived from `EventHandler`, or `(class, id)`.
        request: any value.

    Raises:
        TypeError: `handler` is neither such a class nor such a pair.

    Example::

        raised = await otp.call("alarms", otp.HandlerCall(Alarms, "raised"), timeout=1)
    """

    handler: HandlerName = attrs.field(converter=handler_name)
    request: Any


@attrs.frozen
class Notify:
    """The message of `notify`."""

    event: Any


@attrs.frozen(eq=False, repr=False)
class TravellingNotify(Notify):
    """A `Notify` with the values of its sender."""

    values: Values

    def __repr__(self) -> str:
        return repr(Notify(self.event))


travelling_types[TravellingNotify] = lambda told: Travelled(Notify(told.event), told.values)


@attrs.frozen
class SyncNotify(Request[None]):
    """The request of `sync_notify`."""

    event: Any


@attrs.frozen
class AddHandler(Request[Ok[None] | Error[Any]]):
    """The request of `add_handler` and `add_sup_handler`."""

    handler: HandlerName = attrs.field(converter=handler_name)
    args: tuple[Any, ...]
    supervisor: Pid | None


@attrs.frozen
class DeleteHandler(Request[Ok[Any] | Error]):
    """The request of `delete_handler`."""

    handler: HandlerName = attrs.field(converter=handler_name)
    args: Any


@attrs.frozen
class ReplaceHandler(Request[Ok[None] | Error[Any]]):
    """The request of `swap_handler` and `swap_sup_handler`."""

    handler: HandlerName = attrs.field(converter=handler_name)
    args: Any
    new: HandlerName = attrs.field(converter=handler_name)
    new_args: Any
    supervisor: Pid | None


@attrs.frozen
class WhichHandlers(Request[list[HandlerName]]):
    """The request of `which_handlers`."""


async def add_handler(
    manager: ServerRef, handler: HandlerName, *args: Any
) -> Ok[None] | Error[Any]:
    """Add a handler to an event manager. Erlang's `gen_event:add_handler/3`.

    Args:
        manager: the pid of the manager, its registered name, or a `Via`.
        handler: a class derived from `EventHandler`, or `(class, id)` with any id. Nothing
            prevents two handlers of the same name; other functions then mean the newer one.
        *args: the arguments of its `init`.

    Returns:
        `Ok()`; or `Error(reason)`, if `init` has returned that or failed, and no handler is added.

    Raises:
        TypeError: `handler` is neither such a class nor such a pair.
        CallError: the manager does not exist, or ended before it answered.

    Example::

        ok(await otp.add_handler("alarms", (ToFile, "audit"), "/var/log/audit"))
    """
    return await _ask(manager, AddHandler(handler, args, None))


async def add_sup_handler(
    manager: ServerRef, handler: HandlerName, *args: Any
) -> Ok[None] | Error[Any]:
    """Add a handler that the calling process supervises. Erlang's `gen_event:add_sup_handler/3`.

    Manager and caller are linked, and stay so when the handler is removed. If the caller ends, its
    handlers are removed, with `terminate(("stop", reason))`. If the handler is removed before, for
    whatever reason, the caller gets the message `GenEventExit(handler, reason)`. To add it again is
    the caller's task. A manager that is stopped removes these links first; if it is killed, its
    exit signal reaches the caller.

    Args:
        manager: the pid of the manager, its registered name, or a `Via`.
        handler: as for `add_handler`.
        *args: the arguments of its `init`.

    Returns:
        The same as `add_handler`.

    Raises:
        TypeError, CallError: as `add_handler`.

    Example::

        ok(await otp.add_sup_handler("alarms", Alarms, 100))
        match await receive(otp.GenEventExit):
            case otp.GenEventExit(handler, reason): ...  # add it again, or end
    """
    return await _ask(manager, AddHandler(handler, args, current_pid()))


async def delete_handler(manager: ServerRef, handler: HandlerName, args: Any) -> Ok[Any] | Error:
    """Remove a handler. Erlang's `gen_event:delete_handler/3`.

    Args:
        manager: the pid of the manager, its registered name, or a `Via`.
        handler: the name of the handler.
        args: any value, for its `terminate`.

    Returns:
        - `Ok(value)`: the result of `terminate`
        - `Error("module_not_found")`: there is no such handler
        - `Error(reason)`: `terminate` has failed; the handler is removed

    Raises:
        TypeError, CallError: as `add_handler`.
    """
    return await _ask(manager, DeleteHandler(handler, args))


async def swap_handler(
    manager: ServerRef, old: tuple[HandlerName, Any], new: tuple[HandlerName, Any]
) -> Ok[None] | Error[Any]:
    """Replace a handler by another one. Erlang's `gen_event:swap_handler/3`.

    The manager calls `terminate(args)` of the old one, and then `init(new_args, term)` of the new
    one. `term` is the result of `terminate`, or its failure as an `Error`, or `"error"` if there is
    no old handler. The new handler is supervised by the process that has supervised the old one.

    Args:
        manager: the pid of the manager, its registered name, or a `Via`.
        old: `(handler, args)`: the name of the handler, and any value for its `terminate`.
        new: `(new_handler, new_args)`: the name, and any value for its `init`.

    Returns:
        `Ok()`; or `Error(reason)` if `init` has returned that or failed. The old handler is
        removed in any case.

    Raises:
        TypeError: one of the handlers is neither such a class nor such a pair.
        CallError: as `add_handler`.

    Example::

        ok(await otp.swap_handler("alarms", (Alarms, "swap"), (AlarmsToFile, "/var/log/alarms")))
    """
    return await _replace(manager, old, new, None)


async def swap_sup_handler(
    manager: ServerRef, old: tuple[HandlerName, Any], new: tuple[HandlerName, Any]
) -> Ok[None] | Error[Any]:
    """Replace a handler by one that the caller supervises. Erlang's `swap_sup_handler/3`.

    It differs from `swap_handler` in this point only: see `add_sup_handler`.

    Args:
        manager: the pid of the manager, its registered name, or a `Via`.
        old: `(handler, args)`.
        new: `(new_handler, new_args)`.

    Returns:
        The same as `swap_handler`.

    Raises:
        TypeError, CallError: as `swap_handler`.
    """
    return await _replace(manager, old, new, current_pid())


async def which_handlers(manager: ServerRef) -> list[HandlerName]:
    """Return the names of a manager's handlers, the newest first.

    Erlang's `gen_event:which_handlers/1`.

    Args:
        manager: the pid of the manager, its registered name, or a `Via`.

    Raises:
        CallError: as `add_handler`.
    """
    return await _ask(manager, WhichHandlers())


def notify(manager: ServerRef, event: Any) -> None:
    """Send an event to all handlers of a manager, and do not wait. Erlang's `gen_event:notify/2`.

    Args:
        manager: the pid of the manager, its registered name, or a `Via`. If the process has ended,
            the event is dropped silently.
        event: any value; `handle_event` of each handler gets it.

    Raises:
        ValueError: no process is registered under that name.
        TypeError: `manager` is no pid, name or `Via`.
    """
    if not travellers:
        _notify(manager, Notify(event))
        return
    target = find_server(current_process(), manager)
    with Departure("notify", manager, target, event) as values:
        travelling = values and not isinstance(target, Remote)
        _notify(manager, TravellingNotify(event, values) if travelling else Notify(event))


def _notify(manager: ServerRef, message: Notify) -> None:
    if isinstance(manager, Via):
        manager.send(message)
    else:
        send(manager, message)


async def sync_notify(manager: ServerRef, event: Any) -> None:
    """Send an event to all handlers, and wait until they have handled it.

    Erlang's `gen_event:sync_notify/2`.

    Args:
        manager: the pid of the manager, its registered name, or a `Via`.
        event: any value; `handle_event` of each handler gets it.

    Raises:
        CallError: as `add_handler`.
    """
    await _ask(manager, SyncNotify(event))


async def _replace(
    manager: ServerRef,
    old: tuple[HandlerName, Any],
    new: tuple[HandlerName, Any],
    supervisor: Pid | None,
) -> Ok[None] | Error[Any]:
    for name, pair in (("old", old), ("new", new)):
        if type(pair) is not tuple or len(pair) != 2:
            raise TypeError(f"{name}: expected (handler, args), got {shown(pair)}")
    return await _ask(manager, ReplaceHandler(*old, *new, supervisor))


async def _ask(manager: ServerRef, request: Request[T]) -> T:
    return await call(manager, request, timeout=inf)
