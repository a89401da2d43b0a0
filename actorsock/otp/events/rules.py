"""The rules of an event manager: which callback of which handler is next, and what follows.

Pure: see `behaviour.effects`. The state of the rules is

- `Fresh`: before `Begin`
- `Waiting`: for a message
- `Busy`: a callback runs
- `Ending`: the manager could not begin, or ends

One message leads to a sequence of callbacks of several handlers, and what each returns decides the
next. Such a sequence is a generator here, a *script*: it yields effects, is sent the event that
follows an `Invoke`, and returns the next state.
"""

from collections.abc import Generator
from math import inf
from typing import Any, Final, TypeVar

import attrs

from ...arguments import shown
from ...results import Error, Ok
from ...runtime.core.identity import Pid
from ...runtime.core.messages import Exit
from ..behaviour.effects import (
    Carry,
    End,
    Invoke,
    Raised,
    Returned,
    SendAnswer,
    Serve,
    TellStarter,
)
from ..behaviour.lifecycle import NO_REPLY, Ending, crash, requested_end, wrong_result
from ..calls.protocol import Begin, Call, SystemCall
from ..calls.travelling import Travelled
from ..server.outcomes import Reply
from .effects import Link, Report, Tell, Unlink
from .event_handler import EventHandler
from .names import HandlerName, class_of, is_same_name
from .outcomes import RemoveHandler, SwapHandler
from .requests import (
    AddHandler,
    DeleteHandler,
    GenEventExit,
    HandlerCall,
    Notify,
    ReplaceHandler,
    SyncNotify,
    WhichHandlers,
)

__all__ = ["Busy", "Fresh", "Installed", "Waiting", "step"]

T = TypeVar("T")
Script = Generator[Any, Any, T]
"""It yields effects; after an `Invoke` it is sent `Returned` or `Raised`, otherwise None."""


@attrs.frozen(eq=False)
class Installed:
    """One handler of the manager."""

    name: HandlerName
    handler: EventHandler
    supervisor: Pid | None
    """The process that is told when the handler is removed, and whose end removes it."""


Handlers = tuple[Installed, ...]
"""The newest first."""


@attrs.frozen
class Fresh:
    """The process has not got its first message, `Begin`."""


@attrs.frozen
class Waiting:
    """The manager waits for a message."""

    parent: Pid | None = None
    handlers: Handlers = ()

    def to_sys(self, behaviour: Any, show: Any) -> Any:
        """Return what `sys.get_state` shows: a list of pairs of a handler's name and object."""
        return [(each.name, show(each.handler)) for each in self.handlers]

    def from_sys(self, new: Any, behaviour: Any) -> tuple["Waiting", Any]:
        """Return the state of the rules and the object after `sys.replace_state`.

        Raise `TypeError` unless `new` has an object of the same class for each handler.
        """
        match new:
            case [*pairs] if len(pairs) == len(self.handlers):
                changed = map(_with_object, self.handlers, pairs)
                return attrs.evolve(self, handlers=tuple(changed)), behaviour
        raise TypeError(
            f"function: expected None or a list of {len(self.handlers)} pairs, got {shown(new)}"
        )


@attrs.frozen
class Busy:
    """A callback runs."""

    script: "Script[State]"


State = Fresh | Waiting | Busy | Ending
Next = tuple[State, tuple[Any, ...]]


def step(state: State, event: Any) -> Next:
    """Return the next state, and the effects of `event`: a message, `Returned` or `Raised`."""
    if isinstance(state, Busy):
        return _continued(state.script, event)
    if isinstance(state, Waiting):
        if type(event) is SystemCall:
            return state, (Serve(event),)
        return _continued(_message(state, event), None)
    assert type(event) is Begin  # nothing follows the end
    return _continued(_beginning(event), None)


def _continued(script: Script[State], event: Any) -> Next:
    """Run a script up to its next `Invoke`, or to its end."""
    effects = []
    try:
        while True:
            effects.append(script.send(event))
            event = None
            if type(effects[-1]) is Invoke:
                return Busy(script), tuple(effects)
    except StopIteration as ended:
        return ended.value, tuple(effects)


def _beginning(begin: Begin) -> Script[State]:
    event = yield Invoke("_init", begin.args)
    if type(event) is Raised:
        ending, effects = crash(begin.starter, event)
        yield from effects
        return ending
    yield TellStarter(begin.starter, None)
    return Waiting(begin.parent)


