"""The rules that all behaviours share: how a process begins, stops, crashes and ends.

Pure, as all rules are: see `effects`. `server.rules` and `machine.rules` add what is their own,
and use these functions for the rest. `Stop` and `Ignore` are the results of callbacks that mean
the same in every behaviour.
"""

from typing import Any, Final

import attrs

from ...arguments import shown
from ...results import Error
from ...runtime.core.identity import Pid, Ref
from ...runtime.core.messages import Exit
from ..calls.protocol import Caller, StopRequest
from .effects import Effect, End, Invoke, Raised, Returned, SendAnswer, TellStarter

__all__ = [
    "NO_REPLY",
    "Ending",
    "Ignore",
    "Stop",
    "after_terminate",
    "answer_of",
    "crash",
    "refuse_to_begin",
    "requested_end",
    "terminate",
    "wrong_result",
]

NO_REPLY: Final[Any] = attrs.make_class("Nothing", [])()
"""In place of a reply: none is sent. None can't say that, because None is a possible reply."""


@attrs.frozen
class Stop:
    """The result of a callback: call `terminate`, and end. Erlang's `{stop, Reason, State}`.

    Returned by `init` it means that the process does not begin: `start` returns `Error(reason)`,
    and `terminate` is not called.

    Args:
        reason: the exit reason (default: `"normal"`). One that is not orderly is logged.
        reply: the answer to the call that is being handled; without it the call is not answered.
            A `GenServer` sends it after `terminate` (`{stop, Reason, Reply, State}`), a
            `StateMachine` before (`{stop_and_reply, ...}`), as in Erlang.
    """

    reason: Any = "normal"
    reply: Any = NO_REPLY


@attrs.frozen
class Ignore:
    """The result of `init`: end without an error. Erlang's `ignore`.

    `start` returns `Error("ignore")`, and the process ends with `"normal"`. A supervisor keeps
    such a child in its list, without a process.
    """


@attrs.frozen
class Ending:
    """A state of every behaviour: `terminate` runs, and the process ends afterwards."""

    end: End
    before: tuple[Effect, ...] = ()
    """Effects that come after `terminate` and before the end."""


Last = tuple[Ending, tuple[Effect, ...]]
"""The last state of the rules, and its effects."""


def refuse_to_begin(starter: Ref, result: Any) -> Last | None:
    """Return what follows if `result` of `init` says that the process does not begin.

    None if it says something else.
    """
    match result:
        case Stop(reason):
            return _not_begun(starter, Error(reason), End(reason))
        case Ignore():
            return _not_begun(starter, Error("ignore"), End("normal"))
        case Error():
            return _not_begun(starter, result, End("normal"))
    return None


def crash(starter: Ref | None, raised: Raised, *state: Any) -> Last:
    """Return what follows when a callback has raised: `terminate(reason, *state)`, and the end.

    If the callback was `init`, `starter` gets the reason, and there is no `terminate`.
    """
    end = End(raised.reason, raised.crash)
    if starter is not None:
        return _not_begun(starter, Error(raised.reason), end)
    return terminate(end, *state)


def terminate(
    end: End,
    *state: Any,
    before: tuple[Effect, ...] = (),
    after: tuple[Effect, ...] = (),
) -> Last:
    """Call `terminate(reason, *state)` between the effects `before` and `after`, then end."""
    return Ending(end, after), (*before, Invoke("terminate", (end.reason, *state)))


def after_terminate(ending: Ending, event: Returned | Raised) -> Last:
    """Return what follows `terminate`. If that has raised, its reason replaces the other."""
    end = End(event.reason, event.crash) if isinstance(event, Raised) else ending.end
    return ending, (*ending.before, end)


def requested_end(message: Any, parent: Pid | None) -> End | None:
    """Return the end that `message` demands: one from `stop`, or the parent's exit signal.

    A process sees exit signals as messages only if it traps exits. Also then the end of its
    parent ends it, as in Erlang, so that no part of a supervision tree outlives its supervisor.
    """
    message_type = type(message)
    if message_type is StopRequest or (message_type is Exit and message.pid is parent):
        return End(message.reason)
    return None


def answer_of(stop: Stop, caller: Caller | None) -> tuple[SendAnswer, ...] | None:
    """Return the answer in `stop` as an effect, or no effects if it has none.

    None if there is an answer but no caller: then `stop` is not a possible result.
    """
    if stop.reply is NO_REPLY:
        return ()
    return None if caller is None else (SendAnswer(caller, stop.reply),)


def wrong_result(callback: str, expected: str, result: Any, remedy: str | None = None) -> Raised:
    """Return the crash of a callback that returned something else than `expected`.

    `remedy` is the result that was probably meant, as code, if that can be guessed.
    """
    hint = "" if remedy is None else f"; did you mean {remedy}?"
    error = TypeError(f"{callback}: expected {expected} to be returned, got {shown(result)}{hint}")
    return Raised(error, error)


def _not_begun(starter: Ref, error: Error[Any], end: End) -> Last:
    # There is no `terminate`: `init` has not set up anything that it could rely on.
    return Ending(end), (TellStarter(starter, error), end)
