"""Running a behaviour: the effects that its rules ask for, in a process of either kind.

A behaviour whose callbacks are plain functions is a handler and runs in place, on delivery. Any
other is a loop around `receive`. Both differ in how a callback is called, and in nothing else.
"""

import logging
from collections.abc import Awaitable
from types import CoroutineType
from typing import Any, Final

from ..runtime.aliases import send_through
from ..runtime.current import current_process
from ..runtime.exit_reason import ending_of
from ..runtime.identity import Ref
from ..runtime.message_timers import cancel_timer, send_after
from ..runtime.messaging import receive
from ..runtime.process import ProcessExit
from ..shown import shown
from .effects import (
    End,
    Invoke,
    Raised,
    Returned,
    SendAnswer,
    StartTimer,
    Step,
    StopTimer,
    TellStarter,
)
from .orderly import is_orderly
from .protocol import Answer, Begun, Tick

__all__ = ["InPlace", "Looping", "raised"]

_log: Final = logging.getLogger("actorsock.otp")


class _Engine:
    """A behaviour's object, the rules that it follows, and where it is in them."""

    def __init__(self, cls: type[Any], behaviour: Any, step: Step, state: Any) -> None:
        self._behaviour = behaviour
        self._step = step
        self._state = state
        self._timers: dict[Any, Ref] = {}
        # What the process runs is the behaviour, for whoever looks at it.
        self.__qualname__ = cls.__qualname__
        self.__module__ = cls.__module__

    def _next(self, event: Any) -> Invoke | None:
        """Do what `event` leads to; the callback that has to be called next, if any."""
        self._state, effects = self._step(self._state, event)
        for effect in effects:
            kind = type(effect)
            if kind is Invoke:
                return effect  # type: ignore[return-value]
            if kind is SendAnswer:
                ref = effect.caller.ref  # type: ignore[union-attr]
                send_through(ref, Answer(ref, effect.value))  # type: ignore[union-attr]
            else:
                self._do(effect)
        return None

    def _do(self, effect: Any) -> None:
        match effect:
            case StartTimer(name, stamp, seconds):
                self._stop_timer(name)
                pid = current_process().pid
                self._timers[name] = send_after(seconds, pid, Tick(name, stamp))
            case StopTimer(name):
                self._stop_timer(name)
            case TellStarter(starter, error):
                send_through(starter, Begun(starter, error))
            case End(reason, crash):
                if crash is not None:
                    raise crash
                self._report(reason)
                raise ProcessExit(reason)

    def _stop_timer(self, name: Any) -> None:
        ref = self._timers.pop(name, None)
        if ref is not None:
            cancel_timer(ref)

    def _report(self, reason: Any) -> None:
        if not is_orderly(reason):
            process = current_process()
            name = f" ({process.name})" if process.name is not None else ""
            _log.error("%s %r%s stops: %s", self.__qualname__, process.pid, name, shown(reason))


class InPlace(_Engine):
    """For callbacks that are plain functions: the handler of a handler process."""

    def __call__(self, message: Any) -> None:
        invoke = self._next(message)
        while invoke is not None:
            event: Returned | Raised
            try:
                value = getattr(self._behaviour, invoke.callback)(*invoke.args)
                if type(value) is CoroutineType:
                    value.close()  # that it is a wrong result is all that is to be told of it
                event = Returned(value)
            except BaseException as exc:
                event = raised(exc)
            invoke = self._next(event)


class Looping(_Engine):
    """For callbacks of which some are async: the code of a task or light process."""

    async def __call__(self) -> None:
        while True:
            invoke = self._next(await receive())
            while invoke is not None:
                event: Returned | Raised
                try:
                    value = getattr(self._behaviour, invoke.callback)(*invoke.args)
                    if isinstance(value, Awaitable):
                        value = await value
                    event = Returned(value)
                except BaseException as exc:
                    event = raised(exc)
                invoke = self._next(event)


def raised(exc: BaseException) -> Raised:
    """What `exc`, raised by the program's code, means; raises it again if it isn't the code's.

    Cancellation, Ctrl-C and an exit signal that ends the process are nobody's to handle.
    """
    ending = ending_of(exc)
    if ending.beyond is not None or current_process().ending:
        raise exc
    return Raised(ending.reason, ending.crash)