def _message(waiting: Waiting, message: Any) -> Script[State]:
    # By type alone: `match` runs the `__class__` of the program's object if it defines one.
    message_type = type(message)
    if message_type is Travelled:
        yield Carry(message.values)
        return (yield from _message(waiting, message.message))
    handlers = waiting.handlers
    end = requested_end(message, waiting.parent)
    if end is not None:
        return (yield from _ending(waiting, end))
    if message_type is Notify:
        handlers = yield from _told(handlers, "handle_event", message.event)
    elif message_type is Call and type(message.request) in _REQUESTS:
        handlers, answer = yield from _REQUESTS[type(message.request)](handlers, message.request)
        yield SendAnswer(message.caller, answer)
    else:
        if message_type is Exit:
            handlers = yield from _unsupervised(handlers, message)
        handlers = yield from _told(handlers, "handle_info", message)
    return attrs.evolve(waiting, handlers=handlers)


def _told(handlers: Handlers, callback: str, argument: Any) -> Script[Handlers]:
    """Call each handler, and return those that there are then."""
    kept = []
    for installed in handlers:
        after, _ = yield from _called(installed, callback, argument)
        if after is not None:
            kept.append(after)
    return tuple(kept)


def _unsupervised(handlers: Handlers, signal: Exit) -> Script[Handlers]:
    """Remove the handlers that the process that has ended has supervised."""
    for installed in handlers:
        if installed.supervisor is signal.pid:
            yield from _removed(installed, ("stop", signal.reason), "shutdown")
    return tuple(each for each in handlers if each.supervisor is not signal.pid)


def _ending(waiting: Waiting, end: End) -> Script[State]:
    for installed in waiting.handlers:
        yield from _removed(installed, "stop", "shutdown")
    for pid in {each.supervisor for each in waiting.handlers}:
        if pid is not None and pid is not waiting.parent:
            yield Unlink(pid)
    yield end
    return Ending(end)


# --- requests -----------------------------------------------------------------------------------


def _add(handlers: Handlers, request: AddHandler) -> Script[tuple[Handlers, Any]]:
    added = yield from _begun(request.handler, request.args, request.supervisor)
    if type(added) is Installed:
        return (added, *handlers), Ok()
    return handlers, added


def _delete(handlers: Handlers, request: DeleteHandler) -> Script[tuple[Handlers, Any]]:
    installed = _find(handlers, request.handler)
    if installed is None:
        return handlers, Error("module_not_found")
    event = yield from _removed(installed, request.args, "normal")
    answer = Ok(event.value) if isinstance(event, Returned) else Error(event.reason)
    return _without(handlers, installed), answer


def _replace(handlers: Handlers, request: ReplaceHandler) -> Script[tuple[Handlers, Any]]:
    term: Any = "error"
    supervisor = request.supervisor
    old = _find(handlers, request.handler)
    if old is not None:
        supervisor = supervisor or old.supervisor
        term = yield from _made_way(old, request.args, request.new, supervisor)
        handlers = _without(handlers, old)
    added = yield from _begun(request.new, (request.new_args, term), supervisor)
    if type(added) is Installed:
        return (added, *handlers), Ok()
    return handlers, added


def _call(handlers: Handlers, request: HandlerCall) -> Script[tuple[Handlers, Any]]:
    installed = _find(handlers, request.handler)
    if installed is None:
        return handlers, Error("bad_module")
    after, answer = yield from _called(installed, "handle_call", request.request)
    at = handlers.index(installed)
    return handlers[:at] + (() if after is None else (after,)) + handlers[at + 1 :], answer


def _sync_notify(handlers: Handlers, request: SyncNotify) -> Script[tuple[Handlers, Any]]:
    return (yield from _told(handlers, "handle_event", request.event)), None


def _which(handlers: Handlers, request: WhichHandlers) -> Script[tuple[Handlers, Any]]:
    yield from ()
    return handlers, [each.name for each in handlers]


_REQUESTS: Final[Any] = {
    AddHandler: _add,
    DeleteHandler: _delete,
    ReplaceHandler: _replace,
    HandlerCall: _call,
    SyncNotify: _sync_notify,
    WhichHandlers: _which,
}


# --- one handler ----------------------------------------------------------------------------------


def _begun(
    name: HandlerName, args: tuple[Any, ...], supervisor: Pid | None
) -> Script[Installed | Error[Any]]:
    """Make a handler and call its `init`; return it, or what is wrong."""
    if supervisor is not None:
        yield Link(supervisor)
    event = yield Invoke("_begin_handler", (class_of(name), args))
    if type(event) is Returned:
        handler, result = event.value
        if result is None:
            return Installed(name, handler, supervisor)
        if type(result) is Error:
            return result
        event = wrong_result("init", "None or Error", result)
    # As in Erlang the link stays, as it does when the handler is removed later.
    return Error(event.reason)


def _called(
    installed: Installed, callback: str, argument: Any
) -> Script[tuple[Installed | None, Any]]:
    """Call a handler; return what is in its place then, and the answer of `handle_call`."""
    event = yield Invoke("_call_handler", (installed.handler, callback, argument))
    if type(event) is Returned:
        result, answers = event.value, callback == "handle_call"
        result_type = type(result)
        if not answers and result is None:
            return installed, None
        if result_type is Reply and answers and result.then is None and result.timeout == inf:
            return installed, result.value
        ends = result_type is RemoveHandler or result_type is SwapHandler
        if ends and (result.reply is not NO_REPLY) is answers:
            if result_type is SwapHandler:
                return (yield from _swapped(installed, result)), result.reply
            yield from _removed(installed, "remove_handler", "normal")
            return None, result.reply
        event = wrong_result(callback, _EXPECTED[callback], result)
    yield from _removed(installed, ("error", event.reason), event.reason)
    yield Report(installed.name, callback, event, installed.supervisor)
    return None, Error(event.reason)


_WITHOUT_REPLY: Final = "None, or RemoveHandler or SwapHandler without a reply"
_EXPECTED: Final = {
    "handle_event": _WITHOUT_REPLY,
    "handle_info": _WITHOUT_REPLY,
    "handle_call": "Reply(value), or RemoveHandler or SwapHandler with a reply",
}


def _swapped(installed: Installed, swap: SwapHandler) -> Script[Installed | None]:
    """Replace a handler as its callback has asked for; return the new one, if it has begun."""
    supervisor = installed.supervisor
    term = yield from _made_way(installed, swap.args, swap.handler, supervisor)
    added = yield from _begun(swap.handler, (swap.new_args, term), supervisor)
    if isinstance(added, Installed):
        return added
    # As in Erlang nobody but the supervisor is answered, and it gets this word.
    crash = added.reason if isinstance(added.reason, BaseException) else None
    yield Report(swap.handler, "init", Raised(added.reason, crash), supervisor)
    if supervisor is not None:
        yield Tell(supervisor, GenEventExit(swap.handler, "crash"))
    return None


def _made_way(
    installed: Installed, args: Any, new: HandlerName, supervisor: Pid | None
) -> Script[Any]:
    """Remove a handler for a new one; return the `term` that its `terminate` leaves for that."""
    event = yield from _removed(installed, args, ("swapped", new, supervisor))
    return event.value if isinstance(event, Returned) else Error(event.reason)


def _removed(installed: Installed, argument: Any, reason: Any) -> Script[Returned | Raised]:
    """Call `terminate(argument)`, and tell the supervisor the reason."""
    invoke = Invoke("_call_handler", (installed.handler, "terminate", argument))
    event: Returned | Raised = yield invoke
    if isinstance(event, Raised):
        yield Report(installed.name, "terminate", event, installed.supervisor)
    if installed.supervisor is not None:
        yield Tell(installed.supervisor, GenEventExit(installed.name, reason))
    return event


def _find(handlers: Handlers, name: HandlerName) -> Installed | None:
    return next((each for each in handlers if is_same_name(each.name, name)), None)


def _without(handlers: Handlers, installed: Installed) -> Handlers:
    return tuple(each for each in handlers if each is not installed)


def _with_object(installed: Installed, pair: Any) -> Installed:
    match pair:
        case (_, handler) if isinstance(handler, class_of(installed.name)):
            return attrs.evolve(installed, handler=handler)
    raise TypeError(
        f"function: expected the handler's name and a {class_of(installed.name).__qualname__}, "
        f"got {shown(pair)}"
    )
